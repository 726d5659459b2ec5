"""The shapes that fine-tuning sets come in: each read to the same row, what is odd set aside with its reason."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory.errors import StageError, UserError

from ..conftest import REPOSITORY, write_rows
from .loads import loaded, rejected, rows_of

SHARED = REPOSITORY.parent / "shared" / "data"


def turns(*said: str, system: str | None = None) -> list[dict[str, str]]:
    start = [{"role": "system", "content": system}] if system else []
    return [*start, *({"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said))]


def share(*said: str) -> list[dict[str, str]]:
    return [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(said)]


THOUGHT = "<think>\nI add.\n</think>\n\n4"
BEFORE = turns("1+1?", "2")
# the same exchange, 1+1? 2, 2+2? (I add.) 4, in each shape
SAME = {
    "messages": {"messages": turns("1+1?", "2", "2+2?", THOUGHT)},
    "sharegpt": {"conversations": share("1+1?", "2", "2+2?", THOUGHT)},
    "alpaca": {"instruction": "2+2?", "input": "", "output": THOUGHT, "history": [["1+1?", "2"]]},
    "prompt_completion": {
        "prompt": turns("1+1?", "2", "2+2?"),
        "completion": [{"role": "assistant", "content": THOUGHT}],
    },
    "query_response": {"query": "2+2?", "response": THOUGHT, "history": [["1+1?", "2"]]},
}


@pytest.mark.parametrize("shape", SAME)
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet"])
def test_every_shape_is_read_to_the_same_row(tmp_path: Path, shape: str, named: bool, suffix: str):
    path = tmp_path / f"p.{suffix}"
    row = {**SAME[shape], "level": 3}
    if suffix == "jsonl":
        write_rows(path, [row])
    elif suffix == "json":
        path.write_text(json.dumps([row]))
    else:
        pl.DataFrame([row]).write_parquet(path)
    dataset = loaded(tmp_path, f"path: {path.name}" + (f", shape: {shape}" if named else ""))
    (found,) = rows_of(dataset)
    assert (found["question"], found["reasoning"], found["response"]) == ("2+2?", "I add.", "4")
    assert json.loads(found["history"]) == BEFORE
    assert json.loads(found["meta"]) == {"level": 3} and found["source"] == path.name
    assert (found["rollout"], found["finish_reason"], len(found["trace_id"])) == (0, "stop", 16)
    assert dataset.manifest["counts"] == {"shape": shape, "with_thinking": 1, "with_history": 1}


def test_the_same_exchange_is_the_same_problem_in_every_shape(tmp_path: Path):
    ids = set()
    for shape, row in SAME.items():
        write_rows(tmp_path / "p.jsonl", [row])
        ids |= {
            (row["problem_id"], row["trace_id"]) for row in rows_of(loaded(tmp_path, f"path: p.jsonl, shape: {shape}"))
        }
    assert len(ids) == 1


def one(folder: Path, row: dict[str, Any], settings: str = "") -> dict[str, Any]:
    write_rows(folder / "p.jsonl", [row])
    (found,) = rows_of(loaded(folder, f"path: p.jsonl{settings}"))
    return found


def test_alpacas_input_stands_below_its_instruction_and_an_empty_one_does_not(tmp_path: Path):
    assert one(tmp_path, {"instruction": "Add.", "input": "2 2", "output": "4"})["question"] == "Add.\n2 2"
    for nothing in ("", "  ", "<noinput>", None):
        assert one(tmp_path, {"instruction": "Add.", "input": nothing, "output": "4"})["question"] == "Add."
    assert one(tmp_path, {"instruction": "Add.", "output": "4"})["history"] is None
    said = one(tmp_path, {"instruction": "Add.", "output": "4", "system": "Be brief.", "history": '[["a", "b"]]'})
    assert json.loads(said["history"]) == turns("a", "b", system="Be brief.")


def test_prompts_and_completions_are_texts_or_messages_in_any_mixture(tmp_path: Path):
    for prompt in ("2+2?", turns("2+2?"), json.dumps("2+2?")[1:-1]):
        for completion in (" 4", [{"role": "assistant", "content": "4"}], {"role": "assistant", "content": "4"}):
            found = one(tmp_path, {"prompt": prompt, "completion": completion})
            assert (found["question"], found["response"], found["history"]) == ("2+2?", "4", None)
    longer = [{"role": "assistant", "content": "4"}, *turns("And 3+3?", "6")]
    found = one(tmp_path, {"prompt": turns("2+2?"), "completion": longer})
    assert (found["question"], found["response"]) == ("And 3+3?", "6") and json.loads(found["history"]) == turns(
        "2+2?", "4"
    )


def test_each_of_openr1s_generations_is_a_rollout_of_its_problem(tmp_path: Path):
    row = {
        "problem": "2+2?", "solution": "Adding gives \\boxed{4}.", "answer": "4", "source": "olympiads",
        "generations": [f"<think>\n{n}\n</think>\n\n\\boxed{{4}}" for n in range(3)] + ["<think>\nendless"],
        "finish_reasons": ["stop", "length", None, "length"], "correctness_math_verify": [True, True, True, False],
    }  # fmt: skip
    write_rows(tmp_path / "p.jsonl", [row])
    dataset = loaded(tmp_path, "path: p.jsonl")
    found = rows_of(dataset)
    assert [each["reasoning"] for each in found] == ["0", "1", "2"] and {each["problem_id"] for each in found} == {
        found[0]["problem_id"]
    }
    assert [each["rollout"] for each in found] == [0, 1, 2] and len({each["trace_id"] for each in found}) == 3
    assert [each["finish_reason"] for each in found] == ["stop", "length", "stop"]
    assert {(each["answer"], each["source"]) for each in found} == {("4", "olympiads")}
    assert json.loads(found[0]["meta"])["correctness_math_verify"] == [True, True, True, False]
    (endless,) = rejected(dataset)
    assert endless["rejected_reason"] == "no response" and endless["rejected_evidence"].endswith("p.jsonl:1, answer 4")
    worked = one(tmp_path, {key: row[key] for key in ("problem", "solution", "generations")} | {"generations": ["4"]})
    assert worked["answer"] == "Adding gives \\boxed{4}."


@pytest.mark.parametrize("role", ["gpt", "chatgpt", "bing", "bard", "assistant", "model", "claude", "GPT"])
def test_the_bots_of_sharegpt_are_the_assistant(tmp_path: Path, role: str):
    found = one(
        tmp_path,
        {
            "conversations": [
                {"from": "system", "value": "s"},
                {"from": "user", "value": "q"},
                {"from": role, "value": "a"},
            ]
        },
    )
    assert (found["question"], found["response"]) == ("q", "a")
    assert json.loads(found["history"]) == [{"role": "system", "content": "s"}]


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_thinking_beside_a_turn_is_its_reasoning(tmp_path: Path, key: str):
    asked = {"role": "user", "content": "2+2?"}
    found = one(tmp_path, {"messages": [asked, {"role": "assistant", "content": "4", key: "I add."}]})
    assert (found["reasoning"], found["response"]) == ("I add.", "4")
    twice = one(tmp_path, {"messages": [asked, {"role": "assistant", "content": THOUGHT, key: "I add."}]})
    assert (twice["reasoning"], twice["response"]) == ("I add.", "4")
    parts = [{"type": "thinking", "thinking": "I add."}, {"type": "text", "text": "4"}]
    assert one(tmp_path, {"messages": [asked, {"role": "assistant", "content": parts}]})["reasoning"] == "I add."
    early = [asked, {"role": "assistant", "content": "4", key: "I add."}, *turns("3+3?", "6")]
    assert json.loads(one(tmp_path, {"messages": early})["history"])[1]["content"] == THOUGHT
    assert one(tmp_path, {"messages": [asked, {"role": "assistant", "content": "4", key: ""}]})["reasoning"] is None


def test_earlier_thinking_stays_as_it_is_and_so_does_what_is_not_well_formed(tmp_path: Path):
    found = one(tmp_path, {"messages": turns("1+1?", THOUGHT, "2+2?", "x</think>4")})
    assert json.loads(found["history"])[1]["content"] == THOUGHT
    assert (found["reasoning"], found["response"]) == (None, "x</think>4")


def test_tools_that_nobody_calls_are_kept_in_meta(tmp_path: Path):
    tools = [{"type": "function", "function": {"name": "sum"}}]
    assert json.loads(one(tmp_path, {"messages": turns("q", "a"), "tools": tools})["meta"]) == {"tools": tools}


PICTURE = {"type": "image_url", "image_url": {"url": "x"}}
ODD = [
    (turns("q"), "ends with a user turn", "the last of its 1 turns is a question without an answer"),
    (turns("q", "a", "again?"), "ends with a user turn", "the last of its 3 turns"),
    ([*turns("q", "a"), {"role": "assistant", "content": "b"}], "two assistant turns in a row", "turns 2 and 3 are both the assistant's"),
    ([*turns("q"), *turns("q2", "a")], "two user turns in a row", "turns 1 and 2 are both the user's"),
    (turns("q", " ", "q2", "a"), "an empty turn", "turn 2 of 4, the assistant's, is empty"),
    (turns("q", ""), "an empty turn", "turn 2 of 2, the assistant's, is empty"),
    ([{"role": "assistant", "content": "a"}], "no user turn", "nobody asks anything in its 1 turns"),
    ([], "no user turn", "nobody asks anything in its 0 turns"),
    ([{"role": "assistant", "content": "Hi!"}, *turns("q", "a")], "begins with an assistant turn", "before anything is asked"),
    ([*turns("q", "a"), {"role": "system", "content": "s"}, *turns("q", "a")], "a system turn in the middle", "turn 3 of 5"),
    ([*turns("q"), {"role": "tool", "content": "3"}, {"role": "assistant", "content": "a"}], "a tool's turn", "turn 2 has the role 'tool'"),
    ([*turns("q"), {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}], "a tool's turn", "turn 2 calls a tool"),
    ([{"from": "human", "value": "q"}, {"from": "observation", "value": "3"}], "a tool's turn", "'observation'"),
    ([{"role": "narrator", "content": "q"}, {"role": "assistant", "content": "a"}], "unknown role", "turn 1 has the role 'narrator'"),
    ([{"content": "q"}, {"role": "assistant", "content": "a"}], "unknown role", "turn 1 has the role None"),
    ([{"role": "user", "content": [PICTURE]}, {"role": "assistant", "content": "a"}], "a turn without text", "a part of type 'image_url'"),
    ([{"role": "user", "content": None}, {"role": "assistant", "content": "a"}], "a turn without text", "its content is NoneType"),
    (None, "not a conversation", "not None"),
    ("hello", "not a conversation", "not 'hello'"),
    (["q", "a"], "not a conversation", "not ['q', 'a']"),
    ({"role": "user"}, "not a conversation", "not {'role': 'user'}"),
]  # fmt: skip


@pytest.mark.parametrize(("conversation", "reason", "told"), ODD)
def test_an_odd_conversation_is_set_aside_whole_and_the_others_are_kept(
    tmp_path: Path, conversation: Any, reason: str, told: str
):
    write_rows(
        tmp_path / "p.jsonl",
        [{"messages": turns("q", "a")}, {"messages": conversation, "id": 7}, {"messages": turns("q2", "a")}],
    )
    dataset = loaded(tmp_path, "path: p.jsonl, shape: messages")
    assert [row["question"] for row in rows_of(dataset)] == ["q", "q2"]
    (odd,) = rejected(dataset)
    assert odd["rejected_reason"] == reason and odd["rejected_evidence"].startswith(f"{tmp_path / 'p.jsonl'}:2: ")
    assert told in odd["rejected_evidence"] and len(odd["trace_id"]) == 16
    assert json.loads(odd["meta"]) == {"messages": conversation, "id": 7}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"instruction": "", "output": "a"}, "no question"),
        ({"instruction": "q", "output": ""}, "no response"),
        ({"instruction": "q", "output": None}, "no response"),
        ({"instruction": "q", "output": "a", "history": [["only asked"]]}, "not a history"),
        ({"instruction": "q", "output": "a", "history": "not json"}, "not a history"),
        ({"instruction": "q", "output": "<think>never closed"}, "no response"),
        ({"instruction": 7, "output": "a"}, "not a conversation"),
    ],
)
def test_a_row_of_columns_that_holds_no_exchange_is_set_aside_whole(tmp_path: Path, row: dict, reason: str):
    write_rows(tmp_path / "p.jsonl", [{"instruction": "q", "output": "a"}, row])
    dataset = loaded(tmp_path, "path: p.jsonl")
    assert dataset.rows == 1 and [odd["rejected_reason"] for odd in rejected(dataset)] == [reason]


def test_a_system_turn_that_says_nothing_is_none(tmp_path: Path):
    assert one(tmp_path, {"messages": [{"role": "system", "content": ""}, *turns("q", "a")]})["history"] is None


def test_columns_that_fit_two_shapes_ask_for_the_one_that_is_meant(tmp_path: Path):
    row = {"messages": turns("q", "a"), "instruction": "q", "output": "b"}
    with pytest.raises(UserError, match="the columns fit the shapes messages and alpaca; name the one that is meant"):
        one(tmp_path, row)
    assert one(tmp_path, row, ", shape: alpaca")["response"] == "b"
    assert one(tmp_path, row, ", shape: messages")["response"] == "a"


def test_a_column_of_questions_or_one_that_is_named_is_no_shape(tmp_path: Path):
    row = {"question": "q", "messages": turns("other", "a"), "instruction": "i", "output": "o"}
    assert "response" not in one(tmp_path, row)
    found = one(
        tmp_path, {"instruction": "i", "input": "x", "output": "o"}, ", question: instruction, response: output"
    )
    assert (found["question"], json.loads(found["meta"])) == ("i", {"input": "x"})


def test_a_shapes_columns_may_have_other_names(tmp_path: Path):
    assert one(tmp_path, {"dialog": share("q", "a")}, ", messages: dialog")["response"] == "a"
    named = ", shape: alpaca, question: task, response: target"
    assert one(tmp_path, {"task": "q", "input": "x", "target": "a"}, named)["question"] == "q\nx"
    with pytest.raises(UserError, match="the source has no column 'instruction'"):
        one(tmp_path, {"task": "q", "output": "a"}, ", shape: alpaca")
    with pytest.raises(UserError, match="the source has no column 'dialogue'. Did you mean 'dialog'"):
        one(tmp_path, {"dialog": []}, ", messages: dialogue")
    with pytest.raises(UserError, match="no `question` here"):
        one(tmp_path, {"messages": turns("q", "a"), "q": "x"}, ", shape: messages, question: q")


def test_the_answer_of_a_preference_may_stand_in_a_column_of_its_own(tmp_path: Path):
    row = {
        "conversations": share("a?", "b", "c?"),
        "chosen": {"from": "gpt", "value": "good"},
        "rejected": {"from": "gpt", "value": "bad"},
    }
    found = one(tmp_path, row, ", shape: sharegpt, response: chosen")
    assert (found["question"], found["response"]) == ("c?", "good") and json.loads(found["history"]) == turns("a?", "b")
    assert list(json.loads(found["meta"])) == ["rejected"]


def test_a_category_and_a_licence_stand_beside_each_row(tmp_path: Path):
    row = {"instruction": "q", "output": "a", "kind": "poem", "license": "CC0-1.0"}
    found = one(tmp_path, row, ", domain: general, category: {column: kind}")
    assert (found["domain"], found["category"], found["license"], json.loads(found["meta"])) == (
        "general",
        "poem",
        "CC0-1.0",
        {},
    )
    assert one(tmp_path, row, ", category: writing")["category"] == "writing"
    assert "category" not in one(tmp_path, row)


def test_a_response_in_a_column_is_parted_from_its_thinking_too(tmp_path: Path):
    found = one(tmp_path, {"q": "2+2?", "a": THOUGHT}, ", question: q, response: a")
    assert (found["reasoning"], found["response"]) == ("I add.", "4")
    kept = one(tmp_path, {"q": "2+2?", "a": THOUGHT, "t": "hm"}, ", question: q, response: a, reasoning: t")
    assert (kept["reasoning"], kept["response"]) == ("hm", THOUGHT)
    assert one(tmp_path, {"q": "2+2?", "a": "  as it is\n"}, ", question: q, response: a")["response"] == "  as it is\n"


def test_a_malformed_file_stops_with_its_line(tmp_path: Path):
    (tmp_path / "p.jsonl").write_text(json.dumps({"messages": turns("q", "a")}) + '\n{"messages": [\n')
    with pytest.raises((StageError, UserError), match=r"p\.jsonl:2: not JSON"):
        loaded(tmp_path, "path: p.jsonl, shape: messages")


def test_where_nothing_can_be_used_the_reasons_are_told(tmp_path: Path):
    write_rows(tmp_path / "p.jsonl", [{"messages": turns("q")}] * 3 + [{"messages": None}])
    with pytest.raises(
        StageError, match=r"no row that can be used; of 4: ends with a user turn \(3\), not a conversation \(1\)"
    ):
        loaded(tmp_path, "path: p.jsonl, shape: messages")


@pytest.mark.parametrize(
    ("name", "settings", "kept"),
    [
        ("instructions/alpaca_en_demo", "category: writing", 980),
        ("instructions/alpaca_zh_demo", "", 990),
        ("instructions/llms_from_scratch_instruction", "", 1000),
        ("preferences/dpo_en_demo", "shape: sharegpt, response: chosen", 290),
    ],
)
def test_real_sets_load_whole(tmp_path: Path, name: str, settings: str, kept: int):
    path = SHARED / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip("the shared data is not on this machine")
    dataset = loaded(tmp_path, f"path: {path}" + (f", {settings}" if settings else ""))
    with gzip.open(path, "rt") as stream:
        rows = [json.loads(line) for line in stream]
    assert dataset.rows + dataset.dropped == len(rows) and dataset.rows >= kept
    for row in rows_of(dataset)[:50]:
        assert row["question"].strip() and row["response"].strip() and row["reasoning"] is None
    if "alpaca" in name:
        first = rows_of(dataset)[0]
        assert first["response"] == rows[0]["output"].strip() and first["question"].startswith(rows[0]["instruction"])
