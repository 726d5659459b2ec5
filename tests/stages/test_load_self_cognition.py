"""Self-cognition: templates become rows with the model's name and its maker's, and nothing else is made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datafactory.errors import UserError
from datafactory.self_cognition import SHIPPED

from ..conftest import built, write_rows
from .loads import loaded, rejected, rows_of

WHO = "self_cognition: shipped, model_name: Heron-7, maker: Tidewater Labs"


def test_the_shipped_templates_become_rows_with_both_names(tmp_path: Path):
    dataset = loaded(tmp_path, WHO)
    rows = rows_of(dataset)
    templates = [json.loads(line) for line in SHIPPED.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len(templates) >= 60 and not rejected(dataset)
    for row, template in zip(rows, templates, strict=True):
        said = template["messages"] if "messages" in template else [template["question"], template["response"]]
        last = said[-1]["content"] if "messages" in template else said[-1]
        assert row["response"] == last.replace("{name}", "Heron-7").replace("{maker}", "Tidewater Labs")
        assert len(json.loads(row["history"] or "[]")) == len(said) - 2
        assert json.loads(row["meta"]) == {"language": template["language"]}
    text = json.dumps(rows)
    assert "{name}" not in text and "{maker}" not in text
    assert {(row["domain"], row["category"], row["source"], row["license"]) for row in rows} == {
        ("general", "self_cognition", "self_cognition", "Apache-2.0")
    }
    assert {row["reasoning"] for row in rows} == {None} and len({row["trace_id"] for row in rows}) == len(rows)
    other = rows_of(loaded(tmp_path, WHO.replace("Heron-7", "Heron-8")))
    assert not {row["trace_id"] for row in other if "Heron-8" in row["response"]} & {row["trace_id"] for row in rows}


def test_the_shipped_templates_name_the_model_or_its_maker_in_several_languages(tmp_path: Path):
    templates = [json.loads(line) for line in SHIPPED.read_text(encoding="utf-8").splitlines()]
    assert {"en", "zh", "fr", "de", "es", "ja"} <= {each["language"] for each in templates}
    named = [each for each in templates if "{name}" in json.dumps(each) or "{maker}" in json.dumps(each)]
    assert len(named) == len(templates)


def test_names_may_differ_from_language_to_language(tmp_path: Path):
    names = "self_cognition: shipped, model_name: Heron, maker: {en: Tidewater, zh: 潮水}"
    rows = rows_of(loaded(tmp_path, f"{names}, languages: [zh, en]"))
    assert {json.loads(row["meta"])["language"] for row in rows} == {"en", "zh"}
    made = {row["question"]: row["response"] for row in rows}
    assert made["谁开发了你？"] == "我是由潮水开发的。" and made["Who made you?"] == "I was made by Tidewater."
    with pytest.raises(UserError, match="the template's language is 'fr', and the maker is given in en, zh"):
        loaded(tmp_path, names)
    with pytest.raises(UserError, match="no templates in the language 'xx'; it has: ar, de, en"):
        loaded(tmp_path, f"{WHO}, languages: [en, xx]")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({"question": "q", "response": "I am {nmae}."}, "{nmae} is no placeholder. Did you mean 'name'?"),
        ({"question": "q", "response": "By {{author}}."}, "{author} is no placeholder. There is: maker, name."),
        ({"question": "q"}, "a template has `question` and `response`, or `messages`; it has: question"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "turn 1 has the role 'tool'"),
        ({"messages": "x"}, "should be a conversation"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_told_before_anything_runs(tmp_path: Path, template: dict, told: str):
    write_rows(tmp_path / "mine.jsonl", [{"question": "q", "response": "{name}"}, template])
    with pytest.raises(UserError) as caught:
        loaded(tmp_path, "self_cognition: mine.jsonl, model_name: A, maker: B")
    assert f"{tmp_path / 'mine.jsonl'}:2: " in str(caught.value) and told in str(caught.value)


def test_templates_of_ones_own_say_their_licence_themselves(tmp_path: Path):
    write_rows(
        tmp_path / "mine.jsonl", [{"question": "Hi {name}", "response": "{ a } by {maker}", "license": "CC0-1.0"}]
    )
    (row,) = rows_of(loaded(tmp_path, "self_cognition: mine.jsonl, model_name: A, maker: B, category: me, domain: x"))
    assert (row["question"], row["response"], row["license"]) == ("Hi A", "{ a } by B", "CC0-1.0")
    assert (row["category"], row["domain"]) == ("me", "x")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("self_cognition: shipped, model_name: A", "needs `model_name` and `maker`"),
        ("self_cognition: shipped, model_name: ' ', maker: B", "needs `model_name` and `maker`"),
        ("self_cognition: shipped, model_name: A, maker: {en: B, zh: ''}", "needs `model_name` and `maker`"),
        ("self_cognition: shipped, model_name: A, maker: B, path: p.jsonl", "needs exactly one of"),
        ("path: p.jsonl, maker: B", "`maker` goes with `self_cognition`"),
        ("path: p.jsonl, languages: [en]", "`languages` goes with `self_cognition`"),
        ("self_cognition: none.jsonl, model_name: A, maker: B", "none.jsonl"),
    ],
)
def test_what_belongs_to_self_cognition_is_asked_for_with_it_and_nowhere_else(tmp_path: Path, settings: str, told: str):
    write_rows(tmp_path / "p.jsonl", [{"question": "q"}])
    with pytest.raises(UserError) as caught:
        loaded(tmp_path, settings)
    assert told in str(caught.value)


def test_the_identity_filter_lets_the_models_own_name_pass_and_no_other(tmp_path: Path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"name: r\nstages:\n  it: {{do: load, {WHO}}}\n"
        '  own: {do: filter, from: it, keep: {identity: {max: 0, own: "Heron-7, Tidewater Labs"}}}\n'
        "  any: {do: filter, from: it, keep: {identity: {max: 0}}}\n"
    )
    steps = built(recipe).steps
    assert steps["own"].dataset.dropped == 0 and 0 < steps["any"].dataset.dropped < steps["it"].dataset.rows
