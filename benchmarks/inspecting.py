"""`datafactory inspect` over 804,745 rows against plain polars: seconds and peak memory, each in a process of its own.

    python benchmarks/inspecting.py                  makes the rows, of about 1,000 characters, in a temporary folder
    python benchmarks/inspecting.py DATASET          a published dataset that is there, such as benchmarks/dataset makes
    python benchmarks/inspecting.py --rows 1609490   twice as many: the memory stays

The polars side of each line is the shortest script that a person would write for the same answer.
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
import pyarrow.parquet as pq

DOMAINS = {"math": 395_285, "code": 211_129, "stem": 10_124, "logic": 10_395, "general": 177_812}  # R1, Table 5
WORDS = ["we", "compute", "the", "sum", "of", "it", "wait", "so", "then", "number", "is", "therefore", "check", "value"]
PER_FILE = 10_000
START = "import glob, sys, polars as pl; rows = pl.scan_parquet(sorted(glob.glob(sys.argv[1] + '/data/*.parquet'))); "
WHERE = "math = 1 and completion_tokens > 25000"
POLARS = "(pl.col('math') == 1) & (pl.col('completion_tokens') > 25000)"


def make(folder: Path, count: int) -> None:
    """Rows with the columns of a published dataset, in Table 5's shares, shuffled."""
    stream = np.random.default_rng(0)
    shares = np.array(list(DOMAINS.values())) / sum(DOMAINS.values())
    words = np.array(WORDS)
    (folder / "data").mkdir(parents=True)
    files = -(-count // PER_FILE)
    for k in range(files):
        size = min(PER_FILE, count - k * PER_FILE)
        texts = [" ".join(words[stream.integers(0, len(words), 200)]) for _ in range(size // 8 + 1)]
        texts = [f"{texts[at % len(texts)]} {stream.integers(1 << 40)}" for at in range(size)]
        columns = {
            "messages": [
                [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": text}] for text in texts
            ],
            "problem_id": [f"{n:016x}" for n in stream.integers(0, 2**62, size)],
            "trace_id": [f"{n:016x}" for n in stream.integers(0, 2**62, size)],
            "problem": [f"Why {at}?" for at in range(size)],
            "reasoning": texts,
            "response": ["The answer is 42."] * size,
            "domain": stream.choice(list(DOMAINS), size, p=shares),
            "source": [f"source {at % 7}" for at in range(size)],
            "license": ["MIT"] * size,
            "model": ["deepseek-ai/DeepSeek-R1"] * size,
            "rollout": stream.integers(0, 8, size, dtype=np.int32),
            "completion_tokens": stream.integers(100, 30000, size, dtype=np.int32),
        }
        for verifier in ("math", "format", "correctness"):
            said = stream.random(size) < 0.7
            columns |= {verifier: said.astype(float), f"{verifier}_status": np.where(said, "correct", "incorrect")}
        columns |= {f"measure_{n}": stream.random(size) for n in range(8)}
        path = folder / "data" / f"train-{k:05d}-of-{files:05d}.parquet"
        pq.write_table(pl.DataFrame(columns).to_arrow(), path, compression="zstd", row_group_size=2048)


# as a process of its own it sees the peak of its one child
PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and MB of a process, the best of three."""
    seconds, peak = [], 0.0
    for _ in range(3):
        started = time.perf_counter()
        ran = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - started)
        peak = max(peak, int(ran.stdout) / 1024)
    return min(seconds), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=sum(DOMAINS.values()))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.dataset or Path(scratch) / "dataset"
        if not given.dataset:
            make(folder, given.rows)
        compare(folder)


def compare(folder: Path) -> None:
    files = sorted(folder.glob("data/*.parquet"))
    rows = pl.scan_parquet(files)
    count = rows.select(pl.len()).collect().item()
    trace = rows.select("trace_id").slice(count // 2, 1).collect().item()
    print(f"{count:,} rows, {len(files)} files, {sum(path.stat().st_size for path in files) / 2**20:,.0f} MiB")
    cases = {
        "Python and imports": (["--help"], "import polars"),
        "open": ([], START + "print(rows.head(2).collect(), rows.select(pl.len()).collect(), "
                 "rows.select(pl.exclude('messages', 'problem', 'reasoning', 'response')).collect().describe(), "
                 "rows.select(pl.col('domain', 'source', 'license', 'model').value_counts().implode()).collect())"),
        "count with a condition": (["--where", WHERE, "--examples", "0", "--columns", "domain"],
                                   START + f"print(rows.filter({POLARS}).select(pl.len()).collect())"),
        "2 rows with a condition": (["--where", WHERE, "--json", "--examples", "2"],
                                    START + f"print(rows.filter({POLARS}).head(2).collect())"),
        "the 5 longest": (["--sort", "completion_tokens desc", "--json", "--examples", "5"],
                          START + "print(rows.sort('completion_tokens', descending=True).head(5).collect())"),
        "5 drawn at random": (["--sample", "--json", "--examples", "5"],
                              START + "print(rows.collect().sample(5, seed=0))"),
        "a trace by its id": (["--id", trace],
                              START + f"print(rows.filter(pl.col('trace_id') == '{trace}').collect())"),
        "two columns as JSON": (["--json", "--columns", "trace_id,completion_tokens"],
                                START + "two = rows.select('trace_id', 'completion_tokens').collect(); "
                                "sys.stdout.write(two.write_ndjson())"),
    }  # fmt: skip
    print(f"{'':<26}{'inspect':>10}{'polars':>10}{'ratio':>8}{'inspect':>12}{'polars':>10}")
    for name, (options, script) in cases.items():
        path = [] if options == ["--help"] else [str(folder)]
        mine = measured([sys.executable, "-m", "datafactory", "inspect", *path, *options])
        plain = measured([sys.executable, "-c", script, str(folder)])
        seconds = f"{name:<26}{mine[0]:>8.2f} s{plain[0]:>8.2f} s{mine[0] / plain[0]:>8.2f}"
        print(f"{seconds}{mine[1]:>9,.0f} MB{plain[1]:>7,.0f} MB")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
