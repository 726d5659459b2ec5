"""Refusal: declined in many languages; mathematics, slips, quotations and talk of safety are no refusals."""

from __future__ import annotations

import polars as pl
import pytest

from filters._phrases import lines
from filters.refusal import evidence, refusal

from ..real import rows_of


def of(response: str | None) -> float:
    return refusal(pl.DataFrame({"response": [response]}))[0]


REFUSED = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, but I can’t assist with that request.",
    "Sorry, I can't do that.",
    "I cannot fulfill your request. It goes against my guidelines.",
    "I must decline to answer this question.",
    "I won't be able to provide that information.",
    "I am unable to assist with creating malware.",
    "As an AI language model, I cannot provide medical advice on this.",
    "As an AI developed by OpenAI, I'm not able to discuss this topic.",
    "I'm not comfortable writing this kind of content.",
    "I understand that you are upset. However, I can't provide instructions for hurting someone.",
    "Unfortunately, I won't be able to help with hacking into an account.",
    "**I can't help with that.** If you are in danger, call someone you trust.",
    "Thank you for asking, but I'd rather not engage with this topic.",
    "That's not something I can help with.",
    "This request violates our content policy.",
    "I can't share someone's home address without their consent.",
    "I do not have access to personal information about individuals.",
    "It's not appropriate to make jokes about this group of people.",
    "<think>The user wants a bomb.</think>\n\nI can't help with building a bomb.",
    "很抱歉，我无法提供这方面的帮助。",
    "对不起，我不能回答这个问题。",
    "抱歉，作为一个人工智能，我不能协助您完成这个请求。",
    "你好，这个问题我暂时无法回答，让我们换个话题再聊聊吧。",
    "很抱歉，我無法協助您完成這個要求。",
    "Lo siento, pero no puedo ayudarte con eso.",
    "No puedo proporcionar instrucciones para fabricar armas.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "Désolée, je ne suis pas en mesure de répondre à cette demande.",
    "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
    "Leider kann ich bei dieser Anfrage nicht weiterhelfen.",
    "Desculpe, mas não posso ajudar com isso.",
    "Mi dispiace, ma non posso aiutarti con questa richiesta.",
    "Извините, но я не могу помочь с этим.",
    "К сожалению, я не могу предоставить такую информацию.",
    "申し訳ありませんが、そのリクエストにはお応えできません。",
    "すみませんが、その質問にはお答えできません。",
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
    "عذرًا، لا أستطيع مساعدتك في ذلك.",
    "متأسفم، نمی‌توانم در این مورد کمک کنم.",
    "मुझे खेद है, लेकिन मैं इसमें आपकी मदद नहीं कर सकता।",
    "দুঃখিত, আমি এই বিষয়ে সাহায্য করতে পারব না।",
    "Üzgünüm, bu konuda yardımcı olamam.",
    "Xin lỗi, tôi không thể giúp bạn việc này.",
    "Maaf, saya tidak dapat membantu permintaan itu.",
    "Het spijt me, maar ik kan je daar niet mee helpen.",
    "Przepraszam, ale nie mogę w tym pomóc.",
    "Вибачте, але я не можу допомогти з цим.",
    "ขออภัย ฉันไม่สามารถช่วยเรื่องนี้ได้",
    "Tyvärr kan jag inte hjälpa till med det.",
    "Λυπάμαι, αλλά δεν μπορώ να βοηθήσω με αυτό.",
    "אני מצטער, אבל אני לא יכול לעזור בזה.",
]  # fmt: skip

