"""Batched decoding with a transformers model: the torch side of the `transformers` engine."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, DynamicCache

from datafactory.engines import Output, Request
from datafactory.engines._batches import batches
from datafactory.engines._cache import cut, roomy
from datafactory.engines._chat_template import chat_template
from datafactory.engines._completion import Completion
from datafactory.engines._device import device, memory
from datafactory.engines._drawing import draw
from datafactory.engines._prefix_attention import Prefixes, takes_prefixes
from datafactory.errors import StageError
from datafactory.quiet import quiet
from datafactory.types import Message

if TYPE_CHECKING:
    from datafactory.engines.transformers import Config
    from datafactory.feed import Feed

STAY = 0.75  # rows that have ended leave the cache when so few are left: a choice
SHARED = 64  # tokens from which on a common beginning is attended to apart: a choice
TICK = 0.4  # seconds after which the caller is told that nothing has finished


class Decoder:
    room = 1
    batches = True
    rendered = True

    def __init__(self, config: Config, weights: str | Path):
        self.config = config
        self.template = chat_template(weights)
        self.tokenizer: Any = self.template.tokenizer
        dtype = "auto" if config.dtype == "auto" else getattr(torch, config.dtype)
        try:
            with quiet():
                model: Any = AutoModelForCausalLM.from_pretrained(str(weights), dtype=dtype)
        except (OSError, ValueError) as error:
            raise StageError(f"the model at {weights} cannot be loaded: {str(error).splitlines()[0]}") from error
        self.device = device(config.device)
        with memory(self.device, self.config.batch_size):
            self.model: Any = model.to(device=self.device).eval()
        self.prefixed = takes_prefixes(self.model)
        ends = self.model.generation_config.eos_token_id
        ends = [ends] if isinstance(ends, int) else list(ends or [])
        self.ends = {*ends, self.tokenizer.eos_token_id} - {None}
        text = model.config.get_text_config()
        self.context = getattr(text, "max_position_embeddings", None) or sys.maxsize
        if not self.ends:
            raise StageError(f"the model at {weights} names no end-of-text token")

    def render(self, messages: Sequence[Message], prefill: str) -> str:
        return self.template.render(messages, prefill)

    def generate(self, feed: Feed) -> Iterator[list[Output]]:
        while True:
            chunk = feed.chunk()
            if chunk is not None:
                yield from self._chunk(chunk, feed)
            elif feed.closed:
                return
            else:
                yield []

    def close(self) -> None:
        del self.model

    def _chunk(self, chunk: Sequence[Request], feed: Feed) -> Iterator[list[Output]]:
        prompts = self._prompts(chunk)
        refused = {key: why for key, ids in prompts.items() if (why := self._refusal(len(ids)))}
        failed = [
            Output(request.key, "", "error", error=refused[request.key])
            for request in chunk
            if request.owed and request.key in refused
        ]
        if failed:
            yield failed
        fit = [request for request in chunk if request.key not in refused]
        lengths = {key: len(ids) for key, ids in prompts.items()}
        for batch in batches(fit, lengths, self.context, self.config.batch_size):
            owed = [request for request in batch if request.owed]
            while owed and not feed.admit(owed):
                yield []
            if owed:
                with memory(self.device, self.config.batch_size):
                    yield from self._decode([self._completion(one, prompts[one.key]) for one in owed])

    def _prompts(self, chunk: Sequence[Request]) -> dict[str, list[int]]:
        """The tokens of each key's prompt; the rollouts of a problem have them in common."""
        known: dict[tuple[str, bool], list[int]] = {}
        for request in chunk:
            kind = (request.prompt, bool(request.messages))
            if kind not in known:
                known[kind] = self.template.tokens(request.prompt, request.messages)
        return {request.key: known[request.prompt, bool(request.messages)] for request in chunk}

    def _refusal(self, tokens: int) -> str | None:
        """Why a prompt of so many tokens has no completion, if it has none."""
        if tokens == 0:
            return "the prompt is empty"
        if tokens >= self.context:
            return f"the prompt has {tokens:,} tokens; the model's context is {self.context:,}"
        return None

    def _completion(self, request: Request, prompt: list[int]) -> Completion:
        return Completion(request, prompt, self.context, self.tokenizer, self.ends)

    @torch.inference_mode()
    def _decode(self, rows: list[Completion]) -> Iterator[list[Output]]:
        """The outputs of a batch, once all are there."""
        told = time.monotonic()
        logits, context = self._prefill([row.prompt for row in rows])
        alive = rows  # those still in the cache
        while True:
            draws = torch.tensor([row.draw() for row in alive], dtype=torch.float32, device=self.device)
            chosen = draw(logits, rows[0].request.sampling, draws)
            for row, token in zip(alive, chosen.tolist(), strict=True):
                if row.finish_reason is None:
                    row.add(token)
            live = [place for place, row in enumerate(alive) if row.finish_reason is None]
            if not live:
                break
            if len(live) <= STAY * len(alive):
                keep = torch.tensor(live, device=self.device)
                context.keep(keep)
                chosen, alive = chosen[keep], [alive[place] for place in live]
            logits = self._forward(chosen[:, None], context.longer())
            if time.monotonic() - told > TICK:
                yield []
                told = time.monotonic()
        yield [row.output() for row in rows]

    def _prefill(self, prompts: Sequence[list[int]]) -> tuple[torch.Tensor, _Context]:
        """Logits after each prompt: what all begin with is computed once, then each distinct rest side by side."""
        distinct = list(dict.fromkeys(map(tuple, prompts)))
        shared = _shared(distinct)
        cache = roomy(self.model.config)
        if shared:
            head = torch.tensor([distinct[0][:shared]], device=self.device)
            self._forward(head, _Context(cache, torch.ones_like(head)))
            cache.batch_repeat_interleave(len(distinct))
        rest = [prompt[shared:] for prompt in distinct]
        width = max(map(len, rest))
        ids = torch.zeros(len(rest), width, dtype=torch.long)
        mask = torch.zeros(len(rest), shared + width, dtype=torch.long)
        mask[:, :shared] = 1
        for row, tail in enumerate(rest):
            ids[row, width - len(tail) :] = torch.tensor(tail)
            mask[row, shared + width - len(tail) :] = 1
        context = _Context(cache, mask.to(self.device))
        logits = self._forward(ids.to(self.device), context)
        if self.prefixed and shared >= SHARED:
            context = _Context(cache, context.mask[:, shared:], shared, Prefixes(cut(cache, shared)))
        place = {prompt: at for at, prompt in enumerate(distinct)}
        rows = torch.tensor([place[tuple(prompt)] for prompt in prompts], device=self.device)
        context.keep(rows)
        return logits[rows], context

    def _forward(self, ids: torch.Tensor, context: _Context) -> torch.Tensor:
        """The last position's logits, (rows, vocabulary) float32."""
        positions = context.before + (context.mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        prefixes = {"prefixes": context.prefixes} if context.prefixes else {}
        out = self.model(
            input_ids=ids,
            attention_mask=context.mask,
            position_ids=positions,
            past_key_values=context.cache,
            use_cache=True,
            logits_to_keep=1,
            **prefixes,
        )
        last: torch.Tensor = out.logits[:, -1].float()
        return last


@dataclass
class _Context:
    """What the rows of a batch have behind them: in the cache, and in prefixes where `before` tokens are apart."""

    cache: DynamicCache
    mask: torch.Tensor
    before: int = 0
    prefixes: Prefixes | None = None

    def keep(self, rows: torch.Tensor) -> None:
        self.cache.batch_select_indices(rows)
        self.mask = self.mask[rows]

    def longer(self) -> _Context:
        """With one token more, which is to be computed."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        return self


def _shared(prompts: Sequence[tuple[int, ...]]) -> int:
    """How many first tokens all prompts have in common, leaving each at least one of its own."""
    if len(prompts) == 1:
        return 0
    low, high = min(prompts), max(prompts)
    common = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return min(common, min(map(len, prompts)) - 1)
