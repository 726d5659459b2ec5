"""Precision, recall and clean traces kept, of every filter that has bounds of its own, over the test bed.

    python benchmarks/filters/quality.py --data ../shared/data [--bed FOLDER] [--split test] [--only NAME] [--show 5]

Prints two Markdown tables: a row per filter and fault that it is meant to drop, and a row per language or kind of it.
Recall is of the rows with that fault; precision is dropped rows with it / those and dropped rows that are in order.
Kept is of the clean traces of models, and of all rows in order (translations, other languages, look-alikes: the bed's
KEEP); undecided is the share of these whose value is null. The second table names rows in order only where some are
dropped. Filters of all rows are not here: benchmarks/near_duplicates.py is about those.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
from testbed import KEEP, ROLLOUT

from datafactory.errors import StageError, UserError
from datafactory.measures import Measure, measures_of
from datafactory.measuring import evidence, measure
from datafactory.plugins import Use, names

# filter: the faults it is meant to drop, each with the column whose values the second table parts them by
MEANT: dict[str, tuple[tuple[str, str | None], ...]] = {
    "language_mixing": (
        ("foreign_sentence", "language"),
        ("foreign_elsewhere", "language"),
        ("foreign_word", "language"),
        ("mixed_real", "note"),
    ),
    "language_consistency": (("wrong_language", "language"), ("foreign_sentence, 30 %", "language")),
    "repetition": (("loop_made", "kind"), ("loop_real", None)),
    "looping_tail": (("loop_made, at the end", "kind"), ("loop_real", None)),
    "repetition + looping_tail": (("loop_made", "kind"), ("loop_real", None)),
    "long_paragraph": (("wall_of_text", "note"),),
    "code_in_thinking": (("code_block", "note"),),
    "markup_in_thinking": (("markup", "note"),),
    "finished": (("truncated", "note"),),
    "gibberish": (("gibberish", "kind"),),
    "summary_leaks_thinking": (("summary_leak", "note"),),
    "answer_agrees": (("answer_disagrees", None),),
    "indecision": (("indecision", None),),
    "refusal": (("refusal", "model"),),
    "identity": (("identity", "note"),),
    "pii": (("personal_data", "note"),),
    "boilerplate": (("boilerplate", "note"),),
    "contamination": (("contaminated", "kind"),),
}
AGAINST = ("aime24", "aime25", "math500", "humaneval")
THINKING = pl.col("reasoning").is_not_null()
FENCE = "```"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bed", type=Path, help="what testbed.py wrote; made anew where it is not given")
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("--only", default="", help="filters, with commas between them")
    parser.add_argument(
        "--show", type=int, default=0, help="rows to show that are dropped and in order, and missed ones"
    )
    arguments = parser.parse_args()
    if arguments.only and (unknown := set(arguments.only.split(",")) - set(MEANT)):
        parser.error(f"--only: no faults are known for {', '.join(sorted(unknown))}; there are: {', '.join(MEANT)}")
    bed = opened(arguments.bed, arguments.data).filter(split=arguments.split)
    chosen = arguments.only.split(",") if arguments.only else list(MEANT)
    working = {name: parts for name in chosen if (parts := tried(name, arguments.data, bed))}
    order = measured([part for name, parts in working.items() if " + " not in name for part in parts],
                     bed.filter(pl.col("label").is_in(KEEP)))  # fmt: skip
    print(row("filter", "bound", "fault", "recall", "precision", "clean traces kept", "all in order kept", "undecided"))
    print(row(*["---"] * 8))
    kinds = [row("filter", "fault", "kind", "dropped"), row(*["---"] * 4)]
    for name, parts in working.items():
        missing = [part for part in parts if value(part) not in order.columns]
        kinds += judged(name, parts, bed, measured(missing, order), arguments.show)
    print("", *kinds, sep="\n")


def tried(name: str, data: Path, bed: pl.DataFrame) -> tuple[Measure, ...]:
    """The filters by these names, where they are there, have bounds, and measure a few rows."""
    try:
        parts = parts_of(name, data)
        measured(list(parts), bed.head(3))
    except (UserError, StageError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return ()
    return parts


def opened(folder: Path | None, data: Path) -> pl.DataFrame:
    if folder is not None:
        return pl.read_parquet(folder / "bed.parquet")
    with tempfile.TemporaryDirectory() as made:
        script = Path(__file__).with_name("testbed.py")
        subprocess.run([sys.executable, script, "--data", data, "--out", made], check=True, stdout=sys.stderr)
        return pl.read_parquet(Path(made) / "bed.parquet")


def parts_of(name: str, data: Path) -> tuple[Measure, ...]:
    """The filters by these names at their own bounds; nothing where one is not there or has no bounds."""
    several = name.split(" + ")
    there = all(part in names("filter") and hasattr(Use("filter", part).module, "BOUNDS") for part in several)
    if not there:
        return ()
    if name == "contamination":
        paths = ", ".join(str((data / "problems" / f"{of}.jsonl.gz").resolve()) for of in AGAINST)
        return measures_of(f"{{contamination: {{against: [{paths}]}}}}")
    return measures_of(",".join(several))


def judged(name: str, parts: tuple[Measure, ...], bed: pl.DataFrame, order: pl.DataFrame, show: int) -> list[str]:
    """Prints the rows of the first table; those of the second."""
    order = order.filter(fair(name)).with_columns(out=out(parts))
    good = order.drop_nulls("out")
    real = good.filter((pl.col("label") == "clean") & (pl.col("model") != "made"))
    shown("dropped, in order", parts, good.filter("out"), show)
    kinds = []
    for fault, by in MEANT[name]:
        rows = measured(list(parts), bed.filter(of_fault(fault))).with_columns(out=out(parts).fill_null(False))
        rows = rows.with_columns(kind=pl.col("note").str.split(" | " if name == "contamination" else ", ").list.first())
        shown(f"missed, {fault}", parts, rows.filter(~pl.col("out")), show)
        hit, wrong = rows["out"].sum(), good["out"].sum()
        precision = f"{hit / (hit + wrong):.1%}" if hit + wrong else "-"
        kept = [f"{(~some['out']).mean():.2%} of {some.height}" for some in (real, good)]
        null = f"{order['out'].null_count() / order.height:.1%}"
        bounds = "; ".join(bound(part) for part in parts)
        print(row(name, bounds, fault, f"{hit / rows.height:.1%} of {rows.height}", precision, *kept, null), flush=True)
        for parted in (by, "dose" if fault == "foreign_sentence" else None):
            for (key,), some in rows.group_by(parted, maintain_order=True) if parted else ():
                kinds.append(row(name, fault, str(key), f"{some['out'].sum()} of {some.height}"))
    for (label,), some in good.group_by("label", maintain_order=True):
        if some["out"].any():
            kinds.append(row(name, "in order, dropped", str(label), f"{some['out'].sum()} of {some.height}"))
    return kinds


def of_fault(fault: str) -> pl.Expr:
    if fault == "foreign_sentence, 30 %":
        return (pl.col("label") == "foreign_sentence") & (pl.col("dose") == "30 %")
    if fault == "loop_made, at the end":
        return (pl.col("label") == "loop_made") & pl.col("note").str.contains("end|answer")
    if fault == "foreign_sentence":  # a name and a word is nothing that a reader would call a sentence
        return (pl.col("label") == "foreign_sentence") & (pl.col("dose") != "short")
    return pl.col("label") == fault


def fair(name: str) -> pl.Expr:
    """Which of the rows in order say anything of this filter; what it looks for stands in some of them by right."""
    if name == "code_in_thinking":
        return THINKING & ~pl.col("reasoning").str.contains(FENCE, literal=True)
    if name in ("markup_in_thinking", "long_paragraph"):
        return THINKING
    if name == "identity":  # GPT-4 says in some of XSTest's answers who made it
        return ~pl.col("response").str.contains("OpenAI", literal=True) | (pl.col("label") != "compliance")
    if name == "finished":  # XSTest's answers are cut at a number of tokens
        return pl.col("label") != "compliance"
    if name == "contamination":  # SkyThought's and MiP's questions are those of the sets
        return (pl.col("source") == "MisguidedAttention") | (pl.col("label") == "nine_words")
    return pl.lit(True)


def measured(parts: list[Measure], rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a column `value ...` per measure; a filter sees a rollout and no label."""
    if not parts:
        return rows
    values = measure(parts, rows.select(ROLLOUT))
    return rows.with_columns(values[part.column].alias(value(part)) for part in parts)


def value(part: Measure) -> str:
    return f"value {part.column}"


def out(parts: tuple[Measure, ...]) -> pl.Expr:
    """Whether a row is out of bounds; null where that is not decided, whatever a recipe does with such a row."""
    beyond = [
        pl.col(value(part)) < limit if way == "min" else pl.col(value(part)) > limit
        for part in parts
        for way, limit in (("min", part.minimum), ("max", part.maximum))
        if limit is not None
    ]
    return pl.any_horizontal(beyond)


def shown(title: str, parts: tuple[Measure, ...], rows: pl.DataFrame, most: int) -> None:
    some = rows.sample(min(most, rows.height), seed=0)
    for at, one in enumerate(some.iter_rows(named=True)):
        said = [(one[value(part)], *evidence(part, some[at : at + 1].select(ROLLOUT))) for part in parts]
        print(f"{title}: {one['id']} {said} [{one['label']} {one['language']} {one['dose']}] {one['note']}")


def bound(part: Measure) -> str:
    bounds = (("min", part.minimum), ("max", part.maximum))
    return ", ".join(f"{way} {value:g}" for way, value in bounds if value is not None)


def row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', ',')[:80] for cell in cells)} |"


if __name__ == "__main__":
    main()
