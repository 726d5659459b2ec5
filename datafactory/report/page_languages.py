"""The report's section on languages."""

from __future__ import annotations

from datafactory.report import charts
from datafactory.report.languages import languages
from datafactory.report.markup import Html, element, grid, join, section, table
from datafactory.report.units import number, percent, share
from datafactory.story import Story

SHOWN = 12


def spoken(story: Story) -> Html:
    found = languages(story.merged)
    if found is None:
        return Html()
    told = [_column("questions", found.questions), _column("thinking", found.thinking)]
    same = (
        f" In {percent(found.same / found.both)} of the rows that think, the thinking is in the question's language."
        if found.both
        else ""
    )
    return section(
        "languages",
        "Languages",
        f"What {number(found.rows)} published rows, taken evenly from all files, are written in.{same}",
        grid(told),
    )


def _column(what: str, counts: dict[str, int]) -> Html:
    total = sum(counts.values())
    if not total:
        return Html()
    shown = list(counts.items())
    if len(shown) > SHOWN:
        shown = [*shown[: SHOWN - 1], ("others", sum(count for _, count in shown[SHOWN - 1 :]))]
    rows = [
        [language, Html(charts.bar([(1, "kept", f"{count:,}")], count / total)), number(count), share(count / total)]
        for language, count in shown
    ]
    return join([element("div", table([what, "", "rows", "share"], rows))])
