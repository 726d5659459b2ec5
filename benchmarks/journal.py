"""The journal at two sizes: what an append costs, what opening and reading cost, what memory they take.

python benchmarks/journal.py [--small 10000] [--large 1000000] [--bytes 2000] [--batches 1 16 64]

Each size is written, opened again, asked for a thousand keys that it holds and a thousand that it does not, and opened
once more after its index was removed; each of these in a process of its own, whose peak memory is measured. Printed:
both sizes side by side, and the ratio of the large one to the small one. The demand: 20,000 appends a second at every
batch size, and memory that does not grow.

The folder is removed afterwards: 1,000,000 completions of 2,000 bytes take 2.3 GB while it runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from datafactory.engines import Output
from datafactory.journal import Journal
from datafactory.places import FILE


def key(n: int) -> str:
    return hashlib.sha256(b"%d" % n).hexdigest()


def write(folder: Path, count: int, size: int, batch: int) -> dict[str, float]:
    text = "".join(random.Random(0).choices("abcdefghij \n\\é", k=size))
    journal = Journal(folder)
    spent = 0.0
    for start in range(0, count, batch):
        outputs = [Output(key(n), text, "stop", 100, 500) for n in range(start, min(start + batch, count))]
        began = time.perf_counter()
        journal.append(outputs)
        spent += time.perf_counter() - began
    began = time.perf_counter()
    journal.close()
    return {"outputs/s": count / (spent + time.perf_counter() - began)}


def open_again(folder: Path, count: int) -> dict[str, float]:
    began = time.perf_counter()
    journal = Journal(folder)
    opened = time.perf_counter() - began
    some = random.Random(1).sample(range(count), 1000)
    began = time.perf_counter()
    assert len(journal.read(map(key, some))) == 1000
    read = time.perf_counter() - began
    began = time.perf_counter()
    assert not journal.held(key(-n) for n in range(1, 1001))
    missed = time.perf_counter() - began
    assert len(journal) == count
    return {"open, s": opened, "read 1,000, s": read, "look for 1,000 that are not there, s": missed}


def measured(*words: object) -> dict[str, float]:
    """What a process of its own found, and the most memory it held."""
    said = subprocess.run([sys.executable, __file__, *map(str, words)], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(said.stdout)
    return found


def side_by_side(title: str, small: dict[str, float], large: dict[str, float]) -> None:
    print(title)
    for name, value in small.items():
        print(f"  {name:<38} {value:>14,.4g} {large[name]:>14,.4g}   ratio {large[name] / value:,.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=2000)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 16, 64])
    given = parser.parse_args()
    print(f"{given.small:,} and {given.large:,} completions of {given.bytes:,} bytes")
    for batch in given.batches:
        with tempfile.TemporaryDirectory(prefix="journal-", dir=".") as scratch:
            folders = {count: Path(scratch) / str(count) for count in (given.small, given.large)}
            written = [measured("write", folder, count, given.bytes, batch) for count, folder in folders.items()]
            side_by_side(f"appended, {batch} a batch", *written)
            if batch != given.batches[-1]:
                continue
            side_by_side("opened again", *(measured("open", folder, count) for count, folder in folders.items()))
            for folder in folders.values():
                (folder / FILE).unlink()
            side_by_side(
                "opened without its index", *(measured("open", folder, count) for count, folder in folders.items())
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        found = write(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    elif sys.argv[1:2] == ["open"]:
        found = open_again(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
        sys.exit()
    print(json.dumps({**found, "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
