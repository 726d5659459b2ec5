"""Thinking out of order: walls of text, code, markup, traces cut off, gibberish, answers that change or disagree."""

from __future__ import annotations

import base64
import random
import re

from intruders import places
from real import Row

CODE = (
    "```python\ndef total(values):\n    result = 0\n    for value in values:\n        result += value\n"
    "    return result\n\nprint(total([1, 2, 3]))\n```",
    "```\nfor (int i = 0; i < n; ++i) {\n    sum += a[i] * b[i];\n}\nreturn sum;\n```",
    "```cpp\n#include <vector>\nint main() {\n    std::vector<int> v(10);\n    for (auto x : v) { x++; }\n"
    "    return 0;\n}\n```",
    "```sql\nSELECT name, COUNT(*) FROM orders\nGROUP BY name\nHAVING COUNT(*) > 3;\n```",
    "def solve(n):\n    memo = {}\n    def go(k):\n        if k < 2:\n            return k\n        if k not in memo:\n"
    "            memo[k] = go(k - 1) + go(k - 2)\n        return memo[k]\n    return go(n)\n\n"
    "for i in range(10):\n    print(solve(i))",
    "import math\n\nbest = None\nfor a in range(1, 100):\n    for b in range(a, 100):\n        if a * b == 360:\n"
    "            best = (a, b)\nprint(best)",
    "function sum(list) {\n  let total = 0;\n  for (const x of list) {\n    total += x;\n  }\n  return total;\n}\n"
    "console.log(sum([1, 2, 3]));",
)
MARKUP = (
    "## Step 1: Understand the problem\n\n- **Given**: the numbers above\n- **Wanted**: the sum\n\n## Step 2: Plan\n\n"
    "1. **Add** the numbers\n2. **Check** the result\n\n## Step 3: Solve\n\n- **Result**: as below\n",
    "| case | value |\n| --- | --- |\n| one | 1 |\n| two | 4 |\n| three | 9 |\n",
    "### Analysis\n\n**Key insight:** the order does not matter.\n\n---\n\n### Conclusion\n\n"
    "> The result follows.\n\n* done\n* done\n",
    "<h2>Solution</h2>\n<ul><li><b>First</b> we add</li><li>Then we check</li></ul>\n<p>So it is right.</p>\n",
)


def made(hosts: dict[str, list[Row]], seed: int) -> list[Row]:
    rows = []
    for split, of_split in sorted(hosts.items()):
        long = [
            host for host in of_split if 3000 < len(host["reasoning"]) < 30000 and host["reasoning"].count("\n\n") > 5
        ]
        for label, change in (("wall_of_text", wall), ("code_block", code), ("markup", markup), ("truncated", cut),
                              ("gibberish", gibberish), ("summary_leak", leak), ("answer_disagrees", disagree),
                              ("indecision", undecided)):  # fmt: skip
            for number in range(60):
                chance = random.Random(f"{seed} {label} {split} {number}")
                row = change(chance.choice(long), number, chance)
                if row is not None:
                    rows.append({**row, "id": f"{label}-{split}-{number}", "label": label})
    return rows


