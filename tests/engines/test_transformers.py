"""The transformers engine on a tiny model, against transformers' own generation and plain forward passes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from datafactory.engines import Output, Request, Sampling
from datafactory.engines._decoding import Decoder, _draw, _shared
from datafactory.engines.transformers import Config, start
from datafactory.errors import StageError
from datafactory.rollouts import rollout_seed
from tests.tiny import tiny_model

QUESTIONS = ["What is 3 and 4?", "Is the sum of 12 and 30 more than 40, and what is it?", "7?", "What is the answer?"]


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / request.param, request.param)


def engine(folder: Path, batch_size: int = 64) -> Decoder:
    found = start(Config(device="cpu", batch_size=batch_size), str(folder))
    assert isinstance(found, Decoder)
    return found


def requests(engine: Decoder, questions: list[str], group_size: int = 1, seed: int = 0) -> list[Request]:
    made = []
    for question in questions:
        messages = ({"role": "system", "content": "Think and answer."}, {"role": "user", "content": question})
        prompt = engine.render(messages, "")
        for rollout in range(group_size):
            own = rollout_seed(seed, question, rollout)
            made.append(Request(f"{question}/{rollout}", question, question, rollout, messages, "", prompt, own))
    return made


def outputs(batches: Iterable[list[Output]]) -> dict[str, Output]:
    return {output.key: output for batch in batches for output in batch}


def test_temperature_zero_is_the_greedy_text_of_transformers_own_generate(folder: Path):
    decoder = engine(folder)
    asked = requests(decoder, QUESTIONS, group_size=2)
    found = outputs(decoder.generate(asked, Sampling(temperature=0, max_tokens=24)))
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    prompts = [request.prompt for request in asked]
    batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    assert (batch["attention_mask"] == 0).any()
    made = model.generate(**batch, do_sample=False, max_new_tokens=24)[:, batch["input_ids"].shape[1] :]
    for request, ids in zip(asked, made, strict=True):
        output = found[request.key]
        assert output.text == tokenizer.decode(ids, skip_special_tokens=True)
        assert output.prompt_tokens == len(tokenizer(request.prompt, add_special_tokens=False)["input_ids"])


def test_what_a_rollout_says_does_not_depend_on_which_others_are_owed(folder: Path):
    decoder = engine(folder, batch_size=5)
    decoder.ends |= set(range(100, 130))  # so that rows leave the batch, each at a step of its own
    asked = requests(decoder, QUESTIONS, group_size=3)
    sampling = Sampling(temperature=1, top_p=0.9, max_tokens=20)
    whole = outputs(decoder.generate(asked, sampling))
    assert set(whole) == {request.key for request in asked}
    assert len({output.completion_tokens for output in whole.values()}) > 3
    for kept in (lambda at: at % 2, lambda at: at % 3 == 0, lambda at: at == 7):
        some = [replace(request, owed=bool(kept(at))) for at, request in enumerate(asked)]
        part = outputs(decoder.generate(some, sampling))
        assert set(part) == {request.key for request in some if request.owed}
        assert all(whole[key] == output for key, output in part.items())


def test_each_rollout_has_a_stream_of_its_own(folder: Path):
    decoder = engine(folder)
    sampling = Sampling(temperature=1, top_p=1, max_tokens=16)
    group = outputs(decoder.generate(requests(decoder, QUESTIONS[:1], group_size=6), sampling))
    again = outputs(decoder.generate(requests(decoder, QUESTIONS[:1], group_size=6), sampling))
    other = outputs(decoder.generate(requests(decoder, QUESTIONS[:1], group_size=6, seed=1), sampling))
    assert len({output.text for output in group.values()}) == 6
    assert group == again
    assert not {output.text for output in group.values()} & {output.text for output in other.values()}


def test_a_rollout_ends_at_any_end_token_or_at_max_tokens(folder: Path, tmp_path: Path):
    decoder = engine(folder)
    asked = requests(decoder, QUESTIONS)
    free = outputs(decoder.generate(asked, Sampling(temperature=0, max_tokens=24)))
    assert {output.finish_reason for output in free.values()} == {"length"}
    assert {output.completion_tokens for output in free.values()} == {24}

    tokenizer, model = decoder.tokenizer, decoder.model
    ids = model.generate(**tokenizer(asked[0].prompt, return_tensors="pt"), do_sample=False, max_new_tokens=24)
    ids = ids[0, free[asked[0].key].prompt_tokens :].tolist()
    end = ids[9]
    tokenizer.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "generation_config.json").read_text())
    settings["eos_token_id"] = [tokenizer.eos_token_id, end]
    (tmp_path / "generation_config.json").write_text(json.dumps(settings))
    ended = outputs(engine(tmp_path).generate(asked, Sampling(temperature=0, max_tokens=24)))[asked[0].key]
    assert ended.finish_reason == "stop"
    assert ended.completion_tokens == ids.index(end)
    assert ended.text == tokenizer.decode(ids[: ids.index(end)], skip_special_tokens=True)


def test_a_stop_text_ends_a_completion_and_is_not_part_of_it(folder: Path):
    decoder = engine(folder)
    asked = requests(decoder, QUESTIONS)
    free = outputs(decoder.generate(asked, Sampling(temperature=0, max_tokens=24)))
    text = free[asked[1].key].text
    stop = text[8:11]
    cut = outputs(decoder.generate(asked, Sampling(temperature=0, max_tokens=24, stop=(stop, "never this"))))
    assert cut[asked[1].key].text == text[: text.index(stop)]
    assert cut[asked[1].key].finish_reason == "stop"
    for request in asked:
        assert stop not in cut[request.key].text
        assert free[request.key].text.startswith(cut[request.key].text)


def test_prompts_computed_together_are_those_computed_alone(folder: Path):
    decoder = engine(folder)
    prompts = [decoder._tokens(request.prompt) for request in requests(decoder, QUESTIONS)]
    assert _shared(prompts) > 10 and len({len(prompt) for prompt in prompts}) > 2
    for batch in (prompts, prompts[:1], [prompts[0], prompts[0][:-3]], [[5, 6, 7], [8, 9]]):
        with torch.inference_mode():
            together, cache, mask = decoder._prefill(batch)
            alone = torch.cat([decoder.model(torch.tensor([prompt])).logits[:, -1] for prompt in batch])
        torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
        assert mask.sum(1).tolist() == [len(prompt) for prompt in batch]
        assert cache.get_seq_length() == mask.shape[1]


def test_shared_leaves_each_prompt_a_token_of_its_own():
    assert _shared([[1, 2, 3]]) == 0
    assert _shared([[1, 2, 3], [1, 2, 4], [1, 2, 3, 4]]) == 2
    assert _shared([[1, 2], [1, 2, 3]]) == 1
    assert _shared([[1], [2]]) == 0


def test_top_p_draws_the_tokens_of_the_nucleus_in_proportion():
    probabilities = torch.tensor([0.05, 0.4, 0.1, 0.3, 0.15])
    draws = (np.arange(4000) + 0.5) / 4000
    for top_p, nucleus in ((0.5, {1, 3}), (0.4, {1}), (0.75, {1, 3, 4}), (1.0, {0, 1, 2, 3, 4}), (0.01, {1})):
        logits = probabilities.log().repeat(len(draws), 1)
        counted = Counter(_draw(logits, Sampling(temperature=1, top_p=top_p), draws).tolist())
        assert set(counted) == nucleus
        mass = sum(probabilities[token].item() for token in nucleus)
        for token in nucleus:
            assert counted[token] / len(draws) == pytest.approx(probabilities[token].item() / mass, abs=1e-3)


def test_a_nucleus_wider_than_the_search_is_still_whole():
    logits = torch.zeros(2, 2000)
    drawn = {
        token
        for start in range(1000)
        for token in _draw(logits, Sampling(temperature=1, top_p=0.9), np.array([start, start + 0.5]) / 1000).tolist()
    }
    assert len(drawn) == pytest.approx(1800, abs=2)


def test_temperature_sharpens():
    logits = torch.tensor([[2.0, 1.0, 0.0]])
    draws = (np.arange(3000) + 0.5) / 3000
    for temperature in (0.5, 1.0, 2.0):
        counted = Counter(_draw(logits.repeat(3000, 1), Sampling(temperature=temperature, top_p=1), draws).tolist())
        expected = torch.softmax(logits[0] / temperature, 0)
        assert [counted[token] / 3000 for token in range(3)] == pytest.approx(expected.tolist(), abs=1e-3)


def test_a_model_without_a_template_gets_plain_turns(tmp_path: Path):
    (tiny_model(tmp_path, "qwen2") / "chat_template.jinja").unlink()
    decoder = engine(tmp_path)
    turns = [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]
    assert decoder.render(turns, "<think>") == "S\n\nQ\n<think>"


def test_a_template_that_opens_the_thinking_is_not_opened_twice(tmp_path: Path):
    template = tiny_model(tmp_path, "qwen2") / "chat_template.jinja"
    turns = [{"role": "user", "content": "Q"}]
    assert engine(tmp_path).render(turns, "<think>\n").endswith("<|im_start|>assistant\n<think>\n")
    template.write_text(template.read_text().replace("<|im_start|>assistant\n{%", "<|im_start|>assistant\n<think>\n{%"))
    assert engine(tmp_path).render(turns, "<think>\n").endswith("<|im_start|>assistant\n<think>\n")
    assert engine(tmp_path).render(turns, "<think>\n").count("<think>") == 1


def test_a_completion_ends_where_the_context_does_and_a_longer_prompt_is_refused(folder: Path):
    decoder = engine(folder)
    asked = requests(decoder, QUESTIONS)
    held = {request.key: len(decoder._tokens(request.prompt)) for request in asked}
    decoder.context = max(held.values()) + 5
    found = outputs(decoder.generate(asked, Sampling(temperature=1, top_p=1, max_tokens=400)))
    assert "length" in {output.finish_reason for output in found.values()}
    for key, output in found.items():
        room = decoder.context - held[key]
        assert output.completion_tokens == room if output.finish_reason == "length" else output.completion_tokens < room
    decoder.context = max(held.values())
    with pytest.raises(StageError, match="the model's context is"):
        list(decoder.generate(asked, Sampling(max_tokens=4)))
