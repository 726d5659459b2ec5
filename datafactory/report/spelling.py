"""Spelling: other people's text in a terminal, shown and never obeyed; blocks and tables."""

from __future__ import annotations

import unicodedata

from rich.console import Console
from rich.table import Table
from rich.text import Text

LONGEST = 1_500  # characters of one text


def say(console: Console, content: str, style: str = "") -> None:
    console.print(clean(content, style), soft_wrap=True, highlight=False)


def block(console: Console, title: str, content: str | None) -> None:
    if content:
        left = len(content) - LONGEST
        say(console, title, "bold cyan")
        say(console, content[:LONGEST] + (f" … and {left:,} more characters" if left > 0 else ""))


def table(*headings: str) -> Table:
    """A table whose columns of words stand left, of numbers right."""
    made = Table(box=None, pad_edge=False, header_style="bold cyan", padding=(0, 2, 0, 0))
    made.add_column(headings[0], overflow="fold")
    for heading in headings[1:]:
        words = heading in ("", "type", "do", "mostly for")
        made.add_column(heading, justify="left" if words else "right", overflow="fold")
    return made


def print_table(console: Console, made: Table) -> None:
    console.print()
    console.print(made)


def clean(content: str, style: str = "") -> Text:
    """No markup is read in it, and a control character is shown, not obeyed."""
    shown = "".join(
        each if each in "\n\t" or unicodedata.category(each) != "Cc" else f"\\x{ord(each):02x}" for each in content
    )
    return Text(shown, style)
