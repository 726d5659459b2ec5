"""Problems: what is refused of them before a model is asked for hours, since its answers would tell nothing."""

from __future__ import annotations

import polars as pl

from datafactory.errors import StageError
from datafactory.evaluating.strata import known
from datafactory.plugins import Use
from datafactory.scoring import score
from datafactory.settings import Verifiers
from datafactory.store import Dataset
from datafactory.tables import frame
from datafactory.types import COMPLETION_COLUMNS

GOLD = ("answer", "tests")


def demand(source: Dataset, verifiers: Verifiers, difficulty: str | None) -> None:
    """StageError for no problems, several rows of one, none with that difficulty, none that can be decided."""
    if not source.rows:
        raise StageError("there are no problems to put to the models")
    problems = source.scan().select(pl.col("problem_id").n_unique()).collect().item()
    if problems < source.rows:  # each row would be answered by the very same rollouts
        told = f"{source.rows:,} rows are of {problems:,} problems; a row for each problem is wanted, not its rollouts"
        raise StageError(f"from: {told}")
    tables = [source.read(k) for k in range(len(source.shards))]
    if difficulty and not known((row for table in tables for row in table.iter_rows(named=True)), difficulty):
        told = f"no problem has a number or a text under '{difficulty}', in a column or a key of `meta`"
        raise StageError(f"difficulty: {told}")
    if not any(map(_gold, tables)) and _needs_gold(verifiers[0], next(table for table in tables if table.height)):
        raise StageError(f"no problem has an answer or tests, and without them `{verifiers[0].name}` decides nothing")


def _gold(problems: pl.DataFrame) -> bool:
    """Whether one of these problems has a gold answer or tests."""
    there = [problems[name].fill_null("").str.strip_chars() != "" for name in GOLD if name in problems.columns]
    return any(bool(each.any()) for each in there)


def _needs_gold(verifier: Use, problems: pl.DataFrame) -> bool:
    """Whether it cannot decide the first of these problems, whatever is answered."""
    problem = problems.head(1).drop([name for name in COMPLETION_COLUMNS if name in problems.columns])
    nothing = frame([{"response": "", "finish_reason": "stop"}], COMPLETION_COLUMNS)
    found = score((verifier,), pl.concat([problem, nothing], how="horizontal"))
    return bool(found[f"{verifier.name}_status"][0] == "undecidable_gold")
