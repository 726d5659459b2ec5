"""A merge of 804,745 rows in R1's Table 5 mixture, beside plain polars and `datasets`, then checked.

    python benchmarks/dataset/run.py --data ../shared/data --folder /tmp/big [--rows 804745] [--scale 0.1]

DATA holds real problems and traces (problems/*.jsonl.gz, traces/*.jsonl.gz). FOLDER is where all is written, about 8 GB
at that scale; what is made of it is removed in the end. Each contender runs in a process of
its own, timed without its start; its peak memory is what the kernel says of it (ru_maxrss).

    merge        the stage itself: mixture, duplicates, shuffle, validation, messages, shards, checksums
    polars in    scan_parquet of the merge's input, sink_parquet with zstd at the merge's level
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
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import click
from check import checked
from contenders import CONTENDERS
from make import composition

HERE = Path(__file__).parent
PATIENCE = 1800.0  # seconds for a contender


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), default="../shared/data")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--rows", default=804_745)
@click.option("--scale", default=0.1, help="of R1's lengths")
@click.option("--rounds", default=1, help="of merge and polars, the best of which counts")
@click.option("--only", help="contenders by comma, and none of the other steps")
@click.option("--without", default="", help="contenders by comma that are left out")
@click.option("--keep", is_flag=True, help="what the contenders write")
@click.option("--run", "name", hidden=True)
def main(
    data: Path,
    folder: Path,
    rows: int,
    scale: float,
    rounds: int,
    only: str | None,
    without: str,
    keep: bool,
    name: str | None,
) -> None:
    if name:
        started = time.perf_counter()
        CONTENDERS[name](folder, rows, scale)
        print(json.dumps({"seconds": time.perf_counter() - started}))
        return
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(data, folder, scale, rounds)
    bench.make(rows)
    names = only.split(",") if only else ["merge", "polars in", "polars out", "datasets"]
    print(f"\n{'':12}{'seconds':>9}{'CPU s':>9}{'peak MB':>9}{'merge is':>10}")
    first = None
    for each in (each for each in names if each not in without.split(",")):
        seconds = bench.shown(each, rows, first)
        first = seconds if each == "merge" else first
    if only is None:
        _removed(folder, "polars in", "polars out", "datasets")
        _killed(bench, rows)
        checked(folder, composition(rows))
        _removed(folder, "merge", "killed", "published")
        bench.make(2 * rows)
        bench.shown("merge", 2 * rows, None)
    if not keep:
        _removed(folder, *CONTENDERS, "published")


@dataclass(frozen=True)
class Bench:
    data: Path
    folder: Path
    scale: float
    rounds: int

    def make(self, rows: int) -> None:
        """The rows, made in a process of its own: what that took counts for none that is started from this one."""
        made = (
            f"from make import made; made(Path({str(self.data)!r}), Path({str(self.folder)!r}), {rows}, {self.scale})"
        )
        script = f"import sys; sys.path.insert(0, {str(HERE)!r}); from pathlib import Path; {made}"
        subprocess.run([sys.executable, "-c", script], check=True)
        shards = list(self.folder.glob(f"*-{rows}-*/shard-*.parquet"))
        size = sum(path.stat().st_size for path in shards) / 1e6
        print(
            f"{rows:,} rows made, {size:,.0f} MB in {len(shards)} shards, at {self.scale} of R1's lengths", flush=True
        )

    def shown(self, name: str, rows: int, merge: float | None) -> float:
        """A line of the table; the seconds."""
        runs = [self._ran(name, rows) for _ in range(self.rounds if name != "datasets" else 1)]
        best = min((run for run in runs if run), default=None)
        if best is None:
            print(f"{name:12}{'stopped':>9}", flush=True)
            return 0.0
        ratio = f"{merge / best[0]:9.2f}x" if merge else ""
        print(f"{name:12}{best[0]:9.1f}{best[1]:9.1f}{max(run[2] for run in runs if run):9.0f}{ratio}", flush=True)
        return best[0]

    def _ran(self, name: str, rows: int) -> tuple[float, float, float] | None:
        """Seconds, CPU seconds and the peak of memory in MB of a contender; None where it did not end well."""
        _removed(self.folder, name)
        process = self.started(name, rows)
        alarm = Timer(PATIENCE, process.kill)
        alarm.start()
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            return None
        return json.loads(said.splitlines()[-1])["seconds"], usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3

    def started(self, name: str, rows: int) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, "--run", name, "--folder", str(self.folder), "--rows", str(rows)]
        quiet = {**os.environ, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HUB_OFFLINE": "1"}
        return subprocess.Popen([*command, "--scale", str(self.scale)], stdout=subprocess.PIPE, text=True, env=quiet)


def _killed(bench: Bench, rows: int) -> None:
    """The same merge killed twice, and what came out."""
    out = bench.folder / "killed"
    _removed(bench.folder, "killed")
    pieces = len(list(bench.folder.glob(f"*-{rows}-*/shard-*.parquet"))) // 12
    for what, count in (("spill/keys-*.arrow", max(1, pieces)), ("shard-*.parquet", 1)):
        process = bench.started("killed", rows)
        while len(list(out.glob(what))) < count and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(
            f"killed with {len(list(out.glob('spill/keys-*')))} pieces spilt, {len(list(out.glob('shard-*')))} shards"
        )
    before = time.perf_counter()
    if bench.started("killed", rows).wait():
        raise SystemExit("the resumed merge failed")
    took, ours, theirs = time.perf_counter() - before, _sums(out), _sums(bench.folder / "merge")
    print(
        f"resumed in {took:.1f} s: {'identical' if ours == theirs else 'OTHER'} bytes in {len(ours)} files", flush=True
    )
    if ours != theirs:
        raise SystemExit(1)


def _sums(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        with path.open("rb") as stream:
            found[path.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def _removed(folder: Path, *names: str) -> None:
    for name in names:
        shutil.rmtree(folder / name, ignore_errors=True)


if __name__ == "__main__":
    main()
