"""`load` of finished answers beside plain polars on the same file, at one size and at twice that: time and memory.

python benchmarks/load.py [--rows 200000] [--bytes 4000] [--answers 4]

The texts are assembled from the real traces in ../shared/data/traces, random letters where it is absent. The files:

    parquet          a question, an answer, thinking and a response in columns of their own
    jsonl            the same, a line each
    messages         the same as conversations, in Parquet
    parquet, late    `answers` to each question, those to one question far apart: each is brought to the first

polars reads each file and writes what it read as zstd Parquet, in one go and streaming (scan to sink); load reads it,
maps it, makes the ids, drops duplicates, gathers answers and writes shards with checksums. Each runs in a process of
its own, whose peak is the kernel's (VmHWM). The demand: the peak of load does not grow with the rows.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

TRACES = Path(__file__).resolve().parents[2] / "shared/data/traces"
COLUMNS = "question: problem, response: response, reasoning: reasoning"
KINDS = {"parquet": COLUMNS, "jsonl": COLUMNS, "messages": "shape: messages", "parquet, late": COLUMNS}


def texts() -> list[str]:
    path = TRACES / "misguided_attention.jsonl.gz"
    if not path.exists():
        draw = random.Random(0)
        return ["".join(draw.choices("abcdefghij klmnop\n", k=8000)) for _ in range(500)]
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [row["reasoning"] for row in map(json.loads, stream) if row["reasoning"]]


def rows(count: int, size: int, answers: int) -> Iterator[dict[str, object]]:
    """Rows of `size` characters of thinking; each problem stands `answers` times, a whole round apart."""
    known, draw = texts(), random.Random(1)
    for n in range(count):
        text = "".join(draw.choice(known) for _ in range(1 + size // 4000))
        start = draw.randrange(max(1, len(text) - size))
        problem = n % (count // answers)
        yield {
            "problem": f"Problem {problem}: {known[problem % len(known)][:200]}",
            "answer": str(problem),
            "reasoning": text[start : start + size],
            "response": f"The answer to it is {problem}, as attempt {n} has it.",
            "level": n % 10,
        }


def write(kind: str, path: Path, count: int, size: int, answers: int) -> None:
    made = rows(count, size, answers if kind == "parquet, late" else 1)
    if kind == "jsonl":
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in made)
        return
    writer = None
    while chunk := [row for row, _ in zip(made, range(2000), strict=False)]:
        if kind == "messages":
            chunk = [{"messages": turns(row), "level": row["level"]} for row in chunk]
        table = pa.Table.from_pylist(chunk)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer
    writer.close()


def turns(row: dict[str, object]) -> list[dict[str, object]]:
    said = f"<think>\n{row['reasoning']}\n</think>\n\n{row['response']}"
    return [{"role": "user", "content": row["problem"]}, {"role": "assistant", "content": said}]


def whole(path: Path, out: Path) -> None:
    table = pl.read_ndjson(path) if path.suffix == ".jsonl" else pl.read_parquet(path)
    table.write_parquet(out / "x.parquet", compression="zstd")


def streamed(path: Path, out: Path) -> None:
    table = pl.scan_ndjson(path) if path.suffix == ".jsonl" else pl.scan_parquet(path)
    table.sink_parquet(out / "x.parquet", compression="zstd")


def load(path: Path, out: Path, settings: str) -> None:
    from datafactory.commands.build import build

    (out / "r.yaml").write_text(f"name: r\nstages:\n  it: {{do: load, path: {path}, {settings}}}\n")
    build([str(out / "r.yaml"), "--outputs", str(out / "outputs")], standalone_mode=False)


def measured(what: str, kind: str, path: Path, out: Path) -> dict[str, float]:
    out.mkdir()
    ran = subprocess.run(
        [sys.executable, __file__, "--one", what, kind, str(path), str(out)], capture_output=True, text=True
    )
    shutil.rmtree(out)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def one(what: str, kind: str, path: Path, out: Path) -> None:
    began = time.perf_counter()
    if what == "load":
        load(path, out, KINDS[kind])
    else:
        {"polars": whole, "streaming": streamed}[what](path, out)
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    used = resource.getrusage(resource.RUSAGE_SELF)
    cores = used.ru_utime + used.ru_stime
    print(json.dumps({"seconds": time.perf_counter() - began, "cores": cores, "peak": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--bytes", type=int, default=4000)
    parser.add_argument("--answers", type=int, default=4)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one[0], given.one[1], Path(given.one[2]), Path(given.one[3]))
        return
    print(
        f"{'file':<15}{'rows':>9}  {'':<10}{'seconds':>8}{'CPU s':>7}{'rows/s':>9}{'MB/s':>7}"
        f"{'peak MB':>9}{'x seconds':>11}{'x CPU s':>9}  of streaming"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in given.kinds:
            for count in (given.rows, 2 * given.rows):
                path = folder / f"file.{'jsonl' if kind == 'jsonl' else 'parquet'}"
                write(kind, path, count, given.bytes, given.answers)
                base: dict[str, float] = {}
                for what in ("streaming", "polars", "load"):
                    found = measured(what, kind, path, folder / "out")
                    base = base or found
                    seconds, cores = found["seconds"], found["cores"]
                    print(
                        f"{kind:<15}{count:>9,}  {what:<10}{seconds:>8.1f}{cores:>7.1f}{count / seconds:>9,.0f}"
                        f"{count * given.bytes / 1e6 / seconds:>7.0f}{found['peak']:>9,.0f}"
                        f"{seconds / base['seconds']:>11.2f}{cores / base['cores']:>9.2f}",
                        flush=True,
                    )
                path.unlink()


if __name__ == "__main__":
    main()
