"""Tests that a model's input generators give: right submissions throw out the bad ones, wrong ones choose.

In   problems whose programs read stdin and write stdout; submissions of known worth, a dataset above
Out  a row per test that is kept, the most telling of a problem first: the problem's columns, the completion that holds
     its generator, input_seed and input_size, input, output, which submissions agree and which it exposes, kept_for
Drop every other input that was proposed, and problems for which nothing can be decided, with the reason and evidence
Source  DeepSeek-R1's code tests (arXiv:2501.12948v2, B.3.2); the numbers are choices

A generator is called as `generator.py SEED SIZE`. An input is a test when the right submissions agree on its output
(a checker of the problem judges that where there is one). See docs/verifiers/test-synthesis.md. `gather_tests` makes
problems of the tests. What the problem came with is proposed too, and kept or dropped by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import polars as pl
from pydantic import Field

from datafactory.check import Check
from datafactory.config import Sources, ref
from datafactory.errors import StageError
from datafactory.job import Job, Split
from datafactory.rollouts import Sampled, Sampler
from datafactory.sandbox import Broken
from datafactory.settings import Prompt, Text
from datafactory.store import Draft
from datafactory.synthesis.candidates import Result, Rules, SetAside
from datafactory.synthesis.problem import Task, result_of, task_of
from datafactory.synthesis.submissions import Archive, Kind, both, keys_of
from datafactory.synthesis.table import COLUMNS, Table
from datafactory.types import COMPLETION_COLUMNS
from datafactory.verifiers.code import VERSION as CODE
from datafactory.verifiers.code import Config as Running

VERSION = f"1, code {CODE}"  # its comparison decides which tests are kept
TOLD = 5  # problems with odd submissions that a build speaks of, per shard


def _own_prompt() -> Text:
    path = Path(__file__).with_suffix(".txt")
    return Text(path.read_text(encoding="utf-8"), path.name)


class Config(Sampled):
    source: Sources = ref("dataset", alias="from")
    """The problems; a list is read as one dataset."""
    model: str = ref("model")
    """The model that writes the generators."""
    submissions: Sources = ref("dataset")
    """Programs written for these problems, in `response`; a list is read one after another."""
    right: str
    """A SQL condition over the submissions' columns and the keys of their `meta`: `label = 'accepted'`, `code = 1`."""
    wrong: str
    """The same for the wrong ones; a submission that meets neither is not used."""
    by: str = "question"
    """What a problem and its submissions have in common, a column or a key of `meta`; `id = task` where the problem
    calls it otherwise than the submission."""
    prompt: Prompt = Field(default_factory=_own_prompt)
    """Asks for a generator; a .txt of your own in its place keeps to `generator.py SEED SIZE`."""
    group_size: int = Field(3, ge=1)
    """Generators per problem."""
    inputs: int = Field(9, ge=1)
    """Inputs that each generator is asked for: small, large and edge in turn."""
    longest_input: int = Field(1_000_000, ge=1)
    """Bytes of an input; 200,000 numbers are about 1 MB."""
    min_right: int = Field(2, ge=1)
    """Right submissions that must agree on an output."""
    agree: float = Field(1.0, gt=0.5, le=1)
    """The share of the right submissions that must agree."""
    most_right: int = Field(5, ge=1)
    """At most so many right submissions are run for a problem, the first ones."""
    most_wrong: int = Field(20, ge=0)
    """At most so many wrong ones."""
    keep: int = Field(20, ge=1)
    """At most so many tests of a problem."""
    code: Running = Field(default_factory=Running)
    """How submissions are run and outputs compared: the settings of the verifier `code`."""

    @property
    def rules(self) -> Rules:
        return Rules(self.min_right, self.agree, self.keep)


def columns(config: Config, check: Check) -> list[str]:
    config.check(check)
    above = check.of(config.source)
    check.column(above, "question", "from")
    for name in (*COLUMNS, "synthetic_tests"):
        if above is not None and name in above:
            check.wrong(("from",), f"the source has a column '{name}' already; tests are made for problems as loaded")
    if config.min_right > config.most_right:
        check.wrong(("min_right",), f"is more than most_right, {config.most_right}: no input could ever be a test")
    for name in _named(config.submissions):
        known = check.of(name)
        check.column(known, "response", "submissions")
        open_ = known is None or "meta" in known  # what `meta` holds only reading it tells
        for key in ("right", "wrong"):
            check.condition(None if open_ else known, getattr(config, key), key)
        check.column(None if open_ else known, both(config.by)[1], "by")
    kept = [name for name in above or [] if name not in COMPLETION_COLUMNS]
    return [*kept, *COMPLETION_COLUMNS, *COLUMNS]


