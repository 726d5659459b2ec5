"""Trainable: the settings that every training stage has, under TRL's own names, and TRL's others beside them.

What a stage names itself has a type and a default here or in its Config. Any other setting of the stage's TRL config
class stands in the recipe in the same way (`weight_decay: 0.1`), is checked by name and type against TRL's source
before anything runs, and is kept in `trl`. What a stage decides itself is refused with the reason.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from datafactory import signature
from datafactory.check import Check
from datafactory.config import Base, key_of, runtime
from datafactory.settings import Nested, Problems, located, problems_of

Tracker = Literal["tensorboard", "trackio", "wandb"]
SHIPPED = {path.stem: path for path in sorted((Path(__file__).parent / "training" / "accelerate").glob("*.yaml"))}

_OWN_FOLDER = "a stage writes into its own folder of the store"
_CHECKPOINTS = "checkpoints are made every `save_steps`, and the last whole one is kept until the model is saved"
_EVALUATE = "nothing is measured on the way; use a stage `evaluate` after it"
_PRECISION = "use `dtype`"
_PROCESSES = "use `accelerate`, which takes an accelerate config file of your own too"
_SHOWN = "every step is logged, and shown by the stage"
_KEPT = "rollouts are kept beside the model"
_PUSH = "publish with `datafactory push`"
_COLUMNS = "the stage makes the rows that TRL sees"
_MODEL = "the stage loads the model that `model` names"
DECIDED = {
    **dict.fromkeys(("output_dir",), _OWN_FOLDER),
    **dict.fromkeys(("save_strategy", "save_total_limit", "save_only_model", "save_on_each_node"), _CHECKPOINTS),
    **dict.fromkeys(("load_best_model_at_end", "metric_for_best_model", "greater_is_better"), _EVALUATE),
    **dict.fromkeys(("enable_jit_checkpoint", "restore_callback_states_from_checkpoint"), _CHECKPOINTS),
    **dict.fromkeys(
        ("resume_from_checkpoint", "ignore_data_skip"), "a stage that is started again continues by itself"
    ),
    **dict.fromkeys(("do_train", "do_eval", "do_predict", "eval_strategy", "eval_steps", "eval_delay"), _EVALUATE),
    **dict.fromkeys(("per_device_eval_batch_size", "eval_on_start", "eval_packing", "num_generations_eval"), _EVALUATE),
    **dict.fromkeys(("eval_do_concat_batches", "eval_use_gather_object", "eval_accumulation_steps"), _EVALUATE),
    **dict.fromkeys(("prediction_loss_only", "include_for_metrics", "batch_eval_metrics"), _EVALUATE),
    **dict.fromkeys(("bf16", "fp16", "bf16_full_eval", "fp16_full_eval"), _PRECISION),
    "use_cpu": "use `device: cpu`",
    **dict.fromkeys(("fsdp", "fsdp_config", "deepspeed", "accelerator_config", "parallelism_config"), _PROCESSES),
    "local_rank": "use `processes`",
    **dict.fromkeys(("logging_strategy", "logging_steps", "logging_first_step", "disable_tqdm"), _SHOWN),
    **dict.fromkeys(("log_level", "log_level_replica", "log_on_each_node", "skip_memory_metrics"), _SHOWN),
    **dict.fromkeys(("logging_nan_inf_filter", "include_num_input_tokens_seen", "debug"), _SHOWN),
    **dict.fromkeys(("log_completions", "log_multimodal", "num_completions_to_print", "log_unique_prompts"), _KEPT),
    **dict.fromkeys(("push_to_hub", "hub_token", "hub_private_repo", "hub_model_id", "hub_strategy"), _PUSH),
    **dict.fromkeys(("hub_always_push", "hub_revision", "log_completions_hub_repo"), _PUSH),
    **dict.fromkeys(("remove_unused_columns", "label_names", "dataset_text_field", "dataset_kwargs"), _COLUMNS),
    "length_column_name": _COLUMNS,
    **dict.fromkeys(("model_init_kwargs", "trust_remote_code"), _MODEL),
    **dict.fromkeys(("eos_token", "pad_token", "chat_template_path"), "they are the model's own"),
    "auto_find_batch_size": "a smaller batch would train otherwise than the recipe says",
}
# TRL's settings that say how a stage runs and not what it makes
RUNTIME = {
    *("dataloader_num_workers", "dataloader_pin_memory", "dataloader_persistent_workers", "dataloader_prefetch_factor"),
    *("dataloader_multiprocessing_context", "dataloader_in_order", "dataset_num_proc", "torch_empty_cache_steps"),
    *("gradient_checkpointing", "gradient_checkpointing_kwargs", "activation_checkpointing"),
    *("activation_checkpointing_kwargs", "activation_offloading"),
    *("ddp_find_unused_parameters", "ddp_bucket_cap_mb", "ddp_broadcast_buffers", "ddp_static_graph", "ddp_backend"),
    *("ddp_timeout", "ds3_gather_for_generation"),
    *("run_name", "project", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id"),
    *("vllm_server_base_url", "vllm_server_host", "vllm_server_port", "vllm_server_timeout", "vllm_group_port"),
    *("vllm_gpu_memory_utilization", "vllm_tensor_parallel_size", "vllm_enable_sleep_mode"),
}
# numbers of TRL's that may be below 0, and those that are shares
BELOW_0 = {"top_k", "entropy_coef", "entropy_coef_min", "entropy_coef_max"}
SHARES = {
    *("adam_beta1", "adam_beta2", "label_smoothing_factor", "ref_model_mixup_alpha", "top_p", "min_p"),
    *("top_entropy_quantile", "vllm_gpu_memory_utilization"),
}
# packages that an optimizer needs, by a part of its name: the module, and what pip calls it
OPTIMIZERS = {
    r"torch_[48]bit": ("torchao", "torchao"),
    r"galore": ("galore_torch", "galore-torch"),
    r"apollo": ("apollo_torch", "apollo-torch"),
    r"lomo": ("lomo_optim", "lomo-optim"),
    r"grok": ("grokadamw", "grokadamw"),
    r"stable": ("optimi", "torch-optimi"),
    r"schedule_free": ("schedulefree", "schedulefree"),
    r"8bit|bnb|paged|ademamix|lion|rmsprop_32bit": ("bitsandbytes", "bitsandbytes"),
}


def _accelerate(value: Any, info: ValidationInfo) -> str | None:
    if value is None or value in SHIPPED:
        return value
    if not isinstance(value, str) or not value.endswith((".yaml", ".yml")):
        raise ValueError(f"should be one of {', '.join(SHIPPED)}, or the path of an accelerate config file (.yaml)")
    return str(located(value, info).resolve())


def _trackers(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _steps(value: int) -> int:
    if value == 0 or value < -1:
        raise ValueError("should be 1 or above, or -1 to go by `epochs`")
    return value


def _whole_or_share(value: float | None) -> float | None:
    if value is not None and value > 1 and not value.is_integer():
        raise ValueError("should be a whole number of steps, or a share of all steps below 1")
    return value


class Trainable(Base):
    """What a stage that trains is told; a subclass names its TRL config class and sets the defaults of its own."""

    TRAINER: ClassVar[str]
    """The config class of TRL: SFTConfig."""
    DECIDES: ClassVar[dict[str, str]] = {}
    """Settings of it that the stage decides itself, each with the reason or the setting to use."""
    PASSED: ClassVar[tuple[str, str]] = ("trl", "trl_runtime")
    """The fields that hold its other settings, which a recipe writes beside the stage's own."""

    epochs: float = Field(1, gt=0, validation_alias=AliasChoices("epochs", "num_train_epochs"))
    max_steps: Annotated[int, AfterValidator(_steps)] = -1
    """Optimiser steps; over `epochs` when it is above 0."""
    learning_rate: float = Field(gt=0)
    per_device_train_batch_size: int = Field(1, ge=1)
    """Rows that go through the model together."""
    gradient_accumulation_steps: int = Field(64, ge=1)
    """A step learns from per_device_train_batch_size x gradient_accumulation_steps rows, however many `processes` share
    them."""
    dtype: Literal["auto", "float32", "mixed", "bfloat16"] = "auto"
    """While it trains. mixed: float32 weights, multiplied in bfloat16, which `auto` takes where the machine can; on a
    CPU it is 1.4 times as fast and learns as well. bfloat16 weights lose most small steps."""
    seed: int | None = Field(None, ge=0, lt=2**32)
    """The recipe's by default."""
    trl: dict[str, Any] = Field({})
    """Every other setting of the stage's TRL config class, written in the stage itself."""
    trl_runtime: dict[str, Any] = runtime({})
    """Those of them that say how it runs."""
    device: Literal["auto", "cpu"] = runtime("auto")
    processes: int | None = runtime(None, ge=1)
    """Processes that train together; 1 without `accelerate`, else as many as there are GPUs."""
    accelerate: Annotated[str | None, BeforeValidator(_accelerate)] = runtime(None)
    """How processes share the model: ddp, fsdp, deepspeed_zero3, or an accelerate config file of your own; ddp where
    there are several."""
    save_steps: Annotated[float | None, AfterValidator(_whole_or_share)] = runtime(None, gt=0)
    """Steps between two checkpoints, a share of all steps when below 1; by default they are made every 10 minutes, and
    seldomer where they would take more than a twentieth of the time."""
    report_to: Annotated[tuple[Tracker, ...], BeforeValidator(_trackers)] = runtime(())
    """Trackers that are told of each step, beside the curves of the report."""
    logging_dir: str | None = runtime(None)
    """Where tensorboard's and trackio's logs are kept; the stage's own folder by default."""

    @classmethod
    def further(cls) -> list[str]:
        """The keys of TRL's that a recipe may write beside the stage's own."""
        return [name for name in signature.of(cls.TRAINER) if name not in {**DECIDED, **cls.DECIDES}]

    @model_validator(mode="wrap")
    @classmethod
    def _passed_on(cls, values: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        """The settings that are TRL's alone, moved into `trl` and `trl_runtime`; each mistake under its own key."""
        if not isinstance(values, dict):
            return handler(values)
        theirs, decided = signature.of(cls.TRAINER), {**DECIDED, **cls.DECIDES}
        own: dict[Any, str] = _spellings(cls)
        kept: dict[str, Any] = {}
        given: dict[Any, Any] = {}
        passed: dict[str, dict[str, Any]] = {name: {} for name in cls.PASSED}
        problems: Problems = []
        for key, value in values.items():
            if key in passed:
                problems.append(((key,), f"write {cls.TRAINER}'s settings in the stage itself, beside the others"))
            elif key in own and own[key] in given:
                problems.append(((key,), f"is '{given[own[key]]}', which is given too"))
            elif key in own or key not in theirs:
                kept[key] = value
                given[own.get(key, key)] = key
            elif key in decided:
                problems.append(((key,), f"is not a recipe's to set: {decided[key]}"))
            else:
                try:
                    passed["trl_runtime" if key in RUNTIME else "trl"][key] = _within(key, theirs[key].read(value))
                except ValueError as error:
                    problems.append(((key,), str(error)))
        try:
            made = handler({**kept, **passed})
        except ValidationError as error:
            if not problems:
                raise
            problems += problems_of(error, cls)
        if problems:
            raise Nested(problems)
        return made

    def check_training(self, check: Check) -> None:
        """That the processes which the recipe names can share a step, and the trackers are installed."""
        for at, name in enumerate(self.report_to):
            if importlib.util.find_spec(name) is None:
                check.wrong(("report_to", at), f"{name} is not installed: pip install {name}")
        optimizer = str(self.trl.get("optim", ""))
        module, package = next((need for part, need in OPTIMIZERS.items() if re.search(part, optimizer)), (None, None))
        if module and importlib.util.find_spec(module) is None:
            check.wrong(("optim",), f"{optimizer} needs a package that is not installed: pip install {package}")
        if self.trl.get("use_liger_kernel") and importlib.util.find_spec("liger_kernel") is None:
            check.wrong(("use_liger_kernel",), "needs a package that is not installed: pip install liger-kernel")
        if self.processes and self.gradient_accumulation_steps % self.processes:
            check.wrong(("processes",), cannot_share(self.gradient_accumulation_steps, self.processes))


def cannot_share(accumulation: int, processes: int) -> str:
    return (
        f"{processes} processes cannot share gradient_accumulation_steps {accumulation}: a step learns from the same "
        f"rows however many there are, so it has to be a multiple of them"
    )


def _within(name: str, value: Any) -> Any:
    """The value of a setting of TRL's; ValueError for a number that it cannot be."""
    if isinstance(value, int | float):
        if value < 0 and name not in BELOW_0:
            raise ValueError(f"should be 0 or above, not {value}")
        if name in SHARES and (value > 1 or (value == 1 and name.startswith("adam"))):
            raise ValueError(f"should be between 0 and 1, not {value}")
    return value


def _spellings(model: type[Base]) -> dict[str, str]:
    """The field that each key of a model's own stands for."""
    found: dict[str, str] = {}
    for name, declared in model.model_fields.items():
        also = declared.validation_alias
        choices = [str(choice) for choice in also.choices] if isinstance(also, AliasChoices) else []
        found |= dict.fromkeys((name, key_of(name, declared), *choices), name)
    return found
