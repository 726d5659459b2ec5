"""The report's section on lengths: tokens of a row on a log axis, of everything and by domain."""

from __future__ import annotations

from datafactory.report import charts
from datafactory.report.charts import Layer, Ridge
from datafactory.report.figures import TOKENS, Lengths, lengths
from datafactory.report.histogram import Histogram
from datafactory.report.markup import Html, figure, grid, section, table
from datafactory.report.page_verdicts import key
from datafactory.report.units import counted, named, number, percent
from datafactory.story import Story

SHOWN = 12  # domains


def token_lengths(story: Story) -> Html:
    found = lengths(story)
    if found is None:
        return Html()
    context = _context(story)
    marks = [(f"context {number(context)}", float(context))] if context else []
    own = found.column == TOKENS
    what = "completion tokens" if own else "tokens of a whole row"
    lead = (
        "Completion tokens, thinking and response together, by the count of the model's own tokenizer."
        if own
        else "Tokens of a whole published row by the student's tokenizer; sampled completions by the model's own."
    )
    parts = [_whole(found, marks, what), _domains(found, marks, what)]
    if found.unknown:
        lead += f" {counted(found.unknown, 'published row')} {'has' if found.unknown == 1 else 'have'} no count."
    if context and found.published:
        lead += f" The student's context is {number(context)} tokens; {_longer(found.published, context)}."
    layers = [("all", "sampled"), ("kept", "published")] if found.sampled and found.published else []
    return section("lengths", "How long it is", lead, grid(parts), key(layers) if layers else "")


def _whole(found: Lengths, marks: list[tuple[str, float]], what: str) -> Html:
    layers, notes, columns = [], [], []
    for name, kind, counts in (("sampled", "all", found.sampled), ("published", "kept", found.published)):
        if counts:
            layers.append(Layer(name, kind, counts))
            notes.append(f"{name}: {_centre(counts)}")
            columns.append(counts)
    chart = Html(charts.histogram(layers, marks, f"{what}, log axis"))
    rows = [
        [f"{number(low)} to {number(high)}", *(number(counts.counts[place]) for counts in columns)]
        for place, (low, high) in enumerate(zip(columns[0].edges, columns[0].edges[1:], strict=False))
        if any(counts.counts[place] for counts in columns)
    ]
    return figure(f"{what}, log axis", chart, "; ".join(notes), table([what, *(layer.what for layer in layers)], rows))


def _domains(found: Lengths, marks: list[tuple[str, float]], what: str) -> Html:
    if len(found.domains) < 2:
        return Html()
    rows = [
        Ridge(named(name, 22), f"median {number(round(counts.median))}, longest {number(counts.high)}", counts)
        for name, counts in found.domains[:SHOWN]
    ]
    told = table(
        ["domain", "rows", "shortest", "median", "mean", "longest"],
        [
            [
                named(name),
                number(sum(counts.counts)),
                number(counts.low),
                number(counts.median),
                f"{counts.mean:,.0f}",
                number(counts.high),
            ]
            for name, counts in found.domains[:SHOWN]
        ],
    )
    chart = Html(charts.ridges(rows, marks, f"{what} of published rows by domain"))
    return figure("published, by domain", chart, "the line is the median; each domain as high as its fullest bar", told)


def _centre(counts: Histogram) -> str:
    return f"mean {counts.mean:,.0f}, median {counts.median:,.0f}"


def _context(story: Story) -> int | None:
    """The longest row that a student of this dataset is trained on."""
    for chapter in story.chapters:
        if chapter.kind == "distill" and story.merged.name in chapter.sources:
            longest = chapter.dataset.manifest.get("identity", {}).get("config", {}).get("max_length")
            longest = longest or chapter.settings.get("max_length")
            return int(longest) if longest else None
    return None


def _longer(counts: Histogram, context: int) -> str:
    if counts.high <= context:
        return "every row fits"
    beyond = sum(count for low, _, count in counts.numbers() if low >= context)
    return f"about {percent(beyond / sum(counts.counts))} of the rows are longer"
