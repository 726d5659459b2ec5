"""The filter stage: measures once, decides by bounds, sees rows, problems or everything, and names what it compares."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from datafactory.build import Plan, plan
from datafactory.errors import UserError
from datafactory.factory import make
from datafactory.measures import measures_of
from datafactory.measuring import BLOCK, measure
from datafactory.outside import BENCHMARKS
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from datafactory.store import EVIDENCE, REASON

# counts its calls in a file, so that a test sees what was measured
COUNTING = """
from pathlib import Path
import polars as pl
SCOPE = "row"
BOUNDS = {"max": 7}

def counting(rows, *, add: float = 0.0):
    with (Path(__file__).parent / "calls").open("a") as calls:
        calls.write(f"{rows.height}\\n")
    return rows["response"].str.len_chars().cast(pl.Float64) + add
"""

# how many rows of the whole dataset have this answer: none of it can be seen from one shard
POPULAR = """
import polars as pl
SCOPE = "dataset"

def popular(rows):
    return settle(gather(rows))["popular"]

def gather(rows):
    return rows.select("answer")

def settle(gathered):
    count = gathered.select(pl.len().over("answer").cast(pl.Float64).alias("popular"))
    return count.with_columns(evidence=pl.format("{} have it", "popular"))
"""

# how many words of a row stand in the rows it is compared with
SHARED = """
from pathlib import Path
import polars as pl
SCOPE = "row"

def shared(rows, *, against: tuple[Path, ...]):
    known = set()
    for path in against:
        tables = [path] if path.is_file() else sorted(path.glob("shard-*.parquet"))
        for table in tables:
            read = pl.read_parquet(table) if table.suffix == ".parquet" else pl.read_ndjson(table)
            known |= {word for text in read["question"] for word in text.split()}
    return pl.Series([float(len(known & set(text.split()))) for text in rows["response"]])

def evidence(rows, *, against: tuple[Path, ...]):
    return "it says: " + rows["response"]
