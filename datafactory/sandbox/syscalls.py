"""System calls that a program in the sandbox may not make, as a filter the kernel runs (seccomp BPF).

In   the machine's architecture
Out  the filter's instructions; empty for an architecture whose numbers are not listed here

Refused: what reaches into another process or changes how the supervisor is scheduled, what makes namespaces and mounts,
what loads code into the kernel, what would outlive a run (System V and POSIX queues, keyrings, attributes), and memory
that no process is charged for. Sockets are Unix sockets.
Source: the kernel's include/uapi/linux/{bpf_common,seccomp,audit}.h and syscall tables.
"""

from __future__ import annotations

import errno
import struct
from typing import NamedTuple

LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, ANSWER = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, FIRST, SECOND, FOURTH = (
    0,
    4,
    16,
    24,
    40,
)  # offsets in struct seccomp_data; low halves of the arguments

X32 = 0x40000000  # a second numbering of the same calls, on x86-64
NEW_NAMESPACES = 0x7E020080  # CLONE_NEW*
UNIX, QUERY = 1, 0xFFFFFFFF
TYPE_INTO_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
# Pages of a shared map without a file stay while any part of it is mapped, and count for nobody once they are given up
# (MADV_DONTNEED) or unmapped. Files in /dev/shm serve as well, and are counted by their file system.
KIND_OF_MAP, SHARED_WITHOUT_FILE = 0x2F, 0x21  # MAP_TYPE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS
HUGE_PAGES = 0x40000  # MAP_HUGETLB: of the machine's pool, in no figure of what a process has resident
HUGE_BY_ITSELF = 41  # PR_SET_THP_DISABLE

# name: its number on x86-64 and on aarch64
REFUSED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429),
    "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "lookup_dcookie": (212, 18),
    "vhangup": (153, 58), "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "setxattrat": (463, 463), "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186),
    "mq_open": (240, 180),
}  # fmt: skip
# a runtime that hears "no such call" uses an older one, which can be looked into
UNKNOWN = {
    "clone3": (435, 435), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
}  # fmt: skip


class Machine(NamedTuple):
    """An architecture: its audit number, its column in the tables, and the calls refused by their arguments."""

    audit: int
    column: int
    clone: int
    socket: int
    prlimit: int
    personality: int
    ioctl: int
    mmap: int
    prctl: int


MACHINES = {
    "x86_64": Machine(0xC000003E, 0, clone=56, socket=41, prlimit=302, personality=135, ioctl=16, mmap=9, prctl=157),
    "aarch64": Machine(
        0xC00000B7, 1, clone=220, socket=198, prlimit=261, personality=92, ioctl=29, mmap=222, prctl=167
    ),
}


def instructions(architecture: str) -> bytes:
    if architecture not in MACHINES:
        return b""
    machine = MACHINES[architecture]
    lines = [_line(LOAD, ARCHITECTURE), _line(EQUAL, machine.audit, 1, 0), _line(ANSWER, KILL), _line(LOAD, NUMBER)]
    if architecture == "x86_64":
        lines += [_line(AT_LEAST, X32, 0, 1), _line(ANSWER, KILL)]
    for calls, error in ((REFUSED, errno.EPERM), (UNKNOWN, errno.ENOSYS)):
        for numbers in calls.values():
            lines += [_line(EQUAL, numbers[machine.column], 0, 1), _line(ANSWER, ERRNO | error)]
    # where the number is this: refused with `error` unless, or where, the argument is one of these
    lines += _by_argument(machine.clone, FIRST, [_line(ANY_BIT, NEW_NAMESPACES, 0, 1)], errno.EPERM)
    lines += _by_argument(machine.socket, FIRST, [_line(EQUAL, UNIX, 1, 0)], errno.EACCES)
    lines += _by_argument(machine.prlimit, FIRST, [_line(EQUAL, 0, 1, 0)], errno.EPERM)
    lines += _by_argument(machine.personality, FIRST, [_line(EQUAL, QUERY, 2, 0), _line(EQUAL, 0, 1, 0)], errno.EPERM)
    shared = [_line(AND, KIND_OF_MAP), _line(EQUAL, SHARED_WITHOUT_FILE, 0, 1)]
    lines += _by_argument(machine.mmap, FOURTH, shared, errno.EPERM)
    lines += _by_argument(machine.mmap, FOURTH, [_line(ANY_BIT, HUGE_PAGES, 0, 1)], errno.EPERM)
    lines += _by_argument(machine.prctl, FIRST, [_line(EQUAL, HUGE_BY_ITSELF, 0, 1)], errno.EPERM)
    for command in TYPE_INTO_TERMINAL:
        lines += _by_argument(machine.ioctl, SECOND, [_line(EQUAL, command, 0, 1)], errno.EPERM)
    return b"".join([*lines, _line(ANSWER, ALLOW)])


def _by_argument(number: int, argument: int, tests: list[bytes], error: int) -> list[bytes]:
    inside = [_line(LOAD, argument), *tests, _line(ANSWER, ERRNO | error), _line(LOAD, NUMBER)]
    return [_line(EQUAL, number, 0, len(inside)), *inside]


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
