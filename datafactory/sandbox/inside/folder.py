"""The writable folders: emptied, laid out afresh for each run, and read where a run's files are to be kept.

Nothing of a program runs while any of this does: what is seen once stays as it is.
"""

from __future__ import annotations

import os
import struct

Files = dict[str, tuple[int, bytes]]  # path: mode and text
BOX = "/box"
WORK, FOLDERS = "/box/work", ("work", "tmp", "shm")
ENTRY = struct.Struct(">IIQ")  # of a file that is kept: length of its path, mode, length
KEPT = 1 << 28  # bytes
USED_UP = 2000  # files; with more, a new sandbox is sooner there than this one cleared
TYPE, FOLDER = 0o170000, 0o040000


def used(box: int) -> tuple[int, int]:
    """Bytes and files that are there, in a folder or held open."""
    room = os.fstatvfs(box)
    return (room.f_blocks - room.f_bfree) * room.f_frsize, room.f_files - room.f_ffree


def renewed(box: int, files: Files, empty: tuple[int, int]) -> bool:
    """Clear and lay out for the next run; whether that leaves nothing of the last one's."""
    if used(box)[1] > USED_UP:
        return False
    try:
        clear(box)
        if used(box) != empty:  # a file that a socket holds which itself is on its way in a socket: freed some day
            return False
        lay_out(files)
    except OSError:
        return False  # what was kept takes more room than it did: links and holes are files of their own now
    return True


def clear(box: int) -> None:
    """Remove all that was written. Folders are first moved to the top: a path may be longer than any call takes."""
    if os.fstat(box).st_uid == os.getuid():
        os.fchmod(box, 0o777)
    prefix, moved = os.urandom(8).hex(), 0
    while names := os.listdir(box):
        for name in names:
            if not _is_folder(name, box):
                os.unlink(name, dir_fd=box)
                continue
            folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=box)
            for entry in os.listdir(folder):
                if _is_folder(entry, folder):
                    moved += 1
                    os.rename(entry, f"{prefix}{moved}", src_dir_fd=folder, dst_dir_fd=box)
                else:
                    os.unlink(entry, dir_fd=folder)
            os.close(folder)
            os.rmdir(name, dir_fd=box)


def _is_folder(name: str, folder: int) -> bool:
    if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & TYPE != FOLDER:
        return False
    os.chmod(name, 0o700, dir_fd=folder)  # nothing runs that could put a link in its place
    return True


def lay_out(files: Files) -> None:
    for name in FOLDERS:
        os.mkdir(f"{BOX}/{name}")
    for name, (mode, text) in files.items():
        path = f"{WORK}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "wb") as stream:
            stream.write(text)
            os.fchmod(file, mode)


def collect() -> Files:
    """The plain files of the work folder as they are now; links, pipes and what cannot be read are left out."""
    found: Files = {}
    room = KEPT
    pending = [WORK]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                size = entry.stat(follow_symlinks=False).st_size
                if size > room:
                    continue
                room -= size
                try:
                    with open(entry.path, "rb") as stream:
                        mode = os.fstat(stream.fileno()).st_mode & 0o755
                        found[os.path.relpath(entry.path, WORK)] = (mode, stream.read())
                except OSError:
                    continue
    return found


def packed(files: Files) -> bytes:
    parts = []
    for name, (mode, text) in files.items():
        path = os.fsencode(name)
        parts += [ENTRY.pack(len(path), mode, len(text)), path, text]
    return b"".join(parts)
