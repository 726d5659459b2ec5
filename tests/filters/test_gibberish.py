"""Gibberish: what no language writes is seen, and whatever a language, a formula or a program writes is kept."""

from __future__ import annotations

import base64
import random
import time
from pathlib import Path

import polars as pl
import pytest

from filters.gibberish import BOUNDS, evidence, gibberish

from ..real import rows_of

ENGLISH = "First we add the two numbers, and then we check the sum against the question once more. It is right. " * 20
CHINESE = "首先我们需要理解问题的要求，然后一步一步地计算出结果，再检查一遍答案是否正确。" * 10
RUSSIAN = "Сначала нужно понять условие задачи, а затем шаг за шагом вычислить результат и проверить ответ. " * 10
FRENCH = "L’été dernier, à côté de la forêt, j’ai mangé des crêpes très bonnes près du château. " * 10
RANDOM = random.Random(0)


def measured(text: str) -> float:
    schema = {"reasoning": pl.String, "response": pl.String}
    return gibberish(pl.DataFrame({"reasoning": [text], "response": ["Six."]}, schema=schema))[0]


def letters(alphabet: str, count: int) -> str:
    return " ".join("".join(RANDOM.choices(alphabet, k=RANDOM.randrange(3, 11))) for _ in range(count))


def shuffled(text: str) -> str:
    return " ".join("".join(RANDOM.sample(word, len(word))) for word in text.split())


