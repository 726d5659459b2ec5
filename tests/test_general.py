"""General data: rows without thinking, of several shapes and with conversations before them, pass the same filters."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from .conftest import REPOSITORY, built, write_rows

SHARED = REPOSITORY.parent / "shared" / "data"


def turns(*said: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]


def dropped(folder: Path, rows: list[list[str]], keep: str, more: str = "") -> list[tuple[int, str]]:
    """Which conversations a filter drops, and why; the others come out."""
    write_rows(folder / "p.jsonl", [{"messages": turns(*said), "n": n} for n, said in enumerate(rows)])
    (folder / "r.yaml").write_text(
        f"name: r\nstages:\n{more}  it: {{do: load, path: p.jsonl}}\n  clean: {{do: filter, from: it, keep: {keep}}}\n"
    )
    dataset = built(folder / "r.yaml").steps["clean"].dataset
    assert dataset.rows + dataset.dropped == len(rows)
    tables = [dataset.rejected(k) for k in range(len(dataset.shards))]
    lost = pl.concat([table for table in tables if table is not None]) if dataset.dropped else None
    found = lost.select("meta", "rejected_reason").rows() if lost is not None else []
    return sorted((json.loads(meta)["n"], reason) for meta, reason in found)


LONG = "The harbour lay quiet under a thin morning fog while the first boats came slowly home from the night's work."
FILTERS: dict[str, tuple[str, list[list[str]], set[int]]] = {
    # the same last question after another conversation is another question
    "near duplicates of questions": (
        "{near_duplicates: {max: 0, of: question}}",
        [[LONG, "Nice.", LONG + " Go on."], [LONG, "Nice.", LONG + " Go on!"], ["Sing of the sea and of nothing else, please, "
         "in three short verses that rhyme.", "La.", "Go on then, and this time of the mountains in winter, as they were."]],
        {1},
    ),
    "duplicates of traces": ("{duplicates: {max: 0}}", [["a?", LONG], ["b?", LONG], ["c?", "Short."]], {1}),
    "refusal": ("[refusal]", [["q", "a", "More?", "I'm sorry, but I can't help with that."], ["q", LONG]], {0}),
    "identity": ("[identity]", [["Who?", "I am ChatGPT, made by OpenAI."], ["Who?", "I am a poem."]], {0}),
    "pii": ("[pii]", [["q", "Write to jane.roe.1984@gmail.com, she knows."], ["q2", LONG]], {0}),
    "boilerplate": (
        "{boilerplate: {max: 0}}",
        [["q", f"{LONG} I hope this helps! Let me know if you have any questions."], ["q2", LONG]],
        {0},
    ),
    "contamination": (
        "{contamination: {against: held_out}}",
        [["Hello.", "Hi.", f"Continue: {LONG}", "ok"], [f"Read this. {LONG}", "Read.", "And what did you think of it?", "Good."],
         ["Something else entirely, about gardens.", "Yes."]],
        {0, 1},
    ),
    "length": ("{length: {min: 3, of: response, unit: words}}", [["q", "One."], ["q2", LONG]], {0}),
    "repetition": ("{repetition: {max: 0.5}}", [["q", "again and again and so on " * 40], ["q2", LONG]], {0}),
    "language": ("{language_mixing: {max: 0}}", [["Say it in English.", LONG + " 今天天气很好，我们去公园散步吧。" + LONG], ["q2", LONG]], {0}),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_sees_rows_without_thinking_and_after_a_conversation(tmp_path: Path, name: str):
    keep, rows, bad = FILTERS[name]
    write_rows(tmp_path / "held.jsonl", [{"question": LONG}])
    rows = [[*said, "Fine, then."] if len(said) % 2 else said for said in rows]
    found = dropped(tmp_path, rows, keep, "  held_out: {do: load, path: held.jsonl}\n")
    lost = {n for n, _ in found}
    # of two that say the same either may be the better one
    assert lost == bad or ("duplicates" in name and len(lost) == 1 and lost < {0, 1}), found


def test_the_same_words_after_another_conversation_are_another_question(tmp_path: Path):
    told = ["Once there was a miller.", "A ship sailed out of the bay at dawn with nobody at the wheel."]
    rows = [
        [f"Tell me of {n}: {text}", text, "Please go on with it until the very end.", f"{LONG} {n}"]
        for n, text in enumerate(told)
    ]
    assert (
        dropped(tmp_path, rows, "{duplicates: {max: 0, of: question}, near_duplicates: {max: 0, of: question}}") == []
    )


def test_the_shipped_recipe_runs_and_its_dataset_holds_every_category(tmp_path: Path):
    plan = built(REPOSITORY / "recipes" / "general.yaml", outputs=str(tmp_path / "out"))
    rows = pl.read_parquet(plan.published / "dataset" / "data" / "*.parquet")
    assert {"writing", "factual_qa", "self_cognition", "translation", "role_play", "software_engineering"} <= set(
        rows["category"]
    )
    assert (
        set(rows["domain"]) == {"general"}
        and rows["license"].null_count() == 0
        and rows["reasoning"].null_count() == rows.height
    )
    asked = rows.filter(pl.col("history").is_not_null())
    assert asked.height > 5
    for row in asked.iter_rows(named=True):
        before = [{"role": turn["role"], "content": turn["content"]} for turn in json.loads(row["history"])]
        last = [{"role": "user", "content": row["problem"]}, {"role": "assistant", "content": row["response"]}]
        assert row["messages"] == before + last
    counts = {name: step.dataset.rows for name, step in plan.steps.items()}
    assert counts["clean"] >= 75 and counts["named"] == counts["itself"] and counts["dataset"] == rows.height


def real(name: str) -> list[dict[str, Any]]:
    path = SHARED / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip("the shared data is not on this machine")
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def test_real_sets_of_every_category_go_from_their_files_to_one_dataset(tmp_path: Path):
    """Alpaca in two languages, dialogues, translations, seed tasks, role-play prompts that a model answers."""
    seeds = [
        {"instruction": row["instruction"], **row["instances"][0]}
        for row in real("instructions/self_instruct_seed_tasks")
    ]
    pairs = [
        {"instruction": f"Translate into English ({row['lang']}).", "input": row["text"], "output": row["eng"]}
        for row in real("multilingual/tatoeba_pairs")[::50]
    ]
    write_rows(tmp_path / "seeds.jsonl", seeds)
    write_rows(tmp_path / "pairs.jsonl", pairs)
    write_rows(tmp_path / "chats.jsonl", real("preferences/dpo_en_demo"))
    write_rows(tmp_path / "roles.jsonl", real("instructions/awesome_prompts_roleplay")[:60])
    (tmp_path / "actor.py").write_text(
        "def answer(question, rollout, seed):\n    return f'As you wish: {question.split()[-1]} and so the play begins.'\n"
    )
    (tmp_path / "r.yaml").write_text(
        f"""name: r
