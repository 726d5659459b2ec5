"""Language consistency on made text, on real traces, and on real traces with Tatoeba's sentences among them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from filters.language_consistency import language_consistency

from ..real import rows_of

QUESTION = "How many apples do Ann and Ben have together if Ann has two and Ben has four?"
ENGLISH = (
    "First I need to find out how many apples each of them has. Ann has two apples and her friend Ben has four. "
    "If I put them together then the total is the sum of both numbers. Let me check this once more before I answer."
)
FRENCH = "Je dois d'abord trouver combien de pommes chacun possède, puis additionner les deux nombres."
GERMAN = "Zuerst muss ich herausfinden, wie viele Äpfel die beiden zusammen haben, und dann addieren."


def share(thinking: str, question: str | None = QUESTION, **given: Any) -> float:
    rows = pl.DataFrame(
        {"question": [question], "reasoning": [thinking], "response": [""]},
        schema=dict.fromkeys(("question", "reasoning", "response"), pl.String),
    )
    return language_consistency(rows, **given)[0]


def test_thinking_in_the_language_of_the_question_is_consistent():
    assert share(ENGLISH) == 1.0
    assert share("先算出两个人一共有多少个苹果，然后再检查一遍答案。", "小明和小红一共有几个苹果？请回答。") == 1.0


def test_it_is_the_share_of_words():
    words = "one two three four five six seven eight"
    assert share(f"{words} 对") == 8 / 9
    assert share(f"{words} пять шесть") == 8 / 10
    assert share(f"{words} 我们先计算 мир") == 8 / 12  # 我们 先 计算


def test_one_chinese_sentence_in_an_english_trace_is_seen():
    assert share(ENGLISH + " 我们再检查一遍这个答案是否正确。 " + ENGLISH) == pytest.approx(82 / 90, abs=0.02)


@pytest.mark.parametrize("foreign", [FRENCH, GERMAN])
def test_one_sentence_of_the_same_script_is_seen(foreign):
    measured = share(f"{ENGLISH} {foreign}\n{ENGLISH}")
    assert 0.75 < measured < 0.95


def test_the_target_is_the_question_unless_it_is_given():
    assert share(FRENCH) == 0.0
    assert share(FRENCH, GERMAN) == 0.0
    assert share(FRENCH, FRENCH) == 1.0
    assert share(FRENCH, language="fr") == 1.0
    assert share(ENGLISH, language="zh") == 0.0
    assert share(ENGLISH, language="en") == 1.0


@pytest.mark.parametrize("question", [None, "", "$x^2 = 4$, $x = ?$", "Solve it."])
def test_without_a_telling_question_the_main_language_is_the_target(question):
    assert share(ENGLISH, question) == 1.0
    assert share(FRENCH, question) == 1.0
    assert 0.75 < share(f"{ENGLISH} {FRENCH}", question) < 0.95
    assert share(f"{ENGLISH} 你好", question) < 1.0


@pytest.mark.parametrize(
    "unread",
    [
        "```python\n# 先算总数\nсумма = 6\n```",
        "~~~\n先算总数\n~~~",
        "`总数`",
        "$\\text{总数} = 6$",
        "$$\n\\text{总数} = 6\n$$",
        "\\(\\text{总数}\\)",
        "\\[\n\\text{总数}\n\\]",
        "\\begin{align}\n总数 &= 6\n\\end{align}",
        "123 ١٢٣ 3.14",
        "Δ π θ x",
        "😀 → ≤ ∑",
    ],
)
def test_code_latex_numbers_and_symbols_are_no_words(unread):
    assert share(f"{ENGLISH}\n{unread}\n{ENGLISH}") == 1.0


def test_urls_are_no_words_of_a_chinese_trace():
    chinese = "先看看这个网页，再回答这个问题。"
    assert share(f"{chinese}https://example.com/some/long/path?query=words，然后{chinese}", chinese) == 1.0


def test_money_is_no_latex():
    assert share("It costs $5 总数总数总数 and $6 for two.") < 0.8


@pytest.mark.parametrize("wordless", ["", "   ", "1 + 2 = 3", "x", "$x$", "!!!"])
def test_no_words_are_consistent(wordless):
    assert share(wordless) == 1.0


def test_a_repeated_word_says_nothing_more_of_the_language():
    assert (
        share(f"{ENGLISH}\n" + "So tan + tan + tan = " * 12 + "takes takes takes takes takes takes takes takes") == 1.0
    )


def test_chinese_and_japanese_are_told_apart():
    chinese = "我们先计算两个人一共有多少个苹果，然后检查答案。"
    japanese = "まず二人が持っているりんごの数を合わせて、それから答えを確認します。"
    assert share(chinese, chinese) == share(japanese, japanese) == 1.0
    assert share(chinese, japanese) == share(japanese, chinese) == 0.0


def test_a_row_that_did_not_think_is_read_by_its_response():
    rows = pl.DataFrame({"question": [QUESTION] * 2, "reasoning": [None, ENGLISH], "response": [FRENCH, FRENCH]})
    assert language_consistency(rows).to_list() == [0.0, 1.0]


def test_a_row_leaves_nothing_behind_for_the_next():
    thoughts = [ENGLISH, FRENCH, GERMAN, "你好", f"{ENGLISH} {FRENCH}"]
    rows = pl.DataFrame({"question": [QUESTION] * 5, "reasoning": thoughts, "response": [""] * 5})
    assert language_consistency(rows).to_list() == [share(thought) for thought in thoughts]


@pytest.mark.parametrize("language", ["english", "EN", "e", ""])
def test_what_is_no_language_code_is_refused(language):
    with pytest.raises(ValueError, match="ISO 639-1"):
        share(ENGLISH, language=language)


def test_a_language_without_a_profile_is_judged_by_its_script_only():
    basque = "Lehenik eta behin zenbat sagar dauden jakin behar dugu, eta gero biak batu behar ditugu."
    assert share(basque, language="eu") == 1.0
    assert share(f"{basque} 你好", language="eu") < 1.0


def test_real_english_traces_are_consistent():
    traces = [trace for trace in rows_of("traces/misguided_attention") if trace["reasoning"]][::20]
    rows = pl.DataFrame({key: [trace[key] for trace in traces] for key in ("question", "reasoning", "response")})
    measured = language_consistency(rows)
    assert rows.height > 50
    assert (measured >= 0.95).mean() >= 0.98
    assert measured.mean() > 0.995


def test_real_code_questions_in_english_are_taken_for_english():
    prompts = [problem["prompt"] for problem in rows_of("problems/humaneval")]
    rows = pl.DataFrame({"question": prompts, "reasoning": [ENGLISH] * len(prompts), "response": [""] * len(prompts)})
    assert (language_consistency(rows) == 1.0).mean() == 1.0


LANGUAGES = ["ara", "bul", "cmn", "deu", "fra", "hin", "ita", "jpn", "kor", "rus", "spa", "tha", "tur", "vie"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_real_foreign_sentences_in_real_traces_lower_the_score(lang):
    foreign = sorted((pair["text"] for pair in rows_of("multilingual/tatoeba_pairs") if pair["lang"] == lang), key=len)
    traces = [trace for trace in rows_of("traces/misguided_attention") if trace["reasoning"]][::125]
    lowered, measures = 0, []
    for trace, sentences in zip(traces, zip(*[iter(foreign[-40:])] * 4, strict=True), strict=True):
        paragraphs = trace["reasoning"].split("\n\n")[:4]
        clean = share("\n\n".join(paragraphs), trace["question"])
        measures.append(share("\n\n".join([*paragraphs, *sentences]), trace["question"]))
        lowered += measures[-1] < clean
    assert lowered >= 9  # of 10: a Spanish or Danish sentence of few words may be in doubt
    assert sum(measures) / len(measures) < 0.9


UDHR = {
    "fra": "fr",
    "spa": "es",
    "ita": "it",
    "pol": "pl",
    "rus": "ru",
    "ukr": "uk",
    "hin": "hi",
    "jpn": "ja",
    "eng": "en",
}


def test_the_declaration_of_human_rights_is_in_its_language_and_no_other():
    paragraphs = rows_of("multilingual/udhr_paragraphs")
    for lang, language in UDHR.items():
        text = "\n".join(paragraph["text"] for paragraph in paragraphs if paragraph["lang"] == lang)
        assert share(text, language=language) > 0.98
        assert share(text, language="de") < 0.03
