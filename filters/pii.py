"""Pii: how many personal data and secrets the model wrote: e-mails, keys and tokens, phone, card and account numbers.

Measure  different findings in the reasoning and the response: e-mail addresses; keys and tokens by their published
         forms (AWS, GitHub, GitLab, OpenAI, Anthropic, Hugging Face, Google, Slack, Stripe, npm, PyPI, SendGrid,
         Telegram, private key blocks, JSON web tokens, passwords in a URL or an assignment); phone numbers in an
         international or a usual national form, others only behind a word such as phone, tel, 电话; card numbers
         (a network's prefix and Luhn's sum); IBANs (a country's length and the sum modulo 97); public IPv4 addresses;
         US social security numbers; Chinese identity numbers (date and check digit). What stands in the question does
         not count, nor do example.com, reserved addresses and placeholders
Source   the kinds that pretraining sets mask or drop, such as Dolma's (arXiv:2402.00159, e-mails, phones, IP addresses)
         and StarCoder's (arXiv:2305.06161, keys too); the forms are their issuers'
Use      `max` 0 drops such rows. It keeps mathematics: decimals, long integers, differences, dates, ISBNs, versions
"""

from __future__ import annotations

import re

import polars as pl

from filters._pii_checks import sound
from filters._pii_forms import CUES, FORMS
from filters._shared import shared
from filters._text import column

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0}

_MOST = 200  # findings of one kind that are looked at in a text
_IP = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


def pii(rows: pl.DataFrame) -> pl.Series:
    counts = pl.zeros(rows.height, dtype=pl.Float64, eager=True)
    found = _findings(rows)
    return counts.scatter(list(found), [float(len(some)) for some in found.values()]).alias("pii")


def evidence(rows: pl.DataFrame) -> pl.Series:
    """`2 findings: e-mail jo***@***, phone +4***`: enough to find the place, never the secret."""
    told: list[str | None] = [None] * rows.height
    for at, some in _findings(rows).items():
        shown = ", ".join(f"{kind} {_masked(text)}" for kind, text in some[:5])
        told[at] = f"{len(some)} finding{'s' * (len(some) > 1)}: {shown}{', ...' * (len(some) > 5)}"
    return pl.Series("evidence", told, dtype=pl.String)


def _findings(rows: pl.DataFrame) -> dict[int, list[tuple[str, str]]]:
    """The kind and the text of what each row holds, those rows only that hold something."""
    return shared(rows, "pii", lambda: _sought(rows))


def _sought(rows: pl.DataFrame) -> dict[int, list[tuple[str, str]]]:
    asked = column(rows, "question") if "question" in rows.columns else None
    found: dict[int, dict[tuple[str, str], str]] = {}
    for name in ("reasoning", "response"):
        text = column(rows, name)
        likely = {cue: text.str.contains(form).arg_true() for cue, form in CUES.items()}
        for kind, cue, form in FORMS:
            candidates = text.gather(likely[cue]).str.extract_all(form).list.head(_MOST)
            for at, some in zip(likely[cue], candidates, strict=True):
                for plain in filter(None, (sound(kind, text) for text in some)):
                    found.setdefault(at, {}).setdefault((kind, _bare(plain)), plain)
    kept = {}
    for at in sorted(found):
        known = _bare(asked[at]) if asked is not None else ""
        addresses = asked is not None and _IP.search(asked[at])  # an exercise about networks
        told: list[tuple[str, str]] = []
        longest: list[str] = []
        for (kind, bare), plain in sorted(found[at].items(), key=lambda one: -len(one[0][1])):
            within = any(bare in other for other in longest)  # a number with and without its country, a key as password
            if not within and bare not in known and not (kind == "IP address" and addresses):
                told.append((kind, plain))
                longest.append(bare)
        if told:
            kept[at] = told
    return kept


def _bare(text: str) -> str:
    """What is left when nothing but letters, digits and @ counts, so that spelling a number otherwise hides nothing."""
    return re.sub(r"[\s().+-]", "", text).lower()


def _masked(text: str) -> str:
    shown = text[: 2 if len(text) < 24 else 4]
    return f"{shown}***"
