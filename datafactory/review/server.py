"""The server: the page and what it asks for, on 127.0.0.1, to whoever has the token.

The token is drawn at the start and stands in the address that is printed; every request brings it. A page elsewhere
cannot reach it by a name of its own (the Host is looked at), nor post to it (the Origin is), nor read from it (no
CORS); and nothing that a trace holds can run in the page (its scripts carry a nonce, and all text is set as text).
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import re
import secrets
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from string import Template
from typing import Any, get_args
from urllib.parse import parse_qs

from datafactory.errors import DatafactoryError, UserError
from datafactory.review.session import Filter, Refused, Session

HOME = "127.0.0.1"
# the name alone counts: a port that is forwarded to this one may have another number
HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")
LARGEST = 32 << 20  # bytes of a body: an edit of the longest trace is a few megabytes
DRAINED = 64 << 20  # bytes read of a body that is refused, so that the answer is heard
SILENT = 60  # seconds until a connection that says nothing is closed
SCRIPTS = ("begin.js", "text.js", "trace.js", "decisions.js", "editing.js", "keys.js")  # one after the other
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, session: Session, port: int):
        self.session = session
        self.token = secrets.token_urlsafe(32)
        try:
            super().__init__((HOME, port), Handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise UserError(
                f"--port {port}: {(error.strerror or str(error)).lower()}; --port 0 takes a free one"
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):  # a browser that went away
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        return f"http://{HOME}:{self.server_port}/?token={self.token}"


def served(session: Session, port: int) -> Server:
    """A server on that port. Without one it is the same for the same decisions where it is free: what a browser still
    holds of a server that died then finds the next one."""
    if port:
        return Server(session, port)
    usual = 20_000 + int(hashlib.sha256(str(session.record.path.resolve()).encode()).hexdigest(), 16) % 12_000
    try:
        return Server(session, usual)
    except UserError:
        return Server(session, 0)


class Answer(Exception):
    """What ends the handling of a request."""

    def __init__(self, status: int, said: str):
        super().__init__(said)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "datafactory", ""
    timeout = SILENT
    server: Server

    def do_GET(self) -> None:
        self._handle({"/": self._page, "/api/about": self._about, "/api/trace": self._trace, "/api/find": self._find})

    def do_POST(self) -> None:
        self._handle({"/api/decisions": self._decide})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is for what the reviewer should read."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A request that is no HTTP, or of another method."""
        self.close_connection = True
        self._send(code, {"error": message or "not understood"})

    def _handle(self, routes: dict[str, Callable[[dict[str, str]], None]]) -> None:
        self._body_read = False
        try:
            self._demand_origin()
            path, _, query = self.path.partition("?")
            values = {name: texts[-1] for name, texts in parse_qs(query).items()}
            given = self.headers.get("X-Token") or (values.get("token", "") if path == "/" else "")
            if not hmac.compare_digest(given.encode("utf-8", "replace"), self.server.token.encode()):
                raise Answer(403, "the token is missing or wrong: open the address that `datafactory review` printed")
            if path not in routes:
                raise Answer(404, "there is no such page")
            routes[path](values)
        except Answer as answer:
            self._refuse(answer.status, str(answer))
        except Refused as error:
            self._refuse(400, str(error))
        except DatafactoryError as error:
            self._refuse(500, str(error))

    def _demand_origin(self) -> None:
        """That the request is made by a page of ours: under a name of this machine, from the same place."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
            raise Answer(403, f"this is {HOME}, and answers to no other name")
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{hosts[0]}":
            raise Answer(403, "a page from elsewhere may not ask here")

    def _page(self, values: dict[str, str]) -> None:
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        shell = Template(_file("page.html"))
        page = shell.substitute(nonce=nonce, style=_file("page.css"), script="\n".join(map(_file, SCRIPTS)))
        self._send(200, page, {"Content-Security-Policy": policy})

    def _about(self, values: dict[str, str]) -> None:
        self._send(200, self.server.session.about())

    def _trace(self, values: dict[str, str]) -> None:
        """`at`; with `step` the next one from there, of those that `only` lets through."""
        session, at = self.server.session, _number(values, "at")
        if "step" in values:
            only: Filter | None = next((each for each in get_args(Filter) if each == values.get("only", "all")), None)
            if only is None:
                raise Answer(400, f"there is no filter {values['only']!r}")
            by = -1 if _number(values, "step") < 0 else 1
            found = session.step(max(-1, min(at, len(session.rows))), by, only)
            if found is None:
                self._send(200, {"at": None})
                return
            at = found
        if not 0 <= at < len(session.rows):
            raise Answer(404, f"there are {len(session.rows):,} traces")
        self._send(200, session.trace(at))

    def _find(self, values: dict[str, str]) -> None:
        self._send(200, {"at": self.server.session.find(values.get("id", "").strip())})

    def _decide(self, values: dict[str, str]) -> None:
        self._send(200, self.server.session.decide(self._body()))

    def _body(self) -> Any:
        if self.headers.get_content_type() != "application/json":
            raise Answer(415, "a decision is JSON")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Answer(411, "a body has a Content-Length")
        if int(length) > LARGEST:
            raise Answer(413, f"a decision is at most {LARGEST:,} bytes")
        content, self._body_read = self.rfile.read(int(length)), True
        if len(content) < int(length):
            raise Answer(400, "the body ends too early")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Answer(400, "the body is not JSON") from error

    def _refuse(self, status: int, why: str) -> None:
        length = self.headers.get("Content-Length", "")
        if not self._body_read and length.isdecimal():  # a body that nobody read would be taken for the next request
            self.close_connection = True
            left = min(int(length), DRAINED)
            while left > 0 and (content := self.rfile.read(min(left, 1 << 20))):
                left -= len(content)
        elif "Transfer-Encoding" in self.headers:
            self.close_connection = True
        self._send(status, {"error": why})

    def _send(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
        page = isinstance(said, str)
        content = said if page else json.dumps(said, ensure_ascii=False, allow_nan=False, default=str)
        body = content.encode("utf-8", "replace")
        self.send_response(status)
        kind = "text/html" if page else "application/json"
        length = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}
        for name, value in {**HEADERS, **length, **(headers or {})}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _file(name: str) -> str:
    return files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _number(values: dict[str, str], name: str) -> int:
    try:
        return int(values[name])
    except (KeyError, ValueError):
        raise Answer(400, f"'{name}' should be a whole number") from None
