"""SFT with TRL: a merged dataset's rows in tokens, the loss on the answers alone.

`prepare` reads the rows, checks all that can be wrong and reckons what it takes, with the tokenizer and the config of
the model; `train` loads the weights.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import datasets
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, AutoTokenizer
from trl import SFTConfig, SFTTrainer
from trl.data_utils import pack_dataset

from datafactory.architecture import architecture
from datafactory.errors import StageError
from datafactory.job import Job
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.supervised import Supervised, lacking
from datafactory.training.common import RECOMPUTED, Watch, load, precision, run, save, settings, workshop
from datafactory.training.examples import written
from datafactory.training.form import Form, form
from datafactory.training.launching import launch
from datafactory.training.machine import machine
from datafactory.training.processes import together
from datafactory.training_plan import Corpus, Settings
from datafactory.training_told import TrainingPlan, shortfalls

ROWS = ".rows.tmp"
TENTH = 0.1  # of the learning rate, at which the cosine ends (arXiv:2501.12948, B.4)


@dataclass(frozen=True)
class Prepared:
    """The config without an open number, the rows in tokens, the template, the token that ends a turn; the plan."""

    config: Supervised
    file: Path
    template: str
    end: str
    plan: TrainingPlan


def carried_out(config: Supervised, job: Job) -> None:
    """A stage's run."""
    complete(prepare(config, job), job)


def prepare(config: Supervised, job: Job) -> Prepared:
    """All that stands before the weights are loaded; StageError for what cannot be learnt."""
    source, weights = job.inputs[config.source].split("train"), job.weights[config.model]
    if told := lacking(source.columns):
        raise StageError(f"{source.folder}: {told}")
    place, folder = weights.outline(), job.draft.folder
    with workshop(folder) as scratch:
        shape = _shape(weights, place)
        student = architecture(shape)
        filled, origins = config.filled(weights.reference, student)
        how = form(weights.reference, _tokenizer(weights, place), filled.chat_template, filled.template)
        corpus = written(filled, source, how, scratch / "rows.arrow")
        longest = corpus.longest
        if filled.packing:
            corpus, longest = _packed(filled, scratch / "rows.arrow", scratch / "packed.arrow", corpus)
        _demand_positions(weights, filled, shape, corpus)
        file = folder / ROWS
        (scratch / ("packed.arrow" if filled.packing else "rows.arrow")).replace(file)
    plan = TrainingPlan(
        reference=weights.reference,
        student=student,
        corpus=corpus,
        settings=_settings(filled, longest),
        machine=machine(filled),
        learning_rate=filled.learning_rate,
        schedule=_schedule(filled),
        max_length=filled.max_length,
        packing=filled.packing,
        preset=filled.told_preset(),
        template=_told_template(how, filled),
        positions=filled.max_position_embeddings or shape.get("max_position_embeddings"),
        origins=origins,
        saved=4 if _dtype(shape) == "float32" else 2,
        spare=shutil.disk_usage(folder).free,
    )
    return Prepared(filled, file, str(how.tokenizer.chat_template), how.end, plan)


def complete(prepared: Prepared, job: Job) -> None:
    """The weights loaded and trained."""
    try:
        demand_room(prepared, job.progress)
        weights = job.weights[prepared.config.model]
        launch(__name__, prepared.config, prepared, weights, job.draft.folder, job.progress)
    finally:
        prepared.file.unlink(missing_ok=True)


def demand_room(prepared: Prepared, progress: StageProgress) -> None:
    """StageError where the device or the disk has not the room; a note where the config only wants to be told."""
    for short in shortfalls(prepared.plan):
        if prepared.config.memory == "check":
            raise StageError(f"{short}; `memory: report` tries it all the same")
        progress.note(short)


def train(config: Supervised, source: Prepared, weights: Weights, folder: Path, progress: StageProgress) -> None:
    """The model trained on the prepared rows, saved under `folder/model`."""
    with workshop(folder) as scratch:
        learner = load(weights, precision(config), _positioned(config, weights))
        learner.tokenizer.chat_template = source.template
        longest = source.plan.settings.longest
        padded = config.per_device_train_batch_size > 1 and not config.packing
        arguments = SFTConfig(
            **settings(
                config,
                scratch,
                longest,
                packing=False,  # `prepare` has packed them
                padding_free=config.packing,
                max_length=None,  # rows that are too long were left out; nothing is ever cut
                eos_token=source.end,
                # rows of one length waste no padding; without padding a step is better off with rows of all lengths
                train_sampling_strategy="group_by_length" if padded else "random",
                lr_scheduler_type="cosine_with_min_lr",
                lr_scheduler_kwargs={"min_lr_rate": TENTH},
            )
        )
        rows = datasets.Dataset.from_file(str(source.file))
        trainer = SFTTrainer(learner.model, arguments, train_dataset=rows, processing_class=learner.tokenizer)
        watch = Watch(progress)
        steps = run(trainer, watch, config)
        curves = {name: watch.by_step(name) for name in ("loss", "learning_rate", "mean_token_accuracy", "grad_norm")}
        about = {**source.plan.counts(), "steps": steps, "dtype": precision(config)}
        save(trainer, learner, folder, scratch, {**about, "rate": curves.pop("learning_rate"), **curves})


