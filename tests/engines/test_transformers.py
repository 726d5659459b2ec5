"""The transformers engine on a tiny model, against transformers' own generation and plain forward passes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from datafactory.budget import Budget, Purse
from datafactory.engines import Output, Request, Sampling
from datafactory.engines._decoding import Decoder, _shared
from datafactory.engines.transformers import Config, renderer, start
from datafactory.errors import StageError
from datafactory.feed import Feed
from datafactory.rollouts import rollout_seed
from tests.tiny import tiny_model

GREEDY = Sampling(temperature=0, max_tokens=24)
QUESTIONS = ["What is 3 and 4?", "Is the sum of 12 and 30 more than 40, and what is it?", "7?", "What is the answer?"]


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / request.param, request.param)


def engine(folder: Path, batch_size: int = 64) -> Decoder:
    found = start(Config(device="cpu", batch_size=batch_size), str(folder))
    assert isinstance(found, Decoder)
    return found


def requests(
    engine: Decoder, questions: list[str], sampling: Sampling | None = None, group_size: int = 1, seed: int = 0
) -> list[Request]:
    made = []
    for question in questions:
        messages = ({"role": "system", "content": "Think and answer."}, {"role": "user", "content": question})
        prompt = engine.render(messages, "")
        for rollout in range(group_size):
            own = rollout_seed(seed, question, rollout)
            key = f"{question}/{rollout}"
            made.append(Request(key, question, question, rollout, messages, "", prompt, sampling or GREEDY, own))
    return made


def decoded(decoder: Decoder, *chunks: list[Request], purse: Purse | None = None) -> dict[str, Output]:
    """The outputs of these chunks under their keys; each comes once."""
    feed = Feed(purse)
    for chunk in chunks:
        feed.put(chunk)
    feed.close()
    found = [output for batch in decoder.generate(feed) for output in batch]
    assert len({output.key for output in found}) == len(found)
    return {output.key: output for output in found}


def test_temperature_zero_is_the_greedy_text_of_transformers_own_generate(folder: Path):
    decoder = engine(folder)
    asked = requests(decoder, QUESTIONS, group_size=2)
    found = decoded(decoder, asked)
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
    asked = requests(decoder, QUESTIONS, Sampling(temperature=1, top_p=0.9, max_tokens=20), group_size=3)
    whole = decoded(decoder, asked)
    assert set(whole) == {request.key for request in asked}
    assert len({output.completion_tokens for output in whole.values()}) > 3
    for kept in (lambda at: at % 2, lambda at: at % 3 == 0, lambda at: at == 7):
        some = [replace(request, owed=bool(kept(at))) for at, request in enumerate(asked)]
        part = decoded(decoder, some)
        assert set(part) == {request.key for request in some if request.owed}
        assert all(whole[key] == output for key, output in part.items())


def test_each_rollout_has_a_stream_of_its_own(folder: Path):
    decoder = engine(folder)
    sampling = Sampling(temperature=1, top_p=1, max_tokens=16)
    group = decoded(decoder, requests(decoder, QUESTIONS[:1], sampling, group_size=6))
    again = decoded(decoder, requests(decoder, QUESTIONS[:1], sampling, group_size=6))
    other = decoded(decoder, requests(decoder, QUESTIONS[:1], sampling, group_size=6, seed=1))
    assert len({output.text for output in group.values()}) == 6
    assert group == again
    assert not {output.text for output in group.values()} & {output.text for output in other.values()}


def test_a_rollout_ends_at_any_end_token_or_at_max_tokens(folder: Path, tmp_path: Path):
    decoder = engine(folder)
    asked = requests(decoder, QUESTIONS)
    free = decoded(decoder, asked)
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
    ended = decoded(engine(tmp_path), asked)[asked[0].key]
    assert ended.finish_reason == "stop"
    assert ended.completion_tokens == ids.index(end)
    assert ended.text == tokenizer.decode(ids[: ids.index(end)], skip_special_tokens=True)


def test_a_stop_text_ends_a_completion_and_is_not_part_of_it(folder: Path):
    decoder = engine(folder)
    asked = requests(decoder, QUESTIONS)
    free = decoded(decoder, asked)
    pairs = {request.key: re.findall("(?=([!-~ ]{2}))", free[request.key].text) for request in asked}
    one = next(key for key, found in pairs.items() if len(found) > 1)
    text, stop = free[one].text, pairs[one][-1]
    stopping = GREEDY.model_copy(update={"stop": ("never this", stop)})
    cut = decoded(decoder, [replace(request, sampling=stopping) for request in asked])
    assert cut[one].text == text[: text.index(stop)]
    assert (cut[one].finish_reason, cut[one].stop) == ("stop", stop)
    for request in asked:
        assert stop not in cut[request.key].text
        assert free[request.key].text.startswith(cut[request.key].text)
        assert (cut[request.key].stop is None) == (stop not in free[request.key].text)


def test_prompts_computed_together_are_those_computed_alone(folder: Path):
    decoder = engine(folder)
    prompts = [decoder.tokenizer(request.prompt)["input_ids"] for request in requests(decoder, QUESTIONS)]
    assert _shared([tuple(prompt) for prompt in prompts]) > 10 and len({len(prompt) for prompt in prompts}) > 2
    for batch in (prompts, prompts[:1], [prompts[0], prompts[0][:-3]], [[5, 6, 7], [8, 9]]):
        with torch.inference_mode():
            together, context = decoder._prefill(batch)
            alone = torch.cat([decoder.model(torch.tensor([prompt])).logits[:, -1] for prompt in batch])
        torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
        assert context.mask.sum(1).tolist() == [len(prompt) for prompt in batch]
        assert context.cache.get_seq_length() == context.mask.shape[1]


def test_a_common_beginning_that_is_attended_to_apart_gives_the_same_steps(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("datafactory.engines._decoding.SHARED", 8)
    decoder = engine(folder)
    assert decoder.prefixed
    prompts = [decoder.tokenizer(request.prompt)["input_ids"] for request in requests(decoder, QUESTIONS)]
    with torch.inference_mode():
        logits, context = decoder._prefill(prompts)
        assert context.prefixes and context.before == _shared([tuple(prompt) for prompt in prompts])
        assert context.cache.get_seq_length() == max(map(len, prompts)) - context.before
        for step in range(5):
            if step == 3:
                context.keep(torch.tensor([3, 0]))
                prompts = [prompts[3], prompts[0]]
            token = 40 + step
            logits = decoder._forward(torch.full((len(prompts), 1), token), context.longer())
            prompts = [[*prompt, token] for prompt in prompts]
            alone = torch.cat([decoder.model(torch.tensor([prompt])).logits[:, -1] for prompt in prompts])
            torch.testing.assert_close(logits, alone, atol=1e-4, rtol=1e-4)


def test_a_model_whose_attention_takes_no_prefix_goes_without(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datafactory.engines._prefix_attention.OTHERS", ("scaling",))
    without = engine(folder)
    assert not without.prefixed and without.model.config._attn_implementation == "sdpa"
    monkeypatch.undo()
    asked = requests(without, QUESTIONS)
    assert decoded(without, asked) == decoded(engine(folder), asked)


def test_shared_leaves_each_prompt_a_token_of_its_own():
    assert _shared([(1, 2, 3)]) == 0
    assert _shared([(1, 2, 3), (1, 2, 4), (1, 2, 3, 4)]) == 2
    assert _shared([(1, 2), (1, 2, 3)]) == 1
    assert _shared([(1,), (2,)]) == 0


def test_a_completion_ends_where_the_context_does(folder: Path):
    decoder = engine(folder)
    asked = requests(decoder, QUESTIONS, Sampling(temperature=1, top_p=1, max_tokens=400))
    held = {request.key: len(decoder.tokenizer(request.prompt)["input_ids"]) for request in asked}
    decoder.context = max(held.values()) + 5
    found = decoded(decoder, asked)
    assert "length" in {output.finish_reason for output in found.values()}
    for key, output in found.items():
        room = decoder.context - held[key]
        assert output.completion_tokens == room if output.finish_reason == "length" else output.completion_tokens < room


def test_a_prompt_without_room_is_an_error_of_its_own_and_changes_no_other(folder: Path):
    decoder = engine(folder, batch_size=3)
    sampling = Sampling(temperature=1, max_tokens=12)
    asked = requests(decoder, QUESTIONS, sampling, group_size=2)
    alone = decoded(decoder, asked)
    long = requests(decoder, ["why " * 600], sampling, group_size=2)
    empty = replace(long[0], key="empty", messages=(), prompt="")
    tokens = len(decoder.tokenizer(long[0].prompt)["input_ids"])
    found = decoded(decoder, [*asked[:3], *long, empty, *asked[3:]])
    assert {request.key: found.pop(request.key).error for request in [*long, empty]} == {
        long[0].key: f"the prompt has {tokens:,} tokens; the model's context is 512",
        long[1].key: f"the prompt has {tokens:,} tokens; the model's context is 512",
        "empty": "the prompt is empty",
    }
    assert found == alone
    one = decoded(decoder, [replace(long[0], owed=False), long[1]])
    assert set(one) == {long[1].key} and one[long[1].key].finish_reason == "error"


def test_requests_of_other_lengths_and_stop_texts_are_one_batch_and_keep_their_own(folder: Path):
    decoder = engine(folder)
    sizes = []
    prefill = decoder._prefill
    decoder._prefill = lambda prompts: (sizes.append(len(prompts)), prefill(prompts))[1]  # type: ignore[method-assign]
    asked = requests(decoder, QUESTIONS, group_size=2)
    free = decoded(decoder, asked)
    stop = re.findall("[!-~ ]{2}", free[asked[5].key].text)[0]
    own = [GREEDY.model_copy(update={"max_tokens": 3 + at, "stop": (stop,) if at > 4 else ()}) for at in range(8)]
    found = decoded(decoder, [replace(request, sampling=one) for request, one in zip(asked, own, strict=True)])
    assert sizes == [8, 8]
    for at, request in enumerate(asked):
        output = found[request.key]
        assert free[request.key].text.startswith(output.text)
        if at <= 4 or output.stop is None:
            assert (output.finish_reason, output.completion_tokens) == ("length", 3 + at)
    assert found[asked[5].key].stop == stop
    other = [replace(asked[0], sampling=Sampling(temperature=1, max_tokens=4)), *asked[1:]]
    decoded(decoder, other)
    assert sorted(sizes[2:]) == [1, 7]


def test_a_raw_prompt_is_continued_as_plain_text_with_the_tokens_it_begins_with(folder: Path):
    from tokenizers.processors import TemplateProcessing

    decoder = engine(folder)
    mark, number = "<|endoftext|>", decoder.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    decoder.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{mark} $A", special_tokens=[(mark, number)]
    )
    chat = requests(decoder, QUESTIONS[:1])[0]
    raw = replace(chat, key="raw", messages=(), prompt="The answer is")
    found = decoded(decoder, [chat, raw])
    bare = decoder.tokenizer("The answer is", add_special_tokens=False)["input_ids"]
    assert found["raw"].prompt_tokens == len(bare) + 1
    whole = torch.tensor([[number, *bare]])
    ids = decoder.model.generate(whole, attention_mask=torch.ones_like(whole), do_sample=False, max_new_tokens=24)
    assert found["raw"].text == decoder.tokenizer.decode(ids[0, len(bare) + 1 :], skip_special_tokens=True)
    assert found[chat.key].prompt_tokens == len(decoder.tokenizer(chat.prompt, add_special_tokens=False)["input_ids"])


def test_it_says_at_once_that_it_has_nothing_to_do_and_takes_what_comes_later(folder: Path):
    decoder = engine(folder)
    feed = Feed()
    found = decoder.generate(feed)
    assert next(found) == [] and next(found) == []
    asked = requests(decoder, QUESTIONS)
    feed.put(asked[:2])
    assert {output.key for output in next(batch for batch in found if batch)} == {one.key for one in asked[:2]}
    assert next(found) == []
    feed.put(asked[2:])
    feed.close()
    assert {output.key for batch in found for output in batch} == {one.key for one in asked[2:]}


def test_it_reports_while_a_batch_is_decoded_and_can_be_left(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datafactory.engines._decoding.TICK", 0.0)
    decoder = engine(folder)
    feed = Feed()
    feed.put(requests(decoder, QUESTIONS))
    found = decoder.generate(feed)
    assert next(found) == []
    found.close()
    assert not torch.is_inference_mode_enabled()
    feed.put(requests(decoder, QUESTIONS))
    feed.close()
    given = list(decoder.generate(feed))
    assert [len(batch) for batch in given] == [0] * 23 + [4]


def test_a_batch_that_the_budget_does_not_allow_waits(folder: Path):
    decoder = engine(folder, batch_size=4)
    asked = requests(decoder, QUESTIONS, group_size=2)
    purse = Purse(Budget(tokens=6 * 24))
    feed = Feed(purse)
    feed.put(asked)
    feed.close()
    found = decoder.generate(feed)
    first = next(batch for batch in found if batch)
    assert len(first) == 4 and next(found) == [] and next(found) == [] and feed.blocked
    purse.account.budget = Budget(tokens=9 * 24)
    purse.book(first)
    assert len(next(batch for batch in found if batch)) == 4


def test_no_memory_and_no_device_are_said_in_words(folder: Path, monkeypatch: pytest.MonkeyPatch):
    decoder = engine(folder)
    asked = requests(decoder, QUESTIONS)

    def full(*_: object) -> None:
        torch.empty(2**60)

    monkeypatch.setattr(decoder, "_forward", full)
    with pytest.raises(StageError, match="lower the model's `batch_size`"):
        decoded(decoder, asked)
    with (
        pytest.raises(StageError, match="the device 'cuda' cannot be used here")
        if not torch.cuda.is_available()
        else (pytest.raises(StageError, match="the device 'nowhere'"))
    ):
        start(Config(device="nowhere" if torch.cuda.is_available() else "cuda"), str(folder))


def test_a_renderer_without_weights_renders_what_the_engine_does(folder: Path, tmp_path: Path):
    for path in folder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    turns = [{"role": "user", "content": "Q"}]
    assert renderer(Config(), str(tmp_path)).render(turns, "<think>") == engine(folder).render(turns, "<think>")
    with pytest.raises(StageError, match="cannot be loaded"):
        renderer(Config(), str(tmp_path / "nothing"))
