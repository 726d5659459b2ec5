r"""How one answer is spelled: what only typesets it is gone, and every symbol is the LaTeX command for it.

In   an answer as a person or a model writes it: \dfrac12, ½, 1\,234, 10⁻³, \left( 1,2 \right], 50 percent
Out  one line of plain LaTeX: \frac12, \frac{1}{2}, 1234, 10^{-3}, (1,2], 50\%
Use  each pattern is linear in the text; what says something, \text{...} among it, stays
"""

from __future__ import annotations

import re

from datafactory import answers


def _table(text: str) -> dict[str, str]:
    """One entry a pair of words."""
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_GREEK = _table(r"""
    α \alpha β \beta γ \gamma δ \delta ε \epsilon ϵ \epsilon ζ \zeta η \eta θ \theta ι \iota κ \kappa λ \lambda μ \mu
    ν \nu ξ \xi π \pi ρ \rho σ \sigma τ \tau υ \upsilon φ \phi ϕ \phi χ \chi ψ \psi ω \omega Γ \Gamma Δ \Delta
    Θ \Theta Λ \Lambda Ξ \Xi Π \Pi Σ \Sigma Φ \Phi Ψ \Psi Ω \Omega
""")
_SIGNS = _table(r"""
    √ \sqrt ∞ \infty × \times · \cdot ⋅ \cdot ∙ \cdot ÷ / ⁄ / ∕ / ≤ \le ≥ \ge ⩽ \le ⩾ \ge ≠ \ne ≈ \approx ± \pm ∈ \in
    ∪ \cup ∩ \cap ∅ \emptyset ∖ \setminus ∠ \angle ≡ \equiv → \to ∼ \sim ⟨ \langle ⟩ \rangle ⌊ \lfloor ⌋ \rfloor
    ⌈ \lceil ⌉ \rceil ∣ | ′ ' ’ ' 、 , ％ % ∶ : ℝ \mathbb{R} ℤ \mathbb{Z} ℕ \mathbb{N} ℚ \mathbb{Q} ℂ \mathbb{C}
    ½ \frac{1}{2} ⅓ \frac{1}{3} ⅔ \frac{2}{3} ¼ \frac{1}{4} ¾ \frac{3}{4}
""")
_SYMBOLS = {sign: f"{command} " if command[-1].isalpha() else command for sign, command in (_GREEK | _SIGNS).items()}
_BLANKS = {**dict.fromkeys("\xa0\u3000\u2009\u202f", " "), "\0": ""}
_CHARACTERS = str.maketrans(_SYMBOLS | _BLANKS)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")

_GROUPS = re.compile(r"(?<=\d)(?:\\[,!;: ]|\{,\}|,\\!|~|\\thinspace){1,3}(?=\d{3}(?!\d))")  # 1\,234 and 1{,}234
_SPACED_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d,/])")
_DOLLARS = re.compile(r"\\?\$")
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?|middle)(?![a-zA-Z])\s*\.?")
_STYLES = re.compile(
    r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|thinspace|hfill|noindent|boldsymbol|bf|rm|it)(?![a-zA-Z])"
    r"|\\[,!;:](?!\d{3})|\\[()\[\]]|\\(?=\s)|~"
)
_DELIMITED = re.compile(r"(?<!\\)\\[()\[\]]|\\?\$")
_SPACES = re.compile(r"\\q?quad|\\hspace\{[^{}]*\}|\\[hv]skip\S*")
_FRACTIONS = re.compile(r"\\[dtc]frac(?![a-zA-Z])|\\[dtc]frac(?=[a-zA-Z])")
_TEXTS = re.compile(r"\\(?:text(?:bf|it|rm|sf|tt|normal|md)?|mbox|hbox|mathrm|mathsf|mathit|operatorname\*?|rm)\s*\{")
_FONTS = re.compile(r"\\(?:(?:mathbf|mathcal|mathfrak|bm|vec|hat|widehat)(?![a-zA-Z])|mathbb(?=\{?[^{RZNQC]))\s*")
_ARROWS = re.compile(r"\\(?:overrightarrow|vec)\s*(?:(\{\s*[A-Z]'*\s*[A-Z]'*\s*\})|(?![a-zA-Z]))\s*")
_PHANTOMS = re.compile(r"\\[hv]?phantom\s*(?:\{[^{}]*\}|.)")
_DEGREE_SIGNS = {0xB0: r"^\circ ", 0x2103: r"^\circ C", 0x2109: r"^\circ F"}
_CIRCLED = re.compile("(?<=[①-⑳])(?=[①-⑳])")  # ①③ is a list of two
_NUMBER_SETS = re.compile(r"\\mathbb\s*\{?([RZNQC])\}?|\\([RZNQC])(?![a-zA-Z])")
_DEGREES = re.compile(
    r"\^\s*\{?\s*\\circ\s*\}?|\^\s*\{?\s*o\s*\}|\\(?:degree|circ)(?![a-zA-Z])|\\text\{\s*degrees?\s*\}"
)
_REPEATING = re.compile(
    r"(?<!\d)(\d*)\.(\d*)(?:\\overline\{?(\d+)\}?|\\dot\{?(\d)\}?(?:(\d*)\\dot\{?(\d)\}?)?|\((\d+)\)(?![\d^(]))"
)
_PERCENT = re.compile(r"\\?%|\b(?:percent(?:age)?|pct)\b|\\text\{\s*(?:percent(?:age)?|pct)\s*\}", re.I)
_COMMANDS = _table(r"""
    leq le leqslant le geq ge geqslant ge neq ne lt < gt > cdot * times * ast * div / varnothing emptyset
    lbrace \{ rbrace \} lbrack [ rbrack ] lparen ( rparen ) dbinom binom tbinom binom lvert | rvert | vert |
    mid | colon :
    backslash \setminus varphi phi varepsilon epsilon
    vartheta theta imaginaryI i euro € pounds £ simeq approx cong approx prime ' ldots ... dots ... cdots ... tg tan
    ctg cot arctg arctan mod bmod
""")
_RENAMED = re.compile(rf"\\({'|'.join(sorted(_COMMANDS, key=len, reverse=True))})(?![a-zA-Z])")
_LOGIC = re.compile(r"\\(land|wedge|lor|vee)(?![a-zA-Z])")
_RELATION = re.compile(r"[=<>]|\\(?:[lg]eq?|[lg]t|neq?|in)(?![a-zA-Z])")
_ASCII = (("<=", r"\le "), (">=", r"\ge "), ("!=", r"\ne "), ("**", "^"), ("=<", r"\le "))
_WORDS = re.compile(r"(?<![\\a-zA-Z])(infinity|infty|sqrt|pi|theta|alpha|beta|inf)(?![a-zA-Z])")
_ROW = "\x1e"  # stands for the \\ between rows
_SCIENTIFIC = re.compile(r"(?<![a-zA-Z\\\d.])(\d+(?:\.\d+)?|\.\d+)[eE]([-+]?\d{1,6})(?![\w.])")
_MODULES = re.compile(r"\b(?:np|numpy|math|sympy|sp)\.(?=[a-z])")
_CHOOSE = re.compile(r"\{([^{}\\]*)\\choose\s*([^{}\\]*)\}")
_MIXED = re.compile(r"(?<![\d.^_/])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])")


