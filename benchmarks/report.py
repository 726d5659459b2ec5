"""report.html of N published rows and of twice as many: seconds, seconds of a core, peak memory, size of the page.

    python benchmarks/report.py                  200,000 and 400,000 rows
    python benchmarks/report.py --rows 804745    R1's 800K, and twice that; about 8 GB of disk

The story is generate, verify, filter, select, merge, with half as many rows dropped as published, in Table 5's shares.
Beside it, in the same run, stands what polars takes to read the same columns once: no report can be made without.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datafactory.store import EVIDENCE, REASON, Draft
from datafactory.story import Chapter, Story

DOMAINS = {"math": 395_285, "code": 211_129, "stem": 10_124, "logic": 10_395, "general": 177_812}  # R1, Table 5
PER_SHARD = 10_000
WORDS = ("we", "compute", "the", "sum", "wait", "so", "then", "number", "is", "therefore", "check", "this", "again")
SETTINGS = {
    "traces": {"do": "generate", "from": [], "group_size": 3},
    "checked": {"do": "verify", "from": "traces", "with": ["math"]},
    "clean": {"do": "filter", "from": "checked"},
    "dataset": {"do": "merge", "from": ["clean"]},
}
BOUNDS = {f"measure_{at}": {"max": 0.9} for at in range(8)} | {
    "near_duplicates": {"max": 0},
    "contamination": {"max": 0},
}


def make(folder: Path, published: int) -> None:
    for name in SETTINGS:
        _stage(folder, name, published)


def _stage(folder: Path, name: str, published: int) -> None:
    draft = Draft(folder / name)
    draft.folder.mkdir(parents=True)
    shards = -(-published // PER_SHARD)
    splits: dict[str, list[str]] = {"train": [], "validation": []}
    for k in range(shards):
        kept, lost = _rows(k, min(PER_SHARD, published - k * PER_SHARD), name)
        if name in ("traces", "checked"):
            kept, lost = pl.concat([kept, lost.drop(REASON, EVIDENCE)]), None
        draft.write(k, kept, lost if name == "clean" else None)
        splits["validation" if k == 0 and shards > 1 else "train"].append(f"shard-{k:05d}.parquet")
    keep = [{"name": column, "column": column, **bounds} for column, bounds in BOUNDS.items()]
    about = {"stage": SETTINGS[name]["do"], "fingerprint": name, "seconds": 10.0, "started": "2026-01-01T00:00:00Z"}
    if name == "clean":
        about["identity"] = {"config": {"keep": keep}}
    if name == "checked":
        about["counts"] = {"statuses": {"math": {"correct": published, "incorrect": published // 2}}}
    if name == "dataset":
        about["splits"] = {split: files for split, files in splits.items() if files}
    draft.finish(shards, about)


def _rows(k: int, size: int, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    stream = np.random.default_rng(k)
    whole = size + size // 2
    texts = np.array([" ".join(stream.choice(WORDS, 120)) for _ in range(64)], dtype=object)
    shares = np.array(list(DOMAINS.values())) / sum(DOMAINS.values())
    question = "problem" if name == "dataset" else "question"
    problems = [k * PER_SHARD + at // 3 for at in range(whole)]
    columns = {
        "problem_id": [f"{problem * 2654435761 % 2**64:016x}" for problem in problems],
        "trace_id": [f"{(k * 2 * PER_SHARD + at) * 40503 % 2**64:016x}" for at in range(whole)],
        question: [
            f"Problem {problem}: what is {problem} + {problem}? {texts[problem % 64][:200]}" for problem in problems
        ],
        "reasoning": [f"{texts[at % 64]} \\({at}^2\\)" for at in range(whole)],
        "response": [f"\\boxed{{{at}}}" for at in range(whole)],
        "domain": stream.choice(list(DOMAINS), size=whole, p=shares),
        "source": [f"source {at % 9}" for at in range(whole)],
        "rollout": pl.Series([at % 3 for at in range(whole)], dtype=pl.Int32),
        "completion_tokens": pl.Series(stream.lognormal(8, 1, whole).astype(int) + 1, dtype=pl.Int32),
        "generation": ["f00d"] * whole,
    }
    if name != "traces":
        right = stream.random(whole) < 0.66
        columns |= {
            "math": right.astype(float),
            "math_status": np.where(right, "correct", "incorrect"),
            "math_detail": [""] * whole,
        }
    if name in ("clean", "dataset"):
        columns |= {column: stream.random(whole) for column in BOUNDS}
    rows = pl.DataFrame(columns)
    if name in ("clean", "dataset"):
        rows = rows.with_columns((pl.col("near_duplicates", "contamination") * 20).floor())
    reasons = [f"{list(BOUNDS)[at % len(BOUNDS)]} above 0.9" for at in range(whole - size)]
    lost = rows[size:].with_columns(pl.Series(REASON, reasons), pl.lit("what it matched").alias(EVIDENCE))
    return rows[:size], lost


def story(folder: Path) -> Story:
    from datafactory.store import Dataset

    names = list(SETTINGS)
    chapters = tuple(
        Chapter(
            name,
            str(SETTINGS[name]["do"]),
            name,
            Dataset(folder / name),
            tuple(names[max(0, at - 1) : at]),
            SETTINGS[name],
        )
        for at, name in enumerate(names)
    )
    return Story("benchmark", chapters, chapters[-1], {})


def report(folder: Path) -> str:
    from datafactory.report.page import page

    return f"{len(page(story(folder)).encode()) / 1e6:.2f} MB"


def plain(folder: Path) -> str:
    """Every column but the texts of the answers, read once by polars."""
    for name in SETTINGS:
        for path in sorted((folder / name).glob("*.parquet")):
            table = pl.scan_parquet(path)
            table.select(pl.exclude("reasoning", "response")).collect()
    return "-"


def measured(what: str, folder: Path) -> tuple[float, float, float, str]:
    ran = subprocess.run(
        [sys.executable, __file__, "--in", str(folder), what], capture_output=True, text=True, check=True
    )
    seconds, worked, peak, said = ran.stdout.strip().split(" ", 3)
    return float(seconds), float(worked), float(peak), said


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=200_000)
    asked.add_argument("--in", dest="folder", type=Path)
    asked.add_argument("what", nargs="?")
    given = asked.parse_args()
    if given.what:
        started = time.perf_counter()
        said = {"report": report, "plain": plain}[given.what](given.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(time.perf_counter() - started, time.process_time(), peak, said)
        return
    print(f"{'rows':>10} {'what':<8} {'seconds':>8} {'of a core':>9} {'peak GiB':>9}  page")
    with tempfile.TemporaryDirectory() as temporary:
        for rows in (given.rows, 2 * given.rows):
            folder = Path(temporary) / str(rows)
            make(folder, rows)
            found = {what: measured(what, folder) for what in ("report", "plain")}
            for what, (seconds, worked, peak, said) in found.items():
                print(f"{rows:>10,} {what:<8} {seconds:>8.1f} {worked:>9.1f} {peak:>9.2f}  {said}", flush=True)
            seconds, worked, peak = (found["report"][at] / found["plain"][at] for at in (0, 1, 2))
            print(f"{'':>10} {'ratio':<8} {seconds:>8.1f} {worked:>9.1f} {peak:>9.2f}", flush=True)


if __name__ == "__main__":
    main()
