"""The report's section on verdicts: how often completions were right, where, and how hard the problems were."""

from __future__ import annotations

from typing import get_args

from datafactory.report import charts, figures
from datafactory.report.figures import BANDS
from datafactory.report.funnel import Rate, rates
from datafactory.report.markup import Html, element, join, section, table, text
from datafactory.report.units import named, number, percent, share
from datafactory.story import Chapter, Story
from datafactory.types import Status

KNOWN_STATUSES = get_args(Status)
SHOWN = 40  # domains


def verification(story: Story) -> Html:
    parts = []
    for chapter in story.lineage():
        found = rates([chapter])
        if found:
            passed = [rate for rate in found if rate.grade is None]
            parts += [element("h3", chapter.name), _verdicts(found), _domains(chapter, passed)]
            parts += [_difficulty(chapter, name) for name in _graders(story, passed)]
    return section(
        "verdicts",
        "How often it was right",
        "A pass rate is the mean reward of the rows that were decided. What could not be decided (a timeout, a crash, "
        "an unreadable gold answer, votes that do not agree) is counted apart and is not a wrong answer. A judge that "
        "grades has a mean grade in its place.",
        *parts,
    )


def _graders(story: Story, found: list[Rate]) -> list[str]:
    """The verifiers by which the recipe tells how hard a problem is; the first where it does not."""
    named = {
        part.get("settings", {}).get("of", "math")
        for chapter in story.lineage()
        for part in chapter.measures
        if part["name"] in ("difficulty", "pass_rate")
    }
    names = [rate.verifier for rate in found]
    return [name for name in names if name in named] or names[:1]


def _verdicts(found: list[Rate]) -> Html:
    rows, seen = [], []
    for rate in found:
        total = sum(rate.statuses.values())
        parts = [
            (rate.statuses[status] / total, _status(status), f"{rate.statuses[status]:,} {status}")
            for status in _ordered(rate)
        ]
        seen += _ordered(rate)
        said = ", ".join(f"{rate.statuses[status]:,} {status}" for status in _ordered(rate))
        head = [
            element("b", rate.verifier),
            element("span", rate.shown, kind="big"),
            element("span", "passed" if rate.grade is None else "mean grade", kind="kind"),
            element("span", said, kind="note"),
        ]
        rows.append(element("li", element("div", *head), Html(charts.bar(parts))))
    return join([element("ol", *rows, kind="funnel"), key([(_status(status), status) for status in _known(seen)])])


def _ordered(rate: Rate) -> list[str]:
    return _known([status for status, count in rate.statuses.items() if count])


def _known(statuses: list[str]) -> list[str]:
    """Each once, those with a fixed meaning first."""
    return list(dict.fromkeys([*(status for status in KNOWN_STATUSES if status in statuses), *sorted(statuses)]))


def _status(status: str) -> str:
    return f"s-{status}" if status in KNOWN_STATUSES else "s-other"


def key(entries: list[tuple[str, str]]) -> Html:
    """What the colours mean."""
    return element("p", *(element("span", element("i", kind=kind), text(what)) for kind, what in entries), kind="key")


def _domains(chapter: Chapter, found: list[Rate]) -> Html:
    verifiers = [rate.verifier for rate in found]
    by_domain = figures.by_domain(chapter, verifiers) if verifiers else {}
    if not by_domain:
        return Html()
    rows = []
    for domain, means in list(by_domain.items())[:SHOWN]:
        row: list[object] = [named(domain)]
        for name in verifiers:
            mean = means.get(name)
            row += [Html(charts.bar([(1, "s-correct", percent(mean))], mean)) if mean is not None else "", share(mean)]
        rows.append(row)
    headings = ["pass rate by domain", *(cell for name in verifiers for cell in ("", name))]
    return table(headings, rows)


def _difficulty(chapter: Chapter, verifier: str) -> Html:
    """The problems of each domain by how many of their completions passed."""
    found = figures.difficulty(chapter, verifier)
    if not found:
        return Html()
    rows = []
    for domain, bands in list(found.items())[:SHOWN]:
        total = sum(bands.values()) or 1
        parts = [(bands[band] / total, f"d-{place}", f"{bands[band]:,} {band}") for place, band in enumerate(BANDS)]
        rows.append([named(domain), Html(charts.bar(parts)), number(total), *(number(bands[band]) for band in BANDS)])
    return join(
        [
            element("h4", f"How hard the problems were, by {verifier}"),
            element(
                "p",
                "A problem is easy where at least three quarters of its completions passed, medium from a quarter up, "
                "hard below.",
                kind="note",
            ),
            table(["domain", "", "problems", *BANDS], rows),
            key([(f"d-{place}", band) for place, band in enumerate(BANDS)]),
        ]
    )
