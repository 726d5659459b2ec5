"""Loops: what a decoder that has lost its way writes, laid into clean traces; and clean texts that look like loops."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from pathlib import Path

from intruders import places
from real import Row, lines

Cycle = Callable[[int], str]  # the text of the n-th round

SENTENCES = (
    "Wait, let me check this again. ",
    "But I am not sure about that, so I need to think about it more carefully. ",
    "Alternatively, maybe the problem is asking for something else entirely. ",
    "So the answer is 12.\n\n",
    "Therefore, the total number of apples is equal to the number of apples that we had in the beginning. ",
    "Hmm. ",
)
CHINESE = ("让我再检查一遍。", "但是我不确定这个答案是否正确，需要重新考虑。", "所以答案是十二。\n", "等等，")
TOKENS = ("the ", "so ", "0", "!", "\\boxed{} ", "\n", "wait", "ha", " -", "答", "1, ", "... ", "\\quad ", "我们")
DRIFT = (
    "one",
    "small",
    "second",
    "other",
    "first",
    "next",
    "last",
    "same",
    "new",
    "odd",
    "even",
    "big",
    "real",
    "whole",
)


def chosen(kind: str, host: Row, chance: random.Random) -> tuple[Cycle, int]:
    """One round of a loop of that kind, by its number, and how few rounds are a loop."""
    own = host["reasoning"].split()
    if kind == "sentence":
        said = chance.choice(SENTENCES)
        return lambda n: said, 6
    if kind == "own paragraph":
        at = chance.randrange(max(1, len(own) - 60))
        said = " ".join(own[at : at + 60]) + "\n\n"
        return lambda n: said, 4
    if kind == "two sentences":
        pair = chance.sample(SENTENCES, 2)
        return lambda n: pair[n % 2], 10
    if kind == "200 words":
        at = chance.randrange(max(1, len(own) - 200))
        said = " ".join(own[at : at + 200]) + "\n\n"
        return lambda n: said, 3
    if kind == "counter":
        begin = chance.randrange(1, 50)
        return lambda n: f"Let me try n = {begin + n}. Then the sum is {3 * (begin + n)}, which does not work.\n\n", 10
    if kind == "list counter":
        return lambda n: f"{n + 1}. The next term is {n * n + 1}, and so the pattern goes on.\n", 12
    if kind == "drift":  # one word of the sentence is another each time
        return lambda n: f"Now I look at the {DRIFT[n * 5 % 14]} case and see that it gives nothing new at all. ", 10
    if kind == "formula":
        return lambda n: r"= \frac{1}{2} \cdot \left( x + \frac{y}{2} \right) ", 12
    if kind == "cjk":
        said = chance.choice(CHINESE)
        return lambda n: said, 12
    token = chance.choice(TOKENS)
    return lambda n: token, 60


KINDS = (
    "sentence",
    "own paragraph",
    "two sentences",
    "200 words",
    "counter",
    "list counter",
    "drift",
    "formula",
    "token",
)


def made(hosts: dict[str, list[Row]], chinese: dict[str, list[Row]], seed: int) -> list[Row]:
    """Loops of every kind, at the end or in the middle of the thinking or in the answer, 5 % to 60 % of the text."""
    rows = []
    for split in ("dev", "test"):
        long = [host for host in hosts[split] if len(host["reasoning"]) > 1500]
        for kind in (*KINDS, "cjk"):
            for number in range(24):
                chance = random.Random(f"{seed} loop {split} {kind} {number}")
                host = chance.choice(chinese[split] if kind == "cjk" else long)
                share = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6)[number % 6]
                where = ("end, cut off", "end", "middle", "answer")[number // 6]
                cycle, fewest = chosen(kind, host, chance)
                wanted = len(host["reasoning"]) * share / (1 - share)
                rounds: list[str] = []
                for n in count():
                    if n >= fewest and sum(map(len, rounds)) >= wanted:
                        break
                    rounds.append(cycle(n))
                row = looped(host, "".join(rounds), where, chance)
                real = sum(map(len, rounds)) / (len(row["reasoning"]) + len(row["response"]))
                more = {"label": "loop_made", "dose": f"{real:.2f}", "note": f"{kind}, {len(rounds)} rounds, {where}"}
                rows.append({**row, "id": f"loop-{split}-{kind.replace(' ', '_')}-{number}", **more})
    return rows


def looped(host: Row, loop: str, where: str, chance: random.Random) -> Row:
    text = host["reasoning"]
    if where == "end, cut off":
        end = loop[: len(loop) - chance.randrange(min(20, len(loop) // 4 + 1))]
        return {
            **host,
            "reasoning": f"{text}\n\n{end}",
            "response": "",
            "finish_reason": "length",
            "at": str(len(text)),
        }
    if where == "end":
        return {**host, "reasoning": f"{text}\n\n{loop}", "at": str(len(text) + 2)}
    if where == "answer":
        return {**host, "response": f"{host['response']}\n\n{loop}", "at": "response"}
    at = chance.choice(places(text) or [len(text) // 2])
    return {**host, "reasoning": f"{text[:at]} {loop}\n\n{text[at:].lstrip()}", "at": str(at)}


def enumerations(data: Path) -> list[Row]:
    """Clean texts with the same words again and again, for a reason: cases of a puzzle, tables, a song, a check."""
    rows = []
    for number, line in enumerate(lines(data / "problems" / "knights_knaves.jsonl.gz")[::8]):
        steps = line["cot_repeat_steps"]
        steps = "\n".join(steps) if isinstance(steps, list) else str(steps)
        thinking = f"{line['cot_head']}\n{steps}\n{line['cot_foot']}"
        rows.append(
            {
                "id": f"cases-{number}",
                "label": "clean",
                "note": "knights and knaves, cases",
                "split": ("dev", "test")[number % 2],
                "question": line["quiz"],
                "answer": line["solution_text"],
                "reasoning": thinking,
                "response": line["solution_text_format"],
                "finish_reason": "stop",
                "model": "made",
                "source": "knights_knaves",
            }
        )
    return rows
