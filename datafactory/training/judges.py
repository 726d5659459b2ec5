"""Judges while a model learns: one judge for all processes that train, asked by the first of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from accelerate.utils import broadcast_object_list, gather_object
from rich.console import Console

from datafactory.budget import Account
from datafactory.job import Job
from datafactory.judging import Referee
from datafactory.ledger import Ledger
from datafactory.models import Model
from datafactory.opinions import Opinions, judged
from datafactory.progress import Progress
from datafactory.store import Draft
from datafactory.training.sharing import rank


class Asked:
    """A judge model that is started when it is first asked; planned is how many rollouts it will be shown in all."""

    def __init__(self, config: Opinions, model: Model, folder: Path, store: Path, planned: int):
        self.config = config
        self.planned = planned
        self.names = [use.name for use in config.judges]
        account = Account(config.budget, "the judges' budget", Ledger(folder))
        apart = Progress(Console(quiet=True)).stage("judges")  # the stage counts its steps, not judgements
        job = Job(Draft(folder), store, apart, account=account)
        self.referee = Referee(config, model, job) if rank() == 0 else None

    def of(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the columns of every judge; every process calls it at once, with its own rows."""
        tables: list[pl.DataFrame] = gather_object([rows])
        heard: list[pl.DataFrame | None] = [None]
        if self.referee:
            work = judged(self.config, self.referee, pl.concat(tables), self.planned)
            heard = [next(self.referee.asker.drive([work]))]
        (whole,) = broadcast_object_list(heard)
        before = sum(table.height for table in tables[: rank()])
        return whole.slice(before, rows.height)

    def close(self) -> None:
        if self.referee:
            self.referee.close()
