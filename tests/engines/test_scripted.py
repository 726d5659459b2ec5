"""The scripted engine: answers as they finish, faults that are the same at every attempt, a teacher of known flaws."""

from __future__ import annotations

import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory.budget import Purse
from datafactory.chat import completed
from datafactory.config import Base
from datafactory.engines import Output, Request, Sampling, scripted
from datafactory.engines._draws import drawn
from datafactory.engines.scripted import Config, flaw_of
from datafactory.errors import StageError
from datafactory.feed import Feed
from datafactory.judges import correctness
from datafactory.judges._answer import Unread, answer_in
from datafactory.judges._prompt import filled
from datafactory.rollouts import rollout_seed
from datafactory.types import Completion, Problem
from datafactory.verifiers import format as format_verifier
from datafactory.verifiers import math
from filters.finished import finished
from filters.language_consistency import language_consistency
from filters.length import length
from filters.repetition import repetition

from ..conftest import command, write_rows

SUMS = {f"What is {n} + {n + 3}?": str(2 * n + 3) for n in range(40)} | {
    "Simplify \\frac{2}{6}.": "\\frac{1}{3}",
    "Solve x - 2 = 0.5.": "2.5",
    "小明有3个苹果,又买了5个,现在他一共有多少个苹果?": "8",
    "一个长方形长12厘米,宽5厘米,它的面积是多少平方厘米?": "60",
}
FLAWS = {
    "wrong_answer": 0.1,
    "mixed_language": 0.1,
    "wall_of_text": 0.1,
    "loop": 0.1,
    "truncation": 0.1,
    "unclosed_thinking": 0.1,
    "code_block": 0.1,
    "no_box": 0.05,
}


def engine(tmp_path: Path, **settings: Any) -> Any:
    if not {"answers", "function", "gold"} & settings.keys():
        settings["gold"] = gold(tmp_path)
    return scripted.start(Config.model_validate(settings, context={"folder": tmp_path}), None)


def gold(folder: Path) -> str:
    write_rows(folder / "gold.jsonl", [{"question": question, "answer": answer} for question, answer in SUMS.items()])
    return "gold.jsonl"


def request(question: str, seed: int, prefill: str = "", max_tokens: int = 2000, **more: Any) -> Request:
    messages = ({"role": "user", "content": question},)
    sampling = Sampling(max_tokens=max_tokens, **more)
    return Request(f"k{seed}", "p", question, 0, messages, prefill, f"user: {question}\n{prefill}", sampling, seed)


def requests(count: int) -> list[Request]:
    questions = list(SUMS)
    return [request(questions[n % len(questions)], rollout_seed(0, str(n), 0)) for n in range(count)]


def asked(engine: Any, wanted: list[Request]) -> list[Output]:
    feed = Feed(Purse())
    feed.put(wanted)
    feed.close()
    return [output for batch in engine.generate(feed) for output in batch]


def rows(engine: Any, wanted: list[Request]) -> pl.DataFrame:
    by_key = {output.key: output for output in asked(engine, wanted)}
    made = []
    for each in wanted:
        output = by_key[each.key]
        text = completed(output.text, None, output.finish_reason, "", ("<think>", "</think>"), True)
        made.append(
            {
                "question": each.question,
                "seed": each.seed,
                "reasoning": text.reasoning,
                "response": text.response,
                "finish_reason": text.finish_reason,
            }
        )
    return pl.DataFrame(made)


def judged(row: dict[str, Any], verifier: Any) -> float | None:
    completion = Completion(row["response"], row["reasoning"], row["finish_reason"])
    config = getattr(verifier, "Config", Base)()
    reward: float | None = verifier.verify(Problem(row["question"], SUMS[row["question"]]), completion, config).reward
    return reward


# --- what arrives, and when


def test_every_request_has_one_output_and_the_quickest_arrive_first(tmp_path: Path):
    running = engine(tmp_path, latency=[0.0, 0.3], concurrency=200)
    wanted = requests(200)
    outputs = asked(running, wanted)
    assert sorted(output.key for output in outputs) == sorted(each.key for each in wanted)
    due = {each.key: drawn(each.seed, "latency") for each in wanted}
    order = [due[output.key] for output in outputs]
    assert order != [due[each.key] for each in wanted]
    # those that are due at about the same time may change places
    assert all(later > earlier - 0.2 for earlier, later in pairwise(order))


