"""Merge mixes, shuffles, parts and writes finished rows: what stands in its files is counted by other means."""

from __future__ import annotations

import collections
import itertools
import json
import random
import subprocess
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from datafactory.errors import NothingLeft, StageError
from datafactory.merging import build as building
from datafactory.merging import shards, writing
from datafactory.merging import spill as spilling
from datafactory.types import COLUMNS

from .merged import dataset, files, merged, rejected, row, rows, table


def counts(made: pl.DataFrame, by: str = "domain") -> dict[str | None, int]:
    return dict(collections.Counter(made[by].to_list()))


@pytest.fixture
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces and buckets of a few rows, as if there were very many rows."""
    monkeypatch.setattr(spilling, "PIECE", 4000)
    monkeypatch.setattr(spilling, "BUCKET", 3000)


@pytest.fixture
def mixed(tmp_path: Path) -> dict:
    reasoning = [*rows("math", 40, 3), *rows("code", 20, 2), *rows("logic", 5)]
    general = [
        *rows("general", 30, source="chat"),
        *(row(f"wiki {n}?", domain="general", source="wiki") for n in range(10)),
    ]
    return {"reasoning": dataset(tmp_path / "reasoning", reasoning), "general": dataset(tmp_path / "general", general)}


def test_without_a_mixture_every_row_is_there_once_and_says_what_it_said(
    tmp_path: Path, mixed: dict, small_buckets: None
):
    made = table(merged(tmp_path / "out", mixed, shard_bytes=8000))
    given = pl.concat([table(part) for part in mixed.values()])
    assert sorted(made["trace_id"]) == sorted(given["trace_id"])
    told = {
        trace: (said[-2]["content"], said[-1]["content"])
        for trace, said in made.select("trace_id", "messages").iter_rows()
    }
    for each in given.iter_rows(named=True):
        answer = f"<think>\n{each['reasoning']}\n</think>\n\n{each['response']}"
        assert told[each["trace_id"]] == (each["question"], answer)


def test_counts_are_met_to_the_row(tmp_path: Path, mixed: dict):
    made = merged(tmp_path / "out", mixed, mixture={"math": 60, "code": 33, "general": 11}, other="drop")
    assert counts(table(made)) == {"math": 60, "code": 33, "general": 11}
    left = rejected(made)
    assert counts(left) == {"math": 60, "code": 7, "general": 29, "logic": 5}
    assert set(left.filter(pl.col("domain") == "logic")["rejected_reason"]) == {"in no part of the mixture"}
    assert set(left.filter(pl.col("domain") == "math")["rejected_evidence"]) == {"math: room for 60 of 120"}
    parts = {part["part"]: part for part in made.manifest["counts"]["parts"]}
    assert (parts["math"]["asked"], parts["math"]["had"], parts["math"]["rows"]) == (60, 120, 60)
    assert made.manifest["counts"]["other"] == {"logic": 5}


def test_every_problem_is_covered_before_any_stands_twice(tmp_path: Path, mixed: dict):
    made = table(merged(tmp_path / "out", mixed, mixture={"math": 60, "code": 7}))
    each = counts(made.filter(pl.col("domain") == "math"), "problem_id")
    assert len(each) == 40 and set(each.values()) == {1, 2}
    assert set(counts(made.filter(pl.col("domain") == "code"), "problem_id").values()) == {1}


def test_what_is_preferred_is_taken_of_every_problem(tmp_path: Path):
    given = [{**each, "clarity": float((7 * n) % 5)} for n, each in enumerate(rows("math", 20, 4))]
    source = {"a": dataset(tmp_path / "a", given)}
    made = table(merged(tmp_path / "out", source, mixture={"math": 20}, prefer="clarity desc"))
    best: dict[str, float] = {}
    for each in given:
        best[each["problem_id"]] = max(best.get(each["problem_id"], 0), each["clarity"])
    assert dict(made.select("problem_id", "clarity").iter_rows()) == best


def test_shares_of_datasets_are_met_by_the_scarcest(tmp_path: Path, mixed: dict):
    made = table(merged(tmp_path / "out", mixed, by="dataset", mixture={"reasoning": 0.75, "general": 0.25}))
    assert counts(made.with_columns(pl.col("domain").eq("general").alias("chat")), "chat") == {False: 120, True: 40}


def test_counts_of_datasets_are_met_to_the_row(tmp_path: Path, mixed: dict):
    wanted = {"reasoning": 60, "general": {"rows": 70, "upsample": 2}}
    made = table(merged(tmp_path / "out", mixed, by="dataset", mixture=wanted))
    assert counts(made.with_columns(pl.col("domain").eq("general").alias("chat")), "chat") == {False: 60, True: 70}
    with pytest.raises(StageError, match=r"met: general has 40 of 70 rows\. "):
        merged(tmp_path / "short", mixed, by="dataset", mixture={**wanted, "general": 70})


def test_a_share_beside_counts_is_of_the_whole(tmp_path: Path, mixed: dict):
    made = table(merged(tmp_path / "out", mixed, mixture={"math": 60, "code": 20, "general": 0.2}))
    assert counts(made) == {"math": 60, "code": 20, "general": 20}


def test_a_part_is_divided_by_another_column(tmp_path: Path, mixed: dict):
    general = {"rows": 20, "by": "source", "within": {"wiki": {"floor": 4, "cap": 5}}}
    made = merged(tmp_path / "out", mixed, mixture={"math": 10, "general": general})
    assert counts(table(made).filter(pl.col("domain") == "general"), "source") == {"chat": 15, "wiki": 5}
    (told,) = (part for part in made.manifest["counts"]["parts"] if part["part"] == "general")
    assert told["within"][0]["value"] == "wiki" and told["within"][0]["rows"] == 5
    with pytest.raises(StageError, match=r"general\.wiki has 10 of 12 rows"):
        merged(tmp_path / "short", mixed, mixture={"general": {"rows": 20, "by": "source", "within": {"wiki": 12}}})


def test_a_mixture_that_cannot_be_met_names_every_part_and_writes_nothing(tmp_path: Path, mixed: dict):
    wanted = {"math": 121, "code": 40, "logc": 3, "general": {"rows": 100, "upsample": 2}}
    with pytest.raises(StageError) as told:
        merged(tmp_path / "out", mixed, mixture=wanted)
    line = str(told.value)
    assert "\n" not in line and "code" not in line.partition("logc")[0]
    for part in (
        "math has 120 of 121",
        "logc has 0 of 3",
        "Did you mean 'logic'?",
        "general has 80 of 100 rows, each 2 times",
    ):
        assert part in line
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_what_duplicates_leave_is_what_there_is(tmp_path: Path):
    again = [{**each, "trace_id": f"{n:016x}"} for n, each in enumerate(rows("math", 3))]
    source = {"a": dataset(tmp_path / "a", [*rows("math", 10), *again])}
    with pytest.raises(StageError, match="math has 10 of 12 rows"):
        merged(tmp_path / "out", source, mixture={"math": 12})
    assert not list((tmp_path / "out").rglob("*.arrow"))  # what was spilt would be found by no other mixture


def test_a_whole_that_is_scaled_keeps_its_shares(tmp_path: Path, mixed: dict):
    made = table(merged(tmp_path / "out", mixed, mixture={"math": 240, "code": 60}, shortfall="scale"))
    assert counts(made) == {"math": 120, "code": 30}


def test_what_a_whole_is_scaled_to_is_named(tmp_path: Path, mixed: dict, capfd: pytest.CaptureFixture[str]):
    merged(tmp_path / "out", mixed, mixture={"math": 240, "code": 30}, shortfall="scale")
    told = capfd.readouterr().err.replace("\n", " ")
    assert "the whole is 50.0% of what was asked for: math has 120 of 240 rows" in told and "code has" not in told
    with pytest.raises(StageError, match=r"nothing is left: maths has 0 of 3 rows.* Did you mean 'math'\?"):
        merged(tmp_path / "none", mixed, mixture={"math": 10, "maths": 3}, shortfall="scale")


def test_rows_without_an_answer_are_left_out(tmp_path: Path):
    mute = [row(f"Mute {n}?", reasoning=None, response=said) for n, said in enumerate(("", None, " \n"))]
    thought = row("Cut?", reasoning="I think", response="")
    source = {"a": dataset(tmp_path / "a", [*rows("math", 5), *mute, thought])}
    made = merged(tmp_path / "out", source)
    assert set(table(made)["problem"]) == {f"math {n}?" for n in range(5)}
    assert rejected(made).select("question", "rejected_reason").sort("question").rows() == [
        (question, "no response") for question in ("Cut?", "Mute 0?", "Mute 1?", "Mute 2?")
    ]
    with pytest.raises(StageError, match="math has 5 of 7 rows"):
        merged(tmp_path / "short", source, mixture={"math": 7})


def test_what_there_is_is_taken_and_told(tmp_path: Path, mixed: dict, capfd: pytest.CaptureFixture[str]):
    made = merged(tmp_path / "out", mixed, mixture={"math": 240, "code": 30}, shortfall="report")
    assert counts(table(made)) == {"math": 120, "code": 30}
    assert "math has 120 of 240 rows" in capfd.readouterr().err.replace("\n", " ")


def test_rows_that_no_part_names_are_dropped_taken_or_refused(tmp_path: Path, mixed: dict):
    taken = table(merged(tmp_path / "taken", mixed, mixture={"math": 60}, other="take"))
    assert counts(taken) == {"math": 60, "code": 40, "logic": 5, "general": 40}
    with pytest.raises(StageError, match=r"names no part for domain code \(40\), general \(40\), logic \(5\)"):
        merged(tmp_path / "failed", mixed, mixture={"math": 60}, other="fail")


def test_rows_without_a_domain_are_a_part_of_their_own(tmp_path: Path):
    source = {"a": dataset(tmp_path / "a", [*rows("math", 10), *rows(None, 6)])}
    assert counts(table(merged(tmp_path / "out", source, mixture={"math": 5, "null": 4}))) == {"math": 5, None: 4}
    left = rejected(merged(tmp_path / "less", source, mixture={"math": 5}))
    assert set(left.filter(pl.col("domain").is_null())["rejected_evidence"]) == {"domain is null"}


def test_copies_are_as_many_as_allowed_spread_and_numbered(tmp_path: Path, mixed: dict):
    made = table(merged(tmp_path / "out", mixed, mixture={"math": 100, "code": {"rows": 90, "upsample": 3}}))
    code = made.with_row_index("at").filter(pl.col("domain") == "code")
    each = counts(code, "trace_id")
    assert sum(each.values()) == 90 and set(each.values()) == {2, 3}
    for _, row_copies in code.group_by("trace_id"):
        assert sorted(row_copies["copy"]) == list(range(row_copies.height))
        places = sorted(row_copies["at"])
        assert min(b - a for a, b in itertools.pairwise(places)) > 190 / 6


def test_the_first_of_what_says_the_same_stays_and_is_named(tmp_path: Path):
    first = rows("math", 4)
    again = [{**each, "trace_id": f"{n:016x}"} for n, each in enumerate(first[:2])]
    other = {**first[2], "trace_id": "f" * 16, "answer": "9", "problem_id": "other"}
    plain = {**first[3], "trace_id": "e" * 16, "reasoning": None}
    options = [{**first[3], "trace_id": f"{n}" * 16, "choices": json.dumps([str(n)])} for n in (5, 6)]
    sources = {"a": dataset(tmp_path / "a", first), "b": dataset(tmp_path / "b", [*again, other, plain, *options])}
    made = merged(tmp_path / "out", sources)
    assert sorted(table(made)["trace_id"]) == sorted(
        [*(each["trace_id"] for each in first), "e" * 16, "5" * 16, "6" * 16]
    )
    left = {each["trace_id"]: each for each in rejected(made).iter_rows(named=True)}
    assert {name: each["rejected_reason"] for name, each in left.items()} == dict.fromkeys(
        [f"{0:016x}", f"{1:016x}", "f" * 16], "duplicate"
    )
    assert left["f" * 16]["rejected_evidence"] == f"trace {first[2]['trace_id']} says the same"


def test_a_group_never_spans_two_shards_and_shards_are_of_their_size(tmp_path: Path, small_buckets: None):
    given = [row(f"{n} " + "abcdefghij"[n % 10] * 40, r) for n in range(300) for r in range(1 + n % 4)]
    for shuffle in (True, False):
        for size in (3000, 20000, 10**9):
            made = merged(
                tmp_path / f"{shuffle}{size}",
                {"a": dataset(tmp_path / f"a{shuffle}{size}", given)},
                shuffle=shuffle,
                shard_bytes=size,
            )
            problems = [set(made.read(k)["problem_id"]) for k in range(len(made.shards))]
            assert sum(map(len, problems)) == len(set.union(*problems)) == 300
            assert made.rows == len(given) and (len(made.shards) > 1) == (size < 10**9)


def test_the_order_is_that_of_the_inputs_where_nothing_is_shuffled(tmp_path: Path, mixed: dict, small_buckets: None):
    made = table(merged(tmp_path / "out", mixed, shuffle=False))
    assert made["trace_id"].to_list() == [trace for part in mixed.values() for trace in table(part)["trace_id"]]
    split = {
        "b": dataset(tmp_path / "b", rows("math", 9)),
        "c": dataset(tmp_path / "c", [row("math 3?", 1), row("new")]),
    }
    together = table(merged(tmp_path / "together", split, shuffle=False))
    assert together["problem"].to_list()[3:5] == ["math 3?", "math 3?"]


def test_every_order_is_as_likely(tmp_path: Path):
    """Where ten rows come to stand over 200 seeds: no place is far from a tenth."""
    source = {"a": dataset(tmp_path / "a", rows("math", 10))}
    seen = collections.Counter()
    for seed in range(200):
        made = table(merged(tmp_path / f"out{seed}", source, seed=seed))
        seen.update((question, place) for place, question in enumerate(made["problem"]))
    assert len(seen) == 100 and max(seen.values()) < 45 and min(seen.values()) > 4


def test_rows_of_a_problem_stand_apart(tmp_path: Path):
    source = {"a": dataset(tmp_path / "a", [*rows("math", 40, 6), *rows("code", 200)])}
    made = table(merged(tmp_path / "out", source, apart=50))["problem_id"].to_list()
    last: dict[str, int] = {}
    for place, problem in enumerate(made):
        assert place - last.get(problem, -1000) >= 50
        last[problem] = place


def test_the_same_seed_gives_the_same_bytes_and_another_gives_another_order(
    tmp_path: Path, mixed: dict, small_buckets: None
):
    settings = {
        "mixture": {"math": 70, "code": {"rows": 60, "upsample": 2}},
        "validation": {"problems": 5},
        "shard_bytes": 4000,
    }
    first = dict(files(merged(tmp_path / "one", mixed, **settings).folder))
    assert first == dict(files(merged(tmp_path / "two", mixed, **settings).folder))
    assert first != dict(files(merged(tmp_path / "three", mixed, **settings, seed=1).folder))
    assert not (tmp_path / "one/spill").exists()


def test_how_the_inputs_are_cut_into_shards_does_not_matter(tmp_path: Path):
    given = rows("math", 60, 2)
    orders = [
        table(merged(tmp_path / f"out{n}", {"a": dataset(tmp_path / f"a{n}", given, shards=n)}, mixture={"math": 50}))[
            "trace_id"
        ].to_list()
        for n in (1, 5)
    ]
    assert orders[0] == orders[1]


def test_row_groups_are_small_and_statistics_are_of_small_columns(tmp_path: Path):
    given = [row(f"{n}?", reasoning="long " * 2000) for n in range(3000)]
    made = merged(tmp_path / "out", {"a": dataset(tmp_path / "a", given)})
    about = pq.ParquetFile(made.folder / made.shards[0]["file"]).metadata
    assert about.num_row_groups > 1
    assert max(about.row_group(k).total_byte_size for k in range(about.num_row_groups)) < 50 << 20
    columns = {
        about.row_group(0).column(k).path_in_schema: about.row_group(0).column(k) for k in range(about.num_columns)
    }
    assert columns["reasoning"].compression == "ZSTD"
    assert columns["rollout"].is_stats_set and columns["domain"].statistics.max == "math"
    assert not columns["reasoning"].is_stats_set and not columns["messages.list.element.content"].is_stats_set


def test_what_a_killed_merge_had_made_is_used_again(
    tmp_path: Path, mixed: dict, small_buckets: None, monkeypatch: pytest.MonkeyPatch
):
    """Stopped at each step in turn, it ends in the same bytes, and what is there is not made again."""
    settings = {"shard_bytes": 4000, "validation": {"problems": 9}}
    whole = dict(files(merged(tmp_path / "whole", mixed, **settings).folder))
    assert len([name for name in whole if name.startswith("shard")]) > 3

    class Killed(BaseException):
        pass

    read = counted(monkeypatch, spilling.Spill, "_read")
    written = counted(monkeypatch, shards.Sheet, "__enter__")
    for place, name, done in (
        (spilling.Spill, "fill", 2),
        (writing.Written, "_train", 1),
        (writing.Written, "_hold", 0),
    ):
        left, original = iter(range(done)), getattr(place, name)

        def stopped(self, *given, original=original, left=left):
            if next(left, None) is None:
                raise Killed
            return original(self, *given)

        monkeypatch.setattr(place, name, stopped)
        with pytest.raises(Killed):
            merged(tmp_path / "out", mixed, **settings)
        monkeypatch.setattr(place, name, original)
    made = merged(tmp_path / "out", mixed, **settings)
    assert dict(files(made.folder)) == whole
    assert len(read) == len(set(read)) > 3
    names = [sheet.path.name for sheet in written]
    assert len(names) == len(set(names))


def counted(monkeypatch: pytest.MonkeyPatch, place: type, name: str) -> list:
    """What the method of that name is called with, and on, as it is called."""
    seen: list = []
    original = getattr(place, name)

    def called(self, *given):
        seen.append(given[0] if given else self)
        return original(self, *given)

    monkeypatch.setattr(place, name, called)
    return seen


@pytest.mark.parametrize(("size", "kind"), [("200k", "rows-*.arrow"), ("540k", "shard-*.parquet")])
def test_a_full_disk_is_one_line_and_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str, kind: str
):
    """Full while rows are spilt, and while shards are written."""
    monkeypatch.setattr(spilling, "PIECE", 40_000)
    monkeypatch.setattr(spilling, "BUCKET", 40_000)
    monkeypatch.setattr(building, "THREADS", 1)  # several at once could all be half way
    given = [row(f"{n}?", reasoning=random.Random(n).randbytes(600).hex()) for n in range(200)]
    source = {"a": dataset(tmp_path / "a", given)}
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], capture_output=True
    ).returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        with pytest.raises(StageError, match="the disk is full; what was finished before it is kept"):
            merged(disk / "out", source, shard_bytes=20_000)
        made = [path for path in (disk / "out").rglob("*") if path.suffix in (".arrow", ".parquet")]
        assert list((disk / "out").rglob(kind)) and not list((disk / "out").rglob(".*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        times = {path: path.stat().st_mtime_ns for path in made if path.suffix == ".parquet"}
        whole = merged(tmp_path / "whole", source, shard_bytes=20_000)
        assert dict(files(merged(disk / "out", source, shard_bytes=20_000).folder)) == dict(files(whole.folder))
        assert {path: path.stat().st_mtime_ns for path in times} == times
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_damaged_or_missing_input_is_one_line(tmp_path: Path, mixed: dict):
    path = mixed["general"].folder / "shard-00001.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:200] + b"\0" + content[201:])
    with pytest.raises(StageError, match="shard-00001.parquet is not what was written"):
        merged(tmp_path / "out", mixed)
    path.unlink()
    with pytest.raises(StageError, match="shard-00001.parquet is missing"):
        merged(tmp_path / "out", mixed)


def test_nothing_accepted_is_told(tmp_path: Path):
    empty = dataset(tmp_path / "a", pl.DataFrame(schema={name: getattr(pl, kind) for name, kind in COLUMNS.items()}))
    with pytest.raises(NothingLeft, match="nothing was accepted: a came out empty"):
        merged(tmp_path / "out", {"a": empty})
