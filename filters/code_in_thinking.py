r"""Code in thinking: how many lines of program text stand in the thinking.

Measure  lines within fenced blocks (``` or ~~~, whatever they hold; one that nobody closed runs to the end), and
         lines of unfenced program text: runs of three lines or more, blank ones left out, each of which reads as code
         (an assignment, a call, a comment), two of them as nothing else (`def f(x):`, `#include <map>`, `return x;`).
         0 for a row that did not think: the block of a code answer stands in its response
Source   R1 filtered out chains of thought with code blocks (arXiv:2501.12948, B.3.3); the rule is not disclosed. Blocks
         of plain text and of formulas are counted: a fence is furniture of a written answer, not of thinking aloud
Use      catches programs written out in the thinking. Keeps LaTeX, `names` and expressions between single backticks,
         lines such as "x = 5", lists, tables, pseudo-code of a line or two. `max` 0; where code is what is asked for,
         a recipe may leave room for a sketch: `max` 10
"""

from __future__ import annotations

import polars as pl

from filters._text import column

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0.0}

# ASCII classes: over Unicode's the same patterns take ten times as long
_W = "[A-Za-z0-9_]"
_N = f"[A-Za-z_]{_W}*"
_PATH = rf"{_N}(?:(?:\.|->|::){_N}|\[[^\]\n]*\])*"

# a block that opens behind words counts too: models write "in code: ```python"
_TICKS = r"(?s)```[A-Za-z0-9+#_.-]*[ \t]*\r?\n.*?(?:```|\z)"
_TILDES = r"(?ms)^[ \t>]*~~~[A-Za-z0-9+#_.-]*[ \t]*\r?\n.*?(?:^[ \t>]*~~~|\z)"

# lines that nobody writes but in a program
_CERTAIN = (
    rf"(?:async )?def {_N}\(.*\).*:",
    rf"class {_N}(?:\(.*\))?:",
    r"(?:if|elif|while) [^.!?,\n]*[<>=(\[%][^.!?\n]*:",
    rf"(?:if|elif|while) (?:not )?{_N}:",
    r"(?:else|try|finally|do):",
    rf"(?:with [^\n]* as {_N}|except(?: \(?[A-Z][^\n]*)?):",
    rf"(?:async )?for {_N}(?:, ?{_N})* in [^\n]*:",
    rf"import {_N}(?:\.{_N})*(?: as {_N})?;?",
    rf"from {_N}(?:\.{_N})* import [^\n]+",
    rf"{_PATH} ?(?:\+|-|\*|/|//|%|<<|>>)= ?[^\s\\&][^\n\\&]*",
    rf"return(?: (?:[^\n.,]*[(){{}}\[\]=<>+*/%'\"][^\n]*|-?{_W}+))?;?",
    r"(?:print|println|printf|console\.log|System\.out\.[a-z]+|fmt\.[A-Z][a-z]+)!?\(.*\);?",
    rf"{_PATH}\.(?:append|push|push_back|pop|insert|add|sort|split|join|remove|extend|update)\(.*\);?",
    r"# ?(?:include|define|ifdef|ifndef|endif|pragma)(?: .*)?",
    r"using namespace .*;",
    r"(?:std::)?(?:cin ?>>|cout ?<<|cerr ?<<).*;",
    r"(?:\} ?)?(?:for|while|if|switch|else if|catch) ?\(.*\) ?\{",
    r"for ?\(.*;.*;.*\)",
    r"(?:if|while) ?\(.*\) [^\n]*;",
    r"return [^\n.!?]*;",
    r"(?:\} ?)?else ?\{",
    r"[{}\])]*[{}][)\]]*[;,]*",
    r"(?:break|continue|pass);?",
    r"(?:public|private|protected|static|final|const|let|var|void|int|long|float|double|char|bool|boolean|auto|string"
    rf"|unsigned|size_t|vector<.*>|List<.*>|Map<.*>|String)[^\n.!?]* [*&]?{_N}[^\n]*[;{{]",
    rf"(?:pub )?(?:fn|func|function|impl|struct|enum|interface|package|module|namespace|use) {_N}.*[{{;]",
    rf"(?:let mut|const|var) {_N}(?:: ?[^\n=]+)? = .*",
    rf"{_PATH}\(.*\) ?[;{{]",
    rf"(?:const )?{_N}(?:::{_N})*<[^\n.!?]*>[&*]* {_N}.*;",
    rf"(?:\+\+|--){_PATH};|{_PATH}(?:\+\+|--);",
    r"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|FROM|WHERE|GROUP BY|ORDER BY|(?:LEFT |INNER )?JOIN) .*",
    rf"@{_N}(?:\.{_N})*(?:\(.*\))?",
    r"</?(?:html|head|body|div|script|style|table|tr|td|ul|ol|li|span|form|input|p|h[1-6])(?: [^<>\n]*)?>.*",
    rf"(?:#|//) ?[A-Za-z][^\n]*\n[ \t]*{_PATH}(?:, ?{_PATH})* = [^\n\\$]+",  # a comment and what it is about
)
# lines that stand in programs and elsewhere too
_LIKELY = (
    r"(?:#|//|--|/\*|\*/|\*) ?[^\s].*",
    rf"{_PATH}(?:, ?{_PATH})*(?:: ?[A-Za-z0-9_\[\], .]+)? ?:?= ?[^\s=].*",
    rf"{_PATH}\(.*\)[;,]?",
    r"return [^\n!?]*[^\n.!?,]",
    r"['\"A-Za-z0-9_]+ ?: .*[,\[{(;]",
    r"['\"\[({].*",
    r".*[\])}][;,]?",
)
_SURE = rf"[ \t]*(?:{'|'.join(_CERTAIN)})[ \t\r]*"
_ANY = rf"[ \t]*(?:{'|'.join((*_CERTAIN, *_LIKELY))})[ \t\r]*"
_NEXT = r"\n(?:[ \t\r]*\n)*"
_UNFENCED = rf"(?m)^(?:{_ANY}{_NEXT})*?{_SURE}{_NEXT}(?:{_ANY}{_NEXT})*?{_SURE}(?:{_NEXT}{_ANY})*$"
_LEAST = 3  # lines of a run


