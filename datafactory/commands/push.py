"""push: a published dataset to the Hugging Face hub."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from datafactory.commands._options import workers_option
from datafactory.commands._stopping import stoppable


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--to", required=True, metavar="OWNER/NAME", help="The dataset repository; it is made where it is not there."
)
@click.option("--private", is_flag=True, help="Make it private, and push into none that is public.")
@click.option("--revision", metavar="BRANCH", help="Another branch than main.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--token-env", default="HF_TOKEN", show_default=True, metavar="NAME", help="The variable with the token.")
@workers_option
def push(
    dataset: Path, to: str, private: bool, revision: str | None, dry_run: bool, token_env: str, workers: int
) -> None:
    """Push a published DATASET to the hub: checked first, resumable, in one commit."""
    from datafactory.pushing.push import Asked
    from datafactory.pushing.push import push as run

    asked = Asked(to, private, revision, dry_run, token_env)
    with stoppable(shlex.join(["datafactory", *sys.argv[1:]])):
        run(dataset, asked, workers or os.cpu_count() or 1, click.echo)
