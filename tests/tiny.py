"""Tiny random models that plain transformers loads, built in a second: for tests that train or decode."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

torch.set_num_threads(
    1
)  # threads that wait for each other cost a tiny model more than they give, most on a busy machine

Architecture = Literal["qwen2", "llama", "qwen3", "deepseek_v3"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
OWN: dict[Architecture, dict[str, Any]] = {
    "qwen3": {"head_dim": 8},  # its own default is 128, whatever the heads share
    "deepseek_v3": {
        "num_key_value_heads": 4,  # latent attention has a key and a value for each head
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "qk_nope_head_dim": 8,
        "qk_rope_head_dim": 8,
        "v_head_dim": 8,
        "first_k_dense_replace": 1,  # a dense layer, and one of experts
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_shared_experts": 1,
        "n_group": 2,
        "topk_group": 1,
        "moe_intermediate_size": 32,
        "num_mtp_layers": 0,
    },
}
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = "What is the sum of 3 and 4? I add them and think: the answer is 7. <think> no, wait </think> yes, right."


def tiny_model(folder: Path, architecture: Architecture, **settings: Any) -> Path:
    """A model folder of some 40,000 random float32 weights, with a byte-level tokenizer and a ChatML template.

    settings stand in its config instead of the usual ones.
    """
    tokenizer = _tokenizer()
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,  # peaked enough that a token's choice is no accident of rounding
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **OWN.get(architecture, {}),
        **settings,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **shape))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # transformers reads a qwen2's with its own splitting of words: the file is to say what every reader does
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bare.train_from_iterator([TEXT], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHATML
    )
