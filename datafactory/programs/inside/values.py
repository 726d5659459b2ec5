"""Values: Python data as JSON text and back, between the process of a program and the process of its tests.

In   None, numbers of any size, texts, bytes, tuples, lists, sets, dicts, deques, dates, list and tree nodes ..., shared
     and cyclic as they are; what is no data is a handle: it stays where it is and a number stands for it
Out  a table with a flat entry per container, so that depth costs no recursion; decoded to the builtin types alone
Use  what decodes is never an object of the program's own: an overridden __eq__ stays behind

A cell is None, a bool, a small int, a float or a text as JSON has it, else [i], the entry i of the table.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import reprlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

Cell = Any
Entry = list[Any]

SMALL = 2**63
EXPONENT = 100_000
SCALARS = (type(None), bool, float, str)
MUTABLE = ("list", "set", "dict", "deque", "Counter", "defaultdict", "OrderedDict", "bytearray", "ListNode", "TreeNode")
NODES = {"ListNode": ("val", "next"), "TreeNode": ("val", "left", "right")}
FACTORIES = {kind.__name__: kind for kind in (int, float, str, bool, list, dict, set, tuple)}
MAPPINGS: tuple[type, ...] = (collections.Counter, collections.OrderedDict, dict)
DATES = (datetime.datetime, datetime.date, datetime.time)  # a datetime is a date


class Unreadable(ValueError):
    """The text is no value: whoever sent it did not use `encode`."""


class ListNode:
    """A node of a linked list, as LeetCode has it."""

    def __init__(self, val: Any = 0, next: Any = None):
        self.val, self.next = val, next

    def __repr__(self) -> str:
        return f"ListNode({reprlib.repr(self.val)}{', ...' if self.next else ''})"


class TreeNode:
    """A node of a binary tree, as LeetCode has it."""

    def __init__(self, val: Any = 0, left: Any = None, right: Any = None):
        self.val, self.left, self.right = val, left, right

    def __repr__(self) -> str:
        return f"TreeNode({reprlib.repr(self.val)}{', ...' if self.left or self.right else ''})"


class Encoded(NamedTuple):
    """A value as a table and a cell, the objects of the entries, and which entries are objects the other side sent."""

    table: list[Entry]
    root: Cell
    objects: list[Any]
    same: dict[str, int]


def encode(value: Any, handle: Callable[[Any], Entry], known: Mapping[int, int] | None = None) -> Encoded:
    """`handle` makes the entry of what is no data; `known` has the id of what the other side sent, and its entry."""
    table: list[Entry] = []
    places: dict[int, int] = {}
    objects: list[Any] = []  # held, as an id is an object's only while it lives
    todo: list[tuple[int, Any]] = []
    same: dict[str, int] = {}

    def cell(value: Any) -> Cell:
        kind = type(value)
        if kind in SCALARS or (kind is int and -SMALL < value < SMALL):
            return value
        place = places.get(id(value))
        if place is None:
            place = places[id(value)] = len(table)
            table.append([])
            objects.append(value)
            todo.append((place, value))
            if known and id(value) in known:
                same[str(place)] = known[id(value)]
        return [place]

    root = cell(value)
    while todo:
        place, value = todo.pop()
        table[place] = _entry(value, cell, handle)
    return Encoded(table, root, objects, same)


def _entry(value: Any, cell: Callable[[Any], Cell], handle: Callable[[Any], Entry]) -> Entry:
    if isinstance(value, (bool, int, float, str)):  # an IntEnum, a class of texts: what it is at bottom
        if isinstance(value, str):
            return ["text", str.__str__(value)]
        return ["float", float.__float__(value)] if isinstance(value, float) else ["int", format(int(value), "x")]
    if isinstance(value, list):
        return ["list", *map(cell, list.__iter__(value))]
    if isinstance(value, tuple):
        return ["tuple", *map(cell, tuple.__iter__(value))]
    if isinstance(value, (set, frozenset)):
        kind = "set" if isinstance(value, set) else "frozenset"
        return [kind, *map(cell, value)]
    if isinstance(value, collections.defaultdict):
        factory = getattr(value.default_factory, "__name__", "")
        return ["defaultdict", factory if factory in FACTORIES else None, *_pairs(value, cell)]
    for mapping in MAPPINGS:
        if isinstance(value, mapping):
            return [mapping.__name__, *_pairs(value, cell)]
    if isinstance(value, collections.deque):
        return ["deque", value.maxlen, *map(cell, value)]
    return _rare(value, cell, handle)


def _rare(value: Any, cell: Callable[[Any], Cell], handle: Callable[[Any], Entry]) -> Entry:
    kind: type = type(value)
    name = kind.__name__
    if isinstance(value, (bytes, bytearray)):
        return ["bytearray" if isinstance(value, bytearray) else "bytes", bytes(value).decode("latin-1")]
    if kind is complex:
        return ["complex", value.real, value.imag]
    if kind is Decimal:
        return ["Decimal", str(value)]
    if kind is Fraction:
        return ["Fraction", cell(value.numerator), cell(value.denominator)]
    if kind is range:
        return ["range", cell(value.start), cell(value.stop), cell(value.step)]
    if kind in DATES:
        return [name, value.isoformat()]
    if kind is datetime.timedelta:
        return ["timedelta", value.days, value.seconds, value.microseconds]
    if value is Ellipsis or value is NotImplemented:
        return ["constant", repr(value)]
    if name in NODES and all(hasattr(value, field) for field in NODES[name]):
        return [name, *(cell(getattr(value, field)) for field in NODES[name])]
    if kind is type and vars(builtins).get(getattr(value, "__name__", "")) is value:
        return ["type", getattr(value, "__name__", "")]
    if kind.__module__ == "numpy" and getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return ["plain", cell(value.item())]  # a number of numpy is the number
    return handle(value)


def _pairs(value: Any, cell: Callable[[Any], Cell]) -> Iterable[Cell]:
    pairs: Any = dict.items(value)
    for key, held in pairs:
        yield cell(key)
        yield cell(held)


def decode(
    table: list[Entry],
    root: Cell,
    handle: Callable[[Entry], Any],
    nodes: Mapping[str, type],
    known: Mapping[int, Any] | None = None,
    same: Mapping[str, int] | None = None,
) -> tuple[Any, list[Any]]:
    """The value and the objects of the table. An entry that is `same` as an object of `known` refills that object."""
    try:
        return _decode(table, root, handle, nodes, known or {}, same or {})
    except Unreadable:
        raise
    except Exception as error:  # whatever a forged table makes of itself
        raise Unreadable(f"{type(error).__name__}: {error}"[:200]) from None


def _decode(
    table: list[Entry],
    root: Cell,
    handle: Callable[[Entry], Any],
    nodes: Mapping[str, type],
    known: Mapping[int, Any],
    same: Mapping[str, int],
) -> tuple[Any, list[Any]]:
    if not isinstance(table, list) or not all(isinstance(entry, list) and entry for entry in table):
        raise Unreadable("no table")
    made: list[Any] = [None] * len(table)
    done = [False] * len(table)
    for place, entry in enumerate(table):
        if entry[0] in MUTABLE:
            made[place], done[place] = _empty(entry, nodes), True
    for name, theirs in same.items():
        place = int(name)
        if 0 <= place < len(table) and theirs in known and type(known[theirs]) is type(made[place]):
            made[place] = known[theirs]

    def value_of(cell: Cell) -> Any:
        return made[cell[0]] if isinstance(cell, list) else cell

    for first in range(len(table)):
        _make(first, table, made, done, handle, value_of)
    for place, entry in enumerate(table):
        if entry[0] in MUTABLE:
            _fill(made[place], entry, value_of)
    _check(root, len(table))
    return value_of(root), made


def _check(cell: Cell, count: int) -> int | None:
    """The entry that a cell names."""
    if not isinstance(cell, list):
        if isinstance(cell, dict):
            raise Unreadable("no cell")
        return None
    if len(cell) != 1 or type(cell[0]) is not int or not 0 <= cell[0] < count:
        raise Unreadable(f"no entry {str(cell)[:40]}")
    return cell[0]


def _empty(entry: Entry, nodes: Mapping[str, type]) -> Any:
    tag = entry[0]
    if tag in NODES:
        return object.__new__(nodes[tag])
    if tag == "deque":
        return collections.deque(maxlen=entry[1])
    if tag == "defaultdict":
        return collections.defaultdict(FACTORIES.get(entry[1]))
    kinds: dict[str, Callable[[], Any]] = {"list": list, "set": set, "bytearray": bytearray, "dict": dict}
    return kinds[tag]() if tag in kinds else getattr(collections, tag)()


def _make(
    first: int,
    table: list[Entry],
    made: list[Any],
    done: list[bool],
    handle: Callable[[Entry], Any],
    value_of: Callable[[Cell], Any],
) -> None:
    """The entry and those it needs, which are immutable and therefore in no circle."""
    stack, opened = [first], set()
    while stack:
        place = stack[-1]
        needs = [_check(cell, len(table)) for cell in table[place][1:]]
        missing = [need for need in needs if need is not None and not done[need]]
        if not done[place] and missing:
            if place in opened:
                raise Unreadable("a tuple holds itself")
            opened.add(place)
            stack += missing
            continue
        stack.pop()
        if not done[place]:
            made[place], done[place] = _immutable(table[place], handle, value_of), True


def _immutable(entry: Entry, handle: Callable[[Entry], Any], value_of: Callable[[Cell], Any]) -> Any:
    tag, held = entry[0], entry[1:]
    if tag in ("handle", "name", "named"):
        return handle(entry)
    if tag in ("tuple", "frozenset"):
        return tuple(map(value_of, held)) if tag == "tuple" else frozenset(map(value_of, held))
    if tag == "int":
        return int(held[0], 16)
    if tag in ("float", "text"):
        return float(held[0]) if tag == "float" else str(held[0])
    if tag == "plain":
        return value_of(held[0])
    if tag == "bytes":
        return held[0].encode("latin-1")
    if tag == "complex":
        return complex(*held)
    if tag == "Decimal":
        return _decimal(held[0])
    if tag == "Fraction":
        return Fraction(*map(value_of, held))
    if tag == "range":
        return range(*map(value_of, held))
    if tag in ("datetime", "date", "time"):
        return getattr(datetime, tag).fromisoformat(held[0])
    if tag == "timedelta":
        return datetime.timedelta(held[0], held[1], held[2])
    if tag == "constant":
        return {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}[held[0]]
    if tag == "type" and isinstance(kind := getattr(builtins, held[0]), type):
        return kind
    raise Unreadable(f"no kind of value is called {str(tag)[:40]}")


def _decimal(text: str) -> Decimal:
    made = Decimal(text)
    if made.is_finite() and abs(made.adjusted()) > EXPONENT:  # to compare it with an int is to write out its digits
        raise Unreadable(f"a Decimal with the exponent {made.adjusted()}")
    return made


def _fill(made: Any, entry: Entry, value_of: Callable[[Cell], Any]) -> None:
    tag, held = entry[0], entry[1:]
    if tag in NODES:
        for field, cell in zip(NODES[tag], held, strict=True):
            setattr(made, field, value_of(cell))
        return
    made.clear()
    if tag == "bytearray":
        made.extend(held[0].encode("latin-1"))
    elif tag == "set":
        made.update(map(value_of, held))
    elif tag in ("list", "deque"):
        made.extend(map(value_of, held[1:] if tag == "deque" else held))
    else:
        flat = held[1:] if tag == "defaultdict" else held
        for key, cell in zip(flat[::2], flat[1::2], strict=True):
            made[value_of(key)] = value_of(cell)
