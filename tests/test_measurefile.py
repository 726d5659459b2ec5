"""`datafactory measure`: anyone's file with a column per filter, whatever it holds and however it is laid out."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from datafactory import measurefile
from datafactory.errors import UserError
from datafactory.measurefile import measure_file
from datafactory.plugins import names

from .conftest import write_rows

NOT_IN_ALL = {"contamination", "paraphrase"}  # they compare with files that only a person can name
OF_REWARDS = {"pass_rate", "difficulty"}
UNDECIDED = {"answer_agrees"}  # no filter but these may leave a row without a number


def measured(file: Path, text: str, **settings) -> tuple[pl.DataFrame, list[str]]:
    out = file.with_name("out.parquet")
    lines = list(measure_file(file, text, out, {}, **settings))
    return pl.read_parquet(out), lines


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    "row",
    [
        {"text": "<think>\nTwo and two is four.\n</think>\n\nFour."},
        {"reasoning": "Two and two is four.", "response": "Four."},
        {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "Four."}]},
    ],
    ids=["text", "columns", "messages"],
)
def test_all_measures_any_file_with_a_number_per_row(tmp_path: Path, row: dict, suffix: str):
    file = tmp_path / f"a.{suffix}"
    write_rows(file, [row] * 3) if suffix == "jsonl" else pl.DataFrame([row] * 3).write_parquet(file)
    table, lines = measured(file, "all")
    added = set(table.columns) - set(row)
    assert added == set(names("filter")) - NOT_IN_ALL - OF_REWARDS
    assert table.select(sorted(added - UNDECIDED)).null_count().row(0) == (0,) * len(added - UNDECIDED)
    assert all(kind == pl.Float64 for kind in table.select(sorted(added - UNDECIDED)).dtypes)
    assert any(line.startswith("pass_rate: left out: there is no column 'math'") for line in lines)
    assert any(line.startswith("contamination: left out: it needs `against`") for line in lines)


def test_all_takes_the_measures_of_groups_where_there_are_rewards(tmp_path: Path):
    rows = [{"problem_id": "a", "response": "x", "math": reward} for reward in (1, 0)]
    table, _ = measured(write_rows(tmp_path / "a.jsonl", rows), "all")
    assert table["pass_rate"].to_list() == [0.5, 0.5] and table["difficulty"].to_list() == [2, 2]


def test_rows_without_a_question_are_no_rollouts_of_one_problem(tmp_path: Path):
    file = write_rows(tmp_path / "a.jsonl", [{"text": f"The answer is {n}."} for n in range(4)])
    assert measured(file, "diversity")[0]["diversity"].to_list() == [1] * 4
    asked = write_rows(tmp_path / "b.jsonl", [{"question": "2+2?", "text": f"The answer is {n}."} for n in range(4)])
    assert sorted(measured(asked, "diversity")[0]["diversity"]) == [1, 2, 3, 4]


def test_a_file_of_nothing_is_measured(tmp_path: Path):
    for text in ("", "\n\n"):
        (tmp_path / "a.jsonl").write_text(text)
        table, lines = measured(tmp_path / "a.jsonl", "all")
        assert table.height == 0 and any(line.startswith("0 rows in") for line in lines)


def test_turns_of_sharegpt_are_read(tmp_path: Path):
    turns = [{"from": "human", "value": "2+2?"}, {"from": "gpt", "value": "<think>\ntwo and two\n</think>\n\nFour."}]
    table, _ = measured(write_rows(tmp_path / "a.jsonl", [{"conversations": turns}]), "{length: {of: reasoning}}")
    assert table["length"].to_list() == [3]


def test_a_file_without_rows_is_measured(tmp_path: Path):
    pl.DataFrame(schema={"question": pl.String, "response": pl.String}).write_parquet(tmp_path / "a.parquet")
    out = tmp_path / "o.jsonl"
    lines = list(measure_file(tmp_path / "a.parquet", "all", out, {}))
    assert out.read_text() == "" and any(line.startswith("0 rows in") for line in lines)


def test_rows_of_ten_megabytes_are_measured(tmp_path: Path):
    texts = ["word " * 2_000_000, "長" * 3_000_000, "x" * 10_000_000]
    table, _ = measured(write_rows(tmp_path / "a.jsonl", [{"response": text} for text in texts]), "length,repetition")
    assert table["length"].to_list() == [2_000_000, 3_000_000, 1]
    assert (table["repetition"] > 0.9).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_chunks_and_workers_change_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int):
    rows = [
        {"problem_id": f"{n // 7}", "question": f"{n // 7}?", "response": f"w{n % 5} " * (n % 11), "math": n % 2}
        for n in range(900)
    ]
    table, _ = measured(write_rows(tmp_path / "a.jsonl", rows), "length,pass_rate,duplicates", workers=workers)
    expected = [sum(row["math"] for row in rows if row["problem_id"] == f"{n // 7}") for n in range(900)]
    sizes = [sum(row["problem_id"] == f"{n // 7}" for row in rows) for n in range(900)]
    assert table["pass_rate"].to_list() == pytest.approx([a / b for a, b in zip(expected, sizes, strict=True)])
    assert table["length"].to_list() == [n % 11 for n in range(900)]
    assert table.select("problem_id", "response").rows() == [(row["problem_id"], row["response"]) for row in rows]
    longer = [row for row in rows if row["response"].strip()]
    repeated = table.filter(pl.col("response").str.strip_chars() != "")
    short = len({(row["problem_id"], row["response"]) for row in longer if len(row["response"].split()) < 10})
    long = len({row["response"] for row in longer if len(row["response"].split()) >= 10})
    assert (repeated["duplicates"] == 0).sum() == short + long


def test_problems_whose_rows_stand_apart_are_measured_whole(tmp_path: Path):
    rows = [{"problem_id": f"{n % 3}", "response": "1", "math": int(n < 450)} for n in range(900)]
    table, _ = measured(write_rows(tmp_path / "a.jsonl", rows), "pass_rate")
    assert set(table["pass_rate"]) == {0.5}


def test_no_chunk_ends_within_a_problem(tmp_path: Path):
    rows = [{"problem_id": f"{n // 300}", "response": "1", "math": n % 300 % 2} for n in range(900)]
    file = write_rows(tmp_path / "a.jsonl", rows)
    foreign = measurefile.Foreign(file, ("problem_id", "response", "math"), {"response": "response"})
    parts = list(measurefile._together(foreign, measurefile.measures_of("pass_rate")))
    assert [len(part) for part in parts] == [300, 300, 300]


def test_settings_and_names_are_those_of_a_recipe(tmp_path: Path):
    file = write_rows(tmp_path / "a.jsonl", [{"response": "three short words"}])
    table, _ = measured(file, "length,{letters: {filter: length, unit: characters}}")
    assert (table["length"][0], table["letters"][0]) == (3, 17)
    with pytest.raises(UserError, match="no setting named 'units'. Did you mean 'unit'"):
        measured(file, "{length: {units: words}}")
    with pytest.raises(UserError, match="'length' stands twice"):
        measured(file, "length,length")
    with pytest.raises(UserError, match="no filter named 'lenght'"):
        measured(file, "lenght")


def test_the_quantiles_and_what_the_filters_bounds_keep_are_told(tmp_path: Path):
    rows = [{"response": "The answer is six."}, {"response": "The answer is", "finish_reason": "length"}]
    table, lines = measured(write_rows(tmp_path / "a.jsonl", rows), "finished,length")
    assert table["finished"].to_list() == [1, 0]
    assert lines[1] == "finished: min, 5 %, median, 95 %, max = 0 0 1 1 1; min 1 keeps 1 of 2"
    assert lines[2].startswith("length: ") and "keeps" not in lines[2]


def test_evidence_stands_beside_the_number(tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "SCOPE = 'row'\n"
        "def mine(rows):\n    return rows['response'].str.len_chars()\n"
        "def evidence(rows):\n    return 'it is: ' + rows['response']\n"
    )
    file = write_rows(tmp_path / "a.jsonl", [{"response": "six"}])
    table, _ = measured(file, str(tmp_path / "mine.py"), where=True)
    assert table.select("mine", "mine_evidence").row(0) == (3, "it is: six")


def test_the_count_of_tokens_that_a_file_has_is_taken_as_it_is(tmp_path: Path):
    file = write_rows(tmp_path / "a.jsonl", [{"response": "four words stand here", "completion_tokens": 9}])
    table, _ = measured(file, "{length: {unit: tokens}}")
    assert table["length"].to_list() == [9]
