"""Numbers out of nowhere: what is the same number, what is free, and what is new."""

from __future__ import annotations

import gzip
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.rewriting.numbers import known_numbers, new_numbers
from tests.conftest import REPOSITORY

TRACES = REPOSITORY.parent / "shared" / "data" / "traces" / "skythought_eval_outputs.jsonl.gz"

KNOWN = [
    ("1234", "1,234"), ("1,234", "1234"), ("1 234", "1234"), ("1\u202f234", "1234"), ("1{,}234", "1234"), ("1\\,234", "1234"), ("1'234", "1234"),
    ("1.234,5", "1,234.5"), ("12,34,567", "1234567"), ("3,7", "3.7"), ("$12{,}000$", "12000"), ("5 hundred", "500"),
    ("0.5", "1/2"), (r"\frac12", "0.5"), (r"\frac{1}{2}", "0.5"), (r"\dfrac{3}{4}", "0.75"), ("½", "0.5"), ("1 1/2", "1.5"), ("1½", "1.5"),
    ("50%", "0.5"), ("0.5", "50%"), ("50 percent", "a half"), ("0.5", "half of them"), ("3/4", "3 of 4"),
    ("2,500,000", "2.5 million"), ("2.5 million", "2500000"), ("250万", "2.5 million"), ("1e5", "100000"), ("6.02 \\times 10^{23}", "6.02*10^23"),
    ("٣٤", "34"), ("３４", "34"), ("३४", "34"), ("三十四", "34"), ("34", "三十四"), ("二零二四", "2024"), ("三点五", "3.5"), ("四分之一", "1/4"), ("百分之五十", "50%"),
    ("34", "thirty-four"), ("thirty-four", "34"), ("one hundred and five", "105"), ("12", "twelve"), ("12", "zwölf"), ("7", "sieben"), ("7", "siete"),
    ("12 and 35", "twelve and thirty-five"), ("3.14", "3.14159"), ("0.33", "1/3"), ("-5", "5"), ("(3,4)", "3 and 4"), ("10²", "10^2"), (r"\sqrt[3]{8}", "8 and 3"),
]  # fmt: skip
FREE = [
    "1. a\n2. b\n3. c\n4. d", "1) a\n2) b\n3) c", "(1) a (2) b (3) c", "Step 1: x. Step 2. Step 3.", "1. a\n2. b\n  1. b1\n  2. b2\n3. c\n4. d",
    "第一步 第二步 第三步", "I do it in five steps", "the three unknowns", "x_7, x_{12} and H2O", "0, 1 and 2", "三角形 四边形", "千万 万一 十分",
    "third, I check", "half of it", "①②③", "",
]  # fmt: skip
NEW = [
    ("17", "7"), ("3.7", "3 and 7"), ("seventeen apples", "7"), ("7", "8"), ("3/7", "3"), ("50%", "5"), ("三十五", "3 5"), ("4. x", ""), ("Step 5", ""),
    ("6 times 7", "7"), ("0.5", "5"), ("12345", "1234"), ("the year 1999", "nineteen"), ("one hundred and five", "100"), ("٣٥", "3"), ("3.15", "3.14159"),
    ("13 ways", ""), ("2.5 million", "2.5"), ("45°", ""), (r"\frac{3}{7}", "3"), ("x = 9", "x = 8"), (r"\boxed{9}", "8"), ("USD50", "5"), ("33.3", "100/3"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "source"), KNOWN)
def test_the_same_number_in_another_spelling_is_known(written: str, source: str):
    assert new_numbers(written, [source]) == []


@pytest.mark.parametrize("written", FREE)
def test_what_only_counts_or_names_is_free(written: str):
    assert new_numbers(written, [""]) == []


@pytest.mark.parametrize(("written", "source"), NEW)
def test_a_number_out_of_nowhere_is_found_with_its_words(written: str, source: str):
    (found,) = new_numbers(written, [source])[:1]
    number, _, around = found.partition(" in '")
    assert number and number in around


def test_more_or_fewer_small_numbers_may_be_free():
    assert new_numbers("4 and 5", [""], counting=5) == [] and len(new_numbers("0, 1, 2", [""], counting=0)) == 2


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_a_text_has_no_number_that_is_not_in_it(text: str):
    assert new_numbers(text, [text]) == []


@settings(max_examples=100, deadline=None)
@given(st.integers(3, 10**12))
def test_every_spelling_of_a_whole_number_is_that_number(number: int):
    spellings = [f"{number:,}", f"{number:,}".replace(",", " "), f"{number:,}".replace(",", "{,}"), f"{number}.0"]
    for spelling in spellings:
        assert new_numbers(f"so {spelling} it is", [str(number)]) == []
        assert new_numbers(str(number), [f"so {spelling} it is"]) == []
        assert new_numbers(f"so {spelling} it is", [str(number + 1)]) != []


def test_time_grows_with_the_length_of_the_text():
    long = " ".join(str(n) for n in range(1000, 40_000))
    assert len(new_numbers(long, ["1"])) == 39_000 and len(known_numbers([long, "9" * 50_000])) == 39_001
    decimals = " ".join(f"0.{n}" for n in range(1000, 9000))
    assert len(new_numbers(decimals, [long])) > 7_000
    assert new_numbers("1 " * 5_000 + "123 456 " * 5_000, ["1"]) != []


@pytest.mark.skipif(not TRACES.exists(), reason="needs ../shared/data")
def test_true_solutions_bring_in_few_numbers_and_a_changed_number_is_found():
    stream = random.Random(3)
    passed = seen = caught = spoilt = 0
    for line in gzip.decompress(TRACES.read_bytes()).splitlines():
        row = json.loads(line)
        if "<|begin_of_solution|>" not in row["response"] or not row["label_correct"]:
            continue
        thinking, _, solution = row["response"].partition("<|begin_of_solution|>")
        solution = solution.replace("<|end_of_solution|>", "")
        known = [row["question"], row["gold"], thinking]
        seen += 1
        passed += new_numbers(solution, known) == []
        places = [at for at, sign in enumerate(solution) if sign.isdigit() and not solution[at - 1 : at + 2].isdigit()]
        if places and new_numbers(solution, known) == []:
            at = stream.choice(places)
            spoilt += 1
            caught += new_numbers(f"{solution[:at]}{stream.randrange(300, 90_000)}{solution[at + 1 :]}", known) != []
        if seen == 150:
            break
    assert passed / seen > 0.95 and caught / spoilt > 0.9, (passed / seen, caught / spoilt)
