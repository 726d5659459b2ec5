"""Judge asks, reads strictly, counts votes, and says what it could not decide; everything through `build`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from datafactory.errors import StageError, UserError
from datafactory.opinions import case_of
from datafactory.plugins import Use
from datafactory.scoring import NOTHING
from tests.conftest import command, write_rows
from tests.judges.scenes import CORRECTNESS, HONEST, RECIPE, built, sums, table

JUDGED = "  judged: {do: judge, from: rows, model: referee, with: [correctness]}\n"
ALL = (
    HONEST
    + """
def reply(messages, rollout, seed):
    shown = fields(messages)
    text = messages[-1]["content"]
    if "reference" in shown:
        right = shown["response"].rstrip(".").endswith(" " + shown["reference"])
        return says(messages, verdict="correct" if right else "incorrect")
    if '"readable"' in text:
        return says(messages, readable=5, coherent=4, friendly=1 + len(shown["response"]) % 5)
    return says(messages, verification=shown["reasoning"].count("check"), backtracking=1, subgoals=0, backward=0)
"""
)


def asked(log: Path) -> list[str]:
    return [json.loads(line)[0] for line in log.read_text().splitlines()]


def test_a_judges_verdicts_stand_in_columns_of_its_name(tmp_path: Path):
    rows = [*sums(45), {"ask": "0 + 9?", "gold": None, "say": "It is 9."}]
    made = table(built(tmp_path, JUDGED, rows=rows), "judged").sort("question")
    expected = {row["ask"]: float(row["say"].rstrip(".").endswith(" " + row["gold"])) for row in rows[:-1]}
    assert dict(made.filter(pl.col("answer").is_not_null()).select("question", "correctness").iter_rows()) == expected
    statuses = dict(made.group_by("correctness_status").len().iter_rows())
    assert statuses == {"correct": 30, "incorrect": 15, "undecidable_gold": 1}
    unasked = made.filter(pl.col("answer").is_null())
    assert unasked.select("correctness", "correctness_votes", "correctness_agreement").row(0) == (None, None, None)
    assert set(made.filter(pl.col("answer").is_not_null())["correctness_votes"]) == {1}


def test_several_judges_stand_side_by_side_and_can_be_asked_for_in_a_condition(tmp_path: Path):
    stages = """  judged: {do: judge, from: rows, model: referee, with: [correctness, clarity, behaviours]}
  best: {do: select, from: judged, where: correctness = 1 and clarity >= 4 and behaviours_verification > 0}
  one: {do: select, from: judged, per_problem: 1, prefer: clarity desc}
