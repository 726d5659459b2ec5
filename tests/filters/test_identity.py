"""Identity: a model that says it is some product, in many languages; talk about products is none."""

from __future__ import annotations

import polars as pl
import pytest

from filters._phrases import lines
from filters.identity import evidence, identity


def of(response: str | None, question: str | None = "Who are you?", own: str | None = None, **more: str) -> float:
    rows = pl.DataFrame({"question": [question], "reasoning": [more.get("reasoning")], "response": [response]})
    return identity(rows, own=own)[0]


CLAIMED = [
    "I am ChatGPT, a large language model trained by OpenAI.",
    "I'm ChatGPT.",
    "I’m ChatGPT – how can I help?",
    "As a large language model trained by OpenAI, I do not have feelings.",
    "As an AI developed by OpenAI, I must point out two things.",
    "Hello! I'm Claude, made by Anthropic.",
    "I'm Claude, an AI assistant.",
    "My name is Qwen, and I was created by Alibaba Cloud.",
    "I am Qwen2.5, developed by Alibaba.",
    "I'm DeepSeek-R1, an AI assistant created by DeepSeek.",
    "I am a large language model, trained by Google.",
    "I'm Gemini, a large language model built by Google.",
    "I am Llama 3, developed by Meta.",
    "I'm GPT-4.",
    "I am based on GPT-4o.",
    "I'm an AI assistant created by Moonshot AI, and you can call me Kimi.",
    "I am Mistral Large, trained by Mistral AI.",
    "I'm Grok, built by xAI.",
    "OpenAI trained me on a large corpus.",
    "My creators at Anthropic gave me a name.",
    "I was developed by Microsoft.",
    "As ChatGPT, I can not browse.",
    "**I am ChatGPT**, and I like numbers.",
    "I'm Zorblax, an AI assistant developed by Quuxcorp.",
    "我是通义千问，由阿里云开发的大语言模型。",
    "我是ChatGPT，一个由OpenAI训练的语言模型。",
    "我是由深度求索公司开发的智能助手DeepSeek-R1。",
    "作为一个由OpenAI训练的语言模型，我没有感情。",
    "我是Kimi，由月之暗面科技有限公司开发。",
    "我叫文心一言。",
    "Soy ChatGPT, un modelo de lenguaje entrenado por OpenAI.",
    "Soy un modelo de lenguaje desarrollado por Google.",
    "Je suis Claude, un assistant créé par Anthropic.",
    "Je suis un modèle de langage développé par Mistral AI.",
    "Ich bin ChatGPT, ein Sprachmodell von OpenAI.",
    "Ich bin ein KI-Modell, das von Meta entwickelt wurde.",
    "Eu sou o ChatGPT.",
    "Sono un modello linguistico addestrato da OpenAI.",
    "Я ChatGPT, языковая модель от OpenAI.",
    "Я — Qwen, языковая модель, созданная Alibaba Cloud.",
    "私はChatGPTです。",
    "私はOpenAIによって開発された言語モデルです。",
    "저는 ChatGPT입니다.",
    "저는 OpenAI에서 개발한 언어 모델입니다.",
    "أنا ChatGPT، نموذج لغوي.",
    "मैं ChatGPT हूँ।",
    "Tôi là ChatGPT, được tạo bởi OpenAI.",
    "Saya adalah model bahasa yang dikembangkan oleh Google.",
    "Ben ChatGPT, OpenAI tarafından geliştirilen bir modelim.",
    "Jestem ChatGPT, model stworzony przez OpenAI.",
    "Ik ben ChatGPT, een taalmodel.",
]  # fmt: skip

KEPT = [
    "ChatGPT is a chatbot developed by OpenAI. It was released in 2022.",
    "I am a ChatGPT user and I like it.",
    "I'm a Gemini, born in June.",
    "I am Claude Monet, a painter.",
    "He said: \"I am ChatGPT, trained by OpenAI.\"",
    "The reply “I'm Claude, made by Anthropic” is common.",
    "print(\"I am GPT-4\")",
    "I am not ChatGPT.",
    "I am comparing ChatGPT with Claude.",
    "I was hired by Google in 2010.",
    "As a language model, GPT-4 predicts the next token.",
    "GPT-4, as a large language model trained by OpenAI, predicts tokens.",
    "I am an AI assistant. How can I help?",
    "I'm an AI assistant created by a team of researchers.",
    "I am at Apple Street and I have 3 llamas.",
    "I'm using a model trained by OpenAI.",
    "我是老师，常用ChatGPT备课。",
    "我在百度工作。",
    "ChatGPT是由OpenAI开发的语言模型。",
    "Je suis Claude Dupont, professeur.",
    "The answer is 42.",
    "",
    None,
]  # fmt: skip