def spelled(text: str) -> str:
    text = answers.respelled(_CIRCLED.sub(",", text.translate(_DEGREE_SIGNS)))
    if not text.isascii():
        text = _SUPERSCRIPT.sub(lambda m: "^{" + m[0].translate(_RAISED) + "}", text)
        text = _SUBSCRIPT.sub(lambda m: "_{" + m[0].translate(_LOWERED) + "}", text).translate(_CHARACTERS)
    text = _GROUPS.sub("", text)
    if "\\" in text:
        text = _commands(text)
    text = _DOLLARS.sub("", text)
    text = _SPACED_GROUPS.sub(lambda m: m[0].replace(" ", ""), text)
    if "." in text:
        text = _REPEATING.sub(_as_fraction, text)
    text = _MIXED.sub(r"(\1+\2/\3)", _PERCENT.sub(r"\\%", text))
    text = _SCIENTIFIC.sub(r"\1*10^{\2}", _MODULES.sub("", text))
    for written, command in _ASCII:
        text = text.replace(written, command)
    text = _WORDS.sub(_as_command, text)
    return " ".join(text.split()).strip(" *").rstrip(" .。,;")


def _commands(text: str) -> str:
    # outside an environment no line ends: \\\\frac is escaped once too often
    text = text.replace("\\\\", _ROW if r"\begin" in text else "\\")
    text = _DELIMITED.sub(" ", text)
    text = _CHOOSE.sub(r"\binom{\1}{\2}", text)
    text = _STYLES.sub(" ", _SIZES.sub("", _SPACES.sub(" ", text)))
    text = _TEXTS.sub(r"\\text{", _FRACTIONS.sub(r"\\frac", text))
    text = _DEGREES.sub(r"\\degree ", _ARROWS.sub(lambda m: rf"\arrow{m[1]}" if m[1] else "", _PHANTOMS.sub("", text)))
    text = _NUMBER_SETS.sub(lambda m: rf"\mathbb{{{m[1] or m[2]}}}", _FONTS.sub("", text))
    if _RELATION.search(text):  # x > 1 \land x < 2, and not p \land q
        text = _LOGIC.sub(lambda m: rf"\text{{{'and' if m[1] in ('land', 'wedge') else 'or'}}}", text)
    return _RENAMED.sub(_renamed, text).replace(_ROW, r"\\")


def _renamed(match: re.Match[str]) -> str:
    name = _COMMANDS[match[1]]
    return f"\\{name} " if name.isalpha() and len(name) > 1 else f"{name} " if name[:1] != "\\" else name


def _as_command(match: re.Match[str]) -> str:
    return r"\infty " if match[1].startswith("inf") else rf"\{match[1]} "


def _as_fraction(match: re.Match[str]) -> str:
    r"""0.1\overline{6} and 0.1(6) as an exact fraction; 0.\dot{1}4\dot{2} likewise."""
    whole, fixed, line, first, between, last, bracket = match.groups()
    repeated = line or bracket or f"{first or ''}{between or ''}{last or ''}"
    if not repeated or len(repeated) + len(fixed) > 60:
        return match[0]
    above = int(f"{whole}{fixed}{repeated}") - int(f"0{whole}{fixed}")
    return rf"(\frac{{{above}}}{{{'9' * len(repeated)}{'0' * len(fixed)}}})"
