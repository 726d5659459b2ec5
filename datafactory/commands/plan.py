"""plan: what a build would do, and come to."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from datafactory.commands._options import (
    budget_option,
    executor_option,
    limit_option,
    of_budgets,
    out_option,
    set_option,
    workers_option,
)
from datafactory.commands._stopping import stoppable


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@out_option
@limit_option
@set_option
@budget_option
@workers_option
@click.option(
    "--pilot",
    type=click.IntRange(2),
    metavar="N",
    help="Build with N problems of each kind, and say what the whole will give, take and cost.",
)
@executor_option
def plan(
    recipe: Path,
    outputs: Path,
    limit: int | None,
    assignments: tuple[str, ...],
    budgets: tuple[str, ...],
    workers: int,
    pilot: int | None,
    executor: str,
) -> None:
    """Say what a build of RECIPE would do, stage by stage, and why; with --pilot what it would come to."""
    from datafactory.factory import explain

    assignments += of_budgets(budgets)
    if pilot is None:
        for line in explain(recipe, outputs, assignments, limit):
            click.echo(line)
        return
    from datafactory.forecast import told
    from datafactory.pilot import piloted
    from datafactory.progress import Progress

    workers = workers or (os.cpu_count() or 1 if executor == "local" else 0)
    with stoppable(shlex.join(["datafactory", *sys.argv[1:]])), Progress() as progress:
        for line in told(piloted(recipe, outputs, pilot, progress, assignments, limit, workers, executor)):
            click.echo(line)