"""
    rows = [{"ask": f"{n}?", "gold": "7", "say": "z" * n + " 7", "think": "I check. " * (n % 3)} for n in range(1, 13)]
    (tmp_path / "rows.jsonl").write_text("")
    stages = stages.replace("do: judge", "do: judge, votes: 1")
    planned = built(tmp_path, stages, ALL, rows)
    made = table(planned, "judged")
    for row in made.iter_rows(named=True):
        friendly = 1 + len(row["response"]) % 5
        assert row["clarity"] == pytest.approx((5 + 4 + friendly) / 3)
        assert (row["clarity_readable"], row["clarity_coherent"], row["clarity_friendly"]) == (5, 4, friendly)
        assert row["clarity_status"] == row["behaviours_status"] == "scored"
        assert row["behaviours"] == row["behaviours_verification"] + 1 and row["behaviours_backtracking"] == 1
    best = table(planned, "best")
    assert best.height == made.filter((pl.col("clarity") >= 4) & (pl.col("behaviours_verification") > 0)).height
    counts = planned.steps["judged"].dataset.manifest["counts"]
    assert counts["pass_rate"] == {"correctness": 1.0} and set(counts["mean_grade"]) == {"clarity", "behaviours"}
    assert counts["mean_grade"]["clarity"] == pytest.approx(made["clarity"].mean())


def test_a_vote_that_cannot_be_read_is_asked_for_again_with_another_seed_and_code(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("REFEREE_LOG", str(tmp_path / "log"))
    first_fails = CORRECTNESS.replace("def reply", "def honest") + (
        "\nseen = set()\ndef reply(messages, rollout, seed):\n"
        "    said = honest(messages, rollout, seed)\n    assert seed not in seen\n    seen.add(seed)\n"
        "    return said if rollout >= 2 else said + ' I am sure.'\n"  # with 2 votes: the second attempt
    )
    stages = JUDGED.replace("with:", "votes: 2, with:")
    made = table(built(tmp_path / "a", stages, first_fails, sums(6)), "judged")
    assert made["correctness"].null_count() == 0 and set(made["correctness_votes"]) == {2}
    prompts = asked(tmp_path / "log")
    assert len(prompts) == 6 * 2 * 2 and len(set(prompts)) == 6 * 2  # the votes of an attempt share a prompt


def test_retries_are_bounded_and_what_is_left_is_null_with_the_reason(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("REFEREE_LOG", str(tmp_path / "log"))
    referee = (
        CORRECTNESS
        + "\nfair = reply\ndef reply(*given):\n    return fair(*given) + ('' if '5 + 5?' not in given[0][-1]['content'] else ' Yes.')\n"
    )
    stages = JUDGED.replace("with:", "retries: 3, with:")
    made = table(built(tmp_path / "a", stages, referee, sums(30)), "judged")
    (bad,) = made.filter(pl.col("correctness").is_null()).to_dicts()
    assert (bad["question"], bad["correctness_status"], bad["correctness_votes"]) == ("5 + 5?", "error", 0)
    assert bad["correctness_detail"].startswith("0 of 1 votes could be read: it is not one JSON object: Extra data")
    assert sum("5 + 5?" in prompt for prompt in asked(tmp_path / "log")) == 4


def test_an_answer_that_was_cut_is_not_read_even_where_it_looks_whole(tmp_path: Path):
    referee = CORRECTNESS + "\nfair = reply\ndef reply(*given):\n    return fair(*given) + ' and so on'\n"
    stages = JUDGED.replace(
        "with:", "sampling: {max_tokens: 6}, max_errors: 1, retries: 0, with:"
    )  # six words are the JSON
    made = table(built(tmp_path, stages, referee, sums(3)), "judged")
    assert set(made["correctness_status"]) == {"error"}
    assert "it was cut at 6 tokens" in made["correctness_detail"][0] and '"verdict":' in made["correctness_detail"][0]


def test_a_rollout_that_never_came_is_no_wrong_answer():
    use = Use("judge", "correctness")
    row = {"question": "q", "answer": "7", "response": "", "finish_reason": "error", "problem_id": "p", "rollout": 0}
    assert case_of(use, use.config, row, 1) == NOTHING


def test_votes_that_differ_come_to_no_verdict(tmp_path: Path):
    referee = (
        HONEST
        + "\ndef reply(messages, rollout, seed):\n    return says(messages, verdict=['correct', 'incorrect'][rollout % 2])\n"
    )
    two = table(built(tmp_path / "two", JUDGED.replace("with:", "votes: 2, with:"), referee, sums(4)), "judged")
    assert set(two["correctness_status"]) == {"no_verdict"} and two["correctness"].null_count() == 4
    three = table(built(tmp_path / "three", JUDGED.replace("with:", "votes: 3, with:"), referee, sums(4)), "judged")
    assert set(three["correctness"]) == {1.0} and set(three["correctness_agreement"]) == {2 / 3}


DEAD = {
    "garbage": "def reply(messages, rollout, seed):\n    return 'The response is incorrect.'\n",
    "empty": "def reply(messages, rollout, seed):\n    return ''\n",
    "always cut": "def reply(messages, rollout, seed):\n    return '<think>' + 'hm ' * 50\n",
    "a code of its own": HONEST
    + "\ndef reply(messages, rollout, seed):\n    return json.dumps({'code': '00000000', 'analysis': '', 'verdict': 'incorrect'})\n",
}


@pytest.mark.parametrize("how", DEAD)
def test_a_dead_judge_fails_the_stage_and_is_not_paid_for_the_rest(tmp_path: Path, how: str):
    stages = JUDGED.replace("with:", "sampling: {max_tokens: 40}, retries: 0, with:")
    with pytest.raises(StageError, match="judged: the judge correctness gave no readable answer to 2[05]") as failed:
        built(tmp_path, stages, DEAD[how], sums(500))
    assert "max_errors is 0.05" in str(failed.value) and "\n" not in str(failed.value)
    lines = "".join(path.read_text() for path in (tmp_path / "outputs/store/journal").rglob("*.jsonl"))
    assert 20 <= lines.count('"key"') < 100  # the first shard and what was under way, not the five hundred


def test_a_few_failures_too_many_fail_the_stage_at_its_end_and_again_without_paying(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("REFEREE_LOG", str(tmp_path / "log"))
    referee = (
        CORRECTNESS
        + "\nfair = reply\ndef reply(*given):\n    return fair(*given) + ('' if '0 + ' not in given[0][-1]['content'] else ' Yes.')\n"
    )
    rows = sums(40)  # 0, 10, 20 and 30 fail: a tenth
    for _ in range(2):
        with pytest.raises(StageError, match="no readable answer to [34] of the"):
            built(tmp_path / "a", JUDGED, referee, rows)
    paid = len(asked(tmp_path / "log"))
    assert paid <= 40 + 2 * 4
    made = table(built(tmp_path / "a", JUDGED.replace("with:", "max_errors: 0.2, with:"), referee, rows), "judged")
    assert made["correctness_status"].to_list().count("error") == 4
    unpaid = len(set(asked(tmp_path / "log")))
    assert unpaid == len(asked(tmp_path / "log"))  # no prompt twice


def test_rows_that_were_never_put_to_it_do_not_hide_that_a_judge_fails(tmp_path: Path):
    rows = sums(10) + [{"ask": f"{n}?", "gold": None, "say": "x"} for n in range(190)]
    referee = (
        CORRECTNESS
        + "\nfair = reply\ndef reply(*given):\n    return fair(*given) if '5 + 5?' in given[0][-1]['content'] else 'no'\n"
    )
    with pytest.raises(StageError, match="no readable answer to 9 of the 10 cases"):
        built(tmp_path, JUDGED, referee, rows)


def test_a_second_build_asks_nothing_and_more_votes_pay_only_for_the_new_ones(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("REFEREE_LOG", str(tmp_path / "log"))
    built(tmp_path / "a", JUDGED, rows=sums(10))
    built(tmp_path / "a", JUDGED)
    assert len(asked(tmp_path / "log")) == 10
    built(tmp_path / "a", JUDGED.replace("with:", "votes: 3, with:"))
    assert len(asked(tmp_path / "log")) == 30
    built(tmp_path / "a", JUDGED.replace("[correctness]", "[correctness, {clarity: {longest: 500}}]"), ALL)
    assert len(asked(tmp_path / "log")) == 30 + 20  # another script is another model


def test_the_judge_may_think_first_and_its_prefill_is_part_of_what_it_says(tmp_path: Path):
    referee = (
        CORRECTNESS
        + "\nfair = reply\ndef reply(*given):\n    return 'Is {it} right?\\n</think>\\n\\n' + fair(*given)\n"
    )
    for settings in ('prefill: "<think>\\n", ', ""):
        made = table(
            built(tmp_path / f"p{len(settings)}", JUDGED.replace("with:", f"{settings}with:"), referee, sums(6)),
            "judged",
        )
        assert made["correctness"].null_count() == 0


def test_what_the_response_says_is_judged_and_what_it_thinks_is_not(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("REFEREE_LOG", str(tmp_path / "log"))
    folder = tmp_path / "a"
    folder.mkdir()
    said = [
        "<think>\nI thought 7.\n</think>\n\nIt is 8.",
        "<think>\nI thought 8.\n</think>\n\nIt is 7.",
        "<think>\nI thought 7",
    ]
    write_rows(folder / "teacher.jsonl", [{"question": "3 + 4?", "responses": said}])
    stages = """  traces: {do: generate, from: problems, model: teacher, group_size: 3}
  judged: {do: judge, from: traces, model: referee, with: [correctness]}
  seen: {do: judge, from: judged, model: referee, with: [behaviours]}
