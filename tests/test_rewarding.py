"""A reward is checked when the recipe is read: its parts, its columns, that it is a number of one rollout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory.errors import UserError
from datafactory.factory import explain
from datafactory.recipe import read_recipe
from datafactory.reward_expression import refused, rewards, sum_of
from datafactory.stages.grpo import Config
from datafactory.tables import TYPES
from tests.conftest import REPOSITORY, write_rows

RECIPE = """models:
  base: {model: ./base}
  referee: {engine: scripted, function: ./referee.py}
stages:
  problems: {do: load, path: problems.jsonl}
  chat: {do: load, path: chat.jsonl}
  zero:
    do: grpo
    from: problems
    model: base
"""
GENERAL = "general: {from: chat, reward_models: {helpful: {model: base}}"


def zero(folder: Path, *lines: str) -> Config:
    """The settings of a recipe's training, these lines among them."""
    (folder / "base").mkdir(exist_ok=True)
    (folder / "base" / "config.json").write_text("{}")
    (folder / "referee.py").write_text("def answer(question, rollout, seed): return ''\n")
    (folder / "loose.py").write_text("VERSION = 1\n\ndef loose(rows):\n    return rows['response'].str.len_bytes()\n")
    write_rows(folder / "problems.jsonl", [{"question": "1?", "answer": "1", "domain": "math", "level": 2}])
    write_rows(folder / "chat.jsonl", [{"question": "Hi"}])
    lines = lines if any(line.startswith("with") for line in lines) else ("with: [math, format]", *lines)
    (folder / "r.yaml").write_text(RECIPE + "".join(f"    {line}\n" for line in lines))
    config = read_recipe(folder / "r.yaml").stages["zero"].config
    assert isinstance(config, Config)
    return config


def test_the_reward_is_the_verifiers_sum_by_default(tmp_path: Path):
    assert zero(tmp_path).expression == '"math" + "format"'
    config = zero(tmp_path, "measure: [language_consistency, {repetition: {ngram: 4}}]", "reward: math - repetition")
    assert config.expression == "math - repetition"
    assert config.parts == dict.fromkeys(("math", "format"), "verifier") | dict.fromkeys(
        ("language_consistency", "repetition"), "filter"
    )
    config = zero(tmp_path, f"{GENERAL}}}")
    assert config.general and config.general.expression == '"helpful"'


@pytest.mark.parametrize(
    "line",
    [
        "reward: CASE WHEN domain = 'code' THEN format ELSE math END",
        "reward: COALESCE(math, 0) + 0.1 * format - completion_tokens / 32768",
        "reward: math * CASE WHEN math_status = 'no_answer' THEN 0 ELSE 1 END",
        "reward: CASE WHEN finish_reason = 'length' THEN -1 ELSE math END",
    ],
)
def test_a_reward_speaks_of_parts_of_what_they_found_out_and_of_the_problem(tmp_path: Path, line: str):
    assert zero(tmp_path, line).expression == line.removeprefix("reward: ")


