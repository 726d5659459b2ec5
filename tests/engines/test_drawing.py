"""Drawing, against the processors of transformers and against plain arithmetic."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from datafactory.engines import Sampling
from datafactory.engines._drawing import draw

DRAWS = 5_000


def drawn(logits: torch.Tensor, sampling: Sampling, draws: int = DRAWS) -> dict[int, float]:
    """The share of each token among evenly spaced draws."""
    at = (torch.arange(draws) + 0.5) / draws
    tokens = torch.cat([draw(logits.repeat(len(part), 1), sampling, part) for part in at.split(2000)])
    return {token: count / draws for token, count in Counter(tokens.tolist()).items()}


def expected(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The probabilities that transformers' own processors leave, in the order in which `generate` applies them."""
    processors: list[Any] = [TemperatureLogitsWarper(sampling.temperature)]
    if sampling.top_k is not None:
        processors.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        processors.append(TopPLogitsWarper(sampling.top_p))
    if sampling.min_p > 0:
        processors.append(MinPLogitsWarper(sampling.min_p))
    return torch.softmax(LogitsProcessorList(processors)(torch.zeros(1, 0), logits[None]), -1)[0]


@pytest.mark.parametrize("size", [12, 700])
@pytest.mark.parametrize(
    "settings",
    [
        {"top_p": 1},
        {"top_p": 0.5},
        {"top_p": 0.97},
        {"top_p": 1, "top_k": 3},
        {"top_p": 0.6, "top_k": 5},
        {"top_p": 1, "min_p": 0.2},
        {"top_p": 0.7, "min_p": 0.15},
        {"top_p": 0.8, "top_k": 6, "min_p": 0.1},
        {"top_p": 0.9, "top_k": 400},
        {"top_p": 1, "top_k": 100_000},
        {"top_p": 1, "min_p": 0.001},
        {"top_p": 0.9999, "min_p": 1e-6},
        {"top_p": 0.9, "temperature": 0.5},
        {"top_p": 0.9, "temperature": 3.0, "min_p": 0.02},
    ],
)
def test_what_is_drawn_is_what_the_processors_of_transformers_leave(size: int, settings: dict[str, Any]):
    sampling = Sampling(**{"temperature": 1.0, **settings})
    for seed in range(2):
        logits = torch.randn(size, generator=torch.Generator().manual_seed(seed)) * 2
        found, wanted = drawn(logits, sampling), expected(logits, sampling)
        assert set(found) <= {token for token in range(size) if wanted[token] > 0}
        assert all(token in found for token in range(size) if wanted[token] > 2 / DRAWS)
        for token in range(size):
            assert found.get(token, 0) == pytest.approx(wanted[token].item(), abs=2.1 / DRAWS)


def test_the_order_of_the_cuts_is_seen_in_what_is_drawn():
    logits = torch.tensor([0.4, 0.3, 0.2, 0.06, 0.04]).log()
    # of the three likeliest 0.4 / 0.9 and 0.3 / 0.9 reach 0.75; of all of them it takes three
    assert set(drawn(logits, Sampling(temperature=1, top_p=0.75, top_k=3))) == {0, 1}
    assert set(drawn(logits, Sampling(temperature=1, top_p=0.75))) == {0, 1, 2}
    # min_p first would leave 0.4, 0.3, 0.2 of 0.9, of which two reach 0.75
    assert set(drawn(logits, Sampling(temperature=1, top_p=0.75, min_p=0.4))) == {0, 1, 2}


def test_each_row_is_drawn_as_it_would_be_alone():
    rows = torch.randn(6, 900, generator=torch.Generator().manual_seed(1)) * torch.tensor(
        [[9.0], [0], [3], [0.1], [20], [1]]
    )
    draws = torch.tensor([0.1, 0.9, 0.5, 0.99, 0.3, 0.7])
    for settings in ({"top_p": 0.95}, {"top_p": 1}, {"top_p": 0.9, "min_p": 0.001}, {"top_p": 0.9, "top_k": 20}):
        sampling = Sampling(temperature=1, **settings)
        alone = [draw(rows[at : at + 1], sampling, draws[at : at + 1]).item() for at in range(6)]
        assert draw(rows, sampling, draws).tolist() == alone


def test_equal_tokens_do_not_make_top_k_more():
    assert len(drawn(torch.zeros(50), Sampling(temperature=1, top_p=1, top_k=7))) == 7


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"temperature": 1e-30}, {"temperature": 1, "top_k": 1}])
def test_the_likeliest_token(settings: dict[str, Any]):
    logits = torch.randn(5, 300, generator=torch.Generator().manual_seed(2))
    draws = torch.tensor([0.0, 0.3, 0.6, 0.9, 1.0])
    assert draw(logits, Sampling(**settings), draws).tolist() == logits.argmax(-1).tolist()


@pytest.mark.parametrize(
    "settings", [{"top_p": 1}, {"top_p": 0.9}, {"top_p": 1, "top_k": 4}, {"top_p": 1, "min_p": 0.1}]
)
def test_a_draw_at_either_end_is_a_token_that_has_mass(settings: dict[str, Any]):
    logits = torch.full((2, 600), -torch.inf)
    logits[:, 100:110] = torch.linspace(0, 1, 10)
    found = draw(logits, Sampling(temperature=1, **settings), torch.tensor([0.0, 1.0]))
    assert all(100 <= token < 110 for token in found.tolist())
