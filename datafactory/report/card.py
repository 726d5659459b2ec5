"""The dataset card: README.md of a published folder, with the YAML header the Hugging Face hub reads.

Everything in it is read from the rows and the manifests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import yaml

from datafactory.report.card_header import header
from datafactory.report.figures import (
    R1_MEAN,
    R1_SAMPLES,
    R1_TOKENS,
    columns_of,
    composition,
    domain_named,
    mean_tokens,
    problems,
    rows_of,
)
from datafactory.report.funnel import Line, funnel, rates, said
from datafactory.report.units import counted, kind_of, percent, size
from datafactory.story import Chapter, Story

MEANINGS = {
    "messages": "the conversation: the user's turn, and the assistant's, its thinking between think tags",
    "problem_id": "a hash of the problem's content; equal for all rollouts of a problem",
    "problem": "the question",
    "solution": "the gold answer, null where there is none",
    "solution_from": "`gold`, or `majority` where the group's most common answer stands in for a gold answer",
    "reasoning": "the thinking, null where the model did not think",
    "response": "what follows the thinking",
    "choices": "the options of a multiple-choice question, as a JSON list",
    "tests": "what a code verifier runs, as JSON",
    "domain": "the kind of problem",
    "source": "where the problem is from",
    "license": "the licence of the problem's source",
    "meta": "the other columns of the source, as JSON",
    "model": "the model that wrote the completion",
    "rollout": "which of the problem's completions this is, from 0",
    "completion_tokens": "the completion's length by the model's own tokenizer",
    "prompt_tokens": "the prompt's length",
    "generation": "the sampling this completion came from",
    "majority": "the most common final answer of the problem's completions, null on a tie or where too few agree",
    "majority_votes": "how many completions give the most common answer",
    "majority_share": "their share of the problem's completions",
    "agrees": "1 where this completion gives the majority answer, 0 where it does not, null where there is none",
    "finish_reason": "`stop`, or `length` where the token budget cut the completion",
}


def card(story: Story, files: dict[str, dict[str, Any]]) -> str:
    """README.md; `files` are those published, as {path: {rows, bytes, sha256}}."""
    parts = [
        f"---\n{yaml.safe_dump(header(story), sort_keys=False, allow_unicode=True)}---",
        f"# {story.recipe}: {story.merged.name}",
        _about(story, files),
        "## Composition",
        _composition(story.merged),
        "## Sources and licences",
        _sources(story.merged),
        "## Columns",
        _columns(story),
        "## How it was made",
        _made(story),
        "## Loading",
        _loading(),
    ]
    return "\n\n".join(parts) + "\n"


def _about(story: Story, files: dict[str, dict[str, Any]]) -> str:
    rows, count = story.merged.dataset.rows, problems([story.merged])
    shards = [entry for name, entry in files.items() if name.startswith("data/")]
    weight = (
        f" in {counted(len(shards), 'Parquet file')} ({size(sum(entry['bytes'] for entry in shards))})"
        if shards
        else ""
    )
    lineage = story.lineage()
    lost = sum(chapter.dataset.dropped for chapter in lineage)
    return (
        f"{counted(rows, 'row')} of supervised fine-tuning data about {counted(count, 'problem')}{weight}, made by "
        f"datafactory from the recipe `{story.recipe}` in {counted(len(lineage), 'stage')}. "
        f"What was dropped on the way, {counted(lost, 'row')}, is in `rejected/` with stage, reason and evidence; "
        "`report.html` shows the distributions, `manifest.json` holds checksums and every setting."
        f"{_pseudo(story.merged)}"
    )


def _pseudo(merged: Chapter) -> str:
    """What is said of solutions that nobody gave; nothing where there are none."""
    if "solution_from" not in columns_of(merged):
        return ""
    voted = rows_of(merged).filter(pl.col("solution_from") == "majority")
    rows, count = voted.select(pl.len(), pl.col("problem_id").n_unique()).collect().row(0)
    if not rows:
        return ""
    return (
        f"\n\n**{counted(rows, 'solution')} of {merged.dataset.rows:,}, of {counted(count, 'problem')}, "
        f"{'is' if rows == 1 else 'are'} pseudo-gold**: no gold answer exists, and the most common answer of the "
        "problem's completions stands in for it. `solution_from` says `majority` in these rows."
    )


def _composition(merged: Chapter) -> str:
    domains = composition(merged, "domain")
    total = sum(R1_SAMPLES.values())
    lines = []
    for part in domains:
        known = domain_named(part.name)
        theirs = [percent(R1_SAMPLES[known] / total), f"{R1_TOKENS[known]:,.0f}"] if known else ["-", "-"]
        lines.append([part.name or "none given", f"{part.rows:,}", percent(part.share), _mean(part.tokens), *theirs])
    mean = mean_tokens(merged)
    lines.append(["total", f"{merged.dataset.rows:,}", "100 %", _mean(mean), f"{total:,} rows", f"{R1_MEAN:,.0f}"])
    headings = ["domain", "rows", "share", "mean completion tokens", "R1's share", "R1's mean tokens"]
    return _table(headings, lines) + "\n\nR1's figures are those of arXiv:2501.12948, Table 5."


def _mean(tokens: float | None) -> str:
    return "-" if tokens is None else f"{tokens:,.0f}"


def _sources(merged: Chapter) -> str:
    by = [name for name in ("source", "license") if name in columns_of(merged)]
    if not by:
        return "The rows name no source."
    counts = rows_of(merged).group_by(by).len().sort("len", *by, descending=[True, *[False] * len(by)]).collect()
    rows = [[*(value or "none given" for value in row[:-1]), f"{row[-1]:,}"] for row in counts.iter_rows()]
    return _table([*by, "rows"], rows)


def _columns(story: Story) -> str:
    schema = rows_of(story.merged).collect_schema()
    measures = _measures(story.lineage())
    return _table(
        ["column", "type", "meaning"],
        [[f"`{name}`", kind_of(kind), _meaning(name, list(schema), measures)] for name, kind in schema.items()],
    )


def _measures(chapters: Sequence[Chapter]) -> dict[str, str]:
    """What each filter's column is, with the bounds it was kept within."""
    found = {}
    for chapter in chapters:
        for kept in chapter.measures:
            told = [f"{word} {kept[word]:g}" for word in ("min", "max") if kept.get(word) is not None]
            told += [f"{name} {value}" for name, value in kept.get("settings", {}).items() if _telling(value)]
            said = f" ({', '.join(told)})" if told else ""
            found[kept["column"]] = f"measure of the filter {kept['name']} in `{chapter.name}`{said}"
    return found


