"""Length in words, characters and tokens, of the thinking, the response and both."""

from __future__ import annotations

import polars as pl
import pytest
from transformers import AutoTokenizer

from filters.length import length

from ..tiny import tiny_model

ROWS = pl.DataFrame(
    {
        "reasoning": ["Let me think about  it.\nThen answer.", None, "你好，世界。", ""],
        "response": ["It is six.", "Just six words are in here.", "It's café 42!", None],
        "completion_tokens": [12, None, 9, None],
    }
)


def test_words_are_those_of_wc():
    texts = ["one  two\tthree\nfour", " it's x=1, e.g. ", "naïve 3.14 — ok", ""]
    rows = pl.DataFrame({"reasoning": [""] * 4, "response": texts})
    assert length(rows).to_list() == [len(text.split()) for text in texts]


def test_a_chinese_character_is_a_word_and_its_punctuation_is_not():
    assert length(ROWS, of="reasoning")[2] == 4


def test_both_is_the_sum_of_its_parts():
    assert length(ROWS, of="both").to_list() == [7 + 3, 6, 4 + 3, 0]
    assert length(ROWS, of="both", unit="characters").to_list() == [46, 27, 19, 0]


def test_a_row_that_did_not_think_is_as_long_as_its_response():
    assert length(ROWS, of="reasoning").to_list() == [7, 6, 4, 0]
    assert length(ROWS, of="response").to_list() == [3, 6, 3, 0]


def test_characters_are_code_points():
    rows = pl.DataFrame({"reasoning": ["e\u0301👍你"], "response": [""]})
    assert length(rows, unit="characters")[0] == 4


def test_tokens_are_those_that_the_engine_counted():
    assert length(ROWS, unit="tokens")[0] == 12


def test_tokens_that_nobody_counted_are_a_quarter_of_the_bytes():
    assert length(ROWS, unit="tokens").to_list() == [12, 7, 9, 0]


def test_tokens_of_a_part_are_refused():
    with pytest.raises(ValueError, match="reasoning alone needs a tokenizer"):
        length(ROWS, of="reasoning", unit="tokens")


def test_tokens_are_the_tokenizers_own(tmp_path):
    folder = tiny_model(tmp_path / "model", "llama")
    counted = AutoTokenizer.from_pretrained(folder)
    for of, texts in (("response", ROWS["response"]), ("reasoning", ROWS["reasoning"].fill_null(ROWS["response"]))):
        expected = [len(counted(text or "", add_special_tokens=False).input_ids) for text in texts]
        assert length(ROWS, of=of, unit="tokens", tokenizer=str(folder)).to_list() == expected
    assert length(ROWS.clear(), unit="tokens", tokenizer=str(folder)).to_list() == []
    with pytest.raises(ValueError, match="a tokenizer counts tokens, and the unit is words"):
        length(ROWS, tokenizer=str(folder))


def test_tokens_need_their_column():
    with pytest.raises(ValueError, match=r"no column 'completion_tokens'.*reasoning, response"):
        length(ROWS.drop("completion_tokens"), unit="tokens")
    assert length(ROWS.drop("completion_tokens"))[0] == 10
