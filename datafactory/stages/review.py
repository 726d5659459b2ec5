"""Review: what people decided on the page of `datafactory review`, applied to the rows.

In   trace_id, question, answer, reasoning, response
Out  the same, and parent_id, reviewed (accepted, edited, or null where nobody said enough) and reviewed_by
Drop what a reviewer rejected, with the reason, who, when and their note; with `undecided: drop` what too few accepted

An edited row has the edited text, a trace_id of its own, and the row that it was in parent_id. What was found out
about the old text, verdicts and measures, is null, or verified anew by `with`. A decision counts only for the text that
the reviewer saw: one about a text that has changed since, or about no row here, is counted and told, never applied.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo

from datafactory.check import Check
from datafactory.config import Base, Sources, file, folder_of, ref, runtime
from datafactory.errors import StageError
from datafactory.fingerprint import content_of
from datafactory.job import Job, Split, parted
from datafactory.review.decisions import TEXT, Decision, Words, read, seen, words_of
from datafactory.review.outcome import Conflict, Outcome, agreements, differ, outcome
from datafactory.rewriting.columns import COUNTED, stale
from datafactory.scoring import demand_decisions, score, score_columns
from datafactory.settings import Verifiers
from datafactory.store import Dataset, Draft
from datafactory.tables import write_bytes
from datafactory.types import trace_id

VERSION = 1
COUNTS = "review.json"  # what the stage counted, until its manifest says it
ADDED = ("reviewed", "reviewed_by")


def _place(value: Any, info: ValidationInfo) -> Any:
    """The path from the recipe's folder; the file comes to be when somebody reviews."""
    if not isinstance(value, str) or not value.strip():
        return value
    path = folder_of(info) / Path(value).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder; `datafactory review` writes a .jsonl file")
    return path


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The rows that were reviewed; a list is read as one dataset."""
    decisions: Annotated[Path, BeforeValidator(_place)] = file()
    """The file that `datafactory review` wrote. Where there is none yet the stage stops and says how to make it; what
    is above it is built."""
    need: int = Field(1, ge=1)
    """How many reviewers have to accept a row, or edit it. One who rejects is enough to reject it."""
    undecided: Literal["keep", "drop", "fail"] = "keep"
    """What becomes of rows that too few accepted and nobody rejected."""
    conflict: Conflict = "reject"
    """What becomes of rows that one accepts and another rejects, or that are edited differently. `majority` follows
    the greater number, a tie rejects; where such a row is kept, the last edit stands."""
    verifiers: Verifiers = Field((), alias="with")
    """Verifiers whose verdicts the source has, put to each edited text."""
    carry: tuple[str, ...] = ()
    """Columns that are about the problem and not about the text, such as pass_rate: they stay in an edited row."""
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of the edited rows whose check may end in a timeout or an error before the stage fails."""
    _content: str | None = PrivateAttr(None)

    def model_post_init(self, context: Any) -> None:
        self._content = _content(self.decisions)


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    if above is not None and "question" not in above and "problem" in above:
        check.wrong(("from",), "is merged already: review the rows before they are, and merge what is left")
        return []
    for name in ("trace_id", "problem_id", "rollout", "question", "answer", "reasoning", "response"):
        check.column(above, name, "from")
    if above is not None and ADDED[0] in above:
        check.wrong(("from",), "is reviewed already: one stage applies all decisions, and their files can be joined")
    for place, name in enumerate(config.carry):
        check.column(above, name, "carry", place)
    for name in score_columns(config.verifiers):
        if above is not None and name not in above:
            check.wrong(("with",), f"the source has no column '{name}': a `verify` stage above makes it for every row")
    return list(dict.fromkeys([*(above or []), "parent_id", *ADDED]))


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    said, torn = read(config.decisions) if config.decisions.exists() else ([], b"")
    if not said:
        folders = " ".join(str(job.inputs[name].folder) for name in _names(config))
        raise StageError(
            f"there are no decisions yet: datafactory review {folders} --decisions {config.decisions}  makes them"
        )
    if _content(config.decisions) != config._content:
        raise StageError(f"{config.decisions} changed while this build was on its way; build again")
    if torn:
        job.progress.note(f"{config.decisions}: its last line is torn, and not applied: {torn[:60]!r}")
    words = words_of(said)
    current, about = _current(source, words)
    outcomes = {name: outcome(list(by.values()), config.need, config.conflict) for name, by in current.items()}
    _demand(config, source, current, outcomes)
    for what, key in (("a text that has changed since", "changed"), ("no row here", "unknown")):
        if about[key]:
            job.progress.note(f"{about[key]:,} decisions are about {what}, and not applied")
    counts = _counts(source, current, outcomes) | about | {"torn": int(bool(torn)), "agreement": agreements(current)}
    write_bytes(job.draft.folder / COUNTS, json.dumps(counts).encode())
    job.map_shards(partial(apply, config, outcomes), source)
    edited = pl.scan_parquet([job.draft.shard(k) for k in range(len(source.shards))]).filter(
        pl.col("reviewed") == "edited"
    )
    try:
        demand_decisions(edited, config.verifiers, config.max_errors)
    except StageError:
        for k in range(len(source.shards)):  # what failed is tried again at the next build
            job.draft.remove(k)
        raise


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((draft.folder / COUNTS).read_bytes())
    (draft.folder / COUNTS).unlink()
    return counts


