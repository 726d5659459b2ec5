"""Answers: what a server's JSON says, as outputs. What is not whole is Malformed, never half-read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from datafactory.engines import Output, Request
from datafactory.types import FinishReason

# the names of OpenAI, vLLM and SGLang, and those that other servers have for the same
FINISHED: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
}
WITHHELD = {
    "content_filter": "the server's content filter withheld the completion",
    "tool_calls": "the model called a tool instead of answering",
    "function_call": "the model called a tool instead of answering",
}
REASONING = ("reasoning", "reasoning_content", "thinking")
MOST_TOKENS = 1 << 31  # more is no count, and would be journaled as one


class Malformed(Exception):
    """Not the answer that the API promises; another attempt may give one."""


def read(body: bytes, requests: Sequence[Request]) -> tuple[str | None, list[Output], int | None]:
    """The model that answered, an output for each request from the first on, and the tokens of it all.

    There may be fewer outputs than requests: a server need not know `n`.
    """
    answer = parsed(body)
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Malformed(error_in(answer) or "an answer without `choices`")
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    several = len(requests) > 1 and len(choices) > 1
    outputs = [
        # a count for all is not one for each
        _output(request, choice, prompt, None if several else completion)
        for request, choice in zip(requests, choices, strict=False)
    ]
    model = answer.get("model")
    used = None if completion is None else (prompt or 0) + completion
    return model if isinstance(model, str) and model else None, outputs, used


def parsed(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("an answer that is no JSON") from error
    if not isinstance(answer, dict):
        raise Malformed("an answer that is no JSON object")
    return answer


def error_in(answer: dict[str, Any]) -> str | None:
    """What a server says has gone wrong, in whichever of the usual places."""
    error = answer.get("error") or answer.get("detail") or answer.get("message")
    if isinstance(error, dict):
        error = error.get("message") or error.get("code") or error.get("type")
    return " ".join(error.split()) if isinstance(error, str) else None


def _output(request: Request, choice: Any, prompt: int | None, completion: int | None) -> Output:
    if not isinstance(choice, dict):
        raise Malformed("a choice that is no JSON object")
    told = choice.get("finish_reason")
    if isinstance(told, str) and told in WITHHELD:
        return Output(request.key, "", "error", prompt, completion, error=WITHHELD[told])
    reason = FINISHED.get(told) if isinstance(told, str) else None
    if reason is None:
        raise Malformed(f"a completion with finish_reason {told!r:.40}")
    text, reasoning = _said(choice, bool(request.messages))
    if text is None and isinstance(refusal := (choice.get("message") or {}).get("refusal"), str) and refusal:
        return Output(request.key, "", "error", prompt, completion, error=f"the model refused: {refusal[:200]}")
    if text is None and reasoning is None and reason == "stop":
        raise Malformed("a completion without content")
    stop = next((found for key in ("stop_reason", "matched_stop") if (found := choice.get(key)) is not None), None)
    return Output(
        request.key,
        _sound(text or ""),
        reason,
        prompt,
        completion,
        None if reasoning is None else _sound(reasoning),
        stop if isinstance(stop, str) and stop in request.sampling.stop else None,
    )


def _said(choice: dict[str, Any], chat: bool) -> tuple[str | None, str | None]:
    """The text and the reasoning of a choice."""
    if not chat:
        text = choice.get("text")
        if not isinstance(text, str):
            raise Malformed("a completion without `text`")
        return text, None
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Malformed("a choice without `message`")
    apart = next((found for key in REASONING if (found := _text(message.get(key)))), None)
    content = message.get("content")
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict)]
        thought = [part for part in parts if part.get("type") in REASONING]
        said = [part for part in parts if part.get("type") in ("text", "output_text")]
        if len(thought) + len(said) < len(content):
            raise Malformed("a completion with content that is not text")
        inside = "".join(_text(part.get("thinking") or part) or "" for part in thought)
        return "".join(_text(part) or "" for part in said), apart or inside or None
    if content is not None and not isinstance(content, str):
        raise Malformed("a completion with content that is not text")
    return content, apart


def _text(value: Any) -> str | None:
    """The text in a value that may be a text, a part of a content, or a list of such."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_text(part) or "" for part in value)
    if isinstance(value, dict):
        named = (value.get(key) for key in ("text", "thinking", "content", "reasoning"))
        return next((found for inner in named if (found := _text(inner)) is not None), None)
    return None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS else None


def _sound(text: str) -> str:
    """Half of a surrogate pair, which JSON can spell and no file can hold, becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
