"""The vllm engine beside vllm.LLM.generate: the same prompts, in turn, in one run; prints the ratio of tokens a second.

    .venv-vllm/bin/python benchmarks/vllm_engine.py
    python benchmarks/vllm_engine.py --model Qwen/Qwen2.5-7B-Instruct --requests 4096 --max-tokens 512

Both are loaded with the same settings and stay loaded; each gives every prompt a text of the same length. On a CPU both
are in memory at once; where one GPU is to hold both, give each less than half of it (--memory 0.4).
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

from datafactory.engines import Request, Sampling
from datafactory.engines.vllm import Config, start
from datafactory.feed import Feed
from datafactory.models import DEFAULT, weights_at


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", default=DEFAULT)
    options.add_argument("--requests", type=int, default=256)
    options.add_argument("--max-tokens", type=int, default=64)
    options.add_argument("--group", type=int, default=4, help="rollouts of a prompt")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--memory", type=float, help="gpu_memory_utilization of each")
    given = options.parse_args()
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "4")
    weights = weights_at(given.model, Path()).fetch()
    length = {"max_model_len": 2048}
    config = Config(**length, gpu_memory_utilization=given.memory, data_parallel_size=1)
    ours = start(config, weights)

    from vllm import LLM, SamplingParams

    setup = ours.setup.arguments  # type: ignore[attr-defined]
    raw = LLM(**setup, disable_log_stats=True)
    sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=given.max_tokens)
    params = SamplingParams(temperature=0.8, top_p=0.95, max_tokens=given.max_tokens)

    requests = []
    for number in range(given.requests):
        messages = ({"role": "user", "content": f"Tell me a long story about the number {number // given.group}."},)
        prompt = ours.render(messages, "")
        requests.append(Request(str(number), "", "", number, messages, "", prompt, sampling, number))
    prompts = [request.prompt for request in requests]

    def by_engine() -> float:
        feed = Feed()
        feed.put(requests)
        feed.close()
        begun = time.perf_counter()
        tokens = sum(output.completion_tokens or 0 for batch in ours.generate(feed) for output in batch)
        return tokens / (time.perf_counter() - begun)

    def by_vllm() -> float:
        begun = time.perf_counter()
        found = raw.generate(prompts, params, use_tqdm=False)
        return sum(len(output.outputs[0].token_ids) for output in found) / (time.perf_counter() - begun)

    ratios = []
    by_engine(), by_vllm()  # the first of each warms up
    for number in range(given.rounds):
        # which goes first changes: what the machine does beside it drifts
        first, second = (by_engine, by_vllm) if number % 2 else (by_vllm, by_engine)
        speed = {first: first()}
        speed[second] = second()
        ratios.append(speed[by_engine] / speed[by_vllm])
        print(f"round {number + 1}: engine / vllm.LLM = {ratios[-1]:.3f}", flush=True)
    print(f"median of {given.rounds}: {statistics.median(ratios):.3f}")
    ours.close()


if __name__ == "__main__":
    main()
