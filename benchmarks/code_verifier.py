"""The code verifier on other people's problems: solutions, mutants against plain Python, and time against bare starts.

    python benchmarks/code_verifier.py [--only humaneval] [--mutants 3] [--every 1] [--programs 40]

Prints, for HumanEval, MBPP and LeetCode (../shared/data/problems):
- how many of the solutions that the problems come with pass, and each that does not;
- of mutants of them (one operator, constant, comparison, branch or return changed) what the data set's own test code
  says in one bare interpreter, beside what the verifier says; mutants that run for more than 5 s there are left out;
- seconds for programs with 20 tests on stdin, beside 20 bare starts of the interpreter for each, in the same run, and
  their ratio.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from datafactory.types import Completion, Problem
from datafactory.verifiers import code
from tests.programs import corpus, mutants

NAMES = ("humaneval", "mbpp", "leetcode")
TESTS = 20


@click.command()
@click.option("--only", type=click.Choice(NAMES), multiple=True, default=NAMES)
@click.option("--mutants", "count", default=3, help="Mutants of each solution.")
@click.option("--every", default=1, help="Every so many-th problem.")
@click.option("--programs", default=40, help="Programs whose time is taken.")
def main(only: tuple[str, ...], count: int, every: int, programs: int) -> None:
    config = code.Config(time_limit=20.0)
    for name in only:
        problems = corpus.problems(name)[::every]
        solutions(name, problems, config)
        if count:
            against_plain_python(name, [p for p in problems if mutants.can_judge(p)], count, config)
    if programs:
        against_bare_starts(programs, config)


def fenced(program: str) -> Completion:
    return Completion(f"```python\n{program}\n```")


def solutions(name: str, problems: list[Problem], config: code.Config) -> None:
    started = time.perf_counter()
    verdicts = code.verify_all([(problem, fenced(mutants.whole(problem))) for problem in problems], config)
    seconds = time.perf_counter() - started
    passed = sum(verdict.status == "correct" for verdict in verdicts)
    click.echo(f"{name}: {passed} of {len(problems)} solutions pass, {seconds:.1f} s")
    for problem, verdict in zip(problems, verdicts, strict=True):
        if verdict.status != "correct":
            fault = corpus.FAULTS.get(problem.problem_id, "unexplained")
            click.echo(f"  {problem.problem_id}: {verdict.detail} ({fault})")


def against_plain_python(name: str, problems: list[Problem], count: int, config: code.Config) -> None:
    pairs = [(problem, mutant) for problem in problems for mutant in mutants.mutants(problem, count)]
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(lambda pair: mutants.judged(*pair), pairs))
    judged = [(*pair, says) for pair, says in zip(pairs, said, strict=True) if says != "hangs"]
    verdicts = code.verify_all([(problem, fenced(mutant)) for problem, mutant, _ in judged], config)
    counts = Counter((says, verdict.status) for (_, _, says), verdict in zip(judged, verdicts, strict=True))
    click.echo(f"{name}: {len(judged)} mutants, {len(pairs) - len(judged)} more run for ever")
    for (says, status), number in sorted(counts.items()):
        click.echo(f"  plain Python: {says}, the verifier: {status}: {number}")
    for (problem, mutant, says), verdict in zip(judged, verdicts, strict=True):
        if (says == "passes") != (verdict.status == "correct"):
            click.echo(f"  {problem.problem_id}: {says} but {verdict.status}: {verdict.detail}\n{mutant}\n")


def against_bare_starts(programs: int, config: code.Config) -> None:
    cases = [{"input": f"{n} 1", "output": str(n + 1)} for n in range(TESTS)]
    problem = Problem("Add.", tests=json.dumps({"cases": cases}))
    texts = [f"# {number}\nprint(sum(map(int, input().split())))" for number in range(programs)]
    started = time.perf_counter()
    verdicts = code.verify_all([(problem, fenced(text)) for text in texts], config)
    ours = time.perf_counter() - started
    assert all(verdict.status == "correct" for verdict in verdicts)

    def bare(text: str) -> None:
        for case in cases:
            subprocess.run([sys.executable, "-c", text], input=case["input"].encode(), capture_output=True, check=True)

    started = time.perf_counter()
    with ThreadPoolExecutor() as pool:
        list(pool.map(bare, texts))
    theirs = time.perf_counter() - started
    ratio = f"ratio {ours / theirs:.2f}"
    click.echo(f"{programs} programs of {TESTS} tests: {ours:.2f} s; bare starts: {theirs:.2f} s; {ratio}")


if __name__ == "__main__":
    main()
