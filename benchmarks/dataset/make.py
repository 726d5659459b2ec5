"""Make: rows in the proportions of R1's Table 5 as the finished datasets of two stages, of real text.

A row's question, thinking and response are passages of the real problems and traces under DATA, cut from a place drawn
by chance and begun with a number of their own, so that no two rows are alike. Lengths are R1's mean tokens per domain
times `scale`, at CHARACTERS each. Problems have one to four rollouts. One row in 200 stands twice, for the merge to
find. Shards are of ROWS rows, as stages write them.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.fingerprint import digest
from datafactory.store import Dataset, Draft, is_finished
from datafactory.types import COLUMNS, problem_id, trace_id

TABLE_5 = {"math": 395_285, "code": 211_129, "stem": 10_124, "logic": 10_395, "general": 177_812}
TOKENS = {"math": 6094.2, "code": 7435.7, "stem": 4928.8, "logic": 2739.0, "general": 1419.8}
SOURCES = {
    "math": ("competitions", "textbooks"),
    "code": ("contests", "exercises"),
    "stem": ("exams",),
    "logic": ("puzzles",),
    "general": ("writing", "factual_qa", "self_cognition", "translation"),
}
CHARACTERS = 3.2  # of a token, about
ROWS = 10_000
TWICE = 200


def composition(rows: int) -> dict[str, int]:
    """Table 5 for that many rows in all."""
    whole = sum(TABLE_5.values())
    found = {name: round(count * rows / whole) for name, count in TABLE_5.items()}
    found["math"] += rows - sum(found.values())
    return found


def made(data: Path, folder: Path, rows: int, scale: float) -> list[Dataset]:
    """The dataset of the reasoning rows and that of the general ones."""
    wanted = composition(rows)
    texts = corpus(data)
    parts = {"reasoning": ("math", "code", "stem", "logic"), "general": ("general",)}
    found = []
    for name, domains in parts.items():
        decided = ["made", 1, name, rows, scale]
        draft = Draft(folder / f"{name}-{rows}-{digest(decided)[:8]}")
        if not is_finished(draft.folder):
            stream = _problems({domain: wanted[domain] for domain in domains}, texts, scale)
            count = 0
            while table := list(_taken(stream, ROWS)):
                draft.write(count, pl.DataFrame(table, schema=_schema()))
                count += 1
            draft.finish(count, {"stage": "made", "fingerprint": digest(decided), "counts": {}})
        found.append(Dataset(draft.folder))
    return found


def corpus(data: Path) -> str:
    """The text of all traces and problems."""
    texts = []
    for path in sorted([*data.glob("traces/*.jsonl.gz"), *data.glob("problems/*.jsonl.gz")]):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                row = json.loads(line)
                texts += [row[key] for key in ("question", "problem", "reasoning", "response") if row.get(key)]
    random.Random(0).shuffle(texts)
    return "\n\n".join(texts)


def _problems(wanted: dict[str, int], texts: str, scale: float) -> Iterator[list[dict[str, Any]]]:
    """The rows of one problem after another."""
    draw = random.Random(digest([wanted, scale]))
    number = 0
    for domain, count in wanted.items():
        size = TOKENS[domain] * CHARACTERS * scale
        left = count
        while left:
            each = min(left, draw.randint(1, 4))
            left -= each
            number += 1
            question = _passage(draw, texts, f"{domain} {number}: ", max(60.0, size / 12))
            problem = {
                "problem_id": problem_id(question, str(number)),
                "question": question,
                "answer": str(number),
                "domain": domain,
                "source": draw.choice(SOURCES[domain]),
                "license": "MIT",
            }
            rows = []
            for rollout in range(each):
                thinks = domain != "general" or draw.random() < 0.3
                reasoning = _passage(draw, texts, f"{number}.{rollout} ", size * 0.8) if thinks else None
                response = _passage(draw, texts, f"{number}.{rollout}: ", max(40.0, size * (0.15 if thinks else 0.9)))
                row = {
                    **problem,
                    "rollout": rollout,
                    "trace_id": trace_id(problem["problem_id"], rollout, reasoning, response),
                    "reasoning": reasoning,
                    "response": response,
                    "finish_reason": "stop",
                    "prompt_tokens": len(question) // 3,
                    "completion_tokens": (len(reasoning or "") + len(response)) // 3,
                    "model": "teacher",
                    "math": 1.0,
                }
                rows += [row] * (2 if draw.randrange(TWICE) == 0 else 1)
            yield rows


def _passage(draw: random.Random, texts: str, start: str, size: float) -> str:
    length = int(draw.lognormvariate(-0.125, 0.5) * size)  # of mean 1: some are several times as long as others
    place = draw.randrange(len(texts) - length - 1)
    return start + texts[place : place + length].strip()


def _schema() -> dict[str, Any]:
    return {**{name: getattr(pl, kind) for name, kind in COLUMNS.items()}, "math": pl.Float64}


def _taken(stream: Iterator[list[dict[str, Any]]], count: int) -> Iterator[dict[str, Any]]:
    """The rows of whole problems, at least so many."""
    taken = 0
    for rows in stream:
        yield from rows
        taken += len(rows)
        if taken >= count:
            return
