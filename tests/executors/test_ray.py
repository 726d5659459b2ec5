"""A Ray cluster of two nodes on this machine: the bytes of one process, whatever dies meanwhile."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from datafactory.errors import StageError, UserError
from datafactory.executors import opened
from datafactory.factory import make
from datafactory.progress import Progress

from ..conftest import REPOSITORY, TEACHER, command, write_rows
from ..tiny import tiny_model

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'datafactory[ray]'")
pytestmark = pytest.mark.ray

OWN = """
from datafactory.config import Base
from datafactory.types import Verdict

VERSION = 1


class Config(Base):
    pass


def verify(problem, completion, config):
    odd = int(completion.response[6]) % 2 == 1
    return Verdict(float(odd), "correct" if odd else "incorrect")
"""
RECIPE = """name: spread
seed: 1
models:
  stream: {engine: ./echo.py, model: ./tiny, log: LOG}
  batches: {engine: ./echo.py, model: ./tiny, together: true, log: LOG}
stages:
  problems: {do: load, path: problems.jsonl, question: ask, answer: gold, rows_per_shard: 6}
  first: {do: generate, from: problems, model: stream, group_size: 3, sampling: {max_tokens: 50}}
  second: {do: generate, from: problems, model: batches, group_size: 2, sampling: {max_tokens: 50}}
  checked: {do: verify, from: first, with: [format, ./odd.py]}
  clean: {do: filter, from: checked, keep: {length: {min: 1}}}
  accepted: {do: select, from: clean, where: odd = 1, per_problem: 2}
  dataset: {do: merge, from: [accepted]}
"""
MORE = """
  tiny: {model: ./tiny, batch_size: 6, dtype: float32}
  teacher: {engine: scripted, function: ./teacher.py, batch_size: 8}
"""
MORE_STAGES = """
  guesses: {do: generate, from: problems, model: tiny, group_size: 2, sampling: {temperature: 1, top_p: 1, max_tokens: 24}}
  enough:
    do: generate
    from: problems
    model: stream
    with: [./odd.py]
    until: {accepted: 1, where: odd = 1, max_rollouts: 6}
  sums: {do: generate, from: problems, model: teacher, group_size: 2}
"""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(word) for word in found.split()]


class Two:
    """A cluster of two nodes, one of which is killed when a test wants it."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.client = free_port()
        soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500}  # a dead node is noticed
        head = {
            "num_cpus": 2,
            "include_dashboard": False,
            "ray_client_server_port": self.client,
            "_system_config": soon,
        }
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.complete()

    def complete(self) -> None:
        if not self.cluster.worker_nodes:
            self.cluster.add_node(num_cpus=2)
        self.cluster.wait_for_nodes(60)

    def kill(self) -> None:
        """All processes of the second node, at once."""
        for node in list(self.cluster.worker_nodes):
            raylet = node.all_processes["raylet"][0].process.pid
            for pid in [raylet, *children(raylet)]:
                os.kill(pid, signal.SIGKILL)
            self.cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # on a busy machine workers at Ray's 15 come to nothing, and what others hold in memory is not of these tests
    os.environ |= {"RAY_worker_niceness": "0", "RAY_memory_monitor_refresh_ms": "0"}
    started = Two()
    os.environ["RAY_ADDRESS"] = started.cluster.address
    yield started
    del os.environ["RAY_ADDRESS"]
    started.cluster.shutdown()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe's folder with what one process makes of it."""
    folder = tmp_path_factory.mktemp("whole")
    write_rows(folder / "problems.jsonl", [{"ask": f"{n} + {2 * n}?", "gold": 3 * n} for n in range(24)])
    (folder / "echo.py").write_text((Path(__file__).parent / "echo.py").read_text())
    (folder / "odd.py").write_text(OWN)
    (folder / "teacher.py").write_text(TEACHER)
    tiny_model(folder / "tiny", "llama")
    text = RECIPE.replace("LOG", str(folder / "log")).replace("\nstages:", MORE + "stages:") + MORE_STAGES
    (folder / "recipe.yaml").write_text(text)
    (folder / "log").touch()
    build(folder / "recipe.yaml", "local", "--set=models.stream.delay=0", "--set=models.batches.delay=0")
    return folder


@pytest.fixture
def some(whole: Path, tmp_path: Path) -> Path:
    """The folder without the tiny model's and the scripted stages, and nothing made yet."""
    folder = tmp_path / "some"
    folder.mkdir()
    for name in ("problems.jsonl", "echo.py", "odd.py"):
        (folder / name).write_bytes((whole / name).read_bytes())
    subprocess.run(["cp", "-r", whole / "tiny", folder / "tiny"], check=True)
    (folder / "recipe.yaml").write_text(RECIPE.replace("LOG", str(folder / "log")))
    (folder / "log").touch()
    return folder


