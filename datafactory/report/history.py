"""History: everything that is known of one trace: its problem, the other rollouts of it, each stage it passed and what
that stage said, why it was kept or dropped, and where it stands.

It is read from the stages' folders where these are here, else from what was published alone: the rows and the rejected
rows carry the verdicts and measures, not the stages in which nothing was said of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datafactory.errors import UserError
from datafactory.report.ids import Id, meant, rows_with
from datafactory.report.opened import RECIPE, Opened, opened
from datafactory.report.stages import Stage, stages_of
from datafactory.store import EVIDENCE, REASON

BARE = ("stage", "reason", "evidence", REASON, EVIDENCE)  # of rejected rows: no columns of their own
PUBLISHED = {"problem": "question", "solution": "answer"}


@dataclass(frozen=True)
class Passage:
    """A row as it left a stage, kept or dropped, and as it came there; `came` is None where that is not known.

    number  of the row in its file, from 0
    """

    stage: Stage
    row: Mapping[str, Any]
    file: Path
    number: int
    reason: str | None = None
    evidence: str | None = None
    came: Mapping[str, Any] | None = None

    @property
    def trace(self) -> str | None:
        return self.row.get("trace_id")

    @property
    def added(self) -> dict[str, Any]:
        """The columns that the stage made or changed; those it is known to make, where the row before is not here."""
        if self.came is not None:
            row = {PUBLISHED.get(name, name): value for name, value in self.row.items()}
            return {name: value for name, value in row.items() if name not in self.came or self.came[name] != value}
        return {name: self.row[name] for name in self.stage.columns if self.row.get(name) is not None}


@dataclass(frozen=True)
class Rollout:
    """One answer to the problem under all the ids it has had, the latest last, and its way in the order of stages."""

    ids: tuple[str, ...]
    passages: tuple[Passage, ...]

    @property
    def last(self) -> Passage:
        return self.passages[-1]

    @property
    def published(self) -> list[Passage]:
        """Where it stands in what a merge published: more than once where rows are repeated."""
        return [passage for passage in self.passages if passage.stage.published and not passage.reason]


@dataclass(frozen=True)
class History:
    """rollouts are in the order of sampling; `mine` is the one that was asked for.

    missing  the stages whose folders are not here
    """

    path: Path
    id: Id
    before: tuple[Passage, ...]
    rollouts: tuple[Rollout, ...]
    mine: Rollout | None
    stages: tuple[Stage, ...]
    missing: tuple[str, ...] = ()

    @property
    def problem(self) -> Mapping[str, Any]:
        """A row that holds the problem."""
        passages = [*self.before, *(each.passages[0] for each in self.rollouts)]
        row = passages[0].row
        return {PUBLISHED.get(name, name): value for name, value in row.items()}


@dataclass
class _Way:
    """What is found of an answer while the stages are gone through."""

    ids: list[str]
    passages: list[Passage] = field(default_factory=list)


def history(path: Path, prefix: str) -> History:
    """The history of the trace or problem with that id; UserError where there is none or several begin so."""
    found = opened(path)
    stages = stages_of(path) if path.is_dir() else []
    own = [stage for stage in stages if stage.published]
    if not stages and not found.files:
        raise UserError(f"{path} is {found.kind}: it holds no rows")
    if not stages:
        stages = [_files_alone(found)]
    wanted = meant(prefix, _pools(path, found, own, stages), path)
    column, value = ("problem_id", wanted.problem) if wanted.problem else ("trace_id", wanted.trace)
    assert value is not None
    missing = tuple(stage.name for stage in stages if stage.folder is None and stage.name != stages[-1].name)
    rejected = [file for stage in own if stage.published for file in _rejected(stage.published)] if missing else []
    before: list[Passage] = []
    ways: list[_Way] = []
    for stage in stages:
        for passage in _passages(stage, column, value, rejected):
            _take(passage, before, ways)
    rollouts = [_rollout(way, before, stages, bool(missing)) for way in ways]
    rollouts.sort(key=lambda each: (each.passages[0].row.get("rollout") or 0, each.ids))
    mine = next((each for each in rollouts if wanted.trace and wanted.trace in each.ids), None)
    return History(path, wanted, tuple(before), tuple(rollouts), mine, tuple(stages), missing)


def _files_alone(found: Opened) -> Stage:
    """Rows of which no manifest tells, as a stage of no kind that kept them all."""
    entries = [{"file": str(path.resolve())} for path in found.files]
    return Stage(found.path.name, "", "", {}, {"shards": entries}, found.folder)


def _pools(path: Path, found: Opened, own: Sequence[Stage], stages: Sequence[Stage]) -> Iterator[list[Path]]:
    """The files in which an id is sought: what was asked for, then every stage."""
    yield [*(found.files if found.kind != RECIPE else ()), *(file for each in own for file in _whole(each))]
    yield [file for stage in stages for file in (*stage.kept, *stage.dropped)]


def _whole(stage: Stage) -> list[Path]:
    assert stage.published is not None
    return [*sorted(stage.published.glob("data/*.parquet")), *_rejected(stage.published)]


def _rejected(folder: Path) -> list[Path]:
    return sorted(folder.glob("rejected/*.parquet"))


def _passages(stage: Stage, column: str, value: str, rejected: Sequence[Path]) -> Iterator[Passage]:
    kept = sorted(stage.published.glob("data/*.parquet")) if stage.published else stage.kept
    for file, number, row in rows_with(column, value, kept):
        yield Passage(stage, row, file, number)
    dropped = stage.dropped if stage.folder else [file for file in rejected if file.name.startswith(f"{stage.name}-")]
    for file, number, row in rows_with(column, value, dropped):
        if row.get("stage", stage.name) in (None, stage.name) or stage.folder:
            reason, evidence = row.get(REASON, row.get("reason")), row.get(EVIDENCE, row.get("evidence"))
            yield Passage(stage, _bare(row), file, number, reason or "dropped", evidence)


def _bare(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in BARE}


def _take(passage: Passage, before: list[Passage], ways: list[_Way]) -> None:
    """Put a row to the answer it is of; a row without an answer is the problem's."""
    row = passage.row
    if row.get("trace_id") is None and row.get("rollout") is None and row.get("response") is None:
        before.append(passage)
        return
    trace = row.get("trace_id") or f"rollout {row.get('rollout')}"
    parent = row.get("parent_id")
    way = next((each for each in ways if trace in each.ids), None)
    if way is None and parent:
        # two rows may have been made of one: each is a way of its own from there on
        way = next((each for each in ways if each.ids[-1] == parent and each.passages), None)
        if way is None and (fork := next((each for each in ways if parent in each.ids), None)):
            until = fork.ids.index(parent) + 1
            way = _Way(fork.ids[:until], [each for each in fork.passages if each.trace in fork.ids[:until]])
            ways.append(way)
    if way is None:
        way = _Way([parent] if parent else [])
        ways.append(way)
    if trace not in way.ids:
        way.ids.append(trace)
    way.passages.append(passage)


def _rollout(way: _Way, before: Sequence[Passage], stages: Sequence[Stage], alone: bool) -> Rollout:
    """The way with what each stage was given; where the stages are not here, those that left words in the row."""
    passages = list(way.passages)
    if alone:
        passages = [*_told_by(passages[-1], stages), *passages]
        return Rollout(tuple(way.ids), tuple(passages))
    found: list[Passage] = []
    for passage in passages:
        earlier = [each.row for each in (*before, *found) if each.stage.name != passage.stage.name]
        came = earlier[-1] if earlier else None
        known = {PUBLISHED.get(name, name): value for name, value in came.items()} if came is not None else None
        found.append(_with(passage, known))
    return Rollout(tuple(way.ids), tuple(found))


def _with(passage: Passage, came: Mapping[str, Any] | None) -> Passage:
    return Passage(passage.stage, passage.row, passage.file, passage.number, passage.reason, passage.evidence, came)


def _told_by(last: Passage, stages: Iterable[Stage]) -> Iterator[Passage]:
    """The stages before the last that a row itself tells of: it has their verdicts or measures."""
    for stage in stages:
        if stage.name == last.stage.name:
            return
        passage = Passage(stage, last.row, last.file, last.number)
        if passage.added:
            yield passage
