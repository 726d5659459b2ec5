"""The transformers engine beside transformers' own ways to generate: the same model, prompts and sampling, in turn.

    python benchmarks/transformers_engine.py [--problems 32] [--group-size 4] [--rounds 3] [--with NAME ...]

    ours         the engine as it is
    ours-plain   the engine, where a common beginning is not attended to once for all
    ours-64      the engine in batches of 64
    ours-float32 the engine with float32 weights
    generate     `model.generate` in left-padded batches of 64, sorted by length
    continuous   `model.generate_batch`, transformers' continuous batching

Prints generated tokens per second of CPU time and of wall time in each round, and the ratios of the CPU times' medians
to that of `generate`. On a machine that others use too, CPU time says more. Texts differ between ours and theirs,
since the random streams do; a token counts when it is before the end-of-text token.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import torch
from transformers import GenerationConfig

from datafactory.chat import fill, turns
from datafactory.engines import Request, Sampling
from datafactory.engines._decoding import Decoder
from datafactory.engines.transformers import Config
from datafactory.feed import Feed
from datafactory.models import DEFAULT, weights_at
from datafactory.rollouts import rollout_seed
from datafactory.sources import rows_of

RECIPES = Path(__file__).parents[1] / "recipes"
WAYS = ("ours", "ours-plain", "ours-64", "ours-float32", "generate", "continuous")


@click.command()
@click.option("--problems", default=32)
@click.option("--group-size", default=4)
@click.option("--rounds", default=3)
@click.option("--max-tokens", default=96)
@click.option("--threads", default=0, help="Of torch; its own choice by default.")
@click.option("--examples/--no-examples", default=True, help="Whether the prompts begin with worked examples.")
@click.option("--with", "ways", type=click.Choice(WAYS), multiple=True, default=("ours", "generate"))
def main(
    problems: int, group_size: int, rounds: int, max_tokens: int, threads: int, examples: bool, ways: tuple[str, ...]
) -> None:
    if threads:
        torch.set_num_threads(threads)
    weights = weights_at(DEFAULT, Path()).fetch()
    decoders = {
        way: Decoder(Config(**settings), weights)
        for way, settings in (("ours", {}), ("ours-64", {"batch_size": 64}), ("ours-float32", {"dtype": "float32"}))
        if way in ways or way == "ours"
    }
    if "ours-plain" in ways:
        decoders["ours-plain"] = Decoder(Config(), weights)
        decoders["ours-plain"].prefixed = False
    sampling = Sampling(temperature=0.7, top_p=0.95, max_tokens=max_tokens)
    requests = asked(decoders["ours"], sampling, problems, group_size, examples)
    runs: dict[str, Callable[[], int]] = {way: partial(decoded, decoders[way], requests) for way in decoders}
    plain = Decoder(Config(), weights)  # with transformers' own attention
    plain.model.set_attn_implementation("sdpa")
    runs |= {"generate": partial(static, plain, requests, 64), "continuous": partial(continuous, plain, requests)}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            tokens, processor, wall = measured(runs[way])
            rates[way].append(tokens / processor)
            print(f"{way}: {tokens} tokens, {tokens / processor:.1f} a CPU second, {tokens / wall:.1f} a second")
    if "generate" in ways:
        base = statistics.median(rates["generate"])
        print(*(f"{way} / generate: {statistics.median(found) / base:.2f}" for way, found in rates.items()), sep="\n")


def asked(decoder: Decoder, sampling: Sampling, problems: int, group_size: int, examples: bool) -> list[Request]:
    """Rollouts of the quickstart's kind: a think prompt, after worked examples."""
    template = (RECIPES / "prompts/think.txt").read_text()
    worked = []
    for _, row in rows_of(RECIPES / "prompts/arithmetic_examples.jsonl") if examples else ():
        worked.append({"role": "user", "content": fill(template, {"question": row["question"]})})
        worked.append({"role": "assistant", "content": row["response"]})
    stream = random.Random(0)
    requests = []
    for number in range(problems):
        terms = " + ".join(str(stream.randint(1, 9)) for _ in range(stream.randint(2, 5)))
        question = f"Calculate {terms}."
        messages = tuple(turns(None, worked, fill(template, {"question": question})))
        prompt = decoder.render(messages, "")
        for rollout in range(group_size):
            seed = rollout_seed(0, str(number), rollout)
            key = f"{number}-{rollout}"
            requests.append(Request(key, str(number), question, rollout, messages, "", prompt, sampling, seed))
    return requests


def measured(run: Callable[[], int]) -> tuple[int, float, float]:
    """Tokens, seconds of CPU time, seconds."""
    before, start = os.times(), time.perf_counter()
    tokens = run()
    after = os.times()
    return tokens, after.user + after.system - before.user - before.system, time.perf_counter() - start


def decoded(decoder: Decoder, requests: list[Request]) -> int:
    feed = Feed()
    feed.put(requests)
    feed.close()
    return sum(output.completion_tokens or 0 for batch in decoder.generate(feed) for output in batch)


def settings(decoder: Decoder, sampling: Sampling) -> dict[str, object]:
    return {
        "do_sample": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": 0,
        "max_new_tokens": sampling.max_tokens,
        "eos_token_id": sorted(decoder.ends),
        "pad_token_id": decoder.tokenizer.pad_token_id,
    }


@torch.inference_mode()
def static(decoder: Decoder, requests: list[Request], batch_size: int) -> int:
    tokenizer, model = decoder.tokenizer, decoder.model
    order = sorted(requests, key=lambda request: len(request.prompt))
    count = 0
    for start in range(0, len(order), batch_size):
        prompts = [request.prompt for request in order[start : start + batch_size]]
        batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        made = model.generate(**batch, **settings(decoder, requests[0].sampling))
        for row in made[:, batch["input_ids"].shape[1] :].tolist():
            count += next((at for at, token in enumerate(row) if token in decoder.ends), len(row))
    return count


def continuous(decoder: Decoder, requests: list[Request]) -> int:
    inputs = [decoder.template.tokens(request.prompt, request.messages) for request in requests]
    config = GenerationConfig(**settings(decoder, requests[0].sampling))
    made = decoder.model.generate_batch(inputs=inputs, generation_config=config, progress_bar=False)
    return sum(
        sum(token not in decoder.ends for token in one.generated_tokens)
        for one in (made.values() if isinstance(made, dict) else made)
    )


if __name__ == "__main__":
    main()
