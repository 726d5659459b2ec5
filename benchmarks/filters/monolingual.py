"""Rows that are not English and yet clean, or in two languages because the question is."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
from intruders import declaration, laid_in, places, sentence, tatoeba
from phrases import PHRASES
from real import Row, lines

LATIN = r"\p{Latin}"
# a list is no thinking, and an assistant that speaks of itself is what other filters are about
NO_PROSE = r"(?m)^\s*(?:\d+[.、)]|[-*#•|])|人工智能|语言模型|机器人|AI"


def row(split: str, question: str, reasoning: str | None, response: str, **more: Any) -> Row:
    made = {"finish_reason": "stop", "model": "made", "source": "made", "answer": None}
    return {"split": split, "question": question, "reasoning": reasoning, "response": response, **made, **more}


def prose(data: Path, seed: int) -> list[Row]:
    """Sentences of a language as thinking, under a question of that language."""
    (alone, _), laws, rows = tatoeba(data), declaration(data), []
    for split in ("dev", "test"):
        for language in sorted(alone[split]):
            chance = random.Random(f"{seed} own {split} {language}")
            said, law = alone[split][language], laws[split][language]
            for number in range(8):
                kind, texts = ("declaration", law) if number < 3 and law else ("tatoeba", said)
                question = " ".join(chance.sample([text for text in said if sentence(text, language)], 2))
                thinking = "\n\n".join(chance.sample(texts, min(len(texts), chance.randint(8, 25))))
                more = {"label": "clean", "language": language, "note": kind, "source": kind}
                rows.append(
                    row(split, question, thinking, chance.choice(said), id=f"own-{split}-{language}-{number}", **more)
                )
    return rows


def sums(seed: int) -> list[Row]:
    """Thinking about a sum in the words of each language, with formulas and numbers."""
    rows = []
    for language, (question, *thoughts, answer) in sorted(PHRASES.items()):
        for number in range(8):
            chance = random.Random(f"{seed} sum {language} {number}")
            a, b = chance.randrange(3, 90), chance.randrange(3, 90)
            body = "\n\n".join(thoughts[:1] + chance.sample(thoughts[1:], len(thoughts) - 1))
            texts = [text.replace("$$", "$").format(a=a, b=b, c=a + b) for text in (question, body, answer)]
            more = {"label": "clean", "language": language, "note": "phrases", "source": "phrases"}
            rows.append(row(("dev", "test")[number % 2], *texts, id=f"sum-{language}-{number}", **more))
    return rows


def chinese(data: Path) -> list[Row]:
    """Instructions and outputs in Chinese with hardly a Latin letter; school problems with a thinking of phrases."""
    rows = []
    for number, line in enumerate(lines(data / "instructions" / "alpaca_zh_demo.jsonl.gz")):
        question, text = f"{line['instruction']}\n{line['input']}".strip(), line["output"]
        both = pl.Series([question + text])
        prose_only = (
            not both.str.contains(NO_PROSE)[0]
            and text.rstrip().endswith(("。", "！", "？", "”"))
            and text.count("。") > 1
        )
        if len(text) > 120 and prose_only and both.str.count_matches(LATIN)[0] < 0.01 * len(text):
            first = text[: min(at for mark in "。！？" if (at := text.find(mark)) >= 0) + 1]
            more = {"id": f"alpaca_zh-{number}", "label": "clean", "language": "cmn", "note": "alpaca_zh"}
            rows.append(row(("dev", "test")[number % 2], question, text, first, source="alpaca_zh", **more))
    return rows


def bilingual(data: Path, seed: int) -> list[Row]:
    """Translation tasks and quotations: thinking in English, or in the other language, over sentences of both."""
    _, pairs = tatoeba(data)
    rows = []
    for split in ("dev", "test"):
        for language in sorted(pairs[split]):
            chance = random.Random(f"{seed} bilingual {split} {language}")
            for number, make in enumerate((into_english, from_english, poem, quoting, drafts)):
                chosen = [pair for pair in pairs[split][language] if sentence(pair[0], language)]
                question, thinking, response = make(chance.sample(chosen, 3), ENGLISH[language])
                more = {"label": "bilingual", "language": language, "note": make.__name__, "source": "translation"}
                rows.append(row(split, question, thinking, response, id=f"bi-{split}-{language}-{number}", **more))
    return rows


Pairs = list[tuple[str, str]]


def into_english(pairs: Pairs, name: str) -> tuple[str, str, str]:
    (text, english), *_ = pairs
    first = text.split()[0]
    return (
        f'Translate this {name} sentence into English: "{text}"',
        f'Okay, the user wants me to translate "{text}" into English. Let me break it down word by word. The sentence '
        f'begins with "{first}", and I should look at how it works together with the rest. Taken as a whole it seems '
        f'to mean "{english}"\n\nLet me double-check whether there is an idiom hidden in "{text}" that I might be '
        f"missing. I don't think so; the register is neutral. The translation should sound natural in English, so I "
        f'will go with "{english}"',
        english,
    )


def from_english(pairs: Pairs, name: str) -> tuple[str, str, str]:
    (text, english), *_ = pairs
    return (
        f'How would you say "{english}" in {name}?',
        f'Hmm, I need to put "{english}" into {name}. Is the tone formal or informal? The sentence has no addressee '
        f'that would decide it, so a neutral form is safest. A literal rendering would be "{text}" and I believe a '
        f'native speaker would say it just so. Let me verify the word order once more: "{text}" Yes, that reads well.',
        text,
    )


def drafts(pairs: Pairs, name: str) -> tuple[str, str, str]:
    source = " ".join(english for _, english in pairs)
    target = " ".join(text for text, _ in pairs)
    steps = "\n\n".join(f"Sentence {i + 1}: {english}\n{text}" for i, (text, english) in enumerate(pairs))
    return (
        f"Please translate the following paragraph into {name}.\n\n{source}",
        f"The user would like a translation into {name}. There are three sentences, and I will do them one at a time "
        f"before I read the whole thing again.\n\n{steps}\n\nPutting these together:\n\n{target}\n\nThat keeps the "
        "order of the original and its tone. I should not add anything that is not there.",
        target,
    )


def poem(pairs: Pairs, name: str) -> tuple[str, str, str]:
    lines_ = "\n".join(text for text, _ in pairs)
    first, second, third = pairs
    return (
        f"What do these lines mean, and what language are they in?\n\n{lines_}",
        f"Let me look at the lines one by one. The first is \u201c{first[0]}\u201d and it looks like {name}. It says "
        f"something like \u201c{first[1]}\u201d. The second line, {second[0]} means \u201c{second[1]}\u201d, and the "
        f"last one:\n\n> {third[0]}\n\nwould be \u201c{third[1]}\u201d in English. There is no obvious thread between "
        "the three, so I will explain each of them and say that the language is clear from its words.",
        f"The lines are {name}.",
    )


def quoting(pairs: Pairs, name: str) -> tuple[str, str, str]:
    (text, english), *_ = pairs
    words = len(text.split())
    return (
        f"My grandmother used to say «{text}» whenever it rained. How many words did she say?",
        f"The user quotes a saying, «{text}», which is {name}. I only have to count the words in it; the meaning "
        f"({english}) does not matter here. Counting what stands between spaces gives {words}. Let me count again to "
        f"be sure, going through the quotation from left to right. Yes, {words}.",
        f"She said {words} words.",
    )


def wrong_language(hosts: dict[str, list[Row]], data: Path, seed: int) -> list[Row]:
    """A question in one language and all the thinking in another, though nobody asked for it."""
    alone, _ = tatoeba(data)
    rows = []
    for split in ("dev", "test"):
        for language in sorted(alone[split]):
            said = alone[split][language]
            for number in range(6):
                chance = random.Random(f"{seed} wrong {split} {language} {number}")
                host = chance.choice(hosts[split])
                question = " ".join(chance.sample([text for text in said if sentence(text, language)], 2))
                thinking = "\n\n".join(chance.sample(said, 15))
                more = {"id": f"wrong-{split}-{language}-{number}", "label": "wrong_language", "dose": "all"}
                if number % 2:
                    more |= {"language": "eng", "note": f"question {language}"}
                    rows.append(row(split, question, host["reasoning"], host["response"], **more))
                else:
                    more |= {"language": language, "note": "question eng"}
                    rows.append(row(split, host["question"], thinking, host["response"], **more))
    return rows


def mixed_elsewhere(clean: list[Row], data: Path, seed: int) -> list[Row]:
    """A sentence of a second language, English among them, in clean thinking of a first that is not English."""
    alone, pairs = tatoeba(data)
    rows = []
    for number, host in enumerate(clean):
        chance = random.Random(f"{seed} elsewhere {number}")
        split = host["split"]
        others = [
            name
            for name in sorted(alone[split])
            if name != host["language"] and {name, host["language"]} != {"cmn", "yue"}
        ]
        language = "eng" if number % 2 else chance.choice(others)
        said = (
            [english for _, english in pairs[split][chance.choice(others)]]
            if language == "eng"
            else alone[split][language]
        )
        text = chance.choice([text for text in said if sentence(text, language)])
        if places(host["reasoning"]):
            thinking, at = laid_in(host, [text], chance)
            more = {
                "reasoning": thinking,
                "language": language,
                "dose": "1",
                "at": at,
                "note": f"in {host['language']} | {text}",
            }
            rows.append({**host, "id": f"elsewhere-{host['id']}", "label": "foreign_elsewhere", **more})
    return rows


ENGLISH = {
    "ara": "Arabic", "ben": "Bengali", "bul": "Bulgarian", "ces": "Czech", "cmn": "Chinese", "dan": "Danish",
    "deu": "German", "ell": "Greek", "fin": "Finnish", "fra": "French", "heb": "Hebrew", "hin": "Hindi",
    "hun": "Hungarian", "ind": "Indonesian", "ita": "Italian", "jpn": "Japanese", "kor": "Korean", "nld": "Dutch",
    "pes": "Persian", "pol": "Polish", "por": "Portuguese", "ron": "Romanian", "rus": "Russian", "spa": "Spanish",
    "swe": "Swedish", "swh": "Swahili", "tam": "Tamil", "tel": "Telugu", "tha": "Thai", "tur": "Turkish",
    "ukr": "Ukrainian", "vie": "Vietnamese", "yue": "Cantonese",
}  # fmt: skip
