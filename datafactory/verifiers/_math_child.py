"""What the math verifier runs behind the process boundary: the only file that imports math-verify, and with it sympy.

In   a gold answer and an answer, or a text that may hold one
Out  {"gold": whether the gold answer can be read, "given": the answer that was read or None, "equal": the decision}
"""

from __future__ import annotations

import logging
import re
from typing import Any

import math_verify
from sympy import Basic, MatrixBase

from datafactory import answers

logging.getLogger("math_verify").setLevel(logging.ERROR)  # says once per process that its timeouts are off

_BARE_PERCENT = re.compile(r"(?<!\\)%")


def compare(gold: str, given: str) -> dict[str, Any]:
    gold_values, _ = _read(gold) if answers.is_formula(gold) or answers.has_math_mode(gold) else ([], None)
    if not gold_values:
        return {"gold": False, "given": None, "equal": False}
    values, found = _read(given)
    # the process is the boundary: math-verify's own timeouts need the main thread and do not always work
    equal = bool(values) and math_verify.verify(gold_values, values, timeout_seconds=None)
    return {"gold": True, "given": found if values else None, "equal": equal}


def _read(text: str) -> tuple[list[Any], str]:
    """The values that math-verify reads in a text, and how the text spells them."""
    text = _BARE_PERCENT.sub(r"\\%", answers.respelled(text))
    if "\\begin" not in text:
        text = text.replace("\\\\", "\\")  # \\frac, escaped once too often: no line ends outside an environment
    if answers.is_formula(text):
        formula = text.replace("\\$", "").strip().rstrip(".")
        text = f"${formula}$"
    parsed = math_verify.parse(text, parsing_timeout=None)
    values = [value for value in parsed if isinstance(value, Basic | MatrixBase)]
    return values, next((value for value in parsed if isinstance(value, str)), text[-80:])
