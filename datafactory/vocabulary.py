"""A vocabulary cut short: a tokenizer's first tokens alone, as it would be had its training ended there.

A byte-level BPE numbers its tokens in the order in which training merged them, so that any beginning of the list that
holds the single bytes is a tokenizer of the same text, with longer output. Special tokens are kept, wherever they
stand.
"""

from __future__ import annotations

import json
from typing import Any

from datafactory.errors import StageError


def cut(tokenizer: Any, size: int) -> Any:
    """The tokenizer with `size` of its tokens; StageError where it is no byte-level BPE, or has no such number."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    if not tokenizer.is_fast:
        raise StageError("only the vocabulary of a fast tokenizer can be cut")
    whole = json.loads(tokenizer.backend_tokenizer.to_str())
    model = whole["model"]
    if model["type"] != "BPE" or "ByteLevel" not in json.dumps(whole["pre_tokenizer"]):
        raise StageError("only the vocabulary of a byte-level BPE can be cut")
    added = {token["content"]: token["id"] for token in whole["added_tokens"]}
    ordinary = sorted((place, token) for token, place in model["vocab"].items() if token not in added)
    least = len(added) + sum(len(token) == 1 for _, token in ordinary)
    if not least <= size <= len(added) + len(ordinary):
        raise StageError(f"a vocabulary of {size} cannot be cut: from {least} to {len(added) + len(ordinary)} can")
    # the single bytes first: not every tokenizer numbers them so
    ordinary.sort(key=lambda entry: (len(entry[1]) > 1, entry[0]))
    kept = ordinary[: size - len(added)]
    order = [token for _, token in sorted([*kept, *((place, token) for token, place in added.items())])]
    places = {token: place for place, token in enumerate(order)}
    model["vocab"] = {token: place for token, place in places.items() if token in model["vocab"]}
    model["merges"] = [pair for pair in model["merges"] if {*pair, "".join(pair)} <= model["vocab"].keys()]
    for token in whole["added_tokens"]:
        token["id"] = places[token["content"]]
    for template in _templates(whole["post_processor"]):
        for special in template["special_tokens"].values():
            special["ids"] = [places[token] for token in special["tokens"]]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(whole)),
        chat_template=tokenizer.chat_template,
        model_max_length=tokenizer.model_max_length,
        **tokenizer.special_tokens_map,
    )


def _templates(processor: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The post-processors that put special tokens, which they name by id."""
    if processor is None:
        return []
    inner = [found for each in processor.get("processors", []) for found in _templates(each)]
    return [processor, *inner] if "special_tokens" in processor else inner
