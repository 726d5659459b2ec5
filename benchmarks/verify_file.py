"""`datafactory verify FILE` on a million short rows: is its memory flat and its rate steady in the number of rows?

    python benchmarks/verify_file.py [--rows 1000000] [--workers 2]

The same command runs over a tenth of the rows and over all of them. Printed for each: rows per second, and the most
memory that the command and all its processes held at once (resident, sampled ten times a second from /proc); then the
two ratios, of which 1.0 is flat. The rows are sums with a think block and a boxed answer, three in ten of them wrong;
the file's counts are compared with what was written.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAGE = 4096


def write(path: Path, rows: int) -> int:
    """That many rows; how many of them are right."""
    stream, right = random.Random(0), 0
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            a, b, off = stream.randrange(1000), stream.randrange(1000), stream.random() < 0.3
            right += not off
            said = f"<think>\nI add {a} and {b}.\n</think>\n\nThe answer is \\boxed{{{a + b + off}}}."
            file.write(json.dumps({"id": number, "question": f"{a} + {b}?", "answer": str(a + b), "response": said}))
            file.write("\n")
    return right


def held(pid: int) -> int:
    """Resident bytes of a process and all below it."""
    parents, resident = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            resident[int(folder.name)] = int((folder / "statm").read_text().split()[1]) * PAGE
        except (FileNotFoundError, ProcessLookupError):
            continue
    tree = {pid}
    while more := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return sum(resident.get(member, 0) for member in tree)


def measured(folder: Path, rows: int, workers: int) -> tuple[float, int]:
    """Seconds, and the most bytes held, of a whole run over that many rows."""
    file, out = folder / f"{rows}.jsonl", folder / f"{rows}.parquet"
    right = write(file, rows)
    words = ["verify", file, "--with", "math,format", "--workers", workers, "--out", out]
    started = time.monotonic()
    run = subprocess.Popen([sys.executable, "-m", "datafactory", *map(str, words)], stdout=subprocess.PIPE, text=True)
    most = 0
    while run.poll() is None:
        most = max(most, held(run.pid))
        time.sleep(0.1)
    seconds = time.monotonic() - started
    assert run.stdout is not None
    said = run.stdout.read()
    assert run.returncode == 0 and f"math: {right:,} correct" in said, said
    return seconds, most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for rows in (options.rows // 10, options.rows):
            seconds, most = measured(Path(folder), rows, options.workers)
            found.append((rows / seconds, most))
            print(f"{rows:>9,} rows: {rows / seconds:,.0f} rows/s, {most / 1e6:,.0f} MB at most", flush=True)
    print(f"rate x{found[1][0] / found[0][0]:.2f}, memory x{found[1][1] / found[0][1]:.2f}")


if __name__ == "__main__":
    main()
