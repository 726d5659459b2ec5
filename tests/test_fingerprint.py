"""Identity: the same content has one hash, and nothing is spelled by chance."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory import fingerprint
from datafactory.fingerprint import content_of, digest

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text(), PLAIN, max_size=5))
def test_the_order_of_keys_does_not_count(value):
    assert digest(value) == digest(dict(reversed(value.items())))


@given(PLAIN, PLAIN)
def test_different_values_have_different_hashes(one, other):
    assert (digest(one) == digest(other)) == (repr(fingerprint.canonical(one)) == repr(fingerprint.canonical(other)))


@pytest.mark.parametrize("value", [Path("a"), b"a", {1: 2}, math.nan, math.inf, {1, 2}, object()])
def test_a_value_without_one_spelling_is_refused(value):
    with pytest.raises(TypeError):
        digest({"x": [value]})


def test_a_file_counts_by_content_and_a_folder_by_names_and_contents(tmp_path: Path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "a.txt").write_text("a")
    assert content_of(one) == content_of(other)
    (other / ".hidden").write_text("of no account")
    assert content_of(one) == content_of(other)
    (other / "deep" / "a.txt").rename(other / "deep" / "b.txt")
    assert content_of(one) != content_of(other)


def test_a_large_file_is_hashed_again_once_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATAFACTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fingerprint, "REMEMBER", 4)
    path = tmp_path / "large"
    path.write_text("first content")
    first = content_of(path)
    assert content_of(path) == first
    path.write_text("other content!")
    assert content_of(path) != first
