"""The report's sections about rows: verdicts, lengths, measures, composition."""

from __future__ import annotations

from typing import get_args

from datafactory.report import charts, figures
from datafactory.report.figures import R1_SAMPLES, Groups, Lengths, Measured, Part, domain_named
from datafactory.report.funnel import Rate, rates
from datafactory.report.histogram import Histogram
from datafactory.report.markup import Html, element, figure, grid, join, section, table, text
from datafactory.report.units import counted, number, percent
from datafactory.story import Chapter, Story
from datafactory.types import Status

KNOWN_STATUSES = get_args(Status)


def verification(story: Story) -> Html:
    parts = []
    for chapter in story.lineage():
        found = rates([chapter])
        if found:
            passed = [rate for rate in found if rate.grade is None]
            parts += [element("h3", chapter.name), _verdicts(found), _domains(chapter, passed)]
            grouped = [(rate.verifier, figures.groups(chapter, rate.verifier)) for rate in passed]
            parts.append(grid(_group(verifier, groups) for verifier, groups in grouped if groups))
    return section(
        "verdicts",
        "Verdicts",
        "A pass rate is the mean reward of the rows that were decided. What could not be decided (a timeout, a crash, "
        "an unreadable gold answer, votes that do not agree) is counted apart and is not a wrong answer. A judge that "
        "grades has a mean grade in its place.",
        *parts,
    )


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
        rows.append(
            element(
                "li",
                element(
                    "div",
                    element("b", rate.verifier),
                    element("span", rate.shown, kind="big"),
                    element("span", said, kind="note"),
                ),
                Html(charts.bar(parts)),
            )
        )
    return join([element("ol", *rows, kind="funnel"), _key([(_status(status), status) for status in _known(seen)])])


def _ordered(rate: Rate) -> list[str]:
    return _known([status for status, count in rate.statuses.items() if count])


def _known(statuses: list[str]) -> list[str]:
    """Each once, those with a fixed meaning first."""
    return list(dict.fromkeys([*(status for status in KNOWN_STATUSES if status in statuses), *sorted(statuses)]))


def _status(status: str) -> str:
    return f"s-{status}" if status in KNOWN_STATUSES else "s-other"


def _key(entries: list[tuple[str, str]]) -> Html:
    return element("p", *(join([element("i", kind=kind), text(what), " "]) for kind, what in entries), kind="key")


def _domains(chapter: Chapter, found: list[Rate]) -> Html:
    verifiers = [rate.verifier for rate in found]
    by_domain = figures.by_domain(chapter, verifiers) if verifiers else {}
    if len(by_domain) < 2:
        return Html()
    rows = [
        [domain or "no domain", *(percent(means.get(name)) for name in verifiers)]
        for domain, means in by_domain.items()
    ]
    return table(["pass rate by domain", *verifiers], rows)


def _group(verifier: str, groups: Groups) -> Html:
    note = f"{counted(groups.problems, 'problem')}: {number(groups.never)} never solved, {number(groups.always)} always"
    chart = charts.histogram([("problems", "kept", groups.rates)], label=f"pass rate of each problem by {verifier}")
    return figure(f"{verifier}: pass rate of each problem", Html(chart), note)


def lengths(story: Story) -> Html:
    found = figures.lengths(story)
    return section(
        "lengths",
        "Lengths",
        "Completion tokens, thinking and response together, by the count of the model's own tokenizer.",
        grid([_lengths(found)]) if found else "",
        _key([("all", "sampled"), ("kept", "published")]) if found else "",
    )


def _lengths(found: Lengths) -> Html:
    layers = [("sampled", "all", found.sampled)]
    notes = [f"sampled: {_centre(found.sampled)}"]
    if found.accepted:
        layers.append(("published", "kept", found.accepted))
        notes.append(f"published: {_centre(found.accepted)}")
    return figure("completion tokens", Html(charts.histogram(layers, label="completion tokens")), "; ".join(notes))


def _centre(counts: Histogram) -> str:
    return f"mean {counts.mean:,.0f}, median {counts.median:,.0f}"


def measures(story: Story) -> Html:
    parts = [_measure(found) for found in figures.measured(story)]
    return section(
        "measures",
        "Measures",
        "What each filter measured over the rows it was given, with the bounds the recipe sets, inclusive. A row "
        "within the bounds of one measure can still fail another.",
        grid(parts),
        _key([("kept", "kept"), ("dropped", "dropped by the stage")]) if parts else "",
    )


def _measure(found: Measured) -> Html:
    bounds = [
        (f"{word} {bound:g}", bound)
        for word, bound in (("min", found.minimum), ("max", found.maximum))
        if bound is not None
    ]
    notes = [f"{found.stage}: {', '.join(text for text, _ in bounds) or 'no bound'}"]
    if found.undecided:
        notes.append(f"{found.undecided:,} undecided")
    everything = found.everything
    if everything is None:
        return figure(found.name, element("p", "nothing was measured", kind="note"), "; ".join(notes))
    layers = [("measured", "dropped", everything), *([("kept", "kept", found.kept)] if found.kept else [])]
    beyond = [text for text, bound in bounds if not everything.edges[0] <= bound <= everything.edges[-1]]
    if beyond:
        notes.append(f"{' and '.join(beyond)} beyond what was measured")
    return figure(found.name, Html(charts.histogram(layers, bounds, found.name)), "; ".join(notes))


def composition(story: Story) -> Html:
    merged = story.merged
    parts = []
    domains = figures.composition(merged, "domain")
    if domains:
        total = sum(R1_SAMPLES.values())
        rows = []
        for part in domains:
            known = domain_named(part.name)
            rows.append([*_part(part), percent(R1_SAMPLES[known] / total) if known else "-"])
        parts.append(table(["domain", "", "rows", "share", "mean tokens", "R1's share"], rows))
    for column in ("source", "license", "model"):
        found = figures.composition(merged, column)
        if found:
            parts.append(table([column, "", "rows", "share", "mean tokens"], [_part(part) for part in found]))
    return section(
        "composition",
        "Composition",
        "The published rows. R1's share is that of its 804,745 samples (arXiv:2501.12948, Table 5).",
        *parts,
    )


def _part(part: Part) -> list[object]:
    tokens = "-" if part.tokens is None else f"{part.tokens:,.0f}"
    bar = Html(charts.bar([(1, "kept", percent(part.share))], part.share))
    return [part.name if part.name is not None else "none given", bar, number(part.rows), percent(part.share), tokens]