def test_requests_wait_side_by_side_as_many_as_there_is_room_for(tmp_path: Path):
    started = time.monotonic()
    asked(engine(tmp_path, latency=0.2, concurrency=100), requests(100))
    together = time.monotonic() - started
    started = time.monotonic()
    asked(engine(tmp_path, latency=0.2, concurrency=20), requests(100))
    assert time.monotonic() - started >= 1.0 > 0.2 <= together


def test_tokens_take_their_time_and_slow_requests_ten_times_as_long(tmp_path: Path):
    write_rows(tmp_path / "answers.jsonl", [{"question": "q", "responses": ["one two three four"]}])
    started = time.monotonic()
    asked(engine(tmp_path, answers="answers.jsonl", tokens_per_second=20), [request("q", 1)])
    assert time.monotonic() - started >= 0.2
    started = time.monotonic()
    asked(engine(tmp_path, answers="answers.jsonl", latency=0.03, faults={"slow": 1}), [request("q", 1)])
    assert time.monotonic() - started >= 0.3


def test_it_says_at_once_that_nothing_is_under_way_and_ends_with_the_feed(tmp_path: Path):
    feed = Feed(Purse())
    outputs = engine(tmp_path, latency=5).generate(feed)
    started = time.monotonic()
    assert next(outputs) == []
    feed.put(requests(1))
    assert next(outputs) == []
    assert time.monotonic() - started < 2
    outputs.close()
    feed = Feed(Purse())
    outputs = engine(tmp_path).generate(feed)
    feed.put(requests(3))
    feed.close()
    assert sum(len(batch) for batch in outputs) == 3


def test_no_more_arrive_together_than_a_batch_holds(tmp_path: Path):
    feed = Feed(Purse())
    feed.put(requests(50))
    feed.close()
    sizes = [len(batch) for batch in engine(tmp_path, batch_size=7, concurrency=50).generate(feed)]
    assert max(sizes) == 7 and sum(sizes) == 50


def test_a_model_that_dies_ends_the_stage_and_what_it_gave_is_kept(tmp_path: Path):
    write_rows(tmp_path / "problems.jsonl", [{"question": q, "answer": a} for q, a in SUMS.items()])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: r\nmodels:\n  m: {engine: scripted, gold: problems.jsonl, dies_after: 30, batch_size: 8}\n"
        "stages:\n  problems: {do: load, path: problems.jsonl}\n"
        "  traces: {do: generate, from: problems, model: m}\n"
    )
    first = command("build", recipe, cwd=tmp_path)
    assert first.returncode == 1
    assert "traces: the scripted model died after 30 answers" in first.stderr and "Traceback" not in first.stderr
    second = command("build", recipe, cwd=tmp_path)  # fourteen are left, and it dies after thirty
    assert second.returncode == 0, second.stderr
    table = pl.read_parquet(tmp_path / "outputs/r/traces/shard-*.parquet")
    assert table.height == len(SUMS) and set(table["finish_reason"]) == {"stop"}


# --- texts


def test_a_text_ends_before_the_first_stop_and_says_which(tmp_path: Path):
    write_rows(tmp_path / "answers.jsonl", [{"question": "q", "responses": ["one two END three STOP"]}])
    running = engine(tmp_path, answers="answers.jsonl")
    output = asked(running, [request("q", 1, stop=("STOP", "END"))])[0]
    assert (output.text, output.finish_reason, output.stop) == ("one two ", "stop", "END")
    output = asked(running, [request("q", 1, max_tokens=1, stop=("END",))])[0]
    assert (output.text, output.finish_reason, output.stop) == ("one", "length", None)


def test_functions_see_what_they_ask_for_with_turns_and_without(tmp_path: Path):
    (tmp_path / "reply.py").write_text("def reply(messages, rollout, seed):\n    return messages[-1]['content']\n")
    (tmp_path / "whole.py").write_text(
        "def complete(request):\n    return f'{request.prompt}|{request.sampling.top_k}|{request.prefill}'\n"
    )
    bare = Request("k", "p", "q", 0, (), "", "2 + 2 =", Sampling(top_k=5, min_p=0.1), 1)
    assert asked(engine(tmp_path, function="reply.py"), [bare])[0].text == "2 + 2 ="
    assert asked(engine(tmp_path, function="reply.py"), [request("q", 1)])[0].text == "q"
    assert asked(engine(tmp_path, function="whole.py"), [bare])[0].text == "2 + 2 =|5|"


