"""Code in thinking: programs that are written out in it, and what only looks like one."""

from __future__ import annotations

import polars as pl
import pytest

from datafactory.engines._phrases import CODE
from filters.code_in_thinking import BOUNDS, code_in_thinking, evidence


def of(reasoning: str | None, response: str = "42") -> float:
    return code_in_thinking(pl.DataFrame({"reasoning": [reasoning], "response": [response]}))[0]


@pytest.mark.parametrize(
    "text, lines",
    [
        ("So:\n```python\ntotal = 1\nprint(total)\n```\nGood.", 2),
        ("So:\n```\n1 2\n\n3 4\n```\nGood.", 2),
        ("I write ```js\nconst x = 1;\n``` and go on", 1),
        ("So:\n~~~c\nint x = 1;\n~~~\nGood.", 1),
        ("So:\n  > ```py\n  > a()\n  > ```\n", 1),
        ("Two:\n```\na\n```\nand\n```\nb\nc\n```", 3),
        ("It never ends:\n```python\nx = 1\ny = 2\nz = 3", 3),
        ("\r\n```python\r\nx = 1\r\n```\r\n", 1),
    ],
)
def test_the_lines_of_a_fenced_block_are_counted(text, lines):
    assert of(text) == lines


@pytest.mark.parametrize(
    "program",
    [
        "def f(x):\n    if x > 1:\n        return x * f(x - 1)\n    return 1",
        "import math\n\nfor i in range(10):\n    total += math.sqrt(i)\nprint(total)",
        "#include <iostream>\nusing namespace std;\n\nint main() {\n    cout << 1;\n    return 0;\n}",
        "function add(a, b) {\n  const sum = a + b;\n  return sum;\n}",
        "    n = int(input())\n    while n % 2 == 0:\n        n //= 2\n    print(n)",
        "# the numbers\nnumbers = [1, 2, 3]\n\n# their sum\ntotal = sum(numbers)\nprint(total)",
        "SELECT name\nFROM users\nWHERE age > 3;",
        "public static int twice(int n) {\n    return 2 * n;\n}",
    ],
)
def test_a_program_without_a_fence_is_counted_line_by_line(program):
    text = f"Let me think about how to do it.\n\n{program}\n\nThat is right, so I go on."
    assert of(text) == sum(bool(line.strip()) for line in program.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "x = 5\ny = 7\nz = x + y\nSo z = 12.",
        "Let x = 5.\nThen y = f(x) = 2x.\nif x > 5, y > 10.\nelse y is small.",
        "\\begin{align}\na &= b + c \\\\\nd &= e\n\\end{align}",
        "\\[\n\\frac{1}{2}\n\\]\nand $x_{1} = \\{1, 2\\}$;",
        "I would call `print(x)` and then `for i in range(3):` there.",
        "- first;\n- second;\n- third;\n1. one\n2. two",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "for all x in S:\nx is even.\nreturn to the start.",
        "Case 1:\nn = 3\n\nCase 2:\nn = 4\n\nCase 3:\nn = 5",
        "total = 3 * 4 = 12;\nrest = 20 - 12 = 8;\nshare = 8 / 2 = 4;",
        "He said ```quote``` in one line.",
        "with the steps:\nwhile the others wait:\nif that is so:\nthen it holds.",
        "In short:\ndef f(x):\n    return 2 * x\nand so on.",
        "等于 5 的话:\nx = 5\ny = 6",
        "",
        None,
    ],
)
def test_mathematics_and_prose_are_no_code(text):
    assert of(text) == 0


def test_lines_around_a_fenced_block_are_no_run():
    assert of("for i in range(3):\n```\nx\n```\nfor j in range(3):\n    continue") == 1


def test_the_block_of_a_code_answer_is_none_of_the_thinkings():
    assert of(None, "```python\nprint(1)\n```") == of("I print it.", "```python\nprint(1)\n```") == 0


def test_the_flaw_of_the_scripted_teacher_is_outside_the_bounds():
    assert of("First.\n\n" + CODE.format("1, 2") + "\n\nThen.") > BOUNDS["max"]


def test_the_evidence_says_where_and_how_it_begins():
    rows = pl.DataFrame({"reasoning": ["So:\n```python\nprint(1)\n```\nand\n~~~\nx\n~~~", "Nothing."]})
    assert evidence(rows).to_list() == ["2 blocks; at 4: '```python\\nprint(1)\\n```'", None]


def test_rows_are_measured_one_by_one():
    texts = ["```\na\n```", "none", "def f(x):\n    y = x\n    return y", None]
    assert (
        code_in_thinking(pl.DataFrame({"reasoning": texts})).to_list() == [of(text) for text in texts] == [1, 0, 3, 0]
    )


@pytest.mark.parametrize("before", ["", "So I write it down.\n\n"])
@pytest.mark.parametrize(
    "text",
    [
        "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a",
        "import math\n\ndef area(r):\n    return math.pi * r ** 2\n\nfor r in range(3):\n    print(area(r))",
        "function f(n) {\n  if (n < 2) return n;\n  return f(n-1)+f(n-2);\n}",
        '<div class="a">\n  <p>Hello</p>\n  <script>let x = 1;</script>\n</div>',
        "#include <vector>\nint main() {\n  std::vector<int> v;\n  return 0;\n}",
    ],
)
def test_every_line_of_a_short_program_counts(text, before):
    assert of(before + text) == sum(bool(line) for line in text.split("\n"))
