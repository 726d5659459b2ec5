"""Reckoning: from the stages of a pilot to what the whole recipe comes to.

Every figure is a row of draws: what is expected, and what it might be. All of them follow the same drawn problems, so
that sums and quotients of figures are as sure as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import polars as pl

from datafactory.budget import Price
from datafactory.build import Plan, Step
from datafactory.estimate import Draws, Sampled, certain
from datafactory.executors import local
from datafactory.merging import expected as mixture
from datafactory.merging.settled import Place
from datafactory.store import Dataset
from datafactory.until import accepted

TEXT = ("question", "reasoning", "response")
ENVELOPE = 200  # bytes of a completion in the journal beside its text
INDEXED = 32  # bytes of a completion in the journal's index
STEADY = 2  # times as many requests as the engine takes at once: fewer do not show its pace


@dataclass(frozen=True)
class Asked:
    """What a stage asks of a model in the whole; seconds is None where no pace was seen, `most` where it is an end."""

    tokens: Draws
    prompt_tokens: Draws
    requests: Draws
    cost: Draws
    journal: Draws
    seconds: Draws | None
    loading: float
    price: Price
    gpus: int
    steady: bool
    at_once: int


@dataclass(frozen=True, eq=False)
class Pilot:
    """whole is the recipe's plan, small the pilot's; samples, roots, merges and left_out as they were drafted.

    took  seconds that the pilot was built in
    """

    whole: Plan
    small: Plan
    samples: dict[str, tuple[str, ...]]
    roots: dict[str, frozenset[str]]
    merges: dict[str, tuple[str, ...]]
    left_out: dict[str, str]
    workers: int
    took: float

    @cached_property
    def drawn(self) -> dict[str, tuple[list[str], Sampled]]:
        """The problems of each sample, and what they stand for."""
        found = {}
        for name, sources in self.samples.items():
            seen = _problems(self.dataset(name))
            whole = sum(len(_problems(self.dataset(source))) for source in sources)
            found[name] = seen, Sampled(len(seen), whole, self.whole.recipe.seed)
        return found

    @property
    def estimated(self) -> list[str]:
        """The stages that were built for samples, in page order."""
        return [name for name in self.small.steps if self.roots[name] and name not in self.samples]

    def step(self, name: str) -> Step:
        return self.small.steps[name]

    @cache  # noqa: B019  one pilot a process
    def dataset(self, name: str) -> Dataset:
        return self.step(name).dataset

    def manifest(self, name: str) -> dict[str, Any]:
        return self.dataset(name).manifest

    def rows(self, name: str) -> Draws:
        """The rows that a stage keeps."""
        if not self.roots[name]:
            return certain(self.dataset(name).rows)
        return self.total(name, self._counts(name))

    def given(self, name: str) -> Draws:
        """The rows that a stage is given."""
        total: Draws = np.sum([self.rows(source) for source in self._sources(name)], axis=0)
        return total

    def merged(self, name: str) -> dict[str, Draws]:
        """The rows that a merge publishes of each of its sources."""
        return self._mixed(name)[0]

    def unmet(self, name: str) -> float:
        """The chance that a merge's mixture cannot be met."""
        return self._mixed(name)[1]

    @cache  # noqa: B019
    def _mixed(self, name: str) -> tuple[dict[str, Draws], float]:
        config: Any = self.whole.steps[name].stage.config
        sources = self.merges[name]
        found: dict[str, Draws] = {}
        shares: dict[str, dict[Place, float]] = {}
        told: pl.DataFrame | None = None
        for source in sources:
            dataset = self.dataset(source)
            names = [column for column in TEXT if column in dataset.columns]
            by = [column for column in mixture.columns(config) - {*names, "problem_id"} if column in dataset.columns]
            rows = dataset.scan().select("problem_id", *names, *by).collect()
            rows = rows.unique(names, keep="first", maintain_order=True)
            if told is not None:
                same = [column for column in names if column in told.columns]
                rows = rows.join(told, on=same, how="anti", nulls_equal=True)
            counts = rows.group_by("problem_id").len("count")
            found[source] = certain(len(rows))
            if config.mixture:
                shares[source] = mixture.composition(config, source, rows)
            if self.roots[source]:
                found[source] = self.total(source, counts, self._most(source))
            told = rows.select(names) if told is None else pl.concat([told, rows.select(names)], how="diagonal")
        return mixture.expected(config, found, shares) if config.mixture else (found, 0.0)

    def accepted(self, name: str, share: float = 1.0) -> Draws:
        """The rollouts that meet a generating stage's `until`, without its target; as a share of problems shows it."""
        where = self.config(name).until.where
        dataset = self.dataset(name)
        tables = [dataset.read(k) for k in range(len(dataset.shards))]
        rows = pl.concat([table.filter(accepted(table, where)) for table in tables])
        counts = rows.group_by("problem_id").len("count")
        if share >= 1:
            return self.total(name, counts, self._most(name), target=False)
        known, total = dict(counts.iter_rows()), certain(0.0)
        for root in self.roots[name]:
            problems, sampled = self.drawn[root]
            values = [float(known.get(problem, 0)) for problem in problems]
            total = total + sampled.whole * sampled.mean(values, share * sampled.whole)
        return total

    @cache  # noqa: B019
    def share(self, name: str) -> Draws:
        """The share of the problems that a stage works on until its target is reached."""
        target = getattr(self.config(name), "target", None)
        if target is None:
            return certain(1.0)
        enough = self.accepted(name)
        if enough[0] > target:
            enough = self.accepted(name, target / enough[0])
        return np.minimum(1.0, target / np.maximum(enough, 1e-9))

    def asked(self, name: str) -> Asked | None:
        """None for a stage that asks no model, or asked nothing."""
        manifest = self.manifest(name)
        if "spent" not in manifest or not self.roots[name]:
            return None
        spent, pace = manifest["spent"], manifest["pace"]
        model = self.small.models[self.step(name).stage.models[0]]
        tokens = self._spread(name, "completion_tokens", spent["tokens"])
        prompt = self._spread(name, "prompt_tokens", spent["prompt_tokens"])
        requests = self._spread(name, "", spent["requests"])
        cost = (prompt * model.price.prompt + tokens * model.price.completion) / 1e6
        seconds, steady = None, False
        if pace["asked"]:
            steady = pace["per_second"] is not None and pace["asked"] >= STEADY * pace["at_once"]
            rate = pace["per_second"] if steady else pace["asked"] / max(1e-3, manifest["seconds"] - pace["loading"])
            # a longer completion takes longer
            longer = (tokens / np.maximum(requests, 1e-9)) / max(1e-9, spent["tokens"] / spent["requests"])
            seconds = requests * longer / rate if spent["tokens"] else requests / rate
        each = pace["journal_bytes"] / pace["asked"] if pace["asked"] else self._text_bytes(name)
        text = max(0.0, each - ENVELOPE) * spent["requests"] / max(1, spent["tokens"])
        gpus = model.price.gpus or getattr(model.engine.config, "gpus", 0)
        return Asked(
            tokens=tokens,
            prompt_tokens=prompt,
            requests=requests,
            cost=cost,
            journal=requests * (min(each, ENVELOPE) + INDEXED) + tokens * text,
            seconds=seconds,
            loading=pace["loading"],
            price=model.price,
            gpus=gpus,
            steady=steady,
            at_once=pace["at_once"],
        )

    def seconds(self, name: str) -> Draws:
        """The time of a stage that asks no model: what its rows take, and what writing its shards does."""
        writing = max(self._per_shard(sample) for sample in self.roots[name])
        seen = max(1, sum(self.dataset(source).rows for source in self._sources(name)))
        shards = len(self.dataset(name).shards)
        each = max(0.0, self._per_shard(name) - writing) * shards / seen
        given = self.given(name)
        workers = np.minimum(self.workers, 1 + given // local.rows_per_worker)
        return self.files(name) * writing + given * each / workers

    def total(self, name: str, counts: pl.DataFrame | None, most: float | None = None, target: bool = True) -> Draws:
        """What a figure of each problem comes to in the whole; what belongs to no problem drawn counts as it is."""
        known = dict(counts.iter_rows()) if counts is not None else {}
        total = certain(0.0)
        for root in sorted(self.roots[name]):
            problems = self.drawn[root][0]
            values = [float(known.pop(problem, 0.0)) for problem in problems]
            total = total + self._scaled(name if target else "", root, values, most)
        rest = float(sum(known.values())) if counts is not None else float(self.dataset(name).rows)
        if not rest or self._is_mixed(name):
            return total + rest
        # problems that have got another name on the way
        seen = sum(len(self.drawn[root][0]) for root in self.roots[name])
        for root in sorted(self.roots[name]):
            total = total + self._scaled(name, root, [rest / max(1, seen)] * len(self.drawn[root][0]))
        return total

    def lineage(self, name: str) -> list[str]:
        found: list[str] = []
        left = list(self._sources(name))
        while left:
            source = left.pop()
            if source not in found:
                found.append(source)
                left.extend(self._sources(source))
        return found

    def files(self, name: str) -> int:
        """The shards that a stage has in the whole."""
        return sum(len(self.dataset(source).shards) for root in self.roots[name] for source in self.samples[root])

    def config(self, name: str) -> Any:
        return self.whole.steps[name].stage.config

    def _per_shard(self, name: str) -> float:
        """The time that a shard of the pilot took, the stage's beginning left out."""
        manifest, shards = self.manifest(name), len(self.dataset(name).shards)
        sources = self._sources(name)
        rows = len(self.drawn[name][0]) if name in self.samples else sum(self.dataset(each).rows for each in sources)
        rate = manifest["pace"]["rows_per_second"]
        return (rows / rate if rate else manifest["seconds"]) / shards

    def _sources(self, name: str) -> tuple[str, ...]:
        """What a stage's rows come from: its `from`."""
        given = self.small.recipe.settings["stages"][name].get("from")
        return tuple(given) if isinstance(given, list) else (given,) if given else ()

    def _counts(self, name: str) -> pl.DataFrame | None:
        dataset = self.dataset(name)
        if "problem_id" not in dataset.columns:
            return None
        return dataset.scan().group_by("problem_id").agg(pl.len().alias("count")).collect()

    def _most(self, name: str) -> float:
        """The rows that a problem can have in a stage, as far as was seen of what it is given."""
        tables = [self._counts(source) for source in self._sources(name)]
        counts: list[Any] = [table["count"].max() for table in tables if table is not None]
        config = self.config(name)
        until = getattr(config, "until", None)
        rounds = until.max_rollouts if until else getattr(config, "group_size", 1)
        most = max([1, *(count for count in counts if count)]) * rounds
        return float(min(most, getattr(config, "per_problem", None) or most))

    def _spread(self, name: str, column: str, total: float) -> Draws:
        """A sum that the pilot's stage came to, parted over its problems as column or rows say, in the whole."""
        dataset = self.dataset(name)
        counts = None
        if self.step(name).stage.kind == "generate":
            by = pl.col(column).sum() if column else pl.len()
            each = by.cast(pl.Float64).fill_null(0).alias("count")
            counts = dataset.scan().group_by("problem_id").agg(each).collect()
        else:
            tables = [counts for source in self._sources(name) if (counts := self._counts(source)) is not None]
            if tables:
                counts = pl.concat(tables).group_by("problem_id").agg(pl.col("count").sum().cast(pl.Float64))
        seen = float(counts["count"].sum()) if counts is not None else 0.0
        if counts is None or not seen:
            problems = [problem for root in self.roots[name] for problem in self.drawn[root][0]]
            counts = pl.DataFrame({"problem_id": problems, "count": [1.0] * len(problems)})
            seen = float(len(problems))
        return self.total(name, counts.with_columns(pl.col("count") * (total / max(seen, 1e-9))))

    def _scaled(self, name: str, root: str, values: list[float], most: float | None = None) -> Draws:
        """The sum over the problems that come as far as this stage."""
        sampled = self.drawn[root][1]
        share = self._shares(name, root) if name else certain(1.0)
        if not values or share[0] >= 1:
            return sampled.total(values, most) * share
        # which problems come before the target is left to the order they are in: not those that were seen
        return share * sampled.whole * sampled.mean(values, share[0] * sampled.whole)

    def _shares(self, name: str, root: str) -> Draws:
        """The share of a sample's problems that come as far as this stage, for the targets above it."""
        share = certain(1.0)
        for above in (name, *self.lineage(name)):
            if root in self.roots[above] and getattr(self._config_of(above), "target", None):
                share = np.minimum(share, self.share(above))
        return share

    def _config_of(self, name: str) -> Any:
        return self.config(name) if name in self.whole.steps else None

    def _is_mixed(self, name: str) -> bool:
        """Whether rows of a stage that is built whole come into this one beside those of a sample."""
        return any(
            not self.roots[source] or (source not in self.samples and self._is_mixed(source))
            for source in self._sources(name)
        )

    def _text_bytes(self, name: str) -> float:
        dataset = self.dataset(name)
        columns = [column for column in ("reasoning", "response") if column in dataset.columns]
        if not columns or not dataset.rows:
            return 0.0
        text = pl.sum_horizontal(pl.col(column).str.len_bytes().fill_null(0) for column in columns)
        return ENVELOPE + float(dataset.scan().select(text.mean()).collect().item() or 0)


def _problems(dataset: Dataset) -> list[str]:
    if "problem_id" not in dataset.columns:
        return []
    return dataset.scan().select(pl.col("problem_id").unique()).collect()["problem_id"].sort().to_list()