# --- faults


def test_faults_have_their_shares_and_are_the_same_at_every_attempt(tmp_path: Path):
    faults = {"error": 0.1, "length": 0.2, "empty": 0.1}
    wanted = requests(2000)
    one, other = ({o.key: o for o in asked(engine(tmp_path, faults=faults), wanted)} for _ in range(2))
    assert one == other
    kinds = Counter("empty" if o.finish_reason == "stop" and not o.text else o.finish_reason for o in one.values())
    for kind, share in faults.items():
        assert abs(kinds[kind] / 2000 - share) < 0.03, kinds
    failed = [o for o in one.values() if o.finish_reason == "error"]
    assert {(o.text, o.error) for o in failed} == {("", "scripted fault: error")}
    sound = {o.key: o for o in asked(engine(tmp_path), wanted)}
    for output in one.values():
        if output.finish_reason == "length":
            whole = sound[output.key].text
            assert whole.startswith(output.text) and len(output.text) < len(whole)
        elif output.finish_reason == "stop" and output.text:
            assert output == sound[output.key]


def test_what_is_flaky_comes_at_another_attempt(tmp_path: Path):
    wanted = requests(400)
    failed = [
        {o.key for o in asked(engine(tmp_path, faults={"flaky": 0.2}), wanted) if o.finish_reason == "error"}
        for _ in range(2)
    ]
    assert all(40 < len(keys) < 120 for keys in failed) and failed[0] != failed[1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("gold: gold.jsonl, flaws: {wrong_answr: 0.1}", "wrong_answ"),
        ("gold: gold.jsonl, flaws: {loop: 0.7, truncation: 0.7}", "sum to 1.4"),
        ("function: f.py, flaws: {loop: 0.5}", "need `gold`"),
        ("gold: gold.jsonl, function: f.py", "needs one of answers, function, gold; it has function and gold"),
        ("gold: gold.jsonl, faults: {slow: 0.1}", "needs a `latency`"),
        ("gold: gold.jsonl, faults: {error: 0.7, length: 0.7}", "sum to 1.4"),
        ("gold: gold.jsonl, latency: [0.5, 0.1]", "the least first"),
        ("gold: gold.jsonl, latency: fast", "should be seconds"),
    ],
)
def test_settings_that_cannot_be_meant_are_told_with_their_line(tmp_path: Path, settings: str, said: str):
    gold(tmp_path)
    (tmp_path / "f.py").write_text("def answer(question, rollout, seed):\n    return ''\n")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"name: r\nmodels:\n  m: {{engine: scripted, {settings}}}\nstages:\n  p: {{do: load, path: gold.jsonl}}\n"
        "  t: {do: generate, from: p, model: m}\n"
    )
    ran = command("plan", recipe)
    assert ran.returncode == 2 and "r.yaml:3" in ran.stderr and said in ran.stderr, ran.stderr


def test_latency_is_no_identity_and_a_fault_is(tmp_path: Path):
    gold(tmp_path)

    def planned(settings: str) -> str:
        (tmp_path / "r.yaml").write_text(
            f"name: r\nmodels:\n  m: {{engine: scripted, gold: gold.jsonl, {settings}}}\nstages:\n"
            "  p: {do: load, path: gold.jsonl}\n  t: {do: generate, from: p, model: m, sampling: {max_tokens: 400}}\n"
        )
        return command("plan", tmp_path / "r.yaml", cwd=tmp_path).stdout

    planned("flaws: {}")
    assert command("build", "r.yaml", cwd=tmp_path).returncode == 0
    assert "t  generate  finished" in planned("latency: 0.01, concurrency: 99, tokens_per_second: 1e6, batch_size: 3")
    assert "t  generate  finished" in planned("latency: 0.01, faults: {slow: 0.5}, dies_after: 9")
    assert "t  generate  new" in planned("faults: {length: 0.01}")
    assert "t  generate  new" in planned("flaws: {loop: 0.01}")


# --- the flawed teacher


