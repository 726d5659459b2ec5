"""Asking: requests put to a model; each completion is journaled before it counts, and paid for once.

In   requests, each under the hash of everything that decides its text
Out  their outputs; what the journal holds is not asked for again
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from datafactory.engines import Engine, Output, Request, Sampling
from datafactory.errors import StageError
from datafactory.fingerprint import digest
from datafactory.journal import Journal
from datafactory.models import Model
from datafactory.progress import StageProgress


def seed_of(*decided: int | str) -> int:
    """63 bits that depend on these and on nothing else."""
    content = hashlib.sha256(json.dumps(decided).encode()).digest()
    return int.from_bytes(content[:8], "big") >> 1


@dataclass
class Asker:
    """A model that is asked again and again; it is started when the first prompt is rendered."""

    model: Model
    sampling: Sampling
    journals: Path
    progress: StageProgress

    def __post_init__(self) -> None:
        self.journal = Journal(self.journals / self.model.fingerprint[:16])
        if self.journal.damaged:
            self.progress.note(f"{self.journal.damaged} damaged lines in the journal; their completions are owed again")

    @cached_property
    def engine(self) -> Engine:
        engine: Engine = self.model.start()
        return engine

    def key(self, prompt: str, seed: int) -> str:
        return digest([self.model.fingerprint, prompt, self.sampling.model_dump(), seed])

    def outputs(self, requests: Sequence[Request]) -> dict[str, Output]:
        """The output of every request under its key."""
        asked = [replace(request, owed=request.key not in self.journal) for request in requests]
        self.progress.advance(rows=sum(not request.owed for request in asked))
        if any(request.owed for request in asked):
            for batch in self.engine.generate(asked, self.sampling):
                self.journal.append(batch)
                self.progress.advance(rows=len(batch), tokens=sum(output.completion_tokens or 0 for output in batch))
        outputs = self.journal.read(request.key for request in requests)
        lost = [request for request in requests if request.key not in outputs]
        if lost:
            raise StageError(f"the engine gave no output for {len(lost)} of {len(requests)} requests")
        return outputs
