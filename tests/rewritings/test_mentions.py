"""What a rewriter says about its own work is found, and what a text says of its own matter is let be."""

from __future__ import annotations

import pytest

from datafactory.rewriting.mentions import mention

FOUND = [
    ("preamble", "Here is the rewritten thinking:\n\nSo Tom has 14 pens."), ("preamble", "Sure! Here's a cleaner version of the solution.\n\n14 - 6 = 8"),
    ("preamble", "Certainly! Tom has 14 pens."), ("preamble", "**Rewritten solution:** Tom has 14 pens."), ("preamble", "Translation: Tom has 14 pens."),
    ("preamble", "以下是改写后的思考过程：汤姆有14支笔。"), ("preamble", "好的，以下是翻译：汤姆有14支笔。"), ("preamble", "译文：汤姆有14支笔。"),
    ("preamble", "Aquí está la traducción: Tom tiene 14 bolígrafos."), ("preamble", "Voici la traduction : Tom a 14 stylos."),
    ("preamble", "Hier ist die Übersetzung: Tom hat 14 Stifte."), ("preamble", "Вот перевод: у Тома 14 ручек."), ("preamble", "以下は翻訳です：トムは14本のペンを持っています。"),
    ("rewriting", "Tom has 8 pens. I have translated the text faithfully."), ("rewriting", "As requested, Tom has 8 pens."),
    ("rewriting", "The original text says that Tom has 14 pens."), ("rewriting", "Tom has 8 pens. Let me know if you need more!"),
    ("rewriting", "As an AI language model, I see 8 pens."), ("rewriting", "Tom has 8.\n\nNote: I kept all numbers of the original."),
    ("process", "In the thought process, 14 - 6 = 8."), ("process", "The reasoning above shows that 8 pens are left."), ("process", "根据上述思考，答案是8。"),
    ("given", "The provided response is fine."), ("given", "So the answer above is warm."),
]  # fmt: skip
FREE = [
    "So Tom has 14 pens, and here is what I know: he gives 6 away.", "Here we need the number of pens.", "Okay, so I have 14 pens.", "This is a subtraction.",
    "Let me think. The response time of the circuit is 8 ms.", "I translate the point by (3, 4) and rewrite 0.5 as a half.", "Sure enough, 8 is even.",
    "I hope to find a shorter way.", "The original price is 14, the answer is 8.", "Note: 8 is even.", "这是一个减法问题。", "好的，我们先看题目。", "Voici 14 stylos.",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_a_mention_is_found_and_told(kind: str, text: str):
    found = mention(text, ["How many pens?"], (kind,))
    assert found is not None and found.startswith(f"{kind}: '")


@pytest.mark.parametrize("text", FREE)
def test_what_belongs_to_the_matter_is_let_be(text: str):
    assert mention(text, ["How many pens?"], ("preamble", "rewriting", "process", "given")) is None


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_what_the_question_or_the_old_text_says_too_is_let_be(kind: str, text: str):
    assert mention(text, ["How many pens?", text], (kind,)) is None
