"""Contenders: what is timed, each in a process of its own; every one reads the same finished datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from make import composition, made

from datafactory.store import Dataset


def sources(folder: Path, rows: int, scale: float) -> list[Dataset]:
    return made(folder, folder, rows, scale)  # they are there: DATA is not asked


def merge(folder: Path, rows: int, scale: float, out: str = "merge") -> None:
    """The stage, as a build runs it."""
    from datafactory.job import Job
    from datafactory.progress import Progress
    from datafactory.stages import merge as stage
    from datafactory.store import Draft, locked

    given = dict(zip(("reasoning", "general"), sources(folder, rows, scale), strict=True))
    config = stage.Config.model_validate(
        {
            "from": list(given),
            "mixture": composition(rows),
            "validation": {"problems": max(1, rows // 800)},
            "seed": 0,
        }
    )
    with Progress() as progress:
        job = Job(Draft(folder / out), folder / "store", progress.stage("merge"), inputs=given)
        with locked(job.draft.folder):
            stage.run(config, job)
            count = len(list(job.draft.folder.glob("shard-*.parquet")))
            told = {"counts": stage.summary(config, job.draft), "splits": stage.splits(config, job.draft)}
            job.draft.finish(count, {"stage": "merge", "fingerprint": "benchmark", **told})


def killed(folder: Path, rows: int, scale: float) -> None:
    merge(folder, rows, scale, "killed")


def polars_in(folder: Path, rows: int, scale: float) -> None:
    files = [part.folder / shard["file"] for part in sources(folder, rows, scale) for shard in part.shards]
    _sunk(files, folder / "polars in")


def polars_out(folder: Path, rows: int, scale: float) -> None:
    _sunk(sorted((folder / "merge").glob("shard-*.parquet")), folder / "polars out")


def _sunk(files: list[Path], out: Path) -> None:
    import polars as pl

    out.mkdir(parents=True, exist_ok=True)
    # pyarrow's level, which the merge writes at: polars' own is a higher one, and slower
    pl.scan_parquet(files).sink_parquet(out / "all.parquet", compression="zstd", compression_level=1)


def with_datasets(folder: Path, rows: int, scale: float) -> None:
    import datasets

    out = folder / "datasets"
    parts = [
        datasets.load_dataset(
            "parquet",
            data_files=[str(part.folder / shard["file"]) for shard in part.shards],
            split="train",
            cache_dir=str(out / "cache"),
        )
        for part in sources(folder, rows, scale)
    ]
    datasets.concatenate_datasets(parts).shuffle(seed=0).to_parquet(str(out / "all.parquet"))


CONTENDERS: dict[str, Callable[[Path, int, float], None]] = {
    "merge": merge,
    "killed": killed,
    "polars in": polars_in,
    "polars out": polars_out,
    "datasets": with_datasets,
}
