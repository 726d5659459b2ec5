"""The report's sections about models: how training went, and how models score."""

from __future__ import annotations

from typing import Any

from datafactory.report import charts
from datafactory.report.markup import Html, element, figure, grid, join, section, table
from datafactory.report.units import duration, number, percent
from datafactory.story import Chapter, Story

Points = list[tuple[float, float]]


def training(story: Story) -> Html:
    parts = [_trained(chapter) for chapter in story.chapters if not chapter.dataset.shards]
    return section("training", "Training", "Each trained model, with what its trainer logged.", *parts)


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


def evaluation(story: Story) -> Html:
    parts = []
    for chapter in story.chapters:
        scores = chapter.counts.get("scores")
        if isinstance(scores, dict) and scores:
            problems = element("span", f"on {_names(chapter.settings.get('from'))}", kind="kind")
            parts += [element("h3", chapter.name, problems), _scores(scores)]
    return section(
        "evaluation",
        "Evaluation",
        "pass@k is the chance that one of k completions is right, maj@k that the answer most of them agree on is; the "
        "interval is that of pass@1.",
        *parts,
    )


def _scores(scores: dict[str, dict[str, Any]]) -> Html:
    keys = list(dict.fromkeys(key for row in scores.values() for key in row))
    shares = {key for key in keys if all(_is_share(row[key]) for row in scores.values() if row.get(key) is not None)}
    rows = [[model, *(_score(row.get(key), key in shares) for key in keys)] for model, row in scores.items()]
    first = next((key for key in keys if key.startswith("pass@")), None)
    if first is None:
        return table(["model", *keys], rows)
    bars = [Html(charts.bar([(1, "kept", percent(row.get(first)))], row.get(first) or 0)) for row in scores.values()]
    return table(["model", "", *keys], [[row[0], bar, *row[1:]] for row, bar in zip(rows, bars, strict=True)])


def _is_share(value: Any) -> bool:
    """A count is a whole number and an int; a share is a float between 0 and 1, an interval is two of them."""
    if isinstance(value, list | tuple):
        return bool(value) and all(_is_share(part) for part in value)
    return isinstance(value, float) and 0 <= value <= 1


def _score(value: Any, share: bool) -> str:
    if isinstance(value, list | tuple):
        return " to ".join(_score(part, share) for part in value)
    return percent(value) if share else number(value)


def _names(given: Any) -> str:
    return ", ".join(given) if isinstance(given, list) else str(given)
