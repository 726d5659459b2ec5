"""Connections to one server: requests in, whole replies out, over HTTP/1.1 that is kept alive.

A protocol of asyncio with the parser of Node.js (httptools): benchmarks/http_clients.py measures what that saves of the
processor, which journal, verifiers and a server on the same machine have to share.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import zlib
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httptools

LONGEST = 256 << 20  # bytes of a reply; more is no completion
CONNECT = 20.0  # seconds


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Unreachable(Exception):
    """No connection came about."""


class Untrusted(Exception):
    """The server's certificate is not to be trusted."""


class Broken(Exception):
    """The connection ended before the reply was whole. `silent` where not a byte of it had come."""

    def __init__(self, what: str, silent: bool = False):
        super().__init__(what)
        self.silent = silent


class Link(asyncio.Protocol):
    """One connection, with one request under way at most."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.reply: asyncio.Future[Reply] | None = None
        self.transport: Any = None
        self.closed = False
        self.parser: Any = httptools.HttpResponseParser(self)
        self._renew()

    def _renew(self) -> None:
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.size = 0
        self.began = False
        self.in_body = False

    async def ask(self, written: bytes) -> Reply:
        """The reply; a cancelled wait ends the connection, since an answer to it might come later."""
        self.reply = self.loop.create_future()
        self.transport.write(written)
        try:
            return await self.reply
        except BaseException:
            self.abort()
            raise
        finally:
            self.reply = None

    def abort(self) -> None:
        self.closed = True
        if self.transport:
            self.transport.abort()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.reply is None or self.reply.done():
            self.abort()  # nobody asked
            return
        self.began = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._failed(Broken(f"what it sent is not HTTP: {error}"))
        except httptools.HttpParserUpgrade:
            self._failed(Broken("it wants to speak another protocol than HTTP/1.1"))

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self.reply is None or self.reply.done():
            return
        ends_here = "content-length" not in self.headers and "chunked" not in self.headers.get("transfer-encoding", "")
        if self.in_body and ends_here and error is None:
            self._done()
        elif self.began:
            self._failed(Broken("the connection ended in the middle of an answer"))
        else:
            self._failed(Broken(f"the connection ended without an answer{f' ({error})' if error else ''}", True))

    # what the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.in_body = True

    def on_body(self, body: bytes) -> None:
        self.size += len(body)
        if self.size > LONGEST:
            self._failed(Broken(f"an answer of more than {LONGEST >> 20} MiB"))
        else:
            self.parts.append(body)

    def on_message_complete(self) -> None:
        if self.parser.get_status_code() >= 200:
            self._done()
        else:  # 100 Continue and its like come before the reply
            self.headers, self.parts, self.in_body = {}, [], False

    def _done(self) -> None:
        if self.reply is not None and not self.reply.done():
            try:
                body = _plain(b"".join(self.parts), self.headers.get("content-encoding", "").strip().lower())
            except Broken as error:
                self._failed(error)
                return
            self.reply.set_result(Reply(self.parser.get_status_code(), self.headers, body))
            if not self.parser.should_keep_alive():
                self.abort()
            self._renew()

    def _failed(self, error: Exception) -> None:
        if self.reply is not None and not self.reply.done():
            self.reply.set_exception(error)
        self.abort()


@dataclass(frozen=True)
class Route:
    """How a server is reached: itself, or through the proxy that the environment names, as other programs take it."""

    url: SplitResult
    proxy: SplitResult | None

    @classmethod
    def to(cls, base_url: str) -> Route:
        url = urlsplit(base_url)
        host = url.hostname or ""
        near = host == "localhost" or host.startswith("127.") or host == "::1"
        proxy = None if near or proxy_bypass(host) else getproxies().get(url.scheme)
        return cls(url, urlsplit(proxy) if proxy else None)

    @property
    def address(self) -> tuple[str, int]:
        return self.url.hostname or "", self.url.port or (443 if self.url.scheme == "https" else 80)


class Connections:
    """The connections to one server, made as they are needed."""

    def __init__(self, base_url: str, headers: dict[str, str]):
        self.route = Route.to(base_url)
        self.headers = headers
        self._idle: list[Link] = []
        self._heads: dict[tuple[str, str], bytes] = {}
        self._tls = ssl.create_default_context() if self.route.url.scheme == "https" else None

    async def ask(self, method: str, path: str, body: bytes, within: float) -> Reply:
        """The reply of the server; Unreachable, Untrusted, Broken or TimeoutError where there is none."""
        if (method, path) not in self._heads:
            self._heads[method, path] = self._head(method, path)
        written = self._heads[method, path] + (b"content-length: %d\r\n\r\n%b" % (len(body), body))
        async with asyncio.timeout(within):
            while True:
                link = self._kept()
                fresh = link is None
                if link is None:
                    link = await self._connect()
                try:
                    reply = await link.ask(written)
                except Broken as error:
                    if fresh or not error.silent:
                        raise
                    continue  # a server may close what was idle while it is written to
                if not link.closed:
                    self._idle.append(link)
                return reply

    def close(self) -> None:
        for link in self._idle:
            link.abort()
        self._idle.clear()

    def _kept(self) -> Link | None:
        while self._idle:
            link = self._idle.pop()
            if not link.closed and not link.transport.is_closing():
                return link
        return None

    def _head(self, method: str, path: str) -> bytes:
        url, proxy = self.route.url, self.route.proxy
        target = url.path.rstrip("/") + path + (f"?{url.query}" if url.query else "")
        headers = {
            "host": url.netloc,
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": "datafactory",
            "content-type": "application/json",
            **self.headers,
        }
        if proxy and self._tls is None:
            target = f"{url.scheme}://{url.netloc}{target}"
            headers |= _authorised(proxy)
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, ""]).encode("latin-1")

    async def _connect(self) -> Link:
        host, port = self.route.address
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT):
                if self.route.proxy is None:
                    _, link = await loop.create_connection(Link, host, port, ssl=self._tls)
                    return link
                proxy = self.route.proxy
                _, link = await loop.create_connection(Link, proxy.hostname or "", proxy.port or 8080)
                if self._tls:
                    await self._through(link, proxy, host, port)
                return link
        except TimeoutError:
            raise Unreachable(f"no connection in {CONNECT:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise Untrusted(error.verify_message) from error
        except (OSError, Broken) as error:
            raise Unreachable(_plainly(error)) from error

    async def _through(self, link: Link, proxy: SplitResult, host: str, port: int) -> None:
        """A tunnel through the proxy, with TLS inside."""
        lines = [f"CONNECT {host}:{port} HTTP/1.1", f"host: {host}:{port}"]
        lines += [f"{name}: {value}" for name, value in _authorised(proxy).items()]
        link.reply = asyncio.get_running_loop().create_future()
        link.parser = _Tunnel(link)  # a reply to CONNECT has no body, whatever its headers say
        link.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        status = (await link.reply).status
        link.reply = None
        if status != 200:
            link.abort()
            raise OSError(f"the proxy answers {status}")
        assert self._tls is not None
        transport = await asyncio.get_running_loop().start_tls(link.transport, link, self._tls, server_hostname=host)
        link.transport = transport


class _Tunnel:
    """Reads the reply of a proxy to CONNECT."""

    def __init__(self, link: Link):
        self.link = link
        self.got = b""

    def feed_data(self, data: bytes) -> None:
        self.got += data
        if b"\r\n\r\n" in self.got and self.link.reply:
            status = self.got.split(b" ", 2)[1]
            self.link.reply.set_result(Reply(int(status) if status.isdigit() else 0, {}, b""))
            self.link.parser = httptools.HttpResponseParser(self.link)
            self.link.began = False


def _plain(body: bytes, coding: str) -> bytes:
    """The body as it was before a server compressed it, which is asked not to and may all the same."""
    if not body or coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise Broken(f"it sends an answer as {coding[:40]!r}, which was not asked for")
    reader = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)  # of gzip or zlib, as its head says
    try:
        plain = reader.decompress(body, LONGEST)
    except zlib.error as error:
        raise Broken("it sends an answer that cannot be decompressed") from error
    if not reader.eof:
        raise Broken("it sends a compressed answer that has no end")
    return plain


def _authorised(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"proxy-authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _plainly(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)
