"""The account at the hub that a push goes by, and what its answers mean in a line.

A token is read from the environment or from what `hf auth login` keeps; it is in no message.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import Any, NoReturn, TypeVar

from datafactory import __version__
from datafactory.errors import StageError, UserError

T = TypeVar("T")
TOKEN = "HF_TOKEN"
WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds before a call is made again; the uploads wait alike (huggingface_hub's own)
PASSING = (408, 429, 500, 502, 503, 504)
AGAIN = "run the same push again, which uploads only what is missing"


@dataclass(frozen=True)
class Account:
    """The hub's API for that token; `called` makes a call again where its failure may pass."""

    api: Any
    endpoint: str
    token_from: str
    token: str | None = field(repr=False)

    def called(self, what: str, call: Callable[[], T]) -> T:
        """What the call gives; StageError in one line where it fails for good. `what` says what was tried."""
        from huggingface_hub.errors import HfHubHTTPError

        # httpx or httpx2, whichever this version of huggingface_hub speaks by
        network: Any = next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
        for wait in (*WAITS, None):
            try:
                return call()
            except (HfHubHTTPError, network, ConnectionError, JSONDecodeError) as error:
                status = getattr(getattr(error, "response", None), "status_code", None)
                if wait is None or (status is not None and status not in PASSING):
                    self.fail(what, error)
                time.sleep(wait)
            except ValueError as error:  # what the hub finds wrong with the card
                raise StageError(self._hidden(f"{what}: {' '.join(str(error).split())}")) from error
            except RuntimeError as error:  # what went wrong while a file was uploaded stands behind it
                self.fail(what, error.__cause__ or error)
        raise AssertionError

    def fail(self, what: str, error: BaseException) -> NoReturn:
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        said = getattr(error, "server_message", None) or str(error)
        raise StageError(self._hidden(f"{what}: {self._meaning(status, ' '.join(said.split()))}")) from error

    def _meaning(self, status: int | None, said: str) -> str:
        if status is None:
            return f"{self.endpoint} cannot be reached ({said[:200]}); {AGAIN}"
        if status == 401 and self.token is None:
            return f"the hub wants a token (401): set {self.token_from} to one with write access"
        if status == 401:
            return f"the hub does not take the token in {self.token_from} (401): make one with write access"
        if status in (402, 403):
            return f"the token in {self.token_from} may not do this ({status}): {said[:200]}"
        if status == 404:
            return f"the hub has no such dataset or revision, or does not show it to this token (404): {said[:200]}"
        if status in (409, 412):
            return f"the dataset was changed meanwhile ({status}); {AGAIN}"
        if status in PASSING:
            return f"the hub answered {status} again and again; {AGAIN}"
        return f"the hub answered {status}: {said[:300]}; {AGAIN}"

    def _hidden(self, text: str) -> str:
        return text.replace(self.token, "***") if self.token else text


def account(token_env: str) -> Account:
    """The account whose token is in that variable; where HF_TOKEN is empty, the one that is logged in."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.utils import disable_progress_bars

    if constants.HF_HUB_OFFLINE:
        raise UserError("HF_HUB_OFFLINE is set: nothing can be pushed; unset it")
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # its warnings hold addresses that are signed
    token = os.environ.get(token_env, "").strip() or (get_token() if token_env == TOKEN else None)
    endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
    api = HfApi(endpoint=endpoint, token=token or False, library_name="datafactory", library_version=__version__)
    return Account(api, endpoint, token_env, token)
