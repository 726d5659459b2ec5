"""The funnel: what went into each finished stage, what came out, and why the rest did not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from datafactory.report.calibration import calibrated, correlated
from datafactory.report.scored import apart, scored
from datafactory.report.units import duration, number, percent
from datafactory.story import Chapter
from datafactory.types import DECIDED

REASONS_SHOWN = 3


@dataclass(frozen=True)
class Line:
    """One stage. `rows` is None where it made a model; `entered` counts the rows it was given."""

    name: str
    kind: str
    entered: int
    rows: int | None
    dropped: int
    reasons: dict[str, int]
    seconds: float | None
    tokens: int | None

    @property
    def held(self) -> int:
        """The rows that the stage made, those that it dropped among them."""
        return (self.rows or 0) + self.dropped


@dataclass(frozen=True)
class Rate:
    """How a verifier or judge of a stage decided: the mean reward of the rows it decided, and how often it said what.

    grade is the mean of a judge that grades, on its own scale; there is no pass rate then.
    """

    stage: str
    verifier: str
    mean: float | None
    statuses: dict[str, int]
    grade: float | None = None

    @property
    def shown(self) -> str:
        return percent(self.mean) if self.grade is None else number(self.grade)


def funnel(chapters: Iterable[Chapter]) -> list[Line]:
    """A line per stage, in the order given."""
    chapters = list(chapters)
    by_name = {chapter.name: chapter for chapter in chapters}
    return [_line(chapter, by_name) for chapter in chapters]


def _line(chapter: Chapter, by_name: dict[str, Chapter]) -> Line:
    dataset = chapter.dataset
    return Line(
        name=chapter.name,
        kind=chapter.kind,
        entered=_entered(chapter, by_name),
        rows=dataset.rows if dataset.shards else None,
        dropped=dataset.dropped,
        reasons=dict(dataset.manifest.get("reasons", {})),
        seconds=dataset.manifest.get("seconds"),
        tokens=chapter.counts.get("completion_tokens"),
    )


def _entered(chapter: Chapter, by_name: dict[str, Chapter]) -> int:
    """The rows of what stands under `from`; other datasets a stage refers to, as those it compares with, go by.

    A stage that reads from outside, or from one that is not among the chapters, was given what it kept and dropped.
    """
    given = chapter.settings.get("from")
    names = [given] if isinstance(given, str) else list(given or ())
    if names and all(name in by_name for name in names):
        return sum(by_name[name].dataset.rows for name in names)
    return chapter.dataset.rows + chapter.dataset.dropped


def rates(chapters: Iterable[Chapter]) -> list[Rate]:
    """The verifiers of every stage that counted verdicts."""
    return [
        Rate(
            stage=chapter.name,
            verifier=verifier,
            mean=chapter.counts.get("pass_rate", {}).get(verifier),
            statuses=dict(statuses),
            grade=chapter.counts.get("mean_grade", {}).get(verifier),
        )
        for chapter in chapters
        for verifier, statuses in chapter.counts.get("statuses", {}).items()
    ]


def said(reasons: dict[str, int], most: int | None = None) -> str:
    """`12 repetition above 0.2, 3 duplicate`, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{count:,} {reason}" for reason, count in ordered[:most]]
    left = len(ordered) - len(shown)
    return ", ".join([*shown, f"{left} more reason{'s' * (left > 1)}"] if left else shown)


def summary(chapters: Iterable[Chapter], console: Console) -> None:
    """The closing summary of a build: a table of the stages, then the pass rates."""
    chapters = list(chapters)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("stage", no_wrap=True)
    for heading in ("rows", "dropped", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("why")
    for line in funnel(chapters):
        made = "a model" if line.rows is None else number(line.rows)
        dropped = number(line.dropped) if line.dropped else ""
        why = Text(said(line.reasons, REASONS_SHOWN))  # a reason may hold brackets
        table.add_row(Text(line.name), made, dropped, duration(line.seconds), why)
    console.print(Padding(table, (1, 0)))
    for rate in rates(chapters):
        undecided = sum(rate.statuses.values()) - _decided(rate)
        over = f"over {_decided(rate):,} decided rows" + (f", {undecided:,} undecided" if undecided else "")
        console.print(Text(f"{rate.stage}: mean {rate.verifier} {_kind(rate)} {rate.shown} {over}"), soft_wrap=True)
    for chapter in chapters:
        for model, scores in chapter.counts.get("scores", {}).items():
            console.print(Text(f"{chapter.name}: {model} {scored(scores)}"), soft_wrap=True)
        for pair in chapter.counts.get("comparisons", []):
            told = f"{chapter.name}: {pair['model']} against {pair['against']}: {apart(pair)}"
            console.print(Text(told), soft_wrap=True)
        if calibration := chapter.counts.get("calibration"):
            console.print(Text(f"{chapter.name}: {calibrated(calibration)}"), soft_wrap=True)
        if correlation := chapter.counts.get("correlation"):
            console.print(Text(f"{chapter.name}: {correlated(correlation)}"), soft_wrap=True)


def _decided(rate: Rate) -> int:
    return sum(rate.statuses.get(status, 0) for status in DECIDED)


def _kind(rate: Rate) -> str:
    return "reward" if rate.grade is None else "grade"
