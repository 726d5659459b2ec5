"""Programs that define a function: the tests see its values, its objects and its exceptions as if they shared a process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from datafactory.types import Completion, Problem, Verdict
from datafactory.verifiers import code

CONFIG = code.Config(time_limit=5.0)


def verify(program: str, tests: str | list[str] | dict[str, Any], question: str = "", **meta: Any) -> Verdict:
    text = tests if isinstance(tests, str) else json.dumps(tests)
    return code.verify(Problem(question, tests=text, meta=meta), Completion(f"```python\n{program}\n```"), CONFIG)


SORTED = "def f(x):\n    return sorted(x)"


@pytest.mark.parametrize(
    ("program", "test"),
    [
        ("def f(x):\n    x.sort()", "a = [3, 1, 2]\nf(a)\nassert a == [1, 2, 3]"),  # in place
        ("def f(x):\n    x['a'].append(1)\n    return x", "d = {'a': []}\nassert f(d) is d and d == {'a': [1]}"),
        ("def f(x):\n    x[:] = []", "def g():\n    a = [1]\n    b = a\n    f(a)\n    assert b == []\ndef test_it(): g()\ng()"),
        ("def f(n):\n    for i in range(n): yield i", "assert list(f(3)) == [0, 1, 2]"),
        ("def f(n):\n    return map(str, range(n))", "assert list(f(2)) == ['0', '1']"),
        ("def f(n):\n    return iter([n])", "assert next(f(2)) == 2"),
        ("def f(n):\n    return {n}, {n: (n, None)}", "assert f(1) == ({1}, {1: (1, None)})"),
        ("def f(n):\n    return 2 ** n", "assert f(1000) == 2 ** 1000\nassert f(-1) == 0.5"),
        ("def f(n):\n    return n > 0", "assert f(1) is True\nassert f(1) == 1"),
        ("def f(n):\n    return float(n)", "import math\nassert math.isnan(f('nan')) and f('inf') == math.inf"),
        ("def f(s):\n    return s.encode() + b'\\xff'", "assert f('a') == b'a\\xff'"),
        ("def f(s):\n    return s[::-1]", "assert f('a\\ud800é\\0') == '\\0é\\ud800a'"),
        ("from collections import *\ndef f(s):\n    return Counter(s)", "assert f('aab') == {'a': 2, 'b': 1}"),
        ("from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f():\n    return P(1, 2)", "assert f() == (1, 2)"),
        ("def f():\n    return lambda x: x + 1", "assert f()(1) == 2"),
        ("def f(g):\n    return g(1)\ndef h(x):\n    return x + 1", "assert f(h) == 2"),
        ("def f():\n    raise KeyError('no')", "try:\n    f()\nexcept KeyError as e:\n    x = str(e)\nassert x == \"'no'\""),
        ("class Bad(ValueError): pass\ndef f():\n    raise Bad('no')", "try:\n    f()\nexcept ValueError as e:\n    x = e\nassert str(x) == 'no'"),
        ("class P:\n    def __init__(s, x): s.x = x\ndef f(ps):\n    return max(p.x for p in ps)", "assert f([P(1), P(3), P(2)]) == 3"),
        ("class S:\n    def __init__(s): s.v = []\n    def push(s, x): s.v.append(x)\n    def pop(s): return s.v.pop()\n    def __len__(s): return len(s.v)",
         "s = S()\ns.push(1)\ns.push(2)\ns.push(3)\nassert s.pop() == 3\nassert s.pop() == 2\nassert len(s) == 1 and s.v[0] == 1 and 1 in s.v\nassert isinstance(s, S)"),
        ("class N:\n    def __init__(s, v): s.v, s.next = v, None\ndef f(n):\n    return n.v + (f(n.next) if n.next else 0)",
         "a = N(1)\na.next = N(2)\na.next.next = N(3)\nassert f(a) == 6\nassert f(a.next) == 5"),
        ("count = 0\ndef f():\n    global count\n    count += 1\n    return count", "assert f() == 1\nassert f() == 1"),  # a process each
        ("def f():\n    print('noise')\n    return input.__name__", "assert f() == 'input'"),
        ("def f(n):\n    return 1 if n == 0 else 1 + f(n - 1)", "assert f(5000) == 5001"),
        ("if __name__ == '__main__':\n    input()\ndef f():\n    return 1", "assert f() == 1"),
        ("def f(x):\n    return x", "assert f(x=[1]) == [1]\nassert 3 == f(3)\nassert f(3) in (1, 3)\nassert not f(0)"),
        ("from __future__ import annotations\ndef f(x: Undefined) -> int:\n    return 1", "assert f(1) == 1"),
    ],
)  # fmt: skip
def test_what_holds_in_one_process_holds_across_two(program: str, test: str):
    plain: dict[str, Any] = {"__name__": "solution"}
    exec(f"{program}\n", plain)
    if "count" not in program and "5000" not in test:
        exec(test, plain)  # the same in one process
    verdict = verify(program, test)
    assert (verdict.status, verdict.detail[:300]) == ("correct", verdict.detail), verdict.facts["failed"]


@pytest.mark.parametrize(
    ("program", "test", "failed"),
    [
        ("def f(x):\n    return x", "assert f(1) == 2", "assert f(1) == 2: expected 2, got 1"),
        ("def f(x):\n    return x", "assert 2 == f(1)", "assert 2 == f(1): expected 2, got 1"),
        ("def f(x):\n    return x", "assert f(1) == 1\nassert f('a')", None),
        ("def f(x):\n    return ''", "assert f('a')", "assert f('a'): got ''"),
        ("def f(x):\n    return 1 / x", "assert f(0) == 1", "got ZeroDivisionError: division by zero"),
        ("def g(x):\n    return x", "assert f(0) == 1", "got NameError: the program defines no 'f'"),
        (
            "import nowhere",
            "assert f(0) == 1",
            "got the program does not load: ModuleNotFoundError: No module named 'nowhere'",
        ),
        ("def f(x): return [x", "assert f(0) == 1", "it does not compile: SyntaxError"),
    ],
)
def test_the_first_failing_test_is_told_with_what_was_expected_and_got(program: str, test: str, failed: str | None):
    verdict = verify(program, test)
    assert (verdict.status == "correct") is (failed is None)
    assert failed is None or failed in str(verdict.facts["failed"])


def test_every_assert_is_a_test_and_fails_alone():
    tests = "def check(candidate):\n    for n in range(5):\n        assert candidate(n) == n * n\n    assert True, 'a remark'"
    verdict = verify(
        "import os\ndef f(n):\n    if n == 1: os._exit(0)\n    return n * n if n != 3 else 0", tests, entry_point="f"
    )
    assert (verdict.status, verdict.facts["tests_passed"], verdict.facts["tests_total"]) == ("incorrect", 3, 5)


PROMPT = (
    "import math\n\n\ndef helper(x):\n    return math.floor(x)\n\n\n"
    'def f(x: float) -> int:\n    """ Twice the whole part.\n    >>> f(1.5)\n    2\n    """\n'
)
CHECK = "\n\ndef check(candidate):\n    assert candidate(1.5) == helper(2.5)\n    assert candidate(-0.5) == -2\n"


@pytest.mark.parametrize(
    "response",
    [
        "    return 2 * helper(x)\n",
        "return 2 * helper(x)",  # the completion was stripped
        "    y = helper(x)\n    return 2 * y\n\n\nThat is all.",
        "    return 2 * helper(x)\n\ndef g():\n    pass\n",
        "```python\n    return 2 * helper(x)\n```",
        "```python\ndef f(x):\n    return 2 * helper(x)\n```",
        "```\ndef f(x):\n    return 2 * math.floor(x)\n```\nFor example:\n```python\nprint(f(1.5))\n```",
        "def f(x):\n    return 2 * helper(x)\n",
        f"```python\n{PROMPT}    return 2 * helper(x)\n```",
    ],
)
def test_humaneval_takes_a_body_a_function_and_the_whole_program(response: str):
    problem = Problem(PROMPT, meta={"test": CHECK, "entry_point": "f"})
    verdict = code.verify(problem, Completion(response), CONFIG)
    assert verdict.status == "correct", verdict
    wrong = code.verify(problem, Completion(response.replace("2 *", "3 *")), CONFIG)
    assert wrong.status == "incorrect", wrong


def test_the_prompt_may_stand_in_a_block_of_the_question():
    asked = Problem(f"Complete this:\n\n```python\n{PROMPT}```\n", meta={"test": CHECK, "entry_point": "f"})
    response = Completion("```python\ndef f(x):\n    return 2 * math.floor(x)\n```")
    assert code.verify(asked, response, CONFIG).status == "correct"


def test_a_helper_of_the_prompt_is_the_prompts_in_the_tests():
    problem = Problem(PROMPT, meta={"test": CHECK, "entry_point": "f"})
    forged = "```python\ndef helper(x):\n    return 7\ndef f(x):\n    return 7 if x > 0 else -2\n```"
    assert code.verify(problem, Completion(forged), CONFIG).facts["tests_passed"] == 1


MBPP = {
    "test_setup_code": "import math\nroot = Node(1)\nroot.left = Node(2)",
    "test_list": ["assert total(root) == 3", "assert math.isclose(total(root.left), 2)"],
    "challenge_test_list": ["assert total(None) == 0"],
}
NODE = """class Node:
    def __init__(self, value):
        self.value, self.left, self.right = value, None, None
