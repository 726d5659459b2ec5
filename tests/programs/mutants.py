"""Mutants: a reference solution with one thing changed, and what plain Python makes of it.

`judged` is the independent computation: the data set's own test code and the program in one bare interpreter, as the
graders that the data sets came with run them. It knows nothing of datafactory.
"""

from __future__ import annotations

import ast
import copy
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal

from datafactory.types import Problem

COMPARISONS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Div: ast.Mult,
}  # fmt: skip
SECONDS = 5.0
# what the tests of LeetCode's problems have at hand; those of lists and trees are not judged here
IMPORTS = """
from typing import *
from collections import *
from itertools import *
from functools import *
from heapq import *
from bisect import *
from string import *
from operator import *
from math import *
import math, random, re, collections, sys
inf = float("inf")
import builtins
abs, pow = builtins.abs, builtins.pow
"""


def whole(problem: Problem) -> str:
    """The reference solution as a program of its own."""
    answer = (problem.answer or "").replace("\r\n", "\n").replace("\r", "\n")
    return problem.question + answer if "entry_point" in problem.meta else answer


def can_judge(problem: Problem) -> bool:
    """Whether plain Python has what the tests need: LeetCode's lists and trees it has not."""
    return "list_node" not in (problem.tests or "") and "tree_node" not in (problem.tests or "")


def mutants(problem: Problem, count: int, seed: int = 0) -> list[str]:
    """Programs that differ from the reference in one place, drawn by a seed."""
    tree = ast.parse(whole(problem))
    places = list(_places(tree))
    random.Random(f"{seed} {problem.problem_id}").shuffle(places)
    return [ast.unparse(ast.fix_missing_locations(_changed(tree, place, kind))) for place, kind in places[:count]]


def _places(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for number, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            yield number, "off by one"
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
            yield number, "comparison"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
            yield number, "operator"
        elif isinstance(node, ast.BoolOp):
            yield number, "and or"
        elif isinstance(node, ast.Return) and node.value is not None:
            yield number, "returns nothing"
            yield number, "returns a part"
        elif isinstance(node, ast.If):
            yield number, "never"


def _changed(tree: ast.Module, place: int, kind: str) -> ast.Module:
    tree = copy.deepcopy(tree)
    node = list(ast.walk(tree))[place]
    if isinstance(node, ast.Constant):
        node.value = node.value + 1  # type: ignore[operator]
    elif isinstance(node, ast.Compare):
        node.ops[0] = COMPARISONS[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        node.op = OPERATORS[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    elif isinstance(node, ast.If):
        node.test = ast.Constant(False)
    elif isinstance(node, ast.Return):
        part = ast.parse("(lambda v: v[:-1] if isinstance(v, (list, str, tuple)) else not v)(0)", mode="eval").body
        assert isinstance(part, ast.Call)
        part.args = [node.value or ast.Constant(None)]
        node.value = ast.Constant(None) if kind == "returns nothing" else part
    return tree


def judged(problem: Problem, program: str) -> Literal["passes", "fails", "hangs"]:
    """What one bare interpreter says of a program and its tests."""
    meta = problem.meta
    if "entry_point" in meta:
        text = f"{program}\n{meta['test']}\ncheck({meta['entry_point']})\n"
    elif "test_list" in meta:
        text = "\n".join([program, meta["test_setup_code"], *meta["test_list"], *meta["challenge_test_list"]])
    else:
        text = f"{IMPORTS}\n{program}\n{json.loads(problem.tests or '')['functional']}\n"
    try:
        command = [sys.executable, "-S", "-I", "-c", text.replace("\r", "")]
        ran = subprocess.run(command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return "hangs"
    return "fails" if ran.returncode else "passes"
