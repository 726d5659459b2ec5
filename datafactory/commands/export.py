"""export: a published dataset in the form another trainer reads."""

from __future__ import annotations

from pathlib import Path

import click

from datafactory.commands._stopping import stoppable


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--to", required=True, metavar="FORMAT", help="trl, llamafactory, axolotl, verl or openai.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option(
    "--thinking",
    type=click.Choice(["keep", "strip", "field"]),
    help="Think tags in the text, no thinking, or the field reasoning_content; by default what the format takes.",
)
@click.option("--where", metavar="SQL", help="Only the rows that meet a condition, as in \"domain = 'math'\".")
@click.option("--limit", type=click.IntRange(1), help="At most so many rows of each split.")
def export(dataset: Path, to: str, out: Path, thinking: str | None, where: str | None, limit: int | None) -> None:
    """Write a published DATASET as TRL, LLaMA-Factory, axolotl, verl or OpenAI fine-tuning read it."""
    from datafactory.exporting import Asked
    from datafactory.exporting import export as run
    from datafactory.exports import format_of
    from datafactory.report.units import size

    with stoppable(None):
        told = run(dataset, Asked(to, thinking, where, limit), out)
    for name, rows in told.rows.items():
        click.echo(f"{out / name}: {rows:,} rows ({size(told.bytes[name])})")
    for what, count in sorted(told.left_out.items()):
        click.echo(f"left out: {what}: {count:,}")
    for limit_ in format_of(to).limits(told):
        click.echo(f"note: {limit_}", err=True)