def total(node):
    return node.value + total(node.left) + total(node.right) if node else 0"""


def test_mbpp_tests_may_build_the_programs_own_objects():
    verdict = code.verify(Problem("Write.", meta=MBPP), Completion(f"```python\n{NODE}\n```"), CONFIG)
    assert (verdict.status, verdict.detail) == ("correct", "3 tests pass")


LISTS = "def check(candidate):\n    assert is_same_list(candidate(list_node([3, 1])), list_node([1, 3]))\n\n\ncheck(Solution().f)"
TREES = "def check(candidate):\n    assert is_same_tree(candidate(tree_node([1, 2, None, 3])), tree_node([1, None, 2, None, 3]))\n\n\ncheck(Solution().f)"


def test_leetcode_has_its_names_its_lists_and_its_trees():
    program = """class Solution:
    def f(self, head: Optional[ListNode]) -> Optional[ListNode]:
        values = []
        while head:
            values.append(head.val)
            head = head.next
        heapify(values)
        for value in sorted(values, reverse=True):
            head = ListNode(value, head)
        return head"""
    assert verify(program, {"functional": LISTS}).status == "correct"
    assert verify(program.replace("reverse=True", "reverse=False"), {"functional": LISTS}).status == "incorrect"
    mirror = """class Solution:
    def f(self, root):
        if root:
            root.left, root.right = self.f(root.right), self.f(root.left)
        return root"""
    assert verify(mirror, {"functional": TREES}).status == "correct"
    assert verify("class Solution:\n    def f(self, root): return root", {"functional": TREES}).status == "incorrect"


def test_a_list_that_bites_its_tail_and_a_tree_with_two_parents_are_wrong():
    ring = "class Solution:\n    def f(self, head):\n        head.next.next = head\n        return head"
    assert verify(ring, {"functional": LISTS}).status == "incorrect"
    deep = "class Solution:\n    def f(self, r):\n        for _ in range(99): r = TreeNode(1, r, r)\n        return r"
    same = TREES.replace("tree_node([1, None, 2, None, 3])", "candidate(tree_node([1, 2, None, 3]))")
    assert verify(deep, {"functional": same}).status == "incorrect"


@pytest.mark.parametrize(
    "tests",
    [
        {"fn_name": "add", "inputs": [[1, 2], [3, 4]], "outputs": [3, 7]},
        {"fn_name": "add", "inputs": [[1, 2], [3, 4]], "outputs": [[3], [7]]},  # as APPS has it
        {"inputs": ["1\n2", "3\n4"], "outputs": ["3", "7"], "fn_name": "add"},
        [{"input": "1\n2", "output": "3", "testtype": "functional", "metadata": {"func_name": "add"}}],
        {"function": "add", "cases": [{"args": [1], "kwargs": {"b": 2}, "expected": 3}]},
        {"function": "Solution().add", "cases": [{"args": [1, 2], "expected": 3.0000001}], "tolerance": 1e-6},
        ["assert add(1, 2) == 3"],
        "from solution import add\n\ndef test_add():\n    assert add(1, 2) == 3\n",
    ],
)  # fmt: skip
def test_a_function_may_be_the_programs_or_its_solutions(tests: Any):
    alone, method = (
        "def add(a, b):\n    return a + b",
        "class Solution:\n    def add(self, a, b):\n        return a + b",
    )
    if "Solution()" not in str(tests):
        assert verify(alone, tests).status == "correct"
        assert verify(alone.replace("+", "-"), tests).status == "incorrect"
    assert verify(method, tests).status == "correct"
    assert verify(method.replace("+", "-"), tests).status == "incorrect"


def test_tests_that_fail_by_themselves_are_the_problems_fault():
    verdict = verify(SORTED, "import nowhere\nassert f([]) == []")
    assert (verdict.reward, verdict.status) == (None, "undecidable_gold")
    assert "the tests fail by themselves: ModuleNotFoundError" in verdict.detail
    verdict = verify(SORTED, "for x in []:\n    assert f(x) == x")
    assert (verdict.reward, verdict.status, verdict.detail) == (
        None,
        "undecidable_gold",
        "the tests ask nothing of the program",
    )


def test_a_test_that_never_ends_on_what_it_got_is_a_failed_test():
    from datafactory.programs import functions

    short = functions.GRADING
    functions.GRADING = type(short)(**{**vars(short), "cpu": 1.0})
    try:
        verdict = verify(
            "def f():\n    return 10 ** 8", "assert f() > 0\nassert sum(x * x for x in range(f() ** 2)) == 0"
        )
    finally:
        functions.GRADING = short
    assert (verdict.status, verdict.facts["tests_passed"]) == ("incorrect", 1)
    assert "what it returned takes the tests too long" in str(verdict.facts["failed"])


ACCOUNT = """class Account:
    def __init__(self, held):
        self.held, self.tried = held, 0
    def take(self, much):
        self.tried += 1
        if much > self.held:
            raise ValueError
        self.held -= much
