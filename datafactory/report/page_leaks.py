"""The report's section on duplicates and leaks: what was found and dropped, and whether any is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from datafactory.leaks import Leaks
from datafactory.report.figures import Measured, rejected_files
from datafactory.report.markup import Html, element, join, section, table, text
from datafactory.report.mathematics import with_mathematics
from datafactory.report.page_funnel import copies
from datafactory.report.reasons import meaning
from datafactory.report.units import counted, number
from datafactory.store import EVIDENCE, REASON
from datafactory.story import Chapter, Story

FILTERS = ("duplicates", "near_duplicates", "paraphrase", "contamination")
SAME_TEXT = ("duplicate", "the same text")  # how the stages begin that reason
WORST = 3
SHOWN = 300  # characters


@dataclass(frozen=True)
class Found:
    """A row that was dropped for it: how much it measured, its question, what it matched."""

    value: float | None
    question: str
    evidence: str


def duplicates_and_leaks(story: Story, measured: Iterable[Measured], checked: Leaks) -> Html:
    whole = [found for found in measured if found.filter in FILTERS]
    exact = [
        (chapter, reason, count)
        for chapter in story.lineage()
        for reason, count in chapter.dataset.manifest.get("reasons", {}).items()
        if reason.startswith(SAME_TEXT)
    ]
    by_name = {chapter.name: chapter for chapter in story.lineage()}
    return section(
        "leaks",
        "Duplicates and leaks",
        "What stood twice or stands in an evaluation set, found by the filters and dropped; and what a check of the "
        "published rows themselves finds.",
        _checked(checked, copies(story) > 0),
        *(_same(chapter, reason, count) for chapter, reason, count in exact),
        *(_found(by_name[found.stage], found) for found in whole),
    )


def _checked(found: Leaks, copied: bool) -> Html:
    """What the rows say now."""
    lines = []
    if found.repeated is not None:
        but = ", but for copies that the mixture asks for" if copied else ""
        lines.append(
            (not found.repeated, f"No row stands twice{but}.", f"{counted(found.repeated, 'row')} stand twice.")
        )
    if found.split:
        apart = " and ".join(name for name in found.rows if name != "train")
        lines.append(
            (
                not found.shared_problems and not found.shared_questions,
                f"No problem and no question of {apart} stands in train, without case, spaces and punctuation.",
                f"{counted(found.shared_problems, 'problem')} and {counted(found.shared_questions, 'question')} of "
                f"{apart} stand in train as well.",
            )
        )
    marks = {True: ("good", "✓"), False: ("bad", "✗")}
    return element(
        "ul",
        *(
            element("li", element("b", marks[good][1], kind=marks[good][0]), text(yes if good else no))
            for good, yes, no in lines
        ),
        kind="checks",
    )


def _same(chapter: Chapter, reason: str, count: int) -> Html:
    return element("p", element("b", number(count)), f" dropped in {chapter.name}: {reason}", kind="found")


def _found(chapter: Chapter, found: Measured) -> Html:
    what = meaning(f"{found.name} above", {found.name: found.filter})
    head = element("h3", found.name, element("span", chapter.name, kind="kind"))
    note = element(
        "p",
        f"{what}. " if what else "",
        f"{number(found.beyond)} of {number(found.rows)} rows beyond the bound.",
        kind="note",
    )
    rows = [
        [number(row.value), with_mathematics(row.question), with_mathematics(row.evidence)]
        for row in worst(chapter, found.name)
    ]
    examples = (
        Html(
            str(table(["measure", "question", "what it matched"], rows, words=3)).replace(
                'class="wide"', 'class="wide texts"'
            )
        )
        if rows
        else ""
    )
    return join([head, note, examples])


def worst(chapter: Chapter, column: str, most: int = WORST) -> list[Found]:
    """The rows that were dropped for it, those that measured most first; the numbers alone tell which to read."""
    tops = []
    for _, path in rejected_files([chapter]):
        table = pl.scan_parquet(path).select(column, REASON).with_row_index("row")
        table = table.filter(pl.col(REASON).str.starts_with(f"{column} ")).drop(REASON)
        top = table.sort(column, "row", descending=[True, False], nulls_last=True).head(most).collect()
        tops += [(value, path, row) for row, value in top.iter_rows()]
    tops.sort(key=lambda each: (-(each[0] if each[0] is not None else float("-inf")), str(each[1]), each[2]))
    found = []
    for value, path, row in tops[:most]:
        names = [name for name in ("question", EVIDENCE) if name in pl.read_parquet_schema(path)]
        cells = pl.scan_parquet(path).select(names).slice(row, 1).collect().row(0, named=True)
        found.append(Found(value, _short(cells.get("question")), _short(cells.get(EVIDENCE))))
    return found


def _short(words: str | None) -> str:
    line = " ".join((words or "").split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
