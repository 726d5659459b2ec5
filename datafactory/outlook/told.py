"""The outlook as a person reads it: a table with a line per stage, and the sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from datafactory.outlook.figure import Figure, total
from datafactory.outlook.reckoned import peak
from datafactory.outlook.rows import Seen

HEADINGS = ("stage", "do", "problems", "rows", "completions", "tokens", "GPU hours", "money", "disk")
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
LEGEND = (
    "~ rests on what the recipe states under `expect`; = was measured, by a pilot or a finished stage; a figure "
    "without a sign follows from the settings; ? is not known"
)


def told(seen: Sequence[Seen]) -> Iterator[str]:
    """The table, the sums, what is rough."""
    lines = [HEADINGS, *(_line(each) for each in seen)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADINGS))]
    for line in lines:
        cells = [
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
    yield ""
    for label, figure, form in _sums(seen):
        yield f"{label:<24}  {form(figure)}"
    yield LEGEND
    for each in seen:
        for note in each.notes:
            yield f"note: {each.name} {note}"


def _line(seen: Seen) -> tuple[str, ...]:
    makes_rows = bool(seen.rows)
    return (
        seen.name,
        seen.kind,
        _count(seen.problems) if makes_rows and seen.kind == "load" else "",
        _count(seen.count) if makes_rows else "",
        _count(seen.completions),
        _short(seen.trained if seen.trained.value != 0 else seen.tokens),
        _hours(seen.gpu_hours),
        _count(seen.cost),
        _bytes(seen.disk),
    )


def _sums(seen: Sequence[Seen]) -> Iterator[tuple[str, Figure, Callable[[Figure], str]]]:
    merges = [each for each in seen if each.kind == "merge"]
    asked = [each for each in seen if each.completions.value != 0]
    trained = [each for each in seen if each.trained.value != 0]
    yield "problems", total(each.problems for each in seen if each.kind == "load"), _count
    for merge in merges:
        yield f"rows of {merge.name}", merge.count, _count
        for domain, part in sorted(merge.rows.items(), key=lambda item: -(item[1].count.value or 0)):
            yield f"  {domain or 'no domain'}", part.count, _count
        yield f"tokens of {merge.name}", total(part.count * part.tokens for part in merge.rows.values()), _short
    yield "completions", total(each.completions for each in asked), _count
    yield "generated tokens", total(each.tokens for each in asked), _short
    yield "prompt tokens", total(each.prompt_tokens for each in asked), _short
    yield "GPU hours of models", total(each.gpu_hours for each in asked), _hours
    if trained:
        yield "tokens trained on", total(each.trained for each in trained), _short
        yield "GPU hours of training", total(each.gpu_hours for each in trained), _hours
    yield "money", total(each.cost for each in seen), _count
    yield "disk: store", total(each.store for each in seen), _bytes
    yield "disk: journal", total(each.journal for each in seen), _bytes
    yield "disk: published", total(each.published for each in seen), _bytes
    yield "disk at most", peak(list(seen)), _bytes


def _count(figure: Figure) -> str:
    return _marked(figure, lambda value: f"{value:,.0f}")


def _hours(figure: Figure) -> str:
    return _marked(figure, lambda value: f"{value:,.0f}" if value >= 100 else f"{value:,.3g}")


def _short(figure: Figure) -> str:
    return _marked(figure, lambda value: _of(value, UNITS))


def _bytes(figure: Figure) -> str:
    return _marked(figure, lambda value: _of(value, UNITS) + "B")


def _of(value: float, units: Sequence[tuple[float, str]]) -> str:
    for size, unit in units:
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} "


def _marked(figure: Figure, form: Callable[[float], str]) -> str:
    if figure.value is None:
        return "?"
    if figure.value == 0:
        return ""
    return f"{'~' if figure.stated else '=' if figure.measured else ''}{form(figure.value)}"
