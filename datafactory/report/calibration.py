"""Calibration: a judge against a rule verifier, or its counts against a filter's, as page and terminal show them."""

from __future__ import annotations

from typing import Any

from datafactory.report.markup import Html, element, join, section, table
from datafactory.report.units import number, percent
from datafactory.story import Story

SHARES = ("agreement", "false accepts", "false rejects", "undecided")
HEADINGS = ("", "rows", "of", "share", "95 % interval", "bound")


def lines(found: dict[str, Any]) -> list[list[str]]:
    """A line per share: what, how many, of how many, the share, its interval, the recipe's bound."""
    shown = []
    for what in SHARES:
        part = found[what]
        low, high = part["interval"] or (None, None)
        interval = "-" if low is None else f"{percent(low)} to {percent(high)}"
        sign = "at least" if what == "agreement" else "at most"
        bound = "-" if part["bound"] is None else f"{sign} {percent(part['bound'])}"
        shown.append([what, number(part["count"]), number(part["of"]), percent(part["share"]), interval, bound])
    return shown


def calibrated(found: dict[str, Any]) -> str:
    """`correctness agrees with math on 96.5 % of 200 rows, 3 false accepts, 4 false rejects, kappa 0.91`."""
    agreed = found["agreement"]
    counts = ", ".join(f"{found[what]['count']:,} {what}" for what in SHARES[1:])
    share = f"{percent(agreed['share'])} of {agreed['of']:,} rows"
    return f"{found['judge']} agrees with {found['against']} on {share}, {counts}, kappa {number(found['kappa'])}"


def correlated(found: dict[str, Any]) -> str:
    """`behaviours_verification and verification: Spearman's 0.71 (0.60 to 0.80), Pearson's 0.69 over 200 rows`."""
    low, high = found["interval"] or (None, None)
    interval = "" if low is None else f" ({number(low)} to {number(high)})"
    pair = f"{found['judge']} and {found['against']}"
    means = f", means {' and '.join(map(number, found['mean']))}" if found["mean"] else ""
    spearman, pearson = (number(found[name]) for name in ("spearman", "pearson"))
    return f"{pair}: Spearman's {spearman}{interval}, Pearson's {pearson} over {found['rows']:,} rows{means}"


def calibration(story: Story) -> Html:
    """The section of the report: a table per stage that calibrates, in the lineage or beside it."""
    parts = []
    for chapter in story.chapters:
        if counted := chapter.counts.get("correlation"):
            parts.append(join([element("h3", chapter.name), element("p", correlated(counted), kind="note")]))
        if found := chapter.counts.get("calibration"):
            what = element("span", f"{found['judge']} against {found['against']}", kind="kind")
            told = element("p", f"Cohen's kappa: {number(found['kappa'])}", kind="note")
            parts.append(join([element("h3", chapter.name, what), table(HEADINGS, lines(found)), told]))
    return section(
        "calibration",
        "Calibration",
        "A judge against a rule verifier, on the rows that both were asked about. A false accept is a row that the "
        "verifier found wrong and the judge right, out of those it found wrong; kappa is agreement beyond chance. Two "
        "counts of the same thing correlate: Spearman's by ranks, with a 95 % interval, Pearson's by values.",
        *parts,
    )
