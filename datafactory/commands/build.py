"""build: run what a recipe has not finished."""

from __future__ import annotations

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
@click.option("--until", metavar="STAGE", help="Stop after that stage.")
@click.option(
    "--show-prompt",
    "stage_shown",
    is_flag=False,
    flag_value="",
    metavar="[STAGE]",
    help="Ask no model: print the first prompt of each generate stage, or of that STAGE, as the model sees it.",
)
@set_option
@budget_option
@workers_option
@executor_option
def build(
    recipe: Path,
    outputs: Path,
    limit: int | None,
    until: str | None,
    stage_shown: str | None,
    assignments: tuple[str, ...],
    budgets: tuple[str, ...],
    workers: int,
    executor: str,
) -> None:
    """Run what a RECIPE has not finished, and publish its datasets."""
    if stage_shown is not None:
        _show_prompts(recipe, outputs, stage_shown or None, assignments, limit)
        return
    from datafactory.factory import make
    from datafactory.progress import Progress

    with stoppable(shlex.join(["datafactory", *sys.argv[1:]])), Progress() as progress:
        make(recipe, outputs, progress, assignments + of_budgets(budgets), limit, until, workers, executor)


def _show_prompts(
    recipe: Path, outputs: Path, stage: str | None, assignments: tuple[str, ...], limit: int | None
) -> None:
    """Each prompt on stdout byte for byte, a line break between two of them; whose it is on stderr."""
    from datafactory.progress import Progress
    from datafactory.showing import shown

    with stoppable(None), Progress() as progress:
        found = list(shown(recipe, outputs, stage, progress, assignments, limit))
    for number, prompt in enumerate(found):
        click.echo(b"\n" if number else b"", nl=False)
        click.echo(f"--- {prompt.about}", err=True)
        click.echo(prompt.text.encode("utf-8", "replace"), nl=False)
    click.echo("", err=True)
