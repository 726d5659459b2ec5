"""The settings of the engine `openai`."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from datafactory.budget import Price
from datafactory.config import Base, runtime
from datafactory.errors import UserError

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
OURS = {
    "model": "`model`",
    "messages": "the stage's `prompt`",
    "prompt": "the stage's `prompt`",
    "n": "`n`",
    "seed": "`seed`",
    "stream": "nothing: an answer is read whole",
    "continue_final_message": "`prefill`",
    "add_generation_prompt": "`prefill`",
}
SAMPLED = ("temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "stop")


def _url(value: str) -> str:
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError as error:
        raise UserError(f"is no address: {error}") from None
    if "@" in url.netloc:  # not shown: it holds a password
        raise UserError("holds a user or a password; name the environment variable of a key in `api_key_env`")
    if url.scheme not in ("http", "https") or not url.hostname or not url.netloc.isascii():
        raise ValueError("should be an address such as http://localhost:8000/v1")
    if any(value.rstrip("/").endswith(end) for end in ("/completions", "/models")):
        raise ValueError("should end before /chat/completions, as in http://localhost:8000/v1")
    return value


def _urls(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _variable(value: Any) -> Any:
    if isinstance(value, str) and not VARIABLE.match(value):  # not shown: it may be the key itself
        raise UserError("should be the name of an environment variable, as OPENAI_API_KEY, and never the key itself")
    return value


def _header(value: str) -> str:
    if not HEADER.match(value):
        raise ValueError("should be the name of a header")
    return value


Variable = Annotated[str, BeforeValidator(_variable)]


class Config(Base):
    model: str = Field(min_length=1)
    """The name under which the server has the model."""
    base_url: Annotated[
        tuple[Annotated[str, AfterValidator(_url)], ...], BeforeValidator(_urls), Field(min_length=1)
    ] = runtime(("http://localhost:8000/v1",))
    """The server, up to what stands before /chat/completions; a list where several have the model."""
    api_key_env: Variable | None = runtime(None)
    """The name of the environment variable that holds the key, as OPENAI_API_KEY; the key itself is never written."""
    headers_env: dict[Annotated[str, AfterValidator(_header)], Variable] = runtime({})
    """Further headers, each with the name of the environment variable that holds its value."""
    seed: bool = True
    """Send each rollout's own seed. False for servers that do not take one, and to let rollouts share a request."""
    n: bool | Literal["auto"] = runtime("auto")
    """Whether rollouts of one prompt that wait together go as one request, its `n`, which hosted servers ask to be paid
    for the prompt once. A server draws all of them from one seed, so it goes with `seed: false`, and `auto` is that."""
    prefill: Literal["auto", "continue", "message"] = "auto"
    """How a server is made to go on behind the beginning of an answer: `continue` by continue_final_message, which vLLM
    and SGLang have; `message` by its being the last message, which some hosted servers take so. `auto` is `continue`
    where the server says that it is vLLM or SGLang, and else an error."""
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = runtime("max_tokens")
    """What a chat server calls the longest completion."""
    extra_body: dict[str, Any] = Field({})
    """What else stands in each request, as {chat_template_kwargs: {enable_thinking: true}}."""
    served_as: str | None = runtime(None)
    """The name that answers carry, where it is another than `model`; answers of any other model end the stage."""
    concurrency: int = runtime(256, ge=1)
    """Completions under way at once, at each server; fewer while it turns requests away."""
    requests_per_minute: int | None = runtime(None, ge=1)
    """At most so many, evenly, over all servers."""
    tokens_per_minute: int | None = runtime(None, ge=1)
    """At most so many, of prompts and completions, evenly, over all servers."""
    timeout: float = runtime(1800.0, gt=0)
    """Seconds that one answer may take."""
    silence: float = runtime(60.0, gt=0)
    """Seconds without any sign of a server, to a question for its models neither, after which it counts as gone."""
    patience: float = runtime(300.0, ge=0)
    """Seconds to wait for a server that is gone or turns everything away; 15 at most for one that never answered."""
    retries: int = runtime(5, ge=0)
    """How often a request that failed is asked again."""
    backoff: float = runtime(0.5, gt=0)
    """Seconds before it is asked again, at first; about twice as many each further time."""
    straggler: float | None = runtime(4.0, gt=1)
    """With several servers: a request that takes so many times as long as half of them do is put to a second server,
    where one has nothing else to do. null: never."""
    price: Price | None = runtime(None)
    """What a million tokens cost: {prompt: 0.55, completion: 2.19}."""

    @model_validator(mode="after")
    def _sound(self) -> Config:
        if self.n is True and self.seed:
            raise ValueError("`n: true` goes with `seed: false`: a server draws all of a request from one seed")
        for name in self.extra_body:
            if name in OURS or name in SAMPLED:
                raise ValueError(f"extra_body.{name} is set by {OURS.get(name) or 'the `sampling` of a stage'}")
        try:
            json.dumps(self.extra_body, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"extra_body has no JSON: {error}") from error
        return self
