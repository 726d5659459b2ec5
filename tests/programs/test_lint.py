"""What ruff is given is limited, and so is what it may take: it runs outside of the sandbox."""

from __future__ import annotations

import subprocess
import sys

import pytest

from datafactory.programs import lint
from datafactory.programs.running import Program

UNUSED, CLEAN = Program("import os\n", "python"), Program("print(1)\n", "python")
WORST = "a;" * (lint.LONGEST // 2 - 8)


def test_findings_come_in_the_order_of_the_programs_and_those_of_given_lines_do_not_count():
    given = Program("import os\nimport sys\n", "python", given=1)
    assert lint.findings([UNUSED, CLEAN, given, UNUSED]) == [1, 0, 1, 1]
    assert lint.findings([]) == []


def test_names_that_a_program_has_without_defining_them_are_no_findings():
    used = Program("print(deque([one]))\n", "python")
    assert lint.findings([used, Program(used.text, "python", "one = 1", prelude=True)]) == [2, 0]


def test_a_program_longer_than_programs_are_is_not_looked_at_and_holds_up_no_other():
    assert lint.findings([Program(WORST * 2, "python"), UNUSED]) == [None, 1]
    assert lint.findings([Program("é" * (lint.LONGEST // 2 + 1), "python")]) == [None]


def test_a_batch_of_findings_alone_stays_small():
    counting = f"""if True:
        import resource
        from datafactory.programs import lint
        from datafactory.programs.running import Program
        programs = [Program({WORST!r} + f"#{{number}}", "python") for number in range(12)]
        assert lint.findings(programs) == [{WORST.count("a") * 2}] * 12
        # not ru_maxrss: that begins with what the process that started this one held
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        assert int(status["VmHWM"].split()[0]) < 250 << 10, status["VmHWM"]
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert children.ru_maxrss < 250 << 10, children
    """
    subprocess.run([sys.executable, "-c", counting], timeout=100, check=True)


@pytest.mark.parametrize(("limit", "most"), [("OUTPUT", 1 << 16), ("MEMORY", 1 << 20), ("TIMEOUT", 0.001)])
def test_where_ruff_meets_a_limit_there_is_no_count(monkeypatch: pytest.MonkeyPatch, limit: str, most: float):
    monkeypatch.setattr(lint, limit, most)
    assert lint.findings([Program(WORST, "python")]) == [None]


def test_a_program_that_ruff_cannot_stand_takes_no_other_along(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lint, "OUTPUT", 1 << 16)
    assert lint.findings([UNUSED, Program(WORST, "python"), CLEAN, UNUSED]) == [1, None, 0, 1]


def test_a_preamble_that_cannot_be_read_costs_the_count_alone():
    assert lint.findings([Program("print(1)\n", "python", "def ("), UNUSED]) == [None, 1]
