"""Calibrate measures a judge against a rule on the rows both decided, and stops a build whose judge is worse."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from datafactory.agreement import Agreement
from datafactory.errors import StageError, UserError
from datafactory.report.calibration import lines
from datafactory.stages.calibrate import Config, _measured
from tests.conftest import command
from tests.judges.scenes import CORRECTNESS, RECIPE, built, sums, table, write_rows

# wrong about sums of 10 to 13: four, of which one is wrong itself (12); silent about 20
OFTEN_RIGHT = CORRECTNESS + (
    "\nfair = reply\ndef reply(messages, rollout, seed):\n"
    "    n = int(fields(messages)['question'].split()[0])\n"
    "    said = fair(messages, rollout, seed)\n    if n == 20:\n        return 'hm'\n"
    "    return said if not 10 <= n < 14 else said.replace('\"correct', '\"in_correct').replace('\"incorrect', '\"correct').replace('in_', 'in')\n"
)
STAGES = """  checked: {do: verify, from: rows, with: [math]}
  judged: {do: judge, from: checked, model: referee, with: [correctness], retries: 0}
  calibration: {do: calibrate, from: judged, against: math, min_rows: 10}
"""


def rows() -> list[dict]:
    """60 sums, every third wrong; two that neither can decide."""
    odd = [{"ask": f"{n} + {n}?", "gold": None, "say": "It is 1."} for n in (100, 101)]
    return [*sums(60), *odd]


def bounded(**bounds: float) -> str:
    return STAGES.replace(
        "min_rows: 10", ", ".join(f"{key}: {value}" for key, value in {"min_rows": 10, **bounds}.items())
    )


def test_the_figures_are_those_of_the_rows_that_both_decided(tmp_path: Path):
    planned = built(tmp_path, STAGES, OFTEN_RIGHT, rows())
    found = planned.steps["calibration"].dataset.manifest["counts"]["calibration"]
    # 60 sums: 40 right, 20 wrong; the judge is silent about 20, a right one
    assert {
        what: (found[what]["count"], found[what]["of"])
        for what in ("agreement", "false accepts", "false rejects", "undecided")
    } == {
        "agreement": (55, 59),
        "false accepts": (1, 20),
        "false rejects": (3, 39),
        "undecided": (1, 60),
    }
    assert found["agreement"]["share"] == pytest.approx(55 / 59) and found["agreement"]["interval"][0] > 0.8
    chance = (37 * 39 + 22 * 20) / 59**2
    assert found["kappa"] == pytest.approx((55 / 59 - chance) / (1 - chance))


def test_rows_that_the_judge_was_not_asked_about_are_no_agreement():
    table = pl.LazyFrame(
        {
            "correctness": [1.0, 0.0, 0.0, None, None],
            "correctness_status": ["correct", "incorrect", "no_answer", "undecidable_gold", "no_verdict"],
            "math": [1.0, 0.0, 0.0, 1.0, 1.0],
        }
    )
    config = Config.model_validate({"from": "x", "against": "math"})
    assert _measured(config, table) == Agreement(right=1, wrong=1, undecided=1)
    own = table.drop("correctness_status")  # a column of the user's own has no status
    assert _measured(config, own) == Agreement(right=1, wrong=2, undecided=2)


def test_the_rows_pass_through_unchanged(tmp_path: Path):
    planned = built(tmp_path, STAGES, OFTEN_RIGHT, rows())
    assert table(planned, "calibration").equals(table(planned, "judged"))
    assert planned.steps["calibration"].stage.columns == planned.steps["judged"].stage.columns


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        (
            {"min_agreement": 0.95},
            "agreement 55 of 59 rows that both decided (93.2%, 95 % interval 83.8% to 97.3%), min_agreement is 0.95",
        ),
        ({"max_false_accepts": 0.04}, "false accepts 1 of 20 rows that math found wrong (5.0%"),
        ({"max_false_rejects": 0.07}, "false rejects 3 of 39 rows that math found right (7.7%"),
        ({"max_undecided": 0.01}, "undecided 1 of 60 rows that math decided (1.7%"),
    ],
)
def test_a_judge_that_is_worse_than_stated_stops_the_build(tmp_path: Path, bounds: dict, said: str):
    with pytest.raises(StageError) as stopped:
        built(tmp_path, bounded(**bounds), OFTEN_RIGHT, rows())
    text = str(stopped.value)
    assert text.startswith("calibration: correctness is worse than stated: ") and said in text
    first, *examples = text.splitlines()
    assert len(examples) == 3 and "Rows on which they differ:" in first
    assert (
        "question '12 + 12?', answer '24', response 'It is 25.', correctness 1, math 0" in examples[0]
    )  # what was accepted falsely leads
    assert "correctness_detail 'seen'" in examples[0]


def test_a_bound_that_is_just_met_is_met(tmp_path: Path):
    stages = bounded(max_false_accepts=0.05, max_undecided=0.0167, min_agreement=0.932, max_false_rejects=0.077)
    assert built(tmp_path, stages, OFTEN_RIGHT, rows()).steps["calibration"].dataset.rows == 62


def test_a_bound_that_was_changed_is_asked_again(tmp_path: Path):
    built(tmp_path, bounded(min_agreement=0.9), OFTEN_RIGHT, rows())
    with pytest.raises(StageError, match="min_agreement is 0.99"):
        built(tmp_path, bounded(min_agreement=0.99))


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        (
            {"min_rows": 60, "min_agreement": 0.5},
            "there are 59 rows that both decided, too few to tell agreement from; min_rows is 60",
        ),
        (
            {"min_rows": 21, "max_false_accepts": 0.5},
            "there are 20 rows that math found wrong, too few to tell false accepts from; min_rows is 21",
        ),
    ],
)
def test_too_few_rows_to_tell_are_said_to_be_too_few(tmp_path: Path, bounds: dict, said: str):
    with pytest.raises(StageError, match=said):
        built(tmp_path, bounded(**bounds), OFTEN_RIGHT, rows())


def test_without_a_bound_few_rows_are_only_shown(tmp_path: Path):
    planned = built(tmp_path, STAGES.replace("10}", "1000}"), OFTEN_RIGHT, rows())
    shown = lines(planned.steps["calibration"].dataset.manifest["counts"]["calibration"])
    assert shown[1] == ["false accepts", "1", "20", "5 %", "0.9 % to 23.6 %", "-"]


def test_grades_are_nothing_to_agree_about(tmp_path: Path):
    grader = (
        CORRECTNESS
        + "\ndef reply(messages, rollout, seed):\n    return says(messages, readable=3, coherent=3, friendly=3)\n"
    )
    with pytest.raises(StageError, match="clarity gives grades, and not right or wrong"):
        built(
            tmp_path,
            STAGES.replace("[correctness]", "[clarity]").replace("against:", "judge: clarity, against:"),
            grader,
            rows(),
        )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("against: math", "against: maths", "no column named 'maths'. Did you mean 'math'?"),
        ("against: math", "against: correctness", "is the judge itself"),
        (
            "against: math",
            "against: math, judge: corectness",
            "no column named 'corectness'. Did you mean 'correctness'?",
        ),
        ("min_rows: 10", "min_agreement: 90", "should be less than or equal to 1"),
    ],
)
def test_a_mistake_in_the_recipe_is_told_before_anything_runs(tmp_path: Path, before: str, after: str, said: str):
    with pytest.raises(UserError) as found:
        built(tmp_path, STAGES.replace(before, after), rows=rows())
    assert said in str(found.value)


def test_the_report_the_terminal_and_the_summary_show_it(tmp_path: Path):
    (tmp_path / "referee.py").write_text(OFTEN_RIGHT)
    write_rows(tmp_path / "rows.jsonl", rows())
    stages = (
        bounded(min_agreement=0.9)
        + "  good: {do: select, from: calibration, where: correctness = 1}\n  data: {do: merge, from: [good]}\n"
    )
    (tmp_path / "r.yaml").write_text(RECIPE + stages)
    ended = command("build", "r.yaml", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    line = (
        "correctness agrees with math on 93.2 % of 59 rows, 1 false accepts, 3 false rejects, 1 undecided, kappa 0.8523"
    )
    assert f"calibration: {line}" in ended.stderr
    inspected = command("inspect", "outputs/judged/calibration", cwd=tmp_path).stdout
    assert line in inspected and "at least 90 %" in inspected and "83.8 % to 97.3 %" in inspected
    report = (tmp_path / "outputs/judged/data/report.html").read_text()
    section = report.partition('id="calibration"')[2].partition("</section>")[0]
    assert '<td class="n">83.8 % to 97.3 %</td>' in section and "correctness against math" in section
    assert pl.read_parquet(tmp_path / "outputs/judged/data/data/*.parquet")["correctness"].min() == 1


# a judge that counts one check more than the thinking announces, and nothing else
COUNTER = CORRECTNESS + (
    "\ndef reply(messages, rollout, seed):\n"
    "    checks = fields(messages)['reasoning'].count('Let me check')\n"
    "    return says(messages, verification=checks + 1, backtracking=0, subgoals=0, backward=0)\n"
)
COUNTED = """  judged: {do: judge, from: rows, model: referee, with: [behaviours], retries: 0}
  counted: {do: filter, from: judged, keep: {verification: {min: 0}, backtracking: {min: 0}}}
  compared: {do: calibrate, from: counted, judge: behaviours_verification, against: verification, scale: counts, min_rows: 10}
