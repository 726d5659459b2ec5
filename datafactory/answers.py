"""The final answer in a response: what a model marks as its answer, and the one spelling that answers are compared in.

In   the text of a response, or an answer
Out  the text of the answer, None where none is marked; for `number`, None where it is not plainly a number
Use  time grows with the length of the text, not with its square, and no text raises
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

# \boxed{...}, \fbox{...} and \boxed 7; any other escaped character, so that \{ and \} open and close nothing
_TOKENS = re.compile(
    r"""(?<!\\)\\++(?:boxed\s+(?P<digits>-?\d(?:[\d.,]*\d)?)|(?P<box>(?:(?:begin)?boxed|fbox)\s*\{))
    |\\.|(?P<open>\{)|(?P<close>\})""",
    re.X | re.S,
)
_OPENING = re.compile(r"\\(?:(?:begin)?boxed|fbox)\s*\{")
_BOX_WORD = re.compile("box")  # a literal, which is found fast in a long text
_FAR = 2000  # characters between two boxes that cannot be joined, nor one inside the other
_SET = r"(?:\s|\$|\\[()\[\],;!]|\\q?quad|\\text\s*\{\s*\})"  # what typesets and says nothing
# "\boxed{1} papers and \boxed{2} bins", "\boxed{5} and y_2 = \boxed{6}": two answers; "then \boxed{2}": another one
_JOINED = re.compile(
    rf"{_SET}*(?:(?:(?!no\b|not\b|but\b|so\b|then\b)[a-z]{{1,12}}\s+){{0,2}}(?:and|or)\b|,|;|[和与或及]"
    rf"|\\text\s*\{{[^{{}}]*\b(?:and|or)\b[^{{}}]*\}}){_SET}*(?:(?:and|or)\b{_SET}*)*"
    rf"(?:[A-Za-z](?:_\{{?\w{{1,3}}\}}?)?(?:\([a-z]\))?{_SET}*={_SET}*)?"
)
_STATING = ("answer", "Answer", "ANSWER", "####", "result", "Result", "Ans", "ANS", "A:", "答案", "结果", "答", "选")
_STATED = re.compile(
    r"\b(?:answers?|result|ans)\b[ *]*(?:(?:for|to) [^\n:.]{1,40}(?=:))?"
    r"(?:(?:\bis|\bare)\b(?! (?:not|no longer)\b)|[:：=])"
    r"|####|(?<![^\n])A:(?=\s)|选(?:择|项)?(?:为|是)?[:： ]*(?=[$(（*]*[A-J](?![A-Za-z]))"
    r"|(?:答案|结果)(?:应该|应当|应|就)?(?:是|为|等于|[:：])|(?<![^\s])答\s{0,3}[:：]",
    re.I,
)
_REASON = re.compile(
    r"[.!?](?=\s|\$?$)(?<!\d\.\d)|[。！？；]|，(?:因为|所以|其中|而?不是)"
    r"|,?\s(?:because|since|where|which|so that|(?:al)?though|rather than|instead of)\b|(?:,|\sand|\sbut)\s+not\b"
)
_INVISIBLE = dict.fromkeys([0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF])
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SPELLINGS = str.maketrans({**_FULL_WIDTH, **_INVISIBLE, "−": "-", "–": "-", "°": "", "。": "."})
_MEANINGLESS = re.compile(
    r"(?<!\\)\\[()\[\],;:!> ]|\\(?:left|right|displaystyle|q?quad)(?![A-Za-z])|\\?\$|\^\s*\{?\s*\\circ\s*\}?|~"
)
_TEXT = re.compile(r"\\(?:text(?:bf|it|rm|normal)?|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_SPACE = re.compile(r"(?<!\d) | (?!\d)")  # the space in "1 1/2" means something
_DIGITS = r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
# among words, Chinese ones too, which stand next to it
_A_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.\\)])-?(?:\d+ \d+/\d+|\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+|/\d+|(?::\d+)+)?%?"
    r"(?:\s?[ap]\.\s?m\.|\s?[ap]m\b|[万亿])?)(?![A-Za-z0-9_])"
)
_EMPHASIS = re.compile(r"(?<![A-Za-z0-9)\]}*])(\*{1,3})(?![\s*])(?![A-J]\1)([^*\n]{1,300})(?<!\s)\1(?![0-9(*])")
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)(?:(?P<a>{_DIGITS})(?:/(?P<b>{_DIGITS}))?|\\frac\{{(?P<c>-?{_DIGITS})\}}\{{(?P<d>-?{_DIGITS})\}})"
)
_MATH_MODE = re.compile(r"(?<!\\)(?:\$|\\[(\[]|\\boxed)")
_COMMAND = re.compile(r"\\(?:begin|end)\{\w*\*?\}|\\[A-Za-z]+|\b(?:and|or|sqrt|sin|cos|tan|log|ln|pi)\b")
_PROSE = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}|[^\W\d_]{3,}.*?\b[^\W\d_]{3,}")
_ONE_FORMULA = re.compile(r"\$\$?([^$]*)\$?\$|\\\(((?:(?!\\\().)*)\\\)|\\\[((?:(?!\\\[).)*)\\\]")
_LONGEST_FORMULA = 1000
_MOST_DIGITS = 1000  # Python turns at most 4300 digits into an int


def final(text: str) -> str | None:
    """The marked answer: the last box, of the last <answer> block where there is one; else that block."""
    inside = tagged(text)
    return boxed(text) if inside is None else (boxed(inside) or inside)


def tagged(text: str) -> str | None:
    """What the last closed <answer> block holds: the template of R1-Zero (arXiv:2501.12948, Table 1)."""
    end = text.rfind("</answer>")
    start = text.rfind("<answer>", 0, end) if end >= 0 else -1
    return text[start + len("<answer>") : end].strip() if start >= 0 else None


def boxed(text: str) -> str | None:
    """What the last closed \\boxed{} holds, and the boxes that "and", "or" or a comma joins to it, with commas."""
    end = len(text)
    for start in _clusters(text):
        boxes = _boxes(text[:end], start)
        if boxes:
            first = len(boxes) - 1
            while first and _JOINED.fullmatch(text, boxes[first - 1].after, boxes[first].before):
                first -= 1
            return ", ".join(dict.fromkeys(text[box.start : box.end].strip() for box in boxes[first:]))
        end = start
    return None


def _clusters(text: str) -> list[int]:
    """Where boxes start that follow one another closely, last ones first: a long text is not read from its start."""
    starts: list[int] = []
    previous = -_FAR
    for word in _BOX_WORD.finditer(text):
        at = word.start()
        if at - previous >= _FAR:
            starts.append(_before_backslashes(text, max(at - len("\\begin"), 0)))
        previous = at
    return starts[::-1]


def _before_backslashes(text: str, at: int) -> int:
    return len(text[:at].rstrip("\\"))


def _boxes(text: str, start: int) -> list[_Box]:
    boxes: list[_Box] = []
    opened: list[re.Match[str]] = []
    for token in _TOKENS.finditer(text, start):
        if token["digits"]:
            boxes.append(_Box(token.start(), *token.span("digits"), token.end()))
        elif token["box"] or token["open"]:
            opened.append(token)
        elif token["close"] and opened:
            opening = opened.pop()
            box = _Box(opening.start(), opening.end(), token.start(), token.end())
            if opening["box"] and not (boxes and box.is_only(boxes[-1])):
                boxes.append(box)
    return boxes


def in_open_box(text: str) -> bool:
    """Whether the text ends within a \\boxed{: whatever stands before it is no answer, since another one was coming."""
    at = text.rfind("box")
    opening = _OPENING.search(text, max(at - len("\\begin"), 0)) if at >= 0 else None
    if opening is None:
        return False
    depth = 1
    for token in _TOKENS.finditer(text, opening.end()):
        depth += bool(token["open"] or token["box"]) - bool(token["close"])
        if depth == 0:
            return False
    return True


class _Box(NamedTuple):
    """Positions in a text: before and after the command, start and end of what it holds."""

    before: int
    start: int
    end: int
    after: int

    def is_only(self, inner: _Box) -> bool:
        return self.start == inner.before and self.end == inner.after


def stated(text: str) -> str | None:
    """What follows the last "the answer is", "Answer:", "####" or "答案是" on its line."""
    end = max((_last_after(word, text) for word in _STATING), default=-1)
    if end < 0:
        return None
    line = text[end:].lstrip(" \t\n:：*=").partition("\n")[0]
    line = line.strip(" \t*").rstrip(".。").strip(" *")
    formula = _ONE_FORMULA.fullmatch(line)
    return (formula[1] or formula[2] or formula[3] if formula else line) or None


def _last_after(word: str, text: str) -> int:
    """Where the last statement ends that starts with a word; -1 without one."""
    at = text.rfind(word)
    while at >= 0:
        marker = _STATED.match(text, at)
        if marker:
            return marker.end()
        at = text.rfind(word, 0, at)
    return -1


def claim(line: str) -> str:
    """The first sentence of what is stated, without the reason it gives."""
    reason = _REASON.search(line)
    return (line[: reason.start()] if reason else line).strip(" *")


def last_formula(text: str) -> tuple[int, str] | None:
    """Where the last $...$, \\(...\\) or \\[...\\] ends, and what it holds; None without one."""
    found = None
    text = text.replace(r"\$", "\0\0")
    for opening, closing in ((r"\(", r"\)"), (r"\[", r"\]"), ("$$", "$$"), ("$", "$")):
        end = text.rfind(closing)
        start = text.rfind(opening, 0, end) if end > 0 else -1
        if start >= 0 and closing == "$" and text.count("$") % 2:
            continue  # a price, or an end that does not come
        inside = text[start + len(opening) : end].strip() if start >= 0 else ""
        if inside and len(inside) <= _LONGEST_FORMULA and (found is None or end > found[0]):
            found = (end, inside.replace("\0\0", r"\$"))
    return found


def unemphasised(text: str) -> str:
    """Without Markdown's stars around words and numbers; an option's letter keeps them, they mark it."""
    return _EMPHASIS.sub(r"\2", text)


def last_number(text: str) -> re.Match[str] | None:
    """The number that prose ends on: a mixed number, a ratio and a time of day are one."""
    found = None
    for found in _A_NUMBER.finditer(text):  # noqa: B007
        pass
    return found


def is_worked_out(number: re.Match[str]) -> bool:
    """Whether a number stands in no sum that is still to be worked out, and in no formula that does not end."""
    text = number.string
    before, after = text[: number.start()].rstrip(" $"), text[number.end() :].lstrip(" ")
    line = text[-_LONGEST_FORMULA:].rpartition("\n")[2].replace(r"\{", "").replace(r"\}", "")
    cut_off = "\\" in line and line.count("{") > line.count("}")
    return not cut_off and before[-1:] not in tuple("+-*/×÷^−(") and after[:1] not in tuple("+*/×÷^=")


def plain(answer: str) -> str:
    """An answer in one spelling: what only sets it is gone, a fraction is \\frac{a}{b}. Equal means the same answer."""
    answer = _MEANINGLESS.sub("", respelled(answer).strip(" \t\n*"))
    answer = _TEXT.sub(r"\1", answer).replace("{,}", ",").replace("\\%", "%")
    answer = _FRACTION.sub(lambda f: rf"\frac{{{f[1] or f[2] or ''}}}{{{f[3] or f[4] or ''}}}", answer)
    return _SPACE.sub("", " ".join(answer.split())).rstrip(".")


def number(answer: str) -> Fraction | None:
    """The value of a plain answer that is an integer, a decimal or a fraction of them and nothing else."""
    match = _NUMBER.fullmatch(answer) if len(answer) <= _MOST_DIGITS else None
    if match is None:
        return None
    above, below = match["a"] or match["c"], match["b"] or match["d"] or "1"
    divisor = Fraction(below.replace(",", ""))
    if divisor == 0:
        return None
    value = Fraction(above.replace(",", "")) / divisor
    return -value if match["sign"] == "-" else value


def is_formula(text: str) -> bool:
    """Whether the text as a whole is an answer, as `x = 2`, `5 square inches` or `\\text{east}` are, and not prose."""
    if len(text) > 300 or "\n" in text.strip() or has_math_mode(text):
        return False
    words = _COMMAND.sub(" ", _TEXT.sub(" ", text))
    measured = text.lstrip("+-(\\$ ")[:1].isdigit() and len(text.split()) <= 4  # 5 square inches
    return measured or _PROSE.search(words) is None


def has_math_mode(text: str) -> bool:
    """Whether something in the text is set as LaTeX, as in $x$, \\(x\\) or a box."""
    return _MATH_MODE.search(text) is not None


def respelled(text: str) -> str:
    """The text without invisible characters, and with ASCII for what a keyboard or a language spells otherwise."""
    return text.translate(_SPELLINGS)
