"""GRPO with TRL: rollouts of the model that learns, rewarded by what also selects data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import polars as pl
from trl import GRPOConfig

from datafactory.errors import StageError
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.reward_expression import probes
from datafactory.reward_expression import rewards as rewards_of
from datafactory.store import Dataset
from datafactory.training.beside import Beside
from datafactory.training.common import Learner, Watch, load, plain, precision, run, save, settings, workshop
from datafactory.training.grpo_trainer import Grpo
from datafactory.training.judges import Asked
from datafactory.training.phases import Rounds, rounds, schedule
from datafactory.training.rewards import GENERAL, Rewards
from datafactory.training.samples import Samples
from datafactory.training.sharing import processes, rank
from datafactory.types import COMPLETION_COLUMNS, Message

if TYPE_CHECKING:
    from datafactory.stages.grpo import Config

LOSSES: dict[str, dict[str, Any]] = {
    "grpo": {},
    "dr_grpo": {"scale_rewards": "none"},
    "dapo": {"epsilon_high": 0.28},
}
CURVES = {
    "reward": "reward",
    "accuracy": "accuracy",
    "loss": "loss",
    "completion_length": "completion_length",
    "reflective_words": "reflective_words",
    "entropy": "entropy",
    "kl": "kl",
    "clip_ratio": "clip_ratio/region_mean",
    "truncated": "truncated",
    "null_rewards": "null_rewards",
    "degenerate_groups": "degenerate_groups",
    "replaced_groups": "replaced_groups",
    "overlong": "overlong",
    "grad_norm": "grad_norm",
}


def train(
    config: Config,
    source: Dataset,
    weights: Weights,
    folder: Path,
    progress: StageProgress,
    beside: Beside = Beside(),  # noqa: B008  frozen
) -> None:
    """The model trained on the source's problems, saved under `folder/model`."""
    problems, count = _problems(source, beside.general)
    _demand_numbers(config, problems)
    a_round = config.round_size // config.group_size
    if count < a_round:
        raise StageError(f"a step takes {a_round} problems and there are {count}; lower the batch")
    divided = rounds(count, a_round, config.round_steps, config.epochs, config.max_steps)
    last = config.general.last_steps if config.general else None
    order = schedule(divided, range(count), range(count, problems.height), last, config.seed or 0)
    with workshop(folder) as scratch:
        learner = load(weights, precision(config))
        prompts, began = _prompts(config, problems, learner.tokenizer)
        arguments = GRPOConfig(**_settings(config, scratch, divided))  # gives each process its GPU: reward models too
        rewards = _rewards(config, problems, learner, divided, folder, beside)
        template = learner.tokenizer.chat_template
        learner.tokenizer.chat_template = began
        trainer = Grpo(
            learner.model,
            arguments,
            rewards,
            prompts,
            Samples(folder, config.keep_rollouts, config.group_size, divided, list(config.parts), rank() == 0),
            progress.note,
            train_dataset=datasets.Dataset.from_dict({"at": order, "place": range(len(order))}),
            processing_class=learner.tokenizer,
        )
        watch = Watch(progress)
        steps = run(trainer, watch, config, rewards)
        if rewards.opinions:
            rewards.opinions.close()
        learner.tokenizer.chat_template = template
        parts = {name: name for name in config.parts if name not in CURVES}
        curves = {name: watch.by_step(logged) for name, logged in {**CURVES, **parts}.items()}
        about: dict[str, Any] = {
            "rows": problems.height,
            "steps": steps,
            "dtype": precision(config),
            "statuses": _statuses(rewards),
        }
        about["pass_rate"] = {use.name: _mean(curves[use.name]) for use in config.verifiers if curves.get(use.name)}
        save(trainer, learner, folder, scratch, about | {name: curve for name, curve in curves.items() if curve})


def _problems(source: Dataset, general: Dataset | None) -> tuple[pl.DataFrame, int]:
    """The problems with the general rows behind them, and how many of the former there are."""
    tables = []
    for dataset in (source, general):
        if dataset is not None:
            whole = pl.concat([dataset.read(k) for k in range(len(dataset.shards))])
            # a source may hold rollouts; what the model that learns says takes their place
            rows = whole.drop([name for name in COMPLETION_COLUMNS if name in whole.columns])
            tables.append(rows.with_columns(pl.lit(dataset is general).alias(GENERAL)))
    return pl.concat(tables, how="diagonal_relaxed"), tables[0].height


