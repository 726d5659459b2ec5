r"""Whether two answers are the same, part by part.

In   the gold answer and an answer, as Forms; how to compare two expressions
Out  True or False where every part says so, None where one that matters is undecided
Use  the policies that docs/verifiers/math.md states with examples are here, one function each

Names of what is asked for do not count (x = 5 is 5, f(x) = 2x is 2x); order counts in tuples, not in lists and sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import TypeGuard

from datafactory.verifiers._math import phrases, words
from datafactory.verifiers._math.decisions import Leaf, every, some
from datafactory.verifiers._math.exact import NotRational, Point, Undefined, exact
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
from datafactory.verifiers._math.names import differ, grouped, is_name, named, one_letter
from datafactory.verifiers._math.proportional import factor
from datafactory.verifiers._math.quantities import rounds, same_quantity, same_time
from datafactory.verifiers._math.reading import condition, read
from datafactory.verifiers._math.sets import intervals, is_set
from datafactory.verifiers._math.tree import Node, symbols

MOST_PARTS = 200
SENTENCE = 4  # words
_CHOICE = re.compile(r"\(?([A-Ja-j])[).:]?")
_MARKED_CHOICE = re.compile(r"(?:\\text\s*\{)?\s*(?:\(([A-J])\)|([A-J])[).:])\s*\}?(?![\w^_*/+=-]).*", re.S)


def same_answer(gold: str, given: str, leaf: Leaf) -> bool | None:
    choice = _same_choice(gold, given)
    if choice is not None:
        return choice
    conditions = condition(gold), condition(given)
    first, second = (None if isinstance(each, Words) else each for each in conditions)
    if first and second and same(first, second, leaf) is False:  # for x > 0, for x < 0
        return False
    decided = same(read(gold), read(given), leaf)
    if decided is not True and ("," in gold or "," in given):  # 100,200 is a number or two
        as_lists = same(read(gold, lists=True), read(given, lists=True), leaf)
        decided = as_lists if as_lists is True or decided is False else decided
    return decided


def _same_choice(gold: str, given: str) -> bool | None:
    """Where the gold answer is a letter as (B) or \\text{B}, its letter counts, and not what else names the option."""
    expected = _CHOICE.fullmatch(gold.replace("\\text", "").replace("\\textbf", "").strip("{}$ "))
    if expected is None or (expected[0] == expected[1] and (r"\text" not in gold and not gold.isupper())):
        return None
    bare = given.strip("$ ").replace("\\textbf", "\\text").replace("\\mathrm", "\\text").replace("\\mathbf", "\\text")
    alone = _CHOICE.fullmatch(bare.replace("\\text", "").strip("{} "))
    marked = _MARKED_CHOICE.fullmatch(bare)
    letter = alone[1] if alone else (marked[1] or marked[2]) if marked else None
    return None if letter is None else letter.upper() == expected[1].upper()


def same(gold: Form, given: Form, leaf: Leaf) -> bool | None:
    if gold == given and not _unread(gold):
        return True
    if isinstance(gold, Labelled) or isinstance(given, Labelled):
        leads = [form.lead for form in (gold, given) if isinstance(form, Labelled)]
        if len(leads) == 2 and not phrases.same_lead(*leads):
            return False
        bare = [form.form if isinstance(form, Labelled) else form for form in (gold, given)]
        return same(bare[0], bare[1], leaf)
    if isinstance(gold, Words) or isinstance(given, Words):
        return _same_words(gold, given)
    if isinstance(gold, Residue) or isinstance(given, Residue):
        return _same_residue(gold, given, leaf)
    if isinstance(gold, Relation) and isinstance(given, Relation) and (together := _same_relation(gold, given, leaf)):
        return True
    if is_set(gold) or is_set(given):
        return _same_set(gold, given, leaf)
    if _is_rounded(gold) and _is_rounded(given):
        return every(same(a, b, leaf) for a, b in zip(gold.sides[-2:], given.sides[-2:], strict=True))
    for one, other, turned in ((gold, given, False), (given, gold, True)):
        if isinstance(one, Relation) and one.signs[-1:] == ("~",) and isinstance(other, Value) and len(one.sides) > 1:
            exactly, roughly = one.sides[-2:]
            sides = (
                [roughly] if is_name(one.texts[-2]) else [exactly, roughly] if rounds(exactly, roughly) else [exactly]
            )
            return some(same(other, side, leaf) if turned else same(side, other, leaf) for side in sides)
    (name, gold_value), (other_name, given_value) = named(gold), named(given)
    if name and other_name:
        if differ(name, other_name):
            return together if isinstance(gold, Relation) and isinstance(given, Relation) else False
        return same(gold_value, given_value, leaf)
    if name or other_name:
        unnamed = isinstance(given if name else gold, Relation)
        if unnamed:  # y = 2x + 1 and 2x - y + 1 = 0: compared above
            return together
        return same(gold_value, given_value, leaf)
    if isinstance(gold, Relation) or isinstance(given, Relation):
        return together if isinstance(gold, Relation) and isinstance(given, Relation) else False
    if isinstance(gold, Matrix) or isinstance(given, Matrix):
        return _same_matrix(gold, given, leaf)
    if isinstance(gold, Several) or isinstance(given, Several):
        return _same_several(gold, given, leaf)
    if isinstance(gold, Ratio) or isinstance(given, Ratio):
        return _same_ratio(gold, given, leaf)
    if isinstance(gold, Value) and isinstance(given, Value):
        return same_quantity(gold, given, leaf)
    return None


def _unread(form: Form) -> bool:
    return isinstance(form, Value) and form.node is None and form.text == ""


def _same_words(gold: Form, given: Form) -> bool | None:
    if any(isinstance(form, Words) and words.normal(form.text) == "otherwise" for form in (gold, given)):
        return True  # the condition of the last row of cases
    texts = []
    for form in (gold, given):
        name, value = named(form)
        value = value if name else form
        if not isinstance(value, Words | Value):
            return False
        texts.append(words.normal(value.text))
    if texts[0].replace(" ", "") == texts[1].replace(" ", "") != "":
        return True
    # another wording of a sentence may say the same, in however few words; another word for a word does not
    return None if len(texts[0].split()) >= SENTENCE and isinstance(given, Words) else False


def _is_rounded(form: Form) -> TypeGuard[Relation]:
    r"""Whether a form says both what is exact and what it is rounded to: 2/3 \approx 0.67."""
    return isinstance(form, Relation) and form.signs[-1:] == ("~",) and not is_name(form.texts[-2])


def _same_residue(gold: Form, given: Form, leaf: Leaf) -> bool | None:
    r"""x \equiv 3 \pmod 7 and 3 \pmod 7 and 10 \pmod 7; a residue written without its modulus is the number alone."""
    if not isinstance(gold, Residue) or not isinstance(given, Residue):
        bare = [form.value if isinstance(form, Residue) else form for form in (gold, given)]
        return same(bare[0], bare[1], leaf) if any(isinstance(form, Value) for form in (gold, given)) else False
    if gold.name and given.name and differ(gold.name, given.name):
        return False
    modulus = same(gold.modulus, given.modulus, leaf)
    if modulus is not True:
        return modulus
    numbers = [form.node for form in (gold.value, given.value, gold.modulus) if isinstance(form, Value) and form.node]
    if len(numbers) == 3 and not any(map(symbols, numbers)):
        try:
            one, other, size = (exact(node, Point(0)) for node in numbers)
            return (one - other) % size == 0
        except (NotRational, Undefined, ZeroDivisionError):
            pass
    return same(gold.value, given.value, leaf)


def _same_relation(gold: Relation, given: Relation, leaf: Leaf) -> bool | None:
    """Equal when one is the other times a constant: 2x = 4 and x = 2, x < 1 and -x > -1."""
    if len(gold.sides) != 2 or len(given.sides) != 2:
        if gold.signs == given.signs:
            return every(same(a, b, leaf) for a, b in zip(gold.sides, given.sides, strict=True)) or None
        return None
    directions = [{"<": -1, "<=": -1, ">": 1, ">=": 1}.get(form.signs[0], 0) for form in (gold, given)]
    kinds = [form.signs[0].replace(">", "<").replace("~", "=") for form in (gold, given)]
    if kinds[0] != kinds[1]:
        return None if "=" in kinds else False
    times = factor(gold, given)
    if times is None:
        return None
    if times == 0:
        return False
    return times * directions[0] * directions[1] > 0 if directions[0] else True


def _same_set(gold: Form, given: Form, leaf: Leaf) -> bool | None:
    ours, theirs = intervals(gold), intervals(given)
    if ours is None or theirs is None:
        if any(isinstance(form, Several) and form.brackets in ("cases", "builder") for form in (gold, given)):
            return (
                _same_several(gold, given, leaf) if isinstance(gold, Several) and isinstance(given, Several) else False
            )
        if isinstance(gold, Several) and isinstance(given, Several):
            return _same_several(gold, given, leaf) or None
        if isinstance(gold, Combined) and isinstance(given, Combined) and gold.sign == given.sign != r"\setminus":
            return _same_unordered(Several("", gold.items), Several("", given.items), leaf)
        if any(isinstance(form, Value) and form.text.startswith(r"\mathbb{") for form in (gold, given)):
            return False
        number = any(
            isinstance(form, Value) and form.node is not None and not symbols(form.node) for form in (gold, given)
        )
        return False if number else None
    if len(ours) != len(theirs):
        return False
    return every(
        False
        if a.closed != b.closed
        else every(leaf(Value("", one), Value("", other)) for one, other in zip(a.ends, b.ends, strict=True))
        for a, b in zip(ours, theirs, strict=True)
    )


def _same_matrix(gold: Form, given: Form, leaf: Leaf) -> bool | None:
    ours, theirs = _rows(gold), _rows(given)
    if ours is None or theirs is None:
        return None
    if len(ours) != len(theirs) or [len(row) for row in ours] != [len(row) for row in theirs]:
        return False
    pairs = ((a, b) for row, other in zip(ours, theirs, strict=True) for a, b in zip(row, other, strict=True))
    return every(same(a, b, leaf) for a, b in pairs)


def _rows(form: Form) -> tuple[tuple[Form, ...], ...] | None:
    """The rows of a matrix; a tuple is a column, and a tuple of tuples a matrix."""
    if isinstance(form, Matrix):
        if len(form.rows) == 1 and len(form.rows[0]) > 1:
            return tuple((cell,) for cell in form.rows[0])
        return form.rows
    if not isinstance(form, Several) or form.brackets not in ("()", "[]"):
        return None
    rows = [item.items for item in form.items if isinstance(item, Several) and item.brackets in ("()", "[]")]
    if len(rows) == len(form.items):
        return tuple(rows)
    return None if rows else tuple((item,) for item in form.items)


def _same_several(gold: Form, given: Form, leaf: Leaf) -> bool | None:
    ours, theirs = grouped(gold), grouped(given)
    if len(ours.items) > MOST_PARTS or len(theirs.items) > MOST_PARTS:
        return None
    if ours.brackets == theirs.brackets == "named":
        return _same_named(ours, theirs, leaf)
    ordered = {ours.brackets, theirs.brackets} & {"()", "[]", "(]", "[)", "named", "pair", "builder"}
    if not ordered:
        return _same_unordered(ours, theirs, leaf)
    if {ours.brackets, theirs.brackets} & {"{}"}:
        return False
    if len(ours.items) != len(theirs.items):
        return False
    if len(ours.items) == 2 and _ends_differ(ours.brackets, theirs.brackets):
        return False
    in_order = every(same(a, b, leaf) for a, b in zip(ours.items, theirs.items, strict=True))
    if in_order is False and ordered == {"named"} and one_letter([*ours.items, *theirs.items]):
        return _same_unordered(ours, theirs, leaf)  # x_1 = 2, x_2 = 3
    return in_order


def _ends_differ(one: str, other: str) -> bool:
    """Whether one interval is open where the other is closed; lists and names have no ends."""
    return one[0] + other[0] in ("([", "[(") or one[-1] + other[-1] in (")]", "])")


def _same_named(gold: Several, given: Several, leaf: Leaf) -> bool | None:
    def values(form: Several) -> dict[str, Form]:
        pairs = [named(item) for item in form.items]
        return {re.sub(r"[{}\s]", "", name): value for name, value in pairs}

    ours, theirs = values(gold), values(given)
    if ours.keys() != theirs.keys():
        return False
    return every(same(value, theirs[name], leaf) for name, value in ours.items())


def _same_unordered(gold: Several, given: Several, leaf: Leaf) -> bool | None:
    ours, theirs = dict.fromkeys(gold.items), dict.fromkeys(given.items)

    def found(items: Iterable[Form], others: Iterable[Form], turned: bool) -> bool | None:
        return every(some(same(b, a, leaf) if turned else same(a, b, leaf) for b in others) for a in items)

    return every(found(*pair) for pair in ((ours, theirs, False), (theirs, ours, True)))


def _same_ratio(gold: Form, given: Form, leaf: Leaf) -> bool | None:
    """3:4 is 6:8 and 3/4; A:B = 1 has been named before."""
    clocks = [form.clock for form in (gold, given) if isinstance(form, Ratio) and form.clock]
    if len(clocks) == 2:
        return same_time(*clocks)
    if clocks and clocks[0][3]:  # 8 p.m. is no ratio
        return False
    ours, theirs = _terms(gold), _terms(given)
    if ours is None or theirs is None:
        return None
    if len(ours) != len(theirs):
        return False
    if any(node.value == 0 for node in (*ours, *theirs)):
        return every(leaf(Value("", a), Value("", b)) for a, b in zip(ours, theirs, strict=True))
    first = [terms[0] for terms in (ours, theirs)]
    products = [
        (Node("*", arguments=(a, first[1])), Node("*", arguments=(b, first[0])))
        for a, b in zip(ours, theirs, strict=True)
    ]
    return every(leaf(Value("", one), Value("", other)) for one, other in products)


def _terms(form: Form) -> list[Node] | None:
    if isinstance(form, Value) and form.node is not None:
        if form.node.kind == "/":
            return list(form.node.arguments)
        return [form.node, Node("number", Fraction(1), "1")]
    if not isinstance(form, Ratio):
        return None
    nodes = [item.node for item in form.items if isinstance(item, Value) and item.node is not None]
    return nodes if len(nodes) == len(form.items) else None
