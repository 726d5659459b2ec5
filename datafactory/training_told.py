"""Training told: the plan of a supervised training as a person reads it before it starts, and what is short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datafactory.architecture import Architecture
from datafactory.training_plan import (
    SHARE,
    Corpus,
    Machine,
    Settings,
    disk,
    fitting,
    gigabytes,
    memory,
    passes,
    seconds,
    steps,
)


@dataclass(frozen=True)
class TrainingPlan:
    """origins says of a setting where its number comes from.

    student  None where the kind of model is not known: its memory and time are not either
    saved    bytes of a weight in the model's files
    spare    bytes that are free on the disk
    """

    reference: str
    student: Architecture | None
    corpus: Corpus
    settings: Settings
    machine: Machine
    learning_rate: float
    schedule: str
    max_length: int
    packing: bool
    preset: str
    template: str
    positions: int | None
    origins: Mapping[str, str]
    saved: int
    spare: int

    @property
    def steps(self) -> int:
        return steps(self.corpus, self.settings)

    @property
    def hours(self) -> float | None:
        found = None if self.student is None else seconds(self.student, self.corpus, self.settings, self.machine)
        return None if found is None else found / 3600

    def counts(self) -> dict[str, Any]:
        """The figures that are kept with the model; what is not known is null."""
        needed = None if self.student is None else memory(self.student, self.settings).total
        return {
            "rows": self.corpus.rows,
            "tokens": self.corpus.tokens,
            "too_long": self.corpus.too_long,
            "contexts": self.corpus.sequences,
            "preset": self.preset,
            "learning_rate": self.learning_rate,
            "batch": self.settings.per_device * self.settings.accumulation,
            "parameters": None if self.student is None else self.student.parameters,
            "planned_steps": self.steps,
            "planned_hours": self.hours,
            "planned_memory": needed,
            "origins": dict(self.origins),
        }


def told(plan: TrainingPlan) -> Iterator[str]:
    """The plan, a line for each thing."""
    lines = list(_lines(plan))
    width = max(len(name) for name, _ in lines)
    for name, what in lines:
        yield f"{name:<{width}}  {what}"


def _lines(plan: TrainingPlan) -> Iterator[tuple[str, str]]:
    corpus, settings, student = plan.corpus, plan.settings, plan.student
    yield "student", plan.reference + (_sized(student) if student else ", of a kind whose size is not known here")
    yield "preset", plan.preset
    left_out = f", {corpus.too_long:,} left out that are longer than {plan.max_length:,} tokens" if corpus.exact else ""
    yield "rows", f"{corpus.rows:,}{left_out}"
    counted = f"; the longest row has {corpus.longest:,}" if corpus.exact else ", about: from the bytes of the text"
    yield "tokens", f"{corpus.tokens:,}, {corpus.tokens / corpus.rows:,.0f} a row{counted}"
    yield "epochs", f"{passes(corpus, settings):g}{_from(plan, 'max_steps' if settings.max_steps > 0 else 'epochs')}"
    each = "contexts packed with rows" if plan.packing else "rows"
    shared = f" over {settings.processes} processes" if settings.processes > 1 else ""
    yield (
        "batch",
        f"{settings.per_device * settings.accumulation:,} {each}: {settings.per_device} x "
        f"{settings.accumulation}{shared}{_from(plan, 'gradient_accumulation_steps')}",
    )
    yield "steps", f"{plan.steps:,}"
    yield "learning rate", f"{plan.learning_rate:g}, {plan.schedule}{_from(plan, 'learning_rate')}"
    positions = f"; {plan.positions:,} positions{_from(plan, 'max_position_embeddings')}" if plan.positions else ""
    yield "context", f"{plan.max_length:,} tokens{_from(plan, 'max_length')}{positions}"
    yield "template", plan.template
    yield "memory", _memory(plan)
    yield "time", _time(plan)
    if student:
        needed = disk(student, settings, plan.saved)
        yield "disk", f"{gigabytes(needed)} at most, two checkpoints and the model; {gigabytes(plan.spare)} are free"


def _sized(student: Architecture) -> str:
    sparse = f", {student.active:,} for a token" if student.active < 0.7 * student.parameters else ""
    return f", {student.kind}, {student.parameters:,} weights{sparse}"


def _from(plan: TrainingPlan, name: str) -> str:
    return f" ({plan.origins[name]})" if name in plan.origins else ""


def _memory(plan: TrainingPlan) -> str:
    free = f"{gigabytes(plan.machine.free)} are free" if plan.machine.free is not None else "what is free is not known"
    if plan.student is None:
        return f"not known; {free} on {plan.machine.name}"
    needed = memory(plan.student, plan.settings)
    parts = {
        "weights": needed.weights,
        "gradients": needed.gradients,
        "optimiser": needed.moments,
        "bfloat16 copy": needed.copy,
        "activations": needed.activations,
    }
    listed = ", ".join(f"{name} {gigabytes(size)}" for name, size in parts.items() if size)
    each = " on each device" if plan.settings.processes > 1 else ""
    return (
        f"about {gigabytes(needed.total)}{each} in {plan.settings.precision} ({listed}); {free} on {plan.machine.name}"
    )


def _time(plan: TrainingPlan) -> str:
    if plan.hours is None:
        return "not known"
    minutes = plan.hours * 60
    taken = f"about {plan.hours:,.1f} hours" if minutes >= 60 else f"about {minutes:,.0f} minutes"
    if minutes < 1.5:
        taken = "about a minute"
    assert plan.machine.speed is not None
    return (
        f"{taken} where nothing else runs, at {SHARE:.0%} (assumed) of the {plan.machine.speed / 1e12:,.2f} "
        "Tflop/s that one large product reached just now"
    )


def shortfalls(plan: TrainingPlan) -> Iterator[str]:
    """What the machine has too little of, and what would fit."""
    if plan.student is None:
        return
    needed, free = memory(plan.student, plan.settings).total, plan.machine.free
    if free is not None and needed > free:
        options = list(fitting(plan.student, plan.settings, free))
        fits = f"what would fit: {'; '.join(options)}" if options else "nothing that is known here would make it fit"
        yield (
            f"{plan.reference} takes about {gigabytes(needed)} of memory to train in {plan.settings.precision} with "
            f"rows of {plan.settings.longest:,} tokens, and {gigabytes(free)} are free on {plan.machine.name}; {fits}"
        )
    written = disk(plan.student, plan.settings, plan.saved)
    if written > plan.spare:
        yield (
            f"two checkpoints and the model of {plan.reference} take {gigabytes(written)} on the disk, and "
            f"{gigabytes(plan.spare)} are free"
        )
