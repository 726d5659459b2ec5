"""The report's head: what this is in three sentences, and the numbers that one looks for first."""

from __future__ import annotations

import polars as pl

from datafactory.report.figures import TOKENS, columns_of, problems, rows_of, sampled, sampling, token_column
from datafactory.report.markup import Html, element, join
from datafactory.report.page_funnel import candidates, lost_problems, main_reasons
from datafactory.report.units import counted, duration, money, number, percent, short
from datafactory.story import Story


def head(story: Story) -> Html:
    title = element("h1", story.recipe, element("span", f" / {story.merged.name}"))
    return join([title, element("p", " ".join(_sentences(story)), kind="about"), tiles(story)])


def _sentences(story: Story) -> list[str]:
    merged = story.merged
    made = merged.dataset.manifest.get("started", "")[:10]
    dropped, whole = candidates(story)
    written = sampled(sampling(story))
    said = [
        f"This dataset is {counted(merged.dataset.rows, 'row')} to train a language model on, each a question with an "
        f"answer and, where there was any, the thinking before it, about {counted(problems([merged]), 'problem')}; "
        f"datafactory made it from the recipe {story.recipe}{f' on {made}' if made else ''}."
    ]
    came = [f"{counted(written, 'completion')} written by models"] if written else []
    loaded = whole - written
    if loaded > 0:
        came.append(f"{counted(loaded, 'finished row')} taken from files")
    reasons = main_reasons(story)
    if dropped:
        said.append(
            f"Of {' and '.join(came)}, {number(dropped)} ({percent(dropped / whole)}) "
            f"{'was' if dropped == 1 else 'were'} thrown away, mostly for: {', '.join(reasons)}."
        )
    else:
        said.append(f"It came from {' and '.join(came)}, and no row was thrown away.")
    aside = lost_problems(story)
    said.append(
        "Below is what was dropped and why, what is in the data, how far its verdicts can be trusted and what it cost"
        + (f"; {aside} could not be used and never reached a model." if aside else ".")
    )
    return said


def tiles(story: Story) -> Html:
    merged = story.merged
    dropped, whole = candidates(story)
    found = [(number(merged.dataset.rows), "rows published"), (number(problems([merged])), "problems")]
    domains = (
        rows_of(merged).select(pl.col("domain").n_unique()).collect().item() if "domain" in columns_of(merged) else 0
    )
    if domains > 1:
        found.append((number(domains), "domains"))
    if dropped:
        found.append((percent(dropped / whole), f"dropped: {number(dropped)} of {number(whole)}"))
    column = token_column(merged)
    if column:
        total, mean = (
            rows_of(merged)
            .select(pl.col(column).cast(pl.Int64).sum(), pl.col(column).mean().alias("mean"))
            .collect()
            .row(0)
        )
        if mean is not None:
            what = "completion tokens" if column == TOKENS else "tokens"
            found.append((short(total), f"{what}, {mean:,.0f} a row"))
    cost = sum(chapter.dataset.manifest.get("spent", {}).get("cost", 0) for chapter in story.lineage())
    if cost:
        found.append((money(cost), "spent, in the prices' currency"))
    seconds = sum(chapter.dataset.manifest.get("seconds") or 0 for chapter in story.lineage())
    found.append((duration(seconds), "of building"))
    return element(
        "dl", *(element("div", element("dt", what), element("dd", value)) for value, what in found), kind="tiles"
    )
