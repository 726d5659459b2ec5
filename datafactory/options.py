"""Options: the choices of a question in one form, A B C ... in order, the gold answer as a letter, and both shuffled.

In   a list of texts; {A: text, B: text}; {label: [...], text: [...]} or a list of {label, text}, as ARC has them; or
     one of these as JSON text
Out  a list of texts; a gold answer that is an index (MMLU counts from 0) or a label becomes a letter
Use  a permutation depends on the seed and the problem's id and on nothing else: another order of the file changes none
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from datafactory.sources import Row
from datafactory.verifiers.choice import named

# "All of the above", "Both A and B", "Options 1 and 2": what speaks of the others keeps its place, and so do they
REFERS = re.compile(
    r"\b(?:of|all|none|both|neither|either|the) (?:the )?(?:above|below|preceding|foregoing)\b"
    r"|\b(?:of|all|other|both|these|the) (?:the )?(?:\w+ )?(?:options|choices|answers)\b"
    r"|\b(?:option|choice|answer)s? [A-J1-9]\b|\b[A-J][)\]]?,? (?:and|or|nor|&|,) [(\[]?[A-J]\b"
    r"|\b(?:both|all|none|neither|either|any|two|three) of (?:the|these|them)\b"
    r"|\b(?:none|neither|all|both) (?:is|are) (?:correct|true)|以上|上述|[都均](?:是|不|为|对|错|正确)",
    re.I,
)


@dataclass(frozen=True)
class Options:
    """texts in order; labels are what the source calls them, where it does."""

    texts: tuple[str, ...]
    labels: tuple[str, ...] = ()


def options(value: Any) -> Options | None:
    """The options in any of the forms; None where it is none of them."""
    value = _parsed(value)
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        value = {key: [part.get(key) for part in value] for key in ("label", "text")}
    if isinstance(value, dict) and isinstance(value.get("text"), list) and isinstance(value.get("label"), list):
        labels, texts = value["label"], value["text"]
    elif isinstance(value, dict):
        # a struct of Parquet has every key that some row has
        given = {str(key): text for key, text in value.items() if text is not None}
        labels = sorted(given, key=lambda label: (len(label), label))
        texts = [given[label] for label in labels]
        if [label.upper() for label in labels] != list(ascii_uppercase[: len(labels)]):
            return None
    elif isinstance(value, list):
        labels, texts = [], value
    else:
        return None
    if not texts or (labels and len(labels) != len(texts)) or any(isinstance(text, list | dict) for text in texts):
        return None
    return Options(tuple(_spelled(text) for text in texts), tuple(_spelled(label) for label in labels))


def gold(value: Any, known: Options | None) -> Any:
    """A gold answer that is a label or the index of an option as its letter; any other as it is."""
    if known is None or isinstance(value, bool) or not isinstance(value, int | str):
        return value
    label = str(value).strip()
    if label in known.labels:
        return _letter(known.labels.index(label))
    if isinstance(value, int) and 0 <= value < len(known.texts):
        return _letter(value)
    return value


def shuffled(row: Row, seed: int) -> Row:
    """A problem's row with its options in another order and its gold letter following; its id stays.

    `choices_order` in `meta` says which of the options as they came stands first, second and so on. Where one speaks of
    the others, or the gold answer names none, all keep their places.
    """
    if not row["choices"]:
        return row
    texts = json.loads(row["choices"])
    letter = named(row["answer"], texts) if row["answer"] else None
    if (row["answer"] and letter is None) or any(REFERS.search(text) for text in texts):
        return row

    def place(at: int) -> bytes:
        return hashlib.sha256(json.dumps([seed, row["problem_id"], at]).encode()).digest()

    order = sorted(range(len(texts)), key=place)
    made = {**row, "choices": json.dumps([texts[at] for at in order], ensure_ascii=False)}
    if letter is not None and texts[ascii_uppercase.index(letter)].strip() != row["answer"].strip():
        made["answer"] = _letter(order.index(ascii_uppercase.index(letter)))
    meta = {**json.loads(row["meta"] or "{}"), "choices_order": order}
    return {**made, "meta": json.dumps(meta, ensure_ascii=False, sort_keys=True)}


def _letter(place: int) -> str:
    return ascii_uppercase[place] if place < len(ascii_uppercase) else str(place)


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _parsed(value: Any) -> Any:
    """The value, or what its JSON text says."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value
