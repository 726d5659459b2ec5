"""Batched decoding with a transformers model: the torch side of the `transformers` engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from datafactory.engines import Output, Request, Sampling
from datafactory.engines._cache import roomy
from datafactory.errors import StageError
from datafactory.quiet import quiet
from datafactory.types import Message

if TYPE_CHECKING:
    from datafactory.engines.transformers import Config
    from datafactory.feed import Feed

NUCLEUS = 256  # tokens searched for the top-p nucleus before all are sorted


class Decoder:
    room = 1
    batches = True
    rendered = True

    def __init__(self, config: Config, weights: str | Path):
        self.config = config
        self.device = torch.device(config.device or _best_device())
        dtype = "auto" if config.dtype == "auto" else getattr(torch, config.dtype)
        try:
            with quiet():
                self.tokenizer: Any = AutoTokenizer.from_pretrained(str(weights), padding_side="left")
                model: Any = AutoModelForCausalLM.from_pretrained(str(weights), dtype=dtype)
        except (OSError, ValueError) as error:
            raise StageError(f"the model at {weights} cannot be loaded: {str(error).splitlines()[0]}") from error
        self.model: Any = model.to(device=self.device).eval()
        ends = self.model.generation_config.eos_token_id
        ends = [ends] if isinstance(ends, int) else list(ends or [])
        self.ends = {*ends, self.tokenizer.eos_token_id} - {None}
        self.context = getattr(model.config, "max_position_embeddings", None) or sys.maxsize
        if not self.ends:
            raise StageError(f"the model at {weights} names no end-of-text token")

    def render(self, messages: Sequence[Message], prefill: str) -> str:
        """The prompt by the model's own chat template; as plain text, turn after turn, for a model without one."""
        if self.tokenizer.chat_template:
            text = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        else:
            text = "\n\n".join(message["content"] for message in messages) + "\n"
        # a template that opens the thinking itself (R1-distill) is not to be opened twice
        opened = bool(prefill.strip()) and text.rstrip().endswith(prefill.strip())
        return text if opened else text + prefill

    def generate(self, feed: Feed) -> Iterator[list[Output]]:
        while not (feed.closed and not len(feed)):
            chunk = feed.chunk()
            if chunk is None:
                yield []
                continue
            for batch in self._batches(chunk):
                owed = [request for request in batch if request.owed]
                while owed and not feed.admit(owed):
                    yield []
                if owed:
                    yield self._decode(owed, owed[0].sampling)

    def close(self) -> None:
        del self.model

    def _batches(self, requests: Sequence[Request]) -> Iterator[list[Request]]:
        """What is decoded together: like sampling, like length, whatever is owed of it."""
        by_sampling: dict[Sampling, list[Request]] = {}
        for request in requests:
            by_sampling.setdefault(request.sampling, []).append(request)
        for group in by_sampling.values():
            tokens = {text: len(self._tokens(text)) for text in {request.prompt for request in group}}
            longest = max(group, key=lambda request: tokens[request.prompt])
            if tokens[longest.prompt] >= self.context:
                raise StageError(
                    f"the prompt of problem {longest.problem_id} has {tokens[longest.prompt]:,} tokens; "
                    f"the model's context is {self.context:,}"
                )
            order = sorted(group, key=lambda request: (tokens[request.prompt], request.problem_id, request.rollout))
            for start in range(0, len(order), self.config.batch_size):
                yield order[start : start + self.config.batch_size]

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=not self.tokenizer.chat_template)["input_ids"]
        return ids

    @torch.inference_mode()
    def _decode(self, batch: list[Request], sampling: Sampling) -> list[Output]:
        tokens = {request.prompt: self._tokens(request.prompt) for request in batch}
        distinct = list(dict.fromkeys(request.prompt for request in batch))
        logits, cache, mask = self._prefill([tokens[prompt] for prompt in distinct])
        rows = torch.tensor([distinct.index(request.prompt) for request in batch], device=self.device)
        logits, mask = logits[rows], mask[rows]
        cache.batch_select_indices(rows)

        draws = np.stack([_stream(request.seed, sampling.max_tokens) for request in batch])
        written: list[list[int]] = [[] for _ in batch]
        reasons: dict[int, Any] = {}
        alive = list(range(len(batch)))  # the batch's index of each row still in the cache
        for step in range(sampling.max_tokens):
            chosen = _draw(logits, sampling, draws[alive, step])
            for row, token in zip(alive, chosen.tolist(), strict=True):
                if row in reasons:
                    continue
                if token in self.ends:
                    reasons[row] = "stop"
                    continue
                written[row].append(token)
                if sampling.stop and self._stopped(written[row], sampling.stop):
                    reasons[row] = "stop"
                elif len(tokens[batch[row].prompt]) + len(written[row]) >= self.context:
                    reasons[row] = "length"
            live = [place for place, row in enumerate(alive) if row not in reasons]
            if not live or step == sampling.max_tokens - 1:
                break
            if len(live) <= 0.75 * len(alive):
                keep = torch.tensor(live, device=self.device)
                cache.batch_select_indices(keep)
                mask, chosen, alive = mask[keep], chosen[keep], [alive[place] for place in live]
            mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
            logits = self._forward(chosen[:, None], mask, cache)
        return [
            self._output(request, written[row], reasons.get(row, "length"), len(tokens[request.prompt]), sampling)
            for row, request in enumerate(batch)
        ]

    def _prefill(self, prompts: list[list[int]]) -> tuple[torch.Tensor, DynamicCache, torch.Tensor]:
        """Logits after each prompt, with the cache: the shared beginning once, then the rest side by side."""
        shared = _shared(prompts)
        cache = roomy(self.model.config)
        if shared:
            head = torch.tensor([prompts[0][:shared]], device=self.device)
            self._forward(head, torch.ones_like(head), cache)
            cache.batch_repeat_interleave(len(prompts))
        rest = [prompt[shared:] for prompt in prompts]
        width = max(map(len, rest))
        ids = torch.zeros(len(rest), width, dtype=torch.long, device=self.device)
        mask = torch.zeros(len(rest), shared + width, dtype=torch.long, device=self.device)
        mask[:, :shared] = 1
        for row, tail in enumerate(rest):
            ids[row, width - len(tail) :] = torch.tensor(tail)
            mask[row, shared + width - len(tail) :] = 1
        return self._forward(ids, mask, cache), cache, mask

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
        """The last position's logits, (rows, vocabulary) float32."""
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        last: torch.Tensor = out.logits[:, -1].float()
        return last

    def _stopped(self, written: list[int], stops: Sequence[str]) -> bool:
        tail = self.tokenizer.decode(written[-(max(map(len, stops)) + 8) :])
        return any(stop in tail for stop in stops)

    def _output(self, request: Request, ids: list[int], reason: Any, prompt: int, sampling: Sampling) -> Output:
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        cuts = [text.index(stop) for stop in sampling.stop if stop in text]
        text = text[: min(cuts)] if cuts else text
        return Output(request.key, text, reason, prompt_tokens=prompt, completion_tokens=len(ids))


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _stream(seed: int, length: int) -> np.ndarray:
    """The uniform draws of one rollout, one a token, the same on every machine and in every batch."""
    return np.random.Generator(np.random.Philox(key=seed)).random(length)


