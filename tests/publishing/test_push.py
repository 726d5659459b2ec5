"""A push brings a published folder to the hub byte for byte, whatever happens on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datafactory.errors import StageError, UserError
from datafactory.pushing.push import Asked, push
from tests.conftest import REPOSITORY, command
from tests.publishing.hub import TOKEN, Hub, running

REPO = "me/sums"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as hub:
        yield hub


@pytest.fixture
def here(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a push to the hub of this test."""
    from huggingface_hub import constants

    told = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf")}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # it was read when the library was imported
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "hf/token"))
    wait = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: wait(min(seconds, 0.01)))
    return told


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def held(hub: Hub, branch: str = "main") -> dict[str, bytes]:
    return {name: held for name, held in hub.files(REPO, branch).items() if name != ".gitattributes"}


def pushed(dataset: Path, **asked: object) -> list[str]:
    said: list[str] = []
    push(dataset, Asked(REPO, **asked), 1, said.append)  # type: ignore[arg-type]
    return said


def test_the_hub_holds_the_folder_byte_for_byte_after_one_commit(hub: Hub, here: dict[str, str], dataset: Path):
    ended = command("push", dataset, "--to", REPO, "--private", **here)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert held(hub) == content(dataset)
    assert hub.repos[REPO]["private"]
    assert hub.count("POST", "/commit/main") == 1
    assert "every file is there with its checksum" in ended.stdout
    assert TOKEN not in ended.stdout + ended.stderr
    assert {path for _, path in hub.asked if "telemetry" in path} == set()


def test_a_second_push_sends_nothing(hub: Hub, here: dict[str, str], dataset: Path):
    pushed(dataset)
    hub.asked.clear()
    assert pushed(dataset)[-1] == f"{REPO} holds this dataset already; nothing to do"
    assert not [path for method, path in hub.asked if method == "PUT" or "commit" in path]


def test_what_changed_is_sent_and_shards_that_are_gone_are_removed(hub: Hub, here: dict[str, str], dataset: Path):
    pushed(dataset)
    files = hub.files(REPO)
    stale = {"data/train-00000-of-00009.parquet": b"old", "rejected/old.parquet": b"old", "LICENSE": b"mine"}
    hub.commit(REPO, "main", {**files, **stale, "README.md": b"another"})
    hub.asked.clear()
    pushed(dataset)
    assert held(hub) == content(dataset) | {"LICENSE": b"mine"}
    assert hub.count("PUT", "/objects/") == 0  # what it holds already is not sent again


def test_a_dry_run_tells_each_file_and_changes_nothing(hub: Hub, here: dict[str, str], dataset: Path):
    said = pushed(dataset, dry_run=True)
    assert [line for line in said if line.startswith("new")] and len(said) == len(content(dataset)) + 2
    assert said[-1].endswith("(main, not there yet), 0 to remove, the rest is there; nothing was sent")
    assert hub.repos == {} and {method for method, _ in hub.asked} == {"GET"}
    pushed(dataset)
    hub.commit(REPO, "main", {**hub.files(REPO), "README.md": b"another", "data/x.parquet": b"old"})
    before, said = dict(hub.files(REPO)), pushed(dataset, dry_run=True)
    told = {line.split()[1]: line.split()[0] for line in said[1:-1]}
    assert (told["README.md"], told["data/x.parquet"], told["report.html"]) == ("changed", "removed", "same")
    assert hub.files(REPO) == before


def test_a_branch_is_made_and_main_stays(hub: Hub, here: dict[str, str], dataset: Path):
    hub.make(REPO)
    pushed(dataset, revision="v2")
    assert held(hub) == {} and held(hub, "v2") == content(dataset)


def test_a_killed_push_goes_on_with_what_is_missing(hub: Hub, here: dict[str, str], dataset: Path):
    """kill -9 while a file is on its way; what had arrived is not sent again."""
    reached, go_on = threading.Event(), threading.Event()

    def hold(oid: str) -> None:
        if len(hub.objects) >= 5:
            reached.set()
            go_on.wait(60)

    hub.before_put = hold
    words = [sys.executable, "-m", "datafactory", "push", str(dataset), "--to", REPO]
    environment = {**os.environ, **here, "PYTHONPATH": str(REPOSITORY)}
    first = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert reached.wait(60)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert held(hub) == {}  # a reader sees nothing of it
    arrived = set(hub.objects)
    hub.before_put = lambda oid: None
    hub.asked.clear()
    go_on.set()
    pushed(dataset)
    assert held(hub) == content(dataset)
    sent = [path.removeprefix("/objects/") for method, path in hub.asked if method == "PUT"]
    assert arrived and not arrived & set(sent) and len(sent) == len(set(sent))


