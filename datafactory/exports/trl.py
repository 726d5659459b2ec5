"""TRL: `sft/` with prompt and completion, on which its loss lies, and `grpo/` with prompt and solution.

Both are conversational datasets of TRL 1.16 (its docs, "Dataset formats"). Its accuracy rewards read `solution` as
mathematics and skip a row where they find none, as in a bare `B` or `x^2+1`: it is boxed. For `messages` alone the
published folder serves as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from datafactory.exports import How, Part, Record, Row, Thinking, Told
from datafactory.exports._conversation import Once, fault, message_type, solved, turns

SUMMARY = "sft/ with prompt and completion, grpo/ with prompt and solution, Parquet"
THINKING: tuple[Thinking, ...] = ("keep", "strip", "field")


def parts(how: How) -> Iterable[Part]:
    once = Once()

    def sft(row: Row, split: str) -> Record | str:
        messages = turns(row, how.thinking)
        return fault(messages) or {"prompt": messages[:-1], "completion": messages[-1:]}

    def grpo(row: Row, split: str) -> Record | str:
        if solved(row) is None:
            return "has no solution to reward by"
        if not once.new(row):
            return "is a further answer to a problem that is there"
        told = {"prompt": turns(row, "keep")[:-1], "solution": _boxed(solved(row))}
        return {**told, "problem_id": row["problem_id"], "domain": row["domain"]}

    kind = message_type(how.thinking)
    text = [(name, pa.string()) for name in ("solution", "problem_id", "domain")]
    return (
        Part("sft", sft, pa.schema([("prompt", kind), ("completion", kind)]), sharded=True),
        Part("grpo", grpo, pa.schema([("prompt", message_type("keep")), *text])),
    )


def _boxed(solution: str) -> str:
    return solution if "\\boxed" in solution else f"\\boxed{{{solution}}}"


def beside(told: Told) -> dict[str, str]:
    evaluated = " --eval_strategy epoch --dataset_test_split validation" if "validation" in told.splits else ""
    lines = [
        "# For TRL",
        "",
        "`sft/` is for SFT, which cuts a row at `--max_length`, 1024 tokens by default; `grpo/` is for GRPO, a row per",
        "problem with a solution.",
        "",
        "```sh",
        "trl sft --model_name_or_path Qwen/Qwen2.5-1.5B --dataset_name ./sft --max_length 32768 --output_dir student"
        + evaluated,
        "trl grpo --model_name_or_path Qwen/Qwen2.5-1.5B --dataset_name ./grpo --reward_funcs accuracy_reward"
        " --output_dir policy",
        "```",
        "",
    ]
    return {"README.md": "\n".join(lines)}


def limits(told: Told) -> Iterator[str]:
    return iter(())
