"""The transformers engine beside transformers' own `generate`: the same model, prompts, sampling and batches, in turn.

    python benchmarks/transformers_engine.py [--problems 32] [--group-size 4] [--rounds 3]

Prints generated tokens per second of each round and the ratio of the medians. Texts differ between the two, since the
random streams do; a token counts when it is before the end-of-text token.
"""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path

import click
import torch

from datafactory.chat import fill, turns
from datafactory.engines import Request, Sampling
from datafactory.engines._decoding import Decoder
from datafactory.engines.transformers import Config
from datafactory.models import DEFAULT, weights_at
from datafactory.rollouts import rollout_seed
from datafactory.sources import rows_of

RECIPES = Path(__file__).parents[1] / "recipes"


@click.command()
@click.option("--problems", default=32)
@click.option("--group-size", default=4)
@click.option("--rounds", default=3)
@click.option("--batch-size", default=64)
@click.option("--max-tokens", default=96)
def main(problems: int, group_size: int, rounds: int, batch_size: int, max_tokens: int) -> None:
    decoder = Decoder(Config(batch_size=batch_size), weights_at(DEFAULT, Path()).fetch())
    sampling = Sampling(temperature=0.7, top_p=0.95, max_tokens=max_tokens)
    requests = asked(decoder, problems, group_size)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(
            rate(lambda: sum(o.completion_tokens or 0 for b in decoder.generate(requests, sampling) for o in b))
        )
        theirs.append(rate(lambda: plain(decoder, requests, sampling, batch_size)))
        print(f"ours {ours[-1]:.0f} tokens/s, generate {theirs[-1]:.0f} tokens/s")
    print(f"ratio of the medians: {statistics.median(ours) / statistics.median(theirs):.2f}")


def asked(decoder: Decoder, problems: int, group_size: int) -> list[Request]:
    """Rollouts of the quickstart's kind: a think prompt after worked examples."""
    template = (RECIPES / "prompts/think.txt").read_text()
    examples = []
    for _, row in rows_of(RECIPES / "prompts/arithmetic_examples.jsonl"):
        examples.append({"role": "user", "content": fill(template, {"question": row["question"]})})
        examples.append({"role": "assistant", "content": row["response"]})
    stream = random.Random(0)
    requests = []
    for number in range(problems):
        terms = " + ".join(str(stream.randint(1, 9)) for _ in range(stream.randint(2, 5)))
        question = f"Calculate {terms}."
        messages = turns(None, examples, fill(template, {"question": question}))
        prompt = decoder.render(messages, "")
        for rollout in range(group_size):
            seed = rollout_seed(0, str(number), rollout)
            requests.append(
                Request(f"{number}-{rollout}", str(number), question, rollout, tuple(messages), "", prompt, seed)
            )
    return requests


def rate(run) -> float:
    start = time.perf_counter()
    return run() / (time.perf_counter() - start)


@torch.inference_mode()
def plain(decoder: Decoder, requests: list[Request], sampling: Sampling, batch_size: int) -> int:
    """Tokens that `generate` makes of the same prompts in left-padded batches sorted by length."""
    tokenizer, model = decoder.tokenizer, decoder.model
    order = sorted(requests, key=lambda request: len(request.prompt))
    count = 0
    for start in range(0, len(order), batch_size):
        prompts = [request.prompt for request in order[start : start + batch_size]]
        batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        made = model.generate(
            **batch,
            do_sample=True,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=0,
            max_new_tokens=sampling.max_tokens,
            pad_token_id=tokenizer.pad_token_id,
        )
        for row in made[:, batch["input_ids"].shape[1] :].tolist():
            count += next((at for at, token in enumerate(row) if token in decoder.ends), len(row))
    return count


if __name__ == "__main__":
    main()
