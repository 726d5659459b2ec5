"""SFT with TRL: a merged dataset's rows as prompt and completion, the loss on the completion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import polars as pl
from trl import SFTConfig, SFTTrainer

from datafactory.chat import fill, join_thinking, turns
from datafactory.errors import StageError
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.store import Dataset
from datafactory.training.common import Watch, load, save, settings


def train(config: Any, source: Dataset, weights: Weights, folder: Path, progress: StageProgress) -> None:
    """The student trained on the source's rows, saved under `folder/model`."""
    model, tokenizer = load(weights, config.dtype)
    rows, counts = fitting(config, source, tokenizer, weights.reference)
    arguments = SFTConfig(
        **settings(config, folder),
        max_length=None,  # rows that are too long were left out; nothing is ever cut
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": 0.1},  # cosine to a tenth (arXiv:2501.12948, B.4)
    )
    steps = max(1, counts["rows"] * config.epochs / (config.per_device_train_batch_size * config.gradient_accumulation_steps))
    watch = Watch(progress, counts["tokens"] * config.epochs / steps)
    trainer = SFTTrainer(
        model=model, args=arguments, train_dataset=rows, processing_class=tokenizer, callbacks=[watch]
    )
    saved_as = model.config.dtype
    trainer.train()
    loss = [[entry["step"], entry["loss"]] for entry in watch.log if "loss" in entry]
    save(trainer.model, tokenizer, folder, _saved(weights, saved_as), {**counts, "steps": trainer.state.global_step, "loss": loss})


def fitting(config: Any, source: Dataset, tokenizer: Any, reference: str) -> tuple[datasets.Dataset, dict[str, int]]:
    """The rows that fit into `max_length`, and how many rows and tokens there are and were left out."""
    columns = ["problem", "reasoning", "response"]
    table = source.scan().select(columns).collect()
    kept, tokens, long = [], 0, 0
    for row in table.iter_rows(named=True):
        prompt, completion = _turns(config, row)
        rendered = _rendered(tokenizer, prompt, completion)
        if row["reasoning"] and row["reasoning"] not in rendered:
            raise StageError(f"the chat template of {reference} drops the thinking; a student would not learn to think")
        length = len(tokenizer(rendered, add_special_tokens=False)["input_ids"])
        if length > config.max_length:
            long += 1
            continue
        tokens += length
        kept.append(_example(tokenizer, prompt, completion))
    if not kept:
        raise StageError(f"no row fits into max_length {config.max_length}; the shortest is longer")
    return datasets.Dataset.from_list(kept), {"rows": len(kept), "tokens": tokens, "too_long": long}
