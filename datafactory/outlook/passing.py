"""The rows that come out of a stage, by domain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from datafactory.outlook.at import At
from datafactory.outlook.figure import NONE, ONE, UNKNOWN, Figure, known
from datafactory.outlook.rows import Parts, Rows, together

DROP = ("filter", "select", "verify", "judge", "sample", "review", "rewrite", "majority")


def loaded(at: At) -> Parts:
    """The rows of a load: as stated, or as many as its files or its generator have."""
    config = at.config
    count = at.sum("rows") if at.measured.rows is not None else at.number("rows")
    there = config.size if config.reasoning_gym else _lines(config.path or ())
    if there is not None and count.value is None:
        count = known(there)
    if config.limit is not None:
        count = count.least(known(config.limit)) if count.value is not None else UNKNOWN
    domain = config.domain if isinstance(config.domain, str) else None
    tokens = at.number("tokens") if "response" in (at.step.stage.columns or ()) else NONE
    return {domain: Rows(count, at.number("prompt_tokens"), tokens)}


def _lines(paths: Sequence[Path]) -> int | None:
    """The rows of files that are here, as far as that is told without reading them: of Parquet, and lines of JSONL."""
    found = 0
    for path in paths:
        if path.suffix == ".parquet":
            found += pq.read_metadata(path).num_rows
        elif path.suffix in (".jsonl", ".ndjson"):
            with path.open("rb") as stream:
                found += sum(block.count(b"\n") for block in iter(partial(stream.read, 1 << 20), b""))
        else:
            return None
    return found or None


def passed(at: At) -> Parts:
    """Of the rows that go in as many as come out, in the same proportions."""
    share = rollouts(at) if at.kind == "generate" else _kept(at)
    tokens = at.number("tokens")
    if at.kind == "generate" and tokens.value is None:
        tokens = at.number("completion_tokens")
    stay = tokens.value is None and at.kind != "generate"
    rows = together(each.rows for each in at.above)
    return {
        domain: Rows(part.count * share, part.question, part.tokens if stay else tokens)
        for domain, part in rows.items()
    }


def _kept(at: At) -> Figure:
    """Rows that come out, of one that goes in."""
    expect = at.step.stage.expect
    if at.measured.rows is not None:
        return at.sum("rows") / at.given
    if expect.rows is not None and at.measured.keep is None:
        share = known(expect.rows, stated=True) / at.given
        if share.value is not None and share.value > 1 and at.kind in DROP:
            if not at.limited:
                at.wrong("rows", f"{expect.rows:,} are more than go in: {at.given.value:,.0f}")
            return ONE
        return share
    share = at.number("keep")
    if share.value is None:
        if at.kind in ("filter", "select"):
            at.notes.append("is taken to keep every row: nothing says how many, as `expect: {keep: 0.8}` does")
        return ONE
    return share


def rollouts(at: At) -> Figure:
    """Rollouts of a problem."""
    until = at.config.until
    if until is None:
        return known(at.config.group_size)
    mean = at.number("rollouts")
    if mean.value is None:
        why = "nothing says how often, as `expect: {rollouts: 6}` does"
        at.notes.append(f"is asked {until.accepted} times a problem at least: {why}")
        mean = known(until.accepted)
    if at.config.target and at.given.value:
        mean = mean * known(min(1.0, at.config.target / (until.accepted * at.given.value)))
    return mean
