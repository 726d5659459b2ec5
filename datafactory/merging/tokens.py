"""Tokens: how long each row is as the student reads it, and whether the student's chat template says all of it.

A row is rendered with the template and counted by the tokenizer, special tokens and all. Templates of models that think
often drop the thinking of an assistant's turn (R1's distilled models keep what follows the last `</think>`): what is
lost is looked for in the rendered text of every row. The counts are kept apart from the merge, so that another mixture
counts nothing again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import polars as pl

from datafactory.chat import split_thinking
from datafactory.errors import StageError
from datafactory.job import Job
from datafactory.merging.keys import SAID
from datafactory.merging.render import messages
from datafactory.models import Weights, weights_named
from datafactory.quiet import quiet
from datafactory.store import Dataset
from datafactory.types import Message

if TYPE_CHECKING:
    from datafactory.stages.merge import Config

VERSION = 2
TRIED = 32  # rows of each shape that are rendered before any is counted
BATCH = 256


def counted(config: Config, job: Job) -> tuple[Dataset, ...]:
    """For each dataset one of `tokens` and `lost`, a row per row; none where the recipe names no tokenizer.

    Raises StageError where the tokenizer cannot be had, and where the template drops what a student is to learn.
    """
    if config.tokenizer is None:
        return ()
    name = config.tokenizer.name
    weights = job.weights.get(name) or weights_named(name, config.tokenizer.folder)
    template = config.chat_template.content if config.chat_template else None
    count = partial(tokens, weights.fetch(), template)
    sources = [(source, job.inputs[source]) for source in config.sources]
    for source, dataset in sources:  # before hours of counting
        _demand_whole(config, weights, [(source, count(_of_each_shape(dataset.read(0))))])
    found = []
    for _, dataset in sources:
        decided = ["tokens", VERSION, dataset.manifest["fingerprint"], weights.identity, template]
        found.append(job.aside("tokens", decided, count, dataset))
    lost = [(source, made.scan().select("lost").collect()) for (source, _), made in zip(sources, found, strict=True)]
    for told in _demand_whole(config, weights, lost):
        job.progress.note(told)
    return tuple(found)


def _of_each_shape(rows: pl.DataFrame) -> pl.DataFrame:
    """Some rows that think and some that do not, each with turns before the question and without."""
    shape = [pl.col(name).is_null() for name in ("reasoning", "history") if name in rows.columns]
    return rows.filter(pl.int_range(pl.len()).over(*shape) < TRIED) if shape else rows.head(TRIED)


def _demand_whole(config: Config, weights: Weights, found: list[tuple[str, pl.DataFrame]]) -> list[str]:
    """What the chat template drops; StageError where the recipe does not let it."""
    template = "`chat_template`" if config.chat_template else f"the chat template of {weights.reference}"
    lost = [told for source, rows in found for told in losses(source, template, rows)]
    if lost and config.template == "fail":
        raise StageError(
            f"{'; '.join(lost)}: a student would not learn it. `chat_template` names a template that keeps it, and "
            "`template: report` goes on"
        )
    return lost


def tokens(place: str, template: str | None, rows: pl.DataFrame) -> pl.DataFrame:
    """The tokens of each row, null where it cannot be rendered, and what its rendered text lacks."""
    tokenizer = loaded(place)
    lacking = [pl.lit(None, dtype=pl.String).alias(name) for name in SAID if name not in rows.columns]
    rows = rows.with_columns(lacking).select(SAID)
    counts: list[int | None] = []
    lost: list[str | None] = []
    for part in rows.iter_slices(BATCH):
        texts = []
        for row, turns in zip(part.iter_rows(named=True), messages(part).to_pylist(), strict=True):
            text, error = rendered(tokenizer, turns, template)
            texts.append(text)
            gone = missing(text, turns, row["reasoning"], row["response"]) if text is not None else None
            lost.append(f"drops {gone} of" if gone else error)
        ids = tokenizer([text or "" for text in texts], add_special_tokens=False, verbose=False)["input_ids"]
        counts += [None if text is None else len(each) for text, each in zip(texts, ids, strict=True)]
    return pl.DataFrame({"tokens": counts, "lost": lost}, schema={"tokens": pl.Int32, "lost": pl.String})


@lru_cache(maxsize=1)
def loaded(place: str) -> Any:
    from transformers import AutoTokenizer

    try:
        with quiet():
            return AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError) as error:
        raise StageError(f"the tokenizer {place} cannot be loaded: {str(error).splitlines()[0]}") from error


def rendered(tokenizer: Any, turns: Sequence[Message], template: str | None) -> tuple[str | None, str | None]:
    """The conversation as the model reads it, and why there is none where the template refuses it."""
    if not (template or tokenizer.chat_template):
        return "\n\n".join(turn["content"] for turn in turns) + (tokenizer.eos_token or ""), None
    try:
        return str(tokenizer.apply_chat_template(list(turns), chat_template=template, tokenize=False)), None
    except Exception as error:  # a template raises what it will
        return None, f"fails ({(str(error) or type(error).__name__).splitlines()[0]}) on"


def missing(text: str, turns: Sequence[Mapping[str, str]], reasoning: str | None, response: str | None) -> str | None:
    """What of a conversation its rendered text does not say."""
    if (reasoning or "").strip() not in text:
        return "the thinking"
    if (response or "").strip() not in text:
        return "the answer"
    if turns[-2]["content"].strip() not in text:
        return "the question"
    for turn in turns[:-2]:  # the thinking of an earlier turn is dropped on purpose, and so is what is shown of it
        if split_thinking(turn["content"]).response not in text:
            return "an earlier turn"
    return None


def losses(name: str, template: str, found: pl.DataFrame) -> list[str]:
    """`the chat template of X drops the thinking of 3 of 9 rows of traces`, for each thing that is lost."""
    counts = found.drop_nulls("lost").group_by("lost").len().sort("len", "lost", descending=[True, False])
    return [f"{template} {what} {count:,} of {found.height:,} rows of {name}" for what, count in counts.iter_rows()]