"""

ROWS = [{"question": f"q{n}", "answer": str(n % 3), "response": "word " * n} for n in range(1, 7)]

RECIPE = """
name: small
stages:
  rows: {{do: load, path: rows.jsonl, question: question, answer: answer, response: response, rows_per_shard: 2}}
  clean: {{do: filter, from: rows, keep: {keep}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "rows.jsonl").write_text(lines, encoding="utf-8")
    for name, text in (("counting", COUNTING), ("popular", POPULAR), ("shared", SHARED)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


def built(folder: Path, keep: str, before: str = "") -> Plan:
    (folder / "r.yaml").write_text(
        RECIPE.format(keep=keep).replace("stages:\n", f"stages:\n{before}"), encoding="utf-8"
    )
    with Progress() as progress:
        return make(folder / "r.yaml", folder / "outputs", progress)


def kept(plan: Plan) -> pl.DataFrame:
    return plan.steps["clean"].dataset.scan().collect().sort("question")


def dropped(plan: Plan) -> list[tuple[str, str]]:
    dataset = plan.steps["clean"].dataset
    tables = [table for k in range(len(dataset.shards)) if (table := dataset.rejected(k)) is not None]
    return list(pl.concat(tables).sort("question").select(REASON, EVIDENCE).iter_rows())


def calls(folder: Path) -> int:
    path = folder / "calls"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_another_threshold_measures_nothing_again(folder: Path):
    assert kept(built(folder, "{./counting.py: {max: 12}}")).height == 2
    before = calls(folder)
    assert before >= 3
    (folder / "calls").unlink()
    # what is left is the look at an empty table, which tells whether the columns are there
    assert kept(built(folder, "{./counting.py: {max: 22}}")).height == 4
    assert kept(built(folder, "{./counting.py: {min: 10, undecided: keep}}")).height == 5
    assert set((folder / "calls").read_text().split()) == {"0"}


def test_without_bounds_those_of_the_filter_count(folder: Path):
    assert kept(built(folder, "[./counting.py]"))["counting"].to_list() == [5]
    assert kept(built(folder, "{./counting.py: {min: 6}}")).height == 5  # a bound replaces both
    with pytest.raises(UserError, match=r"stages.clean.keep.popular: needs `min` or `max`"):
        built(folder, "[./popular.py]")


def test_a_measure_can_have_another_name_than_its_filter_and_stand_twice(folder: Path):
    made = built(folder, "{short: {filter: ./counting.py, max: 22}, long: {filter: ./counting.py, add: 100, min: 110}}")
    assert kept(made).select("short", "long").rows() == [(10, 110), (15, 115), (20, 120)]
    with pytest.raises(UserError, match=r"has a column 'answer' already; call this one otherwise"):
        built(folder, "{answer: {filter: ./counting.py}}")


def test_a_row_without_a_value_is_dropped_unless_the_recipe_keeps_it(folder: Path):
    (folder / "none.py").write_text(
        "import polars as pl\ndef none(rows):\n    return pl.Series([None] * rows.height, dtype=pl.Float64)\n"
    )
    assert kept(built(folder, "{./none.py: {min: 0}}")).height == 0
    assert kept(built(folder, "{./none.py: {min: 0, undecided: keep}}"))["none"].to_list() == [None] * 6
    (folder / "none.py").write_text((folder / "none.py").read_text() + "BOUNDS = {'min': 1, 'undecided': 'keep'}\n")
    assert kept(built(folder, "[./none.py]")).height == 6
    assert kept(built(folder, "{./none.py: {undecided: drop}}")).height == 0
    with pytest.raises(UserError, match="undecided: .*'drop' or 'keep', not 'maybe'"):
        built(folder, "{./none.py: {min: 0, undecided: maybe}}")


def test_a_filter_of_all_rows_sees_every_shard(folder: Path):
    made = built(folder, "{./popular.py: {max: 1}, ./counting.py: {min: 0}}")
    assert dropped(made) == [("popular above 1", "popular = 2: 2.0 have it")] * 6
    assert len(made.steps["clean"].dataset.shards) == 3


def test_a_filter_compares_with_a_file_a_benchmark_or_a_stage(folder: Path, monkeypatch: pytest.MonkeyPatch):
    test = [{"question": "a word apart", "answer": "1"}]
    for place in ("test.jsonl", "benchmarks/Some-Test_24.jsonl"):
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text("".join(json.dumps(row) + "\n" for row in test), encoding="utf-8")
    stage = "  held_out: {do: load, path: test.jsonl, question: question, answer: answer}\n"
    for named in ("test.jsonl", "[sometest24]", "held_out", "[held_out, some_test_24]"):
        made = built(folder, f"{{./shared.py: {{max: 0, against: {named}}}}}", stage)
        assert dropped(made)[0] == ("shared above 0", "shared = 1: it says: word ")
    (folder / "benchmarks/scripts").mkdir()
    (folder / "benchmarks/scripts/run.py").touch()
    with pytest.raises(UserError, match="no stage named 'scripts' above"):
        built(folder, "{./shared.py: {max: 0, against: scripts}}")
    elsewhere = folder / "elsewhere"
    (folder / "benchmarks").rename(elsewhere)
    monkeypatch.setenv(BENCHMARKS, str(elsewhere))
    assert len(dropped(built(folder, "{./shared.py: {max: 0, against: SomeTest24}}"))) == 6


def test_what_is_compared_with_counts_by_its_content(folder: Path):
    def fingerprint(named: str) -> str:
        (folder / "r.yaml").write_text(RECIPE.format(keep=f"{{./shared.py: {{max: 0, against: {named}}}}}"))
        return plan(read_recipe(folder / "r.yaml"), folder / "outputs").steps["clean"].fingerprint

    (folder / "a.jsonl").write_text('{"question": "one"}\n')
    (folder / "b.jsonl").write_text('{"question": "one"}\n')
    first = fingerprint("a.jsonl")
    assert fingerprint("b.jsonl") == first
    (folder / "b.jsonl").write_text('{"question": "two"}\n')
    assert fingerprint("b.jsonl") != first


def test_a_benchmark_that_is_not_there_is_named_with_where_it_was_looked_for(folder: Path):
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks/aime24.jsonl").write_text("{}\n")
    with pytest.raises(UserError) as raised:
        built(folder, "{./shared.py: {max: 0, against: [aime25]}}")
    (message,) = raised.value.problems
    assert "r.yaml:5: stages.clean.keep.shared.against: no stage named 'aime25' above." in message
    assert (
        f"There is no file aime25.jsonl, .parquet or .csv in {folder / 'benchmarks'}. Did you mean 'aime24'?" in message
    )
    assert BENCHMARKS in message
    with pytest.raises(UserError, match=r"there is no .*tset.jsonl. Did you mean"):
        (folder / "test.jsonl").write_text("{}\n")
        built(folder, "{./shared.py: {max: 0, against: tset.jsonl}}")
    with pytest.raises(UserError, match="against: should be a path, the name of a benchmark or of a stage above"):
        built(folder, "{./shared.py: {max: 0, against: 3}}")
    with pytest.raises(UserError, match="against: is missing"):
        built(folder, "{./shared.py: {max: 0}}")


def test_filters_are_named_by_a_list_a_mapping_or_both(folder: Path):
    made = built(
        folder, "[finished, {./counting.py: {max: 12}, long: {filter: ./counting.py, min: 6}}, length: {min: 1}]"
    )
    assert kept(made).columns[-4:] == ["finished", "counting", "long", "length"]
    assert kept(made)["long"].to_list() == [10]
    with pytest.raises(UserError, match=r"keep: 'length' stands twice; `another_name: {filter: length, ...}`"):
        built(folder, "[length, {length: {max: 3}}]")
    with pytest.raises(UserError, match=r"keep: should be filters with their bounds"):
        built(folder, "[3]")


def test_all_that_is_wrong_with_settings_is_said_at_once(folder: Path):
    with pytest.raises(UserError) as raised:
        built(folder, "{repetition: {max: 0.2, ngrams: 3}, lenght: {max: 5}, length: {unit: miles, max: 3}}")
    told = "\n".join(raised.value.problems)
    assert "keep.repetition.ngrams: no setting named 'ngrams'. Did you mean 'ngram'?" in told
    assert "no filter named 'lenght'. Did you mean 'length'?" in told
    assert "keep.length.unit" in told


def test_filters_of_rows_see_one_frame_a_block(folder: Path):
    # what one reads of a block the next finds in filters/_shared.py, by the frame itself
    for name in ("one", "other"):
        (folder / f"{name}.py").write_text(
            "import polars as pl\n"
            "from filters._shared import shared\n"
            "SCOPE = 'row'\n"
            f"def {name}(rows):\n"
            f"    return pl.Series([float(shared(rows, 'first', lambda: {name!r}) == 'one')] * rows.height)\n"
        )
    rows = kept(built(folder, "{./one.py: {min: 0}, ./other.py: {min: 0}}"))
    assert rows.select("one", "other").unique().rows() == [(1, 1)]


def test_a_users_columns_may_have_any_name(folder: Path):
    rows = pl.DataFrame({"at": ["a", "b"], "first": ["c", "d"], "block": ["", ""], "bytes": [1, 2], "problem": [3, 4]})
    text = "import polars as pl\ndef named(rows):\n    return pl.Series([1.0] * rows.height)\n"
    (folder / "named.py").write_text(text)
    (part,) = measures_of(str(folder / "named.py"))
    assert measure([part], rows)["named"].to_list() == [1, 1]
    assert measure([part], rows.select("bytes"))["named"].to_list() == [1, 1]


def test_a_problem_is_measured_whole_however_long_its_rows_are():
    long = "word " * (BLOCK // 5)
    rows = pl.DataFrame(
        {"problem_id": ["a", "b", "a", "a"], "response": [long, "x", long, long], "math": [1.0, 0, 0, 0.8]}
    )
    assert measure(measures_of("pass_rate"), rows)["pass_rate"].to_list() == pytest.approx([0.6, 0.0, 0.6, 0.6])


def test_what_is_settled_of_all_rows_and_what_is_told_stand_beside_their_own_row(folder: Path):
    text = POPULAR.replace("popular", "place").replace(
        'pl.len().over("answer").cast(pl.Float64).alias("place")',
        'pl.int_range(pl.len()).cast(pl.Float64).alias("place")',
    )
    (folder / "place.py").write_text(text)
    (folder / "told.py").write_text(
        "import polars as pl\nSCOPE = 'row'\n"
        "def told(rows):\n    return rows['question'].str.slice(1).cast(pl.Int64) % 2 == 0\n"
        "def evidence(rows):\n    return 'about ' + rows['question']\n"
    )
    made = built(folder, "{./told.py: {max: 0}, ./place.py: {min: 0}}")
    assert kept(made).select("question", "place").rows() == [("q1", 0), ("q3", 2), ("q5", 4)]
    assert [evidence for _, evidence in dropped(made)] == [f"told = 1: about q{n}" for n in (2, 4, 6)]
