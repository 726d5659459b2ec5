"""Reward models: a base with one number in place of its vocabulary, trained on pairs or labels, and asked for scores.

    train(config, sources, weights, folder, progress)    a model folder, as transformers' sequence classifiers have it
    Scorer(weights).scores(conversations, completions)   the number of each answer, as in the training
    Scorer(weights).rewards(conversations, completions)  the same on a scale that can be added to other rewards

The model folder's config.json says under `reward_model` how it was trained: kind, of, max_length, and the mean and the
standard deviation of its scores on the rows held out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import datasets
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, Trainer, set_seed
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
from trl import RewardConfig, RewardTrainer
from trl.trainer.utils import disable_dropout_in_model

from datafactory.errors import StageError
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.store import Dataset
from datafactory.training.common import Learner, Watch, precision, run, save, settings, workshop
from datafactory.training.reward_held import of_labels, of_pairs
from datafactory.training.reward_rows import Rows, rows_of
from datafactory.training.reward_text import Part, Reader
from datafactory.types import Completion, Message

if TYPE_CHECKING:
    from datafactory.stages.reward_model import Config

KIND = {False: "pairwise", True: "pointwise"}


def train(config: Config, sources: Sequence[Dataset], weights: Weights, folder: Path, progress: StageProgress) -> None:
    """The reward model trained on the sources' rows, saved under `folder/model`, with how right it is held out."""
    with workshop(folder) as scratch:
        set_seed(config.seed or 0)  # the score head is drawn when the model is loaded
        dtype = torch.bfloat16 if precision(config) == "bfloat16" else torch.float32
        learner = loaded(weights, dtype, num_labels=1)
        reader = Reader(learner.tokenizer, config.of, weights.reference)
        rows = rows_of(config, sources, reader, scratch / "rows.arrow")
        answers = 1 if config.label else 2
        arguments = RewardConfig(
            **settings(
                config,
                scratch,
                rows.longest * answers,
                max_length=None,  # rows that are too long were left out; nothing is ever cut
                remove_unused_columns=False,
                per_device_eval_batch_size=config.per_device_train_batch_size * answers,
            )
        )
        trainer = _trainer(config, learner, arguments, rows)
        watch = Watch(progress)
        steps = run(trainer, watch, config)
        found = _validated(config, trainer, learner.tokenizer.pad_token_id, rows)
        kind = KIND[config.label is not None]
        learner.model.config.reward_model = {
            "kind": kind,
            "of": config.of,
            "max_length": config.max_length,
            "mean": found.get("score_mean"),
            "std": found.get("score_std"),
        }
        curves = {"rate": "learning_rate", "loss": "loss", "training_accuracy": "accuracy", "training_margin": "margin"}
        about = {
            "kind": kind,
            "of": config.of,
            **rows.counts,
            "steps": steps,
            "dtype": precision(config),
            **found,
            **{name: curve for name, logged in curves.items() if (curve := watch.by_step(logged))},
        }
        save(trainer, learner, folder, scratch, about)


def loaded(weights: Weights, dtype: torch.dtype | None, **settings: Any) -> Learner:
    """The model as a sequence classifier of one number, and its tokenizer, which pads; in its own dtype without one."""
    place = weights.fetch()
    try:
        found = AutoConfig.from_pretrained(place)
        if type(found) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
            raise StageError(
                f"the model {weights.reference} cannot be a reward model: transformers has no sequence classifier of "
                f"the architecture {found.model_type}"
            )
        saved_as = found.dtype or torch.float32
        tokenizer = AutoTokenizer.from_pretrained(place)
        model = AutoModelForSequenceClassification.from_pretrained(place, dtype=dtype or saved_as, **settings)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: it has a head of another size
        raise StageError(f"the model {weights.reference} cannot be loaded: {str(error).splitlines()[0]}") from error
    if model.config.num_labels != 1:
        raise StageError(f"the model {weights.reference} gives {model.config.num_labels} numbers; a reward is one")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise StageError(f"the model {weights.reference} names neither a pad token nor an end-of-text token")
    # the score stands at the last token that is no padding
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    return Learner(weights.reference, model, tokenizer, saved_as)


def _trainer(config: Config, learner: Learner, arguments: RewardConfig, rows: Rows) -> Trainer:
    if config.label is None:
        return RewardTrainer(learner.model, arguments, train_dataset=rows.trained, processing_class=learner.tokenizer)
    learner.model.config.problem_type = "multi_label_classification"  # its loss in transformers is the cross-entropy
    if arguments.disable_dropout:
        disable_dropout_in_model(learner.model)
    return Trainer(
        learner.model,
        arguments,
        data_collator=partial(padded, pad=learner.tokenizer.pad_token_id),
        train_dataset=rows.trained,
        processing_class=learner.tokenizer,
        compute_loss_func=_cross_entropy,
    )