def _demand_numbers(config: Config, problems: pl.DataFrame) -> None:
    """StageError where a problem has no number for a reward: the type of a column of the user's own is known only
    now."""
    named = config.general.reward_models if config.general else {}
    parts = {**config.added, **dict.fromkeys(named, pl.Float64)}
    asked = problems.with_columns(pl.lit(probes(kind)[-1], kind).alias(name) for name, kind in parts.items())
    expressions = [("reward", config.expression, False)]
    if config.general:
        expressions.append(("general.reward", config.general.expression, True))
    for way, text, general in expressions:
        try:
            rewards_of(text, asked.filter(pl.col(GENERAL) == general))
        except pl.exceptions.PolarsError as error:
            why = str(error).splitlines()[0]
            raise StageError(f"{way}: '{text}' cannot be made of these columns: {why}") from error


def _settings(config: Config, scratch: Path, divided: Rounds) -> dict[str, Any]:
    """TRL's settings; a sampling is shared out among processes like a step."""
    each = config.round_size // processes()
    if config.dynamic_sampling and each % config.group_size:
        raise StageError(
            f"dynamic_sampling needs whole groups on each process, and {each} rollouts of each are no multiple of "
            f"group_size {config.group_size}; take fewer `processes`"
        )
    return settings(
        config,
        scratch,
        config.max_completion_length,
        num_train_epochs=1,  # the schedule has every round of all epochs
        max_steps=config.max_steps if config.max_steps > 0 else divided.all_steps,
        shuffle_dataset=False,
        num_generations=config.group_size,
        steps_per_generation=each // config.per_device_train_batch_size,
        max_completion_length=config.max_completion_length,
        temperature=config.temperature,
        loss_type=config.loss,
        beta=config.beta,
        epsilon=config.epsilon,
        use_bias_correction_kl=False,  # R1's KL is not weighted by the ratio (arXiv:2501.12948, Eq. 2)
        sync_ref_model=bool(config.beta and config.ref_model_sync_steps),
        ref_model_sync_steps=config.ref_model_sync_steps or 1,
        ref_model_mixup_alpha=1.0,
        lr_scheduler_type="constant",  # the paper tells one learning rate and no schedule
        **LOSSES[config.loss],
    )


def _rewards(
    config: Config, problems: pl.DataFrame, learner: Learner, divided: Rounds, folder: Path, beside: Beside
) -> Rewards:
    planned = divided.count * config.round_size
    rewards = Rewards(config, problems, learner, planned)
    if config.judges and beside.judge:
        judging = config.judges.model_copy(update={"seed": config.judges.seed or config.seed})
        rewards.opinions = Asked(judging, beside.judge, folder, beside.store, planned)
    if config.general:
        from datafactory.training.reward_model import Scorer

        for name, part in config.general.reward_models.items():
            rewards.scorers[name] = Scorer(beside.reward_models[name], part.of, config.device)
    return rewards


def _mean(curve: list[list[float]]) -> float:
    return sum(value for _, value in curve) / len(curve)


def _statuses(rewards: Rewards) -> dict[str, dict[str, int]]:
    """How often each verifier said what, over all processes."""
    return {name: dict(counted.most_common()) for name, counted in rewards.counts.items()}


def _prompts(config: Config, problems: pl.DataFrame, tokenizer: Any) -> tuple[list[Any], str | None]:
    """TRL's prompts, and the chat template that begins the assistant's turn with the prefill."""
    if config.template == "none":
        return [config.put(row, _unrendered)[1] for row in problems.iter_rows(named=True)], None
    turns = [config.messages(row) for row in problems.iter_rows(named=True)]
    template = tokenizer.chat_template
    if not template:
        return [plain(messages) + config.prefill for messages in turns], None
    text = tokenizer.apply_chat_template(turns[0], tokenize=False, add_generation_prompt=True)
    # a template that opens the thinking itself (R1-distill) is not to be opened twice
    opened = bool(config.prefill.strip()) and text.rstrip().endswith(config.prefill.strip())
    if config.prefill and not opened:
        begin = json.dumps(config.prefill, ensure_ascii=False)
        template += "{% if add_generation_prompt %}{{ " + begin + " }}{% endif %}"
    return turns, template


def _unrendered(messages: Sequence[Message], prefill: str) -> str:
    raise TypeError("a prompt without a template is not rendered")
