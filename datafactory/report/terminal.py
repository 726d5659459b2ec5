"""The terminal view: what a path holds, as `datafactory inspect` shows it.

Rows, columns, composition, distributions, a few traces. A set of a GiB or more is not read whole: what is said of its
columns is then said of its first rows.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from datafactory.conditions import columns_in, expression
from datafactory.errors import UserError, did_you_mean
from datafactory.report.calibration import HEADINGS, calibrated, correlated, lines
from datafactory.report.funnel import said
from datafactory.report.histogram import histogram, sparkline
from datafactory.report.opened import Opened, opened, unreadable
from datafactory.report.page_models import series
from datafactory.report.traces import IDENTITY, Trace, spread, trace_of
from datafactory.report.units import counted, kind_of, number, percent, size
from datafactory.store import REASON

HEAD = 100_000  # rows looked at of a set too large to be read whole
NEAR = 500  # rows among which examples are chosen
VALUES = 8  # of a column's composition
LONGEST = 1_500  # characters of one text
PARTS = ("domain", "source", "license", "model", "finish_reason", "stage", "reason", REASON)
NOT_MEASURES = ("rollout", "prompt_tokens")


def inspect(path: Path, where: str | None, examples: int, console: Console) -> None:
    found = opened(path)
    columns = found.rows.collect_schema().names()
    rows = found.rows.filter(_condition(where, columns)) if where and found.files else found.rows
    _heading(found, console)
    if not found.files:
        return
    looked = rows if found.small else rows.head(HEAD)
    try:
        total = found.rows.select(pl.len()).collect().item()
        met = rows.select(pl.len()).collect().item() if where else total
        _rows(found, total, met, where, console)
        _columns(looked, console)
        _composition(looked, columns, console)
        _distributions(looked, columns, console)
        _examples(rows, columns, examples, console)
    except (pl.exceptions.PolarsError, OSError) as error:
        if where and _reads(found.rows):
            raise UserError(f"'{where}' does not fit the columns: {str(error).splitlines()[0]}") from error
        raise unreadable(found.path, error) from error


def _condition(where: str, columns: list[str]) -> pl.Expr:
    try:
        wanted = columns_in(where)
    except ValueError as error:
        raise UserError(str(error)) from error
    unknown = [name for name in wanted if name not in columns]
    if unknown:
        raise UserError(*[f"no column '{name}'.{did_you_mean(name, columns)}" for name in unknown])
    return expression(where)


def _reads(rows: pl.LazyFrame) -> bool:
    """Whether the rows can be read where no condition is put to them."""
    try:
        rows.head(1).collect()
    except (pl.exceptions.PolarsError, OSError):
        return False
    return True


def _heading(found: Opened, console: Console) -> None:
    files = f", {counted(len(found.files), 'file')}, {size(found.bytes)}" if found.files else ""
    _say(console, f"{found.path}: {found.kind}{files}", "bold")
    manifest = found.manifest
    if "stage" in manifest:
        _say(console, f"made by the stage `{manifest['stage']}`, {manifest.get('started', 'at an unknown time')}")
    if "recipe" in manifest:
        _say(
            console, f"published from the recipe {manifest['recipe']}, {manifest.get('created', 'at an unknown time')}"
        )
    if manifest.get("dropped"):
        _say(console, f"dropped: {counted(manifest['dropped'], 'row')} ({said(manifest.get('reasons', {}))})")
    for name, value in manifest.get("counts", {}).items():
        if name == "calibration":
            _calibration(value, console)
        elif name == "correlation":
            _say(console, correlated(value))
        else:
            _say(console, f"{name}: {_told(value)}")
    if any(found.sums()):
        _say(
            console,
            f"checksums: ok ({counted(found.verify(), 'file')})"
            if found.small
            else "checksums: not verified, it is large",
        )


def _calibration(found: dict[str, Any], console: Console) -> None:
    _say(console, calibrated(found))
    table = _table(*HEADINGS)
    for line in lines(found):
        table.add_row(*map(_clean, line))
    _print(console, table)


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
    _say(console, f"{shown}" + ("" if found.small else f"; what follows is said of the first {HEAD:,}"))


def _columns(rows: pl.LazyFrame, console: Console) -> None:
    schema = rows.collect_schema()
    nulls = rows.select(pl.all().null_count(), pl.len().alias("*")).collect(engine="streaming").row(0)
    table = _table("columns", "type", "nulls")
    for (name, kind), missing in zip(schema.items(), nulls, strict=False):
        share = f"{missing:,} ({percent(missing / nulls[-1])})" if missing else ""
        table.add_row(_clean(name), _clean(kind_of(kind)), share)
    _print(console, table)


def _composition(rows: pl.LazyFrame, columns: list[str], console: Console) -> None:
    """The values of the columns that say what kind of row it is, the most frequent first."""
    table = _table("composition", "", "rows", "share")
    for name in columns:
        if name not in PARTS and not name.endswith("_status"):
            continue
        counts = rows.group_by(name).len().sort("len", name, descending=[True, False], nulls_last=True).collect()
        if counts[name].null_count() == counts.height:
            continue
        total = int(counts["len"].sum())
        shown = [("null" if value is None else str(value), count) for value, count in counts.head(VALUES).iter_rows()]
        if counts.height > VALUES:
            shown.append((f"{counts.height - VALUES:,} more", int(counts.tail(counts.height - VALUES)["len"].sum())))
        for place, (value, count) in enumerate(shown):
            bar = "█" * max(1, round(20 * count / total))
            table.add_row(_clean("" if place else name), _clean(value), number(count), percent(count / total), bar)
    if table.row_count:
        _print(console, table)


def _distributions(rows: pl.LazyFrame, columns: list[str], console: Console) -> None:
    schema = rows.collect_schema()
    table = _table("numbers", "from", "to", "mean", "median")
    for name in columns:
        if (schema[name].is_numeric() or schema[name] == pl.Boolean) and name not in NOT_MEASURES:
            found = histogram(rows.select(name).collect()[name])
            if found:
                ends = [number(round(edge, 6)) for edge in (found.low, found.high)]
                middle = [number(found.mean), number(found.median)]
                table.add_row(_clean(name), *ends, *middle, sparkline(found.counts))
    if table.row_count:
        _print(console, table)


def _examples(rows: pl.LazyFrame, columns: list[str], count: int, console: Console) -> None:
    if not count:
        return
    keys = (
        rows.select([name for name in (*IDENTITY, "domain") if name in columns])
        .head(NEAR)
        .with_row_index("row")
        .collect()
    )
    near = rows.head(NEAR).with_row_index("row")
    chosen = spread(keys, ["domain"], count)["row"].head(count).to_list()
    for row in near.filter(pl.col("row").is_in(chosen)).collect().drop("row").iter_rows(named=True):
        trace = trace_of(row)
        console.rule(style="dim")
        if trace.question is None and trace.response is None:
            for name, value in row.items():
                _block(console, name, str(value))
        else:
            _trace(trace, console)


def _trace(trace: Trace, console: Console) -> None:
    _say(
        console,
        " · ".join([str(trace.problem_id or ""), *(f"{name} {value}" for name, value in trace.facts.items())]),
        "dim",
    )
    _block(console, "question", trace.question)
    _block(console, "thinking", trace.reasoning)
    _block(console, "response", trace.response)
    _block(console, "gold answer", trace.answer)
    for verdict in trace.verdicts:
        _say(console, f"{verdict.verifier} {number(verdict.reward)}: {verdict.status} {verdict.detail}".rstrip())
    if trace.measures:
        _say(console, ", ".join(f"{name} {number(value)}" for name, value in trace.measures.items()))
    if trace.reason:
        _say(console, f"dropped: {trace.reason} ({trace.evidence or 'no evidence'})", "yellow")


def _block(console: Console, title: str, content: str | None) -> None:
    if content:
        left = len(content) - LONGEST
        _say(console, title, "bold cyan")
        _say(console, content[:LONGEST] + (f" … and {left:,} more characters" if left > 0 else ""))


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold cyan", padding=(0, 2, 0, 0))
    table.add_column(headings[0], overflow="fold")
    for heading in headings[1:]:
        table.add_column(heading, justify="left" if heading in ("", "type") else "right", overflow="fold")
    return table


def _print(console: Console, table: Table) -> None:
    console.print()
    console.print(table)


def _say(console: Console, content: str, style: str = "") -> None:
    console.print(_clean(content, style), soft_wrap=True, highlight=False)


def _clean(content: str, style: str = "") -> Text:
    """Other people's text for a terminal: no markup is read in it, and a control character is shown, not obeyed."""
    shown = "".join(
        each if each in "\n\t" or unicodedata.category(each) != "Cc" else f"\\x{ord(each):02x}" for each in content
    )
    return Text(shown, style)
