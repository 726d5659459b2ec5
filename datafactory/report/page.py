"""The report: one self-contained HTML page. No network, no scripts; the same on a disk, in a mail, on a phone."""

from __future__ import annotations

from importlib.resources import files
from string import Template

import polars as pl

from datafactory.report import charts
from datafactory.report.calibration import calibration
from datafactory.report.figures import TOKENS, mean_tokens, problems, rows_of, sampled, sampling
from datafactory.report.funnel import Line, funnel
from datafactory.report.markup import Html, element, join, section, table, text
from datafactory.report.page_examples import examples
from datafactory.report.page_models import evaluation, training
from datafactory.report.page_rows import composition, lengths, measures, verification
from datafactory.report.units import counted, duration, number, percent
from datafactory.story import Story


def page(story: Story) -> str:
    """report.html of a published dataset."""
    parts = [
        _funnel(story),
        verification(story),
        calibration(story),
        lengths(story),
        measures(story),
        composition(story),
        training(story),
        evaluation(story),
        *examples(story),
        _stages(story),
    ]
    shell = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return shell.substitute(
        title=text(f"{story.recipe}: {story.merged.name}"),
        style=files(__package__).joinpath("page.css").read_text(encoding="utf-8"),
        head=_head(story),
        menu=_menu(parts),
        body=join(parts, "\n"),
    )


def _head(story: Story) -> Html:
    merged = story.merged
    made = merged.dataset.manifest.get("started", "")[:10]
    lead = (
        f"{counted(merged.dataset.rows, 'training row')} about {counted(problems([merged]), 'problem')}, "
        f"from the recipe {story.recipe}" + (f", {made}" if made else "") + "."
    )
    return join([element("h1", story.recipe, element("span", f" / {merged.name}")), element("p", lead), _tiles(story)])


def _tiles(story: Story) -> Html:
    merged, rollouts = story.merged, sampled(sampling(story))
    tiles = [(number(merged.dataset.rows), "rows published"), (number(problems([merged])), "problems")]
    if rollouts:
        tiles.append((number(rollouts), "completions sampled"))
        tiles.append((percent(sampled([merged]) / rollouts), "of them published"))
    mean = mean_tokens(merged)
    if mean is not None:
        total = rows_of(merged).select(pl.col(TOKENS).cast(pl.Int64).sum()).collect().item()
        tiles += [(number(total), "tokens published"), (f"{mean:,.0f}", "tokens per completion")]
    return element(
        "dl", *(element("div", element("dt", what), element("dd", value)) for value, what in tiles), kind="tiles"
    )


def _menu(parts: list[Html]) -> Html:
    links = []
    for part in parts:
        if part:
            anchor = part.partition('id="')[2].partition('"')[0]
            title = part.partition("<h2>")[2].partition("</h2>")[0]
            links.append(Html(f'<a href="#{anchor}">{title}</a>'))
    return join(links)


def _funnel(story: Story) -> Html:
    lines = [line for line in funnel(story.chapters) if line.name in {chapter.name for chapter in story.lineage()}]
    most = max((line.rows or 0) + line.dropped for line in lines) or 1
    return section(
        "funnel",
        "Funnel",
        "What the published rows came through, stage by stage. A stage keeps a row or drops it with a reason; every "
        "dropped row is in rejected/.",
        element("ol", *(_step(line, most) for line in lines if line.rows is not None), kind="funnel"),
    )


def _step(line: Line, most: int) -> Html:
    rows = line.rows or 0
    held = rows + line.dropped
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
    reasons = [
        element("li", element("b", number(count)), " ", reason)
        for reason, count in sorted(line.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return element(
        "li",
        element(
            "div",
            element("b", line.name),
            element("span", line.kind, kind="kind"),
            element("span", ", ".join(made), kind="note"),
        ),
        Html(bar),
        element("ul", *reasons, kind="reasons") if reasons else "",
    )


def _stages(story: Story) -> Html:
    sources = {chapter.name: ", ".join(chapter.sources) or "-" for chapter in story.chapters}
    rows = []
    for line in funnel(story.chapters):
        speed = line.tokens / line.seconds if line.tokens and line.seconds else None
        made = "a model" if line.rows is None else number(line.rows)
        rate = "-" if speed is None else f"{speed:,.0f}"
        cells = [line.name, line.kind, sources[line.name], number(line.entered), made, number(line.dropped)]
        rows.append([*cells, duration(line.seconds), rate])
    headings = ["stage", "do", "from", "rows in", "rows out", "dropped", "time", "tokens/s"]
    models = [
        [name, *(about.get(key) or "-" for key in ("engine", "reference", "fingerprint"))]
        for name, about in story.models.items()
    ]
    versions = story.merged.dataset.manifest.get("packages", {})
    return section(
        "stages",
        "Stages and models",
        "Every finished stage of the recipe. The time is that of the run that finished it: what an interrupted run "
        "before it had done is not in it.",
        table(headings, rows, words=3),
        table(["model", "engine", "weights", "identity"], [[*row[:3], str(row[3])[:16]] for row in models], words=4)
        if models
        else "",
        element("p", ", ".join(f"{name} {version}" for name, version in versions.items()), kind="note"),
    )
