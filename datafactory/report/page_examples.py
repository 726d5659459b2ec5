"""The report's examples: accepted and rejected traces, as they were written. All of it is other people's text."""

from __future__ import annotations

from datafactory.report.figures import rejected_files, shard_files
from datafactory.report.markup import Html, element, join, section, table, text
from datafactory.report.traces import Said, Trace, choose
from datafactory.report.units import number
from datafactory.store import REASON
from datafactory.story import Story

EACH = 10
LONGEST = 20_000  # characters shown of one text; a page with a few looping traces should still open on a phone


def examples(story: Story) -> list[Html]:
    """Two sections: what was accepted, spread over domains and sources; what was dropped, over stages and reasons."""
    accepted = choose(shard_files(story.merged), ("domain", "source"), EACH)
    rejected = choose(rejected_files(story.lineage()), (REASON,), EACH)
    return [
        section(
            "accepted", "Accepted", "Published rows, from every domain and source in turn.", *map(_accepted, accepted)
        ),
        section(
            "rejected", "Rejected", "Dropped rows, from every stage and reason in turn.", *map(_rejected, rejected)
        ),
    ]


def _accepted(trace: Trace) -> Html:
    return _trace(trace, element("span", trace.facts.get("domain") or "accepted", kind="pill kept"))


def _rejected(trace: Trace) -> Html:
    return _trace(trace, element("span", f"{trace.stage}: {trace.reason}", kind="pill dropped"))


def _trace(trace: Trace, pill: Html) -> Html:
    facts = [
        f"{name.replace('_', ' ')} {number(value) if name == 'completion_tokens' else value}"
        for name, value in trace.facts.items()
    ]
    heading = element("summary", pill, " ", element("span", _short(trace.question or "no question"), kind="q"))
    inside = [
        element("p", " · ".join([f"problem {trace.problem_id}", *facts]), kind="note"),
        element("p", element("b", "Why dropped: "), f"{trace.reason}. {trace.evidence or ''}", kind="why")
        if trace.reason
        else "",
        _block("Question", trace.question),
        _block("Thinking", trace.reasoning),
        _block("Response", trace.response),
        _block("Gold answer", trace.answer),
        _verdicts(trace.verdicts),
        element("p", " · ".join(f"{name} {number(value)}" for name, value in trace.measures.items()), kind="note"),
    ]
    return element("details", heading, element("div", *inside), kind="trace")


def _short(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= 120 else line[:119] + "…"


def _block(title: str, content: str | None) -> Html:
    if not content:
        return Html()
    left = len(content) - LONGEST
    more = element("p", f"… and {left:,} more characters in the row itself", kind="note") if left > 0 else ""
    body = Html(f'<pre dir="auto">{text(content[:LONGEST])}</pre>')
    return join([element("h4", title), body, more])


def _verdicts(verdicts: tuple[Said, ...]) -> Html:
    if not verdicts:
        return Html()
    rows = [[said.verifier, said.status, said.detail, number(said.reward)] for said in verdicts]
    return join([element("h4", "Verdicts"), table(["verifier", "status", "detail", "reward"], rows, words=3)])
