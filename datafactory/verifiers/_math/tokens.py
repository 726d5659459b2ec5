r"""The tokens of an expression: numbers, symbols, commands and functions with a backslash, marks.

In   plain LaTeX as spelling writes it
Out  the tokens in order; Unreadable at a character that no expression has
"""

from __future__ import annotations

import re

from datafactory.verifiers._math.tree import Unreadable

FUNCTIONS = re.findall(
    r"\w+",
    "arcsin arccos arctan arccot arcsec arccsc arsinh arcosh artanh asin acos atan sinh cosh tanh coth sin cos tan cot "
    "sec csc exp log ln lg sqrt abs gcd lcm max min",
)
_TOKEN = re.compile(
    rf"""\s*(?:
    (?P<number>\d+(?:\.\d+)?|\.\d+)
  | \\(?P<command>[a-zA-Z]+|.)
  | (?P<function>(?:{"|".join(FUNCTIONS)})(?![a-zA-Z])|(?:sqrt)(?=\d))
  | (?P<letter>[a-zA-Z])
  | (?P<mark>[-+*/^_(){{}}\[\]|!'])
  )""",
    re.X,
)
LONGEST_PRODUCT = 4  # letters side by side that may be symbols
_WORD = re.compile(r"(?<![\\a-zA-Z_{])[a-zA-Z]{3,}(?![a-zA-Z(])")
GREEK = frozenset(
    re.findall(
        r"\w+",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
        "omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega infty ell angle triangle hbar partial",
    )
)


def tokens(text: str) -> list[str]:
    words = [word for word in _WORD.findall(text) if word not in FUNCTIONS]
    if len(words) > 1 or (words and len(words[0]) > LONGEST_PRODUCT):
        raise Unreadable(f"{text[:80]!r} is prose")
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unreadable(f"{text[at]!r} in {text[:80]!r}")
        found.append(
            f"\\{match['command'] or match['function']}" if match["command"] or match["function"] else match[0].strip()
        )
        at = match.end()
    return found
