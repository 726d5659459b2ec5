"""Preference sets, in the forms they come in: each read to the same pair, what compares nothing set aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datafactory.errors import UserError

from ..conftest import write_rows
from ..real import path_of
from ..real import rows_of as real_rows
from .loads import loaded, rejected, rows_of

ASKED = [
    {"role": "user", "content": "1+1?"},
    {"role": "assistant", "content": "2"},
    {"role": "user", "content": "2+2?"},
]
GOOD, BAD = ({"role": "assistant", "content": text} for text in ("It is 4.", "5, I guess."))
DIALOGUE = "\n\nHuman: 1+1?\n\nAssistant: 2\n\nHuman: 2+2?\n\nAssistant:"
SHARED = [{"from": ("human", "gpt")[at % 2], "value": turn["content"]} for at, turn in enumerate(ASKED)]
# the same pair, in each form; and the settings that it needs
SAME: dict[str, tuple[dict[str, Any], str]] = {
    "messages": ({"prompt": ASKED, "chosen": [GOOD], "rejected": [BAD]}, ""),
    "whole conversations": ({"chosen": [*ASKED, GOOD], "rejected": [*ASKED, BAD]}, ""),
    "the prompt a text, the conversations whole": (
        {"prompt": "2+2?", "chosen": [*ASKED, GOOD], "rejected": [*ASKED, BAD]}, ""),
    "hh-rlhf": ({"chosen": f"{DIALOGUE} It is 4.", "rejected": f"{DIALOGUE} 5, I guess."}, ""),
    "hh-rlhf with its prompt apart": ({"prompt": DIALOGUE, "chosen": " It is 4.", "rejected": " 5, I guess."}, ""),
    "sharegpt": ({
        "conversations": SHARED,
        "chosen": {"from": "gpt", "value": "It is 4."},
        "rejected": {"from": "gpt", "value": "5, I guess."},
    }, ", shape: preferences"),
    "alpaca": ({
        "instruction": "2+2?", "input": "", "history": [["1+1?", "2"]], "chosen": "It is 4.", "rejected": "5, I guess.",
    }, ""),
    "columns of other names": ({"dialog": ASKED, "better": "It is 4.", "worse": [BAD]},
        ", messages: dialog, chosen: better, rejected: worse"),
    "a question": ({"question": "2+2?", "history": [["1+1?", "2"]], "chosen": "It is 4.", "rejected": "5, I guess."},
        ", shape: preferences"),
}  # fmt: skip


@pytest.mark.parametrize("form", SAME)
def test_every_form_is_read_to_the_same_pair(tmp_path: Path, form: str):
    row, settings = SAME[form]
    write_rows(tmp_path / "p.jsonl", [{**row, "score": 0.7}])
    dataset = loaded(tmp_path, f"path: p.jsonl{settings}")
    (found,) = rows_of(dataset)
    assert found["prompt"] == ASKED
    (chosen,), (rejected_,) = found["chosen"], found["rejected"]
    assert (chosen["role"], chosen["content"].strip()) == ("assistant", "It is 4.")
    assert (rejected_["role"], rejected_["content"].strip()) == ("assistant", "5, I guess.")
    assert (found["chosen_length"], found["rejected_length"]) == (len(chosen["content"]), len(rejected_["content"]))
    assert found["question"] == "2+2?" and json.loads(found["history"]) == ASKED[:2]
    assert json.loads(found["meta"]).get("score") == 0.7 and not {"chosen", "rejected"} & set(json.loads(found["meta"]))
    assert dataset.manifest["counts"]["shape"] == "preferences"


def test_thinking_stays_in_its_block_and_the_system_turn_in_the_prompt(tmp_path: Path):
    row = {
        "system": "Be brief.",
        "prompt": "2+2?",
        "chosen": {"role": "assistant", "content": "4", "reasoning_content": "I add."},
        "rejected": "5",
    }
    write_rows(tmp_path / "p.jsonl", [row])
    (found,) = rows_of(loaded(tmp_path, "path: p.jsonl"))
    assert found["prompt"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]
    assert found["chosen"][0]["content"] == "<think>\nI add.\n</think>\n\n4"


ODD = [
    ({"prompt": "q", "chosen": "a", "rejected": "a"}, "no preference"),
    ({"prompt": "q", "chosen": "a", "rejected": ""}, "no rejected"),
    ({"prompt": "q", "chosen": None, "rejected": "a"}, "no chosen"),
    ({"prompt": None, "chosen": "a", "rejected": "b"}, "no user turn"),
    ({"chosen": [*ASKED, GOOD], "rejected": [*ASKED[:2], {"role": "user", "content": "3?"}, BAD]}, "two conversations"),
    ({"chosen": [*ASKED, GOOD], "rejected": ASKED}, "ends with a user turn"),
    ({"chosen": f"{DIALOGUE} 4\n\nAssistant: 5", "rejected": f"{DIALOGUE} 4"}, "two assistant turns in a row"),
    ({"chosen": f"{DIALOGUE} 4", "rejected": DIALOGUE}, "an empty turn"),
    ({"prompt": "q", "chosen": 7, "rejected": "b"}, "not a conversation"),
    ({"prompt": "q", "chosen": "good", "rejected": "bad"}, "duplicate"),
]


def test_what_compares_nothing_is_set_aside_with_its_reason_and_its_place(tmp_path: Path):
    good = {"prompt": "q", "chosen": "good", "rejected": "bad"}
    write_rows(tmp_path / "p.jsonl", [good, *(row for row, _ in ODD), {**good, "chosen": "better"}])
    dataset = loaded(tmp_path, "path: p.jsonl")
    assert [row["chosen"][0]["content"] for row in rows_of(dataset)] == ["good", "better"]
    assert len({row["problem_id"] for row in rows_of(dataset)}) == 1
    out = {row["rejected_evidence"].split(": ")[0]: row["rejected_reason"] for row in rejected(dataset)}
    assert out == {f"{tmp_path / 'p.jsonl'}:{line}": reason for line, (_, reason) in enumerate(ODD, 2)}


def test_a_text_that_no_file_can_carry_is_replaced(tmp_path: Path):
    (tmp_path / "p.jsonl").write_text(json.dumps({"prompt": "q\ud800", "chosen": "a\udfff", "rejected": "b"}))
    (found,) = rows_of(loaded(tmp_path, "path: p.jsonl"))
    assert (found["prompt"][0]["content"], found["chosen"][0]["content"]) == ("q?", "a?")


def test_long_pairs_make_small_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datafactory.loading.SHARD", 1000)
    write_rows(
        tmp_path / "p.jsonl", [{"prompt": f"{n}?", "chosen": "a" * 900, "rejected": "b" * 900} for n in range(3)]
    )
    assert [shard["rows"] for shard in loaded(tmp_path, "path: p.jsonl").shards] == [1, 1, 1]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            "response: chosen, rejected: rejected",
            "a pair has two responses: `chosen` and `rejected` name their columns",
        ),
        ("chosen: better", "the source has no column 'better'"),
        ("shape: messages, messages: chosen, rejected: rejected", "goes with the shape preferences, not with messages"),
        ("shape: preferences, label: good", "needs `response`, the column of what was labelled"),
    ],
)
def test_settings_that_do_not_go_together_are_told(tmp_path: Path, settings: str, told: str):
    write_rows(tmp_path / "p.jsonl", [{"prompt": "q", "chosen": "a", "rejected": "b"}])
    with pytest.raises(UserError, match=told):
        loaded(tmp_path, f"path: p.jsonl, {settings}")


def test_conversations_beside_a_choice_ask_what_is_meant(tmp_path: Path):
    write_rows(tmp_path / "p.jsonl", [SAME["sharegpt"][0]])
    with pytest.raises(UserError, match="the columns fit the shapes sharegpt and preferences"):
        loaded(tmp_path, "path: p.jsonl")


def test_a_label_stands_beside_each_answer_as_a_text(tmp_path: Path):
    write_rows(tmp_path / "p.jsonl", [{"q": f"{n}?", "a": "x", "ok": value} for n, value in enumerate([True, 2, None])])
    found = rows_of(loaded(tmp_path, "path: p.jsonl, question: q, response: a, label: {column: ok}"))
    assert [row["label"] for row in found] == ["true", "2", None]
    assert {
        row["label"] for row in rows_of(loaded(tmp_path, "path: p.jsonl, question: q, response: a, label: safe"))
    } == {"safe"}


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("hh_rlhf_harmless_base_test", {"two assistant turns in a row": 9, "an empty turn": 4}),
        ("dpo_en_demo", {"duplicate": 5}),
    ],
)
def test_real_sets_load_whole(tmp_path: Path, name: str, out: dict[str, int]):
    path = path_of(f"preferences/{name}")
    dataset = loaded(tmp_path, f"path: {path}, shape: preferences")
    assert dataset.manifest["reasons"] == out
    rows = real_rows(f"preferences/{name}")
    assert dataset.rows == len(rows) - sum(out.values())
    first = rows_of(dataset)[0]
    for side in ("chosen", "rejected"):
        given = rows[0][side]
        assert first[side][0]["content"] in (given if isinstance(given, str) else given["value"])
