"""kill -9 while a model rewrites: the same bytes in the end, and no rewrite that is on disk paid for twice."""

from __future__ import annotations

from pathlib import Path

from . import conftest
from .conftest import write_rows
from .kills import demand_the_same
from .rewritings.scenes import RECIPE, WRITER, sums

KILLS = 5
BATCH = 4
LIGHT = "checks: [finished, form, numbers, own, answer]"  # without word lists a process begins at once
STAGES = f"""  told: {{do: rewrite, from: rows, model: writer, with: {{conversational: {{{LIGHT}}}}}, verifiers: [math], attempts: 3}}
  done: {{do: rewrite, from: told, model: writer, with: {{summary: {{{LIGHT}}}}}, verifiers: [math], attempts: 3}}
"""
# one text in four fails a check, by the seed alone: attempts are part of what is interrupted
WRITING = """
def reply(messages, rollout, seed):
    shown = fields(messages)
    mark = f"x_{seed}"
    if "response" in shown:
        text = f"So {mark}, and \\\\boxed{{{shown['response']}}}."
    else:
        text = f"First I look, {mark}. {shown['reasoning']}"
    if seed % 4 == 0:
        text += " And 987654321."
    with open(os.environ["SEEDS"], "a") as stream:
        stream.write(f"{seed}\\n")
    return text
"""


def prepared(folder: Path, latency: float) -> Path:
    folder.mkdir()
    write_rows(folder / "rows.jsonl", sums(44))
    (folder / "writer.py").write_text(WRITER + WRITING)
    recipe = (RECIPE + STAGES).replace(f"batch_size: {BATCH}", f"batch_size: {BATCH}, latency: {latency}")
    (folder / "recipe.yaml").write_text(recipe)
    return folder


def journaled(folder: Path) -> set[int]:
    """The seeds of the rewrites that are on disk; the writer puts its seed into each."""
    texts = [output.text for output in conftest.journaled(folder)]
    return {int(text.partition("x_")[2].split(",")[0].split(".")[0]) for text in texts}


def test_kills_while_rewriting_end_in_the_same_bytes_and_pay_for_nothing_twice(tmp_path: Path):
    whole, killed = prepared(tmp_path / "whole", 0), prepared(tmp_path / "killed", 0.1)
    # both stages and their attempts, each with a seed of its own
    demand_the_same(whole, killed, journaled, least=100, kills=KILLS, batch=BATCH, seed=20261121)
