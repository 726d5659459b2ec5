"""measure: measure an existing file with filters."""

from __future__ import annotations

import os
from pathlib import Path

import click

from datafactory.commands._options import with_columns, workers_option
from datafactory.commands._stopping import stoppable


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--with", "names", required=True, help="Filters by comma: repetition,{length: {unit: tokens}}, or all that fit."
)
@with_columns
@click.option("--evidence", "where", is_flag=True, help="Add what each filter says of where it found it.")
@workers_option
def measure(file: Path, names: str, prefix: str, out: Path, where: bool, workers: int, **columns: str | None) -> None:
    """Measure the rows of an existing FILE with filters, without a recipe."""
    from datafactory.measurefile import measure_file

    with stoppable(None):
        for line in measure_file(file, names, out, columns, prefix, workers or os.cpu_count() or 1, where):
            click.echo(line)
