"""What every filter of the default set costs, in milliseconds for a megabyte of thinking and answer, on one core.

    python benchmarks/filters/costs.py --data ../shared/data [--megabytes 8] [--rounds 3]

alone     on a block that nothing has read yet
in turn   on a block that the filters above it in the table have read: what it adds to the whole set
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is imported

import polars as pl
from sides import default_set
from speed import sample

from datafactory.measures import Measure, measures_of

BLOCK = 4e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = sample(arguments.data)
    size = pl.col("reasoning").str.len_bytes() + pl.col("response").str.len_bytes()
    rows = rows.filter(size.cum_sum() < arguments.megabytes * 1e6)
    megabytes = rows.select(size.sum()).item() / 1e6
    blocks = rows.with_columns(block=(size.cum_sum() // BLOCK)).partition_by("block", include_key=False)
    parts = measures_of(default_set())
    alone = {part.use.name: [0.0] * arguments.rounds for part in parts}
    turn = {part.use.name: [0.0] * arguments.rounds for part in parts}
    for part in parts:
        taken(part, rows[:2])
    for number in range(arguments.rounds):
        for block in blocks:
            read = block.clone()
            for part in parts:
                alone[part.use.name][number] += taken(part, block.clone())
                turn[part.use.name][number] += taken(part, read)
    print("| filter | alone, ms/MB | in turn, ms/MB |\n| --- | --- | --- |")
    for name in alone:
        print(f"| {name} | {min(alone[name]) / megabytes * 1e3:.1f} | {min(turn[name]) / megabytes * 1e3:.1f} |")
    whole = sum(min(seconds) for seconds in turn.values()) / megabytes
    print(f"| all in turn | | {whole * 1e3:.1f} |\n\n{megabytes:.1f} MB, {1 / whole:.2f} MB/s")


def taken(part: Measure, rows: pl.DataFrame) -> float:
    begun = time.process_time()
    getattr(part.use.module, part.use.name)(rows, **dict(part.use.settings))
    return time.process_time() - begun


if __name__ == "__main__":
    main()
