"""Stopping: Ctrl-C and SIGTERM end a command cleanly."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


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
