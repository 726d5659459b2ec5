"""new: a starter recipe."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a commented starter recipe into the folder NAME."""
    from datafactory.starter import write

    for line in write(Path(name)):
        click.echo(line)
