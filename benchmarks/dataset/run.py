"""A merge of 804,745 rows in R1's Table 5 mixture, beside plain polars and `datasets`, then checked.

    python benchmarks/dataset/run.py --data ../shared/data --folder /tmp/big [--rows 804745] [--scale 0.1]

DATA holds real problems and traces (problems/*.jsonl.gz, traces/*.jsonl.gz). FOLDER is where all is written, about 8 GB
at that scale; what a step no longer needs is removed, and with --keep nothing is. Each contender runs in a process of
its own, timed without its start; its peak memory is what the kernel says of it (ru_maxrss).

    merge        the stage itself: mixture, duplicates, shuffle, validation, messages, shards, checksums
    polars in    scan_parquet of the merge's input, sink_parquet with zstd
    polars out   the same of the merge's output: as many bytes as the merge writes
    datasets     load_dataset of the input, concatenated, shuffle, to_parquet

Then: twice the rows, for the memory; kill -9 while rows are spilt and while shards are written, and the sha256 of what
comes out in the end; composition, duplicates, leaks, checksums, and what `datasets` and polars read in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parent))

from check import checked
from contenders import CONTENDERS
from make import composition, made

PATIENCE = 1800.0  # seconds for a contender


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), default="../shared/data")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--rows", default=804_745)
@click.option("--scale", default=0.1, help="of R1's lengths")
@click.option("--rounds", default=1, help="of merge and polars, the best of which counts")
@click.option("--only", help="contenders by comma, instead of all steps")
@click.option("--keep", is_flag=True)
@click.option("--run", "name", hidden=True)
def main(
    data: Path, folder: Path, rows: int, scale: float, rounds: int, only: str | None, keep: bool, name: str | None
) -> None:
    if name:
        started = time.perf_counter()
        CONTENDERS[name](folder, rows, scale)
        print(json.dumps({"seconds": time.perf_counter() - started}))
        return
    folder.mkdir(parents=True, exist_ok=True)
    for count in (rows, 2 * rows) if not only else (rows,):
        sources = made(data, folder, count, scale)
        size = sum(shard["bytes"] for source in sources for shard in source.shards) / 1e6
        print(f"{count:,} rows asked, {sum(source.rows for source in sources):,} made, {size:,.0f} MB; scale {scale}")
    print(f"\n{'':12}{'seconds':>9}{'peak MB':>9}{'to merge':>10}")
    first = _shown("merge", folder, rows, scale, rounds, None)
    _shown("polars in", folder, rows, scale, rounds, first)
    _shown("polars out", folder, rows, scale, rounds, first)
    if only is None or "datasets" in only:
        _shown("datasets", folder, rows, scale, 1, first)
    if only is None:
        _removed(folder, keep, "polars in", "polars out", "datasets")
        _killed(folder, rows, scale)
        checked(folder, rows, composition(rows))
        _removed(folder, keep, "merge", "killed")
        _shown("merge", folder, 2 * rows, scale, 1, first, f"{2 * rows:,}")
    _removed(folder, keep, *CONTENDERS, "killed")


def _shown(
    name: str, folder: Path, rows: int, scale: float, rounds: int, merge: float | None, label: str | None = None
) -> float:
    """A line of the table; the seconds."""
    runs = [_ran(name, folder, rows, scale) for _ in range(rounds)]
    if not all(runs):
        print(f"{label or name:12}{'stopped':>9}")
        return 0.0
    seconds, peak = min(run[0] for run in runs if run), max(run[1] for run in runs if run)
    ratio = f"{merge / seconds:10.2f}" if merge else ""
    print(f"{label or name:12}{seconds:9.1f}{peak:9.0f}{ratio}", flush=True)
    return seconds


def _ran(name: str, folder: Path, rows: int, scale: float) -> tuple[float, float] | None:
    """Seconds and the peak of memory in MB of a contender's process; None where it did not end well."""
    _removed(folder, False, name)
    process = _started(name, folder, rows, scale)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(process.returncode, said[-400:])
        return None
    return json.loads(said.splitlines()[-1])["seconds"], usage.ru_maxrss / 1e3


def _started(name: str, folder: Path, rows: int, scale: float) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--run", name, "--folder", str(folder), "--rows", str(rows)]
    command = (
        ["timeout", "-s", "KILL", str(PATIENCE), *command, "--scale", str(scale)]
        if name == "datasets"
        else [*command, "--scale", str(scale)]
    )
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _killed(folder: Path, rows: int, scale: float) -> None:
    """The same merge killed twice, and what came out."""
    out = folder / "killed"
    shutil.rmtree(out, ignore_errors=True)
    for what, count in (("spill/keys-*.arrow", 4), ("shard-*.parquet", 1)):
        process = _started("killed", folder, rows, scale)
        while len(list(out.glob(what))) < count and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(
            f"killed with {len(list(out.glob('spill/keys-*')))} pieces spilt, {len(list(out.glob('shard-*')))} shards"
        )
    before = time.perf_counter()
    process = _started("killed", folder, rows, scale)
    if process.wait():
        raise SystemExit("the resumed merge failed")
    took = time.perf_counter() - before
    same = _sums(out) == _sums(folder / "merge")
    print(f"resumed in {took:.1f} s: {'identical' if same else 'OTHER'} bytes in {len(_sums(out))} files")


def _sums(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        with path.open("rb") as stream:
            found[path.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def _removed(folder: Path, keep: bool, *names: str) -> None:
    for name in names:
        if not keep:
            shutil.rmtree(folder / name, ignore_errors=True)


if __name__ == "__main__":
    main()
