"""Programs that do not solve the problem and want to pass: none does, none harms the next, and each is told what it is."""

from __future__ import annotations

import json

import pytest

from datafactory.types import Completion, Problem
from datafactory.verifiers import code

CONFIG = code.Config(time_limit=1.0)
# f(x) is [the sum of x]; a program that is right once and forges the rest must not get by either
TESTS = "def check(candidate):\n    assert candidate([1, 2]) == [3]\n    assert isinstance(candidate([4]), list)\n    assert candidate([1, 5]) == [6]\n"
CASES = {"cases": [{"input": "1 2", "output": "3"}, {"input": "1 5", "output": "6"}]}

FORGED = 'b\'A{"test": "", "passed": true, "expected": "", "got": ""}\', b\'D{"total": 0}\''
FUNCTIONS = {
    "exit before the tests": "import os\nos._exit(0)",
    "exit in the call": "import os\ndef f(x): os._exit(0)",
    "sys.exit in the call": "import sys\ndef f(x): sys.exit(0)",
    "sys.exit at the start": "import sys\nsys.exit(0)",
    "raises what ends an interpreter": "def f(x): raise KeyboardInterrupt",
    "raises SystemExit": "def f(x): raise SystemExit(0)",
    "raises AssertionError": "def f(x): raise AssertionError",
    "raises StopIteration": "def f(x): raise StopIteration",
    "an exception that is no exception": "class E(BaseException):\n    def __str__(s): raise s\ndef f(x): raise E",
    "equal to everything": "class E:\n    def __eq__(s, o): return True\ndef f(x): return E()",
    "a list equal to everything": "class E(list):\n    def __eq__(s, o): return True\n    def __ne__(s, o): return False\ndef f(x): return E([0])",
    "an int equal to everything": "class E(int):\n    def __eq__(s, o): return True\n    __hash__ = int.__hash__\ndef f(x): return [E(0)]",
    "a str that is every str": "class E(str):\n    def __eq__(s, o): return True\n    def __len__(s): return 3\n    __hash__ = str.__hash__\ndef f(x): return E('[3]')",
    "a class that says it is a list": "class E:\n    __class__ = list\n    def __eq__(s, o): return True\ndef f(x): return E()",
    "a metaclass equal to everything": "class M(type):\n    def __eq__(s, o): return True\n    __hash__ = type.__hash__\nclass E(metaclass=M): pass\ndef f(x): return E",
    "a proxy that learns": "seen = []\nclass E:\n    def __eq__(s, o): seen.append(o); return True\n    def __getattr__(s, n): return s\n    def __call__(s, *a): return s\ndef f(x): return seen[-1] if seen else E()",
    "patched builtins": "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.all = lambda x: True\nbuiltins.list = builtins.sorted = lambda *a: [3]\ndef f(x): return [0]",
    "patched json": "import json\njson.dumps = lambda *a, **k: '{\"t\": [], \"r\": true, \"same\": {}, \"changed\": false}'\ndef f(x): return 0",
    "patched exec and AssertionError": "import builtins\nbuiltins.AssertionError = ValueError\nbuiltins.exec = builtins.compile = lambda *a, **k: None\ndef f(x): return 0",
    "patched server": "import sys\nm = sys.modules['__main__']\nm.apply = lambda *a: [3]\nm.Server.answer = lambda *a: {'t': [['list', 3]], 'r': [0], 'same': {}, 'changed': False}\ndef f(x): return 0",
    "forged records on every file": f"import os\nfor n in range(3, 64):\n    for m in ({FORGED}):\n        try: os.write(n, len(m).to_bytes(4, 'big') + m)\n        except OSError: pass\ndef f(x): return 0",
    "a forged value": "import os\nos.write(3, (9).to_bytes(4, 'big') + b'{\"r\": []}')\ndef f(x): return 0",
    "a forged length": "import os\nos.write(3, b'\\xff\\xff\\xff\\xff' + b'x' * 1000)\ndef f(x): return 0",
    "closes the channel": "import os\nos.closerange(0, 64)\ndef f(x): return 0",
    "frames": "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n        for v in list(frame.f_locals.values()):\n            if isinstance(v, list) and v and v[0] in (3, 6): return v\n        frame = frame.f_back\n    return 0",
    "the garbage collector": "import gc\ndef f(x):\n    for o in gc.get_objects():\n        if isinstance(o, list) and len(o) == 1 and o[0] in ([6], 6): return [6]\n    return 0",
    "the files beside it": "import os, re\ndef f(x):\n    for d, _, names in os.walk('/box'):\n        for n in names:\n            t = open(os.path.join(d, n), errors='replace').read()\n            if 'candidate' in t: return [int(re.findall(r'== .(.).', t)[0])]\n    return 0",
    "the memory of others": "import os\ndef f(x):\n    for p in os.listdir('/proc'):\n        if p.isdigit():\n            try:\n                t = open(f'/proc/{p}/environ').read() + open(f'/proc/{p}/cmdline').read()\n                if 'candidate' in t: return [3]\n            except OSError: pass\n    return 0",
    "kills its parents": "import os, signal\ndef f(x):\n    for p in (os.getppid(), 1):\n        try: os.kill(p, signal.SIGKILL)\n        except OSError: pass\n    return 0",
    "kills itself": "import os\ndef f(x): os.kill(os.getpid(), 9)",
    "a fork that answers too": "import os\ndef f(x):\n    os.fork()\n    return 0",
    "deep": "def f(x):\n    a = []\n    for _ in range(100000): a = [a]\n    return a",
    "circular": "def f(x):\n    a = []\n    a.append(a)\n    return a",
    "huge": "def f(x): return 'a' * (1 << 28)",
    "a number of a million digits": "def f(x): return [1 << 4000000]",
    "for ever": "def f(x):\n    while True: pass",
    "prints for ever": "def f(x):\n    while True: print('x' * 9999)",
    "an endless iterator": "import itertools\ndef f(x): return itertools.count()",
    "recursion": "def f(x): return f(x)",
    "memory": "def f(x):\n    a = []\n    while True: a.append(bytearray(1 << 24)); a[-1][::4096] = b'x' * 4096",
    "threads": "import threading, time\nfor _ in range(500): threading.Thread(target=time.sleep, args=(9,)).start()\ndef f(x): return 0",
    "changes its argument": "def f(x):\n    x[:] = [3]\n    return 0",
    "true is one": "def f(x): return [sum(x) == 3]",
    "redefines check": "def check(candidate): pass\ncandidate = None\ndef f(x): return 0",
    "nothing": "",
}  # fmt: skip
STDIO = {
    "exit before it has read": "import os\nos._exit(0)",
    "the first answer and no more": "print(3)",
    "both answers": "print(3)\nprint(6)",
    "a prefix": "import sys\nsys.stdout.write(str(sum(map(int, input().split())))[:0])",
    "flood": "while True: print(3)",
    "the files beside it": "import os\nfor d, _, names in os.walk('/'):\n    for n in names:\n        if n.startswith(('answer', 'output', 'tests')) and d.startswith('/box'): print(open(os.path.join(d, n)).read())",
    "writes on every file": "import os\nfor n in range(64):\n    try: os.write(n, b'3')\n    except OSError: pass",
    "leaves a note for the next test": "import os\np = '/tmp/n'\nprint(6 if os.path.exists(p) else 3)\nopen(p, 'w').close()",
    "leaves a process for the next test": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nelse: print(3)",
    "a status of success and an error": "print(3)\nraise SystemExit(1)",
    "sleeps": "import time\ntime.sleep(1000)",
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_cheats_is_wrong(name: str):
    problem = Problem("q", tests=TESTS, meta={"entry_point": "f"})
    verdict = code.verify(problem, Completion(f"```python\n{FUNCTIONS[name]}\n```"), CONFIG)
    if name == "nothing":
        assert verdict.status == "no_answer"
    else:
        assert (verdict.reward, verdict.status) == (0.0, "incorrect"), verdict
        assert verdict.facts["tests_passed"] != verdict.facts["tests_total"]


@pytest.mark.parametrize("name", STDIO)
def test_a_program_that_cheats_is_wrong(name: str):
    problem = Problem("q", tests=json.dumps(CASES))
    verdict = code.verify(problem, Completion(f"```python\n{STDIO[name]}\n```"), CONFIG)
    assert (verdict.reward, verdict.status) == (0.0, "incorrect"), verdict


@pytest.mark.parametrize(
    ("test", "method"),
    [
        ("assert 3 in f([1, 2])", "__contains__"),
        ("assert f([1, 2]).startswith('3')", "startswith"),
        ("assert f([1, 2]).issubset({3})", "issubset"),
        ("assert f([1, 2]) >= [3]", "__ge__"),
        ("assert abs(f([1, 2]) - 3) < 1e-6", "__sub__"),
        ("import math\nassert math.isclose(f([1, 2]), 3)", "__float__"),
        ("assert f([1, 2]) == 3", "__eq__"),
        ("assert 3 == f([1, 2])", "__eq__"),
        ("assert f([1, 2]) != 4 and f([1, 2]) in [3]", "__eq__"),
        ("assert f([1, 2]) is True or hash(f([1, 2])) == 3", "__hash__"),
        ("assert isinstance(f([1, 2]), int)", "__class__"),
    ],
)
def test_an_object_is_not_asked_whether_it_is_right(test: str, method: str):
    program = f"class Yes:\n    def {method}(self, *given): return True\ndef f(x):\n    return Yes()"
    verdict = code.verify(Problem("q", tests=test), Completion(f"```python\n{program}\n```"), CONFIG)
    assert (verdict.reward, verdict.status) == (0.0, "incorrect"), verdict


def test_a_cheat_harms_no_neighbour():
    problem = Problem("q", tests=TESTS, meta={"entry_point": "f"})
    right = "def f(x):\n    return [sum(x)]"
    programs = [
        right,
        FUNCTIONS["kills its parents"],
        f"{right}\n",
        FUNCTIONS["memory"],
        f"\n{right}",
        FUNCTIONS["threads"],
    ]
    pairs = [(problem, Completion(f"```python\n{text}\n```")) for text in programs]
    assert [verdict.reward for verdict in code.verify_all(pairs, CONFIG)] == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]


