"""The search for near duplicates beside datatrove's MinHash, on the same real traces in one run, one core each.

    python benchmarks/near_duplicates.py --traces FOLDER --datatrove PYTHON [--rows 5000] [--rounds 3]
    python benchmarks/near_duplicates.py --traces FOLDER --rows 800000 --words 120

FOLDER holds traces (*.jsonl.gz with reasoning and response); PYTHON is the interpreter of an environment with
datatrove, spacy, tokenizers, regex and xxhash below 4. Rows are traces of FOLDER, cut to `--words` from a place drawn
by chance where that is given; one in ten is a copy of another row with one word in 100 changed. Where there are fewer
traces than rows they are taken again, each time with other words cut or changed, so that none but the copies are alike.
Both run in a process of their own and are timed without its start; ours gathers by shards of 1,000 rows and settles
them together. Prints seconds, megabytes of text per second, the ratio of the medians, peak memory, and how many of the
copies each found.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import click
import polars as pl

from filters import near_duplicates

SHARD = 1000
ONE_CORE = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@click.command()
@click.option("--traces", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--datatrove", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rows", default=5000)
@click.option("--words", type=int)
@click.option("--rounds", default=3)
@click.option("--ours", type=click.Path(exists=True, path_type=Path), hidden=True)
def main(
    traces: Path | None, datatrove: Path | None, rows: int, words: int | None, rounds: int, ours: Path | None
) -> None:
    if ours is not None:
        print(json.dumps(searched(ours)))
        return
    if traces is None:
        raise click.UsageError("--traces FOLDER is missing")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        copies = write(folder, texts_of(traces), rows, words)
        size = sum(path.stat().st_size for path in folder.glob("*.jsonl")) / 1e6
        print(f"{rows} rows, {size:.0f} MB, {len(copies)} of them copies")
        commands = {"ours": [sys.executable, __file__, "--ours", str(folder)]}
        if datatrove:
            beside = Path(__file__).with_name("near_duplicates_datatrove.py")
            commands["datatrove"] = [str(datatrove), str(beside), str(folder / "texts.jsonl")]
        seconds: dict[str, list[float]] = {who: [] for who in commands}
        for _ in range(rounds):
            for who, command in commands.items():
                with tempfile.TemporaryDirectory() as scratch:
                    found = output(command + ([scratch] if who == "datatrove" else []))
                seconds[who].append(found["total"])
                hit = len(copies & set(found["dropped"]))
                print(
                    f"{who}: {found['total']:.1f} s ({found['signatures']:.1f} s of it signatures), "
                    f"{size / found['total']:.2f} MB/s, peak {found['peak']} MB, dropped {len(found['dropped'])}, "
                    f"{hit} of them copies"
                )
    if datatrove:
        print(
            f"ratio of the medians: {statistics.median(seconds['datatrove']) / statistics.median(seconds['ours']):.1f}"
        )


def texts_of(folder: Path) -> list[str]:
    texts = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                texts.append(f"{row.get('reasoning') or ''}\n{row.get('response') or ''}")
    return [text for text in dict.fromkeys(texts) if len(text.split()) > 50]


def write(folder: Path, texts: list[str], rows: int, words: int | None) -> set[int]:
    """Writes the texts, one a line, and gives the places of the copies."""
    rng = random.Random(0)
    known = sorted({word for text in texts[:500] for word in text.split()})
    rng.shuffle(texts)
    recent: list[str] = []
    copies = set()
    with (folder / "texts.jsonl").open("w", encoding="utf-8") as stream:
        for at in range(rows):
            if at % 10 == 9:
                text = varied(rng.choice(recent), 0.01, known, rng)
                copies.add(at)
            else:
                text = texts[at % len(texts)]
                if words:
                    spoken = text.split(" ")
                    begun = rng.randrange(max(len(spoken) - words, 0) + 1)
                    text = " ".join(spoken[begun : begun + words])
                if at >= len(texts):
                    text = varied(text, 0.3, known, rng)
                recent = [*recent[-999:], text]
            stream.write(json.dumps(text) + "\n")
    return copies


def varied(text: str, share: float, known: list[str], rng: random.Random) -> str:
    words = text.split(" ")
    for at in rng.sample(range(len(words)), max(1, int(len(words) * share))):
        words[at] = rng.choice(known)
    return " ".join(words)


def output(command: list[str]) -> dict[str, Any]:
    run = subprocess.run(command, env=os.environ | ONE_CORE, capture_output=True, text=True)
    if run.returncode:
        raise click.ClickException(run.stderr[-2000:])
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def searched(folder: Path) -> dict[str, Any]:
    """What filters/near_duplicates.py finds; the time without reading."""
    signatures = 0.0
    gathered: list[pl.DataFrame] = []
    near_duplicates.near_duplicates(rows_of(["It starts."], 0))
    with (folder / "texts.jsonl").open(encoding="utf-8") as lines:
        while texts := [json.loads(line) for line in islice(lines, SHARD)]:
            rows = rows_of(texts, SHARD * len(gathered))
            start = time.perf_counter()
            gathered.append(near_duplicates.gather(rows))
            signatures += time.perf_counter() - start
    start = time.perf_counter()
    settled = near_duplicates.settle(pl.concat(gathered, rechunk=False))
    total = signatures + time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    dropped = (settled["near_duplicates"] > 0).arg_true().to_list()
    return {"signatures": signatures, "total": total, "peak": peak, "dropped": dropped}


def rows_of(texts: list[str], first: int) -> pl.DataFrame:
    ids = [f"{first + at:08d}" for at in range(len(texts))]
    return pl.DataFrame({"problem_id": ids, "rollout": 0, "reasoning": texts, "response": ""})


if __name__ == "__main__":
    main()