def _named(sources: str | tuple[str, ...]) -> tuple[str, ...]:
    return (sources,) if isinstance(sources, str) else sources


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    archive = _archive(config, job)
    sampler = Sampler(config, job.models[config.model], job)
    steps = config.group_size + 1  # a problem is its generators, and then its tests
    job.progress.expect(source.rows * steps, "generators and problems")
    for k, shard in enumerate(source.shards):
        if job.draft.has(k):
            job.progress.advance(rows=shard["rows"] * steps)
            continue
        try:
            split = _shard(config, archive, sampler, source.read(k), job)
        except Broken as error:
            raise StageError(f"{error}; what was finished is kept, and another build goes on from there") from error
        job.draft.write(k, split.kept, split.dropped)
    sampler.close()


def _archive(config: Config, job: Job) -> Archive:
    right, wrong = Kind(config.right, config.most_right), Kind(config.wrong, config.most_wrong)
    archive = Archive(right, wrong, both(config.by)[1])
    for name in _named(config.submissions):
        dataset = job.inputs[name]
        for k in range(len(dataset.shards)):
            archive.add(dataset.read(k))
    return archive


def _shard(config: Config, archive: Archive, sampler: Sampler, problems: pl.DataFrame, job: Job) -> Split:
    """The tests of a shard's problems. A problem that cannot have any costs no generator."""
    problems = problems.drop(COMPLETION_COLUMNS, strict=False)
    tasks = _tasks(config, archive, problems)
    asked = [at for at, task in enumerate(tasks) if isinstance(task, Task)]
    job.progress.advance(rows=(len(tasks) - len(asked)) * (config.group_size + 1))
    completions = sampler.rollouts(problems[asked]).select(COMPLETION_COLUMNS)
    table = Table()
    for at, task in enumerate(tasks):
        if isinstance(task, SetAside):
            table.add(at, 0, task)
    odd: list[str] = []
    for place, became in enumerate(_results(config, [tasks[at] for at in asked], completions, job.workers)):
        table.add(asked[place], place * config.group_size, became)
        job.progress.advance(rows=1)
        if isinstance(became, Result) and (became.suspects or became.unusable):
            odd.append(f"problem {problems['problem_id'][asked[place]]}: {_oddities(became)}")
    for text in odd[:TOLD]:
        job.progress.note(text)
    if len(odd) > TOLD:
        job.progress.note(f"{len(odd) - TOLD} more problems have submissions that were left out: suspects, unusable")
    return table.split(problems, completions)


def _tasks(config: Config, archive: Archive, problems: pl.DataFrame) -> list[Task | SetAside]:
    found: list[Task | SetAside] = []
    for key, row in zip(keys_of(problems, both(config.by)[0]), problems.iter_rows(named=True), strict=True):
        try:
            found.append(task_of(row, archive.of(key), config.rules, config.code))
        except SetAside as error:
            found.append(error)
    return found


def _results(
    config: Config, tasks: Sequence[Any], completions: pl.DataFrame, workers: int
) -> Iterator[Result | SetAside]:
    """What became of each task, in order; several are worked on at a time, in threads: the work is in the sandboxes."""
    groups = [list(group.iter_rows(named=True)) for group in completions.iter_slices(config.group_size)]
    stopped = Event()

    def became(task: Task, group: list[dict[str, Any]]) -> Result | SetAside:
        try:
            return result_of(task, group, config.inputs, config.longest_input, config.rules, config.code, stopped)
        except SetAside as error:
            return error

    pool = ThreadPoolExecutor(max(1, min(workers, len(tasks))))
    try:
        yield from pool.map(became, tasks, groups)
    finally:
        stopped.set()  # after Ctrl-C, or a failure of one of them, the others do not go on to the end
        pool.shutdown(cancel_futures=True)


def _oddities(result: Result) -> str:
    said = [f"submission {number} is called right and is against most of the others" for number in result.suspects]
    said += [f"submission {number} cannot be used: {why}" for number, why in sorted(result.unusable.items())]
    return "; ".join(said)


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    tests = pl.scan_parquet(sorted(draft.folder.glob("shard-*.parquet")))
    problems = tests.group_by("problem_id", maintain_order=True).agg(
        pl.len().alias("tests"),
        pl.col("wrong").first(),
        pl.col("exposes").list.explode(keep_nulls=False, empty_as_null=False).unique().alias("exposed"),
        pl.col("suspects", "unusable").first(),
    )
    found = problems.collect()
    numbers = ("wrong", "exposed", "suspects", "unusable")
    return {"problems": found.height, **{name: int(found[name].list.len().sum()) for name in numbers}}
