"""Formula: what stands in for eval in tests, since the text may be what a program returned.

In   a text
Out  its value, where it is made of numbers, texts, containers, operators and comparisons; ValueError where it is not
"""

from __future__ import annotations

import ast
from typing import Any

ALLOWED = (
    *(ast.Expression, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Load),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)


def value(text: Any) -> Any:
    tree = ast.parse(text.strip() if isinstance(text, str) else repr(text), mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED):
            raise ValueError(f"the tests evaluate a text that is no plain formula: it holds a {type(node).__name__}")
    return eval(compile(tree, "formula.py", "eval"), {"__builtins__": {}})