MANY = ["the", "значок", "的", "في", "はい", "มาก", "है", "안녕", "שלום", "ing", "token", "კარგი"]
BROKEN = {
    "random letters": letters("abcdefghijklmnopqrstuvwxyz", 80),
    "a struck keyboard": letters("asdfghjklqwertyuiop", 120),
    "shuffled letters": shuffled(ENGLISH),
    "base64": base64.b64encode(RANDOM.randbytes(400)).decode(),
    "replacement characters": "The sum is \ufffd\ufffd\ufffd and then \ufffd\ufffd\ufffd " * 10,
    "UTF-8 read as Windows-1252, Chinese": CHINESE.encode().decode("cp1252", errors="replace"),
    "UTF-8 read as Latin-1, Russian": RUSSIAN.encode().decode("latin-1"),
    "UTF-8 read as Windows-1252, French": FRENCH.encode().decode("cp1252", errors="replace"),
    "UTF-8 read as GBK": CHINESE.encode().decode("gbk", errors="replace"),
    "GBK read as UTF-8": CHINESE.encode("gbk").decode("utf-8", errors="replace"),
    "random Han": "".join(chr(RANDOM.randrange(0x4E00, 0x9FA5)) for _ in range(200)),
    "a soup of scripts": " ".join(RANDOM.choices(MANY, k=80)),
    "signs": " ".join("".join(RANDOM.choices("!#$%&?@~;:<>*+=|()[]1234", k=12)) for _ in range(60)),
    "control characters": "and \x01\x02\x03 then \x04\x05\x06 " * 20,
    "private use": "\ue000\ue001\ue002 " * 20,
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("around", ["", ENGLISH * 5], ids=["alone", "in the middle of a long text"])
def test_gibberish_is_seen(text, around):
    assert measured(f"{around}{text} {around}") > BOUNDS["max"]


KEPT = {
    "English": ENGLISH,
    "Chinese": CHINESE,
    "Russian": RUSSIAN,
    "French": FRENCH,
    "Polish": "Wczoraj wprowadziliśmy się do nowego mieszkania, jeszcze wszystko jest w pudłach. Szczęście sprzyja nam. "
    * 9,
    "Czech": "Čtvrtek je den, kdy se strč prst skrz krk stává skutečností. Kéž by to bylo snazší! " * 9,
    "Cantonese": "佢哋喺嗰度食咗嘢，而家唔知去咗邊。我諗佢嘅嘢喺呢度，冇人搵到。" * 9,
    "traditional Chinese": "首先我們需要理解問題的要求，然後一步一步地計算結果，檢查答案是否正確。" * 9,
    "Japanese": "まず問題の条件を確認してから、順番に計算していきましょう。答えは六です。" * 9,
    "Thai": "เราต้องบวกตัวเลขทั้งสองแล้วตรวจสอบคำตอบอีกครั้ง" * 9,
    "Arabic": "نجمع العددين أولا ثم نتحقق من المجموع مرة أخرى. " * 9,
    "Korean": "먼저 두 수를 더한 다음 합계를 다시 확인해 봅시다. x의 값은 6입니다. " * 9,
    "Vietnamese": "Trước tiên chúng ta cộng hai số rồi kiểm tra lại kết quả một lần nữa. " * 9,
    "LaTeX": r"\(\frac{x^{2}+1}{\sqrt{y_{1}}}\) so \[ \{1,-3\} \cup \{2,-1\} = \mathbb{R}^{n} \] and $a_{ij}\ne0$. "
    * 20,
    "formulas": "x^2 - 3x + (4/5) = 0 => sqrt(12) + 2*sqrt(3) != 7; f(x1, x2) <= g(y) && h(z) >= 1. " * 20,
    "code": Path(__file__).read_text(encoding="utf-8").split("MANY =")[0],
    "a table": "| n | n^2 |\n|---|---|\n" + "\n".join(f"| {n} | {n * n} |" for n in range(80)),
    "labels": "Let ABCD be a square and PQRS its image; AB = BC, so DFHB and XYZ are congruent by SAS. " * 20,
    "digits": "3.14159265358979323846 " * 40,
    "one word of digits": "1234567890" * 400,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 well done 🙂 " * 40,
    "a hash": ENGLISH + "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 " + ENGLISH,
    "a cipher": ENGLISH + "It says oyfjdnisdr rtqwainr acxz mynzbhhx, which we have to read. " + ENGLISH,
    "a short answer": "xyzzy",
    "nothing": "",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_people_and_models_write_is_kept(text):
    assert measured(text) <= BOUNDS["max"]


def test_a_word_counts_as_one_of_a_hundred():
    assert measured("qzxjvk " * 7 + "and then " * 20) == 0.07
    assert measured("我们" * 40 + " qzxjvk" * 7 + "我们" * 40) == 0.07


def test_a_broken_character_counts_and_six_count_as_six_words():
    assert measured("one \ufffd two") == 0.01
    assert measured("one \ufffd\ufffd\ufffd two") == 0.03
    assert measured("one " + "\ufffd" * 20 + " two") == 0.06


def test_the_evidence_shows_the_words():
    rows = pl.DataFrame({"reasoning": ["well qzxjvk then \ufffdx", "well then"], "response": ["", ""]})
    said = evidence(rows)
    assert said[0] == '2 words: "qzxjvk", "\ufffdx"' and said[1] is None


def test_ten_megabytes_take_seconds():
    start = time.perf_counter()
    assert measured("the sum " * 1_250_000) < 0.25
    assert time.perf_counter() - start < 30


def test_texts_of_many_languages_are_kept():
    texts: dict[str, list[str]] = {}
    for paragraph in rows_of("multilingual/udhr_paragraphs"):
        texts.setdefault(paragraph["lang"], []).append(paragraph["text"])
    assert {
        language: measured(" ".join(said)) for language, said in texts.items() if measured(" ".join(said)) > 0.2
    } == {}


def test_a_sentence_in_a_wrong_encoding_counts_whatever_the_rest():
    sound = "We have a triangle with sides 3, 4 and 5, so it has a right angle. "
    broken = "c’est l’été déjà à la plage où ça va très bien, “bonjour”".encode().decode("cp1252", errors="ignore")
    assert measured(sound + broken) > 0.25 > measured(sound + "Ã© is é read as Latin-1, and â€™ an apostrophe.")


def test_signs_in_disorder_count_beside_sound_prose():
    sound = "We have a triangle with sides 3, 4 and 5, so it has a right angle and half its legs' product is its area. "
    noise = "!@#$ %^&* ()_+ }{ |:\"<>? ~` -=[]\\;',./ "
    assert measured(sound + noise * 12) > 0.25 > measured(sound + noise)
