"""The journal's index: it spares reading the segments again, and is never believed against them."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from datafactory import journal as module
from datafactory.journal import Journal
from datafactory.places import FILE
from datafactory.segments import Segment

from .conftest import REPOSITORY
from .test_journal import outputs

KEYS = [f"{n:03d}" for n in range(60)]


def filled(folder: Path) -> Path:
    """Twenty lines of three outputs in two segments, closed."""
    for start in (0, 30):
        journal = Journal(folder)
        for at in range(start, start + 30, 3):
            journal.append(outputs(*KEYS[at : at + 3]))
        journal.close()
    return folder


def asked(folder: Path, *statements: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / FILE)
    found = [row for statement in statements for row in connection.execute(statement).fetchall()]
    connection.commit()
    connection.close()
    return found


def lines_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the offset of each line that is read to index it."""
    read: list[int] = []
    whole = module.Places._insert

    def noted(self: object, number: int, found: list[tuple[str, int, int]], end: int) -> None:
        read.extend(sorted({offset for _, offset, _ in found}))
        whole(self, number, found, end)  # type: ignore[arg-type]

    monkeypatch.setattr(module.Places, "_insert", noted)
    return read


def test_a_journal_that_was_closed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    filled(tmp_path)
    read = lines_read(monkeypatch)
    journal = Journal(tmp_path)
    assert (len(journal), journal.held(KEYS), read) == (60, set(KEYS), [])
    assert journal.read(KEYS) == {output.key: output for output in outputs(*KEYS)}


def test_only_what_was_written_since_is_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    filled(tmp_path)
    first = Journal(tmp_path)
    first.append(outputs("a"))
    first.append(outputs("b"))  # neither is in the index: the process is as good as killed
    read = lines_read(monkeypatch)
    second = Journal(tmp_path)
    assert second.held(["a", "b", *KEYS]) == {"a", "b", *KEYS} and len(read) == 2


def delete(folder: Path) -> None:
    (folder / FILE).unlink()


def scramble(folder: Path) -> None:
    (folder / FILE).write_bytes(random.Random(0).randbytes(20_000))


def truncate(folder: Path) -> None:
    os.truncate(folder / FILE, 6000)


def empty(folder: Path) -> None:
    (folder / FILE).write_bytes(b"")


def hit_a_page(folder: Path) -> None:
    content = bytearray((folder / FILE).read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 400] = bytes(400)
    (folder / FILE).write_bytes(content)


def another_version(folder: Path) -> None:
    asked(folder, "PRAGMA user_version = 99", "ALTER TABLE places RENAME COLUMN length TO size")


def another_table(folder: Path) -> None:
    asked(folder, "DROP TABLE places", "CREATE TABLE places (something TEXT)")


def shift_offsets(folder: Path) -> None:
    asked(folder, "UPDATE places SET offset = offset + 7")


def swap_keys(folder: Path) -> None:
    first = "(SELECT length FROM places WHERE segment = 1 AND offset = 0 LIMIT 1)"
    asked(folder, f"UPDATE places SET offset = 0, length = {first} WHERE segment = 1 AND offset > 0")


def absurd_places(folder: Path) -> None:
    asked(folder, "UPDATE places SET length = 9000000000000000000, offset = -5 - offset")


def words_for_places(folder: Path) -> None:
    asked(folder, "UPDATE places SET length = 'long'")


def wrong_segment(folder: Path) -> None:
    asked(folder, "UPDATE segments SET name = 'nowhere.jsonl' WHERE id = 1")


def forget_some(folder: Path) -> None:
    asked(folder, "DELETE FROM places WHERE segment = 2")


def forget_a_segment(folder: Path) -> None:
    asked(folder, "DELETE FROM places WHERE segment = 1", "DELETE FROM segments WHERE id = 1")


def ahead_of_the_segment(folder: Path) -> None:
    asked(folder, "UPDATE segments SET indexed = indexed + 100")


def within_a_line(folder: Path) -> None:
    asked(folder, "UPDATE segments SET indexed = 50", "UPDATE segments SET places = 0", "DELETE FROM places")


def nothing_for_numbers(folder: Path) -> None:
    asked(folder, "UPDATE segments SET indexed = NULL, places = 'many'")


def a_folder_in_its_place(folder: Path) -> None:
    (folder / FILE).unlink()
    (folder / FILE).mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        delete,
        scramble,
        truncate,
        empty,
        hit_a_page,
        another_version,
        another_table,
        shift_offsets,
        swap_keys,
        absurd_places,
        words_for_places,
        wrong_segment,
        forget_some,
        forget_a_segment,
        ahead_of_the_segment,
        within_a_line,
        nothing_for_numbers,
        a_folder_in_its_place,
    ],
)
def test_whatever_the_index_says_the_segments_are_what_counts(tmp_path: Path, damage: Callable[[Path], None]):
    damage(filled(tmp_path))
    for _ in range(2):
        journal = Journal(tmp_path)
        assert journal.held([*KEYS, "none"]) == set(KEYS)
        assert journal.read(KEYS) == {output.key: output for output in outputs(*KEYS)}
        assert (len(journal), journal.damaged) == (60, 0)
        journal.close()


def test_an_index_that_is_hit_while_it_is_used_is_made_anew(tmp_path: Path):
    journal = Journal(filled(tmp_path))
    shift_offsets(tmp_path)
    journal.append(outputs("new"))
    assert journal.held([*KEYS, "new"]) == {*KEYS, "new"}
    assert set(journal.read([*KEYS, "new"])) == {*KEYS, "new"}