models:
  actor: {{engine: scripted, function: actor.py}}
  judge: {{engine: scripted, function: {REPOSITORY / "recipes/data/stand_in_judge.py"}}}
stages:
  english: {{do: load, path: {SHARED}/instructions/alpaca_en_demo.jsonl.gz, limit: 300, domain: general, category: factual_qa, license: Apache-2.0}}
  chinese: {{do: load, path: {SHARED}/instructions/alpaca_zh_demo.jsonl.gz, limit: 300, domain: general, category: writing, license: Apache-2.0}}
  seeds: {{do: load, path: seeds.jsonl, domain: general, category: writing, license: Apache-2.0}}
  pairs: {{do: load, path: pairs.jsonl, domain: general, category: translation, license: CC-BY-2.0-FR}}
  chats: {{do: load, path: chats.jsonl, shape: sharegpt, response: chosen, domain: general, category: role_play, license: Apache-2.0}}
  parts: {{do: load, path: roles.jsonl, question: prompt, domain: general, category: role_play, license: CC0-1.0}}
  played: {{do: generate, from: parts, model: actor}}
  clean:
    do: filter
    from: [english, chinese, seeds, pairs, chats]
    keep: [duplicates, near_duplicates, refusal, identity, pii, {{boilerplate: {{max: 1}}}}]
  judged: {{do: judge, from: clean, model: judge, with: [clarity]}}
  good: {{do: select, from: judged, where: clarity >= 4}}
  dataset: {{do: merge, from: [good, played]}}
"""
    )
    plan = built(tmp_path / "r.yaml")
    sizes = {name: step.dataset for name, step in plan.steps.items()}
    loaded = ("english", "chinese", "seeds", "pairs", "chats")
    assert sizes["clean"].rows + sizes["clean"].dropped == sum(sizes[name].rows for name in loaded)
    assert sizes["chats"].rows + sizes["chats"].dropped == 300 and sizes["played"].rows == 60 - sizes["parts"].dropped
    assert 0.7 < sizes["clean"].rows / sum(sizes[name].rows for name in loaded) < 1
    rows = pl.read_parquet(plan.published / "dataset" / "data" / "*.parquet")
    assert set(rows["category"]) == {"factual_qa", "writing", "translation", "role_play"}
    assert rows.filter(pl.col("history").is_not_null()).height > 50
    assert not rows["messages"].list.eval(pl.element().struct.field("content").str.len_chars() == 0).list.any().any()
