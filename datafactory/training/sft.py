"""SFT with TRL: a merged dataset's rows as prompt and completion, the loss on the completion alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
from datasets.arrow_writer import ArrowWriter
from trl import SFTConfig, SFTTrainer

from datafactory.chat import join_thinking
from datafactory.errors import StageError
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.prompting import Prompting
from datafactory.store import Dataset
from datafactory.training.common import Learner, Watch, load, plain, precision, run, save, settings, workshop

if TYPE_CHECKING:
    from datafactory.stages.distill import Config

COLUMNS = ("problem", "choices", "domain", "source", "reasoning", "response")


def train(config: Config, source: Dataset, weights: Weights, folder: Path, progress: StageProgress) -> None:
    """The student trained on the source's rows, saved under `folder/model`."""
    with workshop(folder) as scratch:
        learner = load(weights, precision(config))
        end = end_of_turn(learner)
        rows, counts, longest = fitting(config, source, learner, scratch / "rows.arrow")
        arguments = SFTConfig(
            **settings(config, scratch, longest),
            max_length=None,  # rows that are too long were left out; nothing is ever cut
            eos_token=end,
            train_sampling_strategy="group_by_length",
            lr_scheduler_type="cosine_with_min_lr",
            lr_scheduler_kwargs={"min_lr_rate": 0.1},  # cosine to a tenth (arXiv:2501.12948, B.4)
        )
        trainer = SFTTrainer(learner.model, arguments, train_dataset=rows, processing_class=learner.tokenizer)
        watch = Watch(progress)
        steps = run(trainer, watch)
        save(
            learner,
            folder,
            scratch,
            {**counts, "steps": steps, "dtype": precision(config), "loss": watch.by_step("loss")},
        )


def end_of_turn(learner: Learner) -> str | None:
    """The token that the chat template puts after an answer; None without a template, where TRL appends eos.

    A base model's template may end its turns with another token than its eos (Qwen2.5: <|im_end|>, <|endoftext|>). The
    student has to stop at what it was taught to write.
    """
    tokenizer = learner.tokenizer
    if not tokenizer.chat_template:
        return None
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"}], tokenize=False
    )
    after = tokenizer(text.rpartition("answer")[2], add_special_tokens=False)["input_ids"]
    marks = [token for token in after if token in {*tokenizer.added_tokens_decoder, *learner.ends}]
    if not marks:
        raise StageError(f"the chat template of {learner.reference} ends no turn; a student would not learn to stop")
    return str(tokenizer.convert_ids_to_tokens(marks[0]))


def fitting(
    config: Config, source: Dataset, learner: Learner, file: Path
) -> tuple[datasets.Dataset, dict[str, int], int]:
    """The rows that fit into `max_length`, kept in that file; what was counted; and the longest row's tokens."""
    counts, longest = {"rows": 0, "tokens": 0, "too_long": 0}, 0
    with ArrowWriter(path=str(file)) as writer:
        for example, length in _examples(config, source, learner):
            if length > config.max_length:
                counts["too_long"] += 1
                continue
            writer.write(example)
            counts["rows"] += 1
            counts["tokens"] += length
            longest = max(longest, length)
        if not counts["rows"]:
            raise StageError(f"none of {counts['too_long']} rows fits into max_length {config.max_length}")
        writer.finalize()
    return datasets.Dataset.from_file(str(file)), counts, longest


def _examples(config: Config, source: Dataset, learner: Learner) -> Iterator[tuple[dict[str, Any], int]]:
    """TRL's prompt and completion of each row, with the tokens they take together."""
    tokenizer = learner.tokenizer
    thinking = Prompting(prompt=config.prompt, system=config.system)
    plainly = Prompting(system=config.system)  # an answer without thinking is not taught as one to "think step by step"
    columns = [*COLUMNS, *(["history"] if "history" in source.columns else [])]
    for k in range(len(source.shards)):
        for row in source.read(k).select(columns).iter_rows(named=True):
            prompting = plainly if row["reasoning"] is None else thinking
            messages = prompting.messages({**row, "question": row["problem"]})
            answer = join_thinking(row["reasoning"], row["response"] or "")
            if not tokenizer.chat_template:
                example: dict[str, Any] = {"prompt": plain(messages), "completion": answer}
                ids = tokenizer(example["prompt"] + answer + tokenizer.eos_token)["input_ids"]
            else:
                example = {"prompt": messages, "completion": [{"role": "assistant", "content": answer}]}
                text = tokenizer.apply_chat_template([*messages, *example["completion"]], tokenize=False)
                if row["reasoning"] and row["reasoning"] not in text:
                    raise StageError(
                        f"the chat template of {learner.reference} drops the thinking; a student would not learn it"
                    )
                ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            yield example, len(ids)
