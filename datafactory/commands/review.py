"""review: a local page to accept, reject and edit traces on."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--reviewer", metavar="NAME", help="Whose decisions they are; the login name by default.")
@click.option(
    "--decisions",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where each decision is written; reviews/<name>.jsonl beside the dataset by default.",
)
@click.option("--where", metavar="SQL", help='Only the traces that meet a condition, as in "math = 1".')
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first so many.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="So many spread over all, the same for everyone.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
def review(
    dataset: Path,
    reviewer: str | None,
    decisions: Path | None,
    where: str | None,
    limit: int | None,
    sample: int | None,
    port: int,
    no_browser: bool,
) -> None:
    """Read the traces of a DATASET (a stage, a published folder or a file) on a local page, and decide."""
    import signal
    import tempfile

    from datafactory.review.opening import called, open_browser
    from datafactory.review.record import Record, place_for
    from datafactory.review.rows import Rows
    from datafactory.review.server import served
    from datafactory.review.session import Session

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    name = called(reviewer)
    with tempfile.TemporaryDirectory(prefix="datafactory-review-") as scratch:
        rows = Rows(dataset, Path(scratch), where, limit, sample)
        record = Record(decisions or place_for(dataset), lambda line: click.echo(line, err=True))
        session = Session(rows, record, name)
        with served(session, port) as server:
            try:
                progress = session.about()["progress"]
                click.echo(f"{progress['decided']:,} of {len(rows):,} traces are decided; {name} writes {record.path}")
                click.echo(server.address)
                click.echo("Ctrl-C ends it.")
                if not no_browser:
                    open_browser(server.address, Path(scratch))
                server.serve_forever()
            except KeyboardInterrupt:
                progress = session.about()["progress"]
    click.echo(f"\n{progress['decided']:,} of {progress['rows']:,} traces are decided. A recipe applies them with")
    click.echo(f"  reviewed: {{do: review, from: STAGE, decisions: {record.path}}}")
