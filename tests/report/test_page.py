from __future__ import annotations

import re
from html.parser import HTMLParser

import polars as pl
import pytest

from datafactory.report.figures import groups, lengths, measured
from datafactory.report.page import page
from datafactory.report.page_models import series
from datafactory.story import Story
from tests.report.stories import LOSS, SCRIPT, read

VOID = {"meta", "rect", "line", "circle", "polyline", "br"}


class Reader(HTMLParser):
    """The page as a browser would take it: its elements, and the text of each section."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.at = ""
        self.feed(html)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "section":
            self.at = dict(attrs)["id"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text[self.at] = self.text.get(self.at, "") + " " + data


@pytest.fixture
def html(told: Story) -> str:
    return page(told)


def test_the_page_is_well_formed_and_needs_no_network(html: str) -> None:
    found = Reader(html)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in found.elements}
    for _, attributes in found.elements:
        assert all(value.startswith("#") for name, value in attributes.items() if name in ("href", "src") and value)
        assert not any(name.startswith("on") for name in attributes)
    assert "url(" not in html and "@import" not in html


def test_a_script_in_a_trace_is_text(html: str) -> None:
    assert SCRIPT not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert SCRIPT in Reader(html).text["accepted"] and SCRIPT in Reader(html).text["rejected"]


def test_every_reason_stands_in_the_funnel_with_its_count(told: Story, html: str) -> None:
    text = " ".join(Reader(html).text["funnel"].split())
    for chapter in told.lineage():
        for reason, count in chapter.dataset.manifest["reasons"].items():
            assert f"{count} {reason}" in text
    assert "96 in, 64 kept, 32 dropped (33.3 %)" in text


def test_statuses_and_rates_stand_among_the_verdicts(told: Story, html: str) -> None:
    text = Reader(html).text["verdicts"]
    rows = read(told.chapters[3].dataset)
    for name in ("math", "format"):
        for status, count in rows[f"{name}_status"].value_counts().iter_rows():
            assert f"{count} {status}" in text
        assert f"{rows[name].mean():.1%}".replace("%", " %") in text
    for domain in ("logic", "math"):
        mean = rows.filter(pl.col("domain") == domain)["math"].mean()
        assert f"{mean:.1%}".replace("%", " %").replace(".0 ", " ") in text


def test_group_rates_are_those_of_each_problem(told: Story) -> None:
    found = groups(told.chapters[3], "math")
    rewards: dict[str, list[float]] = {}
    for problem, reward in read(told.chapters[3].dataset).select("problem_id", "math").iter_rows():
        rewards.setdefault(problem, [])
        if reward is not None:
            rewards[problem].append(reward)
    means = [sum(group) / len(group) for group in rewards.values()]
    assert found is not None
    assert (found.problems, found.never, found.always) == (24, means.count(0), means.count(1))
    near = [min(range(5), key=lambda at, mean=mean: abs(at / 4 - mean)) for mean in means]
    assert list(found.rates.counts) == [near.count(at) for at in range(5)]


def test_lengths_are_of_all_rollouts_and_of_the_published(told: Story) -> None:
    found = lengths(told)
    assert found is not None and found.accepted is not None
    sampled = list(read(told.chapters[2].dataset)["completion_tokens"])
    kept = [tokens for tokens in read(told.merged.dataset)["completion_tokens"] if tokens is not None]
    assert sum(found.sampled.counts) == len(sampled) and found.sampled.mean == pytest.approx(
        sum(sampled) / len(sampled)
    )
    assert sum(found.accepted.counts) == len(kept) and found.accepted.edges == found.sampled.edges


def test_measures_are_of_kept_and_dropped_with_their_bounds(told: Story, html: str) -> None:
    found = {measure.name: measure for measure in measured(told)}
    assert set(found) == {"repetition", "mine"}  # ./mine.py measures a column named mine
    assert (found["mine"].minimum, found["mine"].maximum) == (2, 900)
    assert sum(found["repetition"].everything.counts) == 96 and sum(found["repetition"].kept.counts) == 64
    text = Reader(html).text["measures"]
    assert re.search(r"max 0.5\s", text) and 'class="mark"' in html
    assert "min 2 and max 900 beyond what was measured" in text


def test_training_and_scores_are_shown(html: str) -> None:
    found = Reader(html)
    curve = next(attributes["points"] for tag, attributes in found.elements if tag == "polyline")
    assert curve and len(curve.split()) == len(LOSS)
    assert f"{LOSS[0][1]:.4g} at step 1" in found.text["training"]
    assert "12.5 %" in found.text["evaluation"] and "30 % to 60 %" in found.text["evaluation"]
    assert "412.5" in found.text["evaluation"]


def test_a_count_is_a_curve_only_when_every_point_is_one() -> None:
    assert series([[1, 0.5], [2, 0.25]]) == [(1, 0.5), (2, 0.25)]
    assert (
        series([[1, 0.5], [2]]) is None and series([]) is None and series("ab") is None and series([["a", 1]]) is None
    )


def test_examples_are_ten_of_each_from_every_domain_and_reason_the_same_each_time(told: Story, html: str) -> None:
    assert page(told) == html
    accepted, rejected = (
        html.partition(f'<section id="{name}">')[2].partition("</section>")[0] for name in ("accepted", "rejected")
    )
    assert accepted.count("<details") == 10 and rejected.count("<details") == 10
    for domain in ("math", "logic", "general"):
        assert f'"pill kept">{domain}<' in accepted
    for chapter in told.lineage():
        for reason in chapter.dataset.manifest["reasons"]:
            assert f'"pill dropped">{chapter.name}: {reason}<' in rejected


def test_a_long_trace_is_cut_and_says_so(told: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datafactory.report.page_examples.LONGEST", 30)
    assert re.search(r"… and \d+ more characters", page(told))
