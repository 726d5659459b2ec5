"""Spending: what the stages of a plan have spent on completions, and whether their budgets allow for any.

A stage's own budget and the recipe's both hold. The recipe's is shared by all stages of a build; what finished ones
spent is in their manifests, what started ones did in their ledgers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datafactory.budget import Account, Budget
from datafactory.errors import UserError
from datafactory.ledger import Ledger, Spent
from datafactory.store import Dataset, is_finished

if TYPE_CHECKING:
    from datafactory.build import Plan, Step
    from datafactory.job import Job


def account_of(plan: Plan, step: Step) -> Account:
    """The stage's account, below the recipe's, with what was spent before; for who has the stage's folder locked."""
    above = Account(plan.recipe.budget, "the recipe's budget")
    for other in {step.folder for step in plan.steps.values()}:
        above.add(spent_in(other))
    budget = getattr(step.stage.config, "budget", None)
    return Account(budget if isinstance(budget, Budget) else None, "its budget", Ledger(step.folder), above)


def spent_in(folder: Path) -> Spent:
    """What a stage has spent, finished or not."""
    if is_finished(folder):
        return Spent(**Dataset(folder).manifest.get("spent", {}))
    return Ledger(folder).spent


def about(job: Job, before: int) -> dict[str, Any]:
    """What a manifest says of what a stage spent and how fast it went; `before` is what was `journaled` before."""
    pace: dict[str, Any] = {"rows_per_second": job.progress.pace.per_second}
    if not job.account.spent.requests:
        return {"pace": pace}
    pace |= {
        "asked": job.account.arrived,
        "at_once": job.account.pace.start,
        "per_second": job.account.pace.per_second,
        "loading": round(job.account.loading, 3),
        "journal_bytes": journaled(job) - before,
    }
    return {"spent": job.account.spent.told(), "pace": pace}


def journaled(job: Job) -> int:
    """The bytes of the journals of a job's models, their indexes left out."""
    folders = {job.journals / model.fingerprint[:16] for model in job.models.values()}
    return sum(path.stat().st_size for folder in folders for path in folder.glob("*.jsonl"))


def demand_room(plan: Plan, steps: Iterable[Step]) -> None:
    """UserError for budgets that allow not even one completion, or are in money where nothing has a price."""
    asking = [step for step in steps if not is_finished(step.folder) and hasattr(step.stage.config, "budget")]
    wrong = [problem for step in asking for problem in _problems(plan, step)]
    prices = [plan.models[name].price for step in asking for name in step.stage.models]
    if prices and plan.recipe.budget.cost is not None and not any(price.of_tokens for price in prices):
        wrong.append(f"{plan.recipe.where('budget', 'cost')}: no model that is asked has a price; {PRICE}")
    if wrong:
        raise UserError(*wrong)


PRICE = "write price: {prompt: 0.55, completion: 2.19} (of a million tokens) with the model"


def _problems(plan: Plan, step: Step) -> Iterator[str]:
    config: Any = step.stage.config
    place = ("stages", step.stage.name, "budget")
    where = plan.recipe.where
    longest = config.sampling.max_tokens
    thinking = getattr(config, "thinking", None)
    first = min(longest, thinking.budget) if thinking and thinking.budget else longest
    told = f"one completion of {step.stage.name} may take (sampling.max_tokens: {longest:,})"
    if first < longest:
        told = f"one piece of thinking of {step.stage.name} may take (thinking.budget: {first:,})"
    for budget, at in ((config.budget, place), (plan.recipe.budget, ("budget",))):
        if budget.tokens is not None and budget.tokens < first:
            yield f"{where(*at, 'tokens')}: {budget.tokens:,} tokens are fewer than {told}"
        for name in step.stage.models:
            price = plan.models[name].price
            if budget.cost is not None and price.of(0, first) > budget.cost:
                cost = price.of(0, first)
                said = f"a cost of {budget.cost:g} is less than the {cost:.4g} that {told} at {name}'s price"
                yield f"{where(*at, 'cost')}: {said}"
    if config.budget.cost is not None:
        for name in step.stage.models:
            if not plan.models[name].price.of_tokens:
                yield f"{where(*place, 'cost')}: the model '{name}' has no price; {PRICE}"
