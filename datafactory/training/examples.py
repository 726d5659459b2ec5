"""Examples: a merge's rows as the student reads them, in tokens, with the loss on the answer alone.

In   rows with problem, reasoning, response, and what they have of choices, history, domain, source
Out  a file of input_ids and labels, -100 where no loss is; and what the rows come to

A row is the prompt as the student will be asked, by its chat template's own generation prompt, and behind it what it is
to write: thinking, response, end of turn. The prompt's tokens are those of the prompt alone, as they will be when it is
asked. Turns before the question are prompt too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
from datasets.arrow_writer import ArrowWriter

from datafactory.chat import listed
from datafactory.errors import StageError
from datafactory.prompting import Prompting
from datafactory.store import Dataset
from datafactory.supervised import COLUMNS, Supervised
from datafactory.training.form import Form
from datafactory.training_plan import Corpus

FEATURES = datasets.Features({name: datasets.List(datasets.Value("int32")) for name in ("input_ids", "labels")})
NO_LOSS = -100
BATCH = 256  # rows that are tokenised at once
PARALLEL = "TOKENIZERS_PARALLELISM"


def written(config: Supervised, source: Dataset, form: Form, file: Path) -> Corpus:
    """The rows that fit into `max_length`, written into that file; StageError where a row cannot be learnt whole."""
    rows = too_long = tokens = squares = longest = 0
    with _on_all_cores(), ArrowWriter(path=str(file), features=FEATURES) as writer:
        for texts in _batched(_texts(config, source, form)):
            for prompt, ids in form.tokens(texts):
                length = len(ids)
                if length > config.max_length:
                    too_long += 1
                    continue
                writer.write({"input_ids": ids, "labels": [NO_LOSS] * prompt + ids[prompt:]})
                rows += 1
                tokens += length
                squares += length * length
                longest = max(longest, length)
        if not rows:
            raise StageError(f"none of {too_long} rows fits into max_length {config.max_length}")
        writer.finalize()
    return Corpus(rows, too_long, tokens, squares, longest, sequences=rows)


@contextmanager
def _on_all_cores() -> Iterator[None]:
    """Tokenizers keep to one core where the command line says so, for the sake of what forks."""
    before = os.environ.get(PARALLEL)
    os.environ[PARALLEL] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[PARALLEL]
        else:
            os.environ[PARALLEL] = before


def _batched(texts: Iterator[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    while batch := list(islice(texts, BATCH)):
        yield batch


def _texts(config: Supervised, source: Dataset, form: Form) -> Iterator[tuple[str, str]]:
    """The prompt of each row, and what is learnt behind it."""
    thinking = Prompting(prompt=config.prompt, system=config.system)
    plainly = Prompting(system=config.system)  # an answer without thinking is not taught as one to "think step by step"
    columns = [*COLUMNS, *(["history"] if "history" in source.columns else [])]
    for k in range(len(source.shards)):
        for row in source.read(k).select(columns).iter_rows(named=True):
            prompting = plainly if row["reasoning"] is None else thinking
            messages = prompting.messages({**row, "question": _asked(row, prompting)})
            yield form.text(messages, row["reasoning"], row["response"] or "")


def _asked(row: dict[str, Any], prompting: Prompting) -> str:
    """The question, with its options where the prompt has no place of its own for them."""
    if not row["choices"] or "{choices}" in prompting.prompt.content:
        return str(row["problem"])
    return f"{row['problem']}\n{listed(row['choices'])}"
