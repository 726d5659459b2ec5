"""Replacing: rollouts of groups that tell nothing, put aside for those of fresh problems, as tensors.

In   what TRL made of two samplings: a row per rollout, prompts padded on the left and completions on the right
Out  the first with rows of the second in the place of its own
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

LEFT = ("prompt_ids", "prompt_mask")  # padded on the left
IDS = ("prompt_ids", "completion_ids")


def replaced(
    kept: Mapping[str, Any], drawn: Mapping[str, Any], rows: Sequence[int], by: Sequence[int], pad: int
) -> dict[str, Any]:
    """The tensors of `kept` with its `rows` replaced by the rows `by` of `drawn`; both widened to the wider."""
    found = dict(kept)
    for name, value in kept.items():
        if not isinstance(value, torch.Tensor) or value.ndim == 0:
            continue
        ours, theirs = value, drawn[name]
        if value.ndim == 2:
            width = max(ours.shape[1], theirs.shape[1])
            fill = pad if name in IDS else 0
            ours, theirs = (_widened(each, width, fill, name in LEFT) for each in (ours, theirs))
        made = ours.clone()
        made[list(rows)] = theirs[list(by)]
        found[name] = made
    return found


def _widened(tensor: torch.Tensor, width: int, fill: int, left: bool) -> torch.Tensor:
    more = width - tensor.shape[1]
    return torch.nn.functional.pad(tensor, (more, 0) if left else (0, more), value=fill) if more else tensor
