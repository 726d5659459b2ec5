"""Evaluate: models on the same problems, sampled and verified as data is.

In   problems with gold answers or tests, one or more models
Out  a row per model, problem and rollout, with the verifiers' columns; with `budgets` also one per budget, with
     thinking_budget, thinking_tokens and forced. scores.json: pass@k, cons@k and the other scores of each model with
     95 % bootstrap intervals over problems, by domain, source and difficulty, over thinking budgets, and without the
     problems that the model was trained on; and every two models compared problem by problem

Defaults are those of R1's evaluation (arXiv:2501.12948, D.1): temperature 0.6, top_p 0.95, 32,768 tokens, no system
prompt. What was not decided is counted and never 0. Each model's answers are kept by themselves: another one in the
list asks nothing of the others again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import BeforeValidator, Field, ValidationInfo

from datafactory import voting
from datafactory.check import Check
from datafactory.config import Mention, Sources, folder_of, ref, runtime
from datafactory.evaluating.answering import PROMPT, RUNG, Exam
from datafactory.evaluating.budgets import curve
from datafactory.evaluating.comparing import comparisons
from datafactory.evaluating.ladder import Rungs
from datafactory.evaluating.problems import demand
from datafactory.evaluating.scores import of_model
from datafactory.evaluating.seen import seen, told, written
from datafactory.evaluating.strata import Strata, by_stratum, strata
from datafactory.evaluating.tries import Try, tries
from datafactory.identity import identity
from datafactory.job import Job
from datafactory.outside import Above, File, Rows, above_in, given, rows_named
from datafactory.rollouts import Sampled, note_hidden_choices
from datafactory.scoring import score_columns
from datafactory.settings import Verifiers
from datafactory.store import Dataset, Draft
from datafactory.tables import write_bytes
from datafactory.types import COMPLETION_COLUMNS

VERSION = f"3, {voting.VERSION}"
SCORES = "scores.json"
PROBLEMS = "problems.parquet"
KS = (1, 4, 16, 64)
APART = ("from", "models", "pass_at", "difficulty", "budgets", "extend", "trained_on")  # decide no model's answers


def _rows(value: Any, info: ValidationInfo) -> Any:
    names = [value] if isinstance(value, str) else value
    if (
        not isinstance(names, list | tuple)
        or not names
        or not all(isinstance(name, str | File | Above) for name in names)
    ):
        raise ValueError("should be a path, the name of a stage above, or a list of them")
    return tuple(rows_named(name, folder_of(info)) if isinstance(name, str) else name for name in names)


class Config(Sampled):
    source: Sources = ref("dataset", alias="from")
    """The held-out problems; a list is read as one dataset."""
    models: tuple[str, ...] = ref("model", min_length=1)
    """Names under `models`, or trained stages above; tables have them in this order."""
    verifiers: Verifiers = Field(alias="with")
    """The first one decides what is right; each is averaged."""
    group_size: int = Field(16, ge=1)
    """Rollouts per problem, the k that pass@1 is a mean over. R1's: 64 for AIME 2024 and GPQA, 16 for MATH-500 and
    Codeforces, 8 for LiveCodeBench."""
    pass_at: tuple[int, ...] = ()
    """The k of pass@k and cons@k, at most `group_size`; by default 1, 4, 16 and 64 as far as it goes, and itself."""
    difficulty: str | None = None
    """The column, or the key of `meta`, that tells a problem's difficulty; `difficulty` or `level` by default, or else
    how often the first model solves the problem."""
    budgets: tuple[int, ...] = ()
    """Budgets of thinking tokens, [512, 1024, 2048]: each rollout's thinking is ended and answered at each of them, for
    a curve beside the scores, which are of unforced rollouts (arXiv:2501.19393)."""
    extend: int = Field(0, ge=0)
    """How often a thinking that ends within the budgets is made to go on with "Wait"."""
    trained_on: dict[str, Annotated[tuple[Rows, ...], BeforeValidator(_rows)]] = Field(default_factory=dict)
    """What models from elsewhere were trained on, {model: a path, a stage above, or a list}: the problems that stand in
    it are told, and the score without them. Of a stage above it is known."""
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of rows that may end in a timeout or an error before the stage fails."""

    def mentions(self) -> dict[str, Mention]:
        found = [(model, above) for model, rows in self.trained_on.items() for above in above_in(rows)]
        return {above.name: Mention(("trained_on", model), above.missing) for model, above in found}

    @property
    def ks(self) -> tuple[int, ...]:
        own = (k for k in (*KS, self.group_size) if k <= self.group_size)
        return tuple(sorted({1, *(self.pass_at or own)}))


def columns(config: Config, check: Check) -> list[str]:
    config.check(check)
    above = check.of(config.source) or []
    check.column(check.of(config.source), "question", "from")
    check.column(check.of(config.source), "answer", "from")
    for k in config.pass_at:
        if not 1 <= k <= config.group_size:
            check.wrong(("pass_at",), f"pass@{k} needs `group_size` of {k} or more, not {config.group_size}")
    for place, name in enumerate(config.models):
        if name in config.models[:place]:
            check.wrong(("models", place), f"'{name}' stands twice")
    for name in config.trained_on:
        if name not in config.models:
            check.wrong(("trained_on", name), f"is none of the models here: {', '.join(config.models)}")
    _check_budgets(config, check)
    _check_engines(config, check)
    problem = [name for name in above if name not in COMPLETION_COLUMNS]
    forced = RUNG if config.budgets else ()
    return [*problem, *COMPLETION_COLUMNS, *forced, *score_columns(config.verifiers)]