"""
    stages = "  problems: {do: load, path: rows.jsonl, question: ask, answer: gold}\n" + stages
    recipe = RECIPE.replace("stages:", "  teacher: {engine: scripted, answers: teacher.jsonl}\nstages:").partition(
        "  rows:"
    )[0]
    write_rows(folder / "rows.jsonl", [{"ask": "3 + 4?", "gold": "7"}])
    (folder / "referee.py").write_text(ALL)
    (folder / "recipe.yaml").write_text(recipe + stages)
    assert command("build", "recipe.yaml", cwd=folder).returncode == 0
    made = pl.read_parquet(folder / "outputs/judged/seen/shard-*.parquet").sort("rollout")
    assert made["correctness_status"].to_list() == ["incorrect", "correct", "no_answer"]
    assert made["correctness"].to_list() == [0, 1, 0] and made["correctness_votes"].to_list() == [1, 1, None]
    prompts = asked(tmp_path / "log")
    thought = ["I thought" in prompt for prompt in prompts]
    assert len(prompts) == 2 + 3 and thought == [
        False,
        False,
        True,
        True,
        True,
    ]  # behaviours are counted in the thinking


OWN = '''"""Polite: whether the response says please."""

from functools import partial
from typing import ClassVar

from pydantic import Field

from datafactory.config import Base
from datafactory.judges import Judge, beside
from datafactory.settings import Prompt
from datafactory.types import Verdict

FACTS = {"times": "Float64"}


class Config(Judge):
    places: ClassVar = ("response",)
    prompt: Prompt = Field(default_factory=partial(beside, __file__))


class Answer(Base):
    times: int


def shown(problem, completion, config):
    return {"response": completion.response}


def opinion(answer, config):
    return Verdict.scored(float(answer.times > 0), "", {"times": answer.times})
'''
OWN_REFEREE = (
    HONEST
    + "\ndef reply(messages, rollout, seed):\n    return json.dumps({'code': code_of(messages), 'times': fields(messages)['response'].count('please')})\n"
)


def test_a_judge_of_ones_own_stands_beside_the_recipe_with_its_prompt(tmp_path: Path):
    stages = "  judged: {do: judge, from: rows, model: referee, with: [./polite.py], votes: 2}\n"
    (tmp_path / "polite.py").write_text(OWN)
    (tmp_path / "polite.txt").write_text("{response}\nHow often does it say please? JSON with code {code} and times.")
    rows = [{"ask": "a", "gold": None, "say": "please, please"}, {"ask": "b", "gold": None, "say": "now"}]
    first = built(tmp_path, stages, OWN_REFEREE, rows)
    assert dict(table(first, "judged").select("question", "polite_times").iter_rows()) == {"a": 2, "b": 0}
    (tmp_path / "polite.txt").write_text("{response}\nAnother prompt. {code}")
    assert built(tmp_path, stages, OWN_REFEREE).steps["judged"].fingerprint != first.steps["judged"].fingerprint


def test_a_prompt_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("REFEREE_LOG", str(tmp_path / "log"))
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "mine.txt").write_text("{code}: {question} / {reference} / {response} / {answer}")
    stages = JUDGED.replace("[correctness]", "[{correctness: {prompt: mine.txt}}]")
    assert table(built(folder, stages, rows=sums(3)), "judged")["correctness"].null_count() == 0
    assert all(prompt.endswith("\n / {answer}") for prompt in asked(tmp_path / "log"))


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (JUDGED.replace("correctness", "pairwise"), "'pairwise' compares two completions, for `pairs`"),
        (JUDGED.replace("correctness", "corectness"), "no judge named 'corectness'. Did you mean 'correctness'?"),
        (JUDGED.replace("correctness", "math"), "no judge named 'math'"),
        (
            JUDGED.replace("[correctness]", "[{correctness: {prompt: 'Is {response} right? {code}'}}]"),
            "the prompt has no {question}; it needs {question} {reference} {response} {code}",
        ),
        (
            JUDGED.replace("[correctness]", "[{correctness: {promt: x.txt}}]"),
            "no setting named 'promt'. Did you mean 'prompt'?",
        ),
        (JUDGED.replace("with:", "votes: 3, sampling: {temperature: 0}, with:"), "at temperature 0 all 3 are the same"),
        (JUDGED.replace("referee", "refree"), "no model named 'refree' above. Did you mean 'referee'?"),
        (
            JUDGED + JUDGED.replace("judged:", "again:").replace("from: rows", "from: judged"),
            "the source has a column 'correctness' already",
        ),
        (JUDGED.replace("correctness", "./own.py"), "own.py has no class named 'Answer'"),
    ],
    ids=lambda value: value[-60:].strip(),
)
def test_a_mistake_in_the_recipe_is_told_before_anything_runs(tmp_path: Path, stages: str, said: str):
    (tmp_path / "own.py").write_text("def opinion(answer, config): ...\n")
    with pytest.raises(UserError) as found:
        built(tmp_path, stages, rows=sums(2))
    assert said in str(found.value)
    assert not (tmp_path / "outputs").exists()


def test_whole_numbers_are_no_mean_of_votes(tmp_path: Path):
    (tmp_path / "polite.py").write_text(OWN.replace("Float64", "Int32"))
    (tmp_path / "polite.txt").write_text("{response} {code}")
    with pytest.raises(UserError, match="'polite' declares times as a whole number; the mean of votes is a Float64"):
        built(tmp_path, JUDGED.replace("correctness", "./polite.py"), rows=sums(2))


def test_a_build_shows_grades_as_grades_and_the_judges_are_listed(tmp_path: Path):
    write_rows(tmp_path / "rows.jsonl", sums(6))
    (tmp_path / "referee.py").write_text(ALL)
    recipe = "models:\n  referee: {engine: scripted, function: ./referee.py}\nstages:\n"
    recipe += "  rows: {do: load, path: rows.jsonl, question: ask, answer: gold, response: say}\n"
    recipe += JUDGED.replace("[correctness]", "[correctness, clarity]") + "  data: {do: merge, from: [judged]}\n"
    (tmp_path / "r.yaml").write_text(recipe)
    ended = command("build", "r.yaml", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "judged: mean correctness reward 66.7 % over 6 decided rows" in ended.stderr
    assert "judged: mean clarity grade 4" in ended.stderr
    report = (tmp_path / "outputs/r/data/report.html").read_text()
    assert "s-scored" in report and "clarity grades" in (tmp_path / "outputs/r/data/README.md").read_text()
    listed = command("list", "judges").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["behaviours", "clarity", "correctness", "pairwise"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('{"times": answer.times}', '{"often": answer.times}', "gives facts that its FACTS do not declare: often"),
        ("return Verdict.scored(", "return str(", "returned str, not a Verdict"),
    ],
)
def test_a_judge_of_ones_own_that_says_what_it_did_not_declare_is_told_so(
    tmp_path: Path, before: str, after: str, said: str
):
    (tmp_path / "polite.py").write_text(
        OWN.replace(before, after).replace('str(float(answer.times > 0), "", {"times": answer.times})', "'yes'")
    )
    (tmp_path / "polite.txt").write_text("{response} {code}")
    with pytest.raises(StageError, match=f"judged: the judge polite {said}"):
        built(tmp_path, JUDGED.replace("correctness", "./polite.py"), OWN_REFEREE, sums(2))


def test_a_judge_of_ones_own_that_raises_loses_its_row_and_says_why(tmp_path: Path):
    broken = OWN.replace("    return {", "    assert completion.response != 'now', 'not now'\n    return {")
    (tmp_path / "polite.py").write_text(broken)
    (tmp_path / "polite.txt").write_text("{response} {code}")
    rows = [{"ask": "a", "gold": None, "say": "please"}, {"ask": "b", "gold": None, "say": "now"}]
    stages = JUDGED.replace("correctness", "./polite.py").replace("with:", "max_errors: 0.5, with:")
    made = table(built(tmp_path / ".", stages, OWN_REFEREE, rows), "judged").sort("question")
    assert (
        made["polite_status"].to_list() == ["scored", "error"] and made["polite_detail"][1] == "AssertionError: not now"
    )
