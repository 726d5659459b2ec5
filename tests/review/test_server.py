"""The server: whom it answers, what it refuses, and what it has written when it says so."""

from __future__ import annotations

import signal
import socket
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from datafactory.cli import main
from datafactory.store import Draft

from ..conftest import command
from .conftest import lines_of, said, trace, written

SECURE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@pytest.fixture
def server(serve, dataset: Path, tmp_path: Path):
    return serve(dataset, "--reviewer", "anna", "--decisions", tmp_path / "d.jsonl")


def test_a_decision_is_a_line_of_the_file_when_it_is_answered(server, rows, tmp_path: Path):
    status, told = server.decide(said(rows[3], "reject", reason="wrong", note="7 < 8 ü"))
    assert (status, told["progress"]) == (200, {"rows": 12, "decided": 1, "by": {"anna": 1}})
    (line,) = lines_of(tmp_path / "d.jsonl")
    assert line.pop("time").startswith("20")
    assert line == {
        "reviewer": "anna",
        "trace_id": rows[3]["trace_id"],
        "problem_id": rows[3]["problem_id"],
        "seen": rows[3]["seen"],
        "decision": "reject",
        "reason": "wrong",
        "note": "7 < 8 ü",
    }


def test_a_trace_is_told_with_all_that_a_reviewer_reads(standing, rows):
    told = standing.trace(5)
    seen = told["trace"]
    for name in ("question", "answer", "reasoning", "response", "seen"):
        assert seen[name] == rows[5][name]
    assert seen["id"] == rows[5]["trace_id"]
    assert seen["verdicts"] == [{"name": "math", "reward": 1.0, "status": "correct", "detail": "10 = 10"}]
    assert seen["measures"] == {"length": 5.0}
    assert seen["facts"] == {"domain": "math", "rollout": 0, "completion_tokens": 15, "finish_reason": "stop"}


def test_the_next_trace_that_is_undecided_by_me_or_by_anyone(serve, server, dataset, rows, tmp_path: Path):
    ben = serve(dataset, "--reviewer", "ben", "--decisions", tmp_path / "d.jsonl")
    for at in (0, 1, 3):
        assert server.decide(said(rows[at], "accept"))[0] == 200
    assert ben.decide(said(rows[2], "accept"))[0] == 200
    assert server.trace(-1, step=1, only="mine")["at"] == 2
    assert server.trace(-1, step=1, only="anyone")["at"] == 4
    assert ben.trace(3, step=-1, only="mine")["at"] == 1
    assert ben.trace(-1, step=1, only="all")["at"] == 0
    assert server.trace(11, step=1, only="all") == {"at": None}
    assert server.decide(said(rows[1], "withdraw"))[0] == 200
    assert ben.trace(-1, step=1, only="anyone")["at"] == 1
    assert ben.trace(1)["progress"] == {"rows": 12, "decided": 3, "by": {"anna": 2, "ben": 1}}


@pytest.mark.parametrize(("text", "at"), [("1", 0), ("12", 11), ("13", None), ("", None), ("nothing", None)])
def test_a_trace_is_found_by_its_number(standing, text, at):
    assert standing.ask("GET", f"/api/find?id={text}")[2] == {"at": at}


def test_a_trace_is_found_by_its_id_and_by_the_beginning_of_it(standing, rows):
    for at, row in enumerate(rows):
        assert standing.ask("GET", f"/api/find?id={row['trace_id']}")[2] == {"at": at}
        assert standing.ask("GET", f"/api/find?id={row['trace_id'][:12]}")[2] == {"at": at}


@pytest.mark.parametrize("given", ["", "wrong", "ü", "\udce9"])
def test_without_the_token_nothing_is_told(standing, given):
    headers = {"X-Token": given.encode("utf-8", "surrogateescape").decode("latin-1")}
    for path in (
        "/",
        "/api/about",
        "/api/trace?at=0",
        "/api/find?id=1",
        "/nothing",
        f"/api/about?token={standing.token}",
    ):
        status, _, told = standing.ask("GET", path, headers=headers)
        assert status == 403 and "token" in told["error"], path
    assert standing.ask("POST", "/api/decisions", {"decision": "accept"}, headers)[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "0.0.0.0", "[::1", "[::1]", ""]
)
def test_another_name_for_this_machine_is_not_answered(standing, host):
    assert standing.ask("GET", f"/?token={standing.token}", headers={"Host": host})[0] == 403


