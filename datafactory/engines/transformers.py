"""Transformers: any causal language model in this process, on CPU, CUDA or MPS; the embedded default.

Batches are sorted by prompt length and left-padded. What the prompts of a batch share (system prompt, worked
examples) is computed once for the batch, and each prompt once for all its rollouts; a row that has ended leaves the
batch. Every rollout draws from a random stream of its own seed.
"""

from __future__ import annotations

from typing import Literal

from datafactory.config import Base, runtime
from datafactory.engines import Engine

VERSION = 1
WEIGHTS = True


class Config(Base):
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the weights while they run; `auto` takes what the model was saved in."""
    batch_size: int = runtime(64, ge=1)
    """Rollouts decoded together."""
    device: str | None = runtime(None)
    """`cpu`, `cuda`, `cuda:1`, `mps`; by default the best there is."""


def start(config: Config, weights: str | None) -> Engine:
    from datafactory.engines._decoding import Decoder  # torch, seconds to import, only when a model runs

    assert weights is not None
    return Decoder(config, weights)
