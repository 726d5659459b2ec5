"""Markup: HTML whose text is escaped unless it is markup already. Traces are other people's text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is markup. Everything else is escaped where it enters a page."""

    __slots__ = ()


def text(value: object) -> Html:
    return value if isinstance(value, Html) else Html(escape(str(value)))


def join(parts: Iterable[object], between: str = "") -> Html:
    return Html(between.join(text(part) for part in parts))


def link(anchor: str, what: object) -> Html:
    """To a place on this page."""
    return Html(f'<a href="#{escape(anchor)}">{text(what)}</a>')


def element(name: str, *inner: object, kind: str = "") -> Html:
    """`<name class="kind">inner</name>`."""
    opening = f'{name} class="{escape(kind)}"' if kind else name
    return Html(f"<{opening}>{join(inner)}</{name}>")


def section(anchor: str, title: str, lead: object, *inner: object) -> Html:
    """A part of the page that its menu can point at; nothing where there is nothing inside."""
    if not any(inner):
        return Html()
    return Html(
        f'<section id="{escape(anchor)}">{element("h2", title)}{element("p", lead, kind="lead")}{join(inner)}</section>'
    )


def figure(title: object, chart: object, note: object = "", numbers: object = "") -> Html:
    """numbers is a table of what the chart draws, for who cannot see it or wants it exactly."""
    caption = element("figcaption", element("b", title), " ", element("span", note, kind="note") if note else "")
    told = element("details", element("summary", "the numbers"), numbers, kind="numbers") if numbers else ""
    return element("figure", caption, chart, told)


def grid(parts: Iterable[object]) -> Html:
    inner = join(parts)
    return element("div", inner, kind="grid") if inner else Html()


def table(headings: Sequence[object], rows: Iterable[Sequence[object]], words: int = 1) -> Html:
    """The first `words` columns are words; the others are numbers and stand to the right."""
    kinds = ["" if place < words else "n" for place in range(len(headings))]
    head = join(
        Html(f'<th scope="col"{_kind(kind)}>{text(cell)}</th>') for cell, kind in zip(headings, kinds, strict=True)
    )
    lines = [
        element("tr", *(element("td", cell, kind=kind) for cell, kind in zip(row, kinds, strict=True))) for row in rows
    ]
    inner = element("table", element("thead", element("tr", head)), element("tbody", *lines))
    # a table that is too wide is scrolled, by keys too
    return Html(f'<div class="wide" tabindex="0" role="region" aria-label="table">{inner}</div>')


def _kind(kind: str) -> str:
    return f' class="{escape(kind)}"' if kind else ""