def test_a_forwarded_port_is_answered(standing):
    assert standing.ask("GET", "/api/about", headers={"Host": "localhost:9999"})[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"])
def test_a_page_from_elsewhere_posts_nothing(standing, rows, origin):
    status, headers, _ = standing.ask("POST", "/api/decisions", said(rows[0], "accept"), {"Origin": origin})
    assert status == 403 and not any(name.lower().startswith("access-control") for name in headers)


def test_the_page_itself_may_post(server, rows):
    origin = {"Origin": f"http://127.0.0.1:{server.port}"}
    assert server.ask("POST", "/api/decisions", said(rows[0], "accept"), origin)[0] == 200


def test_every_answer_forbids_what_the_page_does_not_need(standing):
    for path, status in (("/", 200), ("/api/about", 200), ("/nothing", 404), ("/api/trace?at=x", 400)):
        at = f"{path}?token={standing.token}" if path == "/" else path
        found, headers, _ = standing.ask("GET", at)
        assert found == status and SECURE.items() <= headers.items()
    first, second = (standing.ask("GET", f"/?token={standing.token}")[1]["Content-Security-Policy"] for _ in range(2))
    assert first.startswith("default-src 'none'; script-src 'nonce-") and "unsafe" not in first and first != second


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%2e%2e/etc/passwd", 404),
        ("GET", "//etc/passwd", 404),
        ("GET", "http://127.0.0.1/api/about", 404),
        ("GET", "/page.js", 404),
        ("GET", "/api/decisions", 404),
        ("POST", "/", 404),
        ("PUT", "/api/decisions", 501),
        ("DELETE", "/api/decisions", 501),
        ("OPTIONS", "/api/decisions", 501),
        ("GET", "/api/trace?at=12", 404),
        ("GET", "/api/trace?at=-1", 404),
        ("GET", "/api/trace?at=0&step=1&only=x", 400),
    ],
)
def test_only_what_is_known_is_answered(standing, method, path, status):
    assert standing.ask(method, path)[0] == status


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"\xff", {}, 400),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Length": "-1"}, 411),
        (b"{}", {"Content-Length": str(1 << 40)}, 413),
        (b"x" * (33 << 20), {}, 413),
    ],
)
def test_a_body_that_is_no_decision_is_refused_and_the_server_goes_on(standing, body, headers, status):
    if headers.get("Content-Length") == str(1 << 40):  # it would be waited for
        with socket.create_connection(("127.0.0.1", standing.port)) as line:
            line.sendall(
                b"POST /api/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + f"X-Token: {standing.token}\r\nContent-Length: {1 << 40}\r\n\r\n".encode()
            )
            line.shutdown(socket.SHUT_WR)
            assert line.recv(100).startswith(b"HTTP/1.1 413")
    else:
        assert standing.ask("POST", "/api/decisions", body, headers)[0] == status
    assert standing.ask("GET", "/api/about")[0] == 200


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"decision": "burn"}, "there is no decision 'burn'"),
        ({"trace_id": "0" * 16}, "there is no trace"),
        ({"trace_id": ""}, "there is no trace"),
        ({"seen": "0" * 16}, "is not the one that was decided about"),
        ({"reviewer": "ben"}, "a decision is an object with"),  # one decides under one's own name
        ({"note": 1}, "'note' should be a text"),
        ({"note": "x" * 10_001}, "'note' is longer than 10,000 characters"),
        ({"decision": "reject"}, "a rejection has a reason"),
        ({"decision": "edit", "reasoning": "x", "response": "  "}, "an edit keeps a response"),
        ({"decision": "edit", "reasoning": "I add 0 and 0.", "response": "It is \\boxed{0}."}, "nothing is changed"),
    ],
)
def test_a_decision_that_cannot_be_applied_is_not_written(standing, rows, changed, line):
    status, told = standing.decide({**said(rows[0], "accept"), **changed})
    assert status == 400 and line in told["error"]


def test_a_decision_that_is_sent_twice_is_written_once(serve, server, dataset, rows, tmp_path: Path):
    for _ in range(2):
        assert server.decide(said(rows[0], "accept", id="one"))[0] == 200
    server.stop()
    again = serve(dataset, "--reviewer", "anna", "--decisions", tmp_path / "d.jsonl")
    assert again.decide(said(rows[0], "accept", id="one"))[0] == 200
    assert len(lines_of(tmp_path / "d.jsonl")) == 1


