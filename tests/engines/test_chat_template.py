"""What a model sees: its template's text, plain turns, an assistant's turn that is begun for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from datafactory.engines._chat_template import ChatTemplate, chat_template, continued
from datafactory.errors import StageError
from tests.tiny import tiny_model

TURNS = [{"role": "user", "content": "Q"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_model(tmp_path, "qwen2")


def edited(folder: Path, before: str, after: str) -> ChatTemplate:
    path = folder / "chat_template.jinja"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    return chat_template(folder)


def test_a_model_without_a_template_gets_plain_turns(folder: Path):
    (folder / "chat_template.jinja").unlink()
    turns = [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]
    assert chat_template(folder).render(turns, "<think>") == "S\n\nQ\n<think>"


@pytest.mark.parametrize("opening", ["<think>\n", "<think>"])
@pytest.mark.parametrize("prefill", ["<think>\n", "<think>"])
def test_a_template_that_opens_the_thinking_is_not_opened_twice(folder: Path, opening: str, prefill: str):
    bare = "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n"
    assert chat_template(folder).render(TURNS, prefill) == bare + prefill
    template = edited(folder, "<|im_start|>assistant\n{%", f"<|im_start|>assistant\n{opening}{{%")
    assert template.render(TURNS, "") == bare + opening
    assert template.render(TURNS, prefill) == bare + max(opening, prefill, key=len)
    for thought in ("Okay, 3 + 4", "Okay <think> again", "\n\nOkay") if opening <= prefill else ("Okay",):
        assert template.render(TURNS, prefill + thought) == template.render(TURNS, prefill) + thought


def test_what_the_question_ends_with_is_not_taken_for_the_prefill():
    assert continued("Say [a]\n", "[b] yes") == "Say [a]\n[b] yes"
    assert continued("assistant\n", "\nSure") == "assistant\n\nSure"
    assert continued("assistant\n[THINK]", "[THINK]So") == "assistant\n[THINK]So"
    assert continued("assistant\n", "ant") == "assistant\nant"
    assert continued("User: Q\nAssistant: Let me think.", "Let me think.") == "User: Q\nAssistant: Let me think."


def test_a_template_that_refuses_the_turns_is_one_line(folder: Path):
    template = edited(
        folder,
        "{% for",
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}{% for",
    )
    with pytest.raises(StageError, match=r"refuses these turns \(system, user\): no system role"):
        template.render([{"role": "system", "content": "S"}, *TURNS], "")


def test_no_tokenizer_is_one_line(tmp_path: Path):
    with pytest.raises(StageError, match="cannot be loaded"):
        chat_template(tmp_path)
