"""Scoring: verifiers over a table of rollouts; each adds `<name>`, `<name>_status`, `<name>_detail` and its facts.

Equal answers of a group are decided once by the verifiers themselves; here a verifier that raises becomes the status
`error`, which is null and not a wrong answer. A verifier that gains from many rows at once has `verify_all(pairs,
config)`, a verdict for each pair of a problem and a completion, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from datafactory.errors import StageError
from datafactory.plugins import Use
from datafactory.tables import clean
from datafactory.types import Fact, Verdict, completion_of, problem_of

NOTHING = Verdict.undecided("error", "there is no completion")
UNDECIDED = ("timeout", "error")  # what is the machinery's failure, not the row's


def score_columns(verifiers: Sequence[Use]) -> list[str]:
    return list(score_types(verifiers))


def score_types(verifiers: Sequence[Use]) -> dict[str, Any]:
    """The columns that verifiers add, with their types."""
    own = {"": pl.Float64, "_status": pl.String, "_detail": pl.String}
    return {f"{use.name}{suffix}": kind for use in verifiers for suffix, kind in {**own, **facts_of(use)}.items()}


def score(verifiers: Sequence[Use], rollouts: pl.DataFrame) -> pl.DataFrame:
    """The rollouts with three columns per verifier, and one for each of its facts."""
    rows = list(rollouts.iter_rows(named=True))
    added = [
        column
        for use in verifiers
        for column in verdict_columns(use.name, verdicts_of(use, rows, use.config), facts_of(use))
    ]
    return rollouts.with_columns(added)


def verdict_columns(name: str, verdicts: Sequence[Verdict], facts: Mapping[str, Any]) -> list[pl.Series]:
    """The columns of one verifier or judge; facts is the suffix and the type of each further one."""
    return [
        pl.Series(name, [verdict.reward for verdict in verdicts], dtype=pl.Float64),
        pl.Series(f"{name}_status", [verdict.status for verdict in verdicts], dtype=pl.String),
        pl.Series(f"{name}_detail", [clean(verdict.detail) for verdict in verdicts], dtype=pl.String),
        *(
            pl.Series(f"{name}{suffix}", [_written(verdict.facts.get(suffix[1:])) for verdict in verdicts], dtype=kind)
            for suffix, kind in facts.items()
        ),
    ]


def facts_of(use: Use) -> dict[str, Any]:
    """The suffix and the type of each column that a verifier's FACTS declare."""
    return {f"_{name}": getattr(pl, kind) for name, kind in getattr(use.module, "FACTS", {}).items()}


def _written(fact: Fact) -> Fact:
    return clean(fact) if isinstance(fact, str) else fact


def verdicts_of(use: Use, rows: Sequence[Mapping[str, Any]], settings: Any) -> list[Verdict]:
    """A verdict for each row, in order."""
    verify_all = getattr(use.module, "verify_all", None)
    if verify_all is None:
        return [verdict_of(use, row, settings) for row in rows]
    there = [row for row in rows if row.get("finish_reason") != "error"]
    pairs = [(problem_of(row), completion_of(row)) for row in there]
    try:
        verdicts = iter(_sound(use, verify_all(pairs, settings), len(pairs)))
        return [NOTHING if row.get("finish_reason") == "error" else next(verdicts) for row in rows]
    except StageError:
        raise
    except (Exception, SystemExit):  # row by row, the others keep their verdicts
        return [verdict_of(use, row, settings) for row in rows]


def verdict_of(use: Use, row: Mapping[str, Any], settings: Any) -> Verdict:
    if row.get("finish_reason") == "error":
        return NOTHING
    try:
        verdict = use.module.verify(problem_of(row), completion_of(row), settings)
    except (Exception, SystemExit) as error:  # a row becomes a verdict here, and one row must not end the stage
        return Verdict.undecided("error", f"{type(error).__name__}: {error}"[:500])
    return _sound(use, [verdict], 1)[0]


def gold_verdict_of(use: Use, row: Mapping[str, Any], settings: Any) -> Verdict:
    """Whether a problem can be graded: what the verifier's `gold(problem, config)` says, where it has one, else its
    verdict on the gold answer as the response."""
    gold = getattr(use.module, "gold", None)
    if gold is None:
        return verdict_of(use, {**row, "response": row["answer"] or "", "finish_reason": "stop"}, settings)
    try:
        verdict = gold(problem_of(row), settings)
    except (Exception, SystemExit) as error:
        return Verdict.undecided("error", f"{type(error).__name__}: {error}"[:500])
    return _sound(use, [verdict], 1)[0]


def _sound(use: Use, verdicts: Any, count: int) -> list[Verdict]:
    """The verdicts, which are a plugin author's to get right."""
    verdicts = list(verdicts)
    wrong = next((verdict for verdict in verdicts if not isinstance(verdict, Verdict)), None)
    if len(verdicts) != count or wrong is not None:
        what = (
            f"{len(verdicts)} verdicts for {count} rows" if wrong is None else f"{type(wrong).__name__}, not a Verdict"
        )
        raise StageError(f"the verifier {use.name} returned {what}")
    unknown = {name for verdict in verdicts for name in verdict.facts} - set(getattr(use.module, "FACTS", {}))
    if unknown:
        raise StageError(
            f"the verifier {use.name} gives facts that its FACTS do not declare: {', '.join(sorted(unknown))}"
        )
    return verdicts


def statuses(table: pl.LazyFrame | pl.DataFrame, verifiers: Sequence[Use]) -> dict[str, dict[str, int]]:
    """How often each verifier said what."""
    found = {}
    for use in verifiers:
        counted = table.lazy().group_by(f"{use.name}_status").len().sort("len", descending=True).collect()
        found[use.name] = dict(counted.iter_rows())
    return found


def demand_decisions(table: pl.LazyFrame | pl.DataFrame, verifiers: Sequence[Use], most: float) -> None:
    """StageError when a verifier failed on more than that share of the rows: it must not look like hard problems."""
    for use in verifiers:
        by_status = statuses(table, [use])[use.name]
        total = sum(by_status.values())
        if total and failed_in(by_status) > most * total:
            first = table.lazy().filter(pl.col(f"{use.name}_status").is_in(UNDECIDED)).select(f"{use.name}_detail")
            raise too_few(use.name, by_status, first.head(1).collect().item(), most)


def failed_in(by_status: Mapping[str, int]) -> int:
    """How many of these the verifier failed on."""
    return sum(by_status.get(status, 0) for status in UNDECIDED)


def too_few(verifier: str, by_status: Mapping[str, int], first: str, most: float) -> StageError:
    """The error for a verifier that failed too often; first is what it said of the first of them."""
    said = ", ".join(f"{by_status[status]:,} {status}" for status in UNDECIDED if by_status.get(status))
    return StageError(
        f"the verifier {verifier} decided too few of {sum(by_status.values()):,} rows ({said}; the first: {first}); "
        f"max_errors is {most:g}"
    )
