"""LLaMA-Factory: JSON lines of messages, and the entry of `dataset_info.json` that names their roles.

Its converter of the form `sharegpt` wants user and assistant in turns behind one system turn at most, and skips other
rows with a warning (data/converter.py of 0.9.5); they are left out here and counted. It reads role and content alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from datafactory.exports import How, Part, Record, Row, Thinking, Told
from datafactory.exports._conversation import alternates, fault, turns

SUMMARY = "JSON lines of messages with dataset_info.json"
THINKING: tuple[Thinking, ...] = ("keep", "strip")
TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}


def parts(how: How) -> Iterable[Part]:
    def messages(row: Row, split: str) -> Record | str:
        told = turns(row, how.thinking)
        if not alternates(told):
            return "does not have user and assistant in turns"
        return fault(told) or {"messages": told}

    return (Part("", messages),)


def beside(told: Told) -> dict[str, str]:
    tags = {**TAGS, "system_tag": "system"}
    entries = {
        _named(told, split): {
            "file_name": f"{split}.jsonl",
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": tags,
        }
        for split in told.splits
    }
    evaluated = "".join(f"eval_dataset: {_named(told, split)}\n" for split in told.splits[1:2])
    recipe = (
        "# llamafactory-cli train sft.yaml\nmodel_name_or_path: Qwen/Qwen2.5-1.5B\nstage: sft\ndo_train: true\n"
        f"finetuning_type: full\ndataset_dir: .\ndataset: {_named(told, told.splits[0])}\n{evaluated}"
        "template: qwen  # one that leaves <think> where it is\ncutoff_len: 32768\noutput_dir: student\n"
    )
    return {"dataset_info.json": json.dumps(entries, indent=2, ensure_ascii=False) + "\n", "sft.yaml": recipe}


def _named(told: Told, split: str) -> str:
    return told.how.name if split == told.splits[0] else f"{told.how.name}_{split}"


def limits(told: Told) -> Iterator[str]:
    return iter(())
