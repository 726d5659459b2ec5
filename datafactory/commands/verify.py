"""verify: score an existing file with verifiers."""

from __future__ import annotations

import os
from pathlib import Path

import click

from datafactory.commands._options import with_columns, workers_option
from datafactory.commands._stopping import stoppable


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--with", "names", required=True, help="Verifiers by comma: math,./mine.py or math,{format: {style: think_answer}}."
)
@with_columns
@workers_option
def verify(file: Path, names: str, prefix: str, out: Path, workers: int, **columns: str | None) -> None:
    """Score the rows of an existing FILE with verifiers, without a recipe."""
    from datafactory.scorefile import verify_file
    from datafactory.settings import verifiers_of

    with stoppable(None):
        for line in verify_file(file, verifiers_of(names), out, columns, prefix, workers or os.cpu_count() or 1):
            click.echo(line)
