"""verl: `rl/` with prompt and reward_model, a row per problem with a solution, and `sft/` with messages; Parquet.

The columns are those of its own examples (examples/data_preprocess/gsm8k.py) and of its RLHFDataset and
MultiTurnSFTDataset (0.9.1). Its built-in rewards know a few names of data_source only; `reward.py` grades any of them
by this package's math verifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from datafactory.exports import How, Part, Record, Row, Thinking, Told
from datafactory.exports._conversation import Once, fault, message_type, solved, turns

SUMMARY = "rl/ with prompt and reward_model, sft/ with messages, Parquet"
THINKING: tuple[Thinking, ...] = ("keep", "strip", "field")
REWARD = '''"""The reward of a completion: the math verifier of datafactory against the ground truth."""

from datafactory.chat import split_thinking
from datafactory.types import Problem
from datafactory.verifiers import math


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **further):
    verdict = math.verify(Problem("", ground_truth), split_thinking(solution_str), math.Config())
    return verdict.reward or 0.0
'''


def parts(how: How) -> Iterable[Part]:
    once = Once()
    made: dict[str, int] = {}

    def rl(row: Row, split: str) -> Record | str:
        if solved(row) is None:
            return "has no solution to reward by"
        if not once.new(row):
            return "is a further answer to a problem that is there"
        index = made[split] = made.get(split, -1) + 1
        return {
            "data_source": row["source"] or "unknown",
            "prompt": turns(row, "keep")[:-1],
            "ability": row["domain"] or "unknown",
            "reward_model": {"style": "rule", "ground_truth": solved(row)},
            "extra_info": {"split": split, "index": index, "problem_id": row["problem_id"]},
        }

    def sft(row: Row, split: str) -> Record | str:
        messages = turns(row, how.thinking)
        return fault(messages) or {"messages": messages}

    of_rl = pa.schema(
        [
            ("data_source", pa.string()),
            ("prompt", message_type("keep")),
            ("ability", pa.string()),
            ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
            ("extra_info", pa.struct([("split", pa.string()), ("index", pa.int64()), ("problem_id", pa.string())])),
        ]
    )
    return Part("rl", rl, of_rl), Part("sft", sft, pa.schema([("messages", message_type(how.thinking))]))


def beside(told: Told) -> dict[str, str]:
    train, validation = told.splits[0], told.splits[-1]
    files = f"data.train_files=rl/{train}.parquet data.val_files=rl/{validation}.parquet"
    sft = f"data.train_files=sft/{train}.parquet data.val_files=sft/{validation}.parquet"
    return {
        "reward.py": REWARD,
        "README.md": (
            "# For verl\n\n```sh\npython -m verl.trainer.main_ppo algorithm.adv_estimator=grpo "
            f"{files} data.max_prompt_length=2048 data.max_response_length=32768 "
            "reward.custom_reward_function.path=reward.py actor_rollout_ref.model.path=Qwen/Qwen2.5-1.5B\n"
            f"torchrun --nproc_per_node=8 -m verl.trainer.sft_trainer {sft} data.messages_key=messages "
            "data.max_length=32768 model.path=Qwen/Qwen2.5-1.5B\n```\n"
        ),
    }


def limits(told: Told) -> Iterator[str]:
    return iter(())