WRONG = {
    "reward: math + formt": r"zero.reward: no column named 'formt'. Did you mean 'format'",
    "reward: math +": r"zero.reward: 'math \+' is not SQL: ",
    "reward: math = 1": r"zero.reward: 'math = 1' is true or false, not a number; write CASE WHEN math = 1 THEN 1 ELSE 0",
    "reward: domain": r"zero.reward: 'domain' is no number",
    "reward: math + domain": r"zero.reward: 'math \+ domain' cannot be made of these columns",
    "reward: math - AVG(math)": r"zero.reward: 'math - AVG\(math\)' speaks of more than one rollout",
    "reward: '1'": r"zero.reward: '1' does not speak of a rollout's columns",
    "reward: (SELECT 1)": r"asks another table, and a reward is of one rollout",
    "measure: [repetiton]": r"zero.measure.repetiton: no filter named 'repetiton'. Did you mean 'repetition'",
    "measure: {repetition: {ngrams: 5}}": r"no setting named 'ngrams'. Did you mean 'ngram'",
    "measure: {repetition: {max: 0.2}}": r"has bounds, and a reward needs none; `reward` says what a value is worth",
    "measure: {pass_rate: {of: math}}": r"pass_rate: looks at the rows of a problem together, and a reward is of one",
    "measure: [near_duplicates]": r"near_duplicates: looks at all rows of a dataset, and a reward is of one rollout",
    "measure: {contamination: {against: problems.jsonl}}": r"contamination: compares with other rows, which is for the",
    "measure: [./loose.py]": r'looks at the rows of a problem together, .* or write SCOPE = "row" in it',
    "measure: {math: {filter: repetition}}": r"zero.measure.math: there is a column 'math' already",
    "measure: {reward: {filter: repetition}}": r"there is a column 'reward' already",
    "measure: {length: {unit: tokens, of: response}}": r"measure.length: the filter length: completion_tokens counts",
    "overlong: {buffer: 40000}": r"overlong.buffer: 40,000 tokens are more than max_completion_length, 32,768",
    "overlong: {bufer: 4096}": r"no setting named 'bufer'. Did you mean 'buffer'",
    "judges: {with: [clarity], model: refere}": r"zero.judges.model: no model named 'refere' above. Did you mean 'referee'",
    "judges: {with: [pairwise], model: referee}": r"judges.with",
    "judges: {with: [clarity], model: referee, votes: 3, sampling: {temperature: 0}}": r"judges.votes: at temperature 0",
    f"{GENERAL.replace('chat', 'chatt')}}}": r"zero.general.from: no stage named 'chatt' above. Did you mean 'chat'",
    f"{GENERAL.replace('base', 'bas')}}}": r"general.reward_models.helpful.model: no model named 'bas' above.",
    f"{GENERAL}, reward: helpfull}}": r"zero.general.reward: no column named 'helpfull'. Did you mean 'helpful'",
    f"{GENERAL}, reward: helpful + level}}": r"zero.general.reward: no column named 'level'",
    f"{GENERAL.replace('helpful', 'math')}}}": r"general.reward_models.math: there is a column 'math' already",
    "generation_batch_size: 768": r"generation_batch_size: 768 rollouts are shared out among steps of 512",
    "scale_rewards: batch": r"scale_rewards: is not a recipe's to set: `loss` decides it",
    "loss: bnpo": r"zero.loss: ",
    "epsilon_hihg: 0.28": r"no setting named 'epsilon_hihg'. Did you mean 'epsilon_high'",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_said_before_anything_runs(tmp_path: Path, line: str):
    with pytest.raises(UserError, match=WRONG[line]):
        zero(tmp_path, line)


def test_reward_models_and_judges_are_named_above_and_general_rows_have_no_part_of_the_problems(tmp_path: Path):
    zero(tmp_path, f"{GENERAL}, reward: helpful + format, last_steps: 400}}")
    stage = read_recipe(tmp_path / "r.yaml").stages["zero"]
    assert (stage.datasets, stage.models) == (("problems", "chat"), ("base",))
    zero(tmp_path, "judges: {with: [clarity], model: referee}", "reward: math + 0.2 * clarity")
    assert read_recipe(tmp_path / "r.yaml").stages["zero"].models == ("base", "referee")


def test_a_null_in_an_added_part_makes_no_reward_and_coalesce_makes_one():
    rows = pl.DataFrame(
        {"math": [1.0, None, 0.0, 1.0], "format": [1.0, 1.0, None, 0.0], "domain": ["code", "code", None, "math"]}
    )
    found: dict[str, list[Any]] = {
        sum_of(["math", "format"]): [2, None, None, 1],
        "COALESCE(math, 0.25) + format": [2, 1.25, None, 1],
        "CASE WHEN domain = 'code' THEN format ELSE math END": [1, 1, 0, 1],
        "math / format": [1, None, None, None],  # what is not finite is not decided
        "CASE WHEN math = 1 THEN 1 ELSE 0 END": [1, 0, 0, 1],
    }
    for text, wanted in found.items():
        assert rewards(text, rows).to_list() == wanted, text
        assert rewards(text, rows).dtype == pl.Float64


def test_a_column_of_unknown_type_may_be_what_fits():
    kinds = {"math": pl.Float64, "level": None}
    assert refused("math * level", kinds) is None
    assert refused("CASE WHEN level = 'hard' THEN 2 * math ELSE math END", kinds) is None
    assert refused("level + domain", {"level": pl.String, "domain": pl.String}) is not None


def test_a_column_that_no_number_is_made_of_does_not_stand_in_the_way():
    kinds = {"math": pl.Float64, "prompt": TYPES["prompt"], "day": pl.Date, "blank": pl.Null}
    assert refused("math + 1", kinds) is None
    assert refused("CASE WHEN prompt IS NULL THEN 0 ELSE math END", kinds) is None
    assert refused("prompt", kinds) == "'prompt' is no number"


def test_the_plan_tells_how_many_rollouts_there_will_be_at_most(tmp_path: Path):
    zero(tmp_path, "max_steps: 32", "generation_batch_size: 8192", "num_iterations: 2", "dynamic_sampling: 3")
    assert any(
        "32 steps of 512 rollouts of at most 32,768 tokens: 8,192 rollouts, at most 268,435,456 tokens, and up to 3"
        in one
        for one in explain(tmp_path / "r.yaml", tmp_path / "out")
    )
    zero(tmp_path)  # how many problems there will be is not known yet
    assert any(
        one.endswith("  steps of 512 rollouts of at most 32,768 tokens")
        for one in explain(tmp_path / "r.yaml", tmp_path / "out")
    )


def test_the_r1_zero_recipe_has_the_papers_numbers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    stages = read_recipe(REPOSITORY / "recipes" / "r1_zero.yaml").stages
    zero, longer = stages["zero"].config, stages["zero_long"].config
    assert isinstance(zero, Config) and isinstance(longer, Config)
    assert (zero.learning_rate, zero.beta, zero.temperature, zero.group_size) == (3e-6, 0.001, 1, 16)
    assert (zero.step_size, zero.step_size // zero.group_size, zero.round_size) == (512, 32, 8192)
    assert (zero.max_completion_length, longer.max_completion_length) == (32768, 65536)
    assert zero.max_steps + longer.max_steps == 10_400 and zero.ref_model_sync_steps == 400
    assert zero.max_steps % 16 == longer.max_steps % 16 == 0
    same = ("learning_rate", "beta", "temperature", "group_size", "round_size", "expression", "verifiers", "prompt")
    assert all(getattr(zero, name) == getattr(longer, name) for name in same)
    assert zero.trl["use_vllm"] and zero.trl["vllm_mode"] == "colocate"
    assert "{question}" in zero.prompt.content and zero.template == "none"
