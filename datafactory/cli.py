"""The command line: every file of `datafactory/commands` is a command.

Exit status 0 done, 1 a stage failed, 2 the user's mistake.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from datafactory import __version__
from datafactory.errors import DatafactoryError, UserError


class Commands(click.Group):
    """The commands by their files' names; shows the project's errors as their lines, without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        folder = Path(__file__).with_name("commands")
        return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"datafactory.commands.{name}")
        command: click.Command = getattr(module, name if hasattr(module, name) else f"{name}_")
        return command

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


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def main() -> None:
    """A synthetic reasoning-data factory: from a recipe to verified SFT shards to a distilled student."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # torch's threads wait asleep: spinning, two processes that share the cores bring each other to a standstill
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
