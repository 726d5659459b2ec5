from __future__ import annotations

import gzip
import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.report.mathematics import (
    ATTRIBUTES,
    DEEPEST,
    ELEMENTS,
    LONGEST,
    _written,
    mathml,
    pieces,
    with_mathematics,
)
from tests.conftest import REPOSITORY

TRACES = REPOSITORY.parent / "shared" / "data" / "traces" / "skythought_eval_outputs.jsonl.gz"
OURS = {"span"}


def formulas(text: str) -> list[str]:
    return [piece.source for piece in pieces(text) if piece.kind in ("inline", "display")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"so \(x^2\) and \[y\] too", [r"\(x^2\)", r"\[y\]"]),
        ("let $x$ be $a+b$ or $$c$$", ["$x$", "$a+b$", "$$c$$"]),
        ("it is $ x^2 $ here", ["$ x^2 $"]),
        ("an $n$-gon at $(a,b)$", ["$n$", "$(a,b)$"]),
        (r"\begin{align*} a &= b \\[2pt] c &= d \end{align*}", [r"\begin{align*} a &= b \\[2pt] c &= d \end{align*}"]),
        (r"The answer is \boxed{\frac{1}{2}}.", [r"\boxed{\frac{1}{2}}"]),
        (r"\[ \begin{aligned} a \\[4pt] b \end{aligned} \]", [r"\[ \begin{aligned} a \\[4pt] b \end{aligned} \]"]),
        (r"$\$5 + \$6$ in all", [r"$\$5 + \$6$"]),
        ("I have $5 and $6, so $11.", []),
        ("costs $5, and (US$) more", []),
        ("$1,000 to $2,000 a year", []),
        ("earn $10 a day = $70 a week", []),
        ("between $A and $B", []),
        ("**$5** and US$6", []),
        ("in `$HOME` and `$x$`", []),
        ("```sh\necho $x$ \\(y\\)\n```\n", []),
        (r"\( never closed", []),
        ("\\( two\n\nparagraphs \\)", []),
        ("$x\ny$", []),
    ],
)
def test_formulas_are_told_from_money_and_code(text: str, found: list[str]) -> None:
    assert formulas(text) == found


@given(st.text(alphabet="a1 $\\()[]{}`\n^_&<>\"'", max_size=120))
def test_the_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(piece.source for piece in pieces(text)) == text


PARTS = [
    *"a1<>&\"'${}^_\\()[] \n",
    *("\\text{", "\\href{javascript:x}{", "\\style{", "\\class{", "onload=", "<script>", "\\frac", "\\left(", "&#x3c;"),
    *("\\begin{cases}", "&lt;", "\\color{red}", "\\rule{9em}{9em}", "\\hspace{99999em}"),
]
HOSTILE = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_whatever_is_written_only_what_draws_becomes_markup(text: str) -> None:
    drawn = with_mathematics(f"\\({text}\\) and $${text}$$ and {text}")
    tree = ElementTree.fromstring(f"<div>{re.sub(chr(11), '', drawn)}</div>")  # well formed, or this raises
    for node in tree.iter():
        assert node.tag in ELEMENTS | OURS | {"div"}
        allowed = {"class", "tabindex"} if node.tag in OURS else set(ATTRIBUTES)
        assert set(node.attrib) <= allowed


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"\text{<script>alert(1)</script>}", "<script>alert(1)</script>"),
        (r"\text{&lt;b&gt;}", "&lt;b&gt;"),
        (r'x < y > "z"', 'x<y>"z"'),
    ],
)
def test_what_looks_like_markup_is_text(latex: str, shown: str) -> None:
    markup = mathml(latex)
    assert markup is not None
    assert "".join(ElementTree.fromstring(markup).itertext()).replace("\xa0", " ").replace(" ", "") == shown.replace(
        " ", ""
    )


@pytest.mark.parametrize("name", ["script", "annotation-xml", "maction", "a", "img"])
def test_an_element_that_does_more_than_draw_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        _written(ElementTree.Element(name))


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{1}{",
        r"\left( x",
        r"\begin{cases} x",
        r"x^",
        r"\unheardof{3}",
        r"\def\a{\a\a}\a",
        r"\newcommand{\a}{\a\a}\a",
        r"\href{javascript:alert(1)}{x}",
        "x" * (LONGEST + 1),
        r"\sqrt{" * (DEEPEST + 1) + "x" + "}" * (DEEPEST + 1),
        "   ",
        "a\x00b",
    ],
)
def test_what_cannot_be_drawn_is_shown_as_it_was_written(latex: str) -> None:
    assert mathml(latex) is None
    source = f"\\({latex}\\)"
    assert "<math" not in with_mathematics(source)
    assert (
        "".join(
            ElementTree.fromstring(f"<p>{with_mathematics(source)}</p>").itertext() if "\x00" not in latex else [source]
        )
        == source
    )


@pytest.mark.parametrize(
    ("latex", "has"),
    [
        (r"\frac{3\sqrt{2}}{5}", ["mfrac", "msqrt"]),
        (r"\begin{aligned} x+y &= 3 \\ 2x-y &= 0 \end{aligned}", ["mtable", "mtr", "mtd"]),
        (r"f(x)=\begin{cases} x^2 & \text{if } x>0 \\ -x & \text{else} \end{cases}", ["mtable", "mtext"]),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", ["mtable"]),
        (r"\boxed{12}", ["menclose"]),
        (r"\sum_{k=1}^{n} \binom{n}{k}", ["munderover", "mfrac"]),
        (r"\begin{array}{c|c} a & b \\ \hline c & d \end{array}", ["mtable"]),
    ],
)
def test_what_the_traces_use_is_drawn(latex: str, has: list[str]) -> None:
    markup = mathml(latex, display=True)
    assert markup is not None
    tags = [node.tag for node in ElementTree.fromstring(markup).iter()]
    assert set(has) <= set(tags)
    assert "&" not in "".join(ElementTree.fromstring(markup).itertext())
    if "mtr" in has:
        assert tags.count("mtr") == 2 and tags.count("mtd") == 4


def test_real_formulas_are_drawn() -> None:
    if not TRACES.is_file():
        pytest.skip("there is no ../shared/data here")
    found: set[str] = set()
    with gzip.open(TRACES, "rt", encoding="utf-8") as lines:
        for line in lines:
            found |= {piece.latex for piece in pieces(json.loads(line)["response"]) if piece.latex}
            if len(found) > 3000:
                break
    failed = [latex for latex in found if mathml(latex) is None]
    assert len(failed) < 0.003 * len(found), failed[:20]
