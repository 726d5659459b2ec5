"""What a stage that trains reads, and what that costs."""

from __future__ import annotations

from datafactory.outlook.at import At
from datafactory.outlook.figure import UNKNOWN, known, total
from datafactory.outlook.rows import Seen


def trained(at: At) -> Seen:
    """Tokens of its rows times the epochs; UNKNOWN where steps end it, or it writes its own rows."""
    whole = total(part.count * part.each for seen in at.above for part in seen.rows.values())
    epochs = getattr(at.config, "epochs", None)
    tokens = whole * known(epochs) if epochs and getattr(at.config, "max_steps", -1) <= 0 else UNKNOWN
    hours = tokens / at.number("tokens_per_second") / known(3600)
    if at.measured.seconds is not None:
        hours = at.sum("seconds") / known(3600)
    gpu_hours = hours * at.number("gpus")
    price = at.plan.models[at.base(at.step.stage.models[0])].price
    return Seen(
        at.name,
        at.kind,
        trained=tokens,
        hours=hours,
        gpu_hours=gpu_hours,
        cost=gpu_hours * known(price.gpu_hour),
        store=at.sum("bytes") if at.measured.bytes is not None else at.number("disk"),
    )