def build(recipe: Path, executor: str, *assignments: str) -> None:
    with Progress() as progress:
        settings = tuple(words.removeprefix("--set=") for words in assignments)
        make(recipe, recipe.parent / f"outputs-{executor}", progress, settings, workers=0, executor=executor)


def shards(outputs: Path) -> dict[str, bytes]:
    """Every Parquet file under its place in the store or the published folder, leftovers included."""
    files = [path for path in outputs.rglob("*.parquet") if not path.is_symlink()]
    return {path.relative_to(outputs).as_posix(): path.read_bytes() for path in files}


def same(made: Path, whole: Path) -> bool:
    """Whether each shard has the bytes that one process gave it."""
    expected = shards(whole / "outputs-local")
    found = shards(made)
    left = [path for path in made.rglob(".*") if path.name != ".lock"]
    return len(found) > 20 and not left and all(expected[name] == content for name, content in found.items())


def asked(folder: Path) -> Counter[str]:
    """How often each key was asked."""
    return Counter(line.split()[0] for line in (folder / "log").read_text().splitlines())


def kept(outputs: Path) -> set[str]:
    """The keys that are in a journal."""
    found: set[str] = set()
    for segments in (outputs / "store/journal").glob("*"):
        lines = "".join(path.read_text() for path in segments.glob("*.jsonl"))
        found |= set(re.findall(r'"key": ?"([0-9a-f]{64})"', lines))
    return found


def meanwhile(happens: Callable[[], bool], then: Callable[[], None]) -> threading.Thread:
    def watch() -> None:
        until = time.monotonic() + 60
        while not happens() and time.monotonic() < until:
            time.sleep(0.02)
        then()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_two_nodes_make_the_bytes_of_one_process(two: Two, whole: Path):
    two.complete()
    (whole / "log").write_text("")
    build(whole / "recipe.yaml", "ray", "--set=models.stream.delay=0.4")
    assert shards(whole / "outputs-ray").keys() == shards(whole / "outputs-local").keys()
    assert same(whole / "outputs-ray", whole)
    assert max(asked(whole).values()) == 1
    assert len(pids(whole, 36, 72)) == 2  # the copies on both nodes are asked side by side
    assert not ray.is_initialized()


@pytest.mark.parametrize(("first", "stage"), [(0, "stream"), (72, "batches")])
def test_a_node_that_is_killed_changes_nothing(two: Two, whole: Path, some: Path, first: int, stage: str):
    two.complete()

    def at_work() -> bool:  # both have answered some of what they were given
        lines = (some / "log").read_text().splitlines()[first:]
        counts = Counter(line.split()[1] for line in lines)
        return len(counts) == 2 and min(counts.values()) > 4

    killed = meanwhile(at_work, two.kill)
    build(some / "recipe.yaml", "ray", f"--set=models.{stage}.delay=0.5")
    killed.join()
    assert same(some / "outputs-ray", whole)
    count = asked(some)
    assert len(count) == 24 * 5
    twice = sum(count.values()) - len(count)
    assert 0 < twice <= 12  # what the copy on that node had taken: all that was asked again


def test_copies_that_all_die_at_once_are_begun_again(two: Two, whole: Path, some: Path):
    two.complete()

    def kill() -> None:
        for pid in pids(some):
            os.kill(pid, signal.SIGKILL)

    killed = meanwhile(lambda: len(kept(some / "outputs-ray")) > 0 and len(pids(some)) == 2, kill)
    build(some / "recipe.yaml", "ray", "--set=models.stream.delay=0.5", "--set=models.batches.delay=0")
    killed.join()
    assert same(some / "outputs-ray", whole)
    count = asked(some)
    assert 0 < sum(count.values()) - len(count) <= 16  # what both had taken


def test_a_driver_that_is_killed_asks_for_nothing_twice_that_it_had(two: Two, whole: Path, some: Path):
    two.complete()
    words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml", "--executor", "ray"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    driver = subprocess.Popen(
        [*words, "--outputs", "outputs-ray"],
        cwd=some,
        env=environment,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while len(kept(some / "outputs-ray")) < 20 and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    had = kept(some / "outputs-ray")
    assert 20 <= len(had) < 72
    while any(copy_lives(pid) for pid in pids(some)) and time.monotonic() < until:
        time.sleep(0.1)  # Ray ends what a driver had that is gone
    (some / "log").write_text("")
    build(some / "recipe.yaml", "ray")
    assert same(some / "outputs-ray", whole)
    assert not had & asked(some).keys()


def pids(folder: Path, first: int = 0, last: int | None = None) -> set[int]:
    """The processes that were asked, from the first of these requests to the last."""
    return {int(line.split()[1]) for line in (folder / "log").read_text().splitlines()[first:last]}


