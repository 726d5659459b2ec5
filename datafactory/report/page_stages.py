"""The report's sections on making it: time and cost of each stage, what stages counted, models and versions."""

from __future__ import annotations

from typing import Any

from datafactory.report import charts
from datafactory.report.funnel import Line, funnel
from datafactory.report.markup import Html, element, grid, join, section, table
from datafactory.report.page_training import series
from datafactory.report.units import duration, money, number, share
from datafactory.story import Chapter, Story

# what other sections show
ELSEWHERE = {
    "statuses", "pass_rate", "mean_grade", "scores", "comparisons", "setup", "calibration", "correlation",
    "by", "parts", "other", "domains", "splits", "prompt_tokens", "completion_tokens", "shape", "duplicates",
}  # fmt: skip
LISTED = 12  # values of one count


def cost_and_time(story: Story) -> Html:
    lines = funnel(story.chapters)
    spent = [chapter.dataset.manifest.get("spent", {}) for chapter in story.chapters]
    seconds = sum(line.seconds or 0 for line in lines)
    rows = [
        _line(line, chapter, told, seconds) for line, chapter, told in zip(lines, story.chapters, spent, strict=True)
    ]
    priced = any(told.get("cost") for told in spent)
    tokens = sum(told.get("tokens", 0) for told in spent)
    prompts = sum(told.get("prompt_tokens", 0) for told in spent)
    cost = sum(told.get("cost", 0) for told in spent)
    shown = money(cost) if priced else "-"
    rows.append(
        ["all", "", "", "", "", duration(seconds), "", number(prompts or None), number(tokens or None), "", shown]
    )
    headings = [
        "stage",
        "do",
        "rows in",
        "rows out",
        "",
        "time",
        "share",
        "prompt tokens",
        "written tokens",
        "tokens/s",
        "cost",
    ]
    told = [_per_row(story, tokens, cost if priced else None)]
    return section(
        "stages",
        "What it cost",
        "Every finished stage of the recipe. The time is that of the run that finished it: what an interrupted run "
        "before it had done is not in it. "
        + (
            "The cost is in the currency of the recipe's prices."
            if priced
            else "No model of the recipe has a price, so none is told."
        ),
        element("p", " ".join(line for line in told if line), kind="note") if any(told) else "",
        table(headings, rows, words=2),
    )


def _line(line: Line, chapter: Chapter, spent: dict[str, Any], whole: float) -> list[object]:
    tokens = spent.get("tokens") or line.tokens
    speed = f"{tokens / line.seconds:,.0f}" if tokens and line.seconds else "-"
    part = (line.seconds or 0) / whole if whole else 0
    return [
        line.name,
        line.kind,
        number(line.entered),
        "a model" if line.rows is None else number(line.rows),
        Html(charts.bar([(1, "all", duration(line.seconds))], part)),
        duration(line.seconds),
        share(part),
        number(spent.get("prompt_tokens") or None),
        number(tokens or None),
        speed,
        money(spent["cost"]) if spent.get("cost") else "-",
    ]


def _per_row(story: Story, tokens: int, cost: float | None) -> str:
    rows = story.merged.dataset.rows
    if not tokens or not rows:
        return ""
    said = f"{number(round(tokens / rows))} tokens were written for each published row"
    return f"{said}, at a cost of {money(1000 * cost / rows)} for a thousand rows." if cost else f"{said}."


def counted_by_stages(story: Story) -> Html:
    """What stages counted that no other section shows: rewriting, review, votes, how completions ended."""
    parts = [_counts(chapter) for chapter in story.lineage()]
    return section(
        "counts",
        "What else the stages counted",
        "As each stage told it when it finished.",
        grid(part for part in parts if part),
    )


def _counts(chapter: Chapter) -> Html:
    counts = {name: value for name, value in chapter.counts.items() if name not in ELSEWHERE and not series(value)}
    facts = [
        (name, value)
        for name, value in counts.items()
        if isinstance(value, int | float | str) and not isinstance(value, bool)
    ]
    listed = [(name, value) for name, value in counts.items() if _is_counted(value)]
    if not facts and not listed:
        return Html()
    return element(
        "div",
        element("h3", chapter.name, element("span", chapter.kind, kind="kind")),
        element("dl", *(_fact(name, value) for name, value in facts), kind="facts") if facts else "",
        *(_listed(name, value) for name, value in listed),
    )


def _is_counted(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(count, int) for count in value.values())


def _fact(name: str, value: float | str) -> Html:
    return element("div", element("dt", name.replace("_", " ")), element("dd", number(value)))


def _listed(name: str, counts: dict[str, int]) -> Html:
    total = sum(counts.values()) or 1
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [
        [what, Html(charts.bar([(1, "all", f"{count:,}")], count / total)), number(count), share(count / total)]
        for what, count in ordered[:LISTED]
    ]
    left = ordered[LISTED:]
    if left:
        rows.append([f"{len(left)} more", "", number(sum(count for _, count in left)), ""])
    return table([name.replace("_", " "), "", "rows", "share"], rows)


def models_and_versions(story: Story) -> Html:
    models = [
        [name, *(about.get(key) or "-" for key in ("engine", "reference")), str(about.get("fingerprint") or "-")[:16]]
        for name, about in story.models.items()
    ]
    versions = story.merged.dataset.manifest.get("packages", {})
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    parts = [table(["model", "engine", "weights", "identity"], models, words=4)] if models else []
    return section(
        "models",
        "Models and versions",
        "manifest.json holds every setting, and the checksum of every file.",
        join([*parts, element("p", told, kind="note") if told else ""]),
    )
