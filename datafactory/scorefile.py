"""Scoring a file that exists: verifiers or filters over anyone's JSONL, Parquet or CSV, without a recipe.

The rows are read, scored and written a chunk at a time. Every column of the source is kept, as JSON spells it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from datafactory import plugins
from datafactory.chat import split_thinking
from datafactory.errors import StageError, UserError, did_you_mean
from datafactory.lines import write_lines_as_parquet
from datafactory.measuring import measure
from datafactory.scoring import UNDECIDED, score, score_columns
from datafactory.sources import Row, columns_of, files_at, rows_of
from datafactory.tables import TYPES, cannot_write, clean, frame
from datafactory.types import COLUMNS, problem_id

CHUNK = 2000
MAX_ERRORS = 0.05  # as a verify stage has it
# what others call the columns, in the order they are looked for
NAMES = {
    "question": ("question", "problem", "prompt", "instruction", "input"),
    "answer": ("answer", "gold", "expected_answer", "ground_truth", "solution"),
    "response": ("response", "completion", "generation", "output", "prediction", "text"),
    "reasoning": ("reasoning", "reasoning_content", "thinking", "deepseek_reasoning"),
}
OTHERS = ("choices", "tests", "meta", "finish_reason", "completion_tokens", "problem_id", "domain", "source")


def verify_file(path: Path, names: Sequence[str], out: Path, columns: dict[str, str | None]) -> Iterator[str]:
    """The file's rows with three columns per verifier, written to `out`; yields a line per verifier."""
    uses = [plugins.find("verifier", name.strip(), Path()) for name in names]
    found = _mapping(path, columns)
    _free(path, score_columns(uses))
    counts: dict[str, Counter[str]] = {use.name: Counter() for use in uses}

    def scored(rows: list[Row]) -> pl.DataFrame:
        table = score(uses, _table(rows, found)).select(score_columns(uses))
        for use in uses:
            counts[use.name].update(table[f"{use.name}_status"].to_list())
        return table

    total = _through(path, out, CHUNK, scored)
    yield f"{total:,} rows in {out}"
    for name, statuses in counts.items():
        decided = sum(statuses[status] for status in ("correct", "incorrect", "no_answer"))
        said = ", ".join(f"{count:,} {status}" for status, count in statuses.most_common())
        rate = f"; {statuses['correct'] / decided:.1%} of the decided are correct" if decided else ""
        yield f"{name}: {said or 'nothing'}{rate}"
    for name, statuses in counts.items():
        failed = sum(statuses[status] for status in UNDECIDED)
        if failed > MAX_ERRORS * total:
            raise StageError(f"the verifier {name} decided too few rows: {failed:,} of {total:,} ended in an error")


def measure_file(path: Path, names: Sequence[str], out: Path, columns: dict[str, str | None]) -> Iterator[str]:
    """The file's rows with a column per filter, written to `out`; yields a line per filter. `all` is every filter."""
    chosen = [name.strip() for name in names]
    have = _columns(path)
    if chosen == ["all"]:
        chosen = [
            name for name in plugins.names("filter") if name != "pass_rate" or {"problem_id", "math"} <= set(have)
        ]
    uses = [plugins.find("filter", name, Path()) for name in chosen]
    found = _mapping(path, columns)
    _free(path, [use.name for use in uses])
    parts: list[pl.DataFrame] = []

    def measured(rows: list[Row]) -> pl.DataFrame:
        table = _table(rows, found)
        others = [name for name in have if name not in table.columns]
        scores = [name for name in others if all(isinstance(row.get(name), int | float | None) for row in rows)]
        table = table.with_columns(
            pl.Series(name, [_number(row.get(name)) for row in rows], dtype=pl.Float64) for name in scores
        )
        parts.append(measure(uses, table))
        return parts[-1]

    # a group has to be measured whole, and a file may hold it anywhere
    whole = any(use.name == "pass_rate" for use in uses)
    total = _through(path, out, None if whole else CHUNK, measured)
    yield f"{total:,} rows in {out}"
    table = pl.concat(parts) if parts else pl.DataFrame()
    for name in table.columns:
        values = table[name]
        quantiles = [values.quantile(at) for at in (0.0, 0.05, 0.5, 0.95, 1.0)]
        shown = " ".join("null" if value is None else f"{value:.4g}" for value in quantiles)
        yield f"{name}: min, 5 %, median, 95 %, max = {shown}"


