"""Sentences of other languages: Tatoeba and the Declaration of Human Rights, parted into dev and test, and laid into
traces at known places.

A sentence stands in dev or in test, never in both, and some languages in test only.
"""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

from real import Row, lines

TEST_ONLY = frozenset({"ron", "dan", "ukr", "pes", "tam", "swh", "nld", "ces"})
NAMES = {"arb": "ara", "cmn_hans": "cmn", "cmn_hant": "cmn", "pes_1": "pes", "por_PT": "por"}
SPACELESS = frozenset({"cmn", "yue", "jpn", "tha"})

Sentences = dict[str, dict[str, list[str]]]  # split -> language -> sentences


def tatoeba(data: Path) -> tuple[Sentences, dict[str, dict[str, list[tuple[str, str]]]]]:
    """Sentences, and the same with their English translation."""
    alone: Sentences = {"dev": defaultdict(list), "test": defaultdict(list)}
    pairs: dict[str, dict[str, list[tuple[str, str]]]] = {"dev": defaultdict(list), "test": defaultdict(list)}
    for at, line in enumerate(lines(data / "multilingual" / "tatoeba_pairs.jsonl.gz")):
        split = "test" if line["lang"] in TEST_ONLY or at % 2 else "dev"
        alone[split][line["lang"]].append(line["text"])
        pairs[split][line["lang"]].append((line["text"], line["eng"]))
    return alone, pairs


def declaration(data: Path) -> Sentences:
    """Paragraphs of the Universal Declaration of Human Rights."""
    found: Sentences = {"dev": defaultdict(list), "test": defaultdict(list)}
    for at, line in enumerate(lines(data / "multilingual" / "udhr_paragraphs.jsonl.gz")):
        language = NAMES.get(line["lang"], line["lang"])
        if len(line["text"]) > 40:
            found["test" if language in TEST_ONLY or at % 2 else "dev"][language].append(line["text"])
    return found


def sentence(text: str, language: str) -> bool:
    """Whether it is long enough to be called a sentence: four words, or nine characters without spaces."""
    return len(text) >= 9 if language in SPACELESS else len(text.split()) >= 4


def places(text: str) -> list[int]:
    """Where a sentence may be put in: behind a sentence or a line's end, in no code and no formula."""
    found, fence = [], False
    at = 0
    for line in text.splitlines(keepends=True):
        fence ^= line.lstrip().startswith("```")
        if not fence and "$" not in line and "\\" not in line and "|" not in line and "`" not in line:
            found += [at + i + 2 for i in range(len(line) - 2) if line[i] in ".?!" and line[i + 1] == " "]
            if line.rstrip().endswith((".", "?", "!")):
                found.append(at + len(line.rstrip()))
        at += len(line)
    return found


def laid_in(host: Row, several: list[str], chance: random.Random) -> tuple[str, str]:
    """The host's thinking with the sentences in it, and the places they stand at."""
    text = host["reasoning"]
    open_to = places(text)
    chosen = sorted(chance.choice(open_to) for _ in several)
    parts, at, said, length = [], 0, [], 0
    for place, words in zip(chosen, several, strict=True):
        gap = "\n\n" if chance.random() < 0.3 else " "
        before = text[at:place] + ("" if text[place - 1 : place].isspace() and gap == " " else gap)
        said.append(str(length + len(before)))
        parts += [before, words, "" if text[place : place + 1].isspace() else gap]
        length += len(before) + len(words) + len(parts[-1])
        at = place
    return "".join([*parts, text[at:]]), " ".join(said)


def foreign_sentences(hosts: dict[str, list[Row]], data: Path, seed: int) -> list[Row]:
    """Clean English thinking with sentences of one other language in it: one, two, or a share of the text."""
    alone, _ = tatoeba(data)
    laws = declaration(data)
    rows = []
    for split in ("dev", "test"):
        for language in sorted(alone[split]):
            chance = random.Random(f"{seed} foreign {split} {language}")
            short = [text for text in alone[split][language] if not sentence(text, language)]
            prose = [text for text in alone[split][language] if sentence(text, language)]
            doses = ["1"] * 14 + ["2"] * 6 + ["law"] * 4 + ["short"] * 4 + ["5 %"] * 4 + ["10 %"] * 4 + ["30 %"] * 4
            for number, dose in enumerate(doses):
                if (dose == "law" and not laws[split][language]) or (dose == "short" and not short):
                    continue
                host = chance.choice(hosts[split])
                several = drawn(dose, host["reasoning"], prose, short, laws[split][language], chance)
                text, at = laid_in(host, several, chance)
                more = {
                    "reasoning": text,
                    "language": language,
                    "dose": dose,
                    "at": at,
                    "note": " | ".join(several)[:400],
                }
                rows.append({**host, "id": f"foreign-{split}-{language}-{number}", "label": "foreign_sentence", **more})
    return rows


def drawn(
    dose: str, text: str, prose: list[str], short: list[str], laws: list[str], chance: random.Random
) -> list[str]:
    if dose == "short":
        return [chance.choice(short)]
    if dose == "law":
        return [chance.choice(laws)]
    if dose in ("1", "2"):
        return chance.sample(prose, int(dose))
    wanted, several = len(text) * float(dose.split()[0]) / 100, []
    while wanted > 0:
        several.append(chance.choice(prose + laws))
        wanted -= len(several[-1])
    return several


HAN = (
    *("首先", "然后", "因此", "所以", "但是", "需要", "问题", "分配", "需求", "计算", "次数", "总数", "提前", "之后"),
    *("分类", "累计", "方法", "条件", "结果", "可能", "直接", "剩下", "假设", "验证", "整数", "混乱", "必须", "其实"),
)
KANA = ("つまり", "しかし", "まず", "合計", "確認", "まだ", "たぶん")
CYRILLIC = ("потому", "следовательно", "количество", "затем", "ответ")


def single_words(hosts: dict[str, list[Row]], seed: int) -> list[Row]:
    """One English word of the thinking in Chinese, Japanese or Russian, as R1 and QwQ slip: without marks around it."""
    rows = []
    for split, of_split in hosts.items():
        chance = random.Random(f"{seed} word {split}")
        for number in range(90):
            host = chance.choice(of_split)
            language, several = (("cmn", HAN), ("jpn", KANA), ("rus", CYRILLIC))[number % 9 // 7 + (number % 9 == 8)]
            word = chance.choice(several)
            at = chance.choice(places(host["reasoning"])[:-1] or [len(host["reasoning"])])
            begin = host["reasoning"].find(" ", at + 12) + 1
            end = host["reasoning"].find(" ", begin)
            if begin == 0 or end < 0:
                continue
            text = host["reasoning"][:begin] + word + host["reasoning"][end:]
            more = {"reasoning": text, "language": language, "dose": "word", "at": str(begin), "note": word}
            rows.append({**host, "id": f"word-{split}-{number}", "label": "foreign_word", **more})
    return rows
