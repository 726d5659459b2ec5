"""The report of a recipe that trains or scores models: outputs/<recipe>/report.html, beside those of its datasets."""

from __future__ import annotations

from collections.abc import Sequence

from datafactory.report.markup import element, join, section, table
from datafactory.report.page import whole
from datafactory.report.page_evaluation import evaluation
from datafactory.report.page_training import is_model, training
from datafactory.report.units import counted, duration, number
from datafactory.story import Chapter


def results(recipe: str, chapters: Sequence[Chapter]) -> str | None:
    """The page; None where no model was trained or scored."""
    trained = [chapter for chapter in chapters if is_model(chapter)]
    scored = [chapter for chapter in chapters if chapter.counts.get("scores")]
    if not trained and not scored:
        return None
    took = sum(chapter.dataset.manifest.get("seconds") or 0 for chapter in chapters)
    made = f"{counted(len(trained), 'model')} trained and {counted(len(scored), 'evaluation')} made"
    said = (
        f"{made} by the recipe {recipe}, in {duration(took)} of all its stages. What its datasets are made of is in "
        "the reports of their own folders."
    )
    head = join([element("h1", recipe, element("span", " / models")), element("p", said, kind="about")])
    rows = [
        (chapter.name, chapter.kind, number(chapter.dataset.rows), duration(chapter.dataset.manifest.get("seconds")))
        for chapter in chapters
    ]
    stages = table(("stage", "kind", "rows", "time"), rows, words=2)
    parts = [
        evaluation(chapters),
        training(chapters),
        section(
            "stages",
            "Time",
            "Each finished stage, in page order; a stage that was finished before took no time now.",
            stages,
        ),
    ]
    return whole(f"{recipe}: models", head, parts, "Each stage's rows or model are beside this page.")
