"""Decisions: what reviewers said of traces, a JSON object a line, only ever added to.

    {"time": ..., "reviewer": "anna", "trace_id": ..., "problem_id": ..., "seen": ..., "decision": "reject",
     "reason": "wrong", "note": "the last step"}

`seen` is the hash of the text that the reviewer had before them, so that a decision is never put to another text. An
`edit` carries the new `reasoning` and `response`. The last line of a reviewer about a trace is their word; `withdraw`
takes it back. Several reviewers' words stand side by side.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from datafactory.errors import StageError
from datafactory.tables import clean

Word = Literal["accept", "reject", "edit", "withdraw"]
KEEPS = ("accept", "edit")  # the words that say a row is good, as it is or as written anew
# what a reviewer reads of a row, under the names that it has in a stage and where it is published
TEXT = (("history",), ("question", "problem"), ("choices",), ("answer", "solution"), ("reasoning",), ("response",))


@dataclass(frozen=True, slots=True)
class Decision:
    """One line. `id` is made by the page, so that what it sends twice is written once."""

    reviewer: str
    trace_id: str
    seen: str
    decision: Word
    problem_id: str | None = None
    reason: str | None = None
    note: str | None = None
    reasoning: str | None = None
    response: str | None = None
    time: str | None = None
    id: str | None = None

    @property
    def line(self) -> bytes:
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return clean(json.dumps(said, ensure_ascii=False)).encode() + b"\n"


NAMES = {field.name for field in fields(Decision)}
Words = dict[str, dict[str, Decision]]  # trace_id -> reviewer -> the word that counts


def seen(row: Mapping[str, Any]) -> str:
    """16 hex digits of the text that a reviewer reads of a row, the same before it is published and after."""
    texts = [next((row[name] for name in names if row.get(name)), "") for names in TEXT]
    if not str(texts[3]).strip():
        texts[3] = row.get("pseudo_answer") or ""  # which stands in for the gold answer where there is none
    content = json.dumps(texts, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def decision_of(line: bytes) -> Decision:
    """The decision on a line; ValueError with what is wrong."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(said, dict):
        raise ValueError(f"a decision is a JSON object, not {type(said).__name__}")
    for name in ("reviewer", "trace_id", "seen", "decision"):
        if not isinstance(said.get(name), str) or not said[name]:
            raise ValueError(f"a decision has a text under '{name}'")
    if said["decision"] not in get_args(Word):
        raise ValueError(f"there is no decision {said['decision']!r}; there is: {', '.join(get_args(Word))}")
    for name in NAMES & said.keys():
        if said[name] is not None and not isinstance(said[name], str):
            raise ValueError(f"'{name}' should be a text, not {said[name]!r}"[:200])
    if said["decision"] == "edit" and not (said.get("response") or "").strip():
        raise ValueError("an edit has a response")
    return Decision(**{name: value for name, value in said.items() if name in NAMES})


def decisions_in(content: bytes, path: Path, first: int = 1) -> tuple[list[Decision], bytes]:
    """The decisions on whole lines, and what stands behind the last of them: a line that was torn, or nothing.

    StageError names the first whole line that is no decision: somebody wrote into the file.
    """
    whole, _, torn = content.rpartition(b"\n")
    found = []
    for number, line in enumerate(whole.split(b"\n"), first):
        if line.strip():
            try:
                found.append(decision_of(line))
            except ValueError as error:
                raise StageError(f"{path}:{number}: {error}; mend that line or take it out") from error
    if torn.strip():
        try:  # an editor may leave out the last line break
            return [*found, decision_of(torn)], b""
        except ValueError:
            return found, torn
    return found, b""


def read(path: Path) -> tuple[list[Decision], bytes]:
    """Every decision of a file, in the order they were made, and the rest of a line that was torn."""
    try:
        return decisions_in(path.read_bytes(), path)
    except OSError as error:
        raise StageError(f"{path} cannot be read: {error.strerror or error}") from error


def words_of(decisions: Iterable[Decision], words: Words | None = None) -> Words:
    """The last word of each reviewer about each trace; those of `words` stood before."""
    words = {} if words is None else words
    for said in decisions:
        by = words.setdefault(said.trace_id, {})
        by.pop(said.reviewer, None)  # the latest stands last
        if said.decision != "withdraw":
            by[said.reviewer] = said
        elif not by:
            del words[said.trace_id]
    return words
