"""inspect: what a dataset holds."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--id", "wanted", metavar="ID", help="The history of a trace or a problem: its id, or 6 digits of it.")
@click.option("--where", metavar="SQL", help='Only the rows that meet a condition, as in "math = 1".')
@click.option("--columns", metavar="NAMES", default="", help="Only these columns, by comma.")
@click.option("--examples", type=click.IntRange(0), help="Rows to show.  [default: 2; with --json all]")
@click.option("--sort", metavar="COLUMN", help='The first in an order, as in "completion_tokens desc".')
@click.option("--sample", is_flag=True, help="Rows drawn at random over all files.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of --sample.")
@click.option("--json", "as_json", is_flag=True, help="For programs: a JSON object in a line for each row.")
def inspect(
    path: Path,
    wanted: str | None,
    where: str | None,
    columns: str,
    examples: int | None,
    sort: str | None,
    sample: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Show what a dataset folder, a stage, a recipe's outputs or a file holds, or the history of one trace."""
    from rich.console import Console

    from datafactory.errors import UserError
    from datafactory.report.chosen import View
    from datafactory.report.terminal import inspect as show
    from datafactory.report.terminal import rows_as_json

    console = Console(highlight=False)
    names = tuple(name.strip() for name in columns.split(",") if name.strip())
    shown = examples if examples is not None or as_json else View.examples
    view = View(where, names, shown, sort, sample, seed)
    if wanted is not None:
        from datafactory.report.history import history
        from datafactory.report.history_told import as_object, told

        if where or columns or examples is not None or sort or sample:
            raise UserError("--id shows the whole history of one trace; it goes with --json and no other option")
        found = history(path, wanted)
        if as_json:
            click.echo(as_object(found))
        else:
            told(found, console)
    elif as_json:
        rows_as_json(path, view, sys.stdout.buffer)
    else:
        show(path, view, console)
