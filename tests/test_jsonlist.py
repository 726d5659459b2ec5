"""A list of objects in one JSON file comes out as the library reads it, however it is cut into reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory import jsonlist
from datafactory.errors import StageError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4)), st.integers(1, 40), st.sampled_from([None, 1]))
def test_any_list_of_objects_is_read_as_json_reads_it(tmp_path_factory, rows, size, indent):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(rows, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonlist, "READ", size)
        assert list(jsonlist.objects(path)) == rows


@pytest.mark.parametrize("size", [1, 7, 2**20])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: a .json file holds one list"),
        ('{"q": 1}', ":1: a .json file holds one list"),
        ("[1]", ":1: a .json file holds one list"),
        ('[{"q": 1},\n{]', ":2: not JSON: Expecting property name"),
        ('[{"q": 1}\n{"q": 2}]', ":2: not JSON: Expecting ',' delimiter"),
        ('[{"q": 1},\n\n', ":3: not JSON: Expecting value"),
        ('[{"q": 1}\n', ":2: not JSON: the list is not closed"),
        ('[{"q": 1},\n{"q": "never closed}]', ":2: not JSON: Unterminated string"),
        ('[{"q": 1}]\n\n[]', ":3: not JSON: Extra data"),
        ("[" + '{"q":' * 100_000, ":1: not JSON"),
    ],
)
def test_what_is_no_list_of_objects_is_told_with_its_line(
    tmp_path: Path, monkeypatch, text: str, message: str, size: int
):
    monkeypatch.setattr(jsonlist, "READ", size)
    path = tmp_path / "a.json"
    path.write_text(text)
    if size < 2**20 and len(text) > 1000:
        pytest.skip("character by character this would take long")
    with pytest.raises(StageError) as caught:
        list(jsonlist.objects(path))
    assert f"{path}{message}" in str(caught.value)


def test_rows_before_a_damage_come_out(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"n": n, "text": "x" * 100} for n in range(50_000)])[:-9])
    found = []
    with pytest.raises(StageError, match="a.json:1: not JSON"):
        found.extend(jsonlist.objects(path))
    rows = jsonlist.objects(path)
    assert [next(rows)["n"] for _ in range(40_000)] == list(range(40_000))
