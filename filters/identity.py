"""Identity: how many times the model says that it is some product, or some company's model.

Measure  claims in the reasoning and the response: "I am ChatGPT", "as a large language model trained by OpenAI, I",
         我是通义千问, "je suis Claude", in twenty languages, by the names in filters/_phrases/products.txt and the
         sentences in identity.txt; and "an AI assistant made by" a company that no table knows. A claim in quotation
         marks, of a product that the question asks the model to be or claims to be itself, or of the `own` names does
         not count. `own` is the names, with commas between them, that the student may say ("Qwen, Acme"); with a
         product its maker is allowed
Source   a student repeats what its data says it is: rows of another model's self-cognition made students call
         themselves ChatGPT; R1 trains self-cognition on purpose (arXiv:2501.12948, Table 5). The tables are a choice
Use      `max` 0 drops such rows. It keeps talk about products ("ChatGPT was made by OpenAI"), users of them ("I am a
         ChatGPT user"), people and signs that share a name ("I am Claude Monet", "I'm a Gemini")
"""

from __future__ import annotations

import re
from functools import cache

import polars as pl

from filters._lowered import lowered
from filters._phrases import lines, phrases
from filters._quoted import quoted

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0}

_UNKNOWN = r"(?-u:\b)[a-z][a-z0-9&-]+"
_NOBODY = frozenset((
    "a", "an", "the", "my", "your", "our", "some", "someone", "humans", "human", "people", "me", "you", "us",
    "him", "her", "them", "one", "several", "many",
))  # fmt: skip
_VERSION = (
    r"(?:[- ]?(?:[rvo]?[0-9][a-z0-9.-]*|pro|turbo|opus|sonnet|haiku|instruct|chat|large|flash|max|plus|mini|ultra|ai))*"
)
_QUOTES = "\"“”‘’'«»「」『』`„‹›"
_NAMED = 0xE000  # the first of the private characters that stand for names, two to a brand and kind
_SENTENCE = r"(?:[^.!?\n。！？]|\.[^\s])*"
_READ = 200  # sentences of a row that name a product: more say nothing new
_SHOWN = 120


def identity(rows: pl.DataFrame, *, own: str | None = None) -> pl.Series:
    counts = pl.zeros(rows.height, dtype=pl.Float64, eager=True)
    found = _claims(rows, _own(own))
    return counts.scatter(list(found), [float(len(claims)) for claims in found.values()]).alias("identity")


def evidence(rows: pl.DataFrame, *, own: str | None = None) -> pl.Series:
    """`2 claims; the first: "i am chatgpt, a large language model trained by openai"`."""
    told: list[str | None] = [None] * rows.height
    for at, claims in _claims(rows, _own(own)).items():
        told[at] = f"{len(claims)} claim{'s' * (len(claims) > 1)}; the first: {quoted(claims[0], _SHOWN)}"
    return pl.Series("evidence", told, dtype=pl.String)


def _claims(rows: pl.DataFrame, own: frozenset[int | str]) -> dict[int, list[str]]:
    """The sentences of each row that claim to be a product."""
    reasoning, response = lowered(rows, "reasoning"), lowered(rows, "response")
    likely = (reasoning.str.contains(_cues()) | response.str.contains(_cues())).arg_true()
    told = _naming(reasoning.gather(likely) + "\n" + response.gather(likely)).list.head(_READ)
    said = pl.DataFrame({"row": likely, "sentence": told}).explode("sentence").drop_nulls()
    coded = said["sentence"].map_elements(_coded, return_dtype=pl.String)
    said = said.with_columns(claims=coded.str.extract_all(rf".?{_pattern()}")).filter(pl.col("claims").list.len() > 0)
    asked = lowered(rows, "question") if "question" in rows.columns else None
    found: dict[int, list[str]] = {}
    for at, sentence, claims in said.iter_rows():
        allowed = own | (_given(asked[at]) if asked is not None else frozenset())
        if any(not _excused(claim, sentence, allowed) for claim in claims):
            found.setdefault(at, []).append(sentence)
    return found


def _naming(texts: pl.Series) -> pl.Series:
    """The sentences of each text that name a product or a maker, or somebody who made a model."""
    return texts.str.extract_all(rf"{_SENTENCE}(?:{_cues()}){_SENTENCE}[.!?。！？]?")


def _excused(claim: str, sentence: str, allowed: frozenset[int | str]) -> bool:
    """Whether a claim is quoted, or made of somebody that no name is known of, or of an allowed name."""
    brands = _brands(claim)
    if claim[0] in _QUOTES or (not brands and claim.split()[-1] in _NOBODY):
        return True
    return bool(brands & allowed) or any(isinstance(name, str) and name in sentence for name in allowed)


