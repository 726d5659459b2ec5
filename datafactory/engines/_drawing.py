"""Drawing: the next token of each row, as transformers' `generate` filters them.

The logits are divided by the temperature; then top_k, top_p of what is left, and min_p cut, in that order (vLLM cuts
by min_p first). What remains is drawn in proportion to its probability.
"""

from __future__ import annotations

import torch

from datafactory.engines import Sampling

NUCLEUS = 256  # tokens searched for those that remain before all are sorted
GREEDY = 1e-5  # a temperature below it is 0, as in vLLM


def draw(logits: torch.Tensor, sampling: Sampling, draws: torch.Tensor) -> torch.Tensor:
    """A token per row of (rows, vocabulary) float32 logits, at the row's uniform draw, a float32."""
    if sampling.temperature < GREEDY or sampling.top_k == 1:
        return logits.argmax(-1)
    masses = torch.softmax(logits / sampling.temperature, -1)
    if sampling.top_k is None and sampling.top_p == 1 and sampling.min_p == 0:
        return _at(masses, draws)
    size = min(sampling.top_k or NUCLEUS, masses.shape[-1])
    likeliest, tokens = masses.topk(size, -1)
    if sampling.top_k is not None:
        likeliest /= likeliest.sum(-1, keepdim=True)
    chosen = _drawn(likeliest, tokens, sampling, draws)
    if sampling.top_k is None and size < masses.shape[-1]:
        found = (likeliest.sum(-1) >= sampling.top_p) | (likeliest[:, -1] < sampling.min_p * likeliest[:, 0])
        wide = (~found).nonzero().squeeze(-1)
        if len(wide):
            chosen[wide] = _drawn(*masses[wide].sort(-1, descending=True), sampling, draws[wide])
    return chosen


def _drawn(masses: torch.Tensor, tokens: torch.Tensor, sampling: Sampling, draws: torch.Tensor) -> torch.Tensor:
    """Of tokens in falling order of their masses."""
    before = masses.cumsum(-1) - masses
    out = (before >= sampling.top_p) if sampling.top_p < 1 else torch.zeros_like(masses, dtype=torch.bool)
    out = out | (masses < sampling.min_p * masses[:, :1])
    out[:, 0] = False
    return tokens.gather(-1, _at(masses.masked_fill(out, 0.0), draws)[:, None]).squeeze(-1)


def _at(masses: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """The place of each row at which the masses before it reach that share of them all."""
    ends = masses.cumsum(-1)
    whole = ends[:, -1:].contiguous()
    place = torch.searchsorted(ends, draws[:, None] * whole, right=True)
    # a draw that rounds to 1 is the last place that has mass
    return torch.minimum(place, torch.searchsorted(ends, whole)).squeeze(-1)
