"""The forecast: what a pilot says of the whole recipe, in numbers with intervals and in lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from datafactory.disk import kept, published, rejected
from datafactory.estimate import DRAWS, LEVEL, Draws, Interval, certain
from datafactory.reckoning import Asked, Pilot

PACE = 0.2  # a machine and a server do not go at the same pace all the time; a choice
UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True)
class Forecast:
    """rows by merge; hours, cost and GPU hours are None where nothing is known of them; notes say what is rough."""

    rows: dict[str, Interval]
    all_rows: Interval
    tokens: Interval
    prompt_tokens: Interval
    hours: Interval | None
    gpu_hours: Interval | None
    cost: Interval | None
    loading: float
    disk: Interval
    shares: dict[str, Interval]
    by_stage: dict[str, Interval] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def forecast(pilot: Pilot) -> Forecast:
    zero = certain(0.0)
    notes: list[str] = []
    asked = {name: found for name in pilot.estimated if (found := pilot.asked(name))}
    merged = {name: sum(pilot.merged(name).values(), zero) for name in pilot.merges}
    tokens = sum((found.tokens for found in asked.values()), zero)
    seconds = {name: pilot.seconds(name) for name in pilot.estimated if name not in asked}
    seconds |= {name: found.seconds for name, found in asked.items() if found.seconds is not None}
    unknown = [name for name, found in asked.items() if found.seconds is None]
    cost = sum((_money(found) for found in asked.values()), zero)
    gpus = sum((_gpu_hours(found) for found in asked.values()), zero)
    whole = [name for name in pilot.small.steps if not pilot.roots[name]]
    disk = sum((kept(pilot, name) + rejected(pilot, name) for name in pilot.estimated), zero)
    disk = disk + sum((found.journal for found in asked.values()), zero)
    disk = disk + sum((published(pilot, name) for name in pilot.merges), zero)
    disk = disk + sum(
        path.stat().st_size for name in whole for path in pilot.dataset(name).folder.rglob("*") if path.is_file()
    )
    if unknown:
        notes.append(
            f"hours: the completions of {', '.join(unknown)} were in the journal already, so that no pace was seen"
        )
    notes.extend(_of_stages(pilot, asked))
    notes.extend(_of_budget(pilot, tokens, cost))
    priced = any(found.price.of_tokens or found.price.gpu_hour for found in asked.values())
    return Forecast(
        rows={name: Interval.of(draws) for name, draws in merged.items()},
        all_rows=Interval.of(sum(merged.values(), zero)),
        tokens=Interval.of(tokens),
        prompt_tokens=Interval.of(sum((found.prompt_tokens for found in asked.values()), zero)),
        hours=None if unknown else Interval.of(sum(seconds.values(), zero) * _pace() / 3600),
        gpu_hours=Interval.of(gpus * _pace()) if any(found.gpus for found in asked.values()) and not unknown else None,
        cost=Interval.of(cost) if priced else None,
        loading=sum(found.loading for found in asked.values()),
        disk=Interval.of(disk),
        shares={name: Interval.of(pilot.rows(name) / np.maximum(pilot.given(name), 1e-9)) for name in pilot.estimated},
        by_stage={name: Interval.of(found.tokens) for name, found in asked.items()},
        notes=tuple(notes),
    )


def told(pilot: Pilot) -> Iterator[str]:
    """The forecast in lines."""
    found = forecast(pilot)
    for sample, (drawn, sampled) in pilot.drawn.items():
        yield f"{len(drawn):,} of the {sampled.whole:,} problems of {', '.join(pilot.samples[sample])}, drawn at random"
    yield f"the pilot took {pilot.took:.0f} s; what it made is under {pilot.small.published}"
    yield ""
    width = max(map(len, pilot.estimated))
    for name in pilot.estimated:
        yield f"{name:<{width}}  {pilot.step(name).stage.kind:<8}  {_seen(pilot, found, name)}"
    yield ""
    yield f"The whole of it, and the ends between which it is with a chance of {LEVEL:.0%}:"
    for label, text in _figures(found):
        yield f"{label:<18}  {text}"
    for note in found.notes:
        yield f"note: {note}"
    for name, why in pilot.left_out.items():
        yield f"not estimated: {name} {why}"


def _figures(found: Forecast) -> Iterator[tuple[str, str]]:
    for name, rows in found.rows.items():
        yield f"rows of {name}", _range(rows)
    if len(found.rows) != 1:
        yield "rows in all", _range(found.all_rows) if found.rows else "there is no merge"
    yield "generated tokens", _range(found.tokens)
    yield "prompt tokens", _range(found.prompt_tokens)
    loading = f"; loading models took {found.loading:.0f} s more" if found.loading >= 1 else ""
    yield "hours", _range(found.hours, "{:,.3g}") + loading if found.hours else "not known"
    yield "GPU hours", _range(found.gpu_hours, "{:,.3g}") if found.gpu_hours else "no model names its `gpus`"
    yield "money", _range(found.cost, "{:,.4g}") if found.cost else "no model has a `price`"
    yield "disk", f"{_size(found.disk.expected)} ({_size(found.disk.low)} to {_size(found.disk.high)})"


def _range(interval: Interval, form: str = "{:,.0f}") -> str:
    low, high = form.format(interval.low), form.format(interval.high)
    return f"{form.format(interval.expected)} ({low} to {high})"


def _size(count: float) -> str:
    for least, unit in UNITS:
        if count >= least:
            return f"{count / least:.3g} {unit}"
    return f"{count:.0f} bytes"


def _seen(pilot: Pilot, found: Forecast, name: str) -> str:
    manifest = pilot.manifest(name)
    said = [f"{manifest['rows']:,} rows"]
    if manifest["dropped"]:
        share = found.shares[name]
        said.append(f"keeps {share.expected:.1%} ({share.low:.1%} to {share.high:.1%})")
    for verifier, rate in (manifest["counts"].get("pass_rate") or {}).items():
        said.append(f"{verifier} {rate:.1%}" if rate is not None else f"{verifier} undecided")
    if "accepted" in manifest["counts"]:
        said.append(f"{manifest['counts']['accepted']:,} accepted")
    if "spent" in manifest:
        spent, pace = manifest["spent"], manifest["pace"]
        said.append(f"{spent['requests']:,} completions of {spent['tokens'] / max(1, spent['requests']):,.0f} tokens")
        if pace["per_second"] or pace["asked"]:
            rate = pace["per_second"] or pace["asked"] / max(1e-3, manifest["seconds"] - pace["loading"])
            said.append(f"{rate:,.3g} a second")
    return ", ".join(said)


def _pace() -> Draws:
    """How much slower or faster than the pilot the whole may go."""
    return np.concatenate([[1.0], np.random.default_rng(0).uniform(1 - PACE, 1 + PACE, DRAWS)])


def _money(asked: Asked) -> Draws:
    hours = _gpu_hours(asked)
    return asked.cost + hours * asked.price.gpu_hour


def _gpu_hours(asked: Asked) -> Draws:
    if asked.seconds is None:
        return certain(0.0)
    return (asked.seconds + asked.loading) / 3600 * asked.gpus


def _of_stages(pilot: Pilot, asked: dict[str, Asked]) -> Iterator[str]:
    for name, found in asked.items():
        pace = pilot.manifest(name)["pace"]
        if found.seconds is not None and not found.steady:
            yield (
                f"hours: {name} had {pace['asked']:,} completions to ask for, of which the model took "
                f"{found.at_once:,} at once: its pace is not known, and the hours are the most it can take; a pilot "
                "several times as large tells"
            )
        bounded = pilot.manifest(name)["spent"]["bounded"]
        if bounded:
            yield f"tokens: no usage was told for {bounded:,} completions of {name}; they count at their `max_tokens`"
    for name in pilot.estimated:
        target = getattr(pilot.whole.steps[name].stage.config, "target", None)
        if target is None:
            continue
        enough = Interval.of(pilot.accepted(name))
        if enough.expected < target:
            yield f"target: {name} comes to about {enough.expected:,.0f} accepted, not the {target:,} of its `target`"
        else:
            yield (
                f"target: {name} takes about {pilot.share(name)[0]:.1%} of its problems, in their order: where the "
                "first ones are easier or harder than the others, tokens and hours are otherwise"
            )
    for name in pilot.estimated:
        keep = getattr(pilot.whole.steps[name].stage.config, "keep", ())
        across = [part.column for part in keep if part.use.file or part.scope == "dataset"]
        if across:
            yield f"rough: what {', '.join(across)} of {name} compares across problems shows less among few of them"
    for name in pilot.merges:
        step = pilot.whole.steps[name]
        if unmet := pilot.unmet(name):
            policy = getattr(step.stage.config, "shortfall", "fail")
            what = {"fail": "the build stops there", "scale": "the whole is smaller", "report": "it has what there is"}
            yield f"mixture: {name} cannot be met with a chance of {unmet:.0%}; {what[policy]}"
        yield f"rough: of rows that are the same {name} keeps one; among few problems there are few of them"


def _of_budget(pilot: Pilot, tokens: Draws, cost: Draws) -> Iterator[str]:
    budget = pilot.whole.recipe.budget
    for limit, draws, unit in ((budget.tokens, tokens, "tokens"), (budget.cost, cost, "money")):
        if limit is not None and np.any(draws > limit):
            over = float(np.mean(draws[1:] > limit))
            yield f"budget: {limit:,g} in {unit} are not enough with a chance of {over:.0%}; the build stops there"