@cache
def _given(question: str) -> frozenset[int | str]:
    """The brands that a question asks the model to be, or claims to be itself."""
    sentences = _naming(pl.Series([question], dtype=pl.String)).explode().drop_nulls()
    coded = sentences.str.strip_chars().map_elements(_coded, return_dtype=pl.String)
    given = coded.filter(coded.str.contains(phrases("given_role", name=_class(_PRODUCTS))))
    claims = coded.str.extract_all(_pattern()).explode().drop_nulls()
    return frozenset(brand for text in (*given, *claims) for brand in _brands(text))


@cache
def _own(names: str | None) -> frozenset[int | str]:
    """The brands of the allowed names; a name that is of no brand, as it is."""
    given = [name.strip().lower() for name in (names or "").split(",") if name.strip()]
    if names is not None and not given:
        raise ValueError(f"own is names with commas between them, not {names!r}")
    return frozenset(one for name in given for one in (_brands(_coded(name)) or {name}))


SURE, SHARED, MAKER, SURE_MAKER, SHARED_MAKER = range(5)
_PRODUCTS = (SURE, SHARED, SURE_MAKER, SHARED_MAKER)
_MAKERS = (MAKER, SURE_MAKER, SHARED_MAKER)


@cache
def _names() -> dict[str, tuple[int, int]]:
    """The brand and the kind of each name."""
    found: dict[str, tuple[int, int]] = {}
    for brand, line in enumerate(lines("products")):
        products, makers = ([name.strip() for name in part.split(",") if name.strip()] for part in line.split("|"))
        for name in (*products, *makers):
            plain = name.removesuffix("?")
            of_products = (SURE_MAKER, SHARED_MAKER) if plain in makers else (SURE, SHARED)
            kind = of_products[name != plain] if name in products else MAKER
            found.setdefault(plain, (brand, kind))
    return found


def _coded(sentence: str) -> str:
    """The sentence with a private character, that tells brand and kind, in the place of each name."""
    return _finder().sub(lambda name: _code(*_names()[_meant(name[0])]), sentence)


@cache
def _meant(said: str) -> str:
    """The name that a text begins with: what follows is its version."""
    return next(name for name in _listed() if said.startswith(name.rstrip("*")))


def _code(brand: int, kind: int) -> str:
    return chr(_NAMED + 5 * brand + kind)


def _class(kinds: tuple[int, ...]) -> str:
    """A pattern for the characters of these kinds."""
    return f"[{''.join(_code(*name) for name in sorted(set(_names().values())) if name[1] in kinds)}]"


def _brands(coded: str) -> frozenset[int | str]:
    return frozenset((ord(one) - _NAMED) // 5 for one in coded if 0 <= ord(one) - _NAMED < 5 * len(_names()))


@cache
def _finder() -> re.Pattern[str]:
    """What finds a name, the longest first, with the version behind a product's; * is any further letters.

    The names are parted by their first letter, without which Python's regex would try each of them at every word.
    """
    letters: dict[str, list[str]] = {}
    for name in _listed():
        letters.setdefault(name[0], []).append(_sought(name))
    plain, other = ([each for each in letters if each.isascii() == ascii] for ascii in (True, False))
    parts = {each: f"{re.escape(each)}(?:{'|'.join(rests)})" for each, rests in letters.items()}
    words = "|".join(parts[each] for each in plain)
    return re.compile(f"(?<![a-z0-9])(?:{words})|(?=[{''.join(other)}])(?:{'|'.join(parts[each] for each in other)})")


@cache
def _listed() -> list[str]:
    return sorted(_names(), key=len, reverse=True)


def _sought(name: str) -> str:
    """A pattern for what follows the first letter of a name."""
    after = r"(?![a-z])" * (name[-1].isascii() and name[-1] not in "*+")
    version = _VERSION if _names()[name][1] != MAKER else ""
    return re.escape(name[1:]).replace(r"\*", "[a-z0-9.-]*") + version + after


@cache
def _cues() -> str:
    """One of these stands in every claim; a text without them is not read further."""
    names = {name.rstrip("*") for name in _names()} | {"language model", "ai assistant", "ai model", "chatbot"}
    return "|".join(re.escape(name) for name in names if not any(other != name and other in name for other in names))


@cache
def _pattern() -> str:
    return phrases(
        "identity",
        sure=_class((SURE, SURE_MAKER)),
        name=_class(_PRODUCTS),
        maker=_class(_MAKERS),
        unknown=_UNKNOWN,
    )