def _telling(value: Any) -> bool:
    """Whether a setting says something to a reader; what stands for a file's content does not."""
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) < 40)


def _meaning(name: str, names: list[str], measures: dict[str, str]) -> str:
    for suffix, what in (("_status", "what {} decided, in a word"), ("_detail", "what {} compared")):
        if name.endswith(suffix) and f"{name.removesuffix(suffix)}_status" in names:
            return what.format(f"`{name.removesuffix(suffix)}`")
    if f"{name}_status" in names:
        return f"the score {name} gave, null where it did not or could not decide"
    found = next((other for other in names if f"{other}_status" in names and name.startswith(f"{other}_")), None)
    if found:
        return f"{name.removeprefix(found)[1:].replace('_', ' ')}, as `{found}` found it"
    return MEANINGS.get(name) or measures.get(name) or "as its stage wrote it"


def _made(story: Story) -> str:
    lineage = {chapter.name for chapter in story.lineage()}
    lines = [_step(line) for line in funnel(story.chapters) if line.name in lineage]
    passed = [
        f"- `{rate.stage}`: {rate.verifier} {'passes' if rate.grade is None else 'grades'} {rate.shown} "
        f"({said(rate.statuses)})"
        for rate in rates(story.lineage())
    ]
    models = [
        f"- `{name}`: {about.get('reference') or name} on the engine {about.get('engine')}"
        for name, about in story.models.items()
    ]
    parts = ["\n".join(lines)]
    if passed:
        parts.append("Pass rates and mean grades, over the rows that could be decided:\n\n" + "\n".join(passed))
    if models:
        parts.append("Models of the recipe:\n\n" + "\n".join(models))
    return "\n\n".join(parts)


def _step(line: Line) -> str:
    made = "a model" if line.rows is None else counted(line.rows, "row") + " out"
    dropped = f"; {line.dropped:,} dropped: {said(line.reasons)}" if line.dropped else ""
    return _plain(f"1. `{line.name}` ({line.kind}): {counted(line.entered, 'row')} in, {made}{dropped}")


def _loading() -> str:
    return (
        "```python\nfrom datasets import load_dataset\n\n"
        'rows = load_dataset("path/to/this/folder", split="train")  # or its id on the hub\n```\n\n'
        "```python\nimport polars as pl\n\n"
        'rows = pl.read_parquet("path/to/this/folder/data/*.parquet")\n```'
    )


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Other people's words in Markdown: one line, no tags."""
    return " ".join(str(text).split()).replace("<", "&lt;")
