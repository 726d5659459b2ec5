"""The server that every contender asks: OpenAI's chat endpoint on loopback, as light as it gets.

    python benchmarks/generation/server.py --port 8000 --latency 0.2

In   POST .../chat/completions with a user's turn that has `problem <six digits>` in it
Out  after `latency` seconds the answer to that problem, 500 bytes of text, with `usage` counted in words

One asyncio protocol on the bare socket, HTTP/1.1 with keep-alive, in a process of its own: it shares the cores with who
is measured, so its own time is told too. What names no problem (a peer's health check, a probe of rate limits) is
answered at once and counted apart. GET /stats tells what was seen; GET /reset forgets it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

NUMBER = re.compile(r"problem (\d{6})")
LENGTH = 500  # characters of an answer
FILL = "the first term and the second are added digit by digit, with a carry where ten is reached, " * 6


def question(number: int) -> str:
    return (
        f"This is problem {number:06d}. What is {number * 7919 % 1000003} plus {number}? Think it through, then answer."
    )


def answer(number: int) -> str:
    """The one right answer to a problem; no two are the same."""
    start = f"<think>\nproblem {number:06d}: "
    end = f"\n</think>\n\nThe answer is {number * 7919 % 1000003 + number}."
    return (start + FILL)[: LENGTH - len(end)].strip().ljust(LENGTH - len(end), ".") + end


@dataclass
class Seen:
    """What has happened since the last reset."""

    asked: dict[int, int] = field(default_factory=dict)  # problem -> how often it was asked
    answered: dict[int, int] = field(default_factory=dict)  # problem -> how often an answer was sent
    unread: set[int] = field(default_factory=set)  # the process that asked was gone before it had read the answer
    others: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    connections: int = 0
    given_up: int = 0  # the connection was closed before the answer
    first: float | None = None
    last: float | None = None
    cpu_first: float = 0.0
    cpu_last: float = 0.0

    def told(self) -> dict[str, Any]:
        return {
            "asked": sum(self.asked.values()),
            "answered": sum(self.answered.values()),
            "problems": len(self.asked),
            "twice": sum(count - 1 for count in self.asked.values()),
            "others": self.others,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "connections": self.connections,
            "given_up": self.given_up,
            "seconds": self.last - self.first if self.first is not None and self.last is not None else None,
            "server_cpu": self.cpu_last - self.cpu_first,
        }


class Server:
    def __init__(self, latency: float):
        self.latency = latency
        self.seen = Seen()
        self.loop = asyncio.get_running_loop()

    def asked(self, connection: Connection, body: bytes) -> None:
        seen = self.seen
        turns = json.loads(body).get("messages") or [{}]
        found = NUMBER.search(str(turns[-1].get("content")))
        if found is None:
            seen.others += 1
            connection.write(completion("ok", turns))
            return
        number = int(found[1])
        connection.answered = None
        seen.asked[number] = seen.asked.get(number, 0) + 1
        seen.in_flight += 1
        seen.most_in_flight = max(seen.most_in_flight, seen.in_flight)
        if seen.first is None:
            seen.first, seen.cpu_first = time.monotonic(), time.process_time()
        content = completion(answer(number), turns)
        self.loop.call_later(self.latency, self.due, connection, number, content, seen)

    def due(self, connection: Connection, number: int, content: bytes, seen: Seen) -> None:
        seen.in_flight -= 1
        if connection.transport.is_closing():
            seen.given_up += 1
            return
        connection.write(content)
        connection.answered = number
        seen.answered[number] = seen.answered.get(number, 0) + 1
        seen.last, seen.cpu_last = time.monotonic(), time.process_time()

    def told(self, path: bytes) -> dict[str, Any]:
        if path.endswith(b"/stats"):
            return self.seen.told()
        if path.endswith(b"/stats/full"):
            return {
                **self.seen.told(),
                "asked_of": self.seen.asked,
                "answered_of": self.seen.answered,
                "unread_of": list(self.seen.unread),
            }
        if path.endswith(b"/reset"):
            self.seen = Seen()
            gc.collect()
            return {}
        return {"object": "list", "data": [{"id": "bench", "object": "model", "created": 0, "owned_by": "bench"}]}


class Connection(asyncio.Protocol):
    """Requests one after another on one socket."""

    transport: asyncio.Transport

    def __init__(self, server: Server):
        self.server = server
        self.waiting = b""
        self.answered: int | None = None  # the last answer that was sent, until another is asked for

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.server.seen.connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        # a kernel resets the connection of a process that ends with data unread, and closes it otherwise
        if isinstance(error, ConnectionResetError) and self.answered is not None:
            self.server.seen.unread.add(self.answered)

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while True:
            head, parted, rest = self.waiting.partition(b"\r\n\r\n")
            if not parted:
                return
            length = _length(head)
            if len(rest) < length:
                if b"100-continue" in head:
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            self.waiting = rest[length:]
            path = head.split(b" ", 2)[1]
            if path.endswith(b"/completions"):
                self.server.asked(self, rest[:length])
            else:
                self.write(json.dumps(self.server.told(path)).encode())

    def write(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


def completion(text: str, turns: list[dict[str, Any]]) -> bytes:
    prompt_tokens = sum(len(str(turn.get("content")).split()) for turn in turns)
    completion_tokens = len(text.split())
    return json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1700000000,
            "model": "bench",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            },
        }
    ).encode()


async def serve(port: int, latency: float) -> None:
    server = Server(latency)
    listening = await server.loop.create_server(lambda: Connection(server), "127.0.0.1", port, backlog=4096)
    print(listening.sockets[0].getsockname()[1], flush=True)
    gc.freeze()
    await listening.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; it is printed")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.latency))


if __name__ == "__main__":
    main()
