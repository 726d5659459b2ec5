from __future__ import annotations

import io

from rich.console import Console

from datafactory.report.funnel import funnel, rates, summary
from datafactory.story import Story
from tests.report.stories import read


def test_each_stage_is_counted_from_its_files(told: Story) -> None:
    lines = {line.name: line for line in funnel(told.chapters)}
    for chapter in told.chapters:
        if chapter.kind == "distill":
            assert lines[chapter.name].rows is None
            continue
        assert lines[chapter.name].rows == read(chapter.dataset).height
        lost = [row for table in chapter.rejected() for row in table["reason"]]
        assert lines[chapter.name].dropped == len(lost)
        assert lines[chapter.name].reasons == {reason: lost.count(reason) for reason in lost}


def test_rows_in_are_those_of_what_stands_under_from(told: Story) -> None:
    lines = {line.name: line for line in funnel(told.chapters)}
    assert lines["train"].entered == 24 + 4  # what a load kept and dropped
    assert lines["traces"].entered == 24  # problems, not rollouts
    assert lines["checked"].entered == 96
    assert lines["dataset"].entered == lines["accepted"].rows + lines["chat"].rows
    assert lines["student"].entered == lines["dataset"].rows


def test_a_pass_rate_leaves_out_what_was_not_decided(told: Story) -> None:
    rate = next(rate for rate in rates(told.chapters) if rate.verifier == "math")
    rewards = [reward for reward in read(told.chapters[3].dataset)["math"] if reward is not None]
    assert len(rewards) == 95 and rate.mean == sum(rewards) / 95
    assert rate.statuses["timeout"] == 1


def test_the_closing_summary_says_rows_reasons_and_rates(told: Story) -> None:
    out = io.StringIO()
    summary(told.chapters, Console(file=out, width=120))
    lines = {line.split()[0].rstrip(":"): line for line in out.getvalue().splitlines() if line.strip()}
    assert "3 duplicate, 1 gold answer not gradable by math" in lines["train"]
    assert "a model" in lines["student"]
    assert "over 95 decided rows, 1 undecided" in out.getvalue()
