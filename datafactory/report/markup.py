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


def figure(title: object, chart: object, note: object = "") -> Html:
    caption = element("figcaption", element("b", title), " ", element("span", note, kind="note") if note else "")
    return element("figure", caption, chart)


def grid(parts: Iterable[object]) -> Html:
    inner = join(parts)
    return element("div", inner, kind="grid") if inner else Html()


def table(headings: Sequence[object], rows: Iterable[Sequence[object]], words: int = 1) -> Html:
    """The first `words` columns are words; the others are numbers and stand to the right."""
    kinds = ["" if place < words else "n" for place in range(len(headings))]
    lines = [element("tr", *(element("th", cell, kind=kind) for cell, kind in zip(headings, kinds, strict=True)))]
    for row in rows:
        lines.append(element("tr", *(element("td", cell, kind=kind) for cell, kind in zip(row, kinds, strict=True))))
    return element("div", element("table", *lines), kind="wide")
