"""Language mixing: how many words of the thinking stand in passages of another language than the rest of it.

Measure  words in foreign passages; 0 where the thinking keeps to one language. What is foreign is measured against the
         language that most of the thinking is in, whichever that is (`language_consistency` compares it with the
         question's). A passage is
         - words of a script that the main language is not written in: from one word of three letters, or two Han
           characters, on; one letter or one Han character is a symbol
         - words of the same script that are together 3,000 times (e^8) likelier in another language than in the main
           one, by wordfreq's lists of 42 languages, and by langdetect's letter profiles where no list has a word
         - Latin words in a text of another script only where they are prose: `binary search` is a term there
         - words with letters that the main language does not write: Belarusian ones in Russian
         - terms are none: English without small words (`loss function och batch size`), stock phrases (`poco a poco`)
         Code, LaTeX, URLs, names, quotations, words in capitals of the same script and the question's own words are
         never foreign, nor are the languages that it asks about (`into French`, a translation) or has three words of;
         `French fries` and one 你好 allow none.
         Han and kana are segmented by wordfreq's lists, Thai, Lao, Khmer and Burmese count 4 letters a word.
         `of` "trace" reads the response behind the thinking, too
Source   the mixed languages that DeepSeek-R1 drops, by a rule that it does not give (arXiv:2501.12948, B.3.3)
Use      `max` 0 catches the one sentence, or the one Chinese word, that slipped into a trace; it must keep
         translations, quotations, names, terms and ciphers. A larger `max` lets so many foreign words pass
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from filters._language_block import Passage
from filters._language_mixed import mixed
from filters._quoted import quoted
from filters._text import thinking, written

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0}

_SHOWN = 3


def language_mixing(rows: pl.DataFrame, *, of: Literal["thinking", "trace"] = "thinking") -> pl.Series:
    found = mixed(_read(rows, of)).found
    words = [float(sum(passage.count for passage in passages)) for passages in found]
    return pl.Series("language_mixing", words, dtype=pl.Float64)


def evidence(rows: pl.DataFrame, *, of: Literal["thinking", "trace"] = "thinking") -> pl.Series:
    rows = _read(rows, of)
    found = mixed(rows).found
    texts = thinking(rows).to_list()
    shown = [_shown(text, passages) if passages else None for text, passages in zip(texts, found, strict=True)]
    return pl.Series("evidence", shown, dtype=pl.String)


def _read(rows: pl.DataFrame, of: Literal["thinking", "trace"]) -> pl.DataFrame:
    return rows if of == "thinking" else rows.with_columns(written(rows).alias("reasoning"))


def _shown(text: str, found: list[Passage]) -> str:
    parts = []
    for passage in found[:_SHOWN]:
        at = text.find(passage.text)
        where = f" at {at}" if at >= 0 else ""
        parts.append(f"{passage.language}{where}: {quoted(passage.text, 60)}")
    count = f"{len(found)} passage{'s' if len(found) > 1 else ''}"
    return f"{count}; " + ", ".join(parts)