def _shared(prompts: list[list[int]]) -> int:
    """How many first tokens all prompts have in common, leaving each at least one of its own."""
    if len(prompts) == 1:
        return 0
    low, high = min(prompts), max(prompts)
    common = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return min(common, min(map(len, prompts)) - 1)


def _draw(logits: torch.Tensor, sampling: Sampling, draws: np.ndarray) -> torch.Tensor:
    """A token per row: the smallest nucleus of mass top_p, cut at the row's uniform draw."""
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probabilities = torch.softmax(logits / sampling.temperature, -1)
    size = min(NUCLEUS, probabilities.shape[-1])
    mass, order = probabilities.topk(size, -1)
    if sampling.top_p >= 1 or (mass.sum(-1) < sampling.top_p).any():
        mass, order = probabilities.sort(-1, descending=True)
    before = mass.cumsum(-1) - mass
    mass = mass.masked_fill(before >= sampling.top_p, 0.0)
    ends = mass.cumsum(-1)
    aims = torch.as_tensor(draws, device=logits.device, dtype=ends.dtype)[:, None] * ends[:, -1:]
    place = (ends <= aims).sum(-1, keepdim=True)
    last = (mass > 0).sum(-1, keepdim=True) - 1
    return order.gather(-1, torch.minimum(place, last)).squeeze(-1)
