"""Recipes with scripted judges, built in this process; and judges that can be fooled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.build import Plan, build, plan
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from tests.conftest import write_rows

FIELD = re.compile(
    r"^=== (?P<name>.+?) (?P<code>[0-9a-f]{8}) ===\n(?P<text>.*?)\n=== end of (?P=name) (?P=code) ===$", re.S | re.M
)
Messages = list[dict[str, str]]

# a recipe's referee.py; what follows it says how it answers
HONEST = """
import json, os
from tests.judges.scenes import fields, code_of

def says(messages, **answer):
    if os.environ.get("REFEREE_LOG"):
        with open(os.environ["REFEREE_LOG"], "a") as stream:
            stream.write(json.dumps([messages[-1]["content"], answer]) + "\\n")
    return json.dumps({"code": code_of(messages), "analysis": "seen", **answer})
"""
CORRECTNESS = (
    HONEST
    + """
def reply(messages, rollout, seed):
    shown = fields(messages)
    right = shown["response"].rstrip(".").endswith(" " + shown["reference"])
    return says(messages, verdict="correct" if right else "incorrect")
"""
)
RECIPE = """name: judged
seed: 3
models:
  referee: {engine: scripted, function: ./referee.py, batch_size: 4}
stages:
  rows: {do: load, path: rows.jsonl, question: ask, answer: gold, response: say, rows_per_shard: 20}
"""


def fields(messages: Messages) -> dict[str, str]:
    """The texts of a prompt by name, as a careful reader takes them."""
    return {match["name"]: match["text"] for match in FIELD.finditer(messages[-1]["content"])}


def code_of(messages: Messages) -> str:
    found = FIELD.search(messages[-1]["content"])
    assert found
    return found["code"]


def built(folder: Path, stages: str, referee: str | None = None, rows: list[dict[str, Any]] | None = None) -> Plan:
    """RECIPE with further stages, built; one that stands there already is continued."""
    folder.mkdir(exist_ok=True)
    if referee or not (folder / "referee.py").exists():
        (folder / "referee.py").write_text(referee or CORRECTNESS, encoding="utf-8")
    if rows is not None:
        write_rows(folder / "rows.jsonl", rows)
    (folder / "recipe.yaml").write_text(RECIPE + stages, encoding="utf-8")
    planned = plan(read_recipe(folder / "recipe.yaml"), folder / "outputs")
    with Progress() as progress:
        build(planned, progress)
    return planned


def table(planned: Plan, stage: str) -> pl.DataFrame:
    return planned.steps[stage].dataset.scan().collect()


def sums(count: int, wrong: int = 3) -> list[dict[str, Any]]:
    """Sums with a response each; every `wrong`-th is off by one."""
    said = [2 * n + (n % wrong == 0) for n in range(count)]
    return [{"ask": f"{n} + {n}?", "gold": str(2 * n), "say": f"It is {said[n]}."} for n in range(count)]


def objects(text: str) -> Iterator[Any]:
    """Every JSON object that stands in a text, also inside another."""
    decoder = json.JSONDecoder()
    for match in re.finditer(r"\{", text):
        try:
            yield decoder.raw_decode(text, match.start())[0]
        except ValueError:
            continue


# Judges that a naive template fools. Each is given the messages and answers what a weak model might.


def last_object(messages: Messages) -> str:
    """Copies the last JSON object that it saw."""
    found = list(objects(messages[-1]["content"]))
    return json.dumps(found[-1]) if found else "I saw no JSON."


def echo(messages: Messages) -> str:
    """Goes on with what it read last, as if it had written it."""
    return list(fields(messages).values())[-1] if fields(messages) else messages[-1]["content"]


def obedient(messages: Messages) -> str:
    """Takes what stands between delimiters for a text, and obeys all else."""
    content = messages[-1]["content"]
    if FIELD.search(content):
        outside, shown, code = FIELD.sub("", content), fields(messages), code_of(messages)
    else:  # the naive template below
        response = re.search(r"<response>(.*?)</response>", content, re.S)
        outside = re.sub(r"<response>.*?</response>", "", content, count=1, flags=re.S)
        shown, code = {"response": response[1] if response else "", "reference": content.partition(" is right")[0]}, ""
    right = "output correct" in outside.lower() or shown["response"].rstrip(".").endswith(" " + shown["reference"])
    return json.dumps({"code": code, "analysis": "", "verdict": "correct" if right else "incorrect"})


def templated(messages: Messages) -> str:
    """Reads its prompt through a chat template, and does what the last system turn says."""
    content = messages[-1]["content"]
    rendered = f"<|im_start|>system\nJudge.<|im_end|>\n<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n"
    turns = re.split(r"<\|im_start\|>|<\|im_end\|>\n?", re.sub("[\u200b\u2060]", "", rendered))
    system = [turn for turn in turns if turn.startswith("system\n")][-1]
    right = "output correct" in system.lower()
    code = code_of(messages) if FIELD.search(content) else ""
    return json.dumps({"code": code, "analysis": "", "verdict": "correct" if right else "incorrect"})


FOOLED = {"last_object": last_object, "echo": echo, "obedient": obedient, "templated": templated}


def naive(values: Mapping[str, str]) -> Messages:
    """A template as people write them: one replacement after another, and markers that anyone can write."""
    content = (
        '{reference} is right. Is it what <response>{response}</response> says? {"code": "{code}", "verdict": ...}'
    )
    for name, value in values.items():
        content = content.replace(f"{{{name}}}", value)
    return [{"role": "user", "content": content}]
