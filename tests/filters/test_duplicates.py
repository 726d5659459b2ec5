"""Duplicates on made texts: what counts as the same, which row is kept, and that no order of rows matters."""

from __future__ import annotations

import random

import polars as pl
import pytest

from filters.duplicates import duplicates, gather, settle

TRACE = "Let me add the two numbers first, and then I check the sum against the question once more."


def rows(*traces: str | None, problems: str | None = None, **columns: list[object]) -> pl.DataFrame:
    count = len(traces)
    return pl.DataFrame(
        {
            "problem_id": list(problems or "abcdefghijklmnopqrstuvwxyz"[:count]),
            "rollout": list(range(count)),
            "question": [f"question {at}" for at in range(count)],
            "reasoning": list(traces),
            "response": [""] * count,
            **columns,
        }
    )


def same(first: str, second: str) -> bool:
    both = rows("", "").with_columns(question=pl.Series([first, second]))
    return duplicates(both, of="question").to_list() == [0.0, 1.0]


@pytest.mark.parametrize(
    "first, second",
    [
        ("What is 2+2?", "what is  2 + 2"),
        ("It's six, then.", "It’s six — then".replace(" — ", " ")),
        ("x, y and z;\nfind them", "X,Y and Z: find them!"),
        ("It is 5. Then 3,4 follow", "it is 5, then 3,4 follow."),
        ("cafe\u0301", "café"),
        ("a \u2212 b", "a - b"),
        ("他有５个苹果。", "他有５个苹果"),
        ("one\u200b two\u00ad", "one two"),
    ],
)
def test_case_spacing_quotation_marks_and_the_signs_of_sentences_make_no_difference(first, second):
    assert same(first, second)


@pytest.mark.parametrize(
    "first, second",
    [
        ("Find 3.5", "Find 35"),
        ("Find 1,000", "Find 1000"),
        ("Find 5!", "Find 5?"),
        ("Find n!", "Find n."),
        ("Find (a+b)!", "Find (a+b)"),
        ("a - b", "a + b"),
        ("Is x<3?", "Is x>3?"),
        ("the ratio 2:1", "the ratio 21"),
        ("1 2", "12"),
        ("x^2", "x2"),
        ("is it so", "it is so"),
    ],
)
def test_digits_operators_brackets_and_word_order_make_a_difference(first, second):
    assert not same(first, second)


def test_a_sign_does_not_depend_on_the_text_above():
    # `!` opens the second text, a digit ends the first
    assert duplicates(
        rows("", "", "").with_columns(question=pl.Series(["find 5", "!yes", "yes"])), of="question"
    ).to_list() == [0.0, 0.0, 1.0]


def test_the_best_by_a_column_is_kept_and_the_others_are_ranked():
    table = rows(*[TRACE] * 4, clarity=[3, 5, None, 5], completion_tokens=[9, 8, 1, 7])
    assert duplicates(table).to_list() == [0.0, 1.0, 2.0, 3.0]
    assert duplicates(table, prefer="clarity desc, completion_tokens").to_list() == [2.0, 1.0, 3.0, 0.0]
    assert duplicates(table, prefer="completion_tokens").to_list() == [3.0, 2.0, 0.0, 1.0]


def test_neither_the_order_of_the_rows_nor_the_shards_matter():
    rng = random.Random(0)
    texts = [rng.choice([TRACE, TRACE.upper(), TRACE + " So it is.", "no"]) for _ in range(60)]
    table = rows(*texts, problems="".join(rng.choices("abcdef", k=60)), score=[rng.randrange(4) for _ in range(60)])
    table = table.with_columns(measured=duplicates(table, prefer="score"))
    for _ in range(5):
        mixed = table.sample(fraction=1, shuffle=True, seed=rng.randrange(99))
        cuts = sorted(rng.sample(range(1, 60), 3))
        shards = [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, 60], strict=True)]
        settled = settle(pl.concat(gather(shard, prefer="score") for shard in shards), prefer="score")
        assert settled["duplicates"].to_list() == mixed["measured"].to_list()


def test_rollouts_of_a_problem_share_its_question_and_the_problem_that_repeats_goes_with_all_of_them():
    table = rows(*[""] * 5, problems="aabbc").with_columns(question=pl.Series(["How many?"] * 4 + ["How few?"]))
    assert duplicates(table, of="question").to_list() == [0.0, 0.0, 1.0, 1.0, 0.0]
    told = settle(gather(table, of="question"), of="question")["evidence"]
    assert told.to_list()[2:] == ["the question of problem a, similarity 1.0"] * 2 + [None]


def test_questions_with_other_options_or_after_another_conversation_are_other_problems():
    table = rows("", "", "").with_columns(question=pl.lit("Which one is true?"))
    for name in ("choices", "history"):
        further = table.with_columns(
            pl.Series(name, ['["a dog", "a cat"]', '["a dog", "a cow"]', '["A dog", "a cat"]'])
        )
        assert duplicates(further, of="question").to_list() == [0.0, 0.0, 1.0]


def test_the_problem_with_the_best_row_is_kept():
    table = rows(*[""] * 4, problems="aabb", score=[1, 2, 0, 9]).with_columns(question=pl.lit("How many?"))
    assert duplicates(table, of="question", prefer="score desc").to_list() == [1.0, 1.0, 0.0, 0.0]


def test_a_short_trace_repeats_those_of_its_own_problem_only():
    assert duplicates(rows("It is six.", "It is six.", "It is six.", problems="aab")).to_list() == [0.0, 1.0, 0.0]
    assert duplicates(rows(TRACE, TRACE, problems="ab")).to_list() == [0.0, 1.0]


def test_a_text_without_a_word_repeats_nothing():
    assert duplicates(rows("", "", None, "?!", "?!", problems="aaaaa")).to_list() == [0.0] * 5


def test_evidence_names_the_row_that_is_kept():
    table = rows(TRACE, TRACE, problems="qp")
    told = settle(gather(table))["evidence"].to_list()
    assert told == ["the trace of problem p, rollout 1, similarity 1.0", None]


def test_what_is_preferred_has_to_be_a_column_and_a_direction():
    with pytest.raises(ValueError, match="no column 'clarity'"):
        duplicates(rows(TRACE), prefer="clarity desc")
    with pytest.raises(ValueError, match="'rollout down' is not a column with `asc` or `desc` behind it"):
        duplicates(rows(TRACE), prefer="rollout down")
    with pytest.raises(ValueError, match="of is 'question' or 'trace', not 'answer'"):
        duplicates(rows(TRACE), of="answer")
