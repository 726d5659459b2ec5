"""A history in words, for a terminal, and as one JSON object."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from datafactory.report.history import PUBLISHED, History, Passage, Rollout
from datafactory.report.source_line import source_line
from datafactory.report.spelling import block, say
from datafactory.report.traces import trace_of
from datafactory.report.units import counted, number

WRITTEN = ("model", "completion_tokens", "finish_reason", "error")
TEXTS = ("question", "reasoning", "response")
# told elsewhere, or a column for every reader and no news
QUIET = {"messages", "problem_id", "trace_id", "parent_id", "generation", "prompt_tokens", "meta", "solution_from"}
QUIET |= {"rollout", *WRITTEN, *TEXTS, *PUBLISHED, *PUBLISHED.values(), "choices", "tests", "history"}
ORIGIN = ("domain", "category", "source", "license")
CHANGES, WIDE, SHORT = 8, 160, 80
SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")


def told(found: History, console: Console) -> None:
    say(console, f"{found.id} in {found.path}", "bold")
    if found.mine:
        say(console, standing(found.mine), "green" if found.mine.published else "yellow")
        if len(found.mine.ids) > 1:
            say(console, f"its ids: {' -> '.join(found.mine.ids)}")
    if found.missing:
        say(
            console,
            f"the folders of {', '.join(found.missing)} are not here (they are in outputs/store where the dataset was "
            "built): what follows is told by data/ and rejected/ alone",
            "dim",
        )
    if not found.stages[-1].kind:
        say(console, "no manifest beside the rows tells of the stages that they came through", "dim")
    _problem(found, console)
    _group(found, console)
    for passage in (*found.before, *(found.mine.passages if found.mine else ())):
        if passage.stage.kind:
            _passage(passage, console)
    if found.mine:
        row = found.mine.last.row
        console.rule(style="dim")
        block(console, "thinking", row.get("reasoning"))
        block(console, "response", row.get("response"))


def standing(rollout: Rollout) -> str:
    """`published: train-00003-of-00081.parquet, row 4112, split train` or what dropped it."""
    if rollout.published:
        places = [
            f"{passage.file.name}, row {passage.number:,}, split {passage.file.name.partition('-')[0]}"
            for passage in rollout.published
        ]
        copies = f"{counted(len(places), 'copy')}: ".replace("copys", "copies") if len(places) > 1 else ""
        return f"published: {copies}{'; '.join(places)}"
    last = rollout.last
    if last.reason:
        evidence = f" ({last.evidence})" if last.evidence else ""
        return f"dropped by {last.stage.name}: {last.reason}{evidence}"
    if not last.stage.kind:
        return f"{last.file.name}, row {last.number:,}"
    return f"kept by {last.stage.name}, and in no stage after it"


def _problem(found: History, console: Console) -> None:
    row = found.problem
    console.print()
    origin = [f"{name} {row[name]}" for name in ORIGIN if row.get(name) is not None]
    say(console, " · ".join([f"problem {found.id.problem}", *origin]), "bold cyan")
    block(console, "question", row.get("question"))
    block(console, "gold answer", row.get("answer"))


def _group(found: History, console: Console) -> None:
    if not found.rollouts:
        say(console, "no rollout of it is here")
        return
    say(console, counted(len(found.rollouts), "rollout") + " of it:")
    for each in found.rollouts:
        row = each.last.row
        facts = [f"{said.verifier} {number(said.reward)}" for said in trace_of(row).verdicts]
        if row.get("completion_tokens") is not None:
            facts.append(f"{row['completion_tokens']:,} tokens")
        mark = "▶" if each is found.mine else " "
        told = [f"{mark} {number(row.get('rollout')):>3}  {each.ids[-1]}", ", ".join(facts), standing(each)]
        say(console, "  ".join(part for part in told if part), "bold" if each is found.mine else "")


def _passage(passage: Passage, console: Console) -> None:
    stage = passage.stage
    console.print()
    outcome = f"dropped: {passage.reason}" if passage.reason else "kept"
    say(console, f"{stage.name} · {stage.kind} · {outcome}", "bold yellow" if passage.reason else "bold cyan")
    if passage.evidence:
        say(console, f"  {passage.evidence}")
    for line in words(passage):
        say(console, f"  {line}")


def words(passage: Passage) -> Iterator[str]:
    """What a stage added to a row or said of it, in lines."""
    stage, row, added = passage.stage, passage.row, passage.added
    if stage.kind == "load":
        origin = (stage.settings.get(key) for key in ("path", "dataset", "reasoning_gym", "self_cognition"))
        place = source_line(stage.settings, row.get("question"), stage.folder)
        yield f"from {place or next((name for name in origin if name), row.get('source'))}"
    if "completion_tokens" in added or "model" in added:
        yield ", ".join(f"{name} {row[name]}" for name in WRITTEN if row.get(name) is not None)
    if stage.settings.get("where"):
        yield f"where {stage.settings['where']}"
    if stage.settings.get("per_problem"):
        prefer = f", preferring {stage.settings['prefer']}" if stage.settings.get("prefer") else ""
        yield f"at most {stage.settings['per_problem']} of each problem{prefer}"
    if row.get("parent_id") and "trace_id" in added:
        yield f"{'edited' if stage.kind == 'review' else 'rewritten'}: {row['parent_id']} -> {row['trace_id']}"
    if passage.came is not None:
        for name in TEXTS:
            yield from _changes(name, passage.came.get(name), {**row, **added}.get(name))
    if stage.published and not passage.reason:
        yield f"into {passage.file}, row {passage.number:,}"
    told = set()
    for verdict in trace_of({**added}).verdicts:
        told |= {name for name in added if name == verdict.verifier or name.startswith(f"{verdict.verifier}_")}
        yield f"{verdict.verifier} {number(verdict.reward)}: {verdict.status} {verdict.detail}".rstrip()
    for name, (least, most) in stage.bounds.items():
        if name in row:
            told.add(name)
            ends = [f"{end} {limit:g}" for end, limit in (("min", least), ("max", most)) if limit is not None]
            yield f"{name} {number(row[name])} ({', '.join(ends) or 'no bound'})"
    for name, value in added.items():
        if name not in told and name not in QUIET and name not in ORIGIN and value not in (None, ""):
            yield f"{name} {_short(value)}"


def _changes(name: str, before: Any, after: Any) -> Iterator[str]:
    """The sentences that are other ones, a few of them."""
    if not isinstance(before, str) or not isinstance(after, str) or before == after:
        return
    old, new = ([part for part in SENTENCE.split(text) if part.strip()] for text in (before, after))
    lines = [line for line in difflib.ndiff(old, new) if line[:2] in ("- ", "+ ")]
    yield f"{name}: {len(before):,} -> {len(after):,} characters"
    for line in lines[:CHANGES]:
        yield f"  {line[:WIDE]}" + ("…" if len(line) > WIDE else "")
    if len(lines) > CHANGES:
        yield f"  … and {len(lines) - CHANGES:,} more sentences"


def _short(value: Any) -> str:
    text = number(value)
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def as_object(found: History) -> str:
    """The history as one line of JSON."""
    return json.dumps(
        {
            "problem_id": found.id.problem,
            "trace_id": found.id.trace,
            "problem": {name: found.problem.get(name) for name in ("question", "answer", *ORIGIN)},
            "standing": standing(found.mine) if found.mine else None,
            "missing": list(found.missing),
            "stages": [_object(each) for each in (*found.before, *(found.mine.passages if found.mine else ()))],
            "rollouts": [
                {
                    "ids": list(each.ids),
                    "rollout": each.last.row.get("rollout"),
                    "mine": each is found.mine,
                    "standing": standing(each),
                    "verdicts": {said.verifier: said.reward for said in trace_of(each.last.row).verdicts},
                }
                for each in found.rollouts
            ],
        },
        ensure_ascii=False,
        default=str,
    )


def _object(passage: Passage) -> Mapping[str, Any]:
    return {
        "stage": passage.stage.name,
        "do": passage.stage.kind,
        "kept": not passage.reason,
        "reason": passage.reason,
        "evidence": passage.evidence,
        "file": str(passage.file),
        "row": passage.number,
        "added": {name: value for name, value in passage.added.items() if name != "messages"},
    }
