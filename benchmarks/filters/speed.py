"""The filters beside others' on the same real traces, in one run, on one core: megabytes of text a second.

    python benchmarks/filters/speed.py --data ../shared/data --peers PYTHON [--rounds 2]

PYTHON is an interpreter of an environment of its own, with what the project does not depend on:
`pip install langdetect langdetect-rs lingua-language-detector datatrove spacy py-data-juicer aiohttp pyarrow`.
Left out: datatrove's LanguageFilter and data-juicer's language_id_score_filter, which fetch a fastText model from the
network at the first call.

Every side takes a beginning of the same shuffled list of traces, in a process of its own, bound to a core, one side
after another and so `rounds` times; the rate is of its fastest go, in seconds of the processor, so that a busy machine
slows nobody alone. What a side needs before its first answer (imports, tables, models) stands apart. Language sides
read the thinking, the others the thinking and the answer, and their megabytes are those of what they read.
costs.py says what each filter of the default set costs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
import real
import sides

ONE = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# megabytes that each side is given; a slow one is given fewer
GIVEN = {"langdetect,": 0.4, "lingua,": 1.0, "langdetect-rs,": 4.0, "datatrove": 1.5, "data-juicer": 2.0, "ours,": 12.0}
GOALS = (
    ("ours, language_consistency and language_mixing", "langdetect, a call per paragraph", 100),
    ("ours, repetition", "datatrove GopherRepetitionFilter", 10),
    ("ours, the whole default set", "langdetect, a call per paragraph", 40),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "rows.parquet"
        sample(arguments.data).write_parquet(path)
        told: dict[str, dict[str, float]] = {}
        failed = {}
        for _ in range(arguments.rounds):  # in turn, so that what else the machine does hinders all of them alike
            for side in sides.SIDES:
                python = Path(sys.executable) if side.startswith("ours") else arguments.peers
                if python is None or side in failed:
                    continue
                megabytes = next(given for name, given in GIVEN.items() if side.startswith(name))
                script = Path(__file__).with_name("sides.py").resolve()
                done = run(python, [script, side, path, megabytes, 2], made)
                if done.returncode:
                    failed[side] = (done.stderr.strip().splitlines() or ["no message"])[-1]
                    continue
                new = json.loads(done.stdout.splitlines()[-1])
                best = min(*new["seconds"], told.get(side, {}).get("seconds", float("inf")))
                told[side] = {**new, "seconds": best, "rate": new["megabytes"] / best}
    print("| side | MB/s | MB | s before the first answer |\n| --- | --- | --- | --- |")
    for side, of in told.items():
        print(f"| {side} | {of['rate']:.2f} | {of['megabytes']:.1f} | {of['ready']:.1f} |")
    for side, message in failed.items():
        print(f"| {side} | failed: {message[:100]} | | |")
    print()
    for one, other, goal in GOALS:
        if one in told and other in told:
            print(f"{one} / {other}: {told[one]['rate'] / told[other]['rate']:.0f}, goal {goal}")


def run(python: Path, words: list[object], folder: str) -> subprocess.CompletedProcess[str]:
    # in an empty folder: `import ray` would find the folder /tmp/ray from /tmp
    command = [str(word) for word in (python, *words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**os.environ, **ONE})


def sample(data: Path) -> pl.DataFrame:
    """Finished traces that think, shuffled, with the columns of a rollout and a verifier's reward."""
    rows = [row for row in real.traces(data) if real.thinks(row)]
    random.Random(0).shuffle(rows)
    table = pl.DataFrame(
        [
            {
                "problem_id": str(at // 2),
                "rollout": at % 2,
                "question": row["question"],
                "answer": row["answer"] or "",
                "reasoning": row["reasoning"],
                "response": row["response"],
                "finish_reason": row["finish_reason"],
                "source": row["source"],
                "completion_tokens": (len(row["reasoning"]) + len(row["response"])) // 4,
                "math": float(at % 2),
            }
            for at, row in enumerate(rows)
        ]
    )
    return table.filter(pl.col("reasoning").str.len_bytes().cum_sum() < 30e6)


if __name__ == "__main__":
    main()
