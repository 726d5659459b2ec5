r"""One spelling for what texts write in several ways: LaTeX or a sign, with layout or without, 1,000 or 1000.

Words  a fraction is its two numbers (\frac{3}{4}, \dfrac34, 3/4), a Greek letter beside Latin ones is one
       (2\pi r, 2πr)
Gone   LaTeX's commands of layout and those for a sign (\leq, \cdot, \sqrt, ^\circ: the signs are no words either), tags
       of HTML, blanks to fill in, the comma within a large number
"""

from __future__ import annotations

import polars as pl

_LAYOUT = (
    r"\\(?:left|right|[Bb]igg?[lrm]?|text(?:bf|it|rm)?|math(?:rm|bf|it|sf|tt|cal|bb)|mbox|displaystyle|q?quad"
    r"|operatorname)\b|\\limits|\\(?:begin|end)\{[A-Za-z]+\*?\}|\b_+\b"
)
_FRACTION = r"\\[dtc]?frac"
_SHORT_FRACTION = r"\\[dtc]?frac[ ]?([0-9])[ ]?([0-9])"
_INLINE = r"</?(?:b|i|u|em|strong|span|mark|font|code)(?: [a-z-]+=[^<>\n]*)?>"
_TAG = r"</?(?:sub|sup|p|br|div|li|ul|ol)(?: [a-z-]+=[^<>\n]*)?[ ]?/?>"
_THOUSANDS = r"([0-9])(?:,|\{,\}|\\,)([0-9]{3})\b"
_BESIDE, _AMONG = "([A-Za-z0-9])([α-ω])", "([α-ω])([A-Za-z0-9])"  # 2πr, 2\\pi r

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "epsilon": "ε", "zeta": "ζ", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "sigma": "σ", "varphi": "φ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "eta": "η", "phi": "φ", "psi": "ψ", "chi": "χ",
    "rho": "ρ", "tau": "τ", "mu": "μ", "nu": "ν", "xi": "ξ", "Pi": "Π", "pi": "π",
}  # fmt: skip
_SIGNS = (  # what they stand for is no word either: ≤, √, ·
    "leqslant geqslant leq geq le ge neq ne infty sqrt triangle angle circ sum prod int in cup cap subseteq subset perp"
    " parallel equiv approx cong sim pm emptyset varnothing forall exists cdots cdot times ast ldots dots vdots div mid"
    " leftrightarrow rightarrow Rightarrow implies iff to lfloor rfloor lceil rceil langle rangle colon degree"
)
_BLANKS = r"\, \; \! \: &nbsp; &lt; &gt; &le; &ge; &amp;"


def _table() -> dict[str, str]:
    said = dict.fromkeys([*(f"\\{name}" for name in _SIGNS.split()), *_BLANKS.split()], " ")
    said |= {f"\\{name}": f" {letter} " for name, letter in _GREEK.items()}
    return {form: said[form] for form in sorted(said, key=len, reverse=True)}  # \leq before \le


_TABLE = _table()


def unlatexed(texts: pl.Series) -> pl.Series:
    """The texts without LaTeX's commands of layout, a fraction of any size \\frac."""
    return texts.str.replace_all(_LAYOUT, " ").str.replace_all(_FRACTION, r"\frac")


def respelt(texts: pl.Series) -> pl.Series:
    """The texts in one spelling; their words are still to be taken."""
    texts = texts.str.replace_all(_INLINE, "").str.replace_all(_TAG, " ")
    texts = texts.str.replace_all(_LAYOUT, " ")
    texts = texts.str.replace_all(_SHORT_FRACTION, " $1 $2").str.replace_all(_FRACTION, " ")
    for _ in range(2):  # the thousands of 1,000,000 overlap
        texts = texts.str.replace_all(_THOUSANDS, "$1$2")
    texts = texts.str.replace_many(_TABLE, leftmost=True)
    greek = texts.str.contains("[α-ω]").arg_true()
    return texts.scatter(greek, texts.gather(greek).str.replace_all(_BESIDE, "$1 $2").str.replace_all(_AMONG, "$1 $2"))
