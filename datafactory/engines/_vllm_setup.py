"""vLLM's own arguments and environment, of the engine's settings and of what the machine has."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datafactory.engines._vllm_replica import Setup
from datafactory.errors import StageError

if TYPE_CHECKING:
    from datafactory.engines.vllm import Config


def setup(config: Config, weights: str) -> Setup:
    """vLLM's arguments. Weights that are an adapter alone are put on the model that they name."""
    model, lora = weights, config.lora and str(config.lora)
    if (Path(weights) / "adapter_config.json").is_file() and not (Path(weights) / "config.json").is_file():
        if lora:
            raise StageError(f"the model at {weights} is an adapter; `lora` puts another on it")
        base = _adapter(weights).get("base_model_name_or_path")
        if not base:
            raise StageError(f"the adapter at {weights} names no base_model_name_or_path")
        model, lora = str(base), weights
    named = ("tensor_parallel_size", "pipeline_parallel_size", "max_model_len", "quantization", "max_num_seqs")
    optional = ("gpu_memory_utilization", "enforce_eager")
    arguments: dict[str, Any] = {name: getattr(config, name) for name in (*named, *optional)}
    arguments = {name: value for name, value in arguments.items() if value is not None}
    arguments |= {"model": model, "dtype": config.dtype, "enable_prefix_caching": config.enable_prefix_caching}
    if config.enforce_eager is None and not devices():
        arguments["enforce_eager"] = True
    if lora:
        arguments |= {"enable_lora": True, "max_lora_rank": _rank(lora)}
    return Setup({**arguments, **config.engine_args, **config.runtime_args}, lora or None)


def _adapter(folder: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((Path(folder) / "adapter_config.json").read_text())
    except ValueError as error:
        raise StageError(f"{folder}/adapter_config.json is not JSON: {error}") from error
    return found


def _rank(folder: str) -> int:
    """The rank that vLLM makes room for: it takes these alone."""
    rank = int(_adapter(folder).get("r") or 16)
    return next((size for size in (1, 8, 16, 32, 64, 128, 256, 320, 512) if size >= rank), rank)


def devices() -> list[str]:
    """The GPUs that are visible, as CUDA_VISIBLE_DEVICES spells them; none on a machine that has a CPU alone."""
    import torch

    count = torch.cuda.device_count()  # asks the driver, and takes no memory of a GPU
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return (named or [str(number) for number in range(count)])[:count]


def copies(config: Config) -> int:
    """How many copies of the model run side by side."""
    return config.data_parallel_size or max(1, len(devices()) // _each(config))


def environment(config: Config, place: int, copies: int) -> dict[str, str]:
    """Of the copy at that place among so many: the GPUs that it sees, nothing sent home, a quiet log."""
    home = str(Path(__file__).parents[2])
    found = {**os.environ, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    found["PYTHONPATH"] = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    found.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    visible, each = devices(), _each(config)
    if not visible:
        found.update(_for_cpu(config))
    elif copies * each > len(visible):
        raise StageError(
            f"data_parallel_size {copies} with {each} GPUs to a copy needs {copies * each} GPUs; "
            f"{len(visible)} are visible"
        )
    elif copies > 1:
        found["CUDA_VISIBLE_DEVICES"] = ",".join(visible[place * each : (place + 1) * each])
    return found


def cores(place: int, copies: int) -> list[int]:
    """A copy's share of the cores, where there is no GPU; none named where it has them all."""
    if copies == 1 or devices() or not hasattr(os, "sched_getaffinity"):
        return []
    return sorted(os.sched_getaffinity(0))[place::copies]


def _each(config: Config) -> int:
    """GPUs to a copy."""
    return config.tensor_parallel_size * config.pipeline_parallel_size


def _for_cpu(config: Config) -> dict[str, str]:
    """The memory a small model needs, where nothing else is said; and one process, as there is no device to keep busy
    while texts are made of tokens."""
    found = {}
    if config.gpu_memory_utilization is None:
        found["VLLM_CPU_KVCACHE_SPACE"] = os.environ.get("VLLM_CPU_KVCACHE_SPACE", "4")
    if _each(config) == 1:
        found["VLLM_ENABLE_V1_MULTIPROCESSING"] = os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    return found
