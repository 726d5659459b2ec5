"""Inside, before any program: walls around this process, and no way back through them.

In   steps that build the root (only where bubblewrap has not built it), the system call filter, an unprivileged user
Out  this process is pid 1 of its own namespaces, without capabilities, and can be neither traced nor read
"""

from __future__ import annotations

import _signal as signal  # without the enums of `signal`, which cost as much time as the interpreter
import ctypes
import os
import sys

TYPE_CHECKING = False  # importing typing takes longer than starting the interpreter
if TYPE_CHECKING:
    from typing import Any

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
MS_REMOUNT, MNT_DETACH = 32, 2
NEW_USER, NEW_MOUNTS, NEW_PIDS, NEW_NET, NEW_IPC, NEW_NAMES, NEW_CGROUP = (
    0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000,
)  # fmt: skip
PDEATHSIG, DUMPABLE, SECCOMP, DROP_BOUNDING, NO_NEW_PRIVILEGES, THP_DISABLE, AMBIENT = 1, 4, 22, 24, 38, 41, 47
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
PIDFD_OPEN = 434
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPABILITY_VERSION = 0x20080522
INSIDE = 1000  # the user that programs are, in here
NODES = 1 << 16  # files that /box holds

libc: Any = ctypes.CDLL(None, use_errno=True)


def enter(steps: list[tuple[str, str, str]], size: int, control: int) -> None:
    """Namespaces, a root of our own, and a fork into it: returns in the child, which is pid 1 there."""
    libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    new = NEW_MOUNTS | NEW_PIDS | NEW_NET | NEW_IPC | NEW_NAMES | NEW_CGROUP
    if os.geteuid() == 0:
        _must(libc.unshare(new), "unshare")
    else:
        user, group = os.geteuid(), os.getegid()
        _must(libc.unshare(new | NEW_USER), "unshare")
        _map_to(user, group)
    libc.sethostname(b"sandbox", 7)
    _mount("none", "/", "", MS_REC | MS_PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m")
    for folder in ("/tmp/old", "/tmp/new"):
        os.mkdir(folder)
    _pivot_root("/tmp", "/tmp/old")
    os.chdir("/")
    _mount("tmpfs", "/new", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    child = os.fork()
    if child:
        for file in (0, 1, 2, control):  # only the child's end tells that it is gone
            os.close(file)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    for do, place, source in steps:
        _build(do, "/new" + place, source, size)
    _read_only("/new", 0)
    os.chdir("/new")
    _pivot_root(".", ".")
    _must(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


def settle(user: int | None, filtered: bytes) -> bool:
    """Give up every privilege; whether the kernel counts this sandbox's processes apart from all others."""
    apart = _drop_to(user) if user is not None and os.geteuid() == 0 else True
    capability = 0
    while libc.prctl(DROP_BOUNDING, capability, 0, 0, 0) == 0:
        capability += 1
    libc.prctl(AMBIENT, 4, 0, 0, 0)  # clear all
    _must(libc.capset((ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()), "capset")
    _must(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    _must(libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0), "pdeathsig")
    _must(libc.prctl(DUMPABLE, 0, 0, 0, 0), "dumpable")
    # a huge page stays whole when all but one small page of it is given up, and only that one is counted
    libc.prctl(THP_DISABLE, 1, 0, 0, 0)  # a kernel that refuses has none
    if filtered:
        code = ctypes.create_string_buffer(filtered, len(filtered))
        program = (ctypes.c_uint64 * 2)(len(filtered) // 8, ctypes.addressof(code))  # struct sock_fprog
        _must(libc.prctl(SECCOMP, 2, program, 0, 0), "seccomp")
    # before Linux 5.14 RLIMIT_NPROC counts all that a user runs, wherever
    major, minor = os.uname().release.split(".")[:2]
    return apart and (int(major), int("".join(filter(str.isdigit, minor.split("-")[0])))) >= (5, 14)


def ending(process: int) -> int:
    """A file that can be read when a process has ended; os.pidfd_open is missing in some builds of Python."""
    file: int = libc.syscall(PIDFD_OPEN, process, 0)
    return file


def traceable() -> None:
    """A program's own process may look into itself; only the supervisor may not be looked into."""
    libc.prctl(DUMPABLE, 1, 0, 0, 0)


def _drop_to(user: int) -> bool:
    """From root to a user that owns nothing, and if the kernel lets it, in a user namespace of its own."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    traceable()  # or /proc/self/uid_map would be root's
    if libc.unshare(NEW_USER):
        return False
    _map_to(user, user)
    return True


def _map_to(user: int, group: int) -> None:
    for name, text in (("setgroups", "deny"), ("uid_map", f"{INSIDE} {user} 1"), ("gid_map", f"{INSIDE} {group} 1")):
        with open(f"/proc/self/{name}", "w") as stream:
            stream.write(text)


def _build(do: str, place: str, source: str, size: int) -> None:
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if do == "link":
        os.symlink(source, place)
    elif do in ("bind", "device"):
        if os.path.isdir("/old" + source):
            os.makedirs(place, exist_ok=True)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
        _mount("/old" + source, place, "", MS_BIND | MS_REC)
        if do == "bind":
            _read_only(place, AT_RECURSIVE)
    elif do == "hide":
        _mount("tmpfs", place, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,mode=755")
    elif do == "proc":
        os.makedirs(place)
        _mount("proc", place, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        _mount(f"{place}/sys", f"{place}/sys", "", MS_BIND)
        _read_only(f"{place}/sys", 0)
    elif do == "box":
        os.makedirs(place)
        _mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size},nr_inodes={NODES},mode=777")


def _read_only(place: str, how: int) -> None:
    attributes = (ctypes.c_uint64 * 4)(MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)  # struct mount_attr: to set
    path = ctypes.c_char_p(place.encode())
    _must(libc.syscall(MOUNT_SETATTR, AT_FDCWD, path, how, attributes, ctypes.c_size_t(32)), f"read-only {place}")


def _mount(source: str, place: str, kind: str, flags: int, options: str = "") -> None:
    done = libc.mount(source.encode(), place.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _must(done, f"mount {place}")


def _pivot_root(new: str, old: str) -> None:
    paths = ctypes.c_char_p(new.encode()), ctypes.c_char_p(old.encode())
    _must(libc.syscall(PIVOT_ROOT[os.uname().machine], *paths), "pivot_root")


def _must(answer: int, what: str) -> None:
    if answer:
        error = ctypes.get_errno()
        sys.exit(f"{what}: {os.strerror(error)}")
