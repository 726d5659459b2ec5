"""The report's section on training: each trained model, with the curves that its trainer logged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from datafactory.report import charts
from datafactory.report.markup import Html, element, figure, grid, join, section
from datafactory.report.units import duration, number
from datafactory.story import Chapter

Points = list[tuple[float, float]]


def training(chapters: Iterable[Chapter]) -> Html:
    parts = [_trained(chapter) for chapter in chapters if is_model(chapter)]
    return section("training", "Training", "Each trained model, with what its trainer logged.", *parts)


def is_model(chapter: Chapter) -> bool:
    return not chapter.dataset.shards


def _trained(chapter: Chapter) -> Html:
    counts = chapter.counts
    curves = {name: points for name, value in counts.items() if (points := series(value))}
    facts = [
        (name.replace("_", " "), number(value))
        for name, value in counts.items()
        if isinstance(value, int | float | str) and not isinstance(value, bool)
    ]
    facts.append(("time", duration(chapter.dataset.manifest.get("seconds"))))
    return join(
        [
            element("h3", chapter.name, element("span", chapter.kind, kind="kind")),
            element(
                "dl",
                *(element("div", element("dt", name), element("dd", value)) for name, value in facts),
                kind="facts",
            ),
            grid(_curve(name, points) for name, points in curves.items()),
        ]
    )


def series(value: Any) -> Points | None:
    """A curve, where a count is one: a list of [step, value]."""
    if not isinstance(value, list) or not value:
        return None
    points = [tuple(point) for point in value if isinstance(point, list | tuple) and len(point) == 2]
    if len(points) < len(value) or not all(isinstance(number, int | float) for point in points for number in point):
        return None
    return points


def _curve(name: str, points: Points) -> Html:
    note = ", ".join(f"{number(value)} at step {number(step)}" for step, value in (points[0], points[-1]))
    return figure(name.replace("_", " "), Html(charts.line(points, f"{name} by step")), note)
