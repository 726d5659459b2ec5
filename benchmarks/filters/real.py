"""Real traces of ../shared/data as rollout rows, with the marks by which the bed tells clean ones from others.

The marks are counts that none of the filters uses, and what a reader saw: a trace is clean where it ended by itself,
holds no letter of a script beside Latin and Greek, and hardly repeats itself (at least seven in ten of its 8-grams are
new, by the source's own count).
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl

Row = dict[str, Any]

FILES = ("mip_overthinking", "skythought_eval_outputs", "misguided_attention")

# (between thinking and answer, before the thinking, behind the answer), by how the name of the model begins
TAGS = {
    "s1.1": ("\nanswer", "think\n", ""),
    "LIMO": ("**Final Answer**", "", ""),
    "Sky-T1": ("<|end_of_thought|>", "<|begin_of_thought|>", "<|end_of_solution|>"),
}
TEST_MODELS = (
    "deepseek-r1-0528",
    "glm-z1",
    "phi-4",
    "s1.1",
    "LIMO",
    "qwen3-30b",
    "Sky-T1-math-reflection",
    "Sky-T1-math-corrupt",
    "Qwen2.5-14B",
)
FOREIGN = r"[\p{L}&&[^\p{Latin}\p{Greek}\p{Common}]]"

# Read by eye: the thinking speaks of a foreign word ("in Chinese, biscuit is ...") and does not slip into a language.
MENTIONS = frozenset(
    {
        *(
            "d9bf75d6d6b6",
            "665af1b266d4",
            "c7b10f918fdc",
            "1057f5018505",
            "3c1e0e9c62ea",
            "16d998f54b0e",
            "edcd131de595",
        ),
        *(
            "b20404ab6428",
            "73eced866732",
            "a73b1ba4ac9b",
            "3b7bad71e946",
            "10d75d451cac",
            "c00cb4ab794c",
            "fc29ffcb9ed3",
        ),
        *(
            "c60408e9634a",
            "077a4fa36685",
            "9ea963085a29",
            "432e93d7a086",
            "ef7ef8400979",
            "2caf1c7b214a",
            "711bbbf2af44",
        ),
        *(
            "c3b9b70458cd",
            "b332e8d10ddf",
            "2763db1953be",
            "f06e64eb8c30",
            "381908e8f391",
            "482f9b344450",
            "9f9ba28cd094",
        ),
        *("ec76b91c6ef4", "7b0dd52667e8", "3ca308842668", "345b3c511df8", "1485141a1713", "2d79406e3d41"),
    }
)

# Read by eye: long loops, though most of their 8-grams are new; and one that begins another conversation.
LOOPS = frozenset({"c92f083e3181", "185ed7f815e2", "b646df9c4374", "e1ed38bc85f3", "cf81df27629c"})
CUT = frozenset({"c2364bc1b292"})
DOUBTFUL = frozenset({"a8c5c674cb96"})  # quotes three sentences of a French question that nobody asked


def traces(data: Path) -> list[Row]:
    """Every trace of a model that thinks or writes out its steps, thinking and answer apart."""
    return [trace(line) for name in FILES for line in lines(data / "traces" / f"{name}.jsonl.gz")]


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def trace(line: dict[str, Any]) -> Row:
    model = line["model"].split(" = ")[0].split(" (")[0]
    reasoning, response, finished = line["reasoning"], line["response"] or "", True
    if reasoning is None:
        reasoning, response, finished = parted(model, response)
    return {
        "id": f"{line['source'].rpartition('/')[0][-12:]}-{line['id']}".replace("/", "_"),
        "trace": line["id"],
        "question": line["question"],
        "answer": None if line["gold"] is None else str(line["gold"]),
        "reasoning": reasoning,
        "response": response,
        "finish_reason": "stop" if finished else "length",
        "model": model,
        "source": line["dataset"],
        "fresh": line["features"]["uniq_8gram_ratio"] or 1.0,  # null where there are fewer than eight words
        "split": "test" if model.startswith(TEST_MODELS) else "dev",
    }


def parted(model: str, text: str) -> tuple[str | None, str, bool]:
    """Thinking, answer, and whether the answer was come to."""
    if model.startswith("Qwen2.5"):
        return None, text, bool(text.strip())
    end, begin, last = next((tags for name, tags in TAGS.items() if model.startswith(name)), ("</think>", "", ""))
    if begin and begin not in text:  # Sky-T1 often answers without a thought
        return None, text, bool(text.strip())
    thought, found, answer = text.rpartition(end) if end == "**Final Answer**" else text.partition(end)
    if not found:
        return text.removeprefix(begin).strip(), "", False
    answer = answer.strip().removeprefix("<|begin_of_solution|>")
    finished = not last or last in answer
    return thought.strip().removeprefix(begin).strip(), answer.partition(last)[0].strip() if last else answer, finished


def foreign(rows: list[Row]) -> list[bool]:
    """Which rows hold a letter of a script beside Latin and Greek, in what the model wrote."""
    text = pl.Series([f"{row['reasoning'] or ''}\n{row['response']}" for row in rows], dtype=pl.String)
    return text.str.contains(FOREIGN).to_list()


def thinks(row: Row) -> bool:
    return bool(row["reasoning"]) and bool(row["response"].strip()) and row["finish_reason"] == "stop"
