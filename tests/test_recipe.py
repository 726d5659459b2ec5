"""A recipe's mistakes: each one line, at the right place, with the right suggestion, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from datafactory.errors import UserError
from datafactory.page import read_page
from datafactory.recipe import read_recipe

from .conftest import RECIPE, REPOSITORY, command


def mistakes(path: Path, text: str, **options) -> list[str]:
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_recipe(path, **options)
    return [line.replace(f"{path}:", "") for line in caught.value.problems]


def test_a_sound_recipe_keeps_its_stages_in_page_order(small: Path):
    recipe = read_recipe(small)
    assert list(recipe.stages) == ["problems", "traces", "checked", "clean", "accepted", "chat", "dataset"]
    assert recipe.stages["dataset"].datasets == ("accepted", "chat")
    assert recipe.stages["traces"].models == ("teacher",)


def test_every_shipped_recipe_is_sound():
    found = sorted((REPOSITORY / "recipes").glob("*.yaml"))
    assert found
    for path in found:
        read_recipe(path)


@pytest.mark.parametrize(
    ("right", "wrong", "line", "message"),
    [
        (
            "group_size: 4",
            "group_sise: 4",
            11,
            "stages.traces.group_sise: no setting named 'group_sise'. Did you mean 'group_size'?",
        ),
        (
            "temperature: 0.7",
            "temprature: 0.7",
            13,
            "stages.traces.sampling.temprature: no setting named 'temprature'. Did you mean 'temperature'?",
        ),
        (
            "model: teacher",
            "model: techer",
            10,
            "stages.traces.model: no model named 'techer' above. Did you mean 'teacher'?",
        ),
        (
            "from: traces",
            "from: accepted",
            14,
            "stages.checked.from: 'accepted' stands below; a stage reads only what stands above it",
        ),
        (
            "from: traces",
            "from: checked",
            14,
            "stages.checked.from: 'checked' stands below; a stage reads only what stands above it",
        ),
        (
            "from: traces",
            "from: tracs",
            14,
            "stages.checked.from: no stage named 'tracs' above. Did you mean 'traces'?",
        ),
        ("group_size: 4", "group_size: four", 11, "stages.traces.group_size: should be a whole number, not 'four'"),
        ("group_size: 4", "group_size: 0", 11, "stages.traces.group_size: should be greater than or equal to 1, not 0"),
        (
            "question: ask, answer",
            "question: aks, answer",
            6,
            "stages.problems.question: the source has no column 'aks'. Did you mean 'ask'? It has: ask, gold, n.",
        ),
        (
            "[math, format]",
            "[maths, format]",
            14,
            "stages.checked.with.0: no verifier named 'maths'. Did you mean 'math'?",
        ),
        ("{max: 0.5}", "{maximum: 0.5}", 15, "stages.clean.keep.repetition.maximum: no setting named 'maximum'"),
        (
            "repetition:",
            "repetitions:",
            15,
            "stages.clean.keep.repetitions: no filter named 'repetitions'. Did you mean 'repetition'?",
        ),
        ("of: math", "of: maths", 15, "stages.clean.keep.pass_rate.of: no column named 'maths'. Did you mean 'math'?"),
        ("where: math = 1", "where: mth = 1", 16, "stages.accepted.where: no column named 'mth'. Did you mean 'math'?"),
        (
            "where: math = 1",
            "where: math = = 1",
            16,
            "stages.accepted.where: 'math = = 1 and format = 1' is not a SQL condition",
        ),
        (
            "prefer: completion_tokens",
            "prefer: completion_token",
            16,
            "stages.accepted.prefer: no column named 'completion_token'. Did you mean 'completion_tokens'?",
        ),
        (
            "math = 1 and format",
            "math_status = 1 and format",
            16,
            "stages.accepted.where: 'math_status = 1 and format = 1' cannot be asked of these columns",
        ),
        (
            "where: math = 1 and format = 1",
            "where: math + 1",
            16,
            "stages.accepted.where: 'math + 1' is not true or false",
        ),
        (
            "[math, format]",
            "[math, {format: think_answer}]",
            14,
            "stages.checked.with.1: should be settings, as in {format: {...}}, not 'think_answer'",
        ),
        ("{max: 0.5}", "{max: .inf}", 15, "stages.clean.keep.repetition.max:"),
        ("from: checked", "from: chat_rows", 15, "stages.clean.from: no stage named 'chat_rows' above"),
        ("do: merge", "do: merg", 18, "stages.dataset.do: no stage named 'merg'. Did you mean 'merge'?"),
        (
            "engine: scripted",
            "engine: scriptd",
            4,
            "models.teacher.engine: no engine named 'scriptd'. Did you mean 'scripted'?",
        ),
        ("./teacher.py", "./teachers.py", 4, "models.teacher.function: there is no"),
        ("path: chat.jsonl", "path: chta.jsonl", 17, "stages.chat.path: there is no"),
        ("seed: 1", "sead: 1", 2, "sead: no setting named 'sead'. Did you mean 'seed'?"),
        ("[accepted, chat]", "[accepted, accepted]", 18, "stages.dataset.from: names a dataset twice"),
        ("name: small", "name: store", 1, "name: should be a word"),
        ("  chat:", "  traces:", 17, "'traces' stands twice, first in line 7"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(small: Path, right, wrong, line, message):
    assert RECIPE.count(right) == 1 or right in ("from: traces", "repetition:"), right
    told = mistakes(small, RECIPE.replace(right, wrong))
    assert told[0].startswith(f"{line}: {message}"), told


UNTIL = "until: {accepted: 2, where: math = 1}\n    with: [math]\n    target: 5"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (UNTIL.replace("accepted", "acepted"), "until.acepted: no setting named 'acepted'. Did you mean 'accepted'?"),
        (UNTIL.replace("2", "99"), "until: 99 accepted cannot come of max_rollouts: 64"),
        ("budget: 5000", "budget: should be settings, {tokens: ..., cost: ...}, not 5000"),
        ("thinking: 400", "thinking: should be settings, {budget: ..., extend: ..., wait: ..., final: ...}, not 400"),
        ("prefill: 3", "prefill: should be a text, not 3"),
        ("max_errors: few", "max_errors: should be a number, not 'few'"),
    ],
)
def test_a_mistake_in_how_a_model_is_asked_is_told_once(small: Path, settings: str, message: str):
    told = mistakes(small, RECIPE.replace("group_size: 4", settings))
    assert len(told) == 1 and told[0].startswith(f"11: stages.traces.{message}"), told


def test_a_condition_of_a_verifier_that_is_not_there_is_one_mistake(small: Path):
    told = mistakes(small, RECIPE.replace("group_size: 4", UNTIL.replace("[math]", "[maths]")))
    assert told == ["12: stages.traces.with.0: no verifier named 'maths'. Did you mean 'math'?"]


def test_a_revision_where_there_are_no_weights_is_told(small: Path):
    told = mistakes(small, RECIPE, assignments=("models.teacher.revision=main",))
    assert told[0].endswith("models.teacher.revision: pins weights, and the engine scripted takes none")


def test_all_mistakes_are_told_at_once_in_page_order(small: Path):
    text = RECIPE
    for right, wrong in (
        ("group_size: 4", "group_sise: 4"),
        ("model: teacher", "model: techer"),
        ("question: ask, answer", "question: aks, answer"),
        ("rows_per_shard: 10}", "rows_per_shard: ten}"),
        ("do: merge", "do: merg"),
        ("where: math = 1", "whre: math = 1"),
    ):
        text = text.replace(right, wrong)
    told = mistakes(small, text)
    assert [int(line.split(":")[0]) for line in told] == [6, 6, 10, 11, 16, 18]


def test_a_recipe_that_is_no_yaml_names_the_line(small: Path):
    assert mistakes(small, "name: x\nstages: {a: [}\n")[0].startswith("2: not valid YAML")


def test_words_of_yaml_1_1_are_words_and_exponents_are_numbers(small: Path):
    small.write_text(RECIPE.replace("name: small", "name: no").replace("temperature: 0.7", "temperature: 5e-1"))
    recipe = read_recipe(small)
    assert recipe.name == "no"
    assert recipe.stages["traces"].config.sampling.temperature == 0.5


def test_a_merge_key_shares_settings_and_own_ones_count_before_them(small: Path):
    text = "a: &a {x: 1, y: {z: 2}}\nb:\n  <<: *a\n  x: 3\nc: {<<: [*a, {x: 5, w: 6}], y: 0}\nd: {'<<': 7}\n"
    small.write_text(text)
    page = read_page(small)
    assert page.values["b"] == {"x": 3, "y": {"z": 2}} and page.where(("b", "x")) == f"{small}:4: b.x"
    assert page.values["c"] == {"x": 1, "y": 0, "w": 6} and page.values["d"] == {"<<": 7}
    small.write_text("a: {<<: 3}\n")
    with pytest.raises(UserError, match=r":1: '<<' takes a mapping"):
        read_page(small)


def test_set_changes_a_setting_and_its_mistakes_name_it(small: Path):
    recipe = read_recipe(small, ("stages.traces.group_size=2",))
    assert recipe.stages["traces"].config.group_size == 2
    told = mistakes(small, RECIPE, assignments=("stages.traces.group_sise=2",))
    assert told == [
        "--set stages.traces.group_sise=2: stages.traces.group_sise: no setting named 'group_sise'. "
        "Did you mean 'group_size'?"
    ]


def test_set_on_a_stage_that_is_not_there_names_the_nearest(small: Path):
    told = mistakes(small, RECIPE, assignments=("stages.trces.group_size=2",))
    assert told == ["--set stages.trces.group_size=2: no 'trces' under stages. Did you mean 'traces'?"]


def test_limit_reaches_every_load(small: Path):
    recipe = read_recipe(small, limit=3)
    assert recipe.stages["problems"].config.limit == recipe.stages["chat"].config.limit == 3


def test_a_verifier_of_ones_own_that_does_not_load_is_told(small: Path):
    (small.parent / "mine.py").write_text("import nothing_of_that_name\n")
    told = mistakes(small, RECIPE.replace("[math, format]", "[math, ./mine.py]"))
    assert "does not load: ModuleNotFoundError" in told[0] and told[0].startswith("14: stages.checked.with.1")


def test_a_file_of_ones_own_without_its_function_is_told_before_anything_runs(small: Path):
    (small.parent / "mine.py").write_text("def verfy(problem, completion, config):\n    return None\n")
    told = mistakes(small, RECIPE.replace("[math, format]", "[math, ./mine.py]"))
    assert "has no function named 'verify'" in told[0]
    (small.parent / "mine.py").write_text("VERSION = 1\n")
    told = mistakes(small, RECIPE.replace("do: merge", "do: ./mine.py"))
    assert told[0].startswith("18: stages.dataset.do:") and "has no Config, columns, run" in told[0]


def test_rollouts_are_not_put_to_a_model_as_if_they_were_problems(small: Path):
    told = mistakes(
        small, RECIPE.replace("  checked:", "  again: {do: generate, from: traces, model: teacher}\n  checked:")
    )
    assert told == ["14: stages.again.from: these are rollouts already; generate from the problems they came from"]


def test_a_text_column_of_ones_own_can_be_asked_for(small: Path):
    text = RECIPE.replace("math = 1 and format = 1", "math_status = 'correct' and domain like 'm%'")
    small.write_text(text)
    assert read_recipe(small)


def test_mistakes_end_with_exit_code_2_and_nothing_is_written(small: Path):
    small.write_text(RECIPE.replace("group_size", "group_sise"))
    ended = command("build", "recipe.yaml", cwd=small.parent)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "recipe.yaml:11: stages.traces.group_sise: no setting named 'group_sise'. Did you mean 'group_size'?"
    ]
    assert not (small.parent / "outputs").exists()
