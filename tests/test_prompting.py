"""Prompts: placeholders in one pass, slips that are told, base models without a template, conversations so far."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory.chat import conversation, slips
from datafactory.prompting import Prompting

from .conftest import REPOSITORY, command, write_rows

ECHO = "def complete(request):\n    return repr((len(request.messages), request.prompt))\n"
R1_ZERO = REPOSITORY / "recipes" / "prompts" / "r1_zero.txt"


def prompting(folder: Path, **settings: Any) -> Prompting:
    return Prompting.model_validate(settings, context={"folder": folder})


def never(messages: Any, prefill: str) -> str:
    raise AssertionError("nothing is to be rendered")


def recipe(folder: Path, rows: list[dict[str, Any]], load: str, generate: str, more: str = "") -> Path:
    (folder / "echo.py").write_text(ECHO)
    write_rows(folder / "problems.jsonl", rows)
    path = folder / "recipe.yaml"
    path.write_text(
        "name: r\nmodels:\n  m: {engine: scripted, function: ./echo.py}\nstages:\n"
        f"  problems: {{do: load, path: problems.jsonl, {load}}}\n"
        f"  traces: {{do: generate, from: problems, model: m, {generate}}}\n{more}"
    )
    return path


def built(path: Path) -> pl.DataFrame:
    ran = command("build", path, cwd=path.parent)
    assert ran.returncode == 0, ran.stderr
    return pl.read_parquet(path.parent / "outputs/r/traces/shard-*.parquet")


# --- placeholders


@pytest.mark.parametrize(
    ("template", "meant"),
    [
        ("{qestion}", "question"),
        ("{Question}", "question"),
        ("{questions}", "question"),
        ("Choose: {choises}", "choices"),
        ("{domian} {question}", "domain"),
        ("{soruce}", "source"),
    ],
)
def test_a_name_in_braces_that_is_almost_a_placeholder_is_told(template: str, meant: str):
    (slip,) = slips(template)
    assert f"Did you mean {{{meant}}}?" in slip


@pytest.mark.parametrize(
    "template",
    [
        "{question} {choices} {domain} {source}",
        "\\boxed{answer} \\frac{a}{b} \\begin{main} \\text{sources}",
        '{"questions": [1, 2], "source": {"a": 1}}',
        "{ qestion } {answer} {x} {} {0} {n + 1} {name}",
        "int main() { return question; }",
    ],
)
def test_other_braces_are_text(template: str):
    assert list(slips(template)) == []


@pytest.mark.parametrize("key", ["prompt", "system"])
def test_a_slip_is_an_error_of_the_recipe_with_its_line(tmp_path: Path, key: str):
    other = "" if key == "prompt" else 'prompt: "{question}", '
    path = recipe(tmp_path, [{"question": "q"}], "", f'{other}{key}: "{{qestion}} {{question}}"')
    ran = command("plan", path)
    assert ran.returncode == 2
    assert f"recipe.yaml:6: stages.traces.{key}: has {{qestion}}" in ran.stderr and "{question}?" in ran.stderr


def test_a_slip_in_a_students_prompt_is_told_too(tmp_path: Path):
    more = (
        "  data: {do: merge, from: [traces]}\n"
        '  student: {do: distill, from: data, model: b, prompt: "{question} {domian}"}\n'
    )
    path = recipe(tmp_path, [{"question": "q"}], "", "group_size: 1", more)
    path.write_text(path.read_text().replace("models:\n", "models:\n  b: {model: some/model}\n"))
    ran = command("plan", path)
    assert ran.returncode == 2 and "stages.student.prompt: has {domian}" in ran.stderr


def test_placeholders_are_filled_in_one_pass_in_prompt_and_system_prompt(tmp_path: Path):
    found = prompting(tmp_path, prompt="{domain}: {question}\n{choices}", system="You know {domain}.")
    row = {"question": "Is {domain} {choices}?", "domain": "{question}", "choices": '["{source}", "b"]'}
    assert found.messages(row) == [
        {"role": "system", "content": "You know {question}."},
        {"role": "user", "content": "{question}: Is {domain} {choices}?\nA. {source}\nB. b"},
    ]


def test_options_that_the_prompt_does_not_show_are_noted_once_a_stage(tmp_path: Path):
    rows = [{"question": f"q{n}", "options": ["x", "y"] if n % 2 else None} for n in range(8)]
    path = recipe(tmp_path, rows, "choices: options, rows_per_shard: 2", "group_size: 2")
    said = command("build", path, cwd=tmp_path).stderr
    assert said.count("traces: 4 problems have options, and the prompt has no {choices} to show them") == 1
    path.write_text(path.read_text().replace("group_size: 2", 'prompt: "{question} {choices}"'))
    assert "{choices}" not in command("build", path, cwd=tmp_path).stderr


# --- without a template


def test_without_a_template_the_prompt_is_all_that_the_model_sees(tmp_path: Path):
    path = recipe(
        tmp_path,
        [{"question": "What is 2 + 2?"}],
        "",
        f'prompt: {R1_ZERO}, template: none, prefill: " <think>\\n", sampling: {{stop: ["User:"]}}',
    )
    (row,) = built(path).to_dicts()
    prompt = R1_ZERO.read_text().removesuffix("\n").replace("{question}", "What is 2 + 2?") + " <think>\n"
    assert prompt.endswith("\nUser: What is 2 + 2?\nAssistant: <think>\n")
    said = repr((0, prompt)).partition("User:")[0]  # `stop` cuts it where a base model would ask itself on
    assert row["response"] == f"<think>\n{said}".strip() and row["finish_reason"] == "stop"


def test_without_a_template_what_stands_before_is_plain_text(tmp_path: Path):
    write_rows(tmp_path / "examples.jsonl", [{"question": "1 + 1?", "response": "2"}])
    found = prompting(
        tmp_path, prompt="Q: {question}\nA:", system="Sums.", examples="examples.jsonl", template="none", prefill=" so"
    )
    history = json.dumps([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}])
    messages, text = found.put({"question": "2 + 2?", "history": history}, never)
    assert messages == []
    assert text == "Sums.\n\nQ: 1 + 1?\nA: 2\n\nUser: hi\n\nAssistant: ho\n\nQ: 2 + 2?\nA: so"


def test_a_prompt_with_a_template_is_another_completion_than_one_without(tmp_path: Path):
    path = recipe(tmp_path, [{"question": "q"}], "", "template: none")
    assert built(path)["response"].to_list() == ["(0, 'q')"]
    path.write_text(path.read_text().replace("template: none", "template: chat"))
    assert built(path)["response"].to_list() == [r"(1, 'user: q\n')"]


# --- conversations


def test_a_conversation_stands_before_the_question_and_in_what_is_published(tmp_path: Path):
    parts = [{"type": "text", "text": "And "}, {"type": "text", "text": "3?"}]
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": parts},
    ]
    share = [{"from": "human", "value": "a?"}, {"from": "gpt", "value": "b"}, {"from": "human", "value": "And 3?"}]
    path = recipe(
        tmp_path,
        [{"messages": turns}, {"messages": share}, {"messages": [{"role": "user", "content": "alone?"}]}],
        "history: messages",
        "group_size: 1",
        "  data: {do: merge, from: [traces], shuffle: false}\n",
    )
    rows = {row["response"]: row for row in built(path).to_dicts()}
    said = [
        "system: Be kind.\nuser: 1?\nassistant: 2\nuser: And 3?\n",
        "user: a?\nassistant: b\nuser: And 3?\n",
        "user: alone?\n",
    ]
    assert set(rows) == {repr((text.count("\n"), text)) for text in said}
    assert sorted(row["question"] for row in rows.values()) == ["And 3?", "And 3?", "alone?"]
    assert len({row["problem_id"] for row in rows.values()}) == 3  # the same question in two conversations
    published = pl.read_parquet(tmp_path / "outputs/r/data/data/*.parquet").to_dicts()
    assert sorted([turn["role"][0] for turn in row["messages"]] for row in published) == [
        ["s", "u", "a", "u", "a"],
        ["u", "a"],
        ["u", "a", "u", "a"],
    ]


def test_an_empty_system_prompt_is_a_turn_without_text_and_no_line_of_plain_text(tmp_path: Path):
    empty = prompting(tmp_path, system="")
    assert empty.messages({"question": "q"})[0] == {"role": "system", "content": ""}, "a template adds none of its own"
    assert prompting(tmp_path).messages({"question": "q"})[0]["role"] == "user"
    assert prompting(tmp_path, system="", template="none").put({"question": "q"}, str)[1] == "q"


def test_the_stages_system_prompt_stands_in_for_the_conversations(tmp_path: Path):
    history = json.dumps([{"role": "system", "content": "old"}, {"role": "assistant", "content": "hi"}])
    found = prompting(tmp_path, system="new").messages({"question": "q", "history": history})
    assert [turn["content"] for turn in found] == ["new", "hi", "q"]


def test_a_question_of_its_own_follows_the_conversation(tmp_path: Path):
    turns = [{"role": "user", "content": "1?"}, {"role": "assistant", "content": "2"}]
    again = [*turns, {"role": "user", "content": "and now?"}]
    rows = [{"question": "and now?", "before": json.dumps(turns)}, {"question": "first?", "before": None}]
    table = built(recipe(tmp_path, rows, "history: before", "group_size: 1"))
    assert table["response"].to_list() == [
        repr((3, "user: 1?\nassistant: 2\nuser: and now?\n")),
        repr((1, "user: first?\n")),
    ]
    said_twice = tmp_path / "b"
    said_twice.mkdir()
    rows = [{"question": "and now?", "before": again}]
    assert built(recipe(said_twice, rows, "history: before", "group_size: 1"))["response"][0] == table["response"][0]


def test_what_was_said_after_the_question_is_no_part_of_the_prompt_and_is_kept(tmp_path: Path):
    turns = [{"role": "user", "content": "1?"}, {"role": "assistant", "content": "an old answer"}]
    (row,) = built(recipe(tmp_path, [{"messages": turns}], "history: messages", "group_size: 1")).to_dicts()
    assert row["response"] == repr((1, "user: 1?\n")) and row["history"] is None
    assert json.loads(row["meta"])["messages"] == turns


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            "problems.jsonl:1: the column 'messages': turn 1 has a part of type 'image_url'; only text",
        ),
        ([{"role": "tool", "content": "x"}], "turn 1 has the role 'tool'; there is system, user and assistant"),
        ([{"role": "user", "content": None}], "turn 1 has no text: its content is NoneType"),
        ("hello", "should be a conversation, a list of {role, content}, not 'hello'"),
        ([{"role": "assistant", "content": "x"}], "has no turn of the user, and so no question"),
    ],
)
def test_a_conversation_that_cannot_be_put_to_a_model_is_told_with_its_place(tmp_path: Path, cell: Any, said: str):
    path = recipe(tmp_path, [{"messages": cell}], "history: messages", "group_size: 1")
    ran = command("build", path, cwd=tmp_path)
    assert ran.returncode == 1 and said in ran.stderr and "Traceback" not in ran.stderr, ran.stderr


def test_a_history_that_is_no_column_is_an_error_of_the_recipe(tmp_path: Path):
    ran = command("plan", recipe(tmp_path, [{"messages": []}], "history: mesages", "group_size: 1"))
    assert ran.returncode == 2 and "the source has no column 'mesages'. Did you mean 'messages'?" in ran.stderr


def test_a_foreign_file_of_conversations_is_read_by_its_text_parts(tmp_path: Path):
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "2 + 2?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "It is \\boxed{4}."}]},
    ]
    write_rows(tmp_path / "rows.jsonl", [{"messages": turns, "answer": "4"}])
    ran = command("verify", "rows.jsonl", "--with", "math", "--out", "out.jsonl", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads((tmp_path / "out.jsonl").read_text())["math"] == 1
    turns[0]["content"].append({"type": "image_url", "image_url": {"url": "x"}})
    write_rows(tmp_path / "rows.jsonl", [{"messages": turns, "answer": "4"}])
    ran = command("verify", "rows.jsonl", "--with", "math", "--out", "out2.jsonl", cwd=tmp_path)
    assert ran.returncode != 0 and "a part of type 'image_url'" in ran.stderr and "Traceback" not in ran.stderr


def test_a_conversation_is_read_from_json_text_too():
    assert conversation('[{"role": "user", "content": "a"}]') == [{"role": "user", "content": "a"}]
