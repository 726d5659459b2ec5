"""What every filter promises, for every file in filters/: it is picked up here by being there."""

from __future__ import annotations

import inspect
import math
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.measures import Measure
from datafactory.measuring import BLOCK
from datafactory.measuring import measure as measured_in_blocks
from datafactory.outside import File
from datafactory.plugins import Use, docstring, names
from datafactory.types import COLUMNS
from filters._settings import Tokenizer

FILTERS = names("filter")
UNDECIDED = {
    "answer_agrees"
}  # nothing to compare is no answer; with pass_rate and difficulty, which lack a reward then
SCHEMA = {name: getattr(pl, kind)() for name, kind in COLUMNS.items()} | {"math": pl.Float64()}

LOOP = "So the answer is six. " * 40
PROSE = "Let me add the two numbers first, then check the sum against the question once more. It is right."


def row(problem: str, rollout: int, **cells: Any) -> dict[str, Any]:
    ordinary = {
        "question": "How many apples do Ann and Ben have together if Ann has two and Ben has four?",
        "answer": "6",
        "reasoning": PROSE,
        "response": "They have six apples: \\boxed{6}.",
        "finish_reason": "stop",
        "prompt_tokens": 20,
        "completion_tokens": 40,
        "math": 1.0,
    }
    return dict.fromkeys(SCHEMA) | {"problem_id": problem, "rollout": rollout} | ordinary | cells


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA)


ORDINARY = frame(
    row("a", 0),
    row("a", 1, reasoning=LOOP, finish_reason="length", math=0.0),
    row("a", 2, reasoning=None, math=None),
    row("b", 0, question="小明有几个苹果？他有两个苹果。", reasoning="先算总数，再检查一遍答案。", response="六个。"),
    row("b", 1, reasoning=None, response=None, finish_reason=None, completion_tokens=None, math=0.1),
    row("b", 2, reasoning="", response="", math=0.2),
    row("b", 3, question=None, reasoning="Нужно сложить оба числа, а потом проверить ответ ещё раз.", math=0.7),
    row("c", 0, reasoning="```python\nprint(6)\n```", response="$6$"),
)


EVALUATION = """{"question": "What is the sum of all whole numbers from one up to one hundred?", "answer": "5050"}
{"question": "小红有十二支铅笔，她又买了七支铅笔，现在一共有多少支铅笔？", "answer": "19"}
"""


