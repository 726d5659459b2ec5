"""Progress a person can follow: a live bar per stage in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from datafactory.pace import Pace

EVERY_SECONDS = 10.0  # between two lines of a running stage where there is no terminal


@dataclass
class StageProgress:
    """How far one stage is. Stages call `expect` and `advance`; `note` says something in passing."""

    name: str
    view: Progress
    total: int | None = None
    unit: str = "rows"
    rows: int = 0
    tokens: int = 0
    accepted: int | None = None
    latest: str = ""
    """What a training last said of itself: `loss 0.31`."""
    started: float = field(default_factory=time.monotonic)
    pace: Pace = field(default_factory=Pace)

    def expect(self, total: int | None, unit: str = "rows") -> None:
        self.total, self.unit = total, unit
        self.view.refresh(self)

    def advance(self, rows: int = 0, tokens: int = 0, accepted: int | None = None) -> None:
        self.rows += rows
        if rows:
            self.pace.mark(rows)
        self.tokens += tokens
        if accepted is not None:
            self.accepted = (self.accepted or 0) + accepted
        self.view.refresh(self)

    def note(self, text: str) -> None:
        self.view.say(f"{self.name}: {text}")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def figures(self) -> str:
        """`412 rows/s · 271 tokens/s · 33 accepted`, what there is of it."""
        seconds = max(self.seconds, 1e-3)
        shown = []
        if self.rows:
            rate = self.rows / seconds
            shown.append(f"{rate:,.0f} {self.unit}/s" if rate >= 10 else f"{rate:.1f} {self.unit}/s")
        if self.tokens:
            shown.append(f"{self.tokens / seconds:,.0f} tokens/s")
        if self.accepted is not None:
            shown.append(f"{self.accepted:,} accepted")
        if self.latest:
            shown.append(self.latest)
        return " · ".join(shown)


class Progress:
    """Where progress is shown. Use as a context; `stage(name)` opens a stage's."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(file=sys.stderr, highlight=False)
        self.live = self.console.is_terminal
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._spoke: dict[str, float] = {}

    def __enter__(self) -> Progress:
        if self.live:
            self._bars = Bars(
                TextColumn("[bold]{task.description:>12}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[figures]}", style="cyan"),
                TimeRemainingColumn(compact=True),
                console=self.console,
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()
            self._bars = None

    def stage(self, name: str) -> StageProgress:
        if self._bars:
            self._tasks[name] = self._bars.add_task(name, total=None, figures="")
        self._spoke[name] = time.monotonic()
        return StageProgress(name, self)

    def refresh(self, stage: StageProgress) -> None:
        if self._bars:
            self._bars.update(self._tasks[stage.name], total=stage.total, completed=stage.rows, figures=stage.figures())
        elif time.monotonic() - self._spoke[stage.name] > EVERY_SECONDS:
            self._spoke[stage.name] = time.monotonic()
            left = f" of {stage.total:,}" if stage.total else ""
            self.say(f"{stage.name}: {stage.rows:,}{left} {stage.unit} · {stage.figures()}{_eta(stage)}")

    def finished(self, stage: StageProgress, text: str) -> None:
        """The stage's bar gives way to one line that stays."""
        if self._bars and stage.name in self._tasks:
            self._bars.remove_task(self._tasks.pop(stage.name))
        self.say(text)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)


def _eta(stage: StageProgress) -> str:
    if not stage.total or not stage.rows:
        return ""
    left = stage.seconds / stage.rows * (stage.total - stage.rows)
    return f" · {left:,.0f} s left"
