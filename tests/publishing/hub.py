"""A hub on this machine: the part of the Hugging Face hub's API that a push speaks, over real HTTP.

whoami, create, info, tree, branch, preupload, validate-yaml, LFS batch, PUT and verify, commit. Files over 4 KiB and
Parquet go through LFS. `fails` may turn a request down; everything that was asked is in `asked`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_a_token_of_the_tests"
LARGE = 4096
Answer = tuple[int, Any]


class Hub:
    """repos: {owner/name: {"private": bool, "branches": {name: commit}}}; a commit is {"id", "files": {path: bytes}}."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.fails: Callable[[str, str, int], int | None] = lambda method, path, nth: None
        self.before_put: Callable[[str], None] = lambda oid: None
        self.writable = True
        self.lock = threading.Lock()
        self.endpoint = ""

    def files(self, repo: str, branch: str = "main") -> dict[str, bytes]:
        return self.repos[repo]["branches"][branch]["files"]

    def count(self, method: str, part: str) -> int:
        return sum(asked == method and part in path for asked, path in self.asked)

    def commit(self, repo: str, branch: str, files: dict[str, bytes]) -> str:
        held = self.repos[repo]["branches"]
        parent = held[branch]["id"] if branch in held else ""
        told = json.dumps([parent, sorted((path, hashlib.sha256(held).hexdigest()) for path, held in files.items())])
        held[branch] = {"id": hashlib.sha1(told.encode()).hexdigest(), "files": files}
        return held[branch]["id"]

    def make(self, repo: str, private: bool = False) -> None:
        self.repos[repo] = {"private": private, "branches": {}}
        self.commit(repo, "main", {".gitattributes": b"*.parquet filter=lfs\n"})

    def at(self, repo: str, revision: str) -> dict[str, Any] | None:
        branches = self.repos[repo]["branches"]
        return branches.get(revision) or next((each for each in branches.values() if each["id"] == revision), None)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes, token: str | None) -> Answer:
        if path.startswith("/objects/"):
            return self._object(method, path.removeprefix("/objects/"), body)
        if token != TOKEN:
            return 401, {"error": "Invalid username or password."}
        if path == "/api/whoami-v2":
            return 200, {"name": "me", "type": "user", "orgs": []}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if not self.writable and method == "POST":
            return 403, {"error": "You don't have the rights to write."}
        if path == "/api/repos/create":
            asked = json.loads(body)
            repo = f"{asked['organization']}/{asked['name']}"
            if repo in self.repos:
                url = f"{self.endpoint}/datasets/{repo}"
                return 409, {"error": "You already created this dataset repo", "url": url}
            self.make(repo, asked.get("visibility") == "private")
            return 200, {"url": f"{self.endpoint}/datasets/{repo}"}
        if path.endswith("/info/lfs/objects/batch"):
            return self._batch(json.loads(body))
        owner, name, *rest = path.removeprefix("/api/datasets/").split("/")
        return self._of_repo(f"{owner}/{name}", rest, method, body)

    def _of_repo(self, repo: str, rest: list[str], method: str, body: bytes) -> Answer:
        if repo not in self.repos:
            return 404, {"error": "Repository not found", "code": "RepoNotFound"}
        what, revision = (rest[0], unquote(rest[1])) if len(rest) > 1 else ("revision", "main")
        if what == "branch":
            if revision in self.repos[repo]["branches"]:
                return 409, {"error": "Reference already exists"}
            self.commit(repo, revision, dict(self.files(repo)))
            return 200, {}
        commit = self.at(repo, revision)
        if commit is None:
            return 404, {"error": "Invalid rev id", "code": "RevisionNotFound"}
        if what == "revision":
            return 200, {"id": repo, "sha": commit["id"], "private": self.repos[repo]["private"], "tags": []}
        if what == "tree":
            return 200, [_listed(path, held) for path, held in sorted(commit["files"].items())]
        if what == "preupload":
            return 200, {"files": [_mode(file, commit["files"]) for file in json.loads(body)["files"]]}
        assert (what, method) == ("commit", "POST"), what
        return self._committed(repo, revision, commit, [json.loads(line) for line in body.splitlines()])

    def _committed(self, repo: str, branch: str, head: dict[str, Any], lines: list[dict[str, Any]]) -> Answer:
        parent = lines[0]["value"].get("parentCommit")
        if parent and parent != head["id"]:
            return 412, {"error": "A commit has happened since. Please refresh and try again."}
        files = dict(head["files"])
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "deletedFile":
                del files[value["path"]]
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                if value["oid"] not in self.objects:
                    return 400, {"error": f"LFS pointer points to {value['oid']}, which does not exist"}
                files[value["path"]] = self.objects[value["oid"]]
        made = self.commit(repo, branch, files)
        return 200, {"commitUrl": f"{self.endpoint}/datasets/{repo}/commit/{made}", "commitOid": made}

    def _batch(self, asked: dict[str, Any]) -> Answer:
        told = []
        for each in asked["objects"]:
            actions = {"upload": {"href": f"{self.endpoint}/objects/{each['oid']}"}}
            told.append({**each, **({} if each["oid"] in self.objects else {"actions": actions})})
        return 200, {"transfer": "basic", "objects": told}

    def _object(self, method: str, oid: str, body: bytes) -> Answer:
        assert method == "PUT"
        self.before_put(oid)
        if hashlib.sha256(body).hexdigest() != oid:
            return 400, {"error": "the bytes are not those of the oid"}
        self.objects[oid] = body
        return 200, {}


def _listed(path: str, held: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(held) + held).hexdigest()
    told: dict[str, Any] = {"type": "file", "path": path, "size": len(held), "oid": blob}
    if _large(path, len(held)):
        told |= {
            "lfs": {"oid": hashlib.sha256(held).hexdigest(), "size": len(held), "pointerSize": 134},
            "oid": "f" * 40,
        }
    return told


def _mode(file: dict[str, Any], there: dict[str, bytes]) -> dict[str, Any]:
    large = _large(file["path"], file["size"])
    return {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": None}


def _large(path: str, size: int) -> bool:
    return path.endswith(".parquet") or size > LARGE


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def _handle(self) -> None:
        url = urlsplit(self.path)
        body = self._body()
        with self.hub.lock:
            nth = sum(path == url.path and method == self.command for method, path in self.hub.asked)
            self.hub.asked.append((self.command, url.path))
        status = self.hub.fails(self.command, url.path, nth)
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ") or None
        answer: Answer = (status, {"error": "for the test"}) if status else (500, {})
        if not status:
            answer = self.hub.answer(self.command, url.path, parse_qs(url.query), body, token)
        content = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        if isinstance(answer[1], dict) and (code := answer[1].get("code")):
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    do_GET = do_POST = do_PUT = do_HEAD = _handle

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