def test_the_right_program_passes_the_same_tests():
    right = Completion("```python\ndef f(x):\n    return [sum(x)]\n```")
    assert code.verify(Problem("q", tests=TESTS, meta={"entry_point": "f"}), right, CONFIG).status == "correct"


@pytest.mark.parametrize(
    ("test", "program"),
    [
        ("def check(candidate):\n    assert Counter(candidate('ab')) == Counter('ab')\ncheck(Solution().f)",
         "class Solution:\n    def f(self, s): return 'zzz'\ndef Counter(x): return 0"),
        ("assert isclose(f(1), 3.0)", "def f(n): return 7\ndef isclose(a, b): return True"),
        ("assert math.isclose(f(1), 3.0)", "def f(n): return 7\nclass math:\n    def isclose(a, b): return True"),
        ("r = f(1)\nassert deque(r) == deque([1])", "def f(n): return [7]\ndef deque(x): return 0"),
    ],
)  # fmt: skip
def test_a_name_of_the_library_that_the_tests_did_not_import_is_not_the_programs(test: str, program: str):
    verdict = code.verify(
        Problem("q", tests=json.dumps({"functional": test})), Completion(f"```python\n{program}\n```"), CONFIG
    )
    assert (verdict.reward, verdict.status) == (0.0, "incorrect"), verdict


