"""The report's first section: what became of every row, and why."""

from __future__ import annotations

from collections.abc import Mapping

from datafactory.report import charts
from datafactory.report.figures import columns_of
from datafactory.report.funnel import Line, funnel
from datafactory.report.markup import Html, element, join, link, section
from datafactory.report.reasons import meanings
from datafactory.report.units import counted, named, number, percent, share
from datafactory.story import Chapter, Story

SHOWN = 60  # reasons
Anchors = Mapping[tuple[str, str], str]


def candidates(story: Story) -> tuple[int, int]:
    """(dropped, all): the rows with a completion that the lineage had, those that are published among them, once."""
    dropped = sum(chapter.dataset.dropped for chapter in story.lineage() if _answered(chapter))
    return dropped, dropped + story.merged.dataset.rows - copies(story)


def copies(story: Story) -> int:
    """The published rows that a mixture repeats."""
    return sum(split.get("copies", 0) for split in story.merged.counts.get("splits", {}).values())


def _answered(chapter: Chapter) -> bool:
    return "response" in columns_of(chapter)


def kept_and_dropped(story: Story, anchors: Anchors) -> Html:
    """anchors: the example of each (stage, reason), where the page has one."""
    dropped, whole = candidates(story)
    return section(
        "funnel",
        "What was kept, what was dropped, and why",
        "Every dropped row is in rejected/ with the stage, the reason and the evidence; a row counts once, under the "
        "first reason that it met.",
        _outcome(dropped, whole, copies(story)),
        _reasons(story, whole, anchors),
        element("h3", "Stage by stage"),
        _stages(story),
    )


def _outcome(dropped: int, whole: int, repeated: int) -> Html:
    published = whole - dropped
    parts = [
        (published / whole if whole else 0, "kept", f"{published:,} published"),
        (dropped / whole if whole else 0, "dropped", f"{dropped:,} dropped"),
    ]
    told = [
        element(
            "span",
            element("b", number(published)),
            f" published ({percent(published / whole if whole else None)})",
            f" and {number(repeated)} more as copies" if repeated else "",
            kind="said kept",
        ),
        element(
            "span",
            element("b", number(dropped)),
            f" dropped ({percent(dropped / whole if whole else None)})",
            kind="said dropped",
        ),
    ]
    return element("div", Html(charts.bar(parts)), element("p", *told, kind="ends"), kind="outcome")


def _reasons(story: Story, whole: int, anchors: Anchors) -> Html:
    """Every reason, the most frequent first."""
    known = meanings(story.lineage())
    found = [
        (count, chapter, reason)
        for chapter in story.lineage()
        for reason, count in chapter.dataset.manifest.get("reasons", {}).items()
    ]
    found.sort(key=lambda each: (-each[0], each[1].name, each[2]))
    most = max((count for count, *_ in found), default=1)
    lines = []
    for count, chapter, reason in found[:SHOWN]:
        answered = _answered(chapter)
        part = share(count / whole) if answered and whole else "problem" if count == 1 else "problems"
        anchor = anchors.get((chapter.name, reason))
        lines.append(
            element(
                "li",
                element("b", number(count), kind="count"),
                element("span", part, kind="share"),
                Html(charts.bar([(1, "dropped", f"{count:,} {'rows' if answered else 'problems'}")], count / most)),
                element(
                    "div",
                    element("b", named(reason)),
                    element("span", chapter.name, kind="kind"),
                    link(anchor, "see one") if anchor else "",
                    element("p", known[chapter.name, reason], kind="note") if (chapter.name, reason) in known else "",
                    kind="why",
                ),
            )
        )
    if not lines:
        return element("p", "Nothing was dropped.", kind="note")
    if len(found) > SHOWN:
        rest = sum(count for count, *_ in found[SHOWN:])
        lines.append(
            element("li", element("b", number(rest), kind="count"), f"for {len(found) - SHOWN:,} more reasons")
        )
    return join([element("h3", "Why rows were dropped"), element("ol", *lines, kind="causes")])


def _stages(story: Story) -> Html:
    names = {chapter.name for chapter in story.lineage()}
    lines = [line for line in funnel(story.chapters) if line.name in names and line.rows is not None]
    most = max((line.held for line in lines), default=1) or 1
    return element("ol", *(_step(line, most) for line in lines), kind="funnel")


def _step(line: Line, most: int) -> Html:
    rows, held = line.rows or 0, line.held
    bar = charts.bar(
        [
            (rows / held if held else 0, "kept", f"{rows:,} kept"),
            (line.dropped / held if held else 0, "dropped", f"{line.dropped:,} dropped"),
        ],
        held / most,
    )
    made = [f"{number(line.entered)} in", f"{number(rows)} {'kept' if line.entered == held else 'out'}"]
    if line.dropped:
        made.append(f"{number(line.dropped)} dropped ({percent(line.dropped / held)})")
    head = [
        element("b", line.name),
        element("span", line.kind, kind="kind"),
        element("span", ", ".join(made), kind="note"),
    ]
    return element("li", element("div", *head), Html(bar))


def main_reasons(story: Story, count: int = 3) -> list[str]:
    """`“repetition above 0.25” (541)`, the most frequent first, a reason of several stages once."""
    sums: dict[str, int] = {}
    for chapter in story.lineage():
        for reason, number_of in chapter.dataset.manifest.get("reasons", {}).items():
            sums[reason] = sums.get(reason, 0) + number_of
    ordered = sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[:count]
    return [f"“{reason}” ({number(rows)})" for reason, rows in ordered]


def lost_problems(story: Story) -> str:
    """`4 problems`, those that were set aside before a model was asked; empty where there are none."""
    lost = sum(chapter.dataset.dropped for chapter in story.lineage() if not _answered(chapter))
    return counted(lost, "problem") if lost else ""