def test_two_servers_write_one_file_at_once_and_every_line_is_whole(serve, dataset, rows, tmp_path: Path):
    servers = [serve(dataset, "--reviewer", name, "--decisions", tmp_path / "d.jsonl") for name in ("anna", "ben")]

    def work(server, part: int) -> None:
        for row in rows[part::2]:
            assert server.decide(said(row, "edit", reasoning="r" * 20_000, response=f"by {part}"))[0] == 200

    threads = [threading.Thread(target=work, args=(server, part)) for server in servers for part in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = lines_of(tmp_path / "d.jsonl")
    wanted = {(name, row["trace_id"]) for name in ("anna", "ben") for row in rows}
    assert {(line["reviewer"], line["trace_id"]) for line in lines} == wanted and len(lines) == 24
    progress = {"rows": 12, "decided": 12, "by": {"anna": 12, "ben": 12}}
    assert [server.trace(0)["progress"] for server in servers] == [progress] * 2


def test_kill_9_in_a_stream_of_decisions_loses_none_that_was_answered(serve, dataset, rows, tmp_path: Path):
    answered: list[str] = []

    def work(server, part: int) -> None:
        try:
            for number in range(10_000):
                name = f"{part}-{number}"
                if server.decide(said(rows[number % 12], "accept", id=name, note="n" * 2000))[0] == 200:
                    answered.append(name)
        except OSError:
            pass

    for attempt in range(3):
        server = serve(dataset, "--reviewer", "anna", "--decisions", tmp_path / "d.jsonl")
        threads = [threading.Thread(target=work, args=(server, 10 * attempt + part)) for part in range(4)]
        before = len(answered)
        for thread in threads:
            thread.start()
        while len(answered) < before + 40:
            time.sleep(0.01)
        server.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
    serve(dataset, "--reviewer", "anna", "--decisions", tmp_path / "d.jsonl")
    lines = lines_of(tmp_path / "d.jsonl")
    assert set(answered) <= {line["id"] for line in lines} and len(answered) >= 120


def test_ctrl_c_ends_it_cleanly_and_says_what_applies_the_decisions(server, rows, tmp_path: Path):
    server.decide(said(rows[0], "accept"))
    code, out, err = server.stop()
    assert (code, err) == (0, "")
    assert "1 of 12 traces are decided" in out and f"do: review, from: STAGE, decisions: {tmp_path / 'd.jsonl'}" in out


def test_the_address_is_printed_once_and_is_of_this_machine_alone(standing):
    assert [line for line in standing.said if "http" in line] == [standing.url]
    assert standing.url.startswith("http://127.0.0.1:") and len(standing.token) >= 43
    with pytest.raises(OSError):
        socket.create_connection((socket.gethostbyname(socket.gethostname()), standing.port), timeout=5).close()
        raise OSError if socket.gethostbyname(socket.gethostname()).startswith("127.") else AssertionError


def test_the_same_decisions_get_the_same_port_so_that_a_browser_finds_them_again(serve, dataset, tmp_path: Path):
    first = serve(dataset, "--reviewer", "anna", "--decisions", tmp_path / "d.jsonl")
    beside = serve(dataset, "--reviewer", "ben", "--decisions", tmp_path / "d.jsonl")
    assert beside.port != first.port
    first.stop()
    assert serve(dataset, "--reviewer", "anna", "--decisions", tmp_path / "d.jsonl").port == first.port


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing.parquet"], "there is no nothing.parquet"),
        (["traces.parquet", "--where", "maths = 1"], "no column 'maths'. Did you mean 'math'?"),
        (["traces.parquet", "--where", "math ="], "is not a SQL condition"),
        (["traces.parquet", "--where", "math = 2"], "traces.parquet has no trace to review with math = 2"),
        (["traces.parquet", "--where", "question = 2"], "does not fit the columns"),
        (["traces.parquet", "--reviewer", " "], "a name has 1 to 64 characters that can be seen"),
        (["traces.parquet", "--reviewer", "a\nb"], "a name has 1 to 64 characters that can be seen"),
        (["traces.parquet", "--decisions", "."], ". is a folder; --decisions names a .jsonl file"),
        (["traces.parquet", "--decisions", "stage/d.jsonl"], "stage is finished and never written again"),
        (["problems.jsonl"], "has no column of responses"),
        (["empty"], "empty holds no rows"),
    ],
)
def test_a_mistake_is_one_line(rows, tmp_path: Path, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    dataset = written(tmp_path / "traces.parquet", rows)
    Draft(tmp_path / "stage").write(0, pl.read_parquet(dataset))
    Draft(tmp_path / "stage").finish(1, {"stage": "verify", "fingerprint": "0" * 64})
    (tmp_path / "problems.jsonl").write_text('{"question": "why?"}\n')
    (tmp_path / "empty").mkdir()
    ran = CliRunner().invoke(main, ["review", *words, "--no-browser"])
    assert (ran.exit_code, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert line in ran.stderr


def test_a_port_that_is_taken_is_told(standing, dataset):
    ran = command("review", dataset, "--no-browser", "--port", standing.port, cwd=dataset.parent, timeout=60)
    assert ran.returncode == 2 and f"--port {standing.port}: address already in use; --port 0" in ran.stderr


def test_a_text_that_cannot_be_written_as_utf_8_is_written_all_the_same(server, rows, tmp_path: Path):
    body = said(rows[0], "edit", response="half \\ud800 of a pair")
    sent = str(body).replace("'", '"').replace("\\\\ud800", "\\ud800").encode()
    assert server.ask("POST", "/api/decisions", sent)[0] == 200
    assert lines_of(tmp_path / "d.jsonl")[0]["response"] == "half ? of a pair"


def test_a_number_that_json_does_not_know_is_told_as_a_text(serve, tmp_path: Path):
    path = written(tmp_path / "odd.parquet", [trace(1, length=float("nan")), trace(2, length=float("inf"))])
    server = serve(path, "--decisions", tmp_path / "d.jsonl")
    assert server.trace(0)["trace"]["measures"] == {"length": "nan"}
    assert server.trace(1)["trace"]["measures"] == {"length": "inf"}
