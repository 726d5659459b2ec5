"""The card's account of how the data was made: stages, models, judges, what was dropped, what is missing."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from datafactory.report.calibration import HEADINGS, correlated, lines
from datafactory.report.figures import columns_of, rows_of
from datafactory.report.funnel import Line, funnel, rates, said
from datafactory.report.markdown import plain, table
from datafactory.report.units import counted, number, percent
from datafactory.story import Chapter, Story

REASONS_SHOWN = 20  # of a stage; rejected/ has the rows of all
COMPARING = {
    "contamination": "with benchmarks by n-grams",
    "paraphrase": "with benchmarks by meaning",
    "near_duplicates": "with each other for near duplicates",
    "pii": "for personal data",
}


def made(story: Story) -> str:
    lineage = {chapter.name for chapter in story.lineage()}
    steps = [_step(line) for line in funnel(story.chapters) if line.name in lineage]
    passed = [
        f"- `{rate.stage}`: {rate.verifier} {'passes' if rate.grade is None else 'grades'} {rate.shown} "
        f"({said(rate.statuses)})"
        for rate in rates(story.lineage())
    ]
    models = [
        f"- `{name}`: {about.get('reference') or name} on the engine {about.get('engine')}"
        for name, about in story.models.items()
    ]
    parts = ["\n".join(steps)]
    if passed:
        parts.append("Pass rates and mean grades, over the rows that could be decided:\n\n" + "\n".join(passed))
    if models:
        parts.append("Models of the recipe:\n\n" + "\n".join(models))
    return "\n\n".join(parts)


def _step(line: Line) -> str:
    made = "a model" if line.rows is None else counted(line.rows, "row") + " out"
    dropped = f"; {line.dropped:,} dropped" if line.dropped else ""
    return plain(f"1. `{line.name}` ({line.kind}): {counted(line.entered, 'row')} in, {made}{dropped}")


def dropped(story: Story) -> str:
    """Every reason of every stage of the lineage, with its rows."""
    rows = []
    for chapter in story.lineage():
        reasons = sorted(chapter.dataset.manifest.get("reasons", {}).items(), key=lambda pair: (-pair[1], pair[0]))
        rows += [[f"`{chapter.name}`", reason, f"{count:,}"] for reason, count in reasons[:REASONS_SHOWN]]
        if left := reasons[REASONS_SHOWN:]:
            rows.append([f"`{chapter.name}`", f"{len(left)} more reasons", f"{sum(count for _, count in left):,}"])
    if not rows:
        return "No row was dropped."
    return f"{table(['stage', 'reason', 'rows'], rows)}\n\nThe rows themselves are in `rejected/`, with evidence."


def judged(story: Story) -> str:
    """How each judge did against a rule verifier, where a stage of the recipe compared them; empty otherwise."""
    parts = []
    for chapter in story.chapters:
        if found := chapter.counts.get("calibration"):
            kappa = f"Cohen's kappa: {number(found['kappa'])}."
            heading = f"`{chapter.name}`: {found['judge']} against {found['against']}. {kappa}"
            parts.append(f"{plain(heading)}\n\n{table(HEADINGS, lines(found))}")
        if found := chapter.counts.get("correlation"):
            parts.append(plain(f"`{chapter.name}`: {correlated(found)}."))
    return "\n\n".join(parts)


def limits(story: Story) -> str:
    """What a reader has to know, counted from the rows and the recipe."""
    return "\n".join(f"- {limit}" for limit in (*_of_rows(story.merged), *_of_recipe(story)))


def _of_rows(merged: Chapter) -> Iterator[str]:
    names, rows = columns_of(merged), merged.dataset.rows
    scores = [name.removesuffix("_status") for name in names if name.endswith("_status")]
    scores = [name for name in scores if name in names]
    asked = {
        "unsolved": pl.col("solution").is_null() if "solution" in names else pl.lit(False),
        "cut": (pl.col("finish_reason") == "length") if "finish_reason" in names else pl.lit(False),
        "bare": pl.col("reasoning").is_null() if "reasoning" in names else pl.lit(False),
        "unchecked": pl.all_horizontal(pl.col(name).is_null() for name in scores) if scores else pl.lit(True),
        "copies": (pl.col("copy") > 0) if "copy" in names else pl.lit(False),
    }
    counts = rows_of(merged).select(pl.len(), *(expression.sum().alias(name) for name, expression in asked.items()))
    found = {name: count or 0 for name, count in counts.collect().row(0, named=True).items()}
    if not scores:
        yield "No verifier and no judge scored these rows."
    elif found["unchecked"]:
        yield f"{_share(found['unchecked'], rows)} carry no verdict of any verifier or judge."
    if scores:
        told = ", ".join(f"`{name}`" for name in scores)
        yield f"What was scored is {told}; the steps of the reasoning were not."
    if found["unsolved"]:
        yield f"{_share(found['unsolved'], rows)} have no gold answer."
    if found["bare"]:
        yield f"{_share(found['bare'], rows)} have no thinking."
    if found["cut"]:
        yield f"{_share(found['cut'], rows)} were cut by the token budget."
    if found["copies"]:
        yield f"{_share(found['copies'], rows)} are further copies of a row, which the mixture asks for."


def _share(count: int, rows: int) -> str:
    return f"{count:,} of {rows:,} rows ({percent(count / rows)})"


def _of_recipe(story: Story) -> Iterator[str]:
    used = {kept["name"] for chapter in story.lineage() for kept in chapter.measures}
    for name, what in COMPARING.items():
        if name not in used:
            yield f"No stage compared or searched the rows {what} (`{name}`)."
    if names := sorted(name for name in used & COMPARING.keys()):
        yield f"What {', '.join(f'`{name}`' for name in names)} did not find can still be there."