def test_a_hub_that_fails_now_and_then_is_asked_again(hub: Hub, here: dict[str, str], dataset: Path):
    """The first answer to every request is 503, every third to a file 500."""
    hub.fails = lambda method, path, nth: 503 if nth == 0 else 500 if method == "PUT" and nth == 1 else None
    pushed(dataset)
    assert held(hub) == content(dataset)


def test_a_commit_whose_answer_is_lost_is_not_made_twice(hub: Hub, here: dict[str, str], dataset: Path, monkeypatch):
    answer = hub.answer

    def lost(method: str, path: str, *rest):
        told = answer(method, path, *rest)
        return (502, {"error": "gateway"}) if "/commit/" in path else told

    monkeypatch.setattr(hub, "answer", lost)
    pushed(dataset)
    assert held(hub) == content(dataset) and hub.count("POST", "/commit/") == 1


def test_a_hub_that_stays_away_is_one_line(hub: Hub, here: dict[str, str], dataset: Path):
    hub.fails = lambda method, path, nth: 503 if method == "PUT" else None
    with pytest.raises(StageError, match="uploading .*: the hub answered 503 again and again; run the same push again"):
        pushed(dataset)
    assert held(hub) == {}


def test_a_network_that_is_gone_is_one_line(hub: Hub, here: dict[str, str], dataset: Path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StageError, match=r"http://127.0.0.1:9 cannot be reached \(.*\); run the same push again"):
        pushed(dataset)


def test_a_change_by_another_meanwhile_is_one_line(hub: Hub, here: dict[str, str], dataset: Path, monkeypatch):
    answer = hub.answer

    def raced(method: str, path: str, *rest):
        if "/commit/" in path:
            hub.commit(REPO, "main", {**hub.files(REPO), "theirs.txt": b"x"})
        return answer(method, path, *rest)

    monkeypatch.setattr(hub, "answer", raced)
    with pytest.raises(StageError, match=r"the dataset was changed meanwhile \(412\); run the same push again"):
        pushed(dataset)
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("environment", "error", "told"),
    [
        ({"HF_TOKEN": ""}, UserError, "no token: set HF_TOKEN to one with write access"),
        ({"HF_TOKEN": "hf_of_nobody"}, StageError, r"does not take the token in HF_TOKEN \(401\)"),
    ],
)
def test_a_token_that_is_missing_or_wrong_is_one_line(
    environment: dict[str, str],
    error: type[Exception],
    told: str,
    hub: Hub,
    here: dict[str, str],
    dataset: Path,
    monkeypatch,
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(error, match=told) as raised:
        pushed(dataset)
    assert "hf_of_nobody" not in str(raised.value)
    assert hub.repos == {}


def test_a_token_that_may_not_write_is_one_line(hub: Hub, here: dict[str, str], dataset: Path):
    hub.writable = False
    with pytest.raises(StageError, match=r"the token in HF_TOKEN may not do this \(403\)"):
        pushed(dataset)


def test_a_token_may_be_in_another_variable(hub: Hub, here: dict[str, str], dataset: Path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    pushed(dataset, token_env="MY_TOKEN")
    assert held(hub) == content(dataset)


def test_what_is_private_goes_into_nothing_public(hub: Hub, here: dict[str, str], dataset: Path):
    hub.make(REPO, private=False)
    with pytest.raises(StageError, match="is there and public"):
        pushed(dataset, private=True)
    assert held(hub) == {}


def test_a_damaged_folder_is_refused_before_anything_is_asked(hub: Hub, here: dict[str, str], dataset: Path):
    path = dataset / "data/train-00001-of-00003.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StageError, match=r"train-00001-of-00003.parquet: is not what was written.*nothing was pushed"):
        pushed(dataset)
    assert hub.asked == []


@pytest.mark.parametrize("name", ["sums", "me/sums/x", "me/su ms", "me/--x"])
def test_a_name_that_the_hub_would_refuse_is_said_at_once(name: str, dataset: Path):
    with pytest.raises(UserError, match="--to"):
        push(dataset, Asked(name), 1, print)


def test_only_what_was_published_is_pushed(factory: Path):
    with pytest.raises(UserError, match="push what a merge published"):
        push(factory.parent / "outputs/small/accepted", Asked(REPO), 1, print)


def test_the_card_that_arrives_is_one_the_hub_reads(hub: Hub, here: dict[str, str], dataset: Path):
    from huggingface_hub import DatasetCard

    pushed(dataset)
    data = DatasetCard(held(hub)["README.md"].decode()).data.to_dict()
    assert data["configs"][0]["data_files"] == [
        {"split": split, "path": f"data/{split}-*"} for split in ("train", "validation")
    ]
    rows = {split["name"]: split["num_examples"] for split in data["dataset_info"]["splits"]}
    manifest = json.loads(held(hub)["manifest.json"])
    assert rows == {
        split: sum(manifest["files"][name]["rows"] for name in names) for split, names in manifest["splits"].items()
    }
