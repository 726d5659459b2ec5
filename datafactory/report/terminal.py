"""The terminal view: what a path holds, as `datafactory inspect` shows it.

Rows, columns, composition, distributions, a few traces; each part appears when it is known. However large a set is,
its texts are read of the few rows alone that are shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
from rich.console import Console

from datafactory.errors import UserError
from datafactory.report.calibration import HEADINGS, calibrated, correlated, lines
from datafactory.report.chosen import Asked, View, chosen, count
from datafactory.report.funnel import said
from datafactory.report.opened import RECIPE, Opened, opened, unreadable
from datafactory.report.overview import overview
from datafactory.report.page_training import series
from datafactory.report.scored import apart, scored
from datafactory.report.spelling import block, clean, print_table, say, table
from datafactory.report.stages import stages_told
from datafactory.report.traces import Trace, trace_of
from datafactory.report.units import counted, number, size


def inspect(path: Path, view: View, console: Console) -> None:
    """What stands at that path, in the terminal."""
    found = opened(path)
    if found.kind == RECIPE:
        if view != View():
            raise UserError(f"{path} holds the stages of a recipe; give the one whose rows you want")
        stages_told(path, console)
        return
    if not found.files:
        _heading(found, console)
        return
    asked = Asked.of(view, found.rows.collect_schema().names())
    try:
        _heading(found, console)
        total, met = found.count(), count(found, asked)
        _rows(found, total, met, view.where, console)
        overview(found, asked, total, console)
        _examples(found, asked, console)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _refused(found, view, error) from error


def rows_as_json(path: Path, view: View, out: BinaryIO) -> None:
    """The rows that the view wants, each as a JSON object in a line of its own; what is not a number is null."""
    found = opened(path)
    if not found.files:
        raise UserError(f"{path} is {found.kind}: it holds no rows")
    asked = Asked.of(view, found.rows.collect_schema().names())
    try:
        for rows in chosen(found, asked):
            out.write(rows.write_ndjson().encode())
        out.flush()
    except BrokenPipeError:
        raise
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _refused(found, view, error) from error


def _refused(found: Opened, view: View, error: Exception) -> UserError:
    if view.where and _reads(found.rows):
        return UserError(f"'{view.where}' does not fit the columns: {str(error).splitlines()[0]}")
    return unreadable(found.path, error)


def _reads(rows: pl.LazyFrame) -> bool:
    """Whether the rows can be read where no condition is put to them."""
    try:
        rows.head(1).collect()
    except (pl.exceptions.PolarsError, OSError):
        return False
    return True


def _heading(found: Opened, console: Console) -> None:
    files = f", {counted(len(found.files), 'file')}, {size(found.bytes)}" if found.files else ""
    say(console, f"{found.path}: {found.kind}{files}", "bold")
    manifest = found.manifest
    if "stage" in manifest:
        say(console, f"made by the stage `{manifest['stage']}`, {manifest.get('started', 'at an unknown time')}")
    if "recipe" in manifest:
        say(console, f"published from the recipe {manifest['recipe']}, {manifest.get('created', 'at an unknown time')}")
    if manifest.get("dropped"):
        say(console, f"dropped: {counted(manifest['dropped'], 'row')} ({said(manifest.get('reasons', {}))})")
    for name, value in manifest.get("counts", {}).items():
        if name == "calibration":
            _calibration(value, console)
        elif name == "correlation":
            say(console, correlated(value))
        elif name == "scores":
            for each in value:
                say(console, f"{each['name']}: {scored(each)}")
        elif name == "comparisons":
            for pair in value:
                say(console, f"{pair['model']} against {pair['against']}: {apart(pair)}")
        else:
            say(console, f"{name}: {_told(value)}")
    if checked := found.verify():
        what, more = ("checksums", "") if found.small else ("sizes", "; `datafactory check` compares the checksums")
        say(console, f"{what}: ok ({counted(checked, 'file')}){more}")


def _calibration(found: dict[str, Any], console: Console) -> None:
    say(console, calibrated(found))
    made = table(*HEADINGS)
    for line in lines(found):
        made.add_row(*map(clean, line))
    print_table(console, made)


def _told(value: Any) -> str:
    """What a stage counted, in a line: a curve by its ends."""
    if points := series(value):
        return ", ".join(f"{number(value)} at step {number(step)}" for step, value in (points[0], points[-1]))
    if isinstance(value, dict):
        return ", ".join(
            f"{name} ({_told(inner)})" if isinstance(inner, dict) else f"{name} {_told(inner)}"
            for name, inner in value.items()
        )
    if isinstance(value, list):
        return "; ".join(map(_told, value))
    return number(value)


def _rows(found: Opened, total: int, met: int, where: str | None, console: Console) -> None:
    shown = f"{met:,} of {counted(total, 'row')} with {where}" if where else counted(total, "row")
    say(console, shown + (f"; the first {found.first:,} of a large file" if found.first else ""))


def _examples(found: Opened, asked: Asked, console: Console) -> None:
    if not asked.view.examples:
        return
    for one in chosen(found, asked):
        row = one.row(0, named=True)
        console.rule(style="dim")
        trace = trace_of(row)
        if asked.view.columns or (trace.question is None and trace.response is None):
            for name, value in row.items():
                block(console, name, "null" if value is None else str(value))
        else:
            traced(trace, console)


def traced(trace: Trace, console: Console) -> None:
    """A trace with its verdicts and measures."""
    say(
        console,
        " · ".join([str(trace.problem_id or ""), *(f"{name} {value}" for name, value in trace.facts.items())]),
        "dim",
    )
    block(console, "question", trace.question)
    block(console, "thinking", trace.reasoning)
    block(console, "response", trace.response)
    block(console, "gold answer", trace.answer)
    for verdict in trace.verdicts:
        say(console, f"{verdict.verifier} {number(verdict.reward)}: {verdict.status} {verdict.detail}".rstrip())
    if trace.measures:
        say(console, ", ".join(f"{name} {number(value)}" for name, value in trace.measures.items()))
    if trace.reason:
        say(console, f"dropped: {trace.reason} ({trace.evidence or 'no evidence'})", "yellow")