def copy_lives(pid: int) -> bool:
    try:
        return "ray::" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def test_through_a_ray_client_server_it_is_the_same(two: Two, whole: Path, some: Path):
    two.complete()
    words = ["build", "recipe.yaml", "--outputs", "outputs-ray", "--executor", f"ray://127.0.0.1:{two.client}"]
    ran = command(*words, "--set", "models.stream.delay=0", "--set", "models.batches.delay=0", cwd=some, timeout=100)
    assert ran.returncode == 0, ran.stderr
    assert same(some / "outputs-ray", whole)
    assert "Ray" not in ran.stderr and "ray." not in ran.stderr  # it keeps quiet


@pytest.mark.parametrize("stage", ["first", "second"])
def test_a_budget_is_kept(two: Two, whole: Path, some: Path, stage: str):
    two.complete()
    tokens = 100  # two completions of at most 50 tokens at a time, which come to 5: in batches of three none
    bounds = (f"--set=stages.{stage}.budget.tokens={tokens + 100 * (stage == 'second')}", "--set=models.stream.delay=0")
    with pytest.raises(StageError, match="budget"):
        build(some / "recipe.yaml", "ray", *bounds, "--set=models.batches.delay=0")
    count = len(asked(some)) - (72 if stage == "second" else 0)
    assert 5 * count <= tokens * 2
    assert count >= 3
    build(some / "recipe.yaml", "ray", "--set=models.stream.delay=0", "--set=models.batches.delay=0")
    assert same(some / "outputs-ray", whole)
    count = asked(some)
    assert sum(count.values()) - len(count) <= 2  # one may have been on its way when the budget ended the stage


def test_tasks_come_to_an_end_when_their_node_dies(two: Two, tmp_path: Path):
    two.complete()
    with opened("ray", tmp_path, {}) as executor:
        tasks = [partial(_slow, tmp_path, n) for n in range(12)]
        begun = meanwhile(lambda: len({path.suffix for path in tmp_path.glob("begun-*")}) == 2, two.kill)
        assert sorted(executor.run(tasks, 4)) == list(range(12))
        begun.join()
        assert len(list(tmp_path.glob("begun-*"))) > 12  # some were begun again


def _slow(folder: Path, number: int) -> int:
    (folder / f"begun-{number}-{os.getpid()}.{os.getppid()}").touch()  # the parent is the node's
    time.sleep(1)
    return number


def test_what_a_task_raises_is_raised_here_and_tried_once(two: Two, tmp_path: Path):
    with opened("ray", tmp_path, {}) as executor:
        assert list(executor.stream((partial(pow, n, 2) for n in range(20)), 4)) == [n**2 for n in range(20)]
        with pytest.raises(ZeroDivisionError):
            list(executor.run([partial(_fails, tmp_path)] * 2, 2))
        assert len((tmp_path / "tried").read_text()) <= 2
        pool = executor.pool(2)
        assert pool.submit(partial(int, "7")).result(30) == 7
        with pytest.raises(ValueError, match="nothing"):
            pool.submit(partial(int, "nothing")).result(30)
        with pytest.raises(StageError, match="again and again"):
            list(executor.run([partial(os._exit, 1)], 2))
        pool.close()


def _fails(folder: Path) -> None:
    with (folder / "tried").open("a") as stream:
        stream.write("x")
    raise ZeroDivisionError


def test_a_node_that_is_not_like_this_machine_is_refused(two: Two, tmp_path: Path):
    mine = tmp_path / "mine.py"
    mine.write_text("x = 1")
    with (
        pytest.raises(UserError, match=f"has another {mine}"),
        opened("ray", tmp_path / "outputs", {mine: "0" * 64}) as executor,
    ):
        executor.cores()
    with opened("ray", tmp_path / "outputs", {}) as executor:
        executor.cores()
        alike = executor.alike
        for changed, told in [
            (replace(alike, mark=tmp_path / "elsewhere" / "mark"), "--outputs is to be a folder that all nodes share"),
            (replace(alike, code="another"), "has another datafactory"),
            (replace(alike, versions=(("polars", "0.1"),)), "has polars"),
            (replace(alike, files=((tmp_path / "gone.py", ""),)), "does not see"),
        ]:
            executor.alike = changed
            with pytest.raises(UserError, match=told):
                executor._ask_all(executor.ray)
    assert list((tmp_path / "outputs").iterdir()) == []


def test_without_ray_or_a_cluster_it_says_what_to_do(two: Two, whole: Path, tmp_path: Path, monkeypatch):
    words = ["build", whole / "recipe.yaml", "--outputs", tmp_path]
    ran = command(*words, "--executor", "dask")
    assert (ran.returncode, ran.stderr) == (2, "--executor dask: there is local, ray and ray://HOST:10001\n")
    (tmp_path / "ray").mkdir()  # hides the package
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'datafactory\[ray\]'"), opened("ray", tmp_path, {}):
        pass
