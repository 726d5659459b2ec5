"""Training plan: what a supervised training takes, reckoned before it starts: steps, memory, time and disk.

In   what the rows come to, the student's architecture, the settings, the machine
Out  figures, and the lines that tell them; None where something is not known

Steps are the trainer's own. Memory and time are estimates:

    memory   of each weight the bytes of `BYTES`; of each token in flight, with L layers of width h, queries of width a,
             keys and values of width v and an MLP of width i: a layer keeps 6h (its norms' inputs and outputs, and what
             they are in float32), 3a + 2v (queries, keys and values before and after the rotation, the attention's
             output) and 4i (gate, up, their activation and product). All layers keep theirs, or each its input alone
             where they are computed again (arXiv:2205.05198, 4.2 with a gated MLP and attention that keeps no matrix).
             The head's logits are never there as a whole (TRL's fused head).
    time     6 multiplications and additions per weight and token (arXiv:2001.08361, 2.1) and 6 per layer, width and
             pair of tokens that attend; a third more where layers are computed again; at the speed of the device
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from datafactory.architecture import Architecture

Precision = Literal["float32", "mixed", "bfloat16"]
Sharing = Literal["none", "ddp", "sharded"]

# bytes of a weight, of its gradient, of Adam's two moments, and of its bfloat16 copy while a pass goes on
BYTES: dict[Precision, tuple[int, int, int, int]] = {
    "float32": (4, 4, 8, 0),
    "mixed": (4, 4, 8, 2),
    "bfloat16": (2, 2, 4, 0),
}
MOMENTS = {"sgd": 0.0, "adafactor": 0.0, "adamw_8bit": 0.25, "paged_adamw_8bit": 0.25, "adamw_bnb_8bit": 0.25}
RECOMPUTED = 2048  # tokens of a batch from which activations are computed again rather than kept
SHARE = 0.4  # of the speed of one large product that a training reaches: a choice, published runs have 0.3 to 0.5
FITTING = (2, 4, 8, 16, 32, 64)  # processes that are tried for a student that does not fit


@dataclass(frozen=True)
class Corpus:
    """What the rows come to as the student reads them; `squares` is the sum of their squared lengths.

    sequences  what the trainer draws from: rows, or contexts packed full of them
    exact      counted with the student's tokenizer, and not told from the bytes of the text
    """

    rows: int
    too_long: int
    tokens: int
    squares: int
    longest: int
    sequences: int
    exact: bool = True


@dataclass(frozen=True)
class Settings:
    """What of a stage's settings the figures depend on; `recomputed` says whether activations are computed again."""

    epochs: float
    max_steps: int
    per_device: int
    accumulation: int
    processes: int
    sharing: Sharing
    precision: Precision
    optimizer: str
    longest: int
    recomputed: bool


@dataclass(frozen=True)
class Machine:
    """A device: bytes that are free on it, and the operations a second of one large product just now."""

    name: str
    free: int | None
    speed: float | None


@dataclass(frozen=True)
class Memory:
    """Bytes on each device."""

    weights: float
    gradients: float
    moments: float
    copy: float
    activations: float

    @property
    def total(self) -> float:
        return self.weights + self.gradients + self.moments + self.copy + self.activations


def steps(corpus: Corpus, settings: Settings) -> int:
    """The optimiser steps that the trainer takes; its last step of an epoch may have fewer rows."""
    if settings.max_steps > 0:
        return settings.max_steps
    batches = math.ceil(corpus.sequences / (settings.per_device * settings.processes))
    return math.ceil(settings.epochs * max(1, math.ceil(batches / (settings.accumulation // settings.processes))))


def passes(corpus: Corpus, settings: Settings) -> float:
    """How often each row is seen."""
    if settings.max_steps <= 0:
        return settings.epochs
    return settings.max_steps * settings.per_device * settings.accumulation / corpus.sequences


def memory(student: Architecture, settings: Settings) -> Memory:
    """The bytes on each device at the most."""
    shared = settings.processes if settings.sharing == "sharded" else 1
    weights, gradients, moments, copy = BYTES[settings.precision]
    moments = moments * MOMENTS.get(settings.optimizer, 1.0)  # type: ignore[assignment]
    each = student.parameters / shared
    return Memory(each * weights, each * gradients, each * moments, each * copy, activations(student, settings))


def activations(student: Architecture, settings: Settings) -> float:
    """The bytes of what a batch keeps for its way back."""
    kept = 2 if settings.precision == "bfloat16" else 4
    multiplied = 4 if settings.precision == "float32" else 2
    layer = 6 * student.hidden * kept
    layer += (3 * student.attention + 2 * student.values + 4 * student.inner) * multiplied
    whole = student.layers * student.hidden * kept + layer if settings.recomputed else student.layers * layer
    return float(settings.per_device * settings.longest * whole)


def operations(student: Architecture, corpus: Corpus, settings: Settings) -> float:
    """The multiplications and additions of the whole training."""
    once = 6 * student.active * corpus.tokens + 6 * student.layers * student.attention * corpus.squares
    return passes(corpus, settings) * once * (4 / 3 if settings.recomputed else 1)


def seconds(student: Architecture, corpus: Corpus, settings: Settings, machine: Machine) -> float | None:
    """None where the device's speed is not known."""
    if machine.speed is None:
        return None
    return operations(student, corpus, settings) / (machine.speed * SHARE * settings.processes)


def disk(student: Architecture, settings: Settings, saved: int) -> float:
    """The bytes on the disk at the most: two checkpoints, while one replaces the other, and the model at the end.

    saved  bytes of a weight in the model's files
    """
    weights, _, moments, _ = BYTES[settings.precision]
    return student.parameters * (2.0 * (weights + moments * MOMENTS.get(settings.optimizer, 1.0)) + saved)


def fitting(student: Architecture, settings: Settings, free: float) -> Iterator[str]:
    """Settings that would fit on devices of so many free bytes, each with what it takes."""
    tried = {}
    if settings.per_device > 1:
        tried["`per_device_train_batch_size: 1`"] = replace(settings, per_device=1)
    if not settings.recomputed:
        tried["`gradient_checkpointing: true`"] = replace(settings, recomputed=True)
    if settings.precision != "bfloat16":
        tried["`dtype: bfloat16`"] = replace(settings, precision="bfloat16")
    for count in FITTING:
        if count > settings.processes or settings.sharing != "sharded":
            shared = replace(settings, sharing="sharded", processes=count, per_device=1)
            if memory(student, shared).total <= free:
                tried[f"`accelerate: fsdp` on {count} such devices"] = shared
                break
    for told, other in tried.items():
        needed = memory(student, other).total
        if needed <= free:
            yield f"{told} ({gigabytes(needed)})"


def gigabytes(size: float) -> str:
    return (
        f"{size / 1e9:,.0f} GB" if size >= 1e10 else f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
    )
