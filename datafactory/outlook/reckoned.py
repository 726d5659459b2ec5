"""All stages of a plan reckoned, and the most that is on the disk at a time."""

from __future__ import annotations

from collections.abc import Sequence

from datafactory.build import Plan
from datafactory.errors import UserError
from datafactory.outlook.asking import asked
from datafactory.outlook.at import At
from datafactory.outlook.figure import NONE, Figure, total
from datafactory.outlook.mixing import merged
from datafactory.outlook.passing import loaded, passed
from datafactory.outlook.rows import Seen, bytes_of, count_of
from datafactory.outlook.training import trained


def expects(plan: Plan) -> bool:
    """Whether the recipe states anything to reckon with."""
    stages, models = plan.recipe.stages.values(), plan.recipe.models.values()
    return any(each.expect.model_fields_set for each in stages) or any(each.expect.model_fields_set for each in models)


def outlook(plan: Plan) -> list[Seen]:
    """The figures of every stage in page order; UserError where stated numbers cannot be."""
    found: dict[str, Seen] = {}
    problems: list[str] = []
    for name, step in plan.steps.items():
        at = At(plan, step, found, problems)
        if step.stage.makes == "model":
            found[name] = trained(at)
        elif step.stage.kind == "merge":
            found[name] = merged(at)
        else:
            found[name] = _seen(at)
    if problems:
        raise UserError(*problems)
    return list(found.values())


def _seen(at: At) -> Seen:
    """A stage that makes rows of those above it."""
    rows = loaded(at) if at.kind == "load" else {} if at.kind == "evaluate" else passed(at)
    count = count_of(rows)
    problems = count if at.kind == "load" else total(each.problems for each in at.above)
    rejected = NONE
    if at.kind not in ("load", "generate", "evaluate") and at.given.value != 0:
        dropped = (at.given - count).most(NONE)
        rejected = total(bytes_of(each.rows) for each in at.above) * (dropped / at.given)
    store = at.sum("bytes") if at.measured.bytes is not None else bytes_of(rows) + rejected
    of_models = asked(at)
    return Seen(
        at.name, at.kind, problems, rows, store=store, rejected=rejected, notes=tuple(at.notes), **of_models
    )  # fmt: skip


def peak(seen: Sequence[Seen]) -> Figure:
    """The most that is on the disk at a time: while a merge puts rows in order, or at the end."""
    most, stands = NONE, NONE
    for each in seen:
        during = stands + each.store + each.journal + each.spill
        stands = stands + each.disk
        most = most.most(during).most(stands)
    return most
