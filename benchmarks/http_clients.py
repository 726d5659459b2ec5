"""HTTP clients side by side: what a request costs, where the server takes 200 ms for each.

python benchmarks/http_clients.py [--requests 2000] [--at-once 512] [--latency 0.2] [--rounds 3]

One server in a process of its own, on the same cores, that of benchmarks/generation: it parses a chat completion,
waits, and sends an answer of 0.8 kB on the same connection. Each client puts the same requests to it, so many at once;
a round times them all in turn. What is printed are medians over the rounds: requests per second, and what each takes of
the client's CPU, as ratios to aiohttp. `ours` is the connection of datafactory's `openai` engine, `engine` the whole
engine, from Request to Output. Clients that are not installed are left out: pip install httpx pycurl
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from generation.server import answer, question

SERVER = Path(__file__).parent / "generation/server.py"

BODY = {
    "model": "bench",
    "messages": [{"role": "user", "content": question(1)}],
    "temperature": 0.6,
    "max_tokens": 512,
}
TEXT = answer(1)


async def pooled(count: int, at_once: int, ask: Callable[[], Awaitable[dict[str, Any]]]) -> None:
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            said = await ask()
            assert said["choices"][0]["message"]["content"] == TEXT

    await asyncio.gather(*(worker() for _ in range(at_once)))


def with_aiohttp(url: str, count: int, at_once: int) -> None:
    import aiohttp

    async def run() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:

            async def ask() -> Any:
                async with session.post(url, json=BODY) as reply:
                    return json.loads(await reply.read())

            await pooled(count, at_once, ask)

    asyncio.run(run())


def with_httpx(url: str, count: int, at_once: int) -> None:
    import httpx

    async def run() -> None:
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:

            async def ask() -> Any:
                return (await client.post(url, json=BODY)).json()

            await pooled(count, at_once, ask)

    asyncio.run(run())


def with_pycurl(url: str, count: int, at_once: int) -> None:
    import io

    import pycurl

    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAXCONNECTS, at_once)
    handles = [pycurl.Curl() for _ in range(min(at_once, count))]
    left = count

    def begin(handle: Any) -> None:
        nonlocal left
        left -= 1
        handle.buffer = io.BytesIO()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.HTTPHEADER, ["content-type: application/json", "expect:"])
        handle.setopt(pycurl.POSTFIELDS, json.dumps(BODY))
        handle.setopt(pycurl.WRITEDATA, handle.buffer)
        multi.add_handle(handle)

    for handle in handles:
        begin(handle)
    running = len(handles)
    while running:
        multi.select(0.1)
        multi.perform()
        _, done, failed = multi.info_read()
        assert not failed
        for handle in done:
            assert json.loads(handle.buffer.getvalue())["choices"][0]["message"]["content"] == TEXT
            multi.remove_handle(handle)
            if left:
                begin(handle)
            else:
                running -= 1


def with_ours(url: str, count: int, at_once: int) -> None:
    from datafactory.engines._openai.connection import Connections

    base, path = url.removesuffix("/chat/completions"), "/chat/completions"

    async def run() -> None:
        connections = Connections(base, {})

        async def ask() -> Any:
            reply = await connections.ask("POST", path, json.dumps(BODY).encode(), 60)
            return json.loads(reply.body)

        await pooled(count, at_once, ask)
        connections.close()

    asyncio.run(run())


def with_engine(url: str, count: int, at_once: int) -> None:
    from datafactory.engines import Request, Sampling
    from datafactory.engines.openai import Config, start
    from datafactory.feed import Feed

    engine = start(Config(model="bench", base_url=url.removesuffix("/chat/completions"), concurrency=at_once), None)
    feed = Feed()
    sampling = Sampling(max_tokens=512)
    messages = tuple(BODY["messages"])
    feed.put([Request(str(k), "", "", 0, messages, "", str(k), sampling, k) for k in range(count)])
    feed.close()
    outputs = [output for batch in engine.generate(feed) for output in batch]
    engine.close()
    assert len({output.key for output in outputs}) == count and all(output.text == TEXT for output in outputs)


CLIENTS = {
    "aiohttp": with_aiohttp,
    "httpx": with_httpx,
    "pycurl": with_pycurl,
    "ours": with_ours,
    "engine": with_engine,
}


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=512)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", nargs="+", default=list(CLIENTS), choices=CLIENTS)
    options = parser.parse_args()
    command = [sys.executable, str(SERVER), "--latency", str(options.latency)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1/chat/completions"
        taken: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.rounds):
            for name in options.clients:
                began, used = time.perf_counter(), cpu()
                try:
                    CLIENTS[name](url, options.requests, options.at_once)
                except ModuleNotFoundError as error:
                    print(error)
                    options.clients = [other for other in options.clients if other != name]
                    continue
                taken.setdefault(name, []).append((time.perf_counter() - began, cpu() - used))
    finally:
        server.kill()
    medians = {
        name: [statistics.median(column) for column in zip(*times, strict=True)] for name, times in taken.items()
    }
    base = medians.get("aiohttp")
    for name, (wall, used) in medians.items():
        ratios = f"  {base[0] / wall:5.2f}x the rate, {used / base[1]:6.2f}x the CPU of aiohttp" if base else ""
        each = used / options.requests * 1e6
        print(f"{name:8} {options.requests / wall:7.0f} requests/s {each:7.0f} us of CPU each{ratios}")
    print(f"the most that {options.at_once} at once allow: {options.at_once / options.latency:.0f} requests/s")


if __name__ == "__main__":
    main()