def wall(host: Row, number: int, chance: random.Random) -> Row:
    """All breaks gone, or those of a middle part."""
    text = host["reasoning"]
    if number % 3 == 0:
        return {**host, "reasoning": " ".join(text.split()), "dose": "all", "at": "0", "note": "all breaks removed"}
    parts = text.split("\n\n")
    wanted = chance.choice((3000, 5000, 8000))
    begin = chance.randrange(max(1, len(parts) // 3))
    end, size = begin, 0
    while end < len(parts) and size < wanted:
        size, end = size + len(parts[end]), end + 1
    joined = " ".join(" ".join(parts[begin:end]).split())
    at = len("\n\n".join(parts[:begin]))
    body = "\n\n".join([*parts[:begin], joined, *parts[end:]])
    return {**host, "reasoning": body, "dose": f"{len(joined)} chars", "at": str(at), "note": "a part without breaks"}


def code(host: Row, number: int, chance: random.Random) -> Row:
    return inserted(host, CODE[number % len(CODE)], "fenced" if number % len(CODE) < 4 else "bare", chance)


def markup(host: Row, number: int, chance: random.Random) -> Row:
    return inserted(host, MARKUP[number % len(MARKUP)], ("headings", "table", "rules", "html")[number % 4], chance)


def inserted(host: Row, block: str, note: str, chance: random.Random) -> Row:
    text = host["reasoning"]
    breaks = [match.start() for match in re.finditer("\n\n", text)]
    at = chance.choice(breaks)
    return {
        **host,
        "reasoning": f"{text[:at]}\n\n{block}{text[at:]}",
        "dose": str(len(block)),
        "at": str(at + 2),
        "note": note,
    }


def cut(host: Row, number: int, chance: random.Random) -> Row:
    """Cut in the thinking, in the answer, or with the think tags still in one text."""
    text, answer = host["reasoning"], host["response"]
    at = chance.randrange(len(text) // 4, len(text))
    kind = number % 5
    if kind == 0:
        return {
            **host,
            "reasoning": text[:at],
            "response": "",
            "finish_reason": "length",
            "note": "cut in the thinking",
        }
    if kind == 1:
        return {**host, "reasoning": None, "response": f"<think>\n{text[:at]}", "finish_reason": "length",
                "note": "an open think tag in the response"}  # fmt: skip
    if kind == 2:
        return {**host, "response": answer[: len(answer) // 2], "finish_reason": "length", "note": "cut in the answer"}
    if kind == 3:
        return {**host, "reasoning": text[:at], "response": "", "finish_reason": None, "note": "cut, no finish_reason"}
    return {**host, "reasoning": None, "response": f"<think>\n{text[:at]}", "finish_reason": "stop",
            "note": "an open think tag, said to have stopped"}  # fmt: skip


LETTERS = "abcdefghijklmnopqrstuvwxyz"
SOUP = "кЖ漢ض한ทक다ñŁʘ∂ЂЩ馬ثγಠதぬԱღ"


def gibberish(host: Row, number: int, chance: random.Random) -> Row:
    """Letters, mojibake, base64, soups of scripts: 3 % to all of the thinking."""
    text = host["reasoning"]
    share = (0.03, 0.1, 0.3, 1.0)[number // 6 % 4]
    size = int(len(text) * share)
    kind = ("letters", "mojibake", "base64", "soup", "symbols", "shuffled")[number % 6]
    if kind == "letters":
        noise = " ".join("".join(chance.choices(LETTERS, k=chance.randint(2, 11))) for _ in range(size // 7 + 1))
    elif kind == "mojibake":
        noise = ("“Résumé” – naïve façade, «größer» œuvre… " * (size // 40 + 1)).encode().decode("latin-1")[:size]
    elif kind == "base64":
        noise = base64.b64encode(chance.randbytes(size * 3 // 4 + 3)).decode()
    elif kind == "soup":
        noise = "".join(chance.choice(SOUP + LETTERS + " ") for _ in range(size))
    elif kind == "symbols":
        noise = "".join(chance.choice("#@%&*()[]{}<>|~^=+_;:?!/$ 0123456789") for _ in range(size))
    else:  # the letters of real words in another order
        noise = " ".join("".join(chance.sample(word, len(word))) for word in text[:size].split())
    if share == 1.0:
        return {**host, "reasoning": noise, "dose": "1.0", "at": "0", "note": kind}
    at = chance.choice(places(text) or [len(text) // 2])
    return {**host, "reasoning": f"{text[:at]} {noise} {text[at:]}", "dose": str(share), "at": str(at), "note": kind}


def leak(host: Row, number: int, chance: random.Random) -> Row:
    """The answer goes on thinking, or repeats the thinking, or speaks of it."""
    text, answer = host["reasoning"], host["response"]
    kind = number % 3
    if kind == 0:
        return {**host, "response": f"{text[-min(len(text), 2500) :]}\n\n{answer}", "note": "the thinking's end again"}
    if kind == 1:
        return {**host, "response": f"{text}\n\n{answer}", "note": "all the thinking again"}
    thought = (
        "Okay, so I need to figure this out. Hmm, wait, let me re-read the question. Alternatively, maybe I misread "
        "it. Let me think again. Wait, no, that is not right either. Hmm, let me double-check. Okay."
    )
    return {**host, "response": f"{thought}\n\n{answer}", "note": "thinks aloud in the answer"}


def disagree(host: Row, number: int, chance: random.Random) -> Row | None:
    """Another number in the box of the answer than the thinking came to."""
    found = re.findall(r"\\boxed\{(\d+)\}", host["response"])
    if not found or found[-1] not in host["reasoning"][-400:]:
        return None
    other = str(int(found[-1]) + chance.randint(2, 9))
    return {**host, "response": host["response"].replace(f"boxed{{{found[-1]}}}", f"boxed{{{other}}}"),
            "note": f"{found[-1]} thought, {other} answered"}  # fmt: skip


def undecided(host: Row, number: int, chance: random.Random) -> Row:
    """The answer changes again and again, or the thinking starts over."""
    turns = []
    for _ in range(chance.randint(12, 30)):
        a, b = chance.sample(range(2, 400), 2)
        turns.append(chance.choice((
            f"So the answer is {a}. Wait, no, that can't be right, it should be {b}.",
            f"Hmm, actually I think the answer is {a}, not {b}.",
            f"Let me start over. Going through it from the beginning I get {a}.",
            f"Therefore, the answer is {a}. But hold on, now I get {b}. Let me start again from scratch.",
            f"Wait, I made a mistake. The answer must be {a} instead of {b}.",
        )))  # fmt: skip
    return {
        **host,
        "reasoning": f"{host['reasoning']}\n\n" + "\n\n".join(turns),
        "dose": str(len(turns)),
        "note": "turns",
    }
