"""Rewarding: what a rollout is rewarded for in RL, by the verifiers, filters and judges that also select data.

    with: [math, format]                                   verifiers
    measure: [language_consistency]                        filters that look at one row
    judges: {with: [clarity], model: judge}                opinions of a model
    reward: math + format + language_consistency           SQL over their columns and the problem's; a number

A part that the expression does not speak of is logged alone. General rows have an expression and reward models of
their own (arXiv:2501.12948, 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import polars as pl
from pydantic import Field

from datafactory.check import Check
from datafactory.config import Base, Mention, ref
from datafactory.errors import StageError, did_you_mean
from datafactory.measures import Measure, Measures
from datafactory.measuring import measure
from datafactory.opinions import Opinions, opinion_types
from datafactory.outside import Above, File
from datafactory.reward_expression import columns_in, refused, sum_of
from datafactory.scoring import score_types
from datafactory.settings import Verifiers
from datafactory.tables import TYPES
from datafactory.types import COMPLETION_COLUMNS

SAID = ("reasoning", "response", "finish_reason", "completion_tokens")  # what is known of a rollout's completion
# what a table of rollouts has beside parts, and the curves that are drawn beside theirs
OWN = {
    *(
        "reward",
        "overlong",
        "advantage",
        "tokens",
        "step",
        "prompt",
        "at",
        "accuracy",
        "completion_tokens",
        "truncated",
    ),
    *("loss", "reflective_words", "entropy", "kl", "clip_ratio", "grad_norm", "learning_rate", "epoch"),
    *("null_rewards", "degenerate_groups", "replaced_groups", "rows", "steps", "dtype", "statuses", "files"),
}


class RewardModel(Base):
    """A model that grades a completion, as stage `reward_model` makes one."""

    model: str = ref("weights")
    """A stage `reward_model` above, or a model of that kind under `models`."""
    of: Literal["response", "completion"] = "response"
    """response: the final summary alone, as helpfulness is scored. completion: the thinking too, as harmlessness is
    (arXiv:2501.12948, 3.1)."""


class General(Base):
    """Rows without a gold answer, rewarded by models."""

    source: str = ref("dataset", alias="from")
    """The general prompts."""
    reward_models: dict[str, RewardModel] = Field(min_length=1)
    """{helpful: {model: NAME, of: response}, safe: {model: NAME, of: completion}}; each is a part of its name."""
    reward: str | None = None
    """As above, over the reward models' names and all other parts; by default their sum."""
    last_steps: int | None = Field(None, ge=1)
    """They come in, and are rewarded, only in so many steps at the end (R1: 400 of 1,700, since longer led to reward
    hacking); in all without it."""

    @property
    def expression(self) -> str:
        return self.reward or sum_of(self.reward_models)


class Overlong(Base):
    """A completion is worth less the further it goes into the last tokens it may have (DAPO, arXiv:2503.14476,
    Eq. 13)."""

    buffer: int = Field(4096, ge=1)
    """The last tokens of `max_completion_length`, over which the penalty goes from 0 to `weight`."""
    weight: float = Field(1.0, gt=0)


