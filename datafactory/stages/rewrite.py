"""Rewrite: a part of every row written anew by a model, checked, and the original kept where a check fails.

In   question, response; for some rewritings reasoning; the columns that `where` and the verifiers need
Out  the same columns: a rewritten row has another reasoning or response, a trace_id of its own and in parent_id that of
     the row it was written from, which stands in the stage above. And <rewriting>, its status: rewritten; kept, the
     original, since a check failed; not_asked; or null, where the engine failed and the original stands undecided.
     <rewriting>_detail says why, <rewriting>_model which model wrote

A row that is not rewritten keeps every cell. In one that is, no verdict, measure or token count of the old text is
left: see docs/rewrite.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import polars as pl
from pydantic import Field

from datafactory.budget import Budget
from datafactory.chat import THINK
from datafactory.check import Check
from datafactory.conditions import expression
from datafactory.config import Base, Sources, ref, runtime
from datafactory.driving import Work
from datafactory.engines import Sampling
from datafactory.job import Job
from datafactory.plugins import Use
from datafactory.rewriting.columns import SUFFIXES, columns_of, renewed, stale, with_new_cells
from datafactory.rewriting.writer import Case, Manner, Writer, Written, decided, messages_of, silent
from datafactory.settings import Rewriting, Verifiers
from datafactory.store import Draft
from datafactory.tables import clean
from datafactory.types import Message, completion_of, problem_of

VERSION = 1
TOGETHER = 64  # rows put to the model at once
DETAIL = 500  # characters that are kept of why
Row = Mapping[str, Any]


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The rows; a list is read as one dataset."""
    model: str = ref("model")
    """The model that writes: a name under `models`, or a trained stage above."""
    rewriting: Rewriting = Field(alias="with")
    """One rewriting by name, with its settings: translate, {conversational: {examples: mine.jsonl}}, ./mine.py; or a
    prompt of your own, ./mine.txt."""
    where: str | None = None
    """A SQL condition: the rows that are put to the model. The others pass as they are, with the status not_asked."""
    verifiers: Verifiers | None = None
    """What has to say the same of a completion before and after: [math]. Their columns then hold what they say of the
    new text."""
    attempts: int = Field(2, ge=1)
    """How often a row is asked about until its rewrite passes, each time with another seed."""
    verdicts: Literal["renew", "drop"] = "renew"
    """renew: in rewritten rows verdicts and measures are those of `verifiers`, and null where none took them anew.
    drop: these columns are left out, of all rows, so that the stages below take them under the same names."""
    carry: tuple[str, ...] = ()
    """Columns that are about the problem and not about the text, such as pass_rate: they stay as they are."""
    sampling: Sampling = Sampling()
    prefill: str = ""
    """How the model's turn begins."""
    think: tuple[str, str] = THINK
    """The tags around the model's own thinking, which is not part of what it writes."""
    seed: int | None = None
    """The recipe's by default."""
    budget: Budget = runtime(Budget())
    """What the stage may spend: {tokens: 5000000} generated, or {cost: 20} at the model's `price`. It stops before it
    would spend more, with what arrived kept."""
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of the rows asked about on which the engine may fail before the stage does."""

    @property
    def use(self) -> Use:
        return self.rewriting[0]

    def first(self, rows: pl.DataFrame) -> Row | None:
        """The first row that the model is asked about."""
        return next((case.row for case in _cases(self, rows) if isinstance(case, Case)), None)

    def put(self, row: Row, render: Callable[[Sequence[Message], str], str]) -> tuple[list[Message], str]:
        """The turns of a row's first attempt, and the prompt as the model sees it."""
        (case,) = _cases(self.model_copy(update={"where": None}), pl.DataFrame([row]))
        assert isinstance(case, Case)
        by = decided(self.seed or 0, row, self.use.name, 0)
        messages = messages_of(self.use, self.use.config, case.texts, *by)
        return messages, render(messages, self.prefill)


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    writes = config.use.config.writes
    for name in ("question", "response"):
        check.column(above, name, "from")
    check.condition(above, config.where, "where")
    if not all(config.think) or config.think[0] == config.think[1]:
        check.wrong(("think",), "needs two different tags, the one that opens and the one that closes")
    for place, name in enumerate(config.carry):
        check.column(above, name, "carry", place)
    if above is None:
        return []
    for name in (f"{config.use.name}{suffix}" for suffix in SUFFIXES):
        if name in above:
            check.wrong(("with",), f"the source has a column '{name}' already")
    if config.verifiers:
        check.column(above, "answer", "verifiers")
    return columns_of(above, config.use.name, writes, _dropped(config, above))