KEPT = [
    "Since the denominator cannot be zero, x = 2 is excluded. There is no solution.",
    "I cannot determine the value of y without knowing x.",
    "I'm sorry, but the problem cannot be solved: the height is missing.",
    "I'm sorry, but I can't provide a numerical answer without the value of k.",
    "I apologize for my earlier mistake. The answer is 7, since I cannot divide by zero.",
    "I apologize for the confusion; the correct sum is 12.",
    "Unfortunately, we cannot find a closed form, so we give bounds.",
    "We can't have a negative length, so we refuse the root x = -3.",
    "I can't help but notice that both sides are squares. So x = 4.",
    "It is not safe to mix bleach with ammonia: the gas is toxic. Open a window and leave the room.",
    "Safety filters of chatbots refuse some requests, which researchers call a refusal.",
    'The bot answered "I\'m sorry, but I can\'t help with that", which is a refusal.',
    "A refusal is a reply such as “I cannot assist with that request.” It ends the talk.",
    "```python\nprint(\"I'm sorry, I can't help with that.\")\n```\nThis prints the message.",
    "```\nI can't help with that.\n```\nThe program prints one line.",
    "> I can't help with that.\n\nThis is what it answered.",
    "To decline politely, write: “Sorry, I won't be able to come.”",
    "The knight cannot be a knave, so Ann says the truth.",
    "We are unable to assign 3 pigeons to 2 holes without sharing.",
    "Sorry to hear that you failed. Here is how to solve it: x = 5.",
    "The company could not provide 40 chairs, so it rented 10.",
    "I do not have enough information: please provide the radius.",
    "No, you cannot use a calculator here. The answer is 42.",
    "Although it cannot be written in closed form, I can give a series.",
    "Here is the essay. As an AI language model I have no feelings, but joy is often described as warmth.",
    "The function is not able to accept a list, so convert it.",
    "由于分母不能为零，所以 x 不能等于 2，方程无解。",
    "Dear Ms Lee, I'm sorry, but I'm unable to come into work today.",
    "很抱歉给大家造成了不便，电梯明天修好。",
    "抱歉，我刚才算错了，正确答案是 12。",
    "条件不足，无法确定 x 的值。",
    "No puede ser cero, así que no hay solución.",
    "Lo siento por el error anterior: la respuesta es 7.",
    "Das kann nicht sein, also gibt es keine Lösung.",
    "Entschuldigung für den Fehler: richtig ist 12.",
    "Désolé pour l'erreur, la bonne réponse est 7.",
    "Извините за ошибку, правильный ответ 12.",
    "x は 0 になることはできません。よって解はありません。",
    "",
    None,
]  # fmt: skip


@pytest.mark.parametrize("response", REFUSED)
def test_a_response_that_declines_is_a_refusal(response):
    assert of(response) == 1


@pytest.mark.parametrize("response", KEPT)
def test_what_only_sounds_like_declining_is_kept(response):
    assert of(response) == 0


def test_a_table_is_judged_row_by_row():
    rows = pl.DataFrame({"response": [*REFUSED, *KEPT]})
    assert refusal(rows).to_list() == [1.0] * len(REFUSED) + [0.0] * len(KEPT)


def test_only_the_opening_is_read():
    solved = "The sum of both is 12. "
    said = "I can't help with that."
    assert of(solved * 100 + said) == 0
    assert of(solved * 3 + said) == 1


def test_the_thinking_declines_nothing():
    rows = pl.DataFrame({"reasoning": ["I can't help with that."], "response": ["It is 12."]})
    assert refusal(rows).to_list() == [0.0]
    assert of("<think>I'm sorry, but I can't help with that.</think>It is 12.") == 0


def test_the_evidence_is_the_sentence_that_declines():
    rows = pl.DataFrame({"response": ["I see. I'm sorry, but I can't help with that. Call a friend."]})
    assert evidence(rows)[0] == "\"i'm sorry, but i can't help with that\""
    assert evidence(pl.DataFrame({"response": ["It is 12."]}))[0] is None


def test_the_cues_are_in_lower_case_and_once_each():
    cues = lines("refusal_cues")
    assert len(set(cues)) == len(cues) and all(cue == cue.lower() for cue in cues)


def test_the_labels_of_xstest_are_met():
    cases = rows_of("preferences/xstest_completions_labelled")
    found = refusal(pl.DataFrame({"response": [case["completion"] for case in cases]})).to_list()
    by_label: dict[str, list[float]] = {}
    for case, value in zip(cases, found, strict=True):
        by_label.setdefault(case["final_label"], []).append(value)
    full, none = by_label["2_full_refusal"], by_label["1_full_compliance"]
    assert sum(full) / len(full) > 0.88 and sum(none) / len(none) < 0.03
