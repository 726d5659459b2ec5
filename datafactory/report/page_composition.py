"""The report's section on what is in the data: domains beside R1's Table 5, the mixture, the splits, the sources."""

from __future__ import annotations

from typing import Any

from datafactory.leaks import Leaks
from datafactory.report import charts, figures
from datafactory.report.figures import R1_SAMPLES, R1_TOKENS, Part, domain_named
from datafactory.report.markup import Html, element, join, section, table
from datafactory.report.units import counted, named, number, share
from datafactory.story import Chapter, Story

SHOWN = 40  # values of one column
CLOSE = 0.001  # of the whole: what the mixture may be off by and still count as met


def composition(story: Story, checked: Leaks) -> Html:
    merged = story.merged
    return section(
        "composition",
        "What is in it",
        "The published rows. Beside each domain stands its share of DeepSeek-R1's 804,745 samples (arXiv:2501.12948, "
        "Table 5), as a dark line on the bar.",
        _domains(merged),
        _mixture(merged.counts.get("parts") or []),
        _splits(merged, checked),
        *(_parts(merged, column) for column in ("category", "source", "license", "model")),
    )


def _domains(merged: Chapter) -> Html:
    total = sum(R1_SAMPLES.values())
    rows: list[list[object]] = []
    parts = figures.composition(merged, "domain")
    if parts:
        have = {domain_named(part.name) for part in parts}
        parts += [Part(name, 0, 0.0, None) for name in R1_SAMPLES if name not in have]
    for part in parts:
        known = domain_named(part.name)
        theirs = R1_SAMPLES[known] / total if known else None
        mark = (theirs, f"{share(theirs)} of R1's") if theirs is not None else None
        bar = Html(charts.bar([(1, "kept", share(part.share))], part.share, mark))
        mean = "-" if known is None else number(round(R1_TOKENS[known]))
        rows.append([named(part.name), bar, number(part.rows), share(part.share), _mean(part), share(theirs), mean])
    headings = ["domain", "", "rows", "share", "mean tokens", "R1's share", "R1's tokens"]
    return table(headings, rows) if rows else Html()


def _mixture(parts: list[dict[str, Any]]) -> Html:
    """What the merge was asked for, what there was and what it took."""
    asked = [part for part in parts if part.get("asked") is not None]
    if not asked:
        return Html()
    whole = sum(part["asked"] for part in asked) or 1
    most = max(max(part["asked"], part["rows"]) for part in asked) or 1
    rows: list[list[object]] = []
    for part in asked:
        wanted, taken = part["asked"], part["rows"]
        bar = Html(
            charts.bar([(1, "kept", f"{taken:,} taken")], taken / most, (wanted / most, f"{wanted:,} asked for"))
        )
        away = taken - wanted
        said = "met" if abs(away) <= CLOSE * whole else f"{counted(abs(away), 'row')} {'short' if away < 0 else 'over'}"
        cells = [
            part["part"],
            bar,
            number(wanted),
            number(part["had"]),
            number(taken),
            number(part.get("copies", 0)),
            said,
        ]
        rows.append(cells)
        rows += [
            [f"  {each['value']}", "", "", number(each["had"]), number(each["rows"]), number(each.get("copies", 0)), ""]
            for each in part.get("within") or []
        ]
    headings = ["part", "", "asked for", "there were", "taken", "of them copies", ""]
    if not any(part.get("copies") for part in asked):
        headings, rows = [*headings[:5], headings[6]], [[*row[:5], row[6]] for row in rows]
    return join([element("h3", "The mixture: asked for and got"), table(headings, rows)])


def _splits(merged: Chapter, found: Leaks) -> Html:
    rows = [
        [
            name,
            number(rows),
            share(rows / merged.dataset.rows if merged.dataset.rows else None),
            number(found.problems[name]),
        ]
        for name, rows in found.rows.items()
    ]
    told = table(["split", "rows", "share", "problems"], rows) if len(rows) > 1 else Html()
    title = element("h3", "Splits") if told else Html()
    return join([title, told])


def _parts(merged: Chapter, column: str) -> Html:
    found = figures.composition(merged, column)
    if not found or (len(found) == 1 and found[0].name is None):
        return Html()
    rows = [
        [
            named(part.name),
            Html(charts.bar([(1, "kept", share(part.share))], part.share)),
            number(part.rows),
            share(part.share),
            _mean(part),
        ]
        for part in found[:SHOWN]
    ]
    left = found[SHOWN:]
    if left:
        count = sum(part.rows for part in left)
        rows.append([f"{len(left):,} more", "", number(count), share(count / merged.dataset.rows), ""])
    return table([column.replace("license", "licence"), "", "rows", "share", "mean tokens"], rows)


def _mean(part: Part) -> str:
    return "-" if part.tokens is None else f"{part.tokens:,.0f}"