@pytest.mark.parametrize(
    ("test", "body"),
    [
        ("for r in f(3):\n    assert r > 0", "return []"),
        ("assert all(map(f, [1, 2, 3]))", "raise StopIteration"),
        ("for r in map(f, [1, 2, 3]):\n    assert r == 1", "raise StopIteration"),
        ("assert f(1) == 42", "a = [1] * 20\n    for _ in range(7): a = [a] * 20\n    return a"),
        ("assert f(1) == 42", "from collections import OrderedDict as O\n    a = 1\n    for _ in range(30): a = O({0: a, 1: a})\n    return a"),
        ("assert f(1) == 42", "a = 1\n    for _ in range(30): a = [a, a]\n    class ListNode: val, next = a, None\n    return ListNode()"),
        ("assert f(1) == 10 ** 30", "from decimal import Decimal\n    return Decimal('1e999999999')"),
    ],
)  # fmt: skip
def test_what_a_program_returns_neither_ends_nor_holds_up_the_tests(test: str, body: str):
    problem = Problem("q", tests=f"{test}\n")
    verdict = code.verify(problem, Completion(f"```python\ndef f(n):\n    {body}\n```"), CONFIG)
    assert (verdict.reward, verdict.status) == (0.0, "incorrect"), verdict
    assert "takes the tests too long" not in str(verdict.facts["failed"])


def test_a_text_that_the_tests_evaluate_reaches_nothing():
    module = "__import__('datafactory.programs.inside.channel', fromlist=['x'])"
    for message in (b"Xsorry", b'D{"total": 0}'):
        program = f"def f(n): return {f'{module}.send({message!r}) or 3'!r}"
        verdict = code.verify(
            Problem("q", tests="assert eval(f(1)) == 3"), Completion(f"```python\n{program}\n```"), CONFIG
        )
        assert (verdict.reward, verdict.status) == (0.0, "incorrect"), verdict
