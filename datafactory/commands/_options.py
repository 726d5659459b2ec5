"""Options: what several commands take, spelled alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from datafactory.errors import UserError

out_option = click.option(
    "--outputs",
    type=click.Path(path_type=Path),
    default=Path("outputs"),
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
_COLUMNS = [
    click.option("--question", help="The column of the question, where it is not called so."),
    click.option("--answer", help="The column of the gold answer."),
    click.option("--response", help="The column of the response; a think block in it is split off."),
    click.option("--reasoning", help="The column of the thinking."),
    click.option("--prefix", default="", help="Put before the name of each new column."),
    click.option("--out", type=click.Path(path_type=Path), required=True, help="A .parquet or .jsonl file to write."),
]


def with_columns(command: Any) -> Any:
    for option in reversed(_COLUMNS):
        command = option(command)
    return command


def of_budgets(budgets: tuple[str, ...]) -> tuple[str, ...]:
    """`tokens=5000000` as `--set` has it."""
    for budget in budgets:
        key, equals, _ = budget.partition("=")
        if key.strip() not in ("tokens", "cost") or not equals:
            raise UserError(f"--budget {budget}: write --budget tokens=5000000 or --budget cost=20")
    return tuple(f"budget.{budget}" for budget in budgets)
