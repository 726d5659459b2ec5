"""Language mixing on written edge cases, and on real traces with Tatoeba's sentences among them."""

from __future__ import annotations

import random
import re

import polars as pl
import pytest

from filters.language_mixing import BOUNDS, evidence, language_mixing

from ..real import rows_of
from .languages import CHINESE, CHINESE_QUESTION, ENGLISH, JAPANESE, QUESTION, RUSSIAN, SPANISH


def rows(thoughts: list[str], question: str = QUESTION) -> pl.DataFrame:
    return pl.DataFrame({"question": [question] * len(thoughts), "reasoning": thoughts, "response": ""})


def mixing(thinking: str, question: str = QUESTION) -> float:
    return language_mixing(rows([thinking], question))[0]


def test_a_text_in_one_language_has_no_foreign_words():
    for text in (ENGLISH, CHINESE, JAPANESE, RUSSIAN, SPANISH):
        assert mixing(text.format("")) == 0


@pytest.mark.parametrize(
    "foreign",
    [
        "Das muss noch einmal geprüft werden.",
        "Je ne sais pas.",
        "¿Qué es esto?",
        "Saya tidak tahu.",
        "Nevim, co mam delat.",
        "Tôi không biết phải làm gì.",
        "Sijui la kufanya.",
        "Ma ei tea, mida teha.",
        "Nuk e di çfarë të bëj.",
        "Hvað er þetta eiginlega?",
        "因此",
        "Поэтому",
        "그래서 답은 여섯입니다.",
        "इसलिए उत्तर छह है।",
        "তাই উত্তর ছয়।",
        "لذلك الجواب ستة.",
        "เพราะฉะนั้นคำตอบคือหก",
        "ゆえに答えは六です。",
        "Άρα η απάντηση είναι έξι.",
        "התשובה היא שש.",
        "நான் என்ன செய்வது?",
        "ქართული ენა ლამაზია.",
    ],
)
def test_one_foreign_sentence_or_word_is_seen_in_english(foreign):
    assert mixing(ENGLISH.format(foreign)) > BOUNDS["max"]


@pytest.mark.parametrize(
    "foreign",
    [
        "Lehenik eta behin zenbat sagar dauden jakin behar dugu.",  # Basque
        "Ĉiuj homoj estas denaske liberaj kaj egalaj laŭ digno.",  # Esperanto
    ],
)
def test_a_language_that_has_neither_list_nor_profile_is_seen(foreign):
    assert mixing(ENGLISH.format(foreign)) > 0


@pytest.mark.parametrize(
    "home, question, foreign",
    [
        (CHINESE, CHINESE_QUESTION, "He is my friend."),
        (CHINESE, CHINESE_QUESTION, "So the answer is six."),
        (CHINESE, CHINESE_QUESTION, "これは正しいです。"),
        (CHINESE, CHINESE_QUESTION, "다시 확인해 보자."),
        (JAPANESE, "二人はりんごをいくつ持っていますか。", "我不知道他是谁。"),
        (JAPANESE, "二人はりんごをいくつ持っていますか。", "So the answer is six."),
        (RUSSIAN, "Сколько яблок у Ани и Бена вместе?", "Трябва да проверим още веднъж отговора."),
        (RUSSIAN, "Сколько яблок у Ани и Бена вместе?", "Використаємо інше число, щоб перевірити відповідь."),
        (SPANISH, "¿Cuántas manzanas tienen Ana y Ben juntos?", "Então a resposta é seis, eu acho."),
        (SPANISH, "¿Cuántas manzanas tienen Ana y Ben juntos?", "So the answer is six."),
    ],
)
def test_one_foreign_sentence_is_seen_in_other_languages(home, question, foreign):
    assert mixing(home.format(foreign), question) > 0
    assert mixing(home.format(""), question) == 0


