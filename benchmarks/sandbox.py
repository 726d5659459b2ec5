"""What a sandbox costs, in bare interpreter starts: a program with 20 tests, and a program that runs once.

python benchmarks/sandbox.py [--rounds 15]

Side by side in one run: each round times, in turn, 20 runs of `python3 -c pass` by the interpreter that the sandbox
runs too (without a sandbox, started and awaited one after another), one program with 20 tests in a sandbox of its own,
and one program that runs once in a sandbox of its own. A program reads two numbers and prints their sum; making and
ending its sandbox counts. Printed: medians over the rounds, and their ratios to bare starts. The demand: 20 tests
within 20 starts, one run within 4.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from collections.abc import Callable

from datafactory.sandbox import Sandbox, Unavailable, demand, room

PROGRAM = b"a, b = map(int, input().split())\nprint(a + b)\n"
TESTS = 20


def bare_starts() -> None:
    for _ in range(TESTS):
        subprocess.run([room.python(), "-c", "pass"], env={}, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def program(mode: str, tests: int) -> None:
    with Sandbox({"main.py": PROGRAM}, mode=mode) as sandbox:
        for n in range(tests):
            assert sandbox.run(["python3", "main.py"], stdin=b"%d 1\n" % n).stdout == b"%d\n" % (n + 1)


def seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    for mode in ("bubblewrap", "namespaces"):
        try:
            demand(mode)  # type: ignore[arg-type]
        except Unavailable as error:
            print(error)
            continue
        times = [
            (seconds(bare_starts), seconds(lambda: program(mode, TESTS)), seconds(lambda: program(mode, 1)))  # noqa: B023
            for _ in range(rounds)
        ]
        starts, many, one = (statistics.median(column) for column in zip(*times, strict=True))
        bare = starts / TESTS
        print(f"{mode}: a bare start {bare * 1e3:.1f} ms")
        print(f"  a program with {TESTS} tests {many * 1e3:6.1f} ms = {many / bare:5.2f} bare starts (demand: {TESTS})")
        print(f"  a program that runs once {one * 1e3:6.1f} ms = {one / bare:5.2f} bare starts (demand: 4)")


if __name__ == "__main__":
    main()