def test_a_segment_that_is_damaged_while_it_is_used_gives_no_other_text_and_is_owed_again(tmp_path: Path):
    journal = Journal(filled(tmp_path))
    segment = min(tmp_path.glob("*.jsonl"))
    content = segment.read_bytes()
    segment.write_bytes(content.replace(b"text of 004", b"text of 994"))
    assert journal.held(KEYS) == {*KEYS} - {"003", "004", "005"}
    assert journal.damaged == 1
    journal.append(outputs("003", "004", "005"))
    assert journal.read(KEYS) == {output.key: output for output in outputs(*KEYS)}
    journal.close()
    assert Journal(tmp_path).held(KEYS) == {*KEYS}


def test_a_segment_that_was_removed_takes_its_completions_along(tmp_path: Path):
    min(filled(tmp_path).glob("*.jsonl")).unlink()
    journal = Journal(tmp_path)
    assert journal.held(KEYS) == set(KEYS[30:]) and len(journal) == 30


def test_two_journals_in_one_folder_see_what_the_other_wrote_once_it_is_indexed(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "INDEX_SECONDS", 0)
    one, other = Journal(tmp_path), Journal(tmp_path)
    for n in range(20):
        one.append(outputs(f"one {n}"))
        other.append(outputs(f"other {n}", "both"))
    for journal in (one, other):
        len(journal)  # waits until what it wrote is indexed
    assert len(one) == len(other) == 41
    assert len(one.held([*(f"other {n}" for n in range(20)), "both", "one 3"])) == 22
    one.close(), other.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 2 and len(Journal(tmp_path)) == 41


def test_many_processes_at_once_lose_nothing_and_say_nothing_damaged(tmp_path: Path):
    writer = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from datafactory.engines import Output
from datafactory import journal as module
module.INDEX_SECONDS = 0
for round in range(4):
    journal = module.Journal(Path({str(tmp_path)!r}))
    assert journal.damaged == 0
    for n in range(150):
        journal.append([Output(f"{{sys.argv[1]}}-{{round}}-{{n}}-{{k}}", "x" * 300, "stop") for k in range(3)])
    assert all(f"{{sys.argv[1]}}-{{round}}-{{n}}-1" in journal for n in range(0, 150, 7))
    if round % 2:
        journal.close()
"""
    running = [subprocess.Popen([sys.executable, "-c", writer, str(n)]) for n in range(4)]
    assert [process.wait(timeout=100) for process in running] == [0] * 4
    journal = Journal(tmp_path)
    keys = {f"{w}-{r}-{n}-{k}" for w in range(4) for r in range(4) for n in range(150) for k in range(3)}
    assert (journal.held(keys) == keys, len(journal), journal.damaged) == (True, len(keys), 0)


def test_a_kill_while_the_index_is_written_leaves_a_journal_that_opens(tmp_path: Path):
    writer = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from datafactory.engines import Output
from datafactory import journal as module
module.BATCH = 50
journal = module.Journal(Path({str(tmp_path)!r}))
print("open", flush=True)
for n in range(10**9):
    journal.append([Output(f"{{sys.argv[1]}}-{{n}}-{{k}}", "x" * 50, "stop") for k in range(9)])
    print(n, flush=True)
"""
    stream, last = random.Random(5), {}
    for attempt in range(5):
        running = subprocess.Popen([sys.executable, "-c", writer, str(attempt)], stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        said = [running.stdout.readline() for _ in range(stream.randrange(2, 150))]
        os.kill(running.pid, signal.SIGKILL)
        said += running.stdout.read().splitlines(keepends=True)
        running.wait()
        last[attempt] = [int(line) for line in said if line.endswith("\n") and line != "open\n"][-1]
    journal = Journal(tmp_path)
    keys = [f"{attempt}-{n}-{k}" for attempt in last for n in range(last[attempt] + 1) for k in range(9)]
    assert journal.held(keys) == set(keys)


def test_where_no_index_can_be_written_the_journal_works_without_and_keeps_it_nowhere(tmp_path: Path, monkeypatch):
    filled(tmp_path)
    (tmp_path / FILE).unlink()
    connect = sqlite3.connect

    def refused(path: Path, **settings: object) -> sqlite3.Connection:
        if Path(path).parent == tmp_path:  # as where the folder may be read only; root may write everywhere
            path = Path("/proc/nothing/index.sqlite")
        return connect(path, **settings)  # type: ignore[call-overload]

    monkeypatch.setattr(sqlite3, "connect", refused)
    journal = Journal(tmp_path)
    apart = journal._places._apart.name  # type: ignore[union-attr]
    assert journal.held(KEYS) == set(KEYS) and len(journal) == 60
    journal.close()
    assert not (tmp_path / FILE).exists() and not Path(apart).exists()


def test_a_segment_that_is_being_written_is_not_cut(tmp_path: Path):
    segment = Segment(tmp_path)
    whole = b"".join(path.read_bytes() for path in filled(tmp_path / "other").glob("*.jsonl")).splitlines(True)[0]
    os.write(segment.handle, whole + whole[:40])  # in the middle of a line
    journal = Journal(tmp_path)
    assert (len(journal), journal.damaged) == (3, 0)
    os.write(segment.handle, whole[40:])
    journal.close()
    assert segment.path.read_bytes() == whole * 2
    segment.close()
    assert Journal(tmp_path).damaged == 0