class Rewarding(Base):
    """Parts of a reward, and how they make one."""

    verifiers: Verifiers = Field(alias="with")
    """Verifiers by name, with their settings, as in `verify`. The first decides what counts as right."""
    measures: Measures = Field((), alias="measure")
    """Filters by name, with their settings but no bounds: [language_consistency, {repetition: {ngram: 5}}]."""
    judges: Opinions | None = None
    """Judges and the model that is asked, as in `judge`: {with: [clarity], model: NAME}."""
    reward: str | None = None
    """A number in SQL over the parts' columns and the problem's, as in math + format, or CASE WHEN domain = 'code' THEN
    code ELSE math END; by default the verifiers' sum. A rollout whose reward is null is not counted."""
    overlong: Overlong | None = None
    """A soft penalty for completions that near `max_completion_length`: {buffer: 4096}; no penalty without it."""
    general: General | None = None
    """RL for all scenarios: rows rewarded by models, beside those with gold answers."""

    @property
    def expression(self) -> str:
        return self.reward or sum_of(use.name for use in self.verifiers)

    @property
    def parts(self) -> dict[str, str]:
        """The column of each part, and what kind of part it is."""
        found = {use.name: "verifier" for use in self.verifiers}
        found |= {part.column: "filter" for part in self.measures}
        found |= {use.name: "judge" for use in (self.judges.judges if self.judges else ())}
        return found | dict.fromkeys(self.general.reward_models if self.general else (), "reward model")

    def mentions(self) -> dict[str, Mention]:
        return {self.general.source: Mention(("general", "from"))} if self.general else {}

    def models_within(self) -> dict[str, tuple[str, ...]]:
        found = {self.judges.model: ("judges", "model")} if self.judges else {}
        named = self.general.reward_models if self.general else {}
        return found | {part.model: ("general", "reward_models", name, "model") for name, part in named.items()}

    def check_rewards(self, check: Check, above: list[str] | None, longest: int) -> None:
        """That every part can be had of these columns, and the expressions are numbers."""
        if self.judges:
            within = Check(check.folder, check.above, lambda way, said: check.wrong(("judges", *way), said))
            self.judges.check(within, self.judges.votes, "votes")
        self._check_names(check, above)
        for part in self.measures:
            fault = _unfit(part, above)
            if fault:
                check.wrong(("measure", part.column), fault)
        if self.overlong and self.overlong.buffer > longest:
            buffer = f"{self.overlong.buffer:,} tokens are more than max_completion_length, {longest:,}"
            check.wrong(("overlong", "buffer"), f"{buffer}; it is the last part of it")
        _check_expression(check, self.expression, self._kinds(above), ("reward",))
        if self.general:
            named = check.of(self.general.source)
            check.column(named, "question", "general", "from")
            models = dict.fromkeys(self.general.reward_models, pl.Float64)
            kinds = self._kinds(named)
            _check_expression(
                check, self.general.expression, None if kinds is None else {**kinds, **models}, ("general", "reward")
            )

    def _check_names(self, check: Check, above: list[str] | None) -> None:
        own = list(score_types(self.verifiers))
        places: list[tuple[tuple[str, ...], str]] = [(("measure", part.column), part.column) for part in self.measures]
        places += [(("judges", "with"), use.name) for use in (self.judges.judges if self.judges else ())]
        named = self.general.reward_models if self.general else {}
        places += [(("general", "reward_models", name), name) for name in named]
        for use in self.verifiers:
            if use.name in {*SAID, *OWN} or (above is not None and use.name in above):
                check.wrong(("with",), f"there is a column '{use.name}' already")
        for way, name in places:
            if name in {*own, *SAID, *OWN} or (above is not None and name in above):
                check.wrong(way, f"there is a column '{name}' already; call this one otherwise")
            own.append(name)

    def _kinds(self, above: list[str] | None) -> dict[str, Any] | None:
        """The columns that a reward can speak of, with their types, None for one not known; None below an error."""
        if above is None:
            return None
        return {name: TYPES.get(name) for name in above if name not in COMPLETION_COLUMNS} | self.added

    @property
    def added(self) -> dict[str, Any]:
        """The columns that a rollout has beside its problem's, with their types; reward models' are apart."""
        found: dict[str, Any] = {name: TYPES[name] for name in SAID} | score_types(self.verifiers)
        found |= {part.column: pl.Float64 for part in self.measures}
        return found | (opinion_types(self.judges) if self.judges else {})


def _check_expression(check: Check, text: str, kinds: dict[str, Any] | None, way: tuple[str, ...]) -> None:
    try:
        names = columns_in(text)
    except ValueError as error:
        check.wrong(way, str(error))
        return
    if kinds is None:
        return
    missing = [name for name in names if name not in kinds]
    for name in missing:
        check.wrong(way, f"no column named '{name}'.{did_you_mean(name, kinds)}")
    fault = None if missing else refused(text, kinds)
    if fault:
        check.wrong(way, fault)


def _unfit(part: Measure, above: Sequence[str] | None) -> str | None:
    """Why a filter cannot be measured of rollouts as they come; None where it can."""
    own = getattr(part.use.module, "BOUNDS", {})
    if (part.minimum, part.maximum) != (own.get("min"), own.get("max")):
        return "has bounds, and a reward needs none; `reward` says what a value is worth"
    if part.scope != "row":
        of = "the rows of a problem together" if part.scope == "group" else "all rows of a dataset"
        own_file = ', or write SCOPE = "row" in it' if part.use.file else ""
        return f"looks at {of}, and a reward is of one rollout; use it in `filter`, before the training{own_file}"
    if any(
        isinstance(item, File | Above) for _, value in part.use.settings if isinstance(value, tuple) for item in value
    ):
        return "compares with other rows, which is for the problems; use it in `filter`, before the training"
    if above is not None:
        names = dict.fromkeys([*(name for name in above if name not in COMPLETION_COLUMNS), *COMPLETION_COLUMNS])
        try:
            measure([part], pl.DataFrame(schema={name: TYPES.get(name, pl.Float64) for name in names}))
        except StageError as error:
            return str(error)
    return None
