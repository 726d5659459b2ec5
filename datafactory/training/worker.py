"""Worker: one of the processes that train together. Started by `launching.py` through accelerate; its argument is the
pickled call. It ends as soon as the process that launched it is gone."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from datafactory.errors import DatafactoryError
from datafactory.progress import Progress, StageProgress
from datafactory.tables import write_bytes
from datafactory.training.launching import Call


class Told(StageProgress):
    """A stage's progress that is written down for the process that shows it."""

    def __init__(self, name: str, file: Path | None):
        super().__init__(name, Progress(Console(file=StringIO())))
        self.file = file

    def _tell(self, said: str, arguments: Any) -> None:
        if self.file:
            with self.file.open("a") as stream:
                stream.write(json.dumps([said, arguments]) + "\n")

    def expect(self, total: int | None, unit: str = "rows") -> None:
        self.total, self.unit = total, unit
        self._tell("expect", {"total": total, "unit": unit})

    def advance(self, rows: int = 0, tokens: int = 0, accepted: int | None = None) -> None:
        self.rows, self.tokens = self.rows + rows, self.tokens + tokens
        self._tell("latest", self.latest)
        self._tell("advance", {"rows": rows, "tokens": tokens, "accepted": accepted})

    def note(self, text: str) -> None:
        self._tell("note", {"text": text})


def main(place: Path) -> None:
    call: Call = pickle.loads(place.read_bytes())
    threading.Thread(target=_end_with, args=(call.desk / "alive",), daemon=True).start()
    rank = os.environ.get("RANK", "0")
    progress = Told(call.name, call.desk / "told.jsonl" if rank == "0" else None)
    try:
        train = import_module(call.module).train
        train(call.config, call.source, call.weights, call.folder, progress, *call.more)
    except BaseException as error:
        plain = isinstance(error, DatafactoryError)
        text = str(error) if plain else f"{type(error).__name__}: {error}".splitlines()[0]
        said = {"plain": plain, "text": text, "time": time.time()}
        write_bytes(call.desk / f"error-{rank}.json", json.dumps(said).encode())
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # without waiting in a collective for a process that waits for this one


def _end_with(alive: Path) -> None:
    """Waits until nobody holds the lock: whoever launched this process is gone, and this one is to go."""
    try:
        with alive.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
    except OSError:
        pass  # the folder is gone, and so is who launched this process
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
