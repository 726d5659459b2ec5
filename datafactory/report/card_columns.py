"""The card's table of columns: what each is, in a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datafactory.report.figures import rows_of
from datafactory.report.markdown import table
from datafactory.report.units import kind_of
from datafactory.story import Chapter, Story

MEANINGS = {
    "messages": "the conversation: the user's turn, and the assistant's, its thinking between think tags",
    "problem_id": "a hash of the problem's content; equal for all rollouts of a problem",
    "trace_id": "a hash of the problem and of what was answered; equal in every stage that left the row as it was",
    "parent_id": "the `trace_id` of the row this one was rewritten from, null where it is as it was made",
    "problem": "the question",
    "solution": "the gold answer, null where there is none",
    "solution_from": "`gold`, or `majority` where the group's most common answer stands in for a gold answer",
    "reasoning": "the thinking, null where the model did not think",
    "response": "what follows the thinking",
    "history": "the turns before the question, as a JSON list of {role, content}",
    "choices": "the options of a multiple-choice question, as a JSON list",
    "tests": "what a code verifier runs, as JSON",
    "domain": "the kind of problem",
    "category": "the kind of problem, finer than its domain",
    "source": "where the problem is from",
    "license": "the licence of the problem's source",
    "language": "the language of the problem",
    "meta": "the other columns of the source, as JSON",
    "model": "the model that wrote the completion",
    "rollout": "which of the problem's completions this is, from 0",
    "copy": "which copy of the row this is, from 0, where a mixture takes rows more than once",
    "tokens": "the conversation's length by the tokenizer that the merge names",
    "completion_tokens": "the completion's length by the model's own tokenizer",
    "prompt_tokens": "the prompt's length",
    "generation": "the sampling this completion came from",
    "majority": "the most common final answer of the problem's completions, null on a tie or where too few agree",
    "majority_votes": "how many completions give the most common answer",
    "majority_share": "their share of the problem's completions",
    "agrees": "1 where this completion gives the majority answer, 0 where it does not, null where there is none",
    "finish_reason": "`stop`, or `length` where the token budget cut the completion",
    "error": "what went wrong while the completion was made, null where nothing did",
}


def columns(story: Story) -> str:
    schema = rows_of(story.merged).collect_schema()
    measures = _measures(story.lineage())
    return table(
        ["column", "type", "meaning"],
        [[f"`{name}`", kind_of(kind), _meaning(name, list(schema), measures)] for name, kind in schema.items()],
    )


def _measures(chapters: Sequence[Chapter]) -> dict[str, str]:
    """What each filter's column is, with the bounds it was kept within."""
    found = {}
    for chapter in chapters:
        for kept in chapter.measures:
            told = [f"{word} {kept[word]:g}" for word in ("min", "max") if kept.get(word) is not None]
            told += [f"{name} {value}" for name, value in kept.get("settings", {}).items() if _telling(value)]
            said = f" ({', '.join(told)})" if told else ""
            found[kept["column"]] = f"measure of the filter {kept['name']} in `{chapter.name}`{said}"
    return found


def _telling(value: Any) -> bool:
    """Whether a setting says something to a reader; what stands for a file's content does not."""
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) < 40)


def _meaning(name: str, names: list[str], measures: dict[str, str]) -> str:
    for suffix, what in (("_status", "what {} decided, in a word"), ("_detail", "what {} compared")):
        if name.endswith(suffix) and f"{name.removesuffix(suffix)}_status" in names:
            return what.format(f"`{name.removesuffix(suffix)}`")
    if f"{name}_status" in names:
        return f"the score {name} gave, null where it did not or could not decide"
    found = next((other for other in names if f"{other}_status" in names and name.startswith(f"{other}_")), None)
    if found:
        return f"{name.removeprefix(found)[1:].replace('_', ' ')}, as `{found}` found it"
    return MEANINGS.get(name) or measures.get(name) or "as its stage wrote it"
