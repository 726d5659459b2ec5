"""Checking: rewrites held against all that their rewriting asks for; the work of a process beside the engine's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datafactory.plugins import Use
from datafactory.rewriting.answer import changed
from datafactory.rewriting.checks import Rewrite, faults
from datafactory.types import Verdict, completion_of, problem_of


@dataclass(frozen=True)
class Checked:
    """fault is why a rewrite is not taken, None where it is; verdicts are those on the new completion."""

    fault: str | None
    verdicts: dict[str, Verdict]


@dataclass(frozen=True, eq=False)
class Checking:
    """Given rewrites of several works, what came of each."""

    use: Use
    verifiers: tuple[Use, ...]

    def __call__(self, given: Sequence[Sequence[Rewrite]]) -> list[list[Checked]]:
        checked = iter(self.checked([rewrite for some in given for rewrite in some]))
        return [[next(checked) for _ in some] for some in given]

    def checked(self, rewrites: Sequence[Rewrite]) -> list[Checked]:
        config = self.use.config
        found = faults(rewrites, config, self._own if hasattr(self.use.module, "fault") else None)
        passed = [at for at, fault in enumerate(found) if fault is None]
        verdicts: list[dict[str, Verdict]] = [{} for _ in rewrites]
        before = [rewrites[at].row for at in passed]
        after = [{**rewrites[at].row, config.writes: rewrites[at].text, "finish_reason": "stop"} for at in passed]
        for at, why, said in zip(passed, *changed(before, after, self.verifiers), strict=True):
            verdicts[at] = said
            if why and "answer" in config.checks:
                found[at] = f"answer: {why}"
        return [Checked(fault, said) for fault, said in zip(found, verdicts, strict=True)]

    def _own(self, rewrite: Rewrite) -> str | None:
        try:
            why: str | None = self.use.module.fault(
                problem_of(rewrite.row), completion_of(rewrite.row), rewrite.text, self.use.config
            )
        except (Exception, SystemExit) as error:  # of a rewriting of the user's own: one row must not end the stage
            return f"{type(error).__name__}: {error}"
        return why
