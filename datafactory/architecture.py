"""Architecture: what a model's config.json says of its size, reckoned without its weights.

In   the config of a Llama, Qwen2, Qwen3, Mistral or DeepSeek-V3 model, as transformers saves it
Out  its weights, those that a token goes through, and the widths that its activations have
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DENSE = ("llama", "mistral", "qwen2", "qwen3")
LATENT = ("deepseek_v3",)
BIASED = ("qwen2",)  # its queries, keys and values have biases, whatever the config says
NORMED = ("qwen3",)  # its queries and keys are normalised, head by head


@dataclass(frozen=True)
class Architecture:
    """Sizes of a decoder.

    parameters  all weights; a matrix that is both embedding and head counts once
    active      those that a token is multiplied with: of experts the ones it is sent to, of embeddings the head alone
    attention   the width of all heads' queries, and `values` of their keys and values as they are kept
    inner       the width inside the MLP that a token goes through
    positions   max_position_embeddings
    """

    kind: str
    parameters: int
    active: int
    layers: int
    hidden: int
    attention: int
    values: int
    inner: int
    vocabulary: int
    positions: int | None


def architecture(config: Mapping[str, Any]) -> Architecture | None:
    """That of a config.json's content; None for a kind of model that is not known here."""
    kind = config.get("model_type")
    if kind not in (*DENSE, *LATENT):
        return None
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    heads, vocabulary = config["num_attention_heads"], config["vocab_size"]
    attention, queries, values = _attention(config, kind, hidden, heads)
    dense = 3 * hidden * config["intermediate_size"] + (_mlp_biases(config, hidden))
    whole, seen, inner = layers * dense, layers * dense, config["intermediate_size"]
    if kind in LATENT:
        experts, each = config["n_routed_experts"], 3 * hidden * config["moe_intermediate_size"]
        sparse = layers - min(layers, config["first_k_dense_replace"])
        shared = config["n_shared_experts"] * each + experts * hidden  # and the router
        whole = (layers - sparse) * dense + sparse * (experts * each + shared)
        seen = (layers - sparse) * dense + sparse * (config["num_experts_per_tok"] * each + shared)
        inner = max(
            inner, (config["num_experts_per_tok"] + config["n_shared_experts"]) * config["moe_intermediate_size"]
        )
    head = vocabulary * hidden
    body = layers * (attention + 2 * hidden) + hidden
    return Architecture(
        kind=kind,
        parameters=body + whole + head * (1 if config.get("tie_word_embeddings") else 2),
        active=body + seen + head,
        layers=layers,
        hidden=hidden,
        attention=queries,
        values=values,
        inner=inner,
        vocabulary=vocabulary,
        positions=config.get("max_position_embeddings"),
    )


def _attention(config: Mapping[str, Any], kind: str, hidden: int, heads: int) -> tuple[int, int, int]:
    """The weights of a layer's attention, the width of its queries, and that of its keys and values."""
    if kind in LATENT:
        rope, nope, value = config["qk_rope_head_dim"], config["qk_nope_head_dim"], config["v_head_dim"]
        rank, kept = config.get("q_lora_rank"), config["kv_lora_rank"]
        queries = heads * (rope + nope)
        asked = hidden * queries if rank is None else hidden * rank + rank + rank * queries
        held = hidden * (kept + rope) + kept + kept * heads * (nope + value)
        return asked + held + heads * value * hidden, queries, heads * (rope + nope + value)
    size = config.get("head_dim") or hidden // heads
    groups = config.get("num_key_value_heads") or heads
    queries, values = heads * size, 2 * groups * size
    weights = hidden * (queries + values) + queries * hidden
    if kind in BIASED or config.get("attention_bias"):
        weights += queries + values + (0 if kind in BIASED else hidden)
    if kind in NORMED:
        weights += 2 * size
    return weights, queries, values


def _mlp_biases(config: Mapping[str, Any], hidden: int) -> int:
    return 2 * config["intermediate_size"] + hidden if config.get("mlp_bias") else 0
