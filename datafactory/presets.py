"""Presets: what R1's six students were distilled with, by the student's name (arXiv:2501.12948, B.4).

The learning rate is the paper's. `max_position_embeddings` is that of the published student's config.json
(deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B and -7B), whose base ends at 4,096 positions. What is the same for all six,
context 32,768, batch 64, 2 to 3 epochs, cosine to a tenth, is the default of `distill`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from datafactory.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Preset:
    """`name` is the hub id of the base, `parameters` how many weights it has."""

    name: str
    parameters: int
    learning_rate: float
    max_position_embeddings: int | None = None


PRESETS = (
    Preset("Qwen/Qwen2.5-Math-1.5B", 1_543_714_304, 1e-4, 131072),
    Preset("Qwen/Qwen2.5-Math-7B", 7_615_616_512, 8e-5, 131072),
    Preset("Qwen/Qwen2.5-14B", 14_770_033_664, 7e-5),
    Preset("Qwen/Qwen2.5-32B", 32_763_876_352, 6e-5),
    Preset("meta-llama/Llama-3.1-8B", 8_030_261_248, 5e-5),
    Preset("meta-llama/Llama-3.3-70B-Instruct", 70_553_706_496, 2e-5),
)
NAMES = tuple(preset.name for preset in PRESETS)


def named(name: str) -> Preset:
    """The preset of that name, with or without its organisation; UserError for another."""
    found = of_student(name)
    if found is None:
        raise UserError(f"no preset named '{name}'.{did_you_mean(name, (*NAMES, 'auto', 'none'))}")
    return found


def of_student(reference: str) -> Preset | None:
    """That of a student by its hub id or the last part of its folder's path; None where the paper has none."""
    return next((preset for preset in PRESETS if _short(preset.name) == _short(reference)), None)


def nearest(parameters: int) -> Preset:
    """The preset of the student nearest in size, on a logarithmic scale: a choice, the paper tells of its six alone."""
    return min(PRESETS, key=lambda preset: abs(math.log(preset.parameters / parameters)))


def _short(reference: str) -> str:
    return reference.rstrip("/").rpartition("/")[2].casefold()
