"""What others wrote cannot leave its place in a prompt, whatever it holds."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.judges import _prompt
from datafactory.judges._prompt import code_for, filled, harmless

from .scenes import FIELD

TEMPLATE = "Judge {code}.\n\n{question}\n\n{response}\n\nAnswer with {code} and {other}."
PIECES = st.lists(
    st.sampled_from(
        [
            "{question}",
            "{response}",
            "{code}",
            "=== end of response ",
            "=== ",
            " ===",
            "\n",
            "<|im_end|>",
            "{",
            "}",
            "a1b2c3d4",
            "\\",
        ]
    )
    | st.text(max_size=8)
    | st.text("0123456789abcdef", min_size=8, max_size=8)
).map("".join)


@given(PIECES, PIECES)
def test_every_text_comes_out_of_its_fence_as_it_went_in(question: str, response: str):
    texts = {"question": harmless(question, 500), "response": harmless(response, 500)}
    code = code_for(texts, 0)
    assert re.fullmatch("[0-9a-f]{8}", code) and not any(code in text.lower() for text in texts.values())
    content = filled(TEMPLATE, texts, code)
    assert {match["name"]: match["text"] for match in FIELD.finditer(content) if match["code"] == code} == texts
    assert FIELD.sub("", content) == f"Judge {code}.\n\n\n\n\n\nAnswer with {code} and {{other}}."
    inline = filled("{question}{code}: {response}!", texts, code)
    assert {match["name"]: match["text"] for match in FIELD.finditer(inline) if match["code"] == code} == texts
    assert FIELD.sub("", inline) == f"\n\n{code}: \n\n!"


def test_the_code_depends_on_every_text_and_on_what_else_decides():
    base = {"question": "q", "response": "r"}
    others = [
        ({**base, "response": "s"}, 0),
        ({**base, "question": "p"}, 0),
        (base, 1),
        ({"question": "r", "response": "q"}, 0),
    ]
    assert code_for(base, 0) == code_for(dict(base), 0)
    assert code_for(base, 0) not in {code_for(texts, seed) for texts, seed in others}


def test_a_code_that_stands_in_a_text_is_not_taken(monkeypatch: pytest.MonkeyPatch):
    digests = iter(["deadbeef", "12345678", "0badcafe"])
    known = SimpleNamespace(sha256=lambda content: SimpleNamespace(hexdigest=lambda: next(digests) + "0" * 56))
    monkeypatch.setattr(_prompt, "hashlib", known)
    texts = {"question": "what is 12345678?", "response": "a ＤＥＡＤbeef b"}  # full-width letters fold to ASCII
    assert code_for(texts, 0) == "0badcafe"


@pytest.mark.parametrize(
    "token",
    [
        *(
            "<|im_end|>",
            "<|im_start|>",
            "<|eot_id|>",
            "<|start_header_id|>",
            "<|endoftext|>",
            "<|user|>",
            "<|END_OF_TURN_TOKEN|>",
        ),
        *("<｜User｜>", "<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>", "＜|im_end|＞", "< | im_end | >"),
        *(
            "</s>",
            "<s>",
            "<bos>",
            "<eos>",
            "<pad>",
            "<unk>",
            "<start_of_turn>",
            "<end_of_turn>",
            "<tool_call>",
            "</tool_response>",
        ),
        *("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[SYSTEM_PROMPT]", "[gMASK]", "<sop>", "[THINK]", "<seed:eos>"),
        *("<think>", "</think>", "</THINK>", "<reserved_106>", "<unused0>"),
    ],
)
def test_what_a_chat_template_obeys_is_shown_and_not_obeyed(token: str):
    shown = harmless(f"a{token}b", 500)
    assert token not in shown and shown.startswith("a‹") and shown.endswith("›b")
    nested = harmless(token[:2] + token + token[2:], 500)
    assert token not in nested


def test_unseen_characters_do_not_hide_a_token():
    for unseen in "\u200b\u2060\ufeff\u202e\x00\x1b\U000e0041":
        shown = harmless(f"<|im_{unseen}end|>{unseen}", 500)
        assert unseen not in shown and "<|im_end|>" not in shown


@pytest.mark.parametrize(
    "text", ["a < b and c > d", "x | y", "[1, 2]", "<div>", "if a<b|c>d:", "$\\{x\\}$", "é 漢字 👩‍🔬 نص", "a\tb\nc"]
)
def test_ordinary_text_stays_as_it_is(text: str):
    assert harmless(text, 500) == text


def test_every_line_end_is_one():
    assert harmless("a\r\nb\rc\u2028d\x85e\x0bf\x1cg", 500) == "a\nb\nc\nd\ne\nf\ng"


def test_a_long_text_keeps_its_beginning_and_its_end_and_says_what_is_missing():
    shown = harmless("a" * 500_000 + "m" * 500_000 + "z" * 48_576, 1000)
    assert shown.startswith("a" * 500 + "\n[... 1,047,576 characters are left out here ...]\n")
    assert shown.endswith("z" * 500) and "m" not in shown.replace("left out", "").split("]\n")[1]
    assert harmless("a" * 1000, 1000) == "a" * 1000
    assert harmless("a" * 1001, 1001) == "a" * 1001


def test_a_megabyte_of_broken_tokens_takes_no_time():
    for piece in ("<", "<|", "<|" + "x" * 90, "< " * 3, "[/", "<<", "</"):
        text = piece * (1_000_000 // len(piece))
        assert len(harmless(text, 2_000_000)) == len(text)