@pytest.fixture(scope="module", autouse=True)
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions for the filters that compare with some."""
    Against.path = tmp_path_factory.mktemp("evaluation") / "questions.jsonl"
    Against.path.write_text(EVALUATION, encoding="utf-8")
    return Against.path


class Against:
    path: Path


def scope(name: str) -> str:
    return import_module(f"filters.{name}").SCOPE


def of_scope(*scopes: str) -> list[str]:
    return [name for name in FILTERS if scope(name) in scopes]


def function(name: str) -> Any:
    return getattr(import_module(f"filters.{name}"), name)


def required(name: str) -> dict[str, Any]:
    """The settings that a filter cannot do without."""
    return {"against": (Against.path,)} if "against" in inspect.signature(function(name)).parameters else {}


def measure(name: str, rows: pl.DataFrame, **given: Any) -> pl.Series:
    return function(name)(rows, **required(name), **given)


def sound(name: str, values: pl.Series) -> bool:
    return all(name in UNDECIDED if value is None else math.isfinite(value) for value in values)


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_gives_one_number_per_row(name):
    measured = measure(name, ORDINARY)
    assert (measured.name, measured.dtype, measured.len()) == (name, pl.Float64, ORDINARY.height)
    assert sound(name, measured)


@pytest.mark.parametrize("name", FILTERS)
def test_an_empty_frame_gives_no_numbers(name):
    measured = measure(name, frame())
    assert (measured.name, measured.dtype, measured.len()) == (name, pl.Float64, 0)


@pytest.mark.parametrize("name", FILTERS)
def test_a_column_of_nulls_without_a_type_is_measured(name):
    untyped = pl.DataFrame(ORDINARY.rows()[4:5], schema=ORDINARY.columns, orient="row").with_columns(
        pl.Series(column, [None]) for column in ("reasoning", "response", "question", "finish_reason")
    )
    assert measure(name, untyped).equals(measure(name, ORDINARY[4:5].with_columns(question=pl.lit(None, pl.String))))


@pytest.mark.parametrize("name", FILTERS)
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.tuples(st.none() | st.text(), st.none() | st.text(), st.text()), min_size=1, max_size=4))
def test_any_unicode_is_measured(name, texts):
    rows = frame(*(row("a", i, reasoning=r, response=s, question=q) for i, (r, s, q) in enumerate(texts)))
    measured = measure(name, rows)
    assert measured.len() == rows.height
    assert sound(name, measured)


HARD = {
    "NUL": "a\x00b " * 20,
    "combining marks": "e\u0301\u0323 " * 50 + "\u0301" * 100,
    "right to left": "\u202eשלום עולם \u200fمرحبا بالعالم " * 10,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 " * 20,
    "private use": "\ue000\uffff\U0010ffff" * 10,
    "one word of a megabyte": "a" * 1_000_000,
    "a megabyte of open LaTeX": r"\begin{" * 140_000,
    "a megabyte of open fences": "```\n" * 250_000,
    "a megabyte of open brackets": r"\(" * 500_000,
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
def test_hard_text_is_measured(name, text):
    assert sound(name, measure(name, frame(row("a", 0, reasoning=text, response=text))))


@pytest.mark.parametrize("name", of_scope("row", "group"))
def test_a_group_measures_the_same_alone_as_in_company(name):
    together = ORDINARY.with_columns(measured=measure(name, ORDINARY))
    for (problem,), group in together.group_by("problem_id"):
        assert measure(name, group.drop("measured")).to_list() == group["measured"].to_list(), problem


@pytest.mark.parametrize("name", of_scope("row"))
def test_a_row_measures_the_same_alone_as_in_company(name):
    together = measure(name, ORDINARY).to_list()
    assert [measure(name, ORDINARY[at : at + 1])[0] for at in range(ORDINARY.height)] == together


@pytest.mark.parametrize("name", of_scope("dataset"))
def test_shards_measure_the_same_together_as_the_whole(name):
    module = import_module(f"filters.{name}")
    given = required(name)
    gathered = [module.gather(ORDINARY[start : start + 3], **given) for start in range(0, ORDINARY.height, 3)]
    settled = module.settle(pl.concat(gathered), **given)
    assert settled[name].to_list() == measure(name, ORDINARY).to_list()
    assert settled["evidence"].dtype in (pl.String, pl.Null)
    assert not {"reasoning", "response", "question"} & set(gathered[0].columns)  # signatures, no texts
    assert module.settle(module.gather(frame(), **given), **given).height == 0


@pytest.mark.parametrize("name", FILTERS)
def test_blocks_change_no_number(name):
    # a filter may keep what it read of a frame: not of another that came to lie in the same place
    long = row("a", 3, reasoning="Some words of a long text. " * (BLOCK // 25))
    rows = pl.concat([ORDINARY, frame(long, long | {"problem_id": "b"}), ORDINARY.with_columns(problem_id=pl.lit("c"))])
    given = tuple((key, (File("questions", Against.path),)) for key in required(name))
    part = Measure(Use("filter", name, settings=given), "measured")
    assert measured_in_blocks([part], rows)["measured"].to_list() == measure(name, rows).to_list()


@pytest.mark.parametrize("name", [name for name in FILTERS if hasattr(import_module(f"filters.{name}"), "evidence")])
def test_evidence_is_a_short_text_under_the_same_settings(name):
    told = import_module(f"filters.{name}").evidence
    assert inspect.signature(told).parameters.keys() == inspect.signature(function(name)).parameters.keys()
    for rows in (ORDINARY, frame(), frame(*(row("a", 0, reasoning=text, response=text) for text in HARD.values()))):
        texts = told(rows, **required(name))
        assert texts.len() == rows.height and texts.dtype in (pl.String, pl.Null)
        assert all(text is None or 0 < len(text) <= 300 for text in texts)


@pytest.mark.parametrize("name", FILTERS)
def test_the_order_of_the_rows_does_not_matter(name):
    forward = measure(name, ORDINARY).to_list()
    assert measure(name, ORDINARY.reverse()).to_list() == forward[::-1]
    assert measure(name, ORDINARY).to_list() == forward


@pytest.mark.parametrize("name", FILTERS)
def test_the_rows_are_left_as_they_were(name):
    rows = ORDINARY.clone()
    measure(name, rows)
    assert rows.equals(ORDINARY)


@pytest.mark.parametrize("name", FILTERS)
def test_a_missing_column_is_named_with_the_columns_there_are(name):
    rows = pl.DataFrame({"shoe": ["left"], "size": [9]})
    with pytest.raises(ValueError, match=r"no column '\w+'.*shoe, size"):
        measure(name, rows)


@pytest.mark.parametrize("name", FILTERS)
def test_settings_are_keywords_of_simple_types(name):
    hints = get_type_hints(function(name))
    rows, *given = inspect.signature(function(name)).parameters.values()
    assert (rows.name, hints["rows"], hints["return"]) == ("rows", pl.DataFrame, pl.Series)
    for parameter in given:
        assert parameter.kind is parameter.KEYWORD_ONLY
        kind = hints[parameter.name]
        simple = (int, float, str, bool, type(None), Tokenizer, tuple[Path, ...])
        kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
        assert all(kind in simple or get_origin(kind) is Literal for kind in kinds)
        assert parameter.default is not parameter.empty or kind == tuple[Path, ...]


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_says_what_it_looks_at_and_its_bounds_are_numbers(name):
    module = import_module(f"filters.{name}")
    assert module.SCOPE in ("row", "group", "dataset")
    bounds = dict(getattr(module, "BOUNDS", {"min": 0}))
    assert bounds.pop("undecided", "drop") in ("drop", "keep")
    assert bounds and set(bounds) <= {"min", "max"}
    assert all(isinstance(bound, int | float) for bound in bounds.values())


@pytest.mark.parametrize("name", FILTERS)
def test_the_docstring_says_what_it_measures_its_source_and_its_use(name):
    first, *rest = docstring("filter", name).splitlines()
    assert first.startswith(f"{name.replace('_', ' ').capitalize()}: ") and first.endswith(".")
    assert [line.split()[0] for line in rest if line[:1].strip()] == ["Measure", "Source", "Use"]
    assert isinstance(import_module(f"filters.{name}").VERSION, int)
