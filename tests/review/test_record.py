"""The record: every line that was written is there, whatever happened to the file."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from datafactory.errors import StageError
from datafactory.review.decisions import Decision, decision_of, read, seen
from datafactory.review.record import Record, place_for

ONE = Decision("anna", "t1", "s", "accept", id="1", time="2026-11-21T10:00:00Z")
TWO = Decision("anna", "t2", "s", "edit", response="line\nbreak é \u2028 \x00", reasoning="r", id="2")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviews" / "d.jsonl"


def test_a_decision_is_read_as_it_was_written(path: Path):
    record = Record(path)
    record.append(ONE)
    record.append(TWO)
    assert read(path) == ([ONE, TWO], b"")
    assert path.read_bytes().count(b"\n") == 2
    assert Record(path).words == {"t1": {"anna": ONE}, "t2": {"anna": TWO}} == record.words


@pytest.mark.parametrize("cut", range(1, len(TWO.line)))
def test_a_line_torn_anywhere_costs_that_line_alone_and_is_kept_beside(path: Path, cut: int):
    Record(path).append(ONE)
    with path.open("ab") as stream:
        stream.write(TWO.line[:cut])
    whole = cut == len(TWO.line) - 1  # only its line break is missing
    assert read(path) == (([ONE, TWO], b"") if whole else ([ONE], TWO.line[:cut]))
    told: list[str] = []
    record = Record(path, told.append)
    three = Decision("ben", "t3", "s", "accept")
    record.append(three)
    assert read(path)[0] == [ONE, *([TWO] if whole else []), three]
    beside = path.with_name("d.jsonl.torn")
    assert beside.exists() != whole and (whole or beside.read_bytes() == TWO.line[:cut] + b"\n")
    assert len(told) == (0 if whole else 1) and (whole or "its last line was torn" in told[0])


def test_a_file_of_nothing_but_a_torn_line(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"{" * 200_000)  # longer than what is read at once
    record = Record(path)
    record.append(ONE)
    assert read(path) == ([ONE], b"")
    assert path.with_name("d.jsonl.torn").stat().st_size == 200_001


def test_what_another_wrote_is_seen_and_a_file_put_back_is_read_anew(path: Path, tmp_path: Path):
    mine, other = Record(path), Record(path)
    other.append(ONE)
    mine.look()
    assert mine.words == {"t1": {"anna": ONE}} and mine.changed() == {"t1"} and mine.changed() == set()
    (tmp_path / "copy").write_bytes(TWO.line)
    (tmp_path / "copy").replace(path)  # as an editor saves
    mine.look()
    assert mine.words == {"t2": {"anna": TWO}} and mine.changed() == {"t1", "t2"}
    path.unlink()
    mine.append(ONE)
    assert read(path) == ([ONE], b"")


def test_a_disk_that_is_full_is_told_and_leaves_no_part_of_a_line(path: Path):
    record = Record(path)
    record.append(ONE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(ONE.line) + 30, hard))  # the disk takes 30 bytes more
    try:
        with pytest.raises(StageError, match=r"cannot write .*d\.jsonl: "):
            record.append(TWO)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == ONE.line
    record.append(TWO)  # there is room again
    assert read(path) == ([ONE, TWO], b"")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"hello", "not JSON"),
        (b"[1]", "a decision is a JSON object, not list"),
        (b'{"reviewer": "a", "trace_id": "t", "seen": "s", "decision": "like"}', "there is no decision 'like'"),
        (b'{"reviewer": "a", "trace_id": 7, "seen": "s", "decision": "accept"}', "a text under 'trace_id'"),
        (b'{"reviewer": "a", "trace_id": "t", "seen": "s", "decision": "edit"}', "an edit has a response"),
        (
            b'{"reviewer": "a", "trace_id": "t", "seen": "s", "decision": "accept", "note": 1}',
            "'note' should be a text",
        ),
    ],
)
def test_a_line_that_is_no_decision_says_what_is_wrong(path: Path, line: bytes, why: str):
    with pytest.raises(ValueError, match=why):
        decision_of(line)
    path.parent.mkdir()
    path.write_bytes(ONE.line + line + b"\n")
    with pytest.raises(StageError, match=rf"d\.jsonl:2: .*{why}"):
        Record(path)


def test_a_text_says_the_same_before_it_is_published_and_after():
    stage = {"question": "q", "answer": None, "pseudo_answer": "7", "reasoning": None, "response": "r", "choices": None}
    published = {"problem": "q", "solution": "7", "solution_from": "majority", "reasoning": None, "response": "r"}
    assert seen(stage) == seen(published)
    for name in ("question", "pseudo_answer", "reasoning", "response", "choices", "history"):
        assert seen({**stage, name: "other"}) != seen(stage)


@pytest.mark.parametrize(
    ("dataset", "place"),
    [
        ("outputs/r1/checked", "outputs/r1/reviews/checked.jsonl"),
        ("outputs/r1/dataset", "outputs/r1/reviews/dataset.jsonl"),
        ("outputs/r1/dataset/data", "outputs/r1/reviews/dataset.jsonl"),
        ("outputs/r1/dataset/data/train-00000-of-00001.parquet", "outputs/r1/reviews/dataset.jsonl"),
        ("outputs/store/verify-12", "outputs/reviews/verify-12.jsonl"),
        ("outputs/store/verify-12/shard-00000.parquet", "outputs/reviews/verify-12.jsonl"),
        ("mine/traces.jsonl.gz", "mine/reviews/traces.jsonl"),
    ],
)
def test_decisions_go_beside_the_dataset_and_never_into_it(tmp_path: Path, monkeypatch, dataset, place):
    monkeypatch.chdir(tmp_path)
    for folder in ("outputs/store/verify-12", "outputs/r1/dataset"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "manifest.json").write_text('{"fingerprint": "12"}')
    (tmp_path / "outputs/r1/checked").symlink_to("../store/verify-12")
    (tmp_path / "manifest.json").write_text('{"name": "a project of another kind"}')
    for file in (tmp_path / dataset,):
        if "." in file.name:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    assert place_for(Path(dataset)) == tmp_path / place
