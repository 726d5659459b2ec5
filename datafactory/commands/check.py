"""check: whether a dataset's folder is what it says."""

from __future__ import annotations

import os
from pathlib import Path

import click

from datafactory.commands._options import workers_option
from datafactory.commands._stopping import stoppable


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@workers_option
def check(dataset: Path, workers: int) -> None:
    """Verify a published DATASET or a stage's folder: files, checksums, counts, columns, messages, splits."""
    from datafactory.checking.folder import checked
    from datafactory.report.units import counted, size

    with stoppable(None):
        found = checked(dataset, workers or os.cpu_count() or 1)
    for failure in found.failures:
        click.echo(f"{dataset}/{failure}")
    if found.failures:
        click.echo(found.mend, err=True)
        raise SystemExit(1)
    rows = [f"{counted(rows, 'row')}{split and f' in {split}'}" for split, rows in found.splits.items()]
    what = ", ".join([f"{counted(found.files, 'file')} ({size(found.bytes)})", *rows])
    click.echo(f"{dataset}: {what}: all as it was written")
