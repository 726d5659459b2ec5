"""Languages: what the published rows are written in, told as the filters tell it, from a sample of them.

The sample is spread evenly over the files and is the same each time. A text of too few words, or of formulas alone, is
in no language that can be told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import polars as pl
import pyarrow.parquet as pq

from datafactory.story import Chapter
from filters._language_block import read_block
from filters._language_names import NAMES
from filters._scan import Scan
from filters._text import prose

SAMPLE = 1000  # rows
GROUPS = 50  # row groups that they come from
LONGEST = 4000  # characters read of a text
UNTOLD = "cannot be told"


@dataclass(frozen=True)
class Languages:
    """rows      how many were looked at
    questions    how many of them are in each language, the most frequent first
    thinking     of those that have any
    same, both   of `both` rows whose two languages can be told, `same` think in the language of the question
    """

    rows: int
    questions: dict[str, int]
    thinking: dict[str, int]
    same: int
    both: int


def languages(chapter: Chapter) -> Languages | None:
    rows = sample(chapter)
    if not rows.height:
        return None
    asked, thought = _told(rows["question"]), _told(rows["thinking"])
    has = rows["thinking"].is_not_null().to_list()
    pairs = [(one, other) for one, other, some in zip(asked, thought, has, strict=True) if some and one and other]
    return Languages(
        rows=rows.height,
        questions=_counted(asked),
        thinking=_counted([language for language, some in zip(thought, has, strict=True) if some]),
        same=sum(one == other for one, other in pairs),
        both=len(pairs),
    )


def sample(chapter: Chapter, most: int = SAMPLE) -> pl.DataFrame:
    """`question` and `thinking` of rows from all over the files; a response is no thinking."""
    names = chapter.dataset.columns
    question = "problem" if "problem" in names else "question"
    files = [chapter.dataset.folder / shard["file"] for shard in chapter.dataset.shards]
    places = [(path, group) for path in files for group in range(pq.read_metadata(path).num_row_groups)]
    taken = places[:: max(1, -(-len(places) // GROUPS))]
    each = -(-most // max(1, len(taken)))
    parts = [_first(path, group, each, question, "reasoning" in names) for path, group in taken]
    return pl.concat(parts).head(most) if parts else pl.DataFrame(schema={"question": pl.String, "thinking": pl.String})


def _first(path: object, group: int, count: int, question: str, thinking: bool) -> pl.DataFrame:
    wanted = [question, *(["reasoning"] if thinking else [])]
    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(count, row_groups=[group], columns=wanted), None)
    if batch is None:
        return pl.DataFrame(schema={"question": pl.String, "thinking": pl.String})
    rows = pl.from_arrow(batch)
    assert isinstance(rows, pl.DataFrame)
    reasoning = pl.col("reasoning") if thinking else pl.lit(None, dtype=pl.String)
    both = rows.select(pl.col(question).alias("question"), reasoning.alias("thinking"))
    return both.select(pl.all().cast(pl.String).str.slice(0, LONGEST))


def _told(texts: pl.Series) -> list[str | None]:
    """The language of each text by its name, None where it cannot be told."""
    homes = read_block(Scan(prose(texts.fill_null("")))).homes
    return [name(home[1]) if home and home[1] else None for home in homes]


def name(code: str) -> str:
    """`English` for en; a code that has no name here is its own."""
    return NAMES[code].partition("|")[0] if code in NAMES else code


def _counted(found: list[str | None]) -> dict[str, int]:
    counts = Counter(language or UNTOLD for language in found)
    return dict(sorted(counts.items(), key=lambda pair: (pair[0] == UNTOLD, -pair[1], pair[0])))
