"""Units: numbers and types as a person reads them."""

from __future__ import annotations

from typing import Any

import polars as pl


def number(value: Any) -> str:
    """`12,345`, `0.0412`, `-` for None; what is no number as it is."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if float(value).is_integer():
        return f"{value:,.0f}"
    if abs(value) >= 1000:
        return f"{value:,.1f}"
    return f"{value:.4g}"


def short(value: float) -> str:
    """`12K`, `1.5M`, `0.25`: as short as an axis needs it."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= 10_000 and abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return number(value)


def money(cost: float) -> str:
    """`3.15`, `0.0042`, `12,345`; in the currency that the recipe's prices are in."""
    if cost >= 1000:
        return f"{cost:,.0f}"
    return f"{cost:.2f}" if cost >= 0.1 or not cost else f"{cost:.2g}"


def percent(share: float | None) -> str:
    """`41.3 %`; a share that is not quite none or all does not read as if it were."""
    if share is None:
        return "-"
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


def share(part: float | None) -> str:
    """`41.0 %`, for a column of them: all with one decimal."""
    said = percent(part)
    return said if "." in said or part is None or said[0] in "<>" else said.replace(" %", ".0 %")


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 5400:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{round(whole / 60)} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def named(name: str | None, most: int = 100) -> str:
    """A value of a column as a name in a table: cut where it is long, `none given` for null."""
    if name is None:
        return "none given"
    return name if len(name) <= most else f"{name[: most - 1]}…"


def counted(count: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def kind_of(kind: pl.DataType) -> str:
    """`list of {role, content}`, `string`."""
    if isinstance(kind, pl.List):
        return f"list of {kind_of(kind.inner)}"  # type: ignore[arg-type]
    if isinstance(kind, pl.Struct):
        return "{" + ", ".join(field.name for field in kind.fields) + "}"
    return str(kind).lower()
