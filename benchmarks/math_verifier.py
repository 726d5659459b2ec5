"""The math verifier beside math-verify as its users call it, on the same groups of real rollouts, in one process each.

    python benchmarks/math_verifier.py --traces FOLDER [--groups 60] [--rounds 3]

FOLDER holds labelled traces (*.jsonl.gz with question, gold, response, label_correct). A group is a question with the
answers that different models gave to it, filled up to 16 by taking the first ones again; questions with the most
answers come first. math-verify parses gold answer and response and verifies, row by row, with its own timeouts, as
reward functions do. Ours forgets its decisions before each round. Imports and the start of the child process are not
timed, on either side. Prints rows per second of each round, the ratio of the medians, the same for the groups before
they were filled, and how often the verdicts agree with each other and with the labels.
"""

from __future__ import annotations

import gzip
import json
import logging
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import math_verify

from datafactory.types import Completion, Problem
from datafactory.verifiers import math
from datafactory.verifiers._math.reading import read

SIZE = 16


class Row(NamedTuple):
    question: str
    gold: str
    response: str
    label: bool


@click.command()
@click.option("--traces", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--groups", default=60)
@click.option("--rounds", default=3)
@click.option("--shown", default=0, help="Verdicts to show where the two differ.")
def main(traces: Path, groups: int, rounds: int, shown: int) -> None:
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    chosen = sorted(by_question(traces).values(), key=len, reverse=True)[:groups]
    bare = [row for group in chosen for row in group]
    filled = [row for group in chosen for row in (group * SIZE)[: max(SIZE, len(group))]]
    ours_of(filled[0])
    math.verify(Problem("", "x+1"), Completion(r"\boxed{\int x dx}"), math.Config())  # starts the child process
    for name, rows in ((f"groups of {SIZE}", filled), ("as answered", bare)):
        rates: dict[str, list[float]] = {"ours": [], "math-verify": []}
        for _ in range(rounds):
            math.compare.cache_clear()
            read.cache_clear()
            rates["ours"].append(rate(ours_of, rows))
            rates["math-verify"].append(rate(theirs_of, rows))
        for who, found in rates.items():
            each = " ".join(f"{rows_per_second:.0f}" for rows_per_second in found)
            print(f"{name}, {len(chosen)} groups, {len(rows)} rows, {who}: {each} rows/s")
        ours, theirs = (statistics.median(found) for found in rates.values())
        print(f"{name}, ratio of the medians: {ours / theirs:.1f}")
    compare(bare, shown)


def by_question(folder: Path) -> dict[tuple[str, str], list[Row]]:
    groups = defaultdict(list)
    for row in rows_in(folder):
        groups[row.question, row.gold].append(row)
    return groups


def rows_in(folder: Path) -> Iterator[Row]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                row = json.loads(line)
                if row.get("gold") not in (None, "") and row.get("label_correct") is not None:
                    yield Row(row["question"], str(row["gold"]), row["response"] or "", row["label_correct"])


def rate(verdict_of: Callable[[Row], bool], rows: list[Row]) -> float:
    start = time.perf_counter()
    for row in rows:
        verdict_of(row)
    return len(rows) / (time.perf_counter() - start)


def ours_of(row: Row) -> bool:
    return math.verify(Problem(row.question, row.gold), Completion(row.response), math.Config()).reward == 1.0


def theirs_of(row: Row) -> bool:
    try:
        return math_verify.verify(math_verify.parse(f"${row.gold}$"), math_verify.parse(row.response))
    except Exception:  # reward functions count what fails as wrong
        return False


def compare(rows: list[Row], shown: int) -> None:
    seen: Counter[tuple[bool, bool, bool]] = Counter()
    for row in rows:
        ours, theirs = ours_of(row), theirs_of(row)
        seen[ours, theirs, row.label] += 1
        if ours != theirs and shown:
            shown -= 1
            print(f"ours {ours}, math-verify {theirs}, label {row.label}: {row.gold!r} ... {row.response[-120:]!r}")
    same = sum(count for (ours, theirs, _), count in seen.items() if ours == theirs)
    print(f"same verdict: {same} of {len(rows)}, {same / len(rows):.2%}")
    for at, who in enumerate(("ours", "math-verify")):
        agrees = sum(count for key, count in seen.items() if key[at] == key[2])
        false = sum(count for key, count in seen.items() if key[at] and not key[2])
        print(f"{who}: the label's verdict on {agrees / len(rows):.2%}, accepts {false} that the label rejects")


if __name__ == "__main__":
    main()
