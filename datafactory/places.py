"""Places: where in a journal's segments each completion stands, in an SQLite file beside them.

The segments are the only truth. This index spares reading them again at every open: it is brought up to date with what
was written since, made anew where it is missing, damaged, of another version or at odds with the segments, and what it
says is checked against the line that it points to by whoever reads that. Several processes use it at once.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from itertools import chain
from pathlib import Path

from datafactory import segments
from datafactory.errors import StageError

VERSION = 1
FILE = "index.sqlite"
BATCH = 16384  # keys put into the index at a time, in their order: a page is then written once for many
ASKED = 500  # keys looked up by one statement
PATIENCE = 60.0  # seconds; another process may be making the index of a large journal
# not the fault of what the file holds: to make it anew would not help
OUTSIDE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}
# a key stands in several places where two processes asked for it at once, or where one line of it is damaged
TABLES = (
    "CREATE TABLE segments (id INTEGER PRIMARY KEY, name TEXT UNIQUE, indexed INTEGER, places INTEGER)",
    "CREATE TABLE places (key INTEGER, segment INTEGER, offset INTEGER, length INTEGER, "
    "PRIMARY KEY (key, segment, offset)) WITHOUT ROWID",
)

Place = tuple[str, int, int]  # a segment's name, and the offset and length of a line


class Places:
    """The index of a folder of segments; `damaged` counts the lines that were found to be so."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.damaged = 0
        self._apart: tempfile.TemporaryDirectory[str] | None = None
        self._reading, self._writing = self._opened()

    def look_up(self, keys: Iterable[str]) -> dict[str, list[Place]]:
        """Where each of these keys may stand; whoever reads the lines sees whether it does."""
        hashes: dict[int, str] = {_hash(key): key for key in keys}
        asked = list(hashes)
        found: dict[str, list[Place]] = defaultdict(list)
        for start in range(0, len(asked), ASKED):
            some = asked[start : start + ASKED]
            statement = (
                "SELECT key, name, offset, length FROM places JOIN segments ON id = segment "
                f"WHERE key IN ({','.join('?' * len(some))})"
            )
            for key, *place in self._reading.execute(statement, some):
                found[hashes[key]].append((place[0], place[1], place[2]))
        return found

    def add(self, places: Mapping[str, Place]) -> bool:
        """These keys, all there are up to the last of them; False where the index cannot be written."""
        written: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
        for key, (segment, offset, length) in places.items():
            written[segment].append((key, offset, length))
        try:
            with self._transaction():
                for segment, found in written.items():
                    end = max(offset + length for _, offset, length in found)
                    self._insert(self._segment(segment)[0], found, end)
        except sqlite3.Error:
            return False
        return True

    def count(self) -> int:
        found: int = self._reading.execute("SELECT count(DISTINCT key) FROM places").fetchone()[0]
        return found

    def make_anew(self) -> None:
        """Every line of every segment, read again."""
        try:
            with self._transaction():
                self._read_all()
        except sqlite3.Error:  # the file is past it
            self.close()
            self._reading, self._writing = self._opened(distrusted=True)

    def close(self) -> None:
        self._reading.close()
        self._writing.close()
        if self._apart:
            self._apart.cleanup()

    def _opened(self, distrusted: bool = False) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        """The index beside the segments; made anew where it is bad; a passing one where none can be kept there."""
        path = self.folder / FILE
        try:
            if not distrusted:
                return self._connected(path)
        except sqlite3.Error as error:
            distrusted = _code(error) not in OUTSIDE
        try:
            if distrusted:
                for suffix in ("", "-wal", "-shm"):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
                return self._connected(path)
        except (sqlite3.Error, OSError):
            pass
        try:
            self._apart = tempfile.TemporaryDirectory(prefix="datafactory-journal-", ignore_cleanup_errors=True)
            return self._connected(Path(self._apart.name) / FILE)
        except (sqlite3.Error, OSError) as error:
            raise StageError(f"no index of the journal {self.folder} can be kept: {error}") from error

    def _connected(self, path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        # what is looked up does not wait for what another thread writes
        reading, self._writing = (
            sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False) for _ in range(2)
        )
        try:
            for connection in (reading, self._writing):
                with suppress(sqlite3.OperationalError):  # another process is at it, or BEGIN tells what is the matter
                    connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(f"PRAGMA journal_size_limit = {16 << 20}")
            self._catch_up()
        except BaseException:
            reading.close()
            self._writing.close()
            raise
        return reading, self._writing

    def _catch_up(self) -> None:
        """What was written since the index was last used, or all there is where the index is not to be trusted."""
        with self._transaction():
            self.damaged = 0
            if self._writing.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                for kind, name in self._writing.execute("SELECT type, name FROM sqlite_master").fetchall():
                    if not name.startswith("sqlite_"):
                        self._writing.execute(f'DROP {kind} IF EXISTS "{name}"')
                for table in TABLES:
                    self._writing.execute(table)
                self._writing.execute(f"PRAGMA user_version = {VERSION}")
            known = self._known()
            if known is None:
                self._read_all()
                return
            for path in self._files():
                if path.stat().st_size > known.get(path.name, 0):
                    self._read(path)

    def _known(self) -> dict[str, int] | None:
        """How far each segment is indexed; None where that does not agree with the segments or with itself."""
        rows = self._writing.execute(
            "SELECT name, CAST(indexed AS INTEGER), CAST(places AS INTEGER) FROM segments"
        ).fetchall()
        places = self._writing.execute("SELECT count(*) FROM places").fetchone()[0]
        if None in chain(*rows) or places != sum(count for *_, count in rows):
            return None
        sizes = {path.name: path.stat().st_size for path in self._files()}
        for name, indexed, _ in rows:
            if indexed > sizes.get(name, -1) or not _begins_a_line(self.folder / name, indexed, sizes[name]):
                return None
        return {name: indexed for name, indexed, _ in rows}

    def _read_all(self) -> None:
        self.damaged = 0
        self._writing.execute("DELETE FROM places")
        self._writing.execute("DELETE FROM segments")
        for path in self._files():
            self._read(path)

    def _read(self, path: Path) -> None:
        """The lines of a segment from where the index stopped."""
        number, end = self._segment(path.name)
        found: list[tuple[str, int, int]] = []
        for offset, length, keys in segments.lines(path, end):
            if keys is None:
                self.damaged += 1
            found += [(key, offset, length) for key in keys or ()]
            end = offset + length
            if len(found) >= BATCH:
                self._insert(number, found, end)
                found = []
        self._insert(number, found, end)
        if path.stat().st_size > end:
            self.damaged += segments.cut(path, end)

    def _insert(self, number: int, found: list[tuple[str, int, int]], end: int) -> None:
        rows = sorted((_hash(key), number, offset, length) for key, offset, length in found)
        new = (
            self._writing.executemany("INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?)", rows).rowcount if rows else 0
        )
        self._writing.execute(
            "UPDATE segments SET indexed = max(indexed, ?), places = places + ? WHERE id = ?", (end, new, number)
        )

    def _segment(self, name: str) -> tuple[int, int]:
        """The number of a segment in the index, and how far it is indexed."""
        self._writing.execute("INSERT OR IGNORE INTO segments (name, indexed, places) VALUES (?, 0, 0)", (name,))
        row = self._writing.execute("SELECT id, indexed FROM segments WHERE name = ?", (name,)).fetchone()
        return row[0], row[1]

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing, one process at a time."""
        self._writing.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writing.execute("COMMIT")
        except BaseException:
            if self._writing.in_transaction:
                self._writing.execute("ROLLBACK")
            raise


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _begins_a_line(path: Path, offset: int, size: int) -> bool:
    if offset in (0, size):
        return True
    with path.open("rb") as stream:
        stream.seek(offset - 1)
        return stream.read(1) == b"\n"
