"""The report: one self-contained HTML page. No network, no scripts; the same on a disk, in a mail, on a phone.

It answers in this order: what is this, what was thrown away and why, what is in it, can its verdicts be trusted, what
did it cost; then rows to read.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

from datafactory.leaks import leaks
from datafactory.report import figures
from datafactory.report.calibration import calibration
from datafactory.report.markup import Html, join, link, text
from datafactory.report.page_composition import composition
from datafactory.report.page_evaluation import evaluation
from datafactory.report.page_examples import examples
from datafactory.report.page_funnel import kept_and_dropped
from datafactory.report.page_head import head
from datafactory.report.page_languages import spoken
from datafactory.report.page_leaks import duplicates_and_leaks
from datafactory.report.page_lengths import token_lengths
from datafactory.report.page_measures import measures
from datafactory.report.page_stages import cost_and_time, counted_by_stages, models_and_versions
from datafactory.report.page_training import training
from datafactory.report.page_verdicts import verification
from datafactory.story import Story

MENU = {
    "funnel": "Dropped",
    "composition": "Composition",
    "lengths": "Lengths",
    "languages": "Languages",
    "verdicts": "Verdicts",
    "calibration": "Judges",
    "measures": "Filters",
    "leaks": "Leaks",
    "stages": "Cost",
    "counts": "Counts",
    "training": "Training",
    "evaluation": "Evaluation",
    "accepted": "Accepted",
    "rejected": "Rejected",
    "models": "Models",
}


def page(story: Story) -> str:
    """report.html of a published dataset."""
    measured = list(figures.measured(story))
    checked = leaks(story.merged.dataset)
    read = examples(story)
    parts = [
        kept_and_dropped(story, read.anchors),
        composition(story, checked),
        token_lengths(story),
        spoken(story),
        verification(story),
        calibration(story),
        measures(measured),
        duplicates_and_leaks(story, measured, checked),
        cost_and_time(story),
        counted_by_stages(story),
        training(story.chapters),
        evaluation(story.chapters),
        read.accepted,
        read.rejected,
        models_and_versions(story),
    ]
    foot = "The rows are in data/, what was dropped in rejected/, checksums in manifest.json."
    return whole(f"{story.recipe}: {story.merged.name}", head(story), parts, foot)


def whole(title: str, head: Html, parts: list[Html], foot: str) -> str:
    """The sections as one file."""
    return Template(_file("page.html")).substitute(
        title=text(title),
        style=_file("page.css") + _file("mathematics.css"),
        head=head,
        menu=_menu(parts),
        body=join(parts, "\n"),
        foot=text(foot),
    )


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _menu(parts: list[Html]) -> Html:
    there = [part.partition('<section id="')[2].partition('"')[0] for part in parts if part]
    return join(link(name, MENU[name]) for name in there)