def apply(config: Config, outcomes: Mapping[str, Outcome], rows: pl.DataFrame) -> Split:
    """The rows as the outcomes have them; one that has none is undecided."""
    found = [outcomes.get(name, Outcome("undecided")) for name in rows["trace_id"]]
    reasons: list[str | None] = [each.reason for each in found]
    evidence: list[str | None] = [each.evidence if each.reason else None for each in found]
    if config.undecided == "drop":
        for at, each in enumerate(found):
            if each.kind == "undecided":
                reasons[at] = "reviewed: too few accepts" if each.by else "not reviewed"
                evidence[at] = each.evidence
    marked = rows.with_columns(
        pl.Series(
            ADDED[0], [each.kind if each.kind in ("accepted", "edited") else None for each in found], dtype=pl.String
        ),
        pl.Series(ADDED[1], [", ".join(each.by) or None for each in found], dtype=pl.String),
    )
    if "parent_id" not in rows.columns:
        marked = marked.with_columns(pl.lit(None, dtype=pl.String).alias("parent_id"))
    marked = marked.select(list(dict.fromkeys([*rows.columns, "parent_id", *ADDED])))
    return parted(_edited(config, marked, [each.edit for each in found]), reasons, evidence)


def _edited(config: Config, rows: pl.DataFrame, edits: list[Decision | None]) -> pl.DataFrame:
    """The rows with the edited texts, and nothing beside them that was said of the old ones."""
    at = [place for place, edit in enumerate(edits) if edit]
    if not at:
        return rows
    texts = [(edit.reasoning, edit.response) for edit in edits if edit]
    old = rows[at]
    doubtful = [name for name in (*stale(rows.columns, config.carry), *COUNTED) if name in rows.columns]
    new = old.with_columns(
        [pl.lit(None, dtype=rows.schema[name]).alias(name) for name in doubtful if name not in ADDED]
    ).with_columns(
        pl.Series("reasoning", [reasoning for reasoning, _ in texts], dtype=pl.String),
        pl.Series("response", [response for _, response in texts], dtype=pl.String),
        pl.Series("parent_id", old["trace_id"]),
        pl.Series(
            "trace_id",
            [
                trace_id(problem, rollout, *text)
                for problem, rollout, text in zip(old["problem_id"], old["rollout"], texts, strict=True)
            ],
            dtype=pl.String,
        ),
    )
    if config.verifiers:
        new = score(config.verifiers, new).select(rows.columns)
    places = [place for place, edit in enumerate(edits) if not edit] + at
    return pl.concat([rows.filter(pl.Series([edit is None for edit in edits])), new])[_inverse(places)]


def _inverse(places: list[int]) -> list[int]:
    inverse = [0] * len(places)
    for at, place in enumerate(places):
        inverse[place] = at
    return inverse


def _content(path: Path) -> str | None:
    return content_of(path) if path.exists() else None


def _names(config: Config) -> tuple[str, ...]:
    return (config.source,) if isinstance(config.source, str) else config.source


def _current(source: Dataset, words: Words) -> tuple[Words, dict[str, int]]:
    """The words that are about a text as it stands here, and how many are not."""
    ids = pl.Series("trace_id", list(words), dtype=pl.String)
    current: Words = {}
    known, changed = set(), 0
    for shard in source.shards:
        table = pl.scan_parquet(source.folder / shard["file"])
        have = table.collect_schema().names()
        texts = [name for names in TEXT for name in names if name in have]
        wanted = dict.fromkeys(["trace_id", *texts, *(["pseudo_answer"] if "pseudo_answer" in have else [])])
        for row in (
            table.filter(pl.col("trace_id").is_in(ids.implode())).select(list(wanted)).collect().iter_rows(named=True)
        ):
            name, text = row["trace_id"], seen(row)
            by = {reviewer: said for reviewer, said in words[name].items() if said.seen == text}
            if name not in known:
                changed += len(words[name]) - len(by)
            known.add(name)
            if by:
                current[name] = by
    unknown = sum(len(by) for name, by in words.items() if name not in known)
    return current, {"changed": changed, "unknown": unknown}


def _demand(config: Config, source: Dataset, words: Words, outcomes: Mapping[str, Outcome]) -> None:
    """StageError where the recipe says that differing or undecided rows are not to pass."""
    differing = [name for name, by in words.items() if differ(list(by.values()))]
    if config.conflict == "fail" and differing:
        raise StageError(f"reviewers differ on {len(differing):,} rows, the first {differing[0]}; `conflict` says fail")
    if config.undecided == "fail":
        settled = pl.Series([name for name, each in outcomes.items() if each.kind != "undecided"], dtype=pl.String)
        left = source.scan().select("trace_id").filter(~pl.col("trace_id").is_in(settled.implode())).collect()
        if left.height:
            raise StageError(
                f"{left.height:,} of {source.rows:,} rows are not decided, the first {left.item(0, 0)}; "
                "`undecided` says fail"
            )


def _counts(source: Dataset, words: Words, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    kinds = Counter(each.kind for each in outcomes.values())
    by: dict[str, Counter[str]] = {}
    for said in (said for each in words.values() for said in each.values()):
        by.setdefault(said.reviewer, Counter())[f"{said.decision}ed"] += 1
    decided = sum(kinds[kind] for kind in ("accepted", "edited", "rejected"))
    return {
        **{kind: kinds[kind] for kind in ("accepted", "edited", "rejected")},
        "undecided": source.rows - decided,
        "differing": sum(differ(list(each.values())) for each in words.values()),
        "reviewers": {name: dict(counts) for name, counts in sorted(by.items())},
    }
