"""A session: one reviewer at work on one dataset. What the page asks for, and what it hands in; nothing of HTTP.

Every method may be called by any thread.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from typing import Any, Literal, get_args

from datafactory.review.decisions import Decision, Word, seen
from datafactory.review.record import Record
from datafactory.review.rows import Rows
from datafactory.review.telling import told
from datafactory.tables import clean

Filter = Literal["all", "mine", "anyone"]  # every trace; those not decided by me; those not decided by anyone
REASONS = ("wrong", "language mixed", "rambling", "unfaithful summary", "unsafe", "other")
MOST = {"reason": 200, "note": 10_000, "id": 100}  # characters
SENT = {"id", "trace_id", "seen", "decision", "reason", "note", "reasoning", "response"}


class Refused(Exception):
    """What the page sent cannot be taken; it will not be taken later, either."""


class Session:
    def __init__(self, rows: Rows, record: Record, reviewer: str):
        self.rows, self.record, self.reviewer = rows, record, reviewer
        self._lock = threading.Lock()
        self._by: dict[str, set[str]] = {}  # what is decided of these rows, by whom
        self._counts: Counter[str] = Counter()

    def about(self) -> dict[str, Any]:
        """What the page says of the whole."""
        with self._lock:
            self._look()
            return {
                "dataset": str(self.rows.path),
                "decisions": str(self.record.path),
                "reviewer": self.reviewer,
                "reasons": REASONS,
                "progress": self._progress(),
            }

    def trace(self, at: int) -> dict[str, Any]:
        """The trace of that place with the words there are about it."""
        with self._lock:
            self._look()
            row = self.rows.row(at)
            words = list(self.record.words.get(row["trace_id"], {}).values())
            progress = self._progress()
        text = seen(row)
        return {
            "at": at,
            "trace": told(row) | {"seen": text},
            "words": [_word(said, said.seen == text) for said in words],
            "progress": progress,
        }

    def step(self, start: int, by: int, only: Filter) -> int | None:
        """The next place from `start`, itself left out, in steps of `by`, that the filter lets through."""
        with self._lock:
            self._look()
            at = start + by
            while 0 <= at < len(self.rows) and not self._open(at, only):
                at += by
            return at if 0 <= at < len(self.rows) else None

    def find(self, name: str) -> int | None:
        """A place by its number from 1, by id, or by the beginning of one."""
        if name.isdecimal() and len(name) < 10 and 0 < int(name) <= len(self.rows):
            return int(name) - 1
        with self._lock:
            return self.rows.place(name)

    def decide(self, said: Any) -> dict[str, Any]:
        """Writes a decision down; it is on the disk when this returns. Raises Refused, or StageError of the disk's."""
        with self._lock:
            self._look()
            decision = self._checked(said)
            self.record.append(decision)
            self._take_in()
            return {"saved": decision.id, "progress": self._progress()}

    def _checked(self, said: Any) -> Decision:
        if not isinstance(said, dict) or not said.keys() <= SENT:
            raise Refused(f"a decision is an object with {', '.join(sorted(SENT))}")
        for name, value in said.items():
            if value is not None and not isinstance(value, str):
                raise Refused(f"'{name}' should be a text")
            if len(value or "") > MOST.get(name, math.inf):
                raise Refused(f"'{name}' is longer than {MOST[name]:,} characters")
        name = said.get("trace_id") or ""
        word: Word | None = next((each for each in get_args(Word) if each == said.get("decision")), None)
        if word is None:
            raise Refused(f"there is no decision {said.get('decision')!r}")
        place = self.rows.place(name)
        if place is None or self.rows.ids[place] != name:
            raise Refused(f"there is no trace {name!r} here")
        row = self.rows.row(place)
        if said.get("seen") != seen(row):
            raise Refused(f"the text of {name} is not the one that was decided about; open the page again")
        edited = word == "edit"
        if edited and not (said.get("response") or "").strip():
            raise Refused("an edit keeps a response; reject the trace where it has none")
        if edited and (said.get("reasoning") or None, said["response"]) == (row["reasoning"] or None, row["response"]):
            raise Refused("nothing is changed; accept the trace as it is")
        if word == "reject" and not (said.get("reason") or "").strip():
            raise Refused("a rejection has a reason")
        return Decision(
            reviewer=self.reviewer,
            trace_id=name,
            seen=said["seen"],
            decision=word,
            problem_id=row.get("problem_id"),
            reason=_short(said.get("reason")) if word == "reject" else None,
            note=_short(said.get("note")),
            reasoning=clean(said["reasoning"]) if edited and said.get("reasoning") else None,
            response=clean(said["response"]) if edited else None,
            time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            id=said.get("id"),
        )

    def _look(self) -> None:
        self.record.look()
        self._take_in()

    def _take_in(self) -> None:
        for name in self.record.changed():
            by = set(self.record.words.get(name, ())) if name in self.rows else set()
            self._counts.subtract(self._by.pop(name, ()))
            self._counts.update(by)
            if by:
                self._by[name] = by

    def _open(self, at: int, only: Filter) -> bool:
        if only == "all":
            return True
        by = self._by.get(self.rows.ids[at], ())
        return not by if only == "anyone" else self.reviewer not in by

    def _progress(self) -> dict[str, Any]:
        by = {reviewer: count for reviewer, count in self._counts.most_common() if count}
        return {"rows": len(self.rows), "decided": len(self._by), "by": by}


def _word(said: Decision, current: bool) -> dict[str, Any]:
    """current is whether it is about the text that stands there now."""
    about = {"reviewer": said.reviewer, "decision": said.decision, "reason": said.reason, "note": said.note}
    return {**about, "time": said.time, "current": current, "reasoning": said.reasoning, "response": said.response}


def _short(text: str | None) -> str | None:
    return clean(text).strip() or None if text else None
