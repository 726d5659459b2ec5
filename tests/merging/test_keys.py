"""Numbers for rows: stable, apart for what differs, the same for what is the same question."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
import pytest

from datafactory.merging.keys import fold, leaks, links, mixed, number

ALIKE = [
    "What is  2+3 , really?",
    "what is 2 3 really",
    "WHAT IS “2+3”, REALLY?!",
    "What is ２+３, really？",  # full width
    "Whatis23really",
]


def test_case_spaces_and_punctuation_make_no_other_question():
    assert {fold(text) for text in ALIKE} == {b"whatis23really"}
    assert fold("Über  ALLES") == fold("u\u0308ber alles") != fold("uber alles")
    assert fold("1 + 1 = 2") != fold("1 + 1 = 3")


@pytest.mark.parametrize("text", ["", "?!", "。。。", "\ud800"])
def test_a_question_of_marks_alone_is_itself(text: str):
    assert fold(text) == text.encode("utf-8", "surrogatepass")


def test_ascii_and_other_text_are_folded_alike():
    """The fast way for plain ASCII and the general one give the same."""
    plain = "".join(chr(code) for code in range(32, 127))
    assert fold(plain) + "é".encode() == fold(plain + "É")


def test_a_number_is_that_of_the_id_or_of_its_hash():
    names = pl.Series(["00000000000000ff", "ffffffffffffffff", "not hex", "ABCDEF0123456789", ""])
    hashed = [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") for text in names[2:]]
    assert number(names).to_list() == [255, 2**64 - 1, *hashed]


def test_mixing_is_one_to_one_and_differs_by_seed():
    numbers = np.arange(100_000, dtype=np.uint64)
    one, other = mixed(numbers, 0), mixed(numbers, 1)
    assert len(set(one.tolist())) == 100_000 and (one != other).all()
    bits = np.unpackbits(one.view(np.uint8)).reshape(-1, 64).mean(axis=0)
    assert (abs(bits - 0.5) < 0.01).all()


def test_rows_of_one_question_have_one_number_and_conversations_tie_theirs():
    rows = pl.DataFrame(
        {
            "question": ["A?", "a", "B?", None],
            "history": [None, None, '[{"role": "user", "content": "A!"}, {"role": "assistant", "content": "B"}]', None],
        }
    )
    a, also, b, _ = leaks(rows).to_list()
    assert a == also != b
    assert links(rows).rows() == [(b, a)]
