r"""The form of an answer: a value, words, a list, a tuple or interval, a matrix, a relation, a ratio, a union.

In   an answer, in any spelling
Out  a Form whose parts are Forms; a Value whose text is no expression known here has no node
Use  read(text) is total: it raises nothing. Commas between groups of three digits join them (1,234 is a number) unless
     `lists` asks for the other reading
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from datafactory.verifiers._math import phrases, units, words
from datafactory.verifiers._math.brackets import DEEPEST, closing_of, split, unwrapped
from datafactory.verifiers._math.conditions import condition_in, without_condition
from datafactory.verifiers._math.expression import parse
from datafactory.verifiers._math.form import (
    Combined,
    Form,
    Labelled,
    Matrix,
    Ratio,
    Relation,
    Residue,
    Several,
    Value,
    Words,
)
from datafactory.verifiers._math.spelling import spelled
from datafactory.verifiers._math.tree import Node, Unreadable, has

LONGEST_LEAD = 4  # words
_SIGNS = {"=": "=", "<": "<", ">": ">", r"\le": "<=", r"\ge": ">=", r"\ne": "!=", r"\approx": "~", r"\in": "in"}
_AND_OR = re.compile(
    r",?\s*(?:\\text\s*\{\s*,?\s*(and|or)\s*\}|(?<![a-zA-Z\\])(and|or)(?![a-zA-Z])|(?<=[\d)}\]])(and|or)(?=[\s\da-zA-Z(\\-]))\s*"
    r"|\s*([和或且及与])\s*"
)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d]|,\d)")
_MATRIX = re.compile(r"\\begin\{([pbBvV]?matrix|array|smallmatrix)\}(?:\{[^{}]*\})?(.*)\\end\{\1\}", re.S)
_ROWS = re.compile(
    r"(?:\\\{)?\s*\\begin\{(cases|aligned|align\*?|array|[bp]?matrix)\}(?:\{[^{}]*\})?(.*)\\end\{\1\}", re.S
)
_WHEN = re.compile(r"\s*,?\s*\\text\s*\{\s*,?\s*(?:if|for|when|where)\b\s*\}")
_BUILDER = re.compile(
    r"\\\{\s*([^{}|:]*(?:\{[^{}]*\}[^{}|:]*)*?)\s*(?:\||:|\\text\{\s*such that\s*\})\s*(.*)\\\}", re.S
)
_ANY_REAL = re.compile(r"[a-zA-Z]\s*(?:\\in\s*\\mathbb\{R\})?")
_CLOCK = re.compile(
    r"(\d{1,2})\s*(?::\s*(\d\d)\s*(?::\s*(\d\d))?)?\s*(?:(?:\\text\s*\{)?\s*([ap])\s*\.?\s*m\s*\.?\s*\}?)?", re.I
)
_RESIDUE = re.compile(
    r"(?:(?P<name>[^=]*?)\\equiv)?(?P<value>[^=]+?)"
    r"(?:\\pmod|\(\s*(?:\\bmod|\\text\{\s*mod(?:ulo)?\s*\}|mod\b)|(?:\\bmod|\\text\{\s*mod(?:ulo)?\s*\}|\bmod\b)(?P<bare>))"
    r"\s*(?P<modulus>\{[^{}]*\}|[^(){}]+)\)?"
)
_POINT = re.compile(r"([A-Z]'?)\s*(\(.*\))", re.S)
_RESPECTIVELY = re.compile(r",?\s*(?:\\text\s*\{\s*,?\s*respectively\s*\}|,?\s*respectively)$")
_REVERSED = re.compile(r"([\[\]])([^\[\],;]+[,;][^\[\],;]+)([\[\]])")
_BASE = re.compile(r"(-?)(?:\\text\{)?([0-9A-Fa-f]+)\}?_\s*(?:\{\s*(?:\\text\{)?\s*(\w+)\s*\}?\s*\}|(\d+))")
_CURRENCY = re.compile(r"(?:US|CA|AU|HK)?[€£¥₹]|\b(?:USD|EUR|GBP|RMB|Rs\.?)(?![a-zA-Z])")
_DATED = re.compile(r"[A-Za-z]{3,}(?:[ ,]+[A-Za-z0-9:]+){1,2}")  # October 30
_LISTED = re.compile("[①-⑳]\\s*,\\s*[①-⑳]")
_LETTERS = re.compile(r"[^\W\d_](?:[^\W\d_]|[ '’.,/-])*")


@lru_cache(maxsize=8192)
def read(text: str, lists: bool = False) -> Form:
    text = without_condition(spelled(text))
    return _read(text if lists else _THOUSANDS.sub(_joined, text), 0)


@lru_cache(maxsize=8192)
def condition(text: str) -> Form | None:
    r"""What ", for x > 0" or "\text{ where } ..." at the end of an answer says: the question often holds it as well."""
    text = spelled(text)
    found = condition_in(text)
    if found is None:
        return None
    said = re.sub(r"^[\s,(]*(?:\\text\s*\{\s*,?\s*)?(?:for|where|if|when|with)?\b\s*\}?", "", found[0])
    return _read(said.removesuffix(")") if said.count("(") < said.count(")") else said, 1)


def _joined(match: re.Match[str]) -> str:
    text, start = match.string, match.start()
    before = text[:start]
    inside = before.count("(") + before.count("[") + before.count("{") - before.count(")") - before.count("]")
    return match[0] if inside - before.count("}") > 0 else match[0].replace(",", "")


def _read(text: str, depth: int) -> Form:
    text = phrases.rephrased(unwrapped(text.strip()))
    if depth > DEEPEST or not text:
        return Value(text)
    if text.startswith(r"\text{") and text.endswith("}") and closing_of(text, 5) == len(text) - 1:
        return _of_text(text[6:-1].strip(), depth)
    if (said := _in_words(text, depth)) is not None:
        return said
    matrix = _MATRIX.fullmatch(text)
    if matrix and matrix[1][0] != "v" and r"\begin" not in matrix[2]:
        return _matrix(matrix[2], depth)
    if rows := _ROWS.fullmatch(text):
        return _cases(rows[2], depth)
    reverse = _REVERSED.fullmatch(text)
    if reverse and (reverse[1] == "]" or reverse[3] == "["):  # ]1, 2] as in France
        return _read(("(" if reverse[1] == "]" else "[") + reverse[2] + (")" if reverse[3] == "[" else "]"), depth + 1)
    return (
        _residue(text, depth)
        or _several(text, depth)
        or _labelled(text, depth)
        or _relation(text, depth)
        or _combined(text, depth)
        or _bracketed(text, depth)
        or _ratio(text, depth)
        or _value(text)
    )


def _of_text(text: str, depth: int) -> Form:
    if (len(text) == 1 and text.isascii()) or any(character.isdecimal() or character in "\\=+" for character in text):
        return _read(text, depth + 1)
    number = words.number(text)
    if number is not None:
        return _value(number)
    known = words.SETS.get(words.normal(text))
    return _read(known, depth + 1) if known else Words(text)


def _in_words(text: str, depth: int) -> Form | None:
    """Words where the text is letters only, and not a product of a few symbols."""
    bare = re.sub(r"\\text\{([^{}]*)\}", r"\1", text)
    if not _LETTERS.fullmatch(bare) or words.is_symbols(bare) or _LISTED.search(bare):
        return None
    return _of_text(bare, depth + 1) if len(bare) > 1 or bare in words.NUMBERS or not bare.isascii() else None


def _matrix(text: str, depth: int) -> Matrix:
    rows = [row for row in re.sub(r"\\hline", "", text).replace(r"\cr", r"\\").split(r"\\") if row.strip()]
    return Matrix(tuple(tuple(_read(cell, depth + 1) for cell in row.split("&")) for row in rows))


def _labelled(text: str, depth: int) -> Form | None:
    found = phrases.lead(text)
    if found is None:
        return None
    lead, rest = found
    if phrases.changes_value(lead):
        return Words(text) if len(lead.split()) < LONGEST_LEAD else None  # a sentence may be said otherwise
    form = _read(rest, depth + 1)
    if not lead or isinstance(form, Words) or (isinstance(form, Value) and form.node is None):
        return form
    return Labelled(lead, form)


def _cases(text: str, depth: int) -> Form:
    """The rows of cases: values with their conditions, or the equations of a system."""
    rows = [row.strip(" ,.;") for row in text.split(r"\\") if row.strip(" ,.;")]
    cells = [_WHEN.sub("&", row, count=1).partition("&") for row in rows]
    apart = [(value.strip(" ,"), _bare_condition(when)) for value, _, when in cells]
    if not any(when for _, when in apart) or any(re.match(r"\s*(?:=|<|>|\\[lg]e\b)", when) for _, when in apart):
        return _several(" , ".join(row.replace("&", " ") for row in rows), depth + 1) or _read(
            rows[0] if rows else "", depth + 1
        )
    pairs = (Several("pair", (_read(value, depth + 1), _read(when, depth + 1))) for value, when in apart)
    return Several("cases", tuple(pairs))


def _bare_condition(text: str) -> str:
    return re.sub(r"^[&\s,]*(?:\\text\s*\{\s*(?:if|for|when|where)\s*\}|(?:if|for|when|where)\b)?\s*", "", text).strip()


def _residue(text: str, depth: int) -> Residue | None:
    match = _RESIDUE.fullmatch(text) if "mod" in text else None
    if match is None or (match["name"] is None and match["bare"] is not None):  # 17 \bmod 5 is 2
        return None
    value, modulus = _read(match["value"].strip(" ,("), depth + 1), _read(match["modulus"], depth + 1)
    return Residue((match["name"] or "").strip(), value, modulus)


def _several(text: str, depth: int) -> Form | None:
    *_, last = [None, *_AND_OR.finditer(text)]
    joined = "," if last is None else "or" if "or" in last.groups() or "或" in last[0] else "and"
    text, in_order = _RESPECTIVELY.subn("", text)
    text = _AND_OR.sub(" ; ", text)
    parts = split(text, ",", ";")
    items = [part for part in parts[::2] if part.strip()]
    if len(items) < 2:
        return _read(items[0], depth + 1) if items and len(parts) > 1 else None
    forms = [_read(item, depth + 1) for item in items]
    for at, form in enumerate(forms[1:], 1):  # x \ne 1, 2
        before = forms[at - 1]
        if isinstance(before, Relation) and before.signs == ("!=",) and isinstance(form, Value):
            forms[at] = replace(before, sides=(before.sides[0], form), texts=(before.texts[0], form.text))
    return Several("()" if in_order else "", tuple(forms), joined)


def _relation(text: str, depth: int) -> Form | None:
    parts = split(text, *_SIGNS)
    if len(parts) < 3:
        return None
    texts = [part.strip() for part in parts[::2]]
    signs = [_SIGNS[sign] for sign in parts[1::2]]
    if not texts[0] and signs[0] in "=~":  # "= 5"
        texts, signs = texts[1:], signs[1:]
    if not signs:
        return _read(texts[0], depth + 1)
    if not texts[0]:  # \ge 5 names nothing
        texts[0] = "x"
    if signs[-1] == "in" and len(signs) == 1:
        return _read(texts[1], depth + 1)  # x in [1, 2] is [1, 2]
    return Relation(tuple(signs), tuple(_read(side, depth + 1) for side in texts), tuple(texts))


def _combined(text: str, depth: int) -> Form | None:
    for sign in (r"\cup", r"\cap", r"\setminus"):
        parts = split(text, sign)
        if len(parts) > 1:
            return Combined(sign, tuple(_read(part, depth + 1) for part in parts[::2]))
    parts = split(text, "-")
    if len(parts) == 3 and parts[0].strip() == r"\mathbb{R}":
        return Combined(r"\setminus", (_read(parts[0], depth + 1), _read(parts[2], depth + 1)))
    return None


def _bracketed(text: str, depth: int) -> Form | None:
    builder = _BUILDER.fullmatch(text)
    if builder and _ANY_REAL.fullmatch(builder[1].strip()):
        return _read(builder[2], depth + 1)
    if builder:
        return Several("builder", (_read(builder[1], depth + 1), _read(builder[2], depth + 1)))
    if point := _POINT.fullmatch(text):
        within = _bracketed(point[2], depth) if closing_of(text, point.start(2)) == len(text) - 1 else None
        if isinstance(within, Several) and within.brackets == "()":
            return Relation(("=",), (_value(point[1]), within), (point[1], point[2]))
    for opening in (r"\{", r"\langle", "(", "["):
        if not text.startswith(opening):
            continue
        end = closing_of(text, 0)
        if end != len(text) - 1:
            return None
        closing = next((c for c in (r"\}", r"\rangle", ")", "]") if text.endswith(c)), "")
        if not closing:
            return None
        inside = text[len(opening) : -len(closing)].strip()
        parts = split(inside, ",", ";")[::2]
        kind = {r"\{": "{", r"\langle": "("}.get(opening, opening) + {r"\}": "}", r"\rangle": ")"}.get(closing, closing)
        if kind == "{}" or len(parts) > 1:
            items = tuple(_read(part, depth + 1) for part in parts if part.strip())
            return Several(kind, items)
        within = _read(inside, depth + 1)
        return None if isinstance(within, Value) and opening == "(" and not within.unit else within
    return None


def _ratio(text: str, depth: int) -> Form | None:
    clock = _clock(text)
    parts = split(text, ":")[::2]
    if clock and clock[3]:
        return Ratio(tuple(_value(str(part)) for part in clock[:2]), clock)
    if len(parts) < 2 or not all(part.strip() for part in parts):
        return None
    items = tuple(_read(part, depth + 1) for part in parts)
    if len(parts) == 2 and re.fullmatch(r"[a-zA-Z]", parts[0].strip()) and re.fullmatch(r"-?[\d.]+", parts[1].strip()):
        return Relation(("=",), items, (parts[0].strip(), parts[1].strip()))  # a: 5 names 5
    return Ratio(items, clock)


def _clock(text: str) -> tuple[int, int, int, str] | None:
    """A time of day, as 8:34, 8:34 p.m. and 8 p.m. are."""
    match = _CLOCK.fullmatch(text)
    if match is None or not (match[2] or match[4]) or (match[4] and int(match[1]) > 24):
        return None
    return int(match[1]), int(match[2] or 0), int(match[3] or 0), (match[4] or "").lower()


def _value(text: str) -> Form:
    bare = _CURRENCY.sub("", text).strip()
    base = _BASE.fullmatch(bare)
    if base:
        named = (base[3] or base[4]).lower()
        return Value(base[1] + (base[2].lstrip("0").upper() or "0"), base=words.BASES.get(named, named))
    percent = bare.endswith(r"\%")
    said = units.quantity(bare[:-2].strip() if percent else bare)
    if not said.leaves_value:
        return Words(text)
    bare = said.text
    if bare.endswith(r"\%"):
        bare, percent = bare[:-2].strip(), True
    value = Value(bare or text, unit=said.unit, percent=percent, label=said.label)
    try:
        node = parse(bare)
    except (Unreadable, RecursionError):
        return Words(bare) if _DATED.fullmatch(bare) else value
    if has(node, "pm"):
        both = tuple(replace(value, node=_chosen(node, plus), text=f"{bare} {plus}") for plus in (True, False))
        return Several("", both)
    return replace(value, node=node)


def _chosen(node: Node, plus: bool) -> Node:
    """The expression with the upper signs of all its \\pm and \\mp, or the lower ones."""
    arguments = tuple(_chosen(argument, plus) for argument in node.arguments)
    if node.kind != "pm":
        return node._replace(arguments=arguments)
    return arguments[0] if plus == (node.name == "pm") else Node("neg", arguments=arguments)