def code_in_thinking(rows: pl.DataFrame) -> pl.Series:
    texts = column(rows, "reasoning")
    lines = [sum(map(_lines, _blocks(texts[at]))) if found else 0 for at, found in enumerate(_suspects(texts))]
    return pl.Series("code_in_thinking", lines, dtype=pl.Float64)


def evidence(rows: pl.DataFrame) -> pl.Series:
    """How many blocks there are, where the first one stands and how it begins."""
    texts = column(rows, "reasoning")
    told = [_told(texts[at]) if found else None for at, found in enumerate(_suspects(texts))]
    return pl.Series("evidence", told, dtype=pl.String)


def _suspects(texts: pl.Series) -> pl.Series:
    """Whether there is a fence or two lines of a program: few thinkings have either, and only they are looked into."""
    fenced = texts.str.contains("```", literal=True) | texts.str.contains("~~~", literal=True)
    return fenced | (("\n" + texts).str.count_matches(rf"(?m)\n{_SURE}$") > 1)


def _blocks(text: str) -> list[str]:
    """The fenced blocks and then the unfenced ones, in the order they stand."""
    rest, blocks = pl.Series([text]), list[str]()
    for pattern in (_TICKS, _TILDES):
        blocks += rest.str.extract_all(pattern)[0].to_list()
        rest = rest.str.replace_all(pattern, "\n.\n")  # a line that is no code: what is around it is not one run
    return blocks + [run for run in rest.str.extract_all(_UNFENCED)[0] if _lines(run) >= _LEAST]


def _lines(block: str) -> int:
    """The lines that are not blank, without the fences."""
    return sum(bool(line.strip()) and not line.lstrip(" \t>").startswith(("```", "~~~")) for line in block.splitlines())


def _told(text: str) -> str | None:
    blocks = _blocks(text)
    if not blocks:
        return None
    first = min(blocks, key=text.find)
    return f"{len(blocks)} {'block' if len(blocks) == 1 else 'blocks'}; at {text.find(first)}: {first.strip()[:200]!r}"
