"""Which part of a response is the program."""

from __future__ import annotations

import subprocess
import sys

import pytest

from datafactory.programs import extract

BOTH = ("python", "cpp")
LONG = "`" * 3


def of(response: str, entry: str = "", languages: tuple = ("python",)) -> tuple[str, str] | None:
    found = extract.program(response.replace("~~~", LONG), languages, entry)
    return found and (found.text.strip(), found.language)


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ("~~~python\na = 1\n~~~", "a = 1"),
        ("~~~py\na = 1\n~~~", "a = 1"),
        ("~~~Python3\na = 1\n~~~", "a = 1"),
        ("~~~{.python}\na = 1\n~~~", "a = 1"),
        ("~~~python title=x\na = 1\n~~~", "a = 1"),
        ("~~~\na = 1\n~~~", "a = 1"),
        ("~~~python\na = 1\n~~~\nor better\n~~~python\na = 2\n~~~", "a = 2"),  # the last
        ("~~~python\na = 1\n~~~\nOutput:\n~~~text\n1\n~~~", "a = 1"),  # in the language
        ("~~~python\na = 1\n~~~\nRun it:\n~~~bash\npython a.py\n~~~", "a = 1"),
        ("~~~python\na = 1\n~~~\n~~~python\n\n~~~", "a = 1"),  # not empty
        ("~~~python\na = 1", "a = 1"),  # cut, or stopped at the fence
        ("~~~python\r\na = 1\r\n~~~", "a = 1"),
        ("1. So:\n   ~~~python\n   if a:\n       b = 1\n   ~~~", "if a:\n    b = 1"),
        ("`~~~python\nx = '''\n~~~\n'''\n`~~~", "x = '''\n```\n'''"),  # a longer fence holds a shorter one
        ("import sys\nprint(sys.stdin.read())", "import sys\nprint(sys.stdin.read())"),
        ("print(input())", "print(input())"),
        ("", None),
        ("Yes.", None),
        ("answer", None),
        ("'a' 'b'", None),
        ("~~~python\n~~~", None),
        ("~~~text\na = 1\n~~~", None),
        ("Use `a = 1`.", None),
    ],
)
def test_the_last_block_in_the_language_is_the_program(response: str, text: str | None):
    found = of(response)
    assert (found and found[0].replace("\r", "")) == text


def test_of_several_blocks_the_last_that_defines_what_the_tests_call():
    response = (
        "~~~python\ndef f(): return 1\n~~~\n~~~python\ndef f(): return 2\n~~~\nFor example:\n~~~python\nprint(f())\n~~~"
    )
    assert of(response, "f") == ("def f(): return 2", "python")
    assert of(response, "g") == ("print(f())", "python")
    assert of("~~~python\nf = lambda: 1\n~~~\n~~~python\nassert f()\n~~~", "f") == ("f = lambda: 1", "python")


def test_the_tag_says_which_language_else_the_first_that_counts():
    assert of("~~~cpp\nint main() {}\n~~~", languages=BOTH) == ("int main() {}", "cpp")
    assert of("~~~\nint main() {}\n~~~", languages=("cpp", "python")) == ("int main() {}", "cpp")
    assert of("#include <cstdio>\nint main() {}", languages=BOTH) == ("#include <cstdio>\nint main() {}", "cpp")
    assert of("console.log(1)", languages=("javascript",)) == ("console.log(1)", "javascript")
    assert of("~~~python\na = 1\n~~~\n~~~c++\nint main() {}\n~~~", languages=("python",)) == ("a = 1", "python")
    assert of("~~~java\nclass A {}\n~~~", languages=BOTH) == ("class A {}", "java")


@pytest.mark.parametrize(
    "text",
    ["(" * 100_000, "-" * 100_000 + "1", "a." * 100_000 + "b", "x = " + "[" * 5000, "\0", "\ud800", "not " * 50_000],
)
def test_what_would_crash_a_parser_is_no_program(text: str):
    assert extract.program(text, ("python",)) is None


MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    "text",
    [
        LONG + " " * MEGABYTE + "`\n",
        "~~~" + " " * MEGABYTE + "`\n",
        " " * MEGABYTE,
        "\n" * MEGABYTE,
        " \n" * (MEGABYTE // 2),
        "#" + " " * MEGABYTE,
        "#\n" * (MEGABYTE // 2),
        "int" + " " * MEGABYTE,
        "int" + "\n" * MEGABYTE + "x",
        "def" + " " * MEGABYTE + "g",
        "async\n" * (MEGABYTE // 6),
        "require" + " " * MEGABYTE,
        f"{LONG}\n" * (MEGABYTE // 4),
        "`" * MEGABYTE,
        " " * (MEGABYTE // 2) + f"{LONG}python\n" + " " * (MEGABYTE // 2) + f"\n{LONG}",
    ],
    ids=range(15),
)
def test_a_megabyte_of_what_no_program_is_takes_no_time(text: str):
    """In a process that can be ended: a pattern that gives back what another takes would need hours."""
    looking = """if True:
        import sys
        from datafactory.programs import assemble
        from datafactory.programs.tests import FunctionTests, StdioTests
        text = sys.stdin.read()
        for languages in ("python", "cpp", "javascript"), ("cpp",):
            assemble.program(text, StdioTests(()), languages)
        assemble.program(text, FunctionTests("assert f()", "f", "def f():"), ("python",))
    """
    subprocess.run([sys.executable, "-c", looking], input=text.encode(), timeout=60, check=True)


def test_a_byte_order_mark_at_the_start_is_no_part_of_the_program():
    for response in (
        "\ufeff~~~python\na = 1\n~~~",
        "~~~python\n\ufeffa = 1\n~~~",
        "~~~python\n\ufeffa = 1",
        "\ufeffa = 1",
    ):
        assert of(response) == ("a = 1", "python"), response
    assert of("~~~python\n\ufeffdef f(): pass\n~~~\n~~~python\nf()\n~~~", "f") == ("def f(): pass", "python")
    assert of("~~~python\na = '\ufeff'\n~~~") == ("a = '\ufeff'", "python")


@pytest.mark.parametrize("shown", ["3", "O(n)", "pip install x", "1 2\n3"])
def test_a_block_without_a_tag_beside_a_program_is_what_it_prints(shown: str):
    found = extract.program(f"```python\nprint(3)\n```\nOutput:\n```\n{shown}\n```", ("python",))
    assert found is not None and found.text == "print(3)\n"


def test_of_blocks_without_a_tag_the_last_that_does_something_is_the_program():
    found = extract.program("```\nprint(3)\n```\nIt prints\n```\n3\n```", ("python",))
    assert found is not None and found.text == "print(3)\n"
