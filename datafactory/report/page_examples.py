"""The report's examples: accepted and rejected traces, mathematics drawn. All of it is other people's text."""

from __future__ import annotations

from dataclasses import dataclass

from datafactory.report.figures import rejected_files, shard_files
from datafactory.report.markup import Html, element, join, section, table, text
from datafactory.report.mathematics import with_mathematics
from datafactory.report.reasons import meanings
from datafactory.report.traces import Said, Trace, choose
from datafactory.report.units import named, number
from datafactory.store import REASON
from datafactory.story import Story

ACCEPTED = 12
REJECTED = (10, 30)  # at least so many, and one of each reason up to so many
LONGEST = {"Question": 3000, "Thinking": 6000, "Response": 4000, "Gold answer": 1000}  # characters shown of a text
END = 0.3  # of what is shown of a long text is its end
ROOM = 1_500_000  # characters of markup, beyond which mathematics is shown as it was written


@dataclass
class Examples:
    """The two sections, and the anchor of an example of each (stage, reason)."""

    accepted: Html
    rejected: Html
    anchors: dict[tuple[str, str], str]


def examples(story: Story) -> Examples:
    """What was accepted, spread over domains and sources; what was dropped, over stages and reasons."""
    reasons = sum(len(chapter.dataset.manifest.get("reasons", {})) for chapter in story.lineage())
    least, most = REJECTED
    accepted = choose(shard_files(story.merged), ("domain", "source"), ACCEPTED)
    rejected = choose(rejected_files(story.lineage()), (REASON,), min(max(least, reasons), most))
    known = meanings(story.lineage())
    room = ROOM
    shown: list[Html] = []
    anchors: dict[tuple[str, str], str] = {}
    for place, trace in enumerate([*accepted, *rejected]):
        anchor = f"trace-{place + 1}"
        if trace.reason:
            anchors.setdefault((trace.stage, trace.reason), anchor)
        means = known.get((trace.stage, trace.reason or ""), "")
        shown.append(_trace(trace, anchor, means, drawn=room > 0))
        room -= len(shown[-1])
    return Examples(
        section(
            "accepted",
            "Accepted rows to read",
            "Published rows, from every domain and source in turn; the same ones whenever this page is made.",
            *shown[: len(accepted)],
        ),
        section(
            "rejected",
            "Dropped rows to read",
            "From every stage and reason in turn, each with why it was dropped.",
            *shown[len(accepted) :],
        ),
        anchors,
    )


def _trace(trace: Trace, anchor: str, means: str, drawn: bool) -> Html:
    kind, pill = (
        ("dropped", f"{trace.stage}: {named(trace.reason)}")
        if trace.reason
        else ("kept", named(trace.facts.get("domain") or "accepted", 40))
    )
    heading = element(
        "summary",
        element("span", pill, kind=f"pill {kind}"),
        element("span", _words(_short(trace.question or "-"), drawn), kind="q"),
    )
    facts = [
        f"{name.replace('_', ' ')} {number(value) if name == 'completion_tokens' else named(str(value))}"
        for name, value in trace.facts.items()
    ]
    inside = [
        # inside what is folded: a link to it unfolds it
        Html(f'<a id="{anchor}"></a>'),
        element("p", element("b", "Why dropped: "), _cut(trace.reason), f" ({means})" if means else "", kind="why")
        if trace.reason
        else "",
        element("p", element("b", "Evidence: "), _words(_cut(trace.evidence), drawn), kind="why")
        if trace.evidence
        else "",
        _block("Question", trace.question, drawn, trace),
        _block("Thinking", trace.reasoning, drawn, trace),
        _block("Response", trace.response, drawn, trace),
        _block("Gold answer", trace.answer, drawn, trace),
        _verdicts(trace.verdicts),
        element("p", " · ".join(f"{name} {number(value)}" for name, value in trace.measures.items()), kind="note"),
        element("p", " · ".join(facts), kind="note"),
        _whole(trace),
    ]
    return element("details", heading, element("div", *inside), kind="trace")


def _whole(trace: Trace) -> Html:
    name = trace.trace_id or trace.problem_id
    if not name:
        return Html()
    return element(
        "p", "Its whole history, in this folder: ", element("code", f"datafactory inspect . --id {name}"), kind="note"
    )


def _short(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= 120 else line[:119] + "…"


def _cut(words: str) -> str:
    return words if len(words) <= 600 else words[:599] + "…"


def _block(title: str, content: str | None, drawn: bool, trace: Trace) -> Html:
    if not content:
        return Html()
    parts = []
    longest = LONGEST[title]
    if len(content) <= longest:
        parts.append(_words(content, drawn))
    else:
        end = round(END * longest)
        left = len(content) - longest
        name = trace.trace_id or trace.problem_id
        where = f"; datafactory inspect . --id {name} shows all" if name else ""
        parts += [
            _words(content[: longest - end], drawn),
            element("p", f"… {left:,} of {len(content):,} characters left out here{where} …", kind="gap"),
            _words(content[-end:], drawn),
        ]
    body = Html(f'<div class="text" dir="auto" tabindex="0">{join(parts)}</div>')
    return join([element("h4", title), body])


def _words(content: str, drawn: bool) -> Html:
    return with_mathematics(content) if drawn else text(content)


def _verdicts(verdicts: tuple[Said, ...]) -> Html:
    if not verdicts:
        return Html()
    rows = [[said.verifier, said.status, _cut(said.detail), number(said.reward)] for said in verdicts]
    return join([element("h4", "Verdicts"), table(["verifier", "status", "detail", "reward"], rows, words=3)])