"""


def checking(count: int) -> list[dict]:
    """Responses that check 0, 1, 2, 3, 0, ... times."""
    return [{"ask": f"{n}?", "gold": "1", "say": "So 1. " + "Let me check it. " * (n % 4)} for n in range(count)]


def test_a_judges_counts_stand_beside_a_filters_and_correlate(tmp_path: Path):
    planned = built(tmp_path, COUNTED, COUNTER, checking(24))
    rows = table(planned, "compared")
    assert rows["behaviours_verification"].to_list() == [n % 4 + 1 for n in range(24)]
    assert rows["verification"].to_list() == [n % 4 for n in range(24)]
    found = planned.steps["compared"].dataset.manifest["counts"]["correlation"]
    assert (found["rows"], found["mean"], found["bound"]) == (24, [2.5, 1.5], None)
    assert found["spearman"] == pytest.approx(1) and found["pearson"] == pytest.approx(1)


def test_counts_that_do_not_go_together_stop_the_build(tmp_path: Path):
    odd = COUNTER.replace("checks + 1", "checks * (3 - checks)")  # 0, 2, 2, 0 for 0, 1, 2, 3: no correlation
    with pytest.raises(
        StageError, match=r"correlate less than stated: Spearman's is -?0.00 .* over 24 rows, min_corr.* 0.5"
    ):
        built(tmp_path, COUNTED.replace("min_rows", "min_correlation: 0.5, min_rows"), odd, checking(24))


@pytest.mark.parametrize(
    ("against", "bound", "said"),
    [
        (
            "verification",
            "min_rows: 30, min_correlation: 0.1",
            "24 rows have both behaviours_verification and verification, too few",
        ),
        ("backtracking", "min_rows: 10, min_correlation: 0.1", "one of them is the same in all 24 rows"),
    ],
)
def test_counts_from_which_nothing_can_be_told_stop_the_build(tmp_path: Path, against: str, bound: str, said: str):
    stages = COUNTED.replace("against: verification", f"against: {against}").replace("min_rows: 10", bound)
    with pytest.raises(StageError, match=said):
        built(tmp_path, stages, COUNTER, checking(24))


def test_the_report_the_terminal_and_the_summary_show_how_counts_correlate(tmp_path: Path):
    (tmp_path / "referee.py").write_text(COUNTER)
    write_rows(tmp_path / "rows.jsonl", checking(24))
    (tmp_path / "r.yaml").write_text(RECIPE + COUNTED + "  data: {do: merge, from: [compared]}\n")
    ended = command("build", "r.yaml", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    line = "behaviours_verification and verification: Spearman's 1"
    means = "Pearson's 1 over 24 rows, means 2.5 and 1.5"
    assert f"compared: {line}" in ended.stderr and means in ended.stderr
    shown = " ".join(command("inspect", "outputs/judged/compared", cwd=tmp_path).stdout.split())
    assert line in shown and means in shown
    report = (tmp_path / "outputs/judged/data/report.html").read_text()
    section = report.partition('id="calibration"')[2].partition("</section>")[0]
    assert "behaviours_verification and verification" in section and means.partition(" ")[2] in section


@pytest.mark.parametrize(
    ("scale", "bound", "said"),
    [
        ("counts", "min_agreement: 0.9", "is a bound for verdicts; scale is counts"),
        ("verdicts", "min_correlation: 0.9", "is a bound for counts; scale is verdicts"),
    ],
)
def test_a_bound_of_the_other_scale_is_a_mistake(tmp_path: Path, scale: str, bound: str, said: str):
    stages = COUNTED.replace("scale: counts", f"scale: {scale}, {bound}")
    with pytest.raises(UserError, match=said):
        built(tmp_path, stages, COUNTER, checking(4))
