"""The engine `openai` against a server in a process of its own: every fault ends in one honest output a request."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from datafactory.engines import Output, Request, Sampling
from datafactory.engines.openai import Config, Served, start
from datafactory.errors import StageError
from datafactory.feed import Feed

from ._servers import Server, serving


def request(number: int, kind: str = "", prefill: str = "", chat: bool = True, **sampling: Any) -> Request:
    text = f"{f'[{kind}] ' if kind else ''}What is {number}?"
    messages = ({"role": "user", "content": text},) if chat else ()
    key = f"{text}{number}{prefill}{chat}"
    return Request(key, str(number), text, 0, messages, prefill, text, Sampling(max_tokens=50, **sampling), number)


def engine(*urls: str, **settings: Any) -> Served:
    settings = {"backoff": 0.02, "silence": 20, "patience": 20, **settings}
    config = Config.model_validate({"model": "m", "base_url": list(urls), **settings})
    started = start(config, None)
    assert isinstance(started, Served)
    return started


def answered(running: Served, requests: Iterable[Request]) -> dict[str, Output]:
    """The outputs by key; that each request has exactly one is asserted."""
    feed = Feed()
    feed.put(list(requests))
    feed.close()
    outputs = [output for batch in running.generate(feed) for output in batch]
    assert sorted(output.key for output in outputs) == sorted(request.key for request in requests)
    running.close()
    return {output.key: output for output in outputs}


def right(outputs: dict[str, Output], requests: Iterable[Request]) -> bool:
    """Whether each request has its own answer, whole."""
    return all(
        outputs[request.key] == Output(request.key, f"{request.seed}/{request.seed}", "stop", 7, 3)
        for request in requests
    )


MANY = [request(number) for number in range(40)]


def test_each_request_has_its_own_answer(tmp_path: Path):
    with serving(tmp_path) as server:
        outputs = answered(engine(server.url), MANY)
        assert right(outputs, MANY)
        body = server.posts[0]["body"]
    assert set(body) == {"model", "messages", "max_tokens", "temperature", "top_p", "seed"}


def test_what_the_sampling_sets_is_sent(tmp_path: Path):
    one = request(1, temperature=0.5, top_k=7, min_p=0.1, stop=("END",))
    with serving(tmp_path) as server:
        answered(engine(server.url, extra_body={"chat_template_kwargs": {"thinking": True}}), [one])
        body = server.posts[0]["body"]
    assert (body["temperature"], body["top_k"], body["min_p"], body["stop"], body["seed"]) == (0.5, 7, 0.1, ["END"], 1)
    assert body["chat_template_kwargs"] == {"thinking": True}


def test_a_prompt_without_messages_is_continued_as_it_stands(tmp_path: Path):
    one = request(5, chat=False)
    with serving(tmp_path) as server:
        assert right(answered(engine(server.url), [one]), [one])
        post = server.posts[0]
    assert post["path"] == "/v1/completions" and post["body"]["prompt"] == "What is 5?"


@pytest.mark.parametrize(
    "fault",
    ["429", "429s", "429ms", "429date", "500", "503", "reset", "half", "garbage", "malformed", "empty", "content"],
)
def test_a_fault_that_passes_leaves_no_trace(tmp_path: Path, fault: str):
    with serving(tmp_path, faults={fault: 8}) as server:
        outputs = answered(engine(server.url, concurrency=8), MANY)
        posts = server.posts
    assert right(outputs, MANY)
    assert sum(post["fault"] == fault for post in posts) == 8 and len(posts) == len(MANY) + 8


@pytest.mark.parametrize(("fault", "seconds"), [("429s", 1.0), ("429ms", 0.7), ("429date", 1.0)])
def test_a_server_that_says_how_long_to_wait_is_left_alone_so_long(tmp_path: Path, fault: str, seconds: float):
    with serving(tmp_path, faults={fault: 1}) as server:
        assert right(answered(engine(server.url, concurrency=1), MANY), MANY)
        at = [post["at"] for post in server.posts]
    assert seconds <= at[1] - at[0] < seconds + 5 and at[-1] - at[1] < 5


@pytest.mark.parametrize("way", ["chunked", "eof", "close", "gzip", "usage", "count"])
def test_every_lawful_way_to_send_an_answer_is_read(tmp_path: Path, way: str):
    requests = [request(number, way) for number in range(20)]
    with serving(tmp_path) as server:
        outputs = answered(engine(server.url, concurrency=4), requests)
    assert [outputs[one.key].text for one in requests] == [f"{n}/{n}" for n in range(20)]
    counts = (None, None) if way in ("usage", "count") else (7, 3)
    assert {(output.prompt_tokens, output.completion_tokens) for output in outputs.values()} == {counts}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("400", "maximum context length"),
        ("500", "boom"),
        ("503", "loading"),
        ("empty", "choices"),
        ("content", "content"),
        ("malformed", "JSON"),
        ("filter", "content filter"),
        ("half", "middle of an answer"),
        ("reset", "without an answer"),
        ("br", "as 'br'"),
        ("torn", "no end"),
    ],
)
def test_a_request_that_comes_to_nothing_says_why_and_the_others_go_on(tmp_path: Path, fault: str, said: str):
    bad = [request(100 + number, fault) for number in range(2)]
    with serving(tmp_path) as server:
        outputs = answered(engine(server.url, retries=2, concurrency=4), [*bad, *MANY])
    assert right(outputs, MANY)
    for one in bad:
        output = outputs[one.key]
        assert output.finish_reason == "error" and output.text == "" and said in (output.error or "")


@pytest.mark.parametrize(("fault", "times"), [("400", 1), ("500", 4), ("malformed", 4), ("filter", 1)])
def test_only_what_may_get_better_is_asked_again(tmp_path: Path, fault: str, times: int):
    with serving(tmp_path) as server:
        answered(engine(server.url, retries=3), [request(1, fault)])
        assert len(server.posts) == times


def test_a_request_that_hangs_is_given_up_and_the_others_go_on(tmp_path: Path):
    with serving(tmp_path) as server:
        hung = request(100, "hang")
        outputs = answered(engine(server.url, timeout=0.5, retries=1), [hung, *MANY])
    assert right(outputs, MANY) and "no answer in 0.5 s" in (outputs[hung.key].error or "")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("401", "the key was not accepted"),
        ("403", "access is refused"),
        ("404", "The model `m` does not exist"),
        ("quota", "exceeded your current quota"),
        ("429long", "asks to wait 86,400 s"),
        ("other", "answers as another-model; if that is the same, set `served_as: another-model`"),
    ],
)
def test_what_no_other_request_would_survive_ends_the_stage_with_one_line(tmp_path: Path, fault: str, said: str):
    with serving(tmp_path, faults={fault: -1}) as server, pytest.raises(StageError) as raised:
        answered(engine(server.url), MANY)
    assert said in str(raised.value) and "what arrived is kept" in str(raised.value) and "\n" not in str(raised.value)


def test_what_arrived_before_the_end_of_the_stage_is_handed_over(tmp_path: Path):
    requests = [*MANY, request(100, "404")]
    feed = Feed()
    feed.put(requests)
    outputs: list[Output] = []
    with serving(tmp_path) as server, pytest.raises(StageError):
        for batch in engine(server.url, concurrency=1).generate(feed):
            outputs += batch
    assert len(outputs) == 40


def test_a_name_that_is_plainly_the_same_model_is_taken(tmp_path: Path):
    with serving(tmp_path) as server:
        outputs = answered(engine(server.url), [request(1, "alias")])
        assert [output.text for output in outputs.values()] == ["1/1"]
    with serving(tmp_path, "other", faults={"other": -1}) as server:
        assert right(answered(engine(server.url, served_as="another-model"), MANY), MANY)


@pytest.mark.parametrize(
    ("kind", "reasoning", "text"),
    [("reasoning", "I think", "1/1"), ("reasoning_content", "I think", "1/1"), ("thinking", "I think", "so")],
)
def test_thinking_that_stands_apart_is_reasoning(tmp_path: Path, kind: str, reasoning: str, text: str):
    with serving(tmp_path) as server:
        (output,) = answered(engine(server.url), [request(1, kind)]).values()
    assert (output.reasoning, output.text) == (reasoning, text)


@pytest.mark.parametrize("kind", ["stop_reason", "matched_stop"])
def test_the_stop_text_is_told_and_a_stop_token_is_none(tmp_path: Path, kind: str):
    stopped, ended = request(1, kind, stop=("</think>",)), request(2, kind)
    with serving(tmp_path) as server:
        outputs = answered(engine(server.url), [stopped, ended])
    assert (outputs[stopped.key].stop, outputs[ended.key].stop) == ("</think>", None)


def test_a_completion_that_was_cut_is_marked(tmp_path: Path):
    with serving(tmp_path) as server:
        (output,) = answered(engine(server.url), [request(1, "cut")]).values()
    assert (output.finish_reason, output.text) == ("length", "1/1")


def test_the_beginning_of_an_answer_is_continued_by_servers_that_can(tmp_path: Path):
    begun = request(3, prefill="<think>\n")
    with serving(tmp_path) as server:
        answered(engine(server.url), [begun])
        body = server.posts[0]["body"]
    assert body["messages"][-1] == {"role": "assistant", "content": "<think>\n"}
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
    with serving(tmp_path, "hosted", owned_by="system") as server:
        with pytest.raises(StageError, match="does not say that it is vLLM or SGLang"):
            answered(engine(server.url), [begun])
        assert not server.posts
        answered(engine(server.url, prefill="message"), [begun])
        assert "continue_final_message" not in server.posts[0]["body"]


GROUP = [request(n // 8) for n in range(24)]
GROUP = [Request(f"{n}", *list(one.__dict__.values())[1:]) for n, one in enumerate(GROUP)]  # type: ignore[arg-type]


def test_rollouts_of_a_prompt_go_as_one_request_without_seeds(tmp_path: Path):
    with serving(tmp_path) as server:
        outputs = answered(engine(server.url, seed=False), GROUP)
        assert [post["body"]["n"] for post in server.posts] == [8, 8, 8]
        assert "seed" not in server.posts[0]["body"]
    assert [outputs[str(n)].text for n in range(24)] == [f"{n // 8}/None/{n % 8}" for n in range(24)]
    assert {output.completion_tokens for output in outputs.values()} == {None}  # the count is of all eight


@pytest.mark.parametrize("fault", ["n", "few"])
def test_a_server_without_n_is_asked_one_by_one(tmp_path: Path, fault: str):
    with serving(tmp_path, faults={fault: -1}) as server:
        outputs = answered(engine(server.url, seed=False), GROUP)
    assert [outputs[str(n)].text for n in range(24)] == [f"{n // 8}/None" for n in range(24)]


def test_a_server_that_never_answered_is_not_waited_for_long():
    dead = Server(Path("unused"), {})
    began = time.monotonic()
    with pytest.raises(
        StageError, match=r"no server at http.*/v1 answers \(connection refused\); what arrived is kept"
    ):
        answered(engine(dead.url, patience=1), MANY)
    assert time.monotonic() - began < 10


def test_a_server_that_stays_dead_ends_the_stage_and_nothing_that_arrived_is_lost(tmp_path: Path):
    feed = Feed()
    feed.put([*MANY, request(100, "die"), *(request(n) for n in range(200, 240))])
    outputs: list[Output] = []
    with serving(tmp_path) as server, pytest.raises(StageError, match="connection refused"):
        for batch in engine(server.url, concurrency=1, patience=1).generate(feed):
            outputs += batch
    assert sorted(output.text for output in outputs) == sorted(f"{n}/{n}" for n in range(40))


def later(seconds: float, act: Any) -> None:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()


def bounced(server: Server, times: int) -> None:
    for _ in range(times):
        server.kill()
        time.sleep(1.0)
        server.start()
        time.sleep(0.5)


def test_a_server_that_dies_and_comes_back_is_waited_for(tmp_path: Path):
    requests = [request(number) for number in range(400)]
    with serving(tmp_path, latency=0.05) as server:
        later(0.3, lambda: bounced(server, 2))
        outputs = answered(engine(server.url, concurrency=5, retries=0, backoff=0.1), requests)
        assert right(outputs, requests)
        assert len(server.posts) <= 400 + 2 * 5  # nothing was asked twice but what was under way


def test_a_server_that_freezes_is_noticed_and_waited_for(tmp_path: Path):
    requests = [request(number) for number in range(100)]
    with serving(tmp_path, latency=0.05) as server:
        later(0.4, server.freeze)
        later(3.5, server.thaw)
        assert right(answered(engine(server.url, concurrency=5, silence=1), requests), requests)
        assert len(server.posts) > 100  # it was given up meanwhile


def test_a_dead_servers_requests_go_to_the_others_and_it_rejoins(tmp_path: Path):
    requests = [request(number) for number in range(600)]
    with serving(tmp_path, "one", latency=0.05) as one, serving(tmp_path, "two", latency=0.05) as two:
        later(0.5, lambda: bounced(one, 1))
        outputs = answered(engine(one.url, two.url, concurrency=5), requests)
        assert right(outputs, requests)
        assert len(one.posts) + len(two.posts) <= 600 + 5 + 1
        restarted = max(post["at"] for post in one.posts) - min(post["at"] for post in one.posts)
        assert restarted > 1.2


def test_a_straggler_is_put_to_a_second_server_and_answered_once(tmp_path: Path):
    requests = [request(number) for number in range(40)]
    with serving(tmp_path, "one", faults={"slow": 2}) as one, serving(tmp_path, "two") as two:
        began = time.monotonic()
        assert right(answered(engine(one.url, two.url, concurrency=4), requests), requests)
        assert time.monotonic() - began < 15
        assert len(one.posts) + len(two.posts) == 42


def test_a_server_that_fails_at_once_does_not_draw_everything(tmp_path: Path):
    requests = [request(number) for number in range(200)]
    with serving(tmp_path, "one", faults={"500": -1}) as one, serving(tmp_path, "two") as two:
        assert right(answered(engine(one.url, two.url, concurrency=4, retries=3), requests), requests)
        assert len(one.posts) < 100


def test_a_server_that_asks_to_wait_for_long_leaves_the_work_to_the_others(tmp_path: Path):
    requests = [request(number) for number in range(60)]
    with serving(tmp_path, "one", faults={"429long": -1}) as one, serving(tmp_path, "two") as two:
        assert right(answered(engine(one.url, two.url, concurrency=4), requests), requests)
        assert len(one.posts) <= 4


def test_fewer_are_put_at_once_to_a_server_that_turns_them_away(tmp_path: Path):
    requests = [request(number) for number in range(60)]
    with serving(tmp_path, faults={"429": 30}) as server:
        running = engine(server.url, concurrency=16)
        feed = Feed()
        feed.put(requests)
        feed.close()
        widths = []
        for _ in running.generate(feed):
            widths.append(running._running.dispatch.room if running._running else 16)
        running.close()
    assert min(widths) <= 4


def test_requests_a_minute_are_kept_evenly(tmp_path: Path):
    with serving(tmp_path) as server:
        answered(engine(server.url, requests_per_minute=1200), MANY)
        at = [post["at"] for post in server.posts]
    assert at[-1] - at[0] > 39 * 0.05 * 0.95
    assert all(at[place + 20] - at[place] > 0.9 for place in range(20))


def test_tokens_a_minute_are_kept(tmp_path: Path):
    with serving(tmp_path) as server:  # 10 tokens each, once that is known; 52 before
        answered(engine(server.url, tokens_per_minute=12000, concurrency=1), MANY)
        at = [post["at"] for post in server.posts]
    assert 39 * 10 / 200 * 0.9 < at[-1] - at[0] < 39 * 50 / 200


def test_keys_are_sent_and_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_KEY", "sk-very-secret")
    monkeypatch.setenv("SOME_ORG", "org-secret")
    settings = {"api_key_env": "SOME_KEY", "headers_env": {"X-Org": "SOME_ORG"}}
    with serving(tmp_path) as server:
        (output,) = answered(engine(server.url, **settings), [request(1, "echo")]).values()
        headers = server.posts[0]["headers"]
    assert (headers["authorization"], headers["x-org"]) == ("Bearer sk-very-secret", "org-secret")
    assert output.error == "HTTP 400: you sent Bearer *** ***"
    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(StageError, match="the environment variable SOME_KEY, which `api_key_env` names, is not set"):
        engine("http://localhost:1/v1", **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"api_key_env": "sk-the-key-itself"},
        {"headers_env": {"X-Key": "sk-the-key-itself"}},
        {"base_url": "http://user:sk-the-key-itself@host/v1"},
    ],
)
def test_a_key_in_a_recipe_is_refused_and_not_repeated(settings: dict[str, Any]):
    from datafactory.settings import problems_of

    with pytest.raises(ValidationError) as raised:
        Config.model_validate({"model": "m", **settings})
    said = [message for _, message in problems_of(raised.value, Config)]
    assert said and not any("itself@" in message or "sk-the-key" in message for message in said)


def test_closing_early_gives_up_what_is_under_way(tmp_path: Path):
    feed = Feed()
    feed.put([request(number, "hang") for number in range(20)] + MANY)
    before = threading.active_count()
    with serving(tmp_path) as server:
        running = engine(server.url, concurrency=30)
        outputs = running.generate(feed)
        next(outputs)
        began = time.monotonic()
        outputs.close()  # type: ignore[attr-defined]
        assert time.monotonic() - began < 2 and threading.active_count() == before


def test_what_is_asked_and_not_journaled_is_never_more_than_concurrency(tmp_path: Path):
    feed = Feed()
    feed.put(MANY)
    feed.close()
    with serving(tmp_path) as server:
        running = engine(server.url, concurrency=8)
        batches = running.generate(feed)
        found = next(batch for batch in batches if batch)  # it is journaled once the next is asked for
        time.sleep(0.5)
        assert len(server.posts) == 8
        found += [output for batch in batches for output in batch]
        assert right({output.key: output for output in found}, MANY) and len(found) == len(server.posts) == len(MANY)
        running.close()


def test_with_nothing_to_do_it_says_so_at_once_and_goes_on(tmp_path: Path):
    feed = Feed()
    with serving(tmp_path) as server:
        running = engine(server.url)
        outputs = running.generate(feed)
        began = time.monotonic()
        assert next(outputs) == [] and time.monotonic() - began < 0.2
        for number in (1, 2):
            feed.put([request(number)])
            found = next(batch for batch in outputs if batch)
            assert found[0].text == f"{number}/{number}"
        feed.close()
        assert list(outputs) == []
        running.close()
