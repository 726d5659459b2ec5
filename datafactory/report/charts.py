"""Charts: counts as inline SVG, shares as bars. No scripts; a pointer on a bar shows its number.

Colours are classes that page.css gives a meaning in light and in dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise

from datafactory.report.histogram import Histogram
from datafactory.report.units import number

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 22, 26


def histogram(
    layers: Sequence[tuple[str, str, Histogram]], marks: Sequence[tuple[str, float]] = (), label: str = ""
) -> str:
    """Layers of (what, class, counts) between the same edges, drawn over each other from zero, the first behind.

    Marks are thresholds: (text, where); one that lies beyond the edges is not drawn.
    """
    edges = layers[0][2].edges
    low, high = edges[0], edges[-1]
    most = max(max(counts.counts) for _, _, counts in layers) or 1
    top = _round_up(most)

    def x(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - count / top * (HEIGHT - BOTTOM - TOP)

    drawn = [_grid(top, y)]
    for what, kind, counts in layers:
        for (start, end), count in zip(pairwise(edges), counts.counts, strict=True):
            if count:
                span = number((start + end) / 2) if counts.centred else f"{number(start)} to {number(end)}"
                # a bin about one value is drawn as a bar that leaves room to see on which side of it a threshold lies
                room = x(end) - x(start)
                wide = min(0.6 * room, 36) if counts.centred else max(room - 1, 0.8)
                drawn.append(
                    f'<rect class="{kind}" x="{x((start + end) / 2) - wide / 2:.1f}" width="{wide:.1f}" '
                    f'y="{y(count):.1f}" height="{y(0) - y(count):.1f}"><title>{escape(f"{span}: {count:,} {what}")}'
                    "</title></rect>"
                )
    drawn += [_mark(text, x(value)) for text, value in marks if low <= value <= high]
    drawn += [_tick(x(value), number(value)) for value in _ticks(layers[0][2])]
    return _svg(drawn, label)


def line(points: Sequence[tuple[float, float]], label: str) -> str:
    """A curve through (step, value), over its own range."""
    steps, values = [step for step, _ in points], [value for _, value in points]
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    first, last = min(steps), max(steps)

    def x(step: float) -> float:
        return LEFT + (step - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    path = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
    drawn = [
        *(_rule(y(value), f"{value:.3g}") for value in (low, (low + high) / 2, high)),
        f'<polyline class="curve" points="{path}"/>',
        *(_tick(x(step), number(step)) for step in dict.fromkeys((first, last))),
    ]
    if len(points) <= 60:
        drawn += [
            f'<circle class="dot" cx="{x(step):.1f}" cy="{y(value):.1f}" r="2.5"><title>step {number(step)}: '
            f"{number(value)}</title></circle>"
            for step, value in points
        ]
    return _svg(drawn, label)


def bar(parts: Sequence[tuple[float, str, str]], width: float = 1.0) -> str:
    """One bar of (share, class, what it is), as wide as that share of its place."""
    inner = "".join(
        f'<i class="{kind}" style="width:{share:.3%}" title="{escape(what)}"></i>'
        for share, kind, what in parts
        if share > 0
    )
    return f'<div class="bar"><div style="width:{max(width, 0.004):.3%}">{inner}</div></div>'


def _svg(drawn: Sequence[str], label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">' + "".join(drawn) + "</svg>"


def _grid(top: float, y: Callable[[float], float]) -> str:
    return "".join(_rule(y(count), number(count)) for count in dict.fromkeys((0, top / 2, top)) if count % 1 == 0)


def _rule(y: float, text: str) -> str:
    return (
        f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="axis" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'
    )


def _tick(x: float, text: str) -> str:
    anchor = "start" if x < LEFT + 12 else "end" if x > WIDTH - RIGHT - 12 else "middle"
    return f'<text class="axis" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{escape(text)}</text>'


def _mark(text: str, x: float) -> str:
    left = x > (LEFT + WIDTH - RIGHT) / 2
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 12}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="mark" x="{x - 5 if left else x + 5:.1f}" y="{TOP - 5}" '
        f'text-anchor="{"end" if left else "start"}">{escape(text)}</text>'
    )


def _round_up(most: float) -> float:
    """The next number of one or two digits whose half is as short, times a power of ten."""
    scale = 10.0 ** math.floor(math.log10(most))
    return next(step * scale for step in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10) if step * scale >= most * (1 - 1e-9))


def _ticks(counts: Histogram) -> list[float]:
    """About five edges, or the middles of the bins where each is about one value."""
    edges = [(start + end) / 2 for start, end in pairwise(counts.edges)] if counts.centred else counts.edges
    every = math.ceil((len(edges) - 1) / 5) or 1
    return list(edges[::every])