def _cross_entropy(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
    """The mean over a step, whose batches the Trainer adds up: the model's own loss is one over each batch, which it
    takes for a share of the step and does not divide."""
    total = binary_cross_entropy_with_logits(outputs.logits.float(), labels, reduction="sum")
    return total / (labels.numel() if num_items_in_batch is None else num_items_in_batch)


def padded(rows: Sequence[dict[str, Any]], pad: int) -> dict[str, torch.Tensor]:
    """Rows of tokens as one batch, (rows, longest), padded on the right."""
    longest = max(len(row["input_ids"]) for row in rows)
    ids = [[*row["input_ids"], *[pad] * (longest - len(row["input_ids"]))] for row in rows]
    mask = [[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows]
    batch = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
    if "labels" in rows[0]:
        batch["labels"] = torch.tensor([row["labels"] for row in rows])
    return batch


def _validated(config: Config, trainer: Trainer, pad: int, rows: Rows) -> dict[str, Any]:
    """What the trainer's model says of the rows held out, in whatever processes it is spread over."""
    names = ["input_ids"] if config.label else ["chosen_ids", "rejected_ids"]
    ids = [row[name] for row in rows.held for name in names]
    if not ids:
        return {"validation_rows": 0}
    trainer.data_collator = partial(padded, pad=pad)
    trainer.can_return_loss, trainer.label_names = False, []  # scores, not the loss of pairs
    said: Any = trainer.predict(datasets.Dataset.from_dict({"input_ids": ids})).predictions
    scores = [float(score) for score in said.reshape(-1)]
    if config.label:
        return of_labels(scores, [label for (label,) in rows.held["labels"]], rows.prompts)
    return of_pairs(scores[::2], scores[1::2], rows.prompts)


class Scorer:
    """A reward model that is asked for scores: one of ours, or any sequence classifier of one number."""

    def __init__(
        self,
        weights: Weights,
        of: Part | None = None,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        batch_size: int = 8,
    ):
        """The model in its own dtype, in float32 on a CPU.

        of is what it was trained on where the model says so; StageError for another, and where the chat template drops
        the thinking that is to be scored.
        """
        place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        learner = loaded(weights, torch.float32 if place == "cpu" else None)
        self.about: dict[str, Any] = getattr(learner.model.config, "reward_model", None) or {}
        trained = self.about.get("of")
        if of and trained and of != trained:
            raise StageError(f"the reward model {weights.reference} was trained to score the {trained}, not the {of}")
        self.reader = Reader(learner.tokenizer, of or trained or "response", weights.reference)
        self.reader.demand_thinking()
        self.model = learner.model.to(place).eval()
        self.pad: int = learner.tokenizer.pad_token_id
        most = getattr(learner.model.config.get_text_config(), "max_position_embeddings", None)
        self.max_length: float = self.about.get("max_length") or most or math.inf
        self.batch_size = batch_size

    def scores(
        self, conversations: Sequence[Sequence[Message]], completions: Sequence[Completion]
    ) -> list[float | None]:
        """The model's number for each answer to the conversation before it, which ends with the user's turn.

        None where there is nothing to score, an empty response or with `of: completion` an empty completion, and where
        the conversation is longer than any that the model learned from.
        """
        ids = [self.reader.ids(*pair) for pair in zip(conversations, completions, strict=True)]
        found: list[float | None] = [None] * len(ids)
        fitting = [at for at, tokens in enumerate(ids) if 0 < len(tokens) <= self.max_length]
        fitting.sort(key=lambda at: len(ids[at]))  # a batch is as long as its longest
        for start in range(0, len(fitting), self.batch_size):
            places = fitting[start : start + self.batch_size]
            batch = padded([{"input_ids": ids[at]} for at in places], self.pad)
            with torch.inference_mode():
                logits = self.model(**{name: values.to(self.model.device) for name, values in batch.items()}).logits
            for at, score in zip(places, logits.float().reshape(-1).tolist(), strict=True):
                found[at] = score
        return found

    def rewards(
        self, conversations: Sequence[Sequence[Message]], completions: Sequence[Completion]
    ) -> list[float | None]:
        """Scores on a scale that can be added to rewards of 0 and 1.

        Only differences of pairwise scores mean something, in a unit that training decides: they become standard
        deviations from the mean of the rows held out. A pointwise score becomes the chance that the answer is a good
        one, from 0 to 1. How R1 adds them is not told: this is a choice. A model that does not say how it was trained,
        or was trained with nothing held out, gives its scores.
        """
        scores = self.scores(conversations, completions)
        if self.about.get("kind") == "pointwise":
            return [None if score is None else 1 / (1 + math.exp(-score)) for score in scores]
        mean, std = self.about.get("mean"), self.about.get("std")
        if mean is None or not std:
            return scores
        return [None if score is None else (score - mean) / std for score in scores]
