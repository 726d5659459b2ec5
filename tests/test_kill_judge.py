"""kill -9 while a judge is at work, on rollouts and on pairs: the same bytes in the end, and no opinion paid for twice."""

from __future__ import annotations

import json
from pathlib import Path

from . import conftest
from .conftest import write_rows
from .judges.scenes import HONEST, RECIPE
from .kills import demand_the_same

KILLS = 4
BATCH = 4
STAGES = """  judged: {do: judge, from: rows, model: referee, with: [correctness], votes: 2, max_errors: 1}
  pairs: {do: pairs, from: judged, model: referee, margin: 0, max_errors: 1}
"""
# one answer in five cannot be read, by the seed alone: rounds of retries are part of what is interrupted
REFEREE = (
    HONEST
    + """
def reply(messages, rollout, seed):
    shown = fields(messages)
    if seed % 5 == 0:
        said = says(messages, unreadable=seed)
    elif "reference" in shown:
        said = says(messages, verdict=["correct", "incorrect"][seed % 2], analysis=str(seed))
    else:
        said = says(messages, preference=["A much better", "B better", "equal"][seed % 3], analysis=str(seed))
    with open(os.environ["SEEDS"], "a") as stream:
        stream.write(f"{seed}\\n")
    return said
"""
)


def prepared(folder: Path, latency: float) -> Path:
    folder.mkdir()
    given = [
        {"ask": f"{n} + {n}?", "gold": str(2 * n), "say": f"It is {2 * n + k}."} for n in range(16) for k in range(3)
    ]
    write_rows(folder / "rows.jsonl", given)
    (folder / "referee.py").write_text(REFEREE.replace('"analysis": "seen", ', ""))
    recipe = (RECIPE + STAGES).replace("batch_size: 4", f"batch_size: {BATCH}, latency: {latency}")
    (folder / "recipe.yaml").write_text(recipe)
    return folder


def journaled(folder: Path) -> set[int]:
    """The seeds of the opinions that are on disk; the referee writes its seed into each."""
    said = [json.loads(output.text) for output in conftest.journaled(folder)]
    return {int(each.get("unreadable") or each["analysis"]) for each in said}


def test_kills_while_judging_end_in_the_same_bytes_and_pay_for_nothing_twice(tmp_path: Path):
    whole, killed = prepared(tmp_path / "whole", 0), prepared(tmp_path / "killed", 0.05)
    # votes, judgements and retries, each with a seed of its own
    demand_the_same(whole, killed, journaled, least=300, kills=KILLS, batch=BATCH, seed=20251122)
