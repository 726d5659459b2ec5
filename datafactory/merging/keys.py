"""Keys: a few small numbers for each row, from which a merge decides what is taken and where it stands.

    at        the place of the row in the whole input
    problem   a number for the problem, of its id        trace    a number for the row, of its trace id
    same, as  two numbers of the text: rows that agree in both say the same
    size      bytes of text
    empty     whether there is no answer to train on: an engine's error, or a thinking that was cut
    leak      a number for the folded question, where rows are set apart for validation

Those of problem, trace and leak are the same under every version of every library; those of the text need only agree
within one merge.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

import numpy as np
import polars as pl

from datafactory.chat import before
from datafactory.types import trace_id

SAID = ("question", "choices", "history", "reasoning", "response")  # what a row says to a student
HEX = r"^[0-9a-f]{16}$"
ASCII = bytes(code + 32 if 65 <= code <= 90 else code for code in range(256))  # lower case
MARKS = bytes(code for code in range(128) if not chr(code).isalnum())
SPLIT = re.compile(r"[\W_]+")
Numbers = np.ndarray  # of uint64


def named(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a `trace_id` and a `problem_id`, made of their content where they have none."""
    if rows["trace_id"].null_count():
        lacking = rows.with_row_index("_at").filter(pl.col("trace_id").is_null())
        asked = lacking.select("_at", "problem_id", "rollout", "reasoning", "response")
        made = [trace_id(problem or "", rollout or 0, *said) for _, problem, rollout, *said in asked.iter_rows()]
        column = rows["trace_id"].scatter(asked["_at"], made) if made else rows["trace_id"]
        rows = rows.with_columns(column)
    if rows["problem_id"].null_count():  # a problem of its own
        rows = rows.with_columns(pl.col("problem_id").fill_null(pl.col("trace_id")))
    return rows


def number(names: pl.Series) -> pl.Series:
    """64 bits of each name: its own where it is 16 hex digits, else of its hash."""
    own = names.str.contains(HEX)
    found = names.set(~own, None).str.to_integer(base=16, dtype=pl.UInt64, strict=False)
    if not own.all():
        places = (~own).arg_true()
        hashed = [_hash(name.encode("utf-8", "surrogatepass")) for name in names.gather(places)]
        found = found.scatter(places, pl.Series(hashed, dtype=pl.UInt64))
    return found


def mixed(numbers: Numbers, *salts: int | str) -> Numbers:
    """The numbers with the salts stirred in, each bit depending on all: SplitMix64 (Steele et al., OOPSLA 2014)."""
    salt = np.uint64(_hash(repr(salts).encode()))
    with np.errstate(over="ignore"):
        found = (numbers ^ salt) + np.uint64(0x9E3779B97F4A7C15)
        found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return found ^ (found >> np.uint64(31))


def same_text(rows: pl.DataFrame) -> list[pl.Series]:
    """Two numbers, `same` and `as`, that rows share where they say the same."""
    said = rows.select(SAID)
    return [said.hash_rows(seed).alias(name) for seed, name in ((1, "same"), (2, "as"))]


def empty(rows: pl.DataFrame) -> pl.Series:
    said = pl.col("response").fill_null("").str.strip_chars()
    return rows.select((said == "").alias("empty")).to_series()


def size(rows: pl.DataFrame) -> pl.Series:
    texts = [pl.col(name).str.len_bytes() for name, kind in rows.schema.items() if kind == pl.String]
    return rows.select(pl.sum_horizontal(pl.lit(8 * rows.width, pl.Int64), *texts).alias("size")).to_series()


def fold(text: str) -> bytes:
    """The letters and digits of a text alone, in one case and one form: what differs otherwise is the same question."""
    if text.isascii():
        folded = text.encode().translate(ASCII, MARKS)
    else:
        folded = SPLIT.sub("", unicodedata.normalize("NFKC", text).casefold()).encode("utf-8", "surrogatepass")
    return folded or text.encode("utf-8", "surrogatepass")


def leak(question: str) -> int:
    return _hash(fold(question))


def leaks(rows: pl.DataFrame) -> pl.Series:
    """A number for the folded question of each row."""
    texts = rows["question"].fill_null("")
    unique = texts.unique()
    found = pl.Series([leak(text) for text in unique], dtype=pl.UInt64)
    return texts.to_frame("text").join(
        pl.DataFrame({"text": unique, "leak": found}), on="text", how="left", maintain_order="left"
    )["leak"]


def links(rows: pl.DataFrame) -> pl.DataFrame:
    """Questions that stand in one conversation, as pairs of numbers `leak` and `also`: they belong together."""
    pairs = set()
    spoken = rows.filter(pl.col("history").is_not_null()).select("question", "history")
    for row in spoken.iter_rows(named=True):
        own = leak(row["question"] or "")
        pairs |= {(own, leak(turn["content"])) for turn in before(row) if turn["role"] == "user"}
    pairs = {pair for pair in pairs if pair[0] != pair[1]}
    return pl.DataFrame(sorted(pairs), schema={"leak": pl.UInt64, "also": pl.UInt64}, orient="row")


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