def test_every_flaw_is_caught_by_what_ought_to_catch_it_and_sound_traces_pass_all(tmp_path: Path):
    table = rows(engine(tmp_path, flaws=FLAWS), requests(600))
    table = table.with_columns(
        pl.Series("flaw", [flaw_of(seed, FLAWS) or "sound" for seed in table["seed"]]),
        pl.Series("math", [judged(row, math) for row in table.iter_rows(named=True)], dtype=pl.Float64),
        pl.Series("format", [judged(row, format_verifier) for row in table.iter_rows(named=True)], dtype=pl.Float64),
        language_consistency(table),
        repetition(table).alias("repetition"),
        finished(table),
        length(table, of="reasoning").alias("length"),
        table["reasoning"].fill_null("").str.contains("```", literal=True).alias("code"),
        (table["response"].str.contains(r"\\boxed\{")).alias("boxed"),
    )
    caught = {
        "wrong_answer": pl.col("math") == 0,
        "mixed_language": pl.col("language_consistency") < 0.9,
        "wall_of_text": pl.col("length") >= 800,
        "loop": pl.col("repetition") > 0.5,
        "truncation": pl.col("finished") == 0,
        "unclosed_thinking": pl.col("format") == 0,
        "code_block": pl.col("code"),
        "no_box": ~pl.col("boxed"),
    }
    for flaw, catches in caught.items():
        some = table.filter(flaw=flaw)
        assert some.height > 10, flaw
        missed = some.filter(~catches)
        assert missed.is_empty(), f"{flaw}: {missed['reasoning'][0]} {missed['response'][0]}"
        wrongly = table.filter(pl.col("flaw") == "sound").filter(catches)
        assert wrongly.is_empty(), f"{flaw} in a sound trace: {wrongly['reasoning'][0]}"
    # and nothing but what it should be wrong with
    right = table.filter(pl.col("flaw").is_in(["sound", "mixed_language", "wall_of_text", "code_block"]))
    assert set(right["math"]) == {1.0} and set(right["format"]) == {1.0} and set(right["finished"]) == {1.0}
    walls = table.filter(flaw="wall_of_text")["reasoning"].to_list()
    assert all("\n" not in wall for wall in walls)
    assert {row["finish_reason"] for row in table.filter(flaw="truncation").to_dicts()} == {"length"}
    for name in FLAWS:
        assert abs(table.filter(flaw=name).height / 600 - FLAWS[name]) < 0.05


def test_a_wrong_answer_is_never_right(tmp_path: Path):
    answers = ["7", "0", "10", "100", "-3", "2.5", "\\frac{1}{3}", "1,000", "B", "(C)", "Paris", "x+1", "99", "12:30"]
    write_rows(tmp_path / "gold.jsonl", [{"question": f"q{n}", "answer": a} for n, a in enumerate(answers)])
    running = engine(tmp_path, gold="gold.jsonl", flaws={"wrong_answer": 1})
    wanted = [request(f"q{n}", 100 * n + seed) for n in range(len(answers)) for seed in range(50)]
    given = {output.key: output.text for output in asked(running, wanted)}
    for each in wanted:
        answer = answers[int(each.question[1:])]
        text = given[each.key].partition("</think>")[2]
        verdict = math.verify(Problem(each.question, answer), Completion(text, "t"), math.Config())
        assert verdict.reward != 1, (answer, text)


def test_a_trace_is_the_same_for_the_same_seed_and_others_differ(tmp_path: Path):
    wanted = [request("What is 3 + 6?", seed) for seed in range(60)]
    one, other = (
        {o.key: o.text for o in asked(engine(tmp_path, concurrency=size, batch_size=size), wanted)} for size in (1, 16)
    )
    assert one == other and len(set(one.values())) > 40


def test_a_loop_goes_on_to_the_limit(tmp_path: Path):
    outputs = asked(
        engine(tmp_path, flaws={"loop": 1}), [request("What is 3 + 6?", s, max_tokens=700) for s in range(9)]
    )
    assert {(o.completion_tokens, o.finish_reason) for o in outputs} == {(700, "length")}