@pytest.mark.parametrize(
    "kept",
    [
        "This is a proof by reductio ad absurdum, mutatis mutandis, and it holds a fortiori.",
        "By modus ponens and modus tollens we get quod erat demonstrandum.",
        "The hotel is in Rio de Janeiro and the Costa del Sol, near San Francisco de Asís.",
        "José, Müller, Łukasz, Søren, Nguyễn Văn An and François went to Zürich.",
        "Wolfgang Amadeus Mozart wrote Die Zauberflöte.",
        "The species are Homo sapiens, Canis lupus familiaris and Escherichia coli.",
        "SEND + MORE = MONEY, so S=9, E=5, N=6, D=7.",
        "The cipher text is oyfjdnisdr rtqwainr acxz mynzbhhx.",
        "ellohay orldway isthay isway igpay atinlay",
        "glorp blicket dax wug florp zorble quibble",
        "Nf3 Nc6 Bb5 a6 Ba4 Nf6 O-O Be7",
        "NaCl + AgNO3 -> AgCl + NaNO3, CH3COOH and C6H12O6",
        "for (int i = 0; i < n; i++) sum += arr[i]; return sum;",
        "my_var = camelCase + someOtherThing.get_value()",
        "crane slate audio stare tares lares: green, grey, yellow",
        "Let α, β, γ be the angles, so α + β + γ = π and αβ + γδ = αγ.",
        "sin x cos y tan z, arcsin, ln x, lim sup and det A",
        "Mu (μ) = 40, Nu (ν) = 50, Xi (ξ) = 60, Omicron (ο) = 70, Pi (π) = 80.",
        "teh adn becuase definately calcualte equtaion nubmer probelm anwser",
        "Schadenfreude and Weltschmerz are feelings, and the zeitgeist is real.",
        "Ben says «oui, je suis là» and Ann says “nein, das ist falsch”.",
        "In Chinese the word for apple (苹果) is written so.",
        "👍 → ✓ ★ 中 ℵ",
        "`Das ist Code` and $\\text{das ist auch}$ and https://de.wikipedia.org/wiki/Das_ist_es",
    ],
)
def test_names_terms_code_symbols_and_quotations_are_kept(kept):
    assert mixing(ENGLISH.format(kept.replace("{", "{{").replace("}", "}}"))) == 0


@pytest.mark.parametrize(
    "kept",
    [
        "这里用binary search和dynamic programming求解。",
        "根据Bayes' theorem，P(A|B)成立。",
        "使用for循环遍历list，然后return result。",
        "臺灣的學生們計算這個問題，應該沒有錯誤。",
        "佢哋今日去咗邊度呀，我唔知道。",
        "John和Mary一起去New York。",
    ],
)
def test_chinese_keeps_its_terms_and_its_traditional_characters(kept):
    assert mixing(CHINESE.format(kept), CHINESE_QUESTION) == 0


def test_a_long_japanese_compound_is_not_chinese():
    assert mixing(JAPANESE.format("国民健康保険制度改革推進委員会の国際的協力及び社会的施設等による。")) == 0


@pytest.mark.parametrize(
    "question, thinking",
    [
        ("Translate into French: I am tired.", "In French this is: Je suis fatigué. Or: Je suis vraiment crevé."),
        ("What does 'Ich habe heute keine Zeit' mean?", "Ich habe heute keine Zeit. It is about time today."),
        ("What is 因此 in this text?", "Here 因此 is therefore."),
        ("Is this sentence right? Мы пошли домой вчера.", "The verb is пошли, of пойти, and the order is usual."),
    ],
)
def test_what_the_question_speaks_or_names_is_not_foreign(question, thinking):
    assert mixing(ENGLISH.format(thinking), question) == 0
    assert mixing(ENGLISH.format(thinking)) > 0


def test_a_slip_inside_a_quotation_of_the_question_is_seen():
    quoted = f'The question says "{QUESTION[:-1]}, aber das weiß ich noch nicht genau, and so on?" so I add them.'
    assert mixing(ENGLISH.format(quoted)) > 0


