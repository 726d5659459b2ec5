"""Transformers: any causal language model in this process, on CPU, CUDA or MPS; the embedded default.

Batches are sorted by prompt length and left-padded. What the prompts of a batch share (system prompt, worked
examples) is computed once for the batch, and each prompt once for all its rollouts; a row that has ended leaves the
batch. Every rollout draws from a random stream of its own seed. docs/engines/transformers.md says what was tried.
"""

from __future__ import annotations

from typing import Literal

from datafactory.budget import Price
from datafactory.config import Base, runtime
from datafactory.engines import Engine
from datafactory.engines._chat_template import ChatTemplate, chat_template

VERSION = 1
WEIGHTS = True


class Config(Base):
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the weights while they run; `auto` takes what the model was saved in."""
    batch_size: int = runtime(256, ge=1)
    """Rollouts decoded together, at most; down to 64 of them where they may grow long."""
    device: str | None = runtime(None)
    """`cpu`, `cuda`, `cuda:1`, `mps`; by default the best there is."""
    price: Price | None = runtime(None)
    """What an hour of the GPU costs, {gpu_hour: 2.5, gpus: 1}."""


def start(config: Config, weights: str | None) -> Engine:
    from datafactory.engines._decoding import Decoder  # torch, seconds to import, only when a model runs

    assert weights is not None
    return Decoder(config, weights)


def renderer(config: Config, weights: str | None) -> ChatTemplate:
    """What renders prompts as the engine does, without loading the weights."""
    assert weights is not None
    return chat_template(weights)