def _tokenizer(weights: Weights, place: str) -> Any:
    try:
        return AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError) as error:
        raise StageError(
            f"the tokenizer of {weights.reference} cannot be loaded: {str(error).splitlines()[0]}"
        ) from error
    except StrictDataclassError as error:  # transformers reads config.json on the way, and says why in its last line
        why = str(error).splitlines()[-1].strip()
        raise StageError(f"the config.json of {weights.reference} contradicts itself: {why}") from error


def _shape(weights: Weights, place: str) -> dict[str, Any]:
    """What config.json says of the language model."""
    path = Path(place) / "config.json"
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{weights.reference} has no config.json that can be read: {error}") from error
    return dict(said.get("text_config") or said)


def _dtype(shape: dict[str, Any]) -> str:
    return str(shape.get("dtype") or shape.get("torch_dtype") or "float32")


def _packed(config: Supervised, rows: Path, file: Path, corpus: Corpus) -> tuple[Corpus, int]:
    """The rows in contexts of `max_length`, and the tokens of the longest context.

    No row is longer than a context, so that best-fit decreasing cuts none.
    """
    whole = datasets.Dataset.from_file(str(rows))
    packed = pack_dataset(whole, config.max_length, "bfd", {"cache_file_name": str(file)})
    longest = max(sum(lengths) for lengths in packed["seq_lengths"])
    return replace(corpus, sequences=packed.num_rows), longest


def _demand_positions(weights: Weights, config: Supervised, shape: dict[str, Any], corpus: Corpus) -> None:
    positions = config.max_position_embeddings or shape.get("max_position_embeddings")
    if positions is None or corpus.longest <= positions:
        return
    raise StageError(
        f"rows of up to {corpus.longest:,} tokens are longer than the {positions:,} positions of {weights.reference}: "
        f"`max_position_embeddings: {1 << (corpus.longest - 1).bit_length()}` trains and saves it with more "
        f"(`rope_theta` sets the base of its rotary positions), and `max_length: {positions}` leaves these rows out"
    )


def _positioned(config: Supervised, weights: Weights) -> Any:
    """The config to load the model with, where its positions are to be others than its own; else None."""
    if config.max_position_embeddings is None and config.rope_theta is None:
        return None
    shape = AutoConfig.from_pretrained(weights.fetch())
    inner = shape.get_text_config()
    if config.max_position_embeddings is not None:
        inner.max_position_embeddings = config.max_position_embeddings
    if config.rope_theta is not None:
        inner.rope_parameters = {**(inner.rope_parameters or {}), "rope_theta": config.rope_theta}
    return shape


def _settings(config: Supervised, longest: int) -> Settings:
    recomputed = longest * config.per_device_train_batch_size > RECOMPUTED
    shared = together(config)
    return Settings(
        epochs=config.epochs,
        max_steps=config.max_steps,
        per_device=config.per_device_train_batch_size,
        accumulation=config.gradient_accumulation_steps,
        processes=shared.processes,
        sharing=shared.holds,
        precision=precision(config),
        optimizer=str(config.trl.get("optim", "adamw_torch")),
        longest=longest,
        recomputed=bool(config.trl_runtime.get("gradient_checkpointing", recomputed)),
    )


def _schedule(config: Supervised) -> str:
    if "lr_scheduler_type" in config.trl:
        return str(config.trl["lr_scheduler_type"])
    return f"by a cosine to {config.learning_rate * TENTH:g}"


def _told_template(how: Form, config: Supervised) -> str:
    if how.own:
        whose = "the model's own"
    else:
        path = config.chat_template.path if config.chat_template else None
        whose = f"{path or 'given in the settings'}" if config.chat_template else "plain, as the model has none"
    append = "; answers stand behind its prompt" if config.template == "append" else ""
    return f"{whose}; an answer ends in {how.end}{append}"
