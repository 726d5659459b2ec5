"""The filter of system calls: its numbers are the kernel's."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from datafactory.sandbox import syscalls

HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}


@pytest.mark.parametrize("architecture", HEADERS)
def test_every_number_is_that_of_the_kernels_header(architecture: str):
    header = next((path for path in HEADERS[architecture] if path.exists()), None)
    if header is None:
        pytest.skip("no kernel headers")
    numbers = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    machine = syscalls.MACHINES[architecture]
    said = {name: both[machine.column] for name, both in (syscalls.REFUSED | syscalls.UNKNOWN).items()}
    said |= {"clone": machine.clone, "socket": machine.socket, "prlimit64": machine.prlimit}
    said |= {"personality": machine.personality, "ioctl": machine.ioctl}
    said |= {"mmap": machine.mmap, "prctl": machine.prctl}
    known = {name: number for name, number in said.items() if name in numbers}  # a header may be older than a call
    assert len(known) > len(said) - 4
    assert {name: int(numbers[name]) for name in known} == known


@pytest.mark.parametrize("architecture", HEADERS)
def test_no_jump_leaves_the_filter(architecture: str):
    text = syscalls.instructions(architecture)
    lines = [struct.unpack("HBBI", text[at : at + 8]) for at in range(0, len(text), 8)]
    for at, (code, if_true, if_false, _) in enumerate(lines):
        if code in (syscalls.EQUAL, syscalls.AT_LEAST, syscalls.ANY_BIT):
            assert at + 1 + max(if_true, if_false) < len(lines)
    assert lines[-1] == (syscalls.ANSWER, 0, 0, syscalls.ALLOW)


def test_a_machine_that_is_not_known_has_no_filter():
    assert syscalls.instructions("riscv64") == b""
