"""Charts: counts as inline SVG, shares as bars. No scripts; a pointer on a bar shows its number.

Colours are classes that page.css gives a meaning in light and in dark. Each chart says in words what it shows, and
stands beside a table of its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from datafactory.report.histogram import Histogram
from datafactory.report.units import number, short

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 24, 26
FITTING = 5  # characters left of an axis
FAINTEST = 1.6  # the height of a bar that holds anything at all, beside one that holds a million


class Layer(NamedTuple):
    """Counts of one kind: what they are, and the class that colours them."""

    what: str
    kind: str
    counts: Histogram


def histogram(
    layers: Sequence[Layer],
    marks: Sequence[tuple[str, float]] = (),
    label: str = "",
    beyond: Sequence[tuple[float, float]] = (),
) -> str:
    """Layers between the same edges, drawn over each other from zero, the first behind.

    Marks are thresholds: (text, where); one that lies past the edges is not drawn. The spans `beyond` are shaded.
    """
    edges, logarithmic = layers[0].counts.edges, layers[0].counts.logarithmic
    x = _along(edges, logarithmic, LEFT, WIDTH - RIGHT)
    top = _round_up(max(max(layer.counts.counts) for layer in layers) or 1)

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - count / top * (HEIGHT - BOTTOM - TOP)

    drawn = [
        _shade(x(max(low, edges[0])), x(min(high, edges[-1])))
        for low, high in beyond
        if low < edges[-1] and high > edges[0]
    ]
    drawn.append(_grid(top, y))
    for layer in layers:
        drawn += _bars(layer, x, y)
    drawn += _marks([(text, x(value)) for text, value in marks if edges[0] <= value <= edges[-1]])
    drawn += [_tick(x(value), short(value)) for value in _ticks(layers[0].counts)]
    return _svg(drawn, label, _said(layers))


def _bars(layer: Layer, x: Callable[[float], float], y: Callable[[float], float]) -> list[str]:
    counts, drawn = layer.counts, []
    for (start, end), count in zip(pairwise(counts.edges), counts.counts, strict=True):
        if count:
            span = number((start + end) / 2) if counts.centred else f"{number(start)} to {number(end)}"
            # a bin about one value is drawn as a bar that leaves room to see on which side of it a threshold lies
            room = x(end) - x(start)
            wide = min(0.6 * room, 36) if counts.centred else max(room - 1, 0.8)
            high = max(y(0) - y(count), FAINTEST)
            drawn.append(
                f'<rect class="{layer.kind}" x="{(x(start) + x(end)) / 2 - wide / 2:.1f}" width="{wide:.1f}" '
                f'y="{y(0) - high:.1f}" height="{high:.1f}"><title>{escape(f"{span}: {count:,} {layer.what}")}'
                "</title></rect>"
            )
    return drawn


class Ridge(NamedTuple):
    """A row of its own: a name, what is said of it, its counts."""

    name: str
    said: str
    counts: Histogram


def ridges(rows: Sequence[Ridge], marks: Sequence[tuple[str, float]] = (), label: str = "", kind: str = "kept") -> str:
    """A small histogram per row over one axis, each as high as its own fullest bin; its median is marked."""
    step, first = 50, 30
    counts = rows[0].counts
    x = _along(counts.edges, counts.logarithmic, 12, WIDTH - RIGHT)
    bottom = first + step * len(rows)
    drawn = []
    for value in _ticks(counts):
        drawn.append(f'<line class="rule" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{first - 8}" y2="{bottom}"/>')
        drawn.append(_tick(x(value), short(value), bottom + 16))
    for place, row in enumerate(rows):
        foot = first + step * (place + 1) - 4
        most = max(row.counts.counts) or 1
        drawn.append(f'<line class="rule" x1="12" x2="{WIDTH - RIGHT}" y1="{foot}" y2="{foot}"/>')
        drawn += _bars(Layer(f"rows of {row.name}", kind, row.counts), x, _upwards(foot, (step - 22) / most))
        at = min(max(x(row.counts.median), 12), WIDTH - RIGHT)
        drawn.append(f'<line class="median" x1="{at:.1f}" x2="{at:.1f}" y1="{foot - step + 20}" y2="{foot}"/>')
        drawn.append(f'<text class="name" x="12" y="{foot - step + 17}">{escape(row.name)}</text>')
        drawn.append(
            f'<text class="axis" x="{WIDTH - RIGHT}" y="{foot - step + 17}" text-anchor="end">{escape(row.said)}</text>'
        )
    drawn += _marks(
        [(text, x(value)) for text, value in marks if counts.edges[0] <= value <= counts.edges[-1]], 14, bottom
    )
    told = "; ".join(f"{row.name}: {row.said}" for row in rows)
    return _svg(drawn, label, told, bottom + 24)


def _upwards(foot: float, each: float) -> Callable[[float], float]:
    return lambda count: foot - count * each


def line(points: Sequence[tuple[float, float]], label: str, along: str = "step") -> str:
    """A curve through (step, value), over its own range; `along` is what the steps are."""
    steps, values = [step for step, _ in points], [value for _, value in points]
    low, high = min(values), max(values)
    said = (
        f"from {number(values[0])} at {along} {number(steps[0])} to {number(values[-1])} at {along} {number(steps[-1])}"
    )
    if low == high:
        low, high = low - 0.5, high + 0.5
    first, last = min(steps), max(steps)

    def x(step: float) -> float:
        return LEFT + (step - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    path = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
    drawn = [
        *(_rule(y(value), _brief(value)) for value in (low, (low + high) / 2, high)),
        f'<polyline class="curve" points="{path}"/>',
        *(_tick(x(step), number(step)) for step in dict.fromkeys((first, last))),
    ]
    if len(points) <= 60:
        drawn += [
            f'<circle class="dot" cx="{x(step):.1f}" cy="{y(value):.1f}" r="2.5"><title>{along} {number(step)}: '
            f"{number(value)}</title></circle>"
            for step, value in points
        ]
    return _svg(drawn, label, said)


def _brief(value: float) -> str:
    """The value as the room left of an axis takes it."""
    spellings = [f"{value:{spec}}".replace("e-0", "e-").replace("e+0", "e") for spec in (".3g", ".2g", ".0e")]
    return next((spelling for spelling in spellings if len(spelling) <= FITTING), spellings[-1])


class Estimate(NamedTuple):
    """A share with what it lies between; `said` in words."""

    name: str
    value: float
    low: float
    high: float
    said: str


def estimates(rows: Sequence[Estimate], label: str) -> str:
    """A dot with its interval per row, over one axis from 0 to 1."""
    step, first = 34, 14
    bottom = first + step * len(rows)
    ends = (12.0, WIDTH - 14.0)

    def x(value: float) -> float:
        return ends[0] + min(max(value, 0.0), 1.0) * (ends[1] - ends[0])

    drawn = []
    for value in (0, 0.25, 0.5, 0.75, 1):
        drawn.append(f'<line class="rule" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="6" y2="{bottom}"/>')
        drawn.append(_tick(x(value), f"{value:.0%}", bottom + 16))
    for place, row in enumerate(rows):
        y = first + step * place + 22
        low, high = x(row.low), max(x(row.high), x(row.low) + 1)
        drawn += [
            f'<text class="name" x="{ends[0]}" y="{y - 9}">{escape(row.name)}</text>',
            f'<text class="axis" x="{ends[1]:.0f}" y="{y - 9}" text-anchor="end">{escape(row.said)}</text>',
            f'<line class="curve" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>',
            f'<circle class="dot" cx="{x(row.value):.1f}" cy="{y}" r="4"><title>{escape(f"{row.name}: {row.said}")}'
            "</title></circle>",
        ]
    return _svg(drawn, label, "; ".join(f"{row.name}: {row.said}" for row in rows), bottom + 24)


def bar(parts: Sequence[tuple[float, str, str]], width: float = 1.0, mark: tuple[float, str] | None = None) -> str:
    """One bar of (share, class, what it is), as wide as that share of its place; `mark` is a line where another is."""
    inner = "".join(
        f'<i class="{kind}" style="width:{share:.3%}" title="{escape(what)}"></i>'
        for share, kind, what in parts
        if share > 0
    )
    other = f'<b style="left:{min(mark[0], 1):.3%}" title="{escape(mark[1])}"></b>' if mark else ""
    said = ", ".join([*(what for share, _, what in parts if share > 0), *([mark[1]] if mark else [])])
    filled = f'<div style="width:{max(width, 0.004):.3%}">{inner}</div>' if width > 0 else ""
    return f'<div class="bar" role="img" aria-label="{escape(said)}">{filled}{other}</div>'


def _along(edges: Sequence[float], logarithmic: bool, left: float, right: float) -> Callable[[float], float]:
    """Where on the page a value stands between two places."""
    scale = (lambda value: math.log(max(value, edges[0]))) if logarithmic else float
    low, high = scale(edges[0]), scale(edges[-1])
    return lambda value: left + (scale(value) - low) / (high - low) * (right - left)


def _svg(drawn: Sequence[str], label: str, said: str, height: float = HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img"><title>{escape(label)}</title>'
        f"<desc>{escape(said)}</desc>{''.join(drawn)}</svg>"
    )


def _said(layers: Sequence[Layer]) -> str:
    return "; ".join(
        f"{sum(layer.counts.counts):,} {layer.what}, from {number(layer.counts.low)} to {number(layer.counts.high)}, "
        f"median {number(layer.counts.median)}"
        for layer in layers
    )


def _grid(top: float, y: Callable[[float], float]) -> str:
    return "".join(_rule(y(count), short(count)) for count in dict.fromkeys((0, top / 2, top)) if count % 1 == 0)


def _rule(y: float, text: str) -> str:
    return (
        f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="axis" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'
    )


def _tick(x: float, text: str, y: float = HEIGHT - 8) -> str:
    anchor = "start" if x < LEFT - 10 else "end" if x > WIDTH - RIGHT - 12 else "middle"
    return f'<text class="axis" x="{x:.1f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _shade(start: float, end: float) -> str:
    size = f'width="{max(end - start, 0):.1f}" height="{HEIGHT - BOTTOM - TOP}"'
    return f'<rect class="beyond" x="{start:.1f}" y="{TOP}" {size}/>'


def _marks(marks: Sequence[tuple[str, float]], top: float = TOP - 4, bottom: float = HEIGHT - BOTTOM) -> list[str]:
    """Lines from top to bottom with their texts over them, each on the side where there is room."""
    drawn = []
    for place, (text, x) in enumerate(sorted(marks, key=lambda mark: mark[1])):
        last = place == len(marks) - 1
        left = (
            x > (LEFT + WIDTH - RIGHT) / 2
            if len(marks) == 1
            else (not last or x > WIDTH - RIGHT - 60) and x > LEFT + 60
        )
        drawn.append(
            f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 8:.1f}" y2="{bottom}"/>'
            f'<text class="mark" x="{x - 5 if left else x + 5:.1f}" y="{top - 1:.1f}" '
            f'text-anchor="{"end" if left else "start"}">{escape(text)}</text>'
        )
    return drawn


def _round_up(most: float) -> float:
    """The next number of one or two digits whose half is as short, times a power of ten."""
    scale = 10.0 ** math.floor(math.log10(most))
    return next(step * scale for step in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10) if step * scale >= most * (1 - 1e-9))


def _ticks(counts: Histogram) -> list[float]:
    """About five edges, or the middles of the bins where each is about one value; on a log axis powers of ten."""
    if counts.logarithmic:
        low, high = counts.edges[0], counts.edges[-1]
        decades = [10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
        several = decades if len(decades) > 3 else [step * decade for decade in decades for step in (1, 2, 5)]
        return [value for value in several if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
    edges = [(start + end) / 2 for start, end in pairwise(counts.edges)] if counts.centred else counts.edges
    every = math.ceil((len(edges) - 1) / 5) or 1
    return list(edges[::every])
