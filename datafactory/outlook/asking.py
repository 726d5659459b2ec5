"""What a stage asks of models: completions, tokens, hours, GPU hours, money, and the journal that keeps them."""

from __future__ import annotations

from datafactory.outlook.at import At
from datafactory.outlook.figure import NONE, ONE, UNKNOWN, Figure, known, told_or_none, total
from datafactory.outlook.passing import rollouts
from datafactory.outlook.rows import BYTES_PER_TOKEN
from datafactory.reckoning import ENVELOPE, INDEXED


def asked(at: At) -> dict[str, Figure]:
    """The figures of `Seen` that are about completions; none for a stage that asks no model."""
    models = at.step.stage.models
    if not models:
        return {}
    completions = _completions(at)
    if at.measured.requests is not None:
        tokens, prompts = at.sum("tokens_in_all"), at.sum("prompt_tokens_in_all")
    else:
        tokens, prompts = completions * at.number("completion_tokens"), completions * _prompt(at)
    share = known(1 / len(models))
    each = [_by(at, name, tokens * share, prompts * share) for name in models]
    return {
        "completions": completions,
        "prompt_tokens": prompts,
        "tokens": tokens,
        "hours": total(hours for hours, _, _ in each),
        "gpu_hours": total(gpu_hours for _, gpu_hours, _ in each),
        "cost": total(cost for _, _, cost in each),
        "journal": tokens * known(BYTES_PER_TOKEN) + completions * known(ENVELOPE + INDEXED),
    }


def _completions(at: At) -> Figure:
    if at.measured.requests is not None:
        return at.sum("requests")
    config = at.config
    if at.kind == "generate":
        return at.given * rollouts(at)
    if at.kind == "judge":
        return at.given * known(config.votes * len(config.judges))
    if at.kind == "evaluate":
        pieces = 1 + 2 * len(config.budgets)  # at each budget at most a piece of the thinking, and an answer
        return at.given * known(config.group_size * len(config.models) * pieces)
    share, each = at.number("asked"), at.number("rollouts")
    return at.given * (ONE if share.value is None else share) * (ONE if each.value is None else each)


def _prompt(at: At) -> Figure:
    """The tokens of a prompt; where a model is put a question they are the question's."""
    prompt = at.number("prompt_tokens")
    if prompt.value is None and at.kind in ("generate", "evaluate"):
        parts = [part for each in at.above for part in each.rows.values()]
        return told_or_none(total(part.count * part.question for part in parts) / at.given)
    return prompt


def _by(at: At, model: str, tokens: Figure, prompts: Figure) -> tuple[Figure, Figure, Figure]:
    """Hours, GPU hours and money of so many tokens by that model."""
    base = at.base(model)
    pace, price = at.plan.recipe.models[base].expect, at.plan.models[base].price
    rate = UNKNOWN if pace.tokens_per_second is None else known(pace.tokens_per_second, stated=True)
    if at.measured.tokens_per_second is not None:
        rate = known(at.measured.tokens_per_second, measured=True)
    gpus = known(pace.gpus, stated=True) if pace.gpus else known(price.gpus) if price.gpus else UNKNOWN
    hours = tokens / rate / known(3600)
    cost = NONE
    if price.of_tokens:
        cost = (prompts * known(price.prompt) + tokens * known(price.completion)) / known(1e6)
    return hours, hours * gpus, cost + hours * gpus * known(price.gpu_hour)
