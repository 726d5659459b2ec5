"""The labelled test bed: real traces, and the same with a known fault in them, as one Parquet file.

    python benchmarks/filters/testbed.py --data ../shared/data --out /tmp/bed

Out  id, label, language (of what intrudes, or of the row where it is not English), dose, at (characters into the
     reasoning unless it says so), note, split, and the columns of a rollout. The same seed gives the same rows
Dev  is for choosing bounds, test for figures: they share no trace's model (a host's), no foreign sentence, and some
     foreign languages stand in test only
"""

from __future__ import annotations

import argparse
import hashlib
from collections import defaultdict
from pathlib import Path

import content
import disorder
import intruders
import loops
import monolingual
import polars as pl
import real
from real import Row

HEAD = ("id", "label", "language", "dose", "at", "note", "split")
TEXTS = ("problem_id", "question", "answer", "reasoning", "response", "finish_reason", "model", "source")
ROLLOUT = (*TEXTS, "rollout", "completion_tokens")

# what every filter has to keep; the other labels say what is wrong with a row
KEEP = ("clean", "bilingual", "mention_real", "compliance", "identity_mention", "personal_mention", "nine_words")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not (arguments.data / "traces").is_dir():
        parser.error(f"{arguments.data}: there is no folder `traces` in it")
    bed = table(made(arguments.data, arguments.seed))
    arguments.out.mkdir(parents=True, exist_ok=True)
    bed.write_parquet(arguments.out / "bed.parquet")
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True):
        print(bed.pivot("split", index="label", values="id", aggregate_function="len").sort("label"))
    print(f"{bed.height} rows, {bed['reasoning'].str.len_bytes().sum() / 1e6:.0f} MB of thinking")


def made(data: Path, seed: int) -> list[Row]:
    rows = found(data)
    hosts = defaultdict(list)
    for row in rows:
        if row["label"] == "clean" and row["reasoning"] and len(intruders.places(row["reasoning"])) > 5:
            hosts[row["split"]].append(row)
    own = monolingual.prose(data, seed) + monolingual.sums(seed) + monolingual.chinese(data)
    chinese = {split: [r for r in own if r["language"] == "cmn" and r["split"] == split] for split in hosts}
    rows += own + monolingual.bilingual(data, seed) + loops.enumerations(data)
    rows += intruders.foreign_sentences(hosts, data, seed) + intruders.single_words(hosts, seed)
    rows += monolingual.wrong_language(hosts, data, seed)
    rows += monolingual.mixed_elsewhere([row for row in own if row["note"] != "tatoeba"], data, seed)
    rows += loops.made(hosts, chinese, seed) + disorder.made(hosts, seed)
    rows += content.planted(hosts, data, seed) + content.refusals(data) + content.written(hosts, seed)
    return rows


def found(data: Path) -> list[Row]:
    """The real traces that a mark or a reader's eye puts under one label; the doubtful ones are left out."""
    rows = real.traces(data)
    for row, strange in zip(rows, real.foreign(rows), strict=True):
        row["label"] = label(row, strange)
        if row["label"] == "mixed_real":
            row["note"] = "in the thinking" if any(real.foreign([{**row, "response": ""}])) else "in the answer"
    return [row for row in rows if row["label"]]


def label(row: Row, strange: bool) -> str | None:
    if strange:
        return "mention_real" if row["trace"] in real.MENTIONS else "mixed_real"
    if row["trace"] in real.DOUBTFUL:
        return None
    if row["trace"] in real.CUT:
        return "truncated_real"
    if row["trace"] in real.LOOPS:
        return "loop_real"
    if row["fresh"] <= 0.35:
        # megabytes of them: of the models of dev one in three is enough
        return "loop_real" if row["split"] == "test" or int(row["trace"], 16) % 3 == 0 else None
    if row["fresh"] < 0.7:
        return None
    if row["reasoning"] is None:
        # instruct models that write their steps out; one row in four is enough of them
        instruct = row["model"].startswith(("Qwen2.5-32B", "Qwen2.5-14B")) and len(row["response"]) > 400
        return "clean" if instruct and int(row["trace"], 16) % 4 == 0 else None
    return "clean" if real.thinks(row) else "truncated_real"


def table(rows: list[Row]) -> pl.DataFrame:
    for row in rows:
        row["problem_id"] = hashlib.sha256((row["question"] or "").encode()).hexdigest()[:16]
    names = (*HEAD, *TEXTS)
    bed = pl.DataFrame(
        [{name: row.get(name) for name in names} for row in rows], schema=dict.fromkeys(names, pl.String)
    )
    if bed["id"].is_duplicated().any():
        raise ValueError(f"ids twice: {bed.filter(pl.col('id').is_duplicated())['id'].unique().to_list()[:5]}")
    return bed.with_columns(
        rollout=pl.int_range(pl.len()).over("problem_id").cast(pl.Int32),
        completion_tokens=(pl.col("response").str.len_chars() + pl.col("reasoning").fill_null("").str.len_chars())
        .floordiv(4)
        .cast(pl.Int32),
    )


if __name__ == "__main__":
    main()
