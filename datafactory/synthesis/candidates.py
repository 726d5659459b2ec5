"""Tests of one problem: every input that was proposed, what it should give, and why it was kept or dropped.

In   the tests that the problem came with, what the generators printed, submissions of known worth
Out  a Result: all inputs as Candidates, the kept ones first, the most telling before the others; SetAside where nothing
     can be decided
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from datafactory.programs.running import Program, short
from datafactory.programs.tests import StdioTests
from datafactory.synthesis.cover import Choice, chosen
from datafactory.synthesis.inputs import Call
from datafactory.synthesis.submissions import Submission
from datafactory.synthesis.trial import Claim, Printed
from datafactory.synthesis.votes import commonest, enough, suspects

Try = Callable[[Program, Sequence[str], int | None], "list[Printed] | str"]
Hold = Callable[[Sequence[Claim]], "list[bool | None]"]
SAID = 1000  # characters of what the submissions said
PATIENCE = 3  # inputs on which a wrong submission may be too slow: it is exposed by then


class SetAside(Exception):
    """Nothing can be decided for a problem: the reason, and what there was."""

    def __init__(self, reason: str, evidence: str):
        self.reason, self.evidence = reason, evidence
        super().__init__(f"{reason}: {evidence}")


@dataclass
class Candidate:
    """One proposed input. `call` is None where the problem came with it; numbers are those of submissions."""

    number: int
    input: str | None
    call: Call | None = None
    output: str | None = None
    agree: list[int] = field(default_factory=list)
    against: list[int] = field(default_factory=list)
    exposes: list[int] = field(default_factory=list)
    kept_for: str | None = None
    reason: str | None = None
    evidence: str | None = None

    @property
    def kind(self) -> tuple[int, str] | None:
        return (self.call.generator, self.call.size or "") if self.call else None

    def drop(self, reason: str, evidence: str | None = None) -> None:
        self.reason, self.evidence = reason, evidence


@dataclass(frozen=True)
class Rules:
    """What the recipe asks for."""

    min_right: int
    agree: float
    keep: int


@dataclass(frozen=True)
class Result:
    """The tests of a problem; of its submissions, `right` and `wrong` had a say, the others had not."""

    tests: list[Candidate]
    right: list[int]
    wrong: list[int]
    suspects: list[int]
    unusable: dict[int, str]


def synthesized(
    given: StdioTests,
    calls: Sequence[Call],
    programs: Mapping[Submission, Program | str],
    rules: Rules,
    run: Try,
    hold: Hold,
) -> Result:
    """`programs` holds why there is none where a submission has no program; `run` and `hold` are trial's."""
    tests = proposed(given, calls)
    unusable = {submission.number: program for submission, program in programs.items() if isinstance(program, str)}
    right, wrong = ([s for s in programs if s.number not in unusable and s.right is kind] for kind in (True, False))
    voters = _printed(right, programs, tests, run, None, unusable)
    _demand(len(voters), rules, unusable)
    odd = _vote(tests, voters, rules, hold)
    losers = _printed(wrong, programs, [test for test in tests if test.reason is None], run, PATIENCE, unusable)
    _expose(tests, losers, hold)
    kept = _choose(tests, rules.keep)
    dropped = [test for test in tests if test.reason is not None]
    return Result([*kept, *dropped], sorted(set(voters) - odd), sorted(losers), sorted(odd), unusable)


def proposed(given: StdioTests, calls: Sequence[Call]) -> list[Candidate]:
    """Every input in order, the problem's own first; one that came before is dropped."""
    tests = [Candidate(-1, case.input, None, case.output) for case in given.cases]
    tests += [Candidate(-1, call.input, call, reason=call.reason, evidence=call.evidence) for call in calls]
    seen: dict[str, int] = {}
    for number, test in enumerate(tests):
        test.number = number
        if test.input is not None and test.reason is None:
            first = seen.setdefault(test.input.rstrip("\n"), number)
            if first != number:
                test.drop("the same input as another test", f"test {first} is the same")
    return tests


def _printed(
    submissions: Sequence[Submission],
    programs: Mapping[Submission, Program | str],
    tests: Sequence[Candidate],
    run: Try,
    patience: int | None,
    unusable: dict[int, str],
) -> dict[int, dict[int, Printed]]:
    """submission -> test -> what it printed; what does not compile goes to `unusable`."""
    alive = [test for test in tests if test.reason is None]
    found = {}
    for submission in submissions:
        program = programs[submission]
        assert isinstance(program, Program)
        results = run(program, [test.input or "" for test in alive], patience)
        if isinstance(results, str):
            unusable[submission.number] = results
        else:
            found[submission.number] = {test.number: result for test, result in zip(alive, results, strict=True)}
    return found


def _demand(count: int, rules: Rules, unusable: Mapping[int, str]) -> None:
    if count < rules.min_right:
        lost = "".join(f"; submission {number}: {why}" for number, why in unusable.items())
        raise SetAside("too few right submissions", f"{count} of {rules.min_right} that run{lost}")


