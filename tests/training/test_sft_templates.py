"""What a student is taught is what it will be asked for: chat templates, token by token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from datafactory.errors import StageError
from datafactory.settings import Text
from datafactory.training.form import behind, form

from ..tiny import CHATML, tiny_model
from .test_sft import SUMS, merged, taught, trained

# R1's distilled models: what precedes </think> is dropped, and the prompt opens the thinking
R1 = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}<|im_start|>assistant\n"
    "{{ message['content'].split('</think>')[-1] }}<|im_end|>{% else %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
# a template that opens the thinking and keeps it
OPENS = CHATML.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n{% endif %}")
# Qwen3's: the thinking of earlier turns is dropped, that of the last is kept
EARLIER = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% if loop.last %}{{ message['content'] }}"
    "{% else %}{{ message['content'].split('</think>')[-1].lstrip() }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HISTORY = [
    {"role": "user", "content": "1 and 1?"},
    {"role": "assistant", "content": "<think>\nEasy.\n</think>\n\nIt is 2."},
]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "base", "qwen2")


def with_template(base: Path, template: str) -> Path:
    (base / "chat_template.jinja").write_text(template)
    return base


def masked(row: dict[str, Any], tokenizer: Any) -> tuple[str, str]:
    """The text without loss and the text with it; the loss is on the end of the row and nowhere before."""
    start = next(at for at, label in enumerate(row["labels"]) if label != -100)
    assert row["labels"][:start] == [-100] * start
    assert row["labels"][start:] == row["input_ids"][start:]
    return tokenizer.decode(row["input_ids"][:start]), tokenizer.decode(row["input_ids"][start:])


@pytest.mark.parametrize("template", [CHATML, OPENS, EARLIER])
def test_the_prompt_without_loss_is_token_by_token_the_one_it_will_be_asked_with(
    tmp_path: Path, base: Path, template: str
):
    with_template(base, template)
    rows = [{**SUMS[0], "history": json.dumps(HISTORY)}, {**SUMS[1], "history": None}]
    seen, student = taught(merged(tmp_path / "merge", rows, 1), base, tmp_path / "student")
    for row, made, history in zip(rows, seen, (HISTORY, []), strict=True):
        asked = [*history, {"role": "user", "content": row["question"]}]
        prompt = student.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
        assert made["input_ids"][: len(prompt)] == prompt
        before, learnt = masked(made, student)
        assert before == student.decode(prompt)
        opened = "<think>\n" if template == OPENS else ""
        assert opened + learnt == f"<think>\n{row['reasoning']}\n</think>\n\n{row['response']}<|im_end|>\n"
        assert (before + learnt).count("<think>") == (2 if history and template != EARLIER else 1)


def test_a_template_that_drops_the_thinking_is_refused_with_what_to_do(tmp_path: Path, base: Path):
    with_template(base, R1)
    message = r"the chat template of .*base drops the thinking of a row: .* `chat_template` names .*chatml.* `template: append`"
    with pytest.raises(StageError, match=message) as told:
        taught(merged(tmp_path / "merge", SUMS), base, tmp_path / "student")
    assert "\n" not in str(told.value)
    assert not list((tmp_path / "student").glob("*")) and not list((tmp_path / "student").glob(".*"))


def test_append_keeps_such_a_template_and_opens_the_thinking_once(tmp_path: Path, base: Path):
    with_template(base, R1)
    rows = [SUMS[0], {**SUMS[1], "reasoning": None}]
    seen, student = taught(merged(tmp_path / "merge", rows, 1), base, tmp_path / "student", template="append")
    assert student.chat_template == R1
    for row, made in zip(rows, seen, strict=True):
        before, learnt = masked(made, student)
        assert before == f"<|im_start|>user\n{row['question']}<|im_end|>\n<|im_start|>assistant\n<think>\n"
        assert learnt == f"{row['reasoning'] or ''}\n</think>\n\n{row['response']}<|im_end|>"


def test_append_does_not_keep_a_template_that_drops_the_question(tmp_path: Path, base: Path):
    with_template(base, R1.replace("{{ message['role'] }}\n{{ message['content'] }}", "{{ message['role'] }}\n"))
    with pytest.raises(StageError, match=r"base drops the question of a row: a student would not learn it"):
        taught(merged(tmp_path / "merge", SUMS[:2]), base, tmp_path / "student", template="append")


def test_another_template_can_be_named_and_is_the_students(tmp_path: Path, base: Path):
    with_template(base, R1)
    source = merged(tmp_path / "merge", SUMS)
    trained(source, base, tmp_path / "student", max_steps=1, chat_template="chatml")
    student = AutoTokenizer.from_pretrained(tmp_path / "student" / "model")
    seen, _ = taught(source, base, tmp_path / "rows", chat_template="chatml")
    asked = [{"role": "user", "content": SUMS[0]["question"]}]
    before, learnt = masked(seen[0], student)
    assert before == student.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert before == f"<|im_start|>user\n{SUMS[0]['question']}<|im_end|>\n<|im_start|>assistant\n"
    assert learnt == f"<think>\n{SUMS[0]['reasoning']}\n</think>\n\n{SUMS[0]['response']}<|im_end|>\n"


def test_a_template_whose_marks_are_no_tokens_is_refused(tmp_path: Path, base: Path):
    """Llama's marks in a tokenizer that has none: <|eot_id|> would be letters, and the student would not stop."""
    with pytest.raises(
        StageError, match=r"`chat_template`, with .*base, ends no turn, or ends them with what is no token"
    ):
        taught(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", chat_template="llama3")


def test_a_template_that_begins_a_turn_otherwise_than_it_renders_one_is_refused(tmp_path: Path, base: Path):
    with_template(base, CHATML.replace("assistant\n{% endif %}", "assistant: {% endif %}"))
    with pytest.raises(StageError, match=r"ends a prompt in '.*assistant: ', and renders the answer otherwise"):
        taught(merged(tmp_path / "merge", SUMS), base, tmp_path / "student")


def test_a_template_that_refuses_a_role_is_told_as_one_line(tmp_path: Path, base: Path):
    with_template(
        base, "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML
    )
    with pytest.raises(StageError, match=r"refuses these turns \(system, user\): no system"):
        taught(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", system="Be brief.")


def test_a_model_without_a_template_gets_the_plain_one(tmp_path: Path, base: Path):
    (base / "chat_template.jinja").unlink()
    _, student = taught(merged(tmp_path / "merge", SUMS), base, tmp_path / "student")
    asked = [{"role": "system", "content": "S"}, *HISTORY, {"role": "user", "content": "2?"}]
    text = student.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert text == f"S\n\n1 and 1?\n{HISTORY[1]['content']}<|im_end|>\n\n2?\n"


def test_a_shipped_template_begins_as_the_tokenizer_does(base: Path):
    """Llama's tokenizers put a mark before every text, which a chat template has to write itself."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.bos_token = "<|endoftext|>"
    assert not form("x", tokenizer, Text(CHATML, "chatml"), "fail").text([{"role": "user", "content": "1"}], None, "2")[0].startswith("<|endoftext|>")  # fmt: skip
    tokenizer._tokenizer.post_processor = TemplateProcessing(single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", tokenizer.bos_token_id)])  # fmt: skip
    prompt, learnt = form("x", tokenizer, Text(CHATML, "chatml"), "fail").text(
        [{"role": "user", "content": "1"}], None, "2"
    )
    assert prompt.startswith("<|endoftext|><|im_start|>user") and learnt == "2<|im_end|>\n"


@pytest.mark.parametrize("prompt", ["A:", "A:<think>", "A:<think>\n", "A: <think>\n\n"])
def test_an_answer_behind_a_prompt_opens_its_thinking_once(prompt: str):
    for reasoning in ("I add.", None):
        whole = prompt + behind(prompt, reasoning, "2")
        assert whole.count("<think>") == (0 if reasoning is None and "<think>" not in prompt else 1)
        assert whole.endswith("2" if reasoning is None and "<think>" not in prompt else "</think>\n\n2")
        assert reasoning is None or "<think>\nI add.\n</think>\n\n2" in whole.replace("\n\nI", "\nI")


def test_a_token_across_the_boundary_does_not_move_the_prompts_end(base: Path):
    """The prompt's tokens are those that it has alone, as when the student is asked."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    made = form("x", tokenizer, None, "fail")
    merges = tokenizer("the answer", add_special_tokens=False)["input_ids"]
    cut = next(at for at in range(1, 10) if tokenizer("the answer"[:at])["input_ids"] != merges[: len(tokenizer("the answer"[:at])["input_ids"])])  # fmt: skip
    ((prompt, ids),) = made.tokens([("the answer"[:cut], "the answer"[cut:])])
    assert ids[:prompt] == tokenizer("the answer"[:cut])["input_ids"]
    assert tokenizer.decode(ids) == "the answer"


def test_the_options_of_a_question_are_asked_with_it(tmp_path: Path, base: Path):
    rows = [{**SUMS[0], "choices": json.dumps(["1", "2"])}, {**SUMS[1], "choices": None}]
    source = merged(tmp_path / "merge", rows, 1)
    seen, tokenizer = taught(source, base, tmp_path / "one")
    seen += taught(source, base, tmp_path / "two", prompt="{choices} {question}")[0]
    asked = [
        tokenizer.decode(row["input_ids"]).partition("<|im_end|>")[0].removeprefix("<|im_start|>user\n") for row in seen
    ]
    question = SUMS[0]["question"]
    assert asked[0] == f"{question}\nA. 1\nB. 2" and asked[1] == SUMS[1]["question"]
    assert asked[2] == f"A. 1\nB. 2 {question}"
