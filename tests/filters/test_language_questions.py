"""What a question lets the thinking say in other languages, and what are terms, letters and stock phrases."""

from __future__ import annotations

import polars as pl
import pytest

from filters.language_consistency import language_consistency
from filters.language_mixing import language_mixing

from .languages import CHINESE, ENGLISH, JAPANESE, QUESTION, RUSSIAN, SPANISH


def rows(thinking: str, question: str) -> pl.DataFrame:
    return pl.DataFrame({"question": [question], "reasoning": [thinking], "response": [""]})


def mixing(thinking: str, question: str = QUESTION) -> float:
    return language_mixing(rows(thinking, question))[0]


@pytest.mark.parametrize(
    "home, question, foreign",
    [
        (CHINESE, "iPhone拍的天空为什么是蓝色的？", "Let me compute the wavelength first."),
        (CHINESE, "波长450nm的光为什么是蓝色的？", "Let me compute the wavelength first."),
        (JAPANESE, "NASAによれば空はなぜ青いのですか。", "Let me compute the wavelength first."),
        (RUSSIAN, "Почему iPhone снимает небо голубым?", "Let me compute the wavelength first."),
        (CHINESE, "请写一段英语系学生会喜欢的解释：天空为什么蓝？", "Let me compute the wavelength first."),
        (ENGLISH, "Why are Spanish houses white?", "La cal refleja la luz del sol y mantiene fresca la casa."),
        (ENGLISH, "How many calories are in French fries?", "Il faut surtout regarder la taille de la portion."),
        (ENGLISH, "30 students take French. How many do not?", "Donc il y a quarante élèves qui suivent le cours."),
        (ENGLISH, "Chinese remainder theorem: x=2 mod 3, x=3 mod 5", "所以答案是八，我们来验证一下。"),
        (ENGLISH, "Solve it using the Hungarian algorithm.", "Először minden sorból kivonjuk a legkisebb elemet."),
        (ENGLISH, "Why are houses white? 谢谢", "所以我们需要先计算一下反射率。"),
        (ENGLISH, "Explain 中 and why houses are white.", "所以我们需要先计算一下反射率。"),
    ],
)
def test_a_term_or_a_nationality_in_the_question_allows_no_language(home, question, foreign):
    assert mixing(home.format(foreign), question) > 0
    assert mixing(home.format(""), question) == 0


@pytest.mark.parametrize(
    "home, question, kept",
    [
        (ENGLISH, "How do you say 'thank you very much' in German?", "Ich danke dir sehr, das ist wirklich nett."),
        (ENGLISH, "What is the Spanish word for house?", "Se dice la casa, y también el hogar de la familia."),
        (CHINESE, "把这句话译成英文：他是我的朋友。", "He is my friend and I like him."),
        (CHINESE, "请用英语回答：小明有几个苹果？", "So the answer is six apples."),
        (RUSSIAN, "Как сказать по-английски «он мой друг»?", "He is my friend and I like him."),
    ],
)
def test_a_question_about_a_language_allows_it(home, question, kept):
    assert mixing(home.format(kept), question) == 0
    assert mixing(home.format(kept)) > 0


@pytest.mark.parametrize(
    "question, terms",
    [
        (
            "Как настроить nginx?",
            "Надо показать server block и location. Потом systemctl reload nginx, certbot и gzip.",
        ),
        ("怎么部署？", "先用docker build打包image，然后push到registry，再用kubectl apply部署deployment和service。"),
        (
            "كيف أنشر التطبيق؟",
            "أولاً docker build ثم docker push إلى registry. بعد ذلك kubectl apply و kubectl rollout status.",
        ),
    ],
)
def test_a_short_text_full_of_english_terms_is_in_the_language_of_the_question(question, terms):
    assert mixing(terms, question) == 0


@pytest.mark.parametrize(
    "home, question, foreign",
    [
        (RUSSIAN, "Сколько яблок у Ани и Бена вместе?", "Такім чынам, адказ трыццаць пяць, гэта лёгка праверыць."),
        ("প্রথমে সূত্রটা মনে করি। {} এখানে ভূমি দশ এবং উচ্চতা ছয়।", "উচ্চতা কত?", "গতিকে কালিটো ত্ৰিশ বৰ্গ ছেন্টিমিটাৰ হব।"),
        ("Önce öğrencilerin sayısını bulalım. {} Sonuç yaklaşık yüzde elli yedi eder.", "Erkeklerin oranı nedir?",
         "Deməli, oğlanların nisbəti yeddidə dörddür, yoxlayaq."),
        (ENGLISH, QUESTION, "СИНИЙ СВЕТ РАССЕИВАЕТСЯ СИЛЬНЕЕ."),
    ],
)  # fmt: skip
def test_letters_that_the_home_language_does_not_write_tell(home, question, foreign):
    assert mixing(home.format(foreign), question) > 0
    assert mixing(home.format(""), question) == 0


@pytest.mark.parametrize(
    "home, question, kept",
    [
        (SPANISH, "¿Cuántas manzanas tienen?", "Primero se configura el load balancer y el health check."),
        ("Vi ska räkna ut det först. {} Jag tror att det räcker som svar.", "Hur gör man?",
         "Sedan väljer man loss function och learning rate."),
        (ENGLISH, QUESTION, "It is marked Allegro ma non troppo, then poco a poco crescendo."),
        (ENGLISH, QUESTION, "Hegel says an und für sich."),
        (ENGLISH, QUESTION, "Number them vi, vii, viii, ix, xiv and xix, and sing do re mi fa sol la si."),
    ],
)  # fmt: skip
def test_english_terms_and_stock_phrases_are_kept(home, question, kept):
    assert mixing(home.format(kept), question) == 0


def test_thinking_in_a_language_that_the_question_only_mentions_is_not_consistent():
    assert language_consistency(rows(CHINESE.format(""), "Explain the Chinese remainder theorem to me."))[0] < 0.1
    assert language_consistency(rows(CHINESE.format(""), "Explain this theorem to me in Chinese."))[0] == 1
