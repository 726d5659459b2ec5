"""The factory from outside: what the commands `build`, `plan` and `evaluate` do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datafactory.build import Plan, Step, build, plan
from datafactory.errors import NothingLeft
from datafactory.outlook.reckoned import expects, outlook
from datafactory.outlook.rollouts import rollouts
from datafactory.outlook.student import student
from datafactory.outlook.told import told
from datafactory.page import Page
from datafactory.progress import Progress
from datafactory.publish import chapters_of, publish
from datafactory.recipe import Reader, read_recipe
from datafactory.report.funnel import summary
from datafactory.report.page_results import results
from datafactory.report.scored import apart, scored
from datafactory.settings import spelled
from datafactory.store import is_finished
from datafactory.tables import write_bytes


def make(
    recipe: Path,
    outputs: Path,
    progress: Progress,
    assignments: tuple[str, ...] = (),
    limit: int | None = None,
    until: str | None = None,
    workers: int = 1,
    executor: str = "local",
) -> Plan:
    """Build a recipe and publish each of its merges; the closing summary goes to the progress' console."""
    started = time.monotonic()
    # a worker on another machine has another current folder
    planned = plan(read_recipe(recipe, assignments, limit), outputs if executor == "local" else outputs.absolute())
    try:
        ran = build(planned, progress, until, workers, executor)
    except NothingLeft:
        summary(chapters_of(planned, planned.steps.values()), progress.console)
        raise
    places = []
    for step in planned.steps.values():
        if step.stage.kind == "merge" and is_finished(step.folder):
            places.append((step, *publish(planned, step)))
    if not ran and not any(written for *_, written in places):
        progress.say(f"{planned.recipe.name}: everything is finished; nothing to do")
    else:
        done = [step for step in planned.until(until) if is_finished(step.folder)]
        summary(chapters_of(planned, done), progress.console)
        progress.say(f"{len(ran)} of {len(planned.steps)} stages ran, in {time.monotonic() - started:.0f} s")
    for step, place, _ in places:
        progress.say(f"{step.stage.name}: {step.dataset.rows:,} rows in {place} (open {place / 'report.html'})")
    told = results(planned.recipe.name, chapters_of(planned, planned.steps.values()))
    if told:
        write_bytes(planned.published / "report.html", told.encode())
        progress.say(f"models: {planned.published / 'report.html'}")
    return planned


def explain(recipe: Path, outputs: Path, assignments: tuple[str, ...] = (), limit: int | None = None) -> Iterator[str]:
    """A line per stage: finished, how far it is, or new and why."""
    planned = plan(read_recipe(recipe, assignments, limit), outputs)
    sums = ["", *told(outlook(planned))] if expects(planned) else []
    width = max(map(len, planned.steps))
    for name, step in planned.steps.items():
        yield f"{name:<{width}}  {step.stage.kind:<8}  {_standing(planned, step)}"
        if taken := student(planned, step) or rollouts(planned, step):
            yield f"{'':<{width}}  {'':<8}  {taken}"
    yield from sums


def _standing(planned: Plan, step: Step) -> str:
    if step.state == "finished":
        return f"finished, {step.dataset.rows:,} rows" if step.stage.makes == "dataset" else "finished"
    sources = [planned.steps[name] for name in step.stage.datasets]
    if step.state == "started":
        done = len(list(step.folder.glob("shard-*.parquet")))
        whole = f" of {len(sources[0].dataset.shards)}" if sources and is_finished(sources[0].folder) else ""
        return f"started, {done}{whole} shards"
    before = _before(planned, step)
    if before is None:
        return "new"
    changed = list(_differences(before.get("config", {}), step.identity["config"], ""))
    if before.get("version") != step.stage.version:
        changed.append("the stage's version")
    return "new: " + "; ".join(changed[:4]) if changed else "new"


def _before(planned: Plan, step: Step) -> dict[str, Any] | None:
    """The identity of what stood under this stage's name after the last build."""
    place = planned.published / step.stage.name / "manifest.json"
    try:
        manifest = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if "identity" in manifest:
        return dict(manifest["identity"])
    told = [stage for stage in manifest.get("stages", []) if stage["name"] == step.stage.name]
    return {"config": told[0]["config"], "version": step.stage.version} if told else None


def _differences(before: Any, now: Any, place: str) -> Iterator[str]:
    """`sampling.temperature 0.6 -> 0.7` for each value that is another one."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            yield from _differences(before.get(key), now.get(key), f"{place}.{key}".lstrip("."))
    elif _named(before) and _named(now):
        old, new = ({item.get("column", item["name"]): item for item in items} for items in (before, now))
        yield from (f"{place}.{name} removed" for name in old if name not in new)
        yield from (f"{place}.{name} added" for name in new if name not in old)
        for name in new:
            yield from _differences(old.get(name, new[name]), new[name], f"{place}.{name}")
    elif before != now:
        hashed = isinstance(now, str) and len(now) == 64
        yield f"{place} is another one" if hashed else f"{place} {_brief(before)} -> {_brief(now)}"


def _named(value: Any) -> bool:
    """Whether it is a list of plugins, as `with` and `keep` are."""
    return isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value)


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."


def evaluate_on(
    models: tuple[str, ...],
    problems: Path,
    outputs: Path,
    progress: Progress,
    question: str,
    answer: str,
    names: str,
    group_size: int,
    trained_on: tuple[Path, ...],
    json_file: Path | None,
    limit: int | None,
    assignments: tuple[str, ...],
) -> dict[str, Any]:
    """Score models on a file of problems; what they answered is kept in the store like a recipe's.

    The scores of each model, every two compared and the settings, as scores.json has them.
    """
    called = _called(models)
    page = Page(
        Path("evaluate"),
        {
            "name": "evaluate",
            "models": {name: {"model": model} for name, model in called.items()},
            "stages": {
                "problems": {"do": "load", "path": str(problems), "question": question, "answer": answer},
                "scores": {
                    "do": "evaluate",
                    "from": "problems",
                    "models": list(called),
                    "with": spelled(names),
                    "group_size": group_size,
                    "trained_on": {name: [str(path.absolute()) for path in trained_on] for name in called}
                    if trained_on
                    else {},
                },
            },
        },
    )
    for assignment in assignments:
        page.set(assignment if assignment.startswith(("models.", "stages.")) else f"stages.scores.{assignment}")
    planned = plan(Reader(page, limit).recipe(), outputs)
    build(planned, progress)
    (chapter,) = chapters_of(planned, [planned.steps["scores"]])
    found = chapter.counts
    for name, scores in found["scores"].items():
        progress.say(f"{called[name]}: {scored(scores)}")
    for each in found["comparisons"]:
        progress.say(f"{each['model']} against {each['against']}: {apart(each)}")
    progress.say(f"rows: {planned.published / 'scores'}")
    if json_file:
        write_bytes(json_file, json.dumps(found, indent=1, ensure_ascii=False).encode())
    return found


def _called(models: tuple[str, ...]) -> dict[str, str]:
    """A name for each reference: its last part, with a number where two have the same."""
    found: dict[str, str] = {}
    for model in dict.fromkeys(models):
        parts = [part for part in Path(model.removeprefix("pypi:")).parts if part not in ("/", "..", "model")]
        name = re.sub(r"[^\w.-]", "-", parts[-1] if parts else "").lstrip("_.-") or "model"
        taken = [other for other in found if other == name or other.startswith(f"{name}-")]
        found[f"{name}-{len(taken) + 1}" if taken else name] = model
    return found