@pytest.mark.parametrize("response", CLAIMED)
def test_a_model_that_says_it_is_a_product_is_found(response):
    assert of(response) >= 1


@pytest.mark.parametrize("response", KEPT)
def test_talk_about_a_product_is_kept(response):
    assert of(response) == 0


def test_a_table_is_measured_row_by_row():
    rows = pl.DataFrame({"response": [*CLAIMED, *KEPT]}).with_columns(reasoning=pl.lit(None, pl.String))
    found = identity(rows).to_list()
    assert all(found[: len(CLAIMED)]) and not any(found[len(CLAIMED) :])


def test_the_thinking_counts_too():
    assert of("It is 12.", reasoning="The user asks who I am. I'm DeepSeek-R1, made by DeepSeek.") == 1


def test_sentences_are_counted():
    assert of("I am ChatGPT. I was made by OpenAI. I can add. I'm GPT-4.") == 3


@pytest.mark.parametrize(
    "question, response",
    [
        ("Pretend to be ChatGPT and greet me.", "Hi, I'm ChatGPT."),
        ("You are Claude, made by Anthropic. Introduce yourself.", "I'm Claude, made by Anthropic."),
        ("Translate into French: I am ChatGPT.", "Je suis ChatGPT."),
        ("把这句话翻译成中文：I am ChatGPT.", "我是ChatGPT。"),
        ("请你扮演ChatGPT。", "我是ChatGPT。"),
    ],
)
def test_a_role_that_the_question_gives_is_kept(question, response):
    assert of(response, question) == 0
    assert of(response) == 1


@pytest.mark.parametrize(
    "question", ["Are you ChatGPT?", "You are ChatGPT, right?", "What is ChatGPT?", "你是ChatGPT吗？", None]
)
def test_to_be_asked_is_no_role(question):
    assert of("Yes, I am ChatGPT.", question) == 1


def test_a_role_gives_no_other_name():
    assert of("I am ChatGPT.", "Pretend to be Claude.") == 1
    assert of("I am Claude. I am Qwen. I am ChatGPT.", "Pretend to be Claude.", own="Qwen") == 1


@pytest.mark.parametrize(
    "own, response, expected",
    [
        ("Qwen", "I am Qwen, made by Alibaba Cloud.", 0),
        ("qwen, Acme", "I am Qwen. I was made by Alibaba.", 0),
        ("Qwen", "I am ChatGPT. I was made by OpenAI.", 2),
        ("Quuxcorp", "I'm Zorblax, an AI assistant developed by Quuxcorp.", 0),
        ("Qwen", "我是通义千问，由阿里云开发。", 0),
        (None, "I am Qwen.", 1),
    ],
)
def test_the_own_names_may_be_said(own, response, expected):
    assert of(response, own=own) == expected


def test_own_without_a_name_is_an_error():
    with pytest.raises(ValueError, match="own is names"):
        of("I am Qwen.", own=" , ")


def test_the_evidence_is_the_first_claim():
    rows = pl.DataFrame({"reasoning": [None, None], "response": ["It is 12. I am ChatGPT. I'm GPT-4.", "It is 12."]})
    assert evidence(rows).to_list() == ['2 claims; the first: "i am chatgpt."', None]


def test_no_name_stands_in_two_brands():
    names = [name.strip() for line in lines("products") for part in line.split("|") for name in set(part.split(","))]
    brands = {}
    for number, line in enumerate(lines("products")):
        for name in {name.strip() for part in line.split("|") for name in part.split(",") if name.strip()}:
            brands.setdefault(name, []).append(number)
    assert names and {name: at for name, at in brands.items() if len(at) > 1} == {}


def test_a_text_full_of_names_is_measured():
    assert of("ChatGPT and Claude. " * 50_000) == 0
