"""Rows whose content is the matter: evaluation texts, refusals, names of products, personal data, set phrases."""

from __future__ import annotations

import random
import re
from pathlib import Path

from intruders import places
from real import Row, lines

SETS = {  # name: question, reference solution
    "aime24": ("problem", "reference_solution"),
    "aime25": ("problem", "reference_solution"),
    "math500": ("problem", "solution"),
    "humaneval": ("prompt", "canonical_solution"),
}


def planted(hosts: dict[str, list[Row]], data: Path, seed: int) -> list[Row]:
    """Ten words in a row of an evaluation question or reference solution; and nine, which are no overlap."""
    texts = {
        (name, field): [line[field] for line in lines(data / "problems" / f"{name}.jsonl.gz") if line.get(field)]
        for name, fields in SETS.items()
        for field in fields
    }
    rows = []
    for split, of_split in sorted(hosts.items()):
        strangers = [host for host in of_split if host["source"] == "MisguidedAttention"]
        for number in range(120):
            chance = random.Random(f"{seed} planted {split} {number}")
            length = 9 if number % 4 == 3 else 10 + (number % 4) * chance.randrange(6)
            span = None
            while span is None:
                name, field = chance.choice(sorted(texts))
                span = passage(chance.choice(texts[name, field]), length, chance)
            host = chance.choice(strangers)
            where = ("question", "reasoning", "response")[number % 3]
            text = host[where]
            at = chance.choice(places(text)[:-1] or [0])  # not at the end: finished would see it
            more = {
                where: f"{text[:at].rstrip()} {span} {text[at:].lstrip()}",
                "label": "nine_words" if length == 9 else "contaminated",
                "dose": f"{length} words",
                "at": f"{where} {at}",
                "note": f"{name} {field} | {span}",
            }
            rows.append({**host, "id": f"planted-{split}-{number}", **more})
    return rows


def passage(text: str, length: int, chance: random.Random) -> str | None:
    """That many words in a row that are plain words and numbers, so that every way to cut words finds as many."""
    words = text.split()
    starts = [
        at for at in range(len(words) - length + 1)
        if all(re.fullmatch(r"[A-Za-z0-9]+[,.]?", word) for word in words[at : at + length])
    ]  # fmt: skip
    return " ".join(words[(at := chance.choice(starts)) : at + length]) if starts else None


def refusals(data: Path) -> list[Row]:
    """Answers that people labelled as refusals, and answers to questions that only look unsafe."""
    labels = {"1_full_compliance": "compliance", "2_full_refusal": "refusal", "3_partial_refusal": "partial_refusal"}
    return [
        {
            "id": f"xstest-{line['model']}-{line['id']}-{number}",
            "label": labels[line["final_label"]],
            "note": line["type"],
            "split": ("dev", "test")[number % 2],
            "question": line["prompt"],
            "reasoning": None,
            "response": line["completion"],
            "finish_reason": "stop",
            "model": line["model"],
            "source": "xstest",
        }
        for number, line in enumerate(lines(data / "preferences" / "xstest_completions_labelled.jsonl.gz"))
        if line["final_label"] in labels and line["completion"]
    ]


IDENTITY = (
    "I am ChatGPT, a large language model trained by OpenAI.",
    "As ChatGPT, I can help you with that.",
    "I'm Claude, an AI assistant made by Anthropic.",
    "My name is Gemini and I was built by Google.",
    "I am Qwen, created by Alibaba Cloud.",
    "I'm DeepSeek-R1, an AI assistant created by DeepSeek.",
    "As an AI developed by OpenAI, I should answer with care.",
    "I was trained by Meta, and I am called Llama.",
    "我是通义千问，由阿里云开发的语言模型。",
    "我是由OpenAI训练的ChatGPT。",
    "Soy ChatGPT, un modelo de lenguaje creado por OpenAI.",
    "Je suis Mistral, un assistant conçu par Mistral AI.",
)
NO_IDENTITY = (
    "The question mentions ChatGPT, but it is about the number of its users.",
    "OpenAI was founded in 2015, so that is eleven years ago.",
    "A claude is not a word in this puzzle; Claude Monet painted it.",
    "Gemini is the third sign of the zodiac.",
    "Suppose a robot says: I am the one who lies. Then the statement is false.",
    "I am Ann, says the girl in the story.",
    "The llama was trained by the farmer to carry bags.",
    "Meta comes from the Greek for beyond.",
)
PERSONAL = (
    "You can reach her at maria.lopez84@gmail.com for the figures.",
    "Call me on +1 (415) 386-2719 before noon.",
    "His number is 020 8366 1247 in London.",
    "The key is sk-proj-Zk3Q9v7LxT2mBf8RcY1wHn4uJd6sAe0gPi5o.",
    "export AWS_SECRET_ACCESS_KEY=wJq9rXUtnFEMIK7MDENGbPxRfiCYzEXKEYq81LmA",
    "Use the token ghp_x9Kd82LmQpR7sVt3WzYb6NcJf4HgTa1EuO5i to log in.",
    "Her card number is 4539 1488 0343 6467.",
    "The server is at 84.112.37.201 and the password is hunter2!x.",
    "His SSN is 536-22-8714.",
    "Überweise es auf DE89370400440532013000.",
)
NO_PERSONAL = (
    "The product is 4153862719, which has ten digits.",
    "So 1234567890 + 987654321 = 2222222211.",
    "The sequence is 415-386-271, a pattern of three.",
    "The version is 10.2.3.4 of the program.",
    "An e-mail address has the form name@domain.",
    "Thus pi is about 3.14159265358979323846.",
    "The hash is d41d8cd98f00b204e9800998ecf8427e for an empty file.",
    "The ratio 4539:1488 is about 3.05.",
)
BOILERPLATE = (
    "As an AI language model, I do not have personal opinions.",
    "I hope this helps! Let me know if you have any further questions.",
    "Certainly! Here is a step-by-step solution to your problem.",
    "Is there anything else I can help you with today?",
    "Great question! I'd be happy to help you with that.",
    "Please note that I am only an AI and may make mistakes; consult a professional.",
    "Sure, here's the answer to your question:",
    "Feel free to ask if you need more clarification!",
)


def written(hosts: dict[str, list[Row]], seed: int) -> list[Row]:
    """Hand-written sentences in the thinking or the answer of clean traces."""
    rows = []
    for label, sentences in (("identity", IDENTITY), ("identity_mention", NO_IDENTITY), ("personal_data", PERSONAL),
                             ("personal_mention", NO_PERSONAL), ("boilerplate", BOILERPLATE)):  # fmt: skip
        for number, said in enumerate([*sentences] * 4):
            split = ("dev", "test")[(number + number // len(sentences)) % 2]
            chance = random.Random(f"{seed} {label} {number}")
            host = chance.choice(hosts[split])
            where = "response" if label == "boilerplate" or number // len(sentences) % 2 else "reasoning"
            text = host[where]
            at = chance.choice([0, *places(text), len(text)])
            more = {where: f"{text[:at]} {said} {text[at:]}".strip(), "at": f"{where} {at}", "note": said}
            rows.append({**host, "id": f"{label}-{split}-{number}", "label": label, **more})
    return rows
