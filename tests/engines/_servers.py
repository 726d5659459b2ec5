"""A server of OpenAI's API in a process of its own, with every fault that servers have.

python -m tests.engines._servers [--port P] [--model NAME] [--owned-by vllm] [--latency S] [--log PATH] [--faults JSON]

It answers a question `What is N?` with the completion `N/SEED`, after `latency` seconds. `faults` maps a kind to how
many of the POSTs meet it, from the first on; -1 is all. A question that holds `[KIND]` meets it always. Each POST is a
line of the log: {"path", "body", "headers", "fault", "at"}.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
STATUS = {
    "400": (400, {"error": {"message": "This model's maximum context length is 10 tokens"}}, {}),
    "401": (401, {"error": {"message": "Incorrect API key provided"}}, {}),
    "403": (403, {"error": {"message": "no"}}, {}),
    "404": (404, {"error": {"message": "The model `m` does not exist."}}, {}),
    "429": (429, {"error": {"message": "slow down"}}, {}),
    "429s": (429, {"error": {"message": "slow down"}}, {"retry-after": "1"}),
    "429long": (429, {"error": {"message": "slow down"}}, {"retry-after": "86400"}),
    "429ms": (429, {"error": {"message": "slow down"}}, {"retry-after-ms": "700"}),
    "quota": (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, {}),
    "500": (500, {"error": {"message": "boom"}}, {}),
    "503": (503, {"detail": "loading"}, {}),
}


class Faulty(asyncio.Protocol):
    def __init__(self, options: argparse.Namespace, log: Any):
        self.options, self.log = options, log
        self.got = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data
        head, found, rest = self.got.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.got = rest[length:]
        method, path, _ = lines[0].split(" ")
        if method == "GET":
            models = {"data": [{"id": self.options.model, "owned_by": self.options.owned_by}]}
            self._reply(200, models)
            return
        body = json.loads(rest[:length])
        self._post(path, body, headers)

    def _post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> None:
        question = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        asked = (
            question
            if "messages" not in body or body["messages"][-1]["role"] == "user"
            else body["messages"][-2]["content"]
        )
        fault = asked.partition("[")[2].partition("]")[0] or None
        for kind, left in self.options.faults.items():
            if fault is None and left:
                fault = kind
                self.options.faults[kind] -= left > 0
        if fault == "n" and body.get("n", 1) == 1:
            fault = None
        record = {"path": path, "body": body, "headers": headers, "fault": fault, "at": time.time()}
        self.log.write(json.dumps(record) + "\n")
        self.log.flush()
        slow = 30 if fault == "slow" else self.options.latency
        asyncio.get_running_loop().call_later(slow, self._answer, asked, body, fault, headers)

    def _answer(self, asked: str, body: dict[str, Any], fault: str | None, headers: dict[str, str]) -> None:
        number = asked.rpartition(" ")[2].rstrip("?")
        n = 1 if fault == "few" else body.get("n", 1)
        choices = [
            self._choice(f"{number}/{body.get('seed')}/{k}" if n > 1 else f"{number}/{body.get('seed')}", body, k)
            for k in range(n)
        ]
        usage = {"prompt_tokens": 7, "completion_tokens": 3 * n}
        answer: dict[str, Any] = {"model": self.options.model, "choices": choices, "usage": usage}
        if fault in STATUS:
            self._reply(*STATUS[fault])
        elif fault == "429date":
            when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
            self._reply(429, {}, {"retry-after": when})
        elif fault == "n":
            self._reply(400, {"error": {"message": "n > 1 is not supported"}})
        elif fault == "echo":
            self._reply(400, {"error": {"message": f"you sent {headers.get('authorization')} {headers.get('x-org')}"}})
        elif fault == "reset":
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            self.transport.abort()
        elif fault == "half":
            whole = json.dumps(answer).encode()
            self._head(200, len(whole))
            self.transport.write(whole[: len(whole) // 2])
            self.transport.close()
        elif fault == "garbage":
            self.transport.write(b"\x16\x03\x01 what is this\r\n\r\n")
        elif fault == "malformed":
            self._reply(200, json.dumps(answer)[:-7])
        elif fault == "empty":
            self._reply(200, {**answer, "choices": []})
        elif fault == "content":
            choices[0]["message"] = {"role": "assistant", "content": {"odd": 1}}
            self._reply(200, answer)
        elif fault == "filter":
            choices[0] |= {"finish_reason": "content_filter"}
            self._reply(200, answer)
        elif fault == "other":
            self._reply(200, {**answer, "model": "another-model"})
        elif fault == "alias":
            self._reply(200, {**answer, "model": f"org/{self.options.model}-2025-01-31"})
        elif fault == "usage":
            del answer["usage"]
            self._reply(200, answer)
        elif fault == "count":
            self._reply(200, {**answer, "usage": {"prompt_tokens": 10**30, "completion_tokens": 10**20}})
        elif fault in ("gzip", "br", "torn"):  # packed; packed as nobody asked for; packed, and not all of it
            packed = gzip.compress(json.dumps(answer).encode())
            packed = packed[:-20] if fault == "torn" else packed
            self._head(200, len(packed), {"content-encoding": "gzip" if fault == "torn" else fault})
            self.transport.write(packed)
        elif fault == "cut":
            choices[0] |= {"finish_reason": "length"}
            self._reply(200, answer)
        elif fault == "chunked":
            whole = json.dumps(answer).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for at in range(0, len(whole), 40):
                self.transport.write(b"%x\r\n%b\r\n" % (len(whole[at : at + 40]), whole[at : at + 40]))
            self.transport.write(b"0\r\n\r\n")
        elif fault == "eof":
            self.transport.write(
                b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + json.dumps(answer).encode()
            )
            self.transport.close()
        elif fault == "thinking":
            choices[0]["message"]["content"] = [
                {"type": "thinking", "thinking": [{"type": "text", "text": "I think"}]},
                {"type": "text", "text": "so"},
            ]
            self._reply(200, answer)
        elif fault in ("reasoning", "reasoning_content"):
            choices[0]["message"][fault] = "I think"
            self._reply(200, answer)
        elif fault in ("stop_reason", "matched_stop"):
            choices[0][fault] = (body.get("stop") or [128001])[0]
            self._reply(200, answer)
        elif fault == "die":
            os._exit(1)
        elif fault == "close":
            self._reply(200, answer)
            self.transport.close()
        elif fault != "hang":
            self._reply(200, answer)

    def _choice(self, text: str, body: dict[str, Any], k: int) -> dict[str, Any]:
        said = {"message": {"role": "assistant", "content": text}} if "messages" in body else {"text": text}
        return {"index": k, **said, "finish_reason": "stop", "stop_reason": None}

    def _reply(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self._head(status, len(body), headers)
        self.transport.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str] | None = None) -> None:
        lines = [
            f"HTTP/1.1 {status} X",
            f"content-length: {length}",
            *(f"{k}: {v}" for k, v in (headers or {}).items()),
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode())


async def _serve(options: argparse.Namespace) -> None:
    with Path(options.log).open("a") as log:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Faulty(options, log), "127.0.0.1", options.port, backlog=2048)
        print("serving", flush=True)
        await server.serve_forever()


@dataclass
class Server:
    """The handle of a server that runs: it can be stopped short, killed, and started again at its port."""

    log: Path
    options: dict[str, Any]
    port: int = field(default_factory=lambda: _free_port())
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self, **options: Any) -> Server:
        words = [sys.executable, __file__, "--port", str(self.port), "--log", str(self.log)]
        for name, value in {**self.options, **options}.items():
            words += [f"--{name.replace('_', '-')}", json.dumps(value) if name == "faults" else str(value)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        assert self.process.stdout is not None and self.process.stdout.readline() == "serving\n"
        return self

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    @property
    def posts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@contextmanager
def serving(folder: Path, name: str = "server", **options: Any) -> Iterator[Server]:
    server = Server(folder / f"{name}.log", options).start()
    try:
        yield server
    finally:
        server.kill()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--model", default="m")
    parser.add_argument("--owned-by", default="vllm")
    parser.add_argument("--latency", type=float, default=0.01)
    parser.add_argument("--log", default=os.devnull)
    parser.add_argument("--faults", type=json.loads, default={})
    asyncio.run(_serve(parser.parse_args()))
