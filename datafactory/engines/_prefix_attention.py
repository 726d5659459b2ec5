"""Prefix attention: what all rows of a batch begin with is attended to as one matrix, for all rows together.

A decoding step on CPU reads the keys and values of every row. The prefix has them once: its part of the attention is
two matrix products per head, in float32, joined with the rest by their log-sum-exps (Hydragen, arXiv:2402.05099).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from datafactory.engines._cache import Prefix, Roomy, cut, roomy

NAME = "datafactory_prefix"
OTHERS = ("softcap", "s_aux", "sliding_window", "position_bias")  # what some models' attention has besides


def takes_prefixes(model: Any) -> bool:
    """Whether this model's attention can be made to take them; it is, then. On CPU alone, where it was measured."""
    if model.device.type != "cpu" or model.config._attn_implementation != "sdpa":
        return False
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    try:
        model.set_attn_implementation(NAME)
        if _tried(model):
            return True
    except (ValueError, TypeError, AttributeError, NotImplementedError, RuntimeError):
        pass  # RuntimeError: latent attention's keys and values (DeepSeek-V3) are of two sizes
    model.set_attn_implementation("sdpa")
    return False


@torch.inference_mode()
def _tried(model: Any) -> bool:
    """Whether each layer took its prefix in a step of two rows."""
    cache = roomy(model.config)
    token = torch.zeros(2, 1, dtype=torch.long)
    model(input_ids=token.repeat(1, 2), past_key_values=cache, use_cache=True)
    if not all(isinstance(layer, Roomy) for layer in cache.layers):
        return False
    prefixes = Prefixes(cut(cache, 1))
    model(
        input_ids=token,
        attention_mask=torch.ones(2, 2, dtype=torch.long),
        position_ids=token + 2,
        past_key_values=cache,
        use_cache=True,
        prefixes=prefixes,
    )
    return prefixes.taken == set(range(len(cache.layers)))


@dataclass
class Prefixes:
    """What each layer has of the prefix, and the layers that took it."""

    layers: list[Prefix]
    taken: set[int] = field(default_factory=set)

    def take(self, layer: int) -> Prefix:
        self.taken.add(layer)
        return self.layers[layer]


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    prefixes: Prefixes | None = None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """That of transformers; with prefixes, one a layer, `key` and `value` are what comes behind them."""
    if prefixes is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    if unknown := [name for name in OTHERS if settings.get(name) is not None]:
        raise NotImplementedError(f"a prefix together with {', '.join(unknown)}")
    keys, values = prefixes.take(int(module.layer_idx))  # type: ignore[arg-type]
    rows, heads, _, size = query.shape
    scale = settings.get("scaling") or size**-0.5
    packed = query.reshape(rows, key.shape[1], -1, size)
    mask = attention_mask
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill_(~mask, -torch.inf)
    own, weight = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        packed, key, value, attn_mask=mask, scale=scale
    )
    flat = packed.transpose(0, 1).reshape(key.shape[1], -1, size).float().mul_(scale)
    scores = torch.bmm(flat, keys.transpose(1, 2))
    peak = scores.amax(-1, keepdim=True)
    scores = scores.sub_(peak).exp_()
    total = scores.sum(-1, keepdim=True)
    before = torch.bmm(scores, values).div_(total)
    behind = own.transpose(0, 1).reshape(flat.shape[0], -1, value.shape[-1]).float()
    share = torch.sigmoid(peak + total.log_() - weight.transpose(0, 1).reshape(flat.shape[0], -1, 1))
    whole = torch.lerp(behind, before, share).to(query.dtype)
    whole = whole.reshape(key.shape[1], rows, -1).transpose(0, 1).reshape(rows, 1, heads, value.shape[-1])
    return whole.contiguous(), None
