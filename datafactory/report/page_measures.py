"""The report's section on filters: what each measured of every row, with the threshold and what lies beyond it."""

from __future__ import annotations

from collections.abc import Iterable

from datafactory.report import charts
from datafactory.report.charts import Layer
from datafactory.report.figures import Measured
from datafactory.report.markup import Html, element, figure, grid, join, section, table
from datafactory.report.page_verdicts import key
from datafactory.report.reasons import meaning
from datafactory.report.units import number, percent


def measures(measured: Iterable[Measured]) -> Html:
    parts = [_measure(found) for found in measured]
    return section(
        "measures",
        "What the filters measured",
        "Each filter measures every row it is given, before any is dropped. The line is the recipe's bound, itself "
        "still within; what is shaded lies beyond it. A row beyond several bounds was dropped under the first.",
        grid(parts),
        key([("kept", "within"), ("dropped", "beyond, dropped")]) if parts else "",
    )


def _measure(found: Measured) -> Html:
    bounds = [
        (f"{word} {bound:g}", bound)
        for word, bound in (("min", found.minimum), ("max", found.maximum))
        if bound is not None
    ]
    what = meaning(f"{found.name} above", {found.name: found.filter})
    notes = [f"{found.stage}, {', '.join(text for text, _ in bounds) or 'no bound'}"]
    part = found.beyond / found.rows if found.rows else None
    notes.append(f"{number(found.beyond)} of {number(found.rows)} rows beyond ({percent(part)})")
    if found.undecided:
        notes.append(f"{number(found.undecided)} undecided")
    everything = found.everything
    said = join([element("span", f"{what}." if what else "", kind="what"), " ", "; ".join(notes)])
    if everything is None:
        return figure(found.name, element("p", "nothing was measured", kind="note"), said)
    layers = [
        Layer("measured", "dropped", everything),
        *([Layer("within", "kept", found.within)] if found.within else []),
    ]
    outside = [text for text, bound in bounds if not everything.edges[0] <= bound <= everything.edges[-1]]
    if outside:
        notes.append(f"{' and '.join(outside)} beyond what was measured")
        said = join([element("span", f"{what}." if what else "", kind="what"), " ", "; ".join(notes)])
    least, most = found.minimum, found.maximum
    if everything.centred:  # a bound is within: it is drawn behind the bar of its value
        half = (everything.edges[1] - everything.edges[0]) / 2
        least, most = (None if least is None else least - half), (None if most is None else most + half)
    bounds = [
        (text, at) for (text, _), at in zip(bounds, (each for each in (least, most) if each is not None), strict=True)
    ]
    shaded = [(float("-inf"), least)] if least is not None else []
    shaded += [(most, float("inf"))] if most is not None else []
    chart = Html(charts.histogram(layers, bounds, f"{found.name} of {found.rows:,} rows", shaded))
    return figure(found.name, chart, said, _numbers(found))


def _numbers(found: Measured) -> Html:
    everything, within = found.everything, found.within
    assert everything is not None
    rows = []
    for place, (low, high) in enumerate(zip(everything.edges, everything.edges[1:], strict=False)):
        count = everything.counts[place]
        if count:
            inside = within.counts[place] if within else 0
            span = number((low + high) / 2) if everything.centred else f"{number(low)} to {number(high)}"
            rows.append([span, number(count), number(inside), number(count - inside)])
    return table([found.name, "measured", "within", "beyond"], rows)
