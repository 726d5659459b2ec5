"""Boilerplate: sentences that only furnish an answer are counted; content that shares their words is not."""

from __future__ import annotations

import polars as pl
import pytest

from filters.boilerplate import _HEAD, _TAIL, boilerplate, evidence


def of(response: str | None) -> float:
    return boilerplate(pl.DataFrame({"response": [response]}))[0]


@pytest.mark.parametrize(
    "response, count",
    [
        ("Certainly! The sum is 12.", 1),
        ("Sure, here is the proof: x = 2.", 1),
        ("Great question! The sum is 12.", 1),
        ("That's a great question. The sum is 12.", 1),
        ("The sum is 12. I hope this helps!", 1),
        ("The sum is 12.\n\nLet me know if you have any questions.", 1),
        ("The sum is 12. Feel free to ask if anything is unclear.", 1),
        ("As an AI language model, I have no feelings. The sum is 12.", 1),
        ("Of course! I'd be happy to help. The sum is 12. Is there anything else?", 3),
        (
            "**Certainly!** Here are three:\n1. a\n\nI hope that helps. If you have further questions, feel free to ask.",
            3,
        ),
        ("I'd be glad to help you with that. It is 12.", 1),
        ("You’re absolutely right! It is 12. I’m here to help.", 2),
        ("当然可以！以下是证明。希望这对您有帮助。", 2),
        ("作为一个人工智能语言模型，我没有感情。答案是12。如果您还有其他问题，请随时告诉我。", 2),
        ("¡Claro! La suma es 12. Espero que esto te ayude.", 2),
        ("Bien sûr ! La somme est 12. J'espère que cela vous aide.", 1),
        ("Natürlich! Die Summe ist 12. Ich hoffe, das hilft.", 2),
        ("Конечно! Сумма 12. Надеюсь, это поможет.", 2),
        ("<think>Sure! Great question!</think>The sum is 12.", 0),
        ("The sum is certainly 12, and of course it is even.", 0),
        ("We hope that x is positive. Let me know the radius first: r = 2.", 0),
        ("Okay, let's see. Ann has two apples.", 0),
        ("If you have 3 apples and need 5, you lack 2.", 0),
        ("```\nprint('Certainly! I hope this helps.')\n```\nThis prints it.", 0),
        ("Let us know what sure means: an event of probability 1.", 0),
        ("当然，三角形内角和为180度是显然的。", 1),
        ("三角形内角和当然是180度。", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_furniture_is_counted_by_the_sentence(response, count):
    assert of(response) == count


def test_only_both_ends_are_read_and_nothing_twice():
    said = "I hope this helps. "
    for length in (0, 10, _HEAD, _HEAD + 200, _HEAD + _TAIL, 3 * (_HEAD + _TAIL)):
        filling = "x = 2 holds. " * (length // 13)
        assert of(filling + said) == 1 and of(said + filling) == 1, length
    filling = "x = 2 holds. " * 100
    assert of(filling + said + filling) == 0


def test_the_evidence_quotes_the_sentences():
    rows = pl.DataFrame({"response": ["Certainly! It is 12. I hope this helps!", "It is 12."]})
    assert evidence(rows).to_list() == ['2 sentences: "certainly", "i hope this helps"', None]