def test_the_value_is_the_number_of_words_in_foreign_passages():
    assert mixing(ENGLISH.format("Das muss noch einmal geprüft werden.")) == 6
    assert mixing(ENGLISH.format("Поэтому ответ шесть.")) == 3
    assert mixing(ENGLISH.format("我们先计算答案。")) == 4  # 我们 先 计算 答案
    assert mixing(ENGLISH.format("私は学生です。")) == 4  # 私 は 学生 です


def test_the_evidence_says_how_many_which_language_and_where():
    text = ENGLISH.format("Das muss noch einmal geprüft werden.") + " Поэтому ответ шесть."
    shown = evidence(rows([text, ENGLISH.format("")]))
    at = text.index("Das muss"), text.index("Поэтому")
    assert shown.to_list() == [
        f'2 passages; de at {at[0]}: "Das muss noch einmal geprüft werden", ru at {at[1]}: "Поэтому ответ шесть"',
        None,
    ]
    assert all(len(one) <= 300 for one in evidence(rows([" ".join([text] * 50)])))


def test_thinking_wholly_in_another_language_does_not_switch():
    assert mixing(SPANISH.format("")) == mixing(CHINESE.format("")) == 0


def test_a_row_is_measured_the_same_in_any_company():
    thoughts = [ENGLISH.format("Je ne sais pas."), CHINESE.format(""), "", RUSSIAN.format("So the answer is six."), "x"]
    together = language_mixing(rows(thoughts)).to_list()
    assert together == [mixing(thought) for thought in thoughts]


def test_hardly_a_clean_real_trace_is_dropped():
    other = re.compile(r"[^\W\d_\u0000-\u024f\u0370-\u03ff\u1e00-\u1eff\u2100-\u214f]")
    traces = [t for t in rows_of("traces/misguided_attention") if t["reasoning"]][::6]
    clean = [t for t in traces if not other.search(t["reasoning"])]
    frame = pl.DataFrame({key: [t[key] for t in clean] for key in ("question", "reasoning", "response")})
    assert frame.height > 150
    assert (language_mixing(frame) > BOUNDS["max"]).sum() <= 1


def test_one_real_foreign_sentence_in_a_real_trace_is_found_in_every_language():
    drawn = random.Random(0)
    traces = [t for t in rows_of("traces/misguided_attention") if t["reasoning"]]
    pairs = [p for p in rows_of("multilingual/tatoeba_pairs") if 20 <= len(p["text"]) <= 60 or p["lang"] in HAN]
    missed: dict[str, int] = {}
    languages = sorted({pair["lang"] for pair in pairs})
    for language in languages:
        sentences = drawn.sample([pair["text"] for pair in pairs if pair["lang"] == language], 12)
        spliced, questions = [], []
        for sentence in sentences:
            trace = drawn.choice(traces)
            paragraphs = trace["reasoning"].split("\n\n")[:6]
            paragraphs[drawn.randrange(len(paragraphs))] += f" {sentence}"
            spliced.append("\n\n".join(paragraphs))
            questions.append(trace["question"])
        frame = pl.DataFrame({"question": questions, "reasoning": spliced, "response": [""] * len(spliced)})
        missed[language] = int((language_mixing(frame) == 0).sum())
    assert len(languages) == 33
    assert sum(missed.values()) <= 0.05 * 12 * len(languages), missed
    assert max(missed.values()) <= 4, missed


HAN = ("cmn", "jpn", "yue", "kor", "tha")


def test_a_slip_in_the_answer_counts_where_the_trace_is_read():
    row = rows([ENGLISH.format("")]).with_columns(response=pl.lit("They have six apples together, 因此答案是六。"))
    assert language_mixing(row)[0] == 0
    assert language_mixing(row, of="trace")[0] >= 3
    assert "因此答案是六" in evidence(row, of="trace")[0] and evidence(row)[0] is None