"""


@pytest.mark.parametrize(
    ("program", "test"),
    [
        ("class S(list):\n    push = list.append\nclass Stack:\n    def __init__(s): s.v = S()\n    def push(s, x): s.v.push(x)\n    def pop(s): return s.v.pop()",
         "def test_it():\n    s = Stack()\n    s.push(1)\n    s.push(2)\n    assert s.pop() == 2\n    assert s.pop() == 1"),
        ("def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n        return n\n    return g", "c = f()\nassert c() == 1\nassert c() == 2"),
        ("def f():\n    yield 1\n    yield 2", "g = f()\nassert next(g) == 1\nassert next(g) == 2"),
        ("held = []\ndef add(x): held.append(x)\ndef total(): return sum(held)", "add(1)\nadd(2)\nassert total() == 3"),
        ("held = []\ndef push(x): held.append(x)\ndef pop(): return held.pop()", "push(1)\npush(2)\nassert pop() == 2\nassert pop() == 1"),
        ("held = []\ndef push(x):\n    held.append(x)\n    return len(held)\ndef pop(): return held.pop()", "assert push(1) == 1\nassert push(2) == 2\nassert pop() == 2"),
        (ACCOUNT, "a = Account(5)\ntry:\n    a.take(9)\nexcept ValueError:\n    pass\na.take(2)\nassert a.tried == 2\nassert a.held == 3"),
        ("class Solution:\n    v = 0\n    def put(s, n): s.v = n\n    def get(s): return s.v", "s = Solution()\ns.put(1)\nassert s.get() == 1\ns.put(2)\nassert s.get() == 2"),
        ("class P:\n    def __init__(s): s.v = []\n    def add(s, p):\n        s.v.append(p)\n        return len(s.v)", "p = P()\nassert p.add(P()) == 1\nassert p.add(P()) == 2"),
    ],
)  # fmt: skip
def test_what_one_test_leaves_the_next_one_finds(program: str, test: str):
    plain: dict[str, Any] = {}
    exec(f"{program}\n{test}\n" + ("test_it()" if "test_it" in test else ""), plain)
    verdict = verify(program, test)
    assert (verdict.status, verdict.facts["tests_passed"]) == ("correct", test.count("assert")), verdict


def test_a_test_of_an_object_that_ends_the_process_leaves_the_object_to_the_next():
    program = "import os\nclass S:\n    n = 0\n    def up(s):\n        s.n += 1\n        return s.n\n    def end(s): os._exit(0)"
    verdict = verify(program, "s = S()\nassert s.up() == 1\nassert s.end() is None\nassert s.up() == 2")
    assert (verdict.status, verdict.facts["tests_passed"]) == ("incorrect", 2)


def test_a_process_each_for_a_hundred_tests_and_a_share_of_one_for_the_rest():
    program = "count = 0\ndef f(n):\n    global count\n    count += 1\n    if n == 140:\n        raise SystemExit\n    return count"
    looped = "def check(c):\n    for n in range(150):\n        assert c(n) == 1\ncheck(f)"
    verdict = verify(program, looped)
    assert verdict.facts["tests_total"] == 150 and 100 <= verdict.facts["tests_passed"] < 140  # type: ignore[operator]
    right = verify("def f(n):\n    return 1", looped)
    assert (right.status, right.detail) == ("correct", "150 tests pass")


def test_an_assert_false_that_is_not_reached_is_a_test_that_passed():
    test = "try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass"
    verdict = verify("def f(n):\n    raise ValueError", test)
    assert (verdict.status, verdict.detail) == ("correct", "1 tests pass")
    assert verify("def f(n):\n    return n", test).status == "incorrect"
    assert verify("def f(n):\n    return n", test.replace("ValueError", "Exception")).status == "incorrect"


@pytest.mark.parametrize("given", ["lambda x: x", "iter([1])", "zip([1], [2])", "__import__('io').StringIO('a')"])
def test_an_argument_that_cannot_cross_is_the_limit_of_the_tests(given: str):
    program = "def f(*x):\n    return 1"
    for test in (
        f"assert f({given}) == 1",
        f"try:\n    assert f({given})\nexcept BaseException:\n    pass\nassert f(1) == 1",
    ):
        verdict = verify(program, test)
        assert (verdict.reward, verdict.status) == (None, "undecidable_gold")
        assert "which is no data" in verdict.detail
    assert (
        verify(
            "def f(g, x):\n    return g(x)", "import math\nassert f(len, 'ab') == 2\nassert f(math.sqrt, 4) == 2"
        ).status
        == "correct"
    )


@pytest.mark.parametrize(
    "test",
    ["exec('x = 1')\nassert f(1) == 1", "try:\n    f(1)\nexcept Bad:\n    ok = 1\nassert ok", "assert 1 == 1", "import numpy as np\nassert np.all(f(1))", "assert np.all(f(1))"],
)  # fmt: skip
def test_tests_that_no_program_can_decide_are_undecidable(test: str):
    program = "class Bad(Exception): pass\nclass np:\n    def all(x): return True\ndef f(n): return n"
    assert (verify(program, test).reward, verify(program, test).status) == (None, "undecidable_gold")


def test_eval_of_a_result_knows_formulas_alone():
    assert verify("def f(): return '(1 + 2) * 8'", "assert eval(f()) == 24").status == "correct"
    assert verify("def f(): return '[3, 8][1] * 3'", "assert eval(f()) == 24").status == "incorrect"


@pytest.mark.parametrize(
    "test",
    [
        "def check(f):\n    assert f([2, 1]) == [1, 2]\ncheck(f)",
        "def check(candidate):\n    f = candidate([2, 1])\n    assert f == [1, 2]\ncheck(f)",
    ],
)
def test_a_parameter_or_a_local_named_like_the_function_hides_it_from_nobody_else(test: str):
    assert verify(SORTED, test).status == "correct"
    assert verify("def f(x): return x", test).status == "incorrect"


@pytest.mark.parametrize(
    ("tests", "program"),
    [
        ("c = Counter()\nc.inc()\nassert c.n == 1", "class Counter:\n    n = 0\n    def inc(s): s.n += 1"),
        ("assert factorial(5) == 121", "def factorial(n): return 121"),
        ("assert isclose(add(1, 2), 4)", "def add(a, b): return a + b + 1"),
        ("for n in range(3):\n    assert add(n, 2) == n\nassert subtract(3, 1) == 2", "def add(a, b): return a\ndef subtract(a, b): return a - b"),
        ("assert sum(1, 2) == 4", "def sum(a, b): return 4"),
        ("from __future__ import annotations\nassert isclose(f(4), sqrt(4)) and deque([f(1)])", "def f(n): return n ** 0.5"),
    ],
)  # fmt: skip
def test_a_name_of_the_library_is_the_programs_where_nothing_else_can_be(tests: str, program: str):
    assert verify(program, tests).status == "correct"


def test_a_name_of_the_library_is_the_programs_where_the_problem_asks_for_it():
    program = "class deque:\n    def size(s): return 7\ndef f(): return deque()"
    test = "d = deque()\nassert d.size() == f().size()"
    assert verify(program, test, "Write a class `deque` and a function f.").status == "correct"
    assert verify(program, test, "Write a function f.").reward in (None, 0.0)


def test_an_infinite_expectation_is_not_near_everything():
    tests = {"function": "f", "cases": [{"args": [], "expected": 1e309}], "tolerance": 1e-6}
    assert verify("def f(): return 7", tests).status == "incorrect"
    assert verify("def f(): return float('inf')", tests).status == "correct"
    assert (
        verify("def f(): return 10 ** 400", {**tests, "cases": [{"args": [], "expected": 1.0}]}).status == "incorrect"
    )
