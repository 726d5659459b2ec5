r"""Mathematics: the LaTeX in a text as MathML, which browsers draw by themselves: no script, no font, no network.

In   text as a model wrote it: \( \), \[ \], $ $, $$ $$ and environments that stand by themselves
Out  Html in which everything else is escaped as it stands; LaTeX that cannot be read is shown as it was written

What is between backticks is code, and a dollar before an amount is money. The text is other people's: of MathML only
elements and attributes that draw get through, whatever the LaTeX says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import zip_longest
from typing import Literal, NamedTuple
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter

from datafactory.report.markup import Html, join

LONGEST = 4000  # characters of one formula
DEEPEST = 40  # elements in one another
WIDE = 36  # characters as drawn from which a formula in a line gets a scrollbar of its own

Kind = Literal["text", "code", "inline", "display"]
ENVIRONMENTS = (
    "align|aligned|alignat|alignedat|flalign|gather|gathered|multline|equation|eqnarray|split|cases|dcases|array"
    "|matrix|pmatrix|bmatrix|Bmatrix|vmatrix|Vmatrix|smallmatrix"
)
# an opening mark that never closes is text; a blank line ends what stands in a line, and nothing runs for pages
PIECES = re.compile(
    rf"""
      (?P<fence> ^[ ]{{0,3}}```[^\n]*\n (?s:.*?) (?:^[ ]{{0,3}}```[ ]*$ | \Z) )
    | (?P<ticks> (?<!`) (?P<tick> `{{1,2}} ) (?!`) [^`\n]{{1,400}} (?P=tick) (?!`) )
    | \\\[ (?P<brackets> (?: \\\\ | (?! \\\[ ) [\s\S] ){{1,{LONGEST}}}? ) \\\]
    | \\\( (?P<parentheses> (?: \\\\ | (?! \\\( | \n\s*\n ) [\s\S] ){{1,{LONGEST}}}? ) \\\)
    | (?<!\\) \$\$ (?P<dollars> (?s:.{{1,{LONGEST}}}?) ) (?<!\\) \$\$
    | (?P<environment> \\begin\{{(?P<name>{ENVIRONMENTS})\*?\}} (?s:.{{1,{LONGEST}}}?) \\end\{{(?P=name)\*?\}} )
    | (?P<boxed> \\boxed\s*\{{ (?: [^{{}}\n] | \{{ (?: [^{{}}\n] | \{{ [^{{}}\n]* \}} )* \}} ){{1,400}} \}} )
    | (?<![\\$]) \$ (?! [\s$]) (?P<tight> (?: \\[\s\S] | [^\\$\n] ){{1,{LONGEST}}}? ) (?<! [\s\\]) \$ (?! [\d$])
    | (?<![\\$]) \$ [ ] (?P<loose> (?: \\[\s\S] | [^\\$\n] ){{1,{LONGEST}}}? ) [ ] \$ (?! [\d$])
    """,
    re.M | re.X,
)
SIGNS = re.compile(r"\\[A-Za-z{}]|[\^_=]")
WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")

# what the converter does not know by these names
SPELLED = (
    (re.compile(r"\\(begin|end)\s*\{(?:aligned|flalign\*?|eqnarray\*?)\}"), r"\\\1{align*}"),
    (re.compile(r"\\begin\s*\{(?:alignat|alignedat)\*?\}\s*\{\d+\}"), r"\\begin{align*}"),
    (re.compile(r"\\end\s*\{(?:alignat|alignedat)\*?\}"), r"\\end{align*}"),
    (re.compile(r"\\(begin|end)\s*\{(?:gather\*?|gathered|multline\*?)\}"), r"\\\1{matrix}"),
    (re.compile(r"\\(begin|end)\s*\{dcases\}"), r"\\\1{cases}"),
    (re.compile(r"\\(begin|end)\s*\{align\}"), r"\\\1{align*}"),
    (re.compile(r"\\(begin|end)\s*\{equation\*?\}"), ""),
    (re.compile(r"\\not\s*="), r"\\neq "),
    (re.compile(r"\\(?:displaystyle|allowbreak|nonumber|notag|boxed(?=\s*\{\s*\}))(?![A-Za-z])"), ""),
    (re.compile(r"\\(?:require|label|color)\s*\{[^{}]*\}"), ""),
    (re.compile(r"\\renewcommand\s*\{\\arraystretch\}\s*\{[\d.]+\}|\\cline\s*\{[\d-]*\}|@\{[^{}]*\}"), ""),
    (re.compile(r"\\emph(?![A-Za-z])"), r"\\textit"),
    (re.compile(r"\\arg(?![A-Za-z])"), r"\\operatorname{arg}"),
    (re.compile(r"\\AA(?![A-Za-z])"), "Å"),
)
# macros can be written to grow without end
REFUSED = re.compile(
    r"\\(?:def|edef|gdef|let|newcommand|renewcommand|providecommand|newenvironment|href|url)(?![A-Za-z])"
)

ELEMENTS = {
    "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle", "mphantom", "mpadded",
    "menclose", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "mtable",
    "mtr", "mtd", "ms", "merror",
}  # fmt: skip
LENGTH = r"-?\d{1,2}(?:\.\d+)?(?:em|ex|mu|pt|px)"
ATTRIBUTES = {
    "display": r"block|inline",
    "displaystyle": r"true|false",
    "scriptlevel": r"[+-]?\d",
    "stretchy": r"true|false",
    "fence": r"true|false",
    "form": r"prefix|infix|postfix",
    "accent": r"true|false",
    "accentunder": r"true|false",
    "movablelimits": r"true|false",
    "largeop": r"true|false",
    "mathvariant": r"[a-z-]{1,30}",
    "notation": r"[a-z ]{1,60}",
    "columnalign": r"(?:left|center|right)",
    "linethickness": rf"0|{LENGTH}",
    "width": LENGTH,
    "lspace": LENGTH,
    "rspace": LENGTH,
    "minsize": LENGTH,
    "maxsize": LENGTH,
}
SPACES = {"negativethinmathspace": "-0.167em", "thinmathspace": "0.167em", "mediummathspace": "0.222em"}
ENTITY = re.compile(r"&#x([0-9A-Fa-f]{1,6});")
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Piece(NamedTuple):
    """source is the piece as it stands, latex what its marks enclose."""

    kind: Kind
    source: str
    latex: str = ""


def with_mathematics(text: str) -> Html:
    """The text as Html, its mathematics drawn and its fenced code in blocks of their own."""
    return join(_drawn(piece) for piece in _closed_up(list(pieces(text))))


def _closed_up(found: list[Piece]) -> Iterator[Piece]:
    """A formula of its own line brings the room around it along: the blank lines there are left out."""
    kinds = ["", *(piece.kind for piece in found), ""]
    for before, piece, after in zip(kinds, found, kinds[2:], strict=False):
        if piece.kind == "text":
            source = re.sub(r"\s*\n\s*$", "", piece.source) if after == "display" else piece.source
            source = re.sub(r"^[ \t]*\n\s*", "", source) if before == "display" else source
            piece = piece._replace(source=source)
        yield piece


def pieces(text: str) -> Iterator[Piece]:
    """The text in pieces; their sources joined are the text."""
    done = 0
    for found in PIECES.finditer(text):
        piece = _piece(found)
        if piece is None:
            continue
        if found.start() > done:
            yield Piece("text", text[done : found.start()])
        yield piece
        done = found.end()
    if done < len(text):
        yield Piece("text", text[done:])


def _piece(found: re.Match[str]) -> Piece | None:
    groups = {name: value for name, value in found.groupdict().items() if value is not None}
    name, latex = next(iter(groups.items()))
    source = found.group()
    if name == "ticks":
        return None
    if name == "fence":
        return Piece("code", source)
    if name in ("tight", "loose") and not _is_formula(latex, name == "loose"):
        return None
    return Piece("display" if name in ("brackets", "dollars", "environment") else "inline", source, latex)


def _is_formula(latex: str, loose: bool) -> bool:
    """Whether what stands between two dollars is a formula and not the words between two amounts."""
    if SIGNS.search(latex):
        return not (latex[0].isdigit() and len(WORD.findall(latex)) > 3 and "\\" not in latex)
    return not loose and not (len(latex) > 1 and len(WORD.findall(latex)) > (0 if latex[0].isdigit() else 1))


def _drawn(piece: Piece) -> Html:
    if piece.kind == "code":
        return Html(f'<span class="code">{escape(piece.source.strip(chr(10)))}</span>')
    if piece.kind == "text":
        return Html(escape(piece.source))
    markup = mathml(piece.latex, piece.kind == "display")
    if markup is None:
        return Html(f'<span class="latex">{escape(piece.source)}</span>')
    if piece.kind == "display":
        return Html(f'<span class="math display" tabindex="0">{markup}</span>')
    drawn = len(re.sub(r"<[^>]*>|\s", "", markup))
    return Html(f'<span class="math{" wide" if drawn > WIDE else ""}">{markup}</span>')


def mathml(latex: str, display: bool = False) -> Html | None:
    """The formula as a `<math>` element; None where it is not LaTeX that can be drawn."""
    if not latex.strip() or len(latex) > LONGEST or FORBIDDEN.search(latex):
        return None
    for pattern, spelled in SPELLED:
        latex = pattern.sub(spelled, latex)
    if REFUSED.search(latex):
        return None
    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(latex.strip())
        return Html(_written(tree))
    except Exception:  # what a stranger wrote can fail in any way; it is then shown as it stands
        return None


def _written(node: Element, depth: int = 0) -> str:
    """The element as markup; ValueError for one that is not known to draw and nothing else."""
    if node.tag not in ELEMENTS or depth > DEEPEST:
        raise ValueError(node.tag)
    text = ENTITY.sub(lambda found: chr(int(found[1], 16)), node.text or "")
    if re.search(r"\\[A-Za-z]", text):
        raise ValueError(f"the command {text} is not known")
    attributes = {name: SPACES.get(value, value) for name, value in node.attrib.items()}
    if node.tag in ("mtd", "mstyle", "mrow"):
        attributes = {name: value for name, value in attributes.items() if name != "width"}
    kept = "".join(
        f' {name}="{escape(value)}"'
        for name, value in attributes.items()
        if name in ATTRIBUTES and re.fullmatch(ATTRIBUTES[name], value)
    )
    children = list(node)
    inner = "".join(
        _written(child, depth + 1) + _after_name(child, following)
        for child, following in zip_longest(children, children[1:])
    )
    return f"<{node.tag}{kept}>{escape(text)}{inner}</{node.tag}>"


def _after_name(node: Element, following: Element | None) -> str:
    """The thin space between the name of a function and what it is of, unless that is in parentheses."""
    name = node.text or ""
    if node.tag != "mi" or following is None or len(name) < 2 or not name.isalpha():
        return ""
    return "" if following.tag in ("mo", "mspace") else '<mspace width="0.167em"></mspace>'
