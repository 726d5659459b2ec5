"""What an answer calls the things asked for: x in x = 5, f(x) in f(x) = 2x, AB in AB = 4.

In   a Form
Out  the name and the value; the items of a list, with equal names gathered
"""

from __future__ import annotations

import re

from datafactory.verifiers._math.form import Form, Ratio, Relation, Several, Value
from datafactory.verifiers._math.tree import symbols

_NAME = re.compile(
    r"(?:\\(?:angle|triangle|text\{[^{}]*\}|overline|bar|[a-zA-Z]++)|[a-zA-Z]|['|:,&(){}\s])++|[a-zA-Z]'*\s*\([^()]*\)"
)
_NOT_NAMES = re.compile(r"\\(?:log|ln|sqrt|int|sum|lim|binom|pi|infty)(?![a-zA-Z])")
_INDEX = re.compile(r"_\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w)|\^\s*(?:\{\s*(?:-1|\\?'+)\s*\}|\\?'+)")


def named(form: Form) -> tuple[str, Form]:
    """The name of what is asked for and its value: x and 5 of x = 5 and of 5 = x, x and 7 of x = 3 + 4 = 7."""
    if not isinstance(form, Relation) or not set(form.signs) <= {"=", "~"}:
        return "", form
    kept = form.signs.index("~") if "~" in form.signs[1:] else len(form.signs)
    sides, texts = form.sides[: kept + 1], form.texts[: kept + 1]
    if is_name(texts[0]):
        return texts[0], sides[-1]
    if len(sides) == 2 and is_name(texts[1]):
        return texts[1], sides[0]
    worked_out = all(isinstance(side, Value) and (side.node is None or not symbols(side.node)) for side in sides)
    if len(sides) > 2 or (worked_out and "~" not in form.signs[:1]):
        return "=", sides[-1]  # 2 + 2 = 4
    return "", form


def is_name(text: str) -> bool:
    bare = _INDEX.sub("", text)
    frac = re.fullmatch(r"\\frac\s*\{?([a-zA-Z ]+)\}?\s*\{?([a-zA-Z ]+)\}?", bare)
    return bool(frac) or (
        any(character.isalpha() for character in bare)
        and _NOT_NAMES.search(bare) is None
        and _NAME.fullmatch(bare) is not None
    )


def differ(name: str, other: str) -> bool:
    """Two single symbols name different things, and so do two angles; any other name may be another wording."""
    if r"\angle" in name and r"\angle" in other:
        letters = [re.sub(r"[{}\s\\]", "", each.partition(r"\angle")[2]) for each in (name, other)]
        return letters[0] not in (letters[1], letters[1][::-1])
    single = all(len(re.sub(r"[_{}\s\\]", "", each)) <= 2 and "(" not in each for each in (name, other))
    return single and re.sub(r"[{}\s]", "", name) != re.sub(r"[{}\s]", "", other) and "=" not in (name, other)


def grouped(form: Form) -> Several:
    """Items of a list; p = 5, q = 2, p = 7, q = 2 are two pairs, and x = 1, y = 2 is one, with names."""
    if not isinstance(form, Several):
        return Several(" ", (form,)) if isinstance(form, Value | Ratio) else Several(" ", ())
    if form.brackets not in ("", "{}"):
        return form
    names = [named(item)[0] for item in form.items]
    if "" in names or len(set(names)) < 2:
        given = {name for name in names if name}
        items = tuple(named(item)[1] if name else item for name, item in zip(names, form.items, strict=True))
        return Several(form.brackets or " ", items) if len(given) <= 1 else Several(form.brackets or " ", form.items)
    if len(set(names)) == len(names):
        return Several("named", form.items)
    size = len(set(names))
    if len(names) % size or any(name != names[at % size] for at, name in enumerate(names)):
        return Several(" ", form.items)
    groups = [form.items[at : at + size] for at in range(0, len(names), size)]
    return Several(" ", tuple(Several("()", tuple(named(item)[1] for item in group)) for group in groups))


def one_letter(items: list[Form]) -> bool:
    names = {named(item)[0] for item in items} - {""}
    return len({name[:1] for name in names}) == 1 and all("_" in name for name in names)
