"""Contamination: every planted n-gram is found whichever way its words are counted, and none is where none was planted."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import re
from pathlib import Path

import polars as pl
import pytest

from filters import _scan
from filters.contamination import contamination, evidence

from ..real import path_of, rows_of

QUESTION = (
    "Let $x$ and $y$ be positive real numbers such that $x + y = 10$ and $\\left(x - y\\right)^2 = 4.$ "
    "Café owners ask: what is the greatest value that the product of their tills can take on a Monday in 2021?"
)
SOLUTION = "By symmetry we may take x to be the larger one, so that both are found by adding the two lines."
CLEAN = "I bake the bread first and then carry it to the shop on the corner where nobody has ever asked for a receipt."


@pytest.fixture
def test_set(tmp_path: Path) -> Path:
    return written(tmp_path / "exam.jsonl", {"id": "q7", "problem": QUESTION, "solution": SOLUTION, "answer": "25"})


def written(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(*reasoning: str | None, question: str = "How long?", response: str = "So long.") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "question": [question] * len(reasoning),
            "reasoning": list(reasoning),
            "response": [response] * len(reasoning),
        },
        schema_overrides={"reasoning": pl.String},
    )


def grams(text: str, n: int, pattern: str = r"\w+") -> set[tuple[str, ...]]:
    words = re.findall(pattern, text.lower())
    return {tuple(words[at : at + n]) for at in range(len(words) - n + 1)}


def test_the_value_is_the_number_of_distinct_ngrams_shared(test_set):
    words = re.findall(r"\w+", QUESTION)[5:20]
    planted = f"{CLEAN} {' '.join(words)} {CLEAN}"
    measured = contamination(rows(CLEAN, planted, planted * 3, None), against=(test_set,))
    assert measured.to_list() == [0.0, 6.0, 6.0, 0.0]
    assert contamination(rows(planted), against=(test_set,), ngram=15)[0] == 1.0
    assert contamination(rows(planted), against=(test_set,), ngram=16)[0] == 0.0


@pytest.mark.parametrize("pattern", [r"\w+", r"\S+", r"[a-zé0-9]+"])
def test_every_planted_ngram_is_found_whichever_way_its_words_are_counted(test_set, pattern):
    for text in (QUESTION, SOLUTION):
        spans = [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]
        for first, last in zip(spans, spans[9:], strict=False):
            passage = text[first[0] : last[1]]
            apart = " ".join(re.findall(pattern, passage, re.IGNORECASE))
            both = rows(f"{CLEAN} {passage} {CLEAN}", f"{CLEAN}\n{apart}\n{CLEAN}")
            assert contamination(both, against=(test_set,)).min() >= 1, passage


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text.replace(" ", "\n  "),
        lambda text: text.replace("$", ""),
        lambda text: re.sub(r"\$(.*?)\$", r"\\(\1\\)", text),
        lambda text: text.replace("\\left", "").replace("\\right", ""),
        lambda text: text.replace("é", "e\u0301"),
        lambda text: text.replace("é", "e"),
        lambda text: "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in text),
        lambda text: re.sub(r"[.,:?]", " —", text),
        lambda text: "**" + text.replace(" ", "** **") + "**",
    ],
)
def test_spacing_case_punctuation_and_latex_make_no_difference(test_set, change):
    whole = contamination(rows(QUESTION), against=(test_set,))[0]
    assert contamination(rows(change(QUESTION)), against=(test_set,))[0] >= 0.9 * whole


def test_latex_of_the_row_alone_makes_no_difference(tmp_path):
    exam = written(
        tmp_path / "e.jsonl", {"problem": "Take f(x) of g(y) at h(z) on k(t) with m(u) near n(v), p(q), r(s)."}
    )
    row = rows(
        "take f\\left(x\\right) of g\\left(y\\right) at h\\left(z\\right) on k\\left(t\\right) with m\\left(u\\right)"
    )
    assert contamination(row, against=(exam,))[0] >= 1


def test_the_calculator_of_gsm8k_is_read_with_and_without_its_notes(tmp_path):
    noted = "Ann has 2 + 3 = <<2+3=5>>5 apples and sells 4 * 5 = <<4*5=20>>20 pears at the market on Monday."
    exam = written(tmp_path / "e.jsonl", {"problem": "How many?", "solution": noted})
    both = rows(noted, re.sub("<<.*?>>", "", noted)[:45])
    assert contamination(both, against=(exam,)).min() >= 1


def test_blocks_of_any_size_give_the_same(test_set, monkeypatch):
    table = rows(CLEAN, SOLUTION, None, f"{CLEAN} {QUESTION}", "", SOLUTION[:70], question=QUESTION[:80])
    whole = contamination(table, against=(test_set,)).to_list(), evidence(table, against=(test_set,)).to_list()
    monkeypatch.setattr("filters._ngrams._BLOCK", 100)
    parts = contamination(table, against=(test_set,)).to_list(), evidence(table, against=(test_set,)).to_list()
    assert parts == whole


def test_a_blank_to_fill_in_is_a_word_and_the_line_of_an_index_is_none(tmp_path):
    exam = written(tmp_path / "e.jsonl", {"problem": "One ___ two x_1 three x_{2} ___ four"})
    told = contamination(rows("one ___ two x_{1} three x_2 ___ four", "one two x 1 three x 2"), against=(exam,))
    assert told.to_list() == [1.0, 0.0]
    assert contamination(rows("one two x 1 three x 2 four"), against=(exam,), ngram=8)[0] == 1.0  # the blanks left out
    ends = pl.concat([rows("one ___"), rows("___ two x1")])
    assert contamination(ends, against=(exam,), ngram=2).to_list() == [1.0, 1.0]


def test_nine_words_of_a_question_are_no_leak(test_set):
    words = re.findall(r"\w+", SOLUTION)
    for at in range(len(words) - 9):
        assert contamination(rows(" ".join(words[at : at + 9])), against=(test_set,))[0] == 0.0


def test_no_ngram_runs_over_the_end_of_a_text(test_set):
    words = SOLUTION.split()
    table = rows(" ".join(words[:8]), question="How?", response=" ".join(words[8:16]))
    two = pl.concat([rows(" ".join(words[:8])), rows(" ".join(words[8:16]))])
    assert contamination(table, against=(test_set,))[0] == 0.0
    assert contamination(two, against=(test_set,)).to_list() == [0.0, 0.0]


def test_of_looks_where_it_is_told(test_set):
    asked, thought = rows("", question=QUESTION), rows(SOLUTION)
    told = {
        of: [contamination(table, against=(test_set,), of=of)[0] > 0 for table in (asked, thought)]
        for of in ("all", "question", "trace")
    }
    assert told == {"all": [True, True], "question": [True, False], "trace": [False, True]}


def test_options_and_the_conversation_before_the_question_are_searched_with_it(test_set):
    for name in ("choices", "history"):
        table = rows(CLEAN).with_columns(pl.lit(json.dumps([SOLUTION])).alias(name))
        assert [contamination(table, against=(test_set,), of=of)[0] > 0 for of in ("question", "trace")] == [
            True,
            False,
        ]


def test_a_short_question_is_found_where_it_is_asked_and_not_in_a_trace(tmp_path):
    exam = written(
        tmp_path / "short.jsonl",
        {"question": "What is $7 \\times 8$?"},
        {"question": "How many primes are below one hundred?"},
    )

    def asked(question: str) -> float:
        return contamination(rows(CLEAN, question=question), against=(exam,))[0]

    assert asked("what is 7 \\times 8") == 1.0
    assert asked("What is 7 \\times 9?") == 0.0
    assert asked("Here is one. What is $7 \\times 8$?") == 0.0
    assert asked("Here is one. HOW MANY primes are below one hundred (tell me)?") == 1.0
    assert contamination(rows("How many primes are below one hundred?"), against=(exam,))[0] == 0.0
    told = evidence(rows(CLEAN, question="what is 7 \\times 8"), against=(exam,))[0]
    assert told == 'the question is short.jsonl row 0, question: "What is $7 \\times 8$?"'


def test_evidence_is_the_longest_passage_as_the_row_has_it(test_set):
    passage = "by symmetry WE may take x to be the larger one, so that both"
    told = evidence(rows(CLEAN, f"{CLEAN} {passage} {SOLUTION[-50:]} {CLEAN}"), against=(test_set,))
    assert told.to_list() == [None, f'14 words of exam.jsonl q7, solution, in the reasoning: "{passage}"']
    assert [text[:8] for text in evidence(rows(SOLUTION, SOLUTION), against=(test_set,))] == ["21 words"] * 2
    long = evidence(rows(QUESTION * 40), against=(test_set,))[0]
    assert len(long) <= 300 and "exam.jsonl q7, problem" in long


def test_equal_keys_of_different_words_are_no_match(test_set, monkeypatch):
    monkeypatch.setattr(_scan, "mixed", lambda keys: keys & 0)
    assert contamination(rows(CLEAN), against=(test_set,), ngram=9)[0] == 0.0


def test_sets_are_read_from_every_kind_of_file_and_from_folders(tmp_path):
    table = {"question": [QUESTION], "answer": ["25"]}
    folder = tmp_path / "stage"
    folder.mkdir()
    pl.DataFrame(table).write_parquet(folder / "shard-00000.parquet")
    (folder / "manifest.json").write_text("{}")
    # what a stage dropped is none of its rows
    pl.DataFrame({"question": [CLEAN]}).write_parquet(folder / "rejected-00000.parquet")
    with (tmp_path / "exam.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["prompt"], [QUESTION]])
    (tmp_path / "exam.jsonl.gz").write_bytes(
        gzip.compress(json.dumps({"messages": [{"role": "user", "content": QUESTION}]}).encode())
    )
    (tmp_path / "exam.json").write_text(json.dumps([{"quiz": QUESTION}]))
    for path in (
        folder,
        folder / "shard-00000.parquet",
        tmp_path / "exam.csv",
        tmp_path / "exam.jsonl.gz",
        tmp_path / "exam.json",
    ):
        assert contamination(rows(QUESTION), against=(path,))[0] > 10, path
        assert contamination(rows(CLEAN), against=(path,))[0] == 0.0


def test_a_set_that_changed_is_read_again(test_set):
    assert contamination(rows(CLEAN), against=(test_set,))[0] == 0.0
    written(test_set, {"problem": CLEAN})
    os.utime(test_set, ns=(1, 1))
    assert contamination(rows(CLEAN), against=(test_set,))[0] > 0


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "there is no .*exam.jsonl"),
        (
            '{"shoe": "left", "size": 9}\n',
            "exam.jsonl has no question under any of question, problem, .*; its columns are shoe, size",
        ),
        ("{not json}\n", "exam.jsonl:1: not JSON"),
    ],
)
def test_a_set_without_questions_is_named(tmp_path, content, message):
    path = tmp_path / "exam.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=message):
        contamination(rows(CLEAN), against=(path,))


def test_settings_out_of_range_are_refused(test_set):
    with pytest.raises(ValueError, match="ngram is 1 or more, not 0"):
        contamination(rows(CLEAN), against=(test_set,), ngram=0)
    with pytest.raises(ValueError, match="of is 'all', 'question' or 'trace', not 'answer'"):
        contamination(rows(CLEAN), against=(test_set,), of="answer")
    with pytest.raises(ValueError, match="against names no evaluation set"):
        contamination(rows(CLEAN), against=())


def test_in_chinese_a_character_is_a_word(tmp_path):
    exam = written(tmp_path / "zh.jsonl", {"question": "王叔叔家有白兔七十只黑兔二十只，一共有多少只兔子？"})
    told = contamination(rows("今天我想到王叔叔家有白兔，七十只黑啊", "今天我想到王叔叔家有白兔啊"), against=(exam,))
    assert told.to_list() == [2.0, 0.0]
    numbers = written(tmp_path / "numbers.jsonl", {"question": "果园里有24个苹果，每盘放3个，或1234567890个"})
    told = contamination(rows("我有24个苹果每盘放3份", "算1234567890吗"), against=(numbers,))
    assert told.to_list() == [1.0, 0.0]


@pytest.mark.parametrize(
    "name, key",
    [
        ("math500", "solution"),
        ("gsm8k_test", "solution"),
        ("humaneval", "canonical_solution"),
        ("aime24", "reference_solution"),
    ],
)
def test_real_sets_planted_passages_are_found_and_clean_traces_are_what_a_set_of_tuples_says(name, key):
    path, exam = path_of(f"problems/{name}"), rows_of(f"problems/{name}")
    clean = [text for row in rows_of("traces/misguided_attention") if (text := row["response"])][::40]
    rng = random.Random(0)
    planted = []
    for row in rng.sample(exam, 30):
        for text in (row.get("problem") or row.get("prompt"), row[key]):
            spans = [match.span() for match in re.finditer(rng.choice([r"\w+", r"\S+"]), text)]
            if len(spans) >= 10:
                at = rng.randrange(len(spans) - 9)
                host = rng.choice(clean)
                cut = rng.randrange(len(host))
                planted.append(f"{host[:cut]} {text[spans[at][0] : spans[at + 9][1]]} {host[cut:]}")
    assert len(planted) > 25
    assert contamination(rows(*planted), against=(path,)).min() >= 1
    texts = [re.sub(r"<<[^<>]*>>", "", text) for row in exam for text in row.values() if isinstance(text, str)]
    known = set().union(*(grams(text, 10) for text in texts))
    for text, count in zip(clean, contamination(rows(*clean), against=(path,)), strict=True):
        assert (count > 0) == bool(grams(text, 10) & known), text[:80]


FORMS = [
    ("first", "ﬁrst"), ("efficient", "eﬃcient"), ("\\frac{1}{2}", "½"), ("km", "㎞"), ("IX", "Ⅸ"), ("straße", "STRASSE"),
    ("garden", "gar\u200bden"), ("garden", "gar\u00adden"), ("word", "<b>word</b>"), ("\\frac{3}{4}", "\\dfrac{3}{4}"),
    ("\\frac{3}{4}", "\\tfrac34"), ("\\frac{3}{4}", "3/4"), ("x^2", "x²"), ("10^{23}", "10²³"), ("a_{1}", "a₁"),
    ("x\\leq 5", "x\\le 5"), ("x\\geq 5", "x ≥ 5"), ("x\\neq 5", "x≠5"), ("\\alpha", "α"), ("2\\pi r", "2πr"),
    ("30^\\circ", "30°"), ("30^{\\circ}", "30°"), ("\\triangle ABC", "△ABC"), ("\\sum_{i=1}", "\\sum\\limits_{i=1}"),
    ("3\\cdot 4", "3*4"), ("3\\times 4", "3·4"), ("\\sqrt{2}", "√2"), ("\\sqrt{2}", "\\sqrt2"), ("\\infty", "∞"),
    ("1,000", "1000"), ("1{,}000", "1,000"), ("1,234,567", "1234567"), ("x<sub>1</sub>", "x_1"), ("&lt;", "<"),
]  # fmt: skip


@pytest.mark.parametrize("forms", FORMS + [(b, a) for a, b in FORMS], ids=" as ".join)
def test_a_word_in_another_form_is_the_same_word(tmp_path, forms):
    form, other = forms
    said = "wooden lanterns were hung beside {} until seven tired sailors slept there"
    exam = written(
        tmp_path / "exam.jsonl", {"question": said.format(form) + ", and nobody knew of that strange event."}
    )
    near = said.replace("beside", "over").replace("slept", "dozed").format(other)
    found = contamination(rows(f"I recall {said.format(other)}.", near), against=(exam,))
    assert found[0] > 0 and found[1] == 0


def test_the_evidence_shows_a_ligature_as_it_was_written(tmp_path):
    said = "the ﬁrst eﬃcient straße leads over seven hills towards an old mill"
    exam = written(
        tmp_path / "exam.jsonl", {"question": "The first efficient STRASSE leads over seven hills towards an old mill"}
    )
    assert said in evidence(rows(f"\u00bdWell, {said}"), against=(exam,))[0]


def test_a_formula_that_everybody_writes_is_no_fraction_of_a_solution(tmp_path):
    exam = written(
        tmp_path / "exam.jsonl", {"question": "?", "solution": "\\[P(A|B) = \\frac{P(B|A) \\cdot P(A)}{P(B)} = 1\\]"}
    )
    assert contamination(rows("P(A|B) = P(B|A) * P(A) / P(B) = 1/2"), against=(exam,))[0] == 0