def _check_budgets(config: Config, check: Check) -> None:
    most = config.sampling.max_tokens
    if any(budget < 1 for budget in config.budgets) or list(config.budgets) != sorted(set(config.budgets)):
        check.wrong(("budgets",), "should be numbers of tokens above 0, the least first")
    elif config.budgets and config.budgets[-1] >= most:
        check.wrong(("budgets",), f"leave no token for an answer: sampling.max_tokens is {most:,}, which is both")
    if config.extend and not config.budgets:
        check.wrong(("extend",), "needs `budgets`; `thinking: {extend: ...}` is for all rollouts")
    if config.thinking and config.budgets:
        check.wrong(("thinking",), "forces every rollout already; give `budgets` or `thinking`")


def _check_engines(config: Config, check: Check) -> None:
    """That each model can go on behind the beginning of an answer, where it has to."""
    asks = next((key for key in ("budgets", "thinking", "continue_truncated") if getattr(config, key)), None)
    for place, name in enumerate(config.models if asks else ()):
        engine = check.engines.get(name)
        cannot = getattr(engine.module, "cannot_continue", None) if engine else None
        why = cannot(engine.config) if engine and cannot else None
        if why:
            what = f"`{asks}` needs a model that goes on behind the beginning of an answer"
            check.wrong(("models", place), f"{what}, and '{name}' cannot: {why}")


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    demand(source, config.verifiers, config.difficulty)
    note_hidden_choices(config, source, job.progress)
    trained_on = {name: _trained_on(config, name, job) for name in config.models}
    held = {name: _held(source, sets, job) for name, sets in trained_on.items() if sets}
    exam = _exam(config, source, job)
    job.progress.expect(source.rows * config.group_size * len(config.models) * (1 + len(config.budgets)), "rollouts")
    found: list[dict[str, Any]] = []
    attempts: dict[str, dict[str, Try]] = {}
    parts: dict[str, Strata] | None = None
    for name in config.models:
        plain, forced = _answers(config, exam, name, job)
        rows = _all(plain)
        tried = tries(rows, config.verifiers[0].name, voted=config.ks[-1] > 1)
        parts = strata(tried, config.difficulty) if parts is None else parts  # the first model's, if there are none too
        scores = {"name": name, "model": job.models[name].label, **of_model(rows, tried, config.verifiers, config.ks)}
        scores["strata"] = by_stratum(tried, parts)
        scores["budgets"] = curve(_all(forced), config.verifiers[0].name) if forced else []
        scores["contamination"] = told(held[name], trained_on[name], tried) if name in held else None
        scores["prompt"] = (plain.folder / PROMPT).read_text(encoding="utf-8")
        found.append(scores)
        attempts[name] = tried
    told_all = {"scores": found, "comparisons": comparisons(attempts), "setup": _setup(config, parts or {})}
    write_bytes(job.draft.folder / SCORES, json.dumps(told_all, indent=1, ensure_ascii=False).encode())


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((draft.folder / SCORES).read_text(encoding="utf-8"))
    return found


def _exam(config: Config, source: Dataset, job: Job) -> Exam:
    decided = identity(
        config, lambda role, name: job.inputs[name].manifest["fingerprint"] if role == "dataset" else name
    )
    decided = {key: value for key, value in decided.items() if key not in APART}
    everything = [VERSION, source.manifest["fingerprint"], decided]
    return Exam(config, config.verifiers, config.max_errors, source, everything)


def _answers(config: Config, exam: Exam, name: str, job: Job) -> tuple[Dataset, Dataset | None]:
    """What a model answered, and answered at each budget; both are also the stage's rows."""
    model, forced = job.models[name], None
    if config.budgets:  # first: a server that cannot go on behind the beginning of an answer says so at once
        forced = exam.rungs(model, job, Rungs(config.budgets, config.extend, config.think[1]))
    plain = exam.rollouts(model, job)
    tables = [part.read(k) for part in (plain, forced) if part for k in range(len(part.shards))]
    order = tables[-1].columns
    first = config.models.index(name) * len(tables)
    for k, table in enumerate(tables):
        if not job.draft.has(first + k):
            without = [pl.lit(None, kind).alias(column) for column, kind in RUNG.items() if column in order]
            job.draft.write(first + k, table.with_columns(without if k < len(plain.shards) else []).select(order))
    return plain, forced


def _all(dataset: Dataset) -> pl.DataFrame:
    return pl.concat(dataset.read(k) for k in range(len(dataset.shards)))


def _trained_on(config: Config, name: str, job: Job) -> dict[str, Path]:
    """The training sets of a model by what they are called: of stages above, and as the recipe says."""
    stages = {name: dataset.folder for name, dataset in job.inputs.items()}
    named = {rows.name: given(rows, stages) for rows in config.trained_on.get(name, ())}
    return dict(job.models[name].trained_on) | named


def _held(source: Dataset, trained_on: dict[str, Path], job: Job) -> dict[str, str]:
    return seen(written(source, job.draft.folder / PROBLEMS), trained_on, job, source.manifest["fingerprint"])


def _setup(config: Config, parts: dict[str, Strata]) -> dict[str, Any]:
    """How the scores came about, for whoever reads them."""
    return {
        "k": config.group_size,
        "sampling": config.sampling.model_dump(),
        "seed": config.seed,
        "system": config.system.content if config.system else None,
        "verifier": config.verifiers[0].name,
        "verifiers": [use.name for use in config.verifiers],
        "extend": config.extend,
        "difficulty": parts["difficulty"].by if "difficulty" in parts else None,
    }
