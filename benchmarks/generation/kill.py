"""Kill: a contender is ended with SIGKILL when half of its requests are answered, and begun again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from environments import Failed
from measure import Run, kill, last_words, started, unlike, waited
from server import answer

RESUMING = ("curator", "data_designer", "distilabel", "datafactory")


@dataclass(frozen=True)
class Lost:
    """arrived: answers that were sent and read before the kill; unread: sent alone; twice: of those that had arrived,
    asked for again; asked: in both runs; end: how the second ended."""

    arrived: int
    unread: int
    twice: int
    tokens: int
    asked: int
    end: str


def killed(run: Run, folder: Path) -> Lost:
    server = run.server
    server.told("reset")
    process = started(run, folder)
    began = time.monotonic()
    try:
        while server.told("stats")["answered"] < run.requests // 2:
            if process.poll() is not None:
                raise Failed(f"exit {process.returncode} before half was answered: {last_words(folder)}")
            if time.monotonic() - began > run.timeout:
                raise Failed(f"half was not answered in {run.timeout:g} s")
            time.sleep(0.01)
    finally:
        kill(process)
    while server.told("stats")["in_flight"]:
        time.sleep(0.05)
    before = server.told("stats/full")
    server.told("reset")
    ended = waited(run, started(run, folder))
    after = server.told("stats/full")
    arrived = before["answered_of"].keys() - {str(number) for number in before["unread_of"]}
    twice = arrived & after["asked_of"].keys()
    if ended is None:
        end = f"hung: killed after {run.timeout:g} s with {after['answered']:,} answered"
    elif ended.code:
        end = f"failed, exit {ended.code}: {last_words(folder)}"
    else:
        end = unlike(run, folder) or f"all {run.requests:,} answers, {ended.wall:.1f} s"
    return Lost(
        len(arrived),
        len(before["unread_of"]),
        len(twice),
        sum(len(answer(int(number)).split()) for number in twice),
        before["asked"] + after["asked"],
        end,
    )
