"""GRPO with TRL: rollouts of the model that learns, rewarded by the verifiers that also select data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import polars as pl
from trl import GRPOConfig, GRPOTrainer

from datafactory.chat import split_thinking
from datafactory.errors import StageError
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.scoring import UNDECIDED, demand_decisions, score, statuses
from datafactory.store import Dataset
from datafactory.tables import frame
from datafactory.training.common import Learner, Watch, load, plain, precision, run, save, settings, workshop
from datafactory.types import COMPLETION_COLUMNS, Message

if TYPE_CHECKING:
    from datafactory.stages.grpo import Config

LOSSES: dict[str, dict[str, Any]] = {
    "grpo": {},
    "dr_grpo": {"scale_rewards": "none"},
    "dapo": {"epsilon_high": 0.28},
}


def train(config: Config, source: Dataset, weights: Weights, folder: Path, progress: StageProgress) -> None:
    """The model trained on the source's problems, saved under `folder/model`."""
    problems = pl.concat([source.read(k) for k in range(len(source.shards))])
    a_step = config.per_device_train_batch_size * config.gradient_accumulation_steps // config.group_size
    if problems.height < a_step:
        raise StageError(f"a step takes {a_step} problems and there are {problems.height}; lower the batch")
    with workshop(folder) as scratch:
        learner = load(weights, precision(config))
        prompts, began = _prompts(config, problems, learner.tokenizer)
        rewards = Rewards(config, problems, learner)
        arguments = GRPOConfig(
            **settings(config, scratch, config.max_completion_length),
            num_generations=config.group_size,
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
        template = learner.tokenizer.chat_template
        learner.tokenizer.chat_template = began
        trainer = GRPOTrainer(
            learner.model,
            rewards.of,
            arguments,
            train_dataset=datasets.Dataset.from_dict({"prompt": prompts, "at": range(problems.height)}),
            processing_class=learner.tokenizer,
        )
        watch = Watch(progress)
        steps = run(trainer, watch)
        learner.tokenizer.chat_template = template
        said = pl.concat(rewards.said)
        demand_decisions(said, config.verifiers, config.max_errors)
        about = {
            "rows": problems.height,
            "steps": steps,
            "dtype": precision(config),
            "statuses": statuses(said, config.verifiers),
            "reward": watch.by_step("reward"),
            "loss": watch.by_step("loss"),
            "completion_tokens": watch.by_step("completions/mean_length"),
        }
        save(learner, folder, scratch, about)


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


@dataclass
class Rewards:
    """The verifiers' verdicts on TRL's completions; `said` keeps their statuses, batch by batch."""

    config: Config
    problems: pl.DataFrame
    learner: Learner
    said: list[pl.DataFrame] = field(default_factory=list)

    def of(self, completion_ids: Sequence[list[int]], at: list[int], **_: Any) -> list[float | None]:
        """A reward per completion of problem `at`; None, which TRL leaves out, where a verifier did not decide."""
        kept = self.problems.drop([name for name in COMPLETION_COLUMNS if name in self.problems.columns])
        completions = frame([self._row(ids) for ids in completion_ids], COMPLETION_COLUMNS)
        scored = score(self.config.verifiers, pl.concat([kept[at], completions], how="horizontal"))
        names = [use.name for use in self.config.verifiers]
        self.said.append(scored.select(column for name in names for column in _said(name)))
        # a sum without the undecided part would be a lower reward, and the row would pay for it
        rewards = scored.select(pl.sum_horizontal(names, ignore_nulls=False).alias("reward"))["reward"]
        if rewards.null_count() == len(rewards):
            demand_decisions(self.said[-1], self.config.verifiers, 0)
            raise StageError(f"no gold answer of the {len(set(at))} problems of a step is readable")
        return rewards.to_list()

    def _row(self, ids: list[int]) -> dict[str, Any]:
        ended = bool(ids) and ids[-1] in self.learner.ends
        text = self.config.prefill + self.learner.tokenizer.decode(ids, skip_special_tokens=True)
        completion = split_thinking(text, self.config.think, "stop" if ended else "length")
        return {
            "response": completion.response,
            "reasoning": completion.reasoning,
            "finish_reason": completion.finish_reason,
            "completion_tokens": len(ids) - ended,
        }


def _said(name: str) -> list[pl.Expr]:
    """A verifier's status, and its detail where that is wanted: a long training has millions of rollouts."""
    status, detail = pl.col(f"{name}_status"), pl.col(f"{name}_detail")
    return [status, pl.when(status.is_in(UNDECIDED)).then(detail).alias(f"{name}_detail")]