def _vote(
    tests: Sequence[Candidate], voters: Mapping[int, Mapping[int, Printed]], rules: Rules, hold: Hold
) -> set[int]:
    """Give each test its output, or drop it; the suspects, who have no say."""
    alive = [test for test in tests if test.reason is None]
    agreeing, unclear = _agreeing(alive, voters, hold)
    odd = set(suspects([agreeing[test.number] for test in alive], voters.keys()))
    if odd:  # what they printed no longer counts for what is expected either
        voters = {number: outputs for number, outputs in voters.items() if number not in odd}
        agreeing, unclear = _agreeing(alive, voters, hold)
    if len(voters) < rules.min_right:
        numbers = ", ".join(map(str, sorted(odd)))
        raise SetAside("the right submissions disagree", f"submissions {numbers} are against most of the others")
    for test in alive:
        test.agree = sorted(agreeing[test.number])
        test.against = sorted(set(voters) - set(test.agree))
        if not enough(len(test.agree), len(voters), rules.agree, rules.min_right):
            outputs = {number: voters[number][test.number] for number in voters}
            test.drop(_why_bad(test, outputs, test.number in unclear), _said(outputs))
    return odd


def _agreeing(
    tests: Sequence[Candidate], voters: Mapping[int, Mapping[int, Printed]], hold: Hold
) -> tuple[dict[int, set[int]], set[int]]:
    """test -> who agrees with what is expected of it; and the tests that the checker did not decide."""
    claims: dict[Claim, None] = {}
    made: dict[tuple[int, int], Claim] = {}
    for test in tests:
        outputs = [voters[number][test.number].output for number in voters]
        if test.call is not None:
            test.output = commonest(outputs)
        for number, output in zip(voters, outputs, strict=True):
            if output is not None and test.output is not None:
                claim = made[test.number, number] = Claim(test.input or "", test.output, output)
                claims[claim] = None
    answers = dict(zip(claims, hold(list(claims)), strict=True))
    agreeing: dict[int, set[int]] = {test.number: set() for test in tests}
    for (test_number, number), claim in made.items():
        if answers[claim]:
            agreeing[test_number].add(number)
    return agreeing, {test_number for (test_number, _), claim in made.items() if answers[claim] is None}


def _why_bad(test: Candidate, outputs: Mapping[int, Printed], unclear: bool) -> str:
    if unclear:
        return "the checker does not decide"
    if any(printed.output is None for printed in outputs.values()):
        return "a right submission fails on it"
    return "right submissions disagree on it" if test.call else "right submissions disagree with its output"


def _said(outputs: Mapping[int, Printed]) -> str:
    """`submissions 0, 2 print '6'; submission 1: exit status 1`."""
    groups: dict[str, list[int]] = {}
    for number, printed in outputs.items():
        groups.setdefault(printed.failed or f"prints {short(printed.output or '')}", []).append(number)
    parts = []
    for what, numbers in groups.items():
        who = f"submission{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
        what = what.replace("prints", "print", 1) if len(numbers) > 1 else what
        parts.append(f"{who} {what}" if what.startswith("print") else f"{who}: {what}")
    said = "; ".join(parts)
    return said if len(said) <= SAID else f"{said[:SAID]}..."


def _expose(tests: Sequence[Candidate], losers: Mapping[int, Mapping[int, Printed]], hold: Hold) -> None:
    """Tell each test which wrong submissions it exposes: those that fail on it, or print what is not right."""
    claims: dict[Claim, list[tuple[Candidate, int]]] = {}
    for test in tests:
        for number in losers if test.reason is None else ():
            result = losers[number][test.number]
            if result.output is not None:
                claim = Claim(test.input or "", test.output or "", result.output)
                claims.setdefault(claim, []).append((test, number))
            elif result.run:
                test.exposes.append(number)
    for places, right in zip(claims.values(), hold(list(claims)), strict=True):
        for test, number in places if right is False else ():
            test.exposes.append(number)
    for test in tests:
        test.exposes.sort()


def _choose(tests: Sequence[Candidate], keep: int) -> list[Candidate]:
    alive = [test for test in tests if test.reason is None]
    choices = chosen(
        [frozenset(test.exposes) for test in alive],
        [test.kind for test in alive],
        [len(test.input or "") for test in alive],
        keep,
    )
    for choice in choices:
        alive[choice.test].kept_for = _told(choice, alive[choice.test])
    for test in alive:
        if test.kept_for is None:
            test.drop(f"beyond {keep} per problem", f"exposes {_listed(test.exposes)}")
    return [alive[choice.test] for choice in choices]


def _told(choice: Choice, test: Candidate) -> str:
    if choice.why == "variety":
        return f"variety: {test.call.size if test.call else 'the problem came with it'}"
    return f"exposes {_listed(sorted(choice.of))}{' once more' if choice.why == 'again' else ''}"


def _listed(numbers: Collection[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"
