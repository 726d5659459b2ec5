"""What a reply other than 200 means: for one request, for a server, or for the whole stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from datafactory.engines._openai.answer import Malformed, error_in, parsed

# row    this request cannot be answered: others can
# again  this request failed, and may not at another attempt
# busy   the server has no room for now
# ended  no request will be answered
Meaning = Literal["row", "again", "busy", "ended"]
BUSY = (429, 502, 503, 504, 529)
ROW = (400, 413, 414, 422)
ENDED = {
    401: "the key was not accepted; `api_key_env` names the environment variable that holds it",
    402: "the account has no credit",
    403: "access is refused; `api_key_env` names the environment variable that holds the key",
    404: "check `base_url`, which mostly ends in /v1, and `model`",
    405: "check `base_url`, which mostly ends in /v1",
}


@dataclass(frozen=True)
class Turned:
    meaning: Meaning
    text: str


def turned(status: int, headers: Mapping[str, str], body: bytes) -> Turned:
    said, spent = _said(body)
    text = f"HTTP {status}{f': {said}' if said else ''}"
    if 300 <= status < 400:
        return Turned("ended", f"HTTP {status}: it redirects to {headers.get('location', 'nowhere')}; give that place")
    if status in ENDED:
        return Turned("ended", f"{text}: {ENDED[status]}")
    if status == 429 and spent:
        return Turned("ended", text)
    if status in BUSY:
        return Turned("busy", text)
    return Turned("row" if status in ROW else "again", text)


def _said(body: bytes) -> tuple[str, bool]:
    """The message of an error, and whether it says that the quota is used up, which no waiting mends."""
    try:
        answer = parsed(body)
    except Malformed:
        return " ".join(body[:2000].decode("utf-8", "replace").split()), False
    error = answer.get("error")
    codes = [error.get("code"), error.get("type")] if isinstance(error, dict) else []
    return error_in(answer) or "", "insufficient_quota" in codes