def test_it_goes_on_where_the_assistants_turn_begins(tmp_path: Path):
    running = engine(tmp_path)
    whole = asked(running, [request("What is 3 + 6?", 5)])[0].text
    for begun in ("<think>\n", " <think>\n", "<think>", whole[:60]):
        rest = asked(running, [request("What is 3 + 6?", 5, prefill=begun)])[0].text
        assert begun.lstrip() + rest == whole
    forced = asked(running, [request("What is 3 + 6?", 5, prefill="<think>\nHm.\n</think>\n\nFinal Answer:")])[0].text
    assert "\\boxed{9}" in forced and "think>" not in forced
    more = asked(running, [request("What is 3 + 6?", 5, prefill=whole.partition("</think>")[0] + "Wait")])[0].text
    assert more.count("</think>") == 1 and "\\boxed{9}" in more and more.startswith(", ")


def test_what_was_truncated_is_sound_when_it_is_continued(tmp_path: Path):
    running = engine(tmp_path, flaws={"truncation": 1})
    cut = asked(running, [request("What is 3 + 6?", 5)])[0]
    assert cut.finish_reason == "length" and "</think>" not in cut.text
    rest = asked(running, [request("What is 3 + 6?", 5, prefill=cut.text)])[0]
    assert rest.finish_reason == "stop"
    assert cut.text + rest.text == asked(engine(tmp_path), [request("What is 3 + 6?", 5)])[0].text


def test_answer_tags_are_used_where_the_prompt_asks_for_them(tmp_path: Path):
    prompt = "Think in <think> </think>, answer in <answer> </answer>.\nUser: What is 3 + 6?\nAssistant:"
    bare = Request("k", "p", "What is 3 + 6?", 0, (), " <think>\n", prompt + " <think>\n", Sampling(), 3)
    output = asked(engine(tmp_path), [bare])[0]
    made = completed(" <think>\n" + output.text, None, "stop", prompt, ("<think>", "</think>"), True)
    style = format_verifier.Config(style="think_answer")
    assert format_verifier.verify(Problem("q"), made, style).reward == 1


def test_a_judges_json_is_readable_unless_it_is_broken(tmp_path: Path):
    flaws = {"broken_json": 0.4, "wrong_answer": 0.2, "truncation": 0.1}
    running = engine(tmp_path, flaws=flaws)
    prompt = correctness.Config().prompt.content
    wanted, right = [], {}
    for seed in range(300):
        answer = "9" if seed % 2 else "10"
        texts = {"question": "What is 3 + 6?", "reference": "9", "response": f"It is $\\boxed{{{answer}}}$."}
        messages = ({"role": "user", "content": filled(prompt, texts, "CODE77")},)
        wanted.append(Request(f"k{seed}", "p", "What is 3 + 6?", 0, messages, "", "", Sampling(), seed))
        right[f"k{seed}"] = "correct" if seed % 2 else "incorrect"
    found = Counter()
    for output in asked(running, wanted):
        flaw = flaw_of(int(output.key[1:]), flaws, "json")
        try:
            verdict = answer_in(output.text, correctness.Answer, "CODE77").verdict
            found[flaw, "right" if verdict == right[output.key] else "wrong"] += 1
        except Unread:
            found[flaw, "unread"] += 1
    assert set(found) == {
        (None, "right"),
        ("wrong_answer", "wrong"),
        ("broken_json", "unread"),
        ("truncation", "unread"),
    }


def test_a_question_that_the_file_does_not_hold_ends_the_stage(tmp_path: Path):
    with pytest.raises(StageError, match="gold.jsonl has no answer to the question 'unheard of'"):
        asked(engine(tmp_path), [request("unheard of", 1)])


def test_the_flaw_of_a_row_is_told_by_its_seed(tmp_path: Path):
    gold(tmp_path)
    flaws = {"truncation": 0.3, "no_box": 0.3}
    (tmp_path / "r.yaml").write_text(
        "name: r\nseed: 5\nmodels:\n"
        f"  m: {{engine: scripted, gold: gold.jsonl, flaws: {json.dumps(flaws)}}}\nstages:\n"
        "  p: {do: load, path: gold.jsonl}\n  t: {do: generate, from: p, model: m, group_size: 3}\n"
    )
    assert command("build", "r.yaml", cwd=tmp_path).returncode == 0
    table = pl.read_parquet(tmp_path / "outputs/r/t/shard-*.parquet")
    assert table.height == 3 * len(SUMS)
    for row in table.iter_rows(named=True):
        flaw = flaw_of(rollout_seed(5, row["problem_id"], row["rollout"]), flaws)
        assert (row["finish_reason"] == "length") == (flaw == "truncation")
        assert ("\\boxed" in row["response"]) == (flaw is None)
