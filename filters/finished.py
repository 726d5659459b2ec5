"""Finished: 1 where the model ended its answer by itself, 0 where it was cut off or never came to answer.

Measure  1 when finish_reason is "stop" (an unknown one counts as stop), the response is not blank and holds no
         <think> that is still open; else 0
Source   R1's template: thinking in <think></think>, then the answer (arXiv:2501.12948, 2.2); a completion that ran
         into the token limit holds no summary to learn from
Use      `min` 1 keeps finished traces
"""

from __future__ import annotations

import polars as pl

from filters._columns import need
from filters._text import column

VERSION = 1


def finished(rows: pl.DataFrame) -> pl.Series:
    need(rows, "finish_reason")
    response = column(rows, "response")
    stopped = rows["finish_reason"].cast(pl.String).fill_null("stop") == "stop"
    answered = response.str.strip_chars() != ""
    # whatever follows the last <think> must close it
    closed = response.str.split("<think>").list.last().str.contains("</think>", literal=True)
    thinking = response.str.contains("<think>", literal=True) & ~closed
    return (stopped & answered & ~thinking).cast(pl.Float64).alias("finished")
