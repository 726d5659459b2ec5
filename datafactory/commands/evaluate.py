"""evaluate: score models on a file of problems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from datafactory.commands._options import limit_option, out_option, set_option
from datafactory.commands._stopping import stoppable


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--on", "problems", type=click.Path(path_type=Path), required=True, help="A file of problems.")
@click.option("--question", default="question", show_default=True)
@click.option("--answer", default="answer", show_default=True)
@click.option("--with", "names", default="math", show_default=True, help="Verifiers by comma.")
@click.option("--group-size", type=click.IntRange(1), default=4, show_default=True, help="Rollouts per problem.")
@click.option(
    "--trained-on",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="What they were trained on, a dataset or a file: problems that stand in it are told.",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write all scores there.")
@out_option
@limit_option
@set_option
def evaluate(models: tuple[str, ...], problems: Path, outputs: Path, **options: Any) -> None:
    """Score each MODEL (a folder, a hub id, pypi:NAME==VERSION) on a FILE of problems, and compare them."""
    from datafactory.factory import evaluate_on
    from datafactory.progress import Progress

    with stoppable(None), Progress() as progress:
        evaluate_on(models, problems, outputs, progress, **options)
