"""A key-value cache with room to grow: a token is written in place, where transformers' own copies the whole cache."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 64  # tokens allocated ahead
Prefix = tuple[torch.Tensor, torch.Tensor]  # keys and values of a layer, (heads, tokens, dimension) float32


class Roomy(DynamicLayer):
    """Keys and values, (rows, heads, tokens, dimension), as the written part of a larger buffer."""

    def __init__(self) -> None:
        super().__init__()
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if self._buffers is None or end > self._buffers[0].shape[-2]:
            self._buffers = (_larger(self.keys, key_states, start, end), _larger(self.values, value_states, start, end))
        keys, values = self._buffers
        keys[..., start:end, :] = key_states
        values[..., start:end, :] = value_states
        self.keys, self.values = keys[..., :end, :], values[..., :end, :]
        return self.keys, self.values

    def batch_repeat_interleave(self, repeats: int) -> None:
        super().batch_repeat_interleave(repeats)
        self._buffers = None

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        self._buffers = None

    def cut(self, tokens: int) -> Prefix:
        """The first tokens, which all rows have in common; what is behind them stays."""
        assert self.keys is not None and self.values is not None
        prefix = (self.keys[0, :, :tokens].float(), self.values[0, :, :tokens].float())
        self.keys, self.values = self.keys[..., tokens:, :], self.values[..., tokens:, :]
        self._buffers = None
        return prefix


def cut(cache: DynamicCache, tokens: int) -> list[Prefix]:
    """The prefix of each layer of a cache that is roomy throughout."""
    return [layer.cut(tokens) for layer in cache.layers if isinstance(layer, Roomy)]


def _larger(written: torch.Tensor | None, states: torch.Tensor, start: int, end: int) -> torch.Tensor:
    buffer = states.new_empty(*states.shape[:-2], end + ROOM, states.shape[-1])
    if written is not None and start:
        buffer[..., :start, :] = written
    return buffer


def roomy(config: Any) -> DynamicCache:
    """The model's cache, with room in the layers that attend to everything; others stay as they are."""
    cache = DynamicCache(config=config)
    cache.layers = [Roomy() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
