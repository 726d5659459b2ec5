"""axolotl: JSON lines of messages for its `chat_template` datasets, and the fragment of YAML that names them.

With `--thinking field` the thinking is in `reasoning_content`, the field that its loader hands to the chat template
(prompt_strategies/chat_template.py of 0.19: field_thinking, template_thinking_key).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datafactory.exports import How, Part, Record, Row, Thinking, Told
from datafactory.exports._conversation import FIELD, fault, filled, turns

SUMMARY = "JSON lines of messages with a YAML fragment for chat_template"
THINKING: tuple[Thinking, ...] = ("keep", "strip", "field")


def parts(how: How) -> Iterable[Part]:
    def messages(row: Row, split: str) -> Record | str:
        told = turns(row, how.thinking)
        return fault(told) or {"messages": filled(told)}

    return (Part("", messages),)


def beside(told: Told) -> dict[str, str]:
    lines = ["# axolotl train axolotl.yaml", "base_model: Qwen/Qwen2.5-1.5B", "sequence_len: 32768"]
    keys = ["datasets", "test_datasets"]
    for key, split in zip(keys, told.splits, strict=False):
        lines += [f"{key}:", f"  - path: {split}.jsonl", "    ds_type: json", "    type: chat_template"]
        lines += ["    field_messages: messages", "    roles_to_train: [assistant]"]
        if key == "test_datasets":
            lines.append("    split: train  # of a file of its own")
        if told.how.thinking == "field":
            lines += [f"    field_thinking: {FIELD}", f"    template_thinking_key: {FIELD}"]
    return {"axolotl.yaml": "\n".join([*lines, "output_dir: student", ""])}


def limits(told: Told) -> Iterator[str]:
    return iter(())