def _dropped(config: Config, above: Sequence[str]) -> list[str]:
    return stale(above, config.carry) if config.verdicts == "drop" else []


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    count = len(source.shards)
    job.progress.expect(source.rows, "rewrites")
    manner = Manner(config.attempts, config.sampling, config.prefill, config.think, config.seed or 0, config.max_errors)
    writer = Writer(config.use, config.verifiers or (), manner, job.models[config.model], job, source.rows)
    missing = [k for k in range(count) if not job.draft.has(k)]
    job.progress.advance(rows=source.rows - sum(source.shards[k]["rows"] for k in missing))
    tables = ((k, _works(config, writer, source.read(k))) for k in missing)
    for k, made in writer.written_all(tables):
        job.draft.write(k, pl.concat(made))
    writer.close()
    _demand_texts(config, job.draft, count)


def _works(config: Config, writer: Writer, rows: pl.DataFrame) -> list[Work[pl.DataFrame]]:
    slices = list(rows.iter_slices(TOGETHER)) or [rows]
    return [rewritten(config, writer, some) for some in slices]


def rewritten(config: Config, writer: Writer, rows: pl.DataFrame) -> Work[pl.DataFrame]:
    """The rows with what the model wrote in place of what passed, and the columns that say so."""
    cases = _cases(config, rows)
    asked = [case for case in cases if isinstance(case, Case)]
    writer.progress.advance(rows=len(cases) - len(asked))
    given = iter((yield from writer.write(asked)))
    written = [next(given) if isinstance(case, Case) else case for case in cases]
    return _table(config, rows, written, writer.model.label)


def _cases(config: Config, rows: pl.DataFrame) -> list[Case | str]:
    """What the model is asked about each row, or why it is not."""
    met = rows.select(expression(config.where).alias("met"))["met"] if config.where else [True] * rows.height
    settings = config.use.config
    return [
        _case(config.use, settings, row) if meets else f"not where {config.where}"
        for row, meets in zip(rows.iter_rows(named=True), met, strict=True)
    ]


def _case(use: Use, settings: Any, row: Row) -> Case | str:
    reason = row.get("finish_reason") or "stop"
    if reason != "stop":
        return "there is no completion" if reason == "error" else "the completion was cut and has no end"
    problem = problem_of(row)
    if row.get("history"):
        problem = replace(problem, meta={**problem.meta, "history": row["history"]})
    try:
        texts = use.module.shown(problem, completion_of(row), settings)
    except (Exception, SystemExit) as error:  # of a rewriting of the user's own, on one row
        return f"{type(error).__name__}: {error}"
    if isinstance(texts, str):
        return texts
    for name, text in texts.items():
        if len(text) > settings.longest:
            return f"the {name} has {len(text):,} characters; `longest` is {settings.longest:,}"
    return Case(row, texts)


def _table(config: Config, rows: pl.DataFrame, written: Sequence[Written | str], model: str) -> pl.DataFrame:
    writes, verifiers = config.use.config.writes, config.verifiers or ()
    old = list(rows.iter_rows(named=True))
    given = [each if isinstance(each, Written) else None for each in written]
    cells = [
        renewed(row, writes, each.text) if each and each.status == "rewritten" else None
        for row, each in zip(old, given, strict=True)
    ]
    doubtful = stale(rows.columns, config.carry)
    made = with_new_cells(rows, writes, cells, [each.verdicts if each else {} for each in given], verifiers, doubtful)
    name = config.use.name
    status = ["not_asked" if isinstance(each, str) else each.status for each in written]
    detail = [each if isinstance(each, str) else each.detail for each in written]
    models = [model if each == "rewritten" else None for each in status]
    made = made.with_columns(
        pl.Series(name, status, dtype=pl.String),
        pl.Series(f"{name}_detail", [clean(_brief(each)) for each in detail], dtype=pl.String),
        pl.Series(f"{name}_model", models, dtype=pl.String),
    )
    return made.select(columns_of(rows.columns, name, writes, _dropped(config, rows.columns)))


def _brief(detail: str) -> str:
    return detail if len(detail) <= DETAIL else f"{detail[: DETAIL - 1]}…"


def _demand_texts(config: Config, draft: Draft, count: int) -> None:
    """StageError where the engine failed on too many; another build asks for those again."""
    name = config.use.name
    table = pl.scan_parquet([draft.shard(k) for k in range(count)])
    failed = table.filter(pl.col(name).is_null()).select(f"{name}_detail").collect()[f"{name}_detail"]
    asked = table.filter(pl.col(name).is_null() | (pl.col(name) != "not_asked")).select(pl.len()).collect().item()
    if asked and failed.len() > config.max_errors * asked:
        for k in range(count):
            draft.remove(k)
        raise silent(name, failed.len(), asked, config.max_errors, failed[0])


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    name = config.use.name
    table = pl.scan_parquet(sorted(draft.folder.glob("shard-*.parquet")))
    said = table.group_by(name).len().sort("len", descending=True).collect()
    kept = table.filter(pl.col(name) == "kept").select(f"{name}_detail").collect()[f"{name}_detail"]
    last = Counter(detail.rpartition("; then ")[2].partition(":")[0] for detail in kept)
    return {
        "rewriting": name,
        "rewrites": {status or "undecided": count for status, count in said.iter_rows()},
        "kept_for": dict(last.most_common()),
    }
