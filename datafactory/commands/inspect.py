"""inspect: what a dataset holds."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--where", metavar="SQL", help='Only the rows that meet a condition, as in "math = 1".')
@click.option("--examples", type=click.IntRange(0), default=2, show_default=True, help="Traces to show.")
def inspect(path: Path, where: str | None, examples: int) -> None:
    """Show what a dataset folder, a stage or a file holds."""
    from rich.console import Console

    from datafactory.report.terminal import inspect as show

    show(path, where, examples, Console(highlight=False))