def _columns(path: Path) -> list[str]:
    if not path.exists():
        near = [inner.name for inner in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(f"there is no {path}.{did_you_mean(path.name, near)}")
    return list(dict.fromkeys(name for file in _files(path) for name in columns_of(file)))


def _files(path: Path) -> list[Path]:
    """The file, or the shards of a dataset's folder: what was rejected stands beside them and is not meant."""
    if (path / "data").is_dir():
        return files_at(path / "data")
    shards = sorted(path.glob("shard-*.parquet")) if path.is_dir() else []
    return shards or files_at(path)


def _mapping(path: Path, given: dict[str, str | None]) -> dict[str, str]:
    """Which column of the file is which of ours; UserError where none holds a response."""
    have = _columns(path)
    found: dict[str, str] = {}
    for ours, theirs in NAMES.items():
        named = given.get(ours)
        if named is not None and named not in have:
            raise UserError(f"{path} has no column '{named}'.{did_you_mean(named, have)}")
        match = named or next((name for name in theirs if name in have), None)
        if match is not None:
            found[ours] = match
    if "response" not in found and "messages" not in have:
        wanted = ", ".join(NAMES["response"])
        raise UserError(f"{path} has no column of responses ({wanted}, messages); it has: {', '.join(have)}")
    if "response" not in found:
        found["messages"] = "messages"
    return found


def _free(path: Path, names: list[str]) -> None:
    taken = [name for name in names if name in _columns(path)]
    if taken:
        raise UserError(f"{path} has a column '{taken[0]}' already; it would be written over")


def _table(rows: list[Row], found: dict[str, str]) -> pl.DataFrame:
    """The rows under the project's names, responses split from their thinking."""
    made = []
    for row in rows:
        question, response = _text(row.get(found.get("question", ""))), _text(row.get(found.get("response", "")))
        if "messages" in found:
            turns = _turns(row.get("messages"))
            asked = [turn["content"] for turn in turns if turn.get("role") == "user"]
            said = [turn["content"] for turn in turns if turn.get("role") == "assistant"]
            question, response = question or (asked[-1] if asked else None), said[-1] if said else None
        empty = response is None and "messages" not in found
        reason: Any = (
            "error"
            if empty
            else row.get("finish_reason")
            if row.get("finish_reason") in ("stop", "length", "error")
            else "stop"
        )
        mapped = {name: _fitting(name, row[name]) for name in OTHERS if name in row}
        reasoning = _text(row.get(found["reasoning"])) if "reasoning" in found else None
        if reasoning is None and response is not None:
            completion = split_thinking(clean(response), finish_reason=reason)
            reasoning, response = completion.reasoning, completion.response
        answer = _text(row.get(found.get("answer", "")))
        mapped |= {
            "finish_reason": reason,
            "question": question,
            "answer": answer,
            "response": response,
            "reasoning": reasoning,
        }
        mapped["problem_id"] = mapped.get("problem_id") or problem_id(question or "", answer)
        made.append(mapped)
    return frame(made, list(COLUMNS))


def _turns(value: Any) -> list[dict[str, Any]]:
    """The turns of a conversation; none where the cell holds no conversation."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    turns = value if isinstance(value, list) else []
    return [turn for turn in turns if isinstance(turn, dict) and isinstance(turn.get("content"), str)]


def _fitting(name: str, value: Any) -> Any:
    """The value in its column's type; a count that is no number is as good as none."""
    if value is None or TYPES[name] == pl.String:
        return _text(value)
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**31 else None


def _number(value: int | float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _through(path: Path, out: Path, chunk: int | None, function: Any) -> int:
    """Every row of the file with the function's columns behind its own, in `out`; how many rows there were."""
    if out.suffix not in (".parquet", ".jsonl"):
        raise UserError(f"{out}: --out is a .parquet or a .jsonl file")
    beside = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    lines = beside.with_suffix(".lines")
    rows = (row for file in _files(path) for _, row in rows_of(file))
    total = 0
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with lines.open("w", encoding="utf-8") as stream:
            while part := list(islice(rows, chunk)):
                total += len(part)
                for row, added in zip(part, function(part).iter_rows(named=True), strict=True):
                    if not row.keys().isdisjoint(added):
                        name = next(name for name in added if name in row)
                        raise UserError(f"{path} has a column '{name}' already; it would be written over")
                    text = json.dumps({**row, **added}, ensure_ascii=False, default=str)
                    stream.write(clean(text) + "\n")
        if out.suffix == ".parquet":
            write_lines_as_parquet(lines, beside)
            beside.replace(out)
        else:
            lines.replace(out)
    except OSError as error:
        raise cannot_write(out, error) from error
    finally:
        beside.unlink(missing_ok=True)
        lines.unlink(missing_ok=True)
    return total
