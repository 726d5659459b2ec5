"""Keys: read from the environment by the names that a recipe gives, sent in headers, and shown nowhere."""

from __future__ import annotations

import os
from collections.abc import Mapping

from datafactory.errors import StageError

HIDDEN = "***"


class Keys:
    """The headers that carry secrets, and what removes them from a text."""

    def __init__(self, api_key_env: str | None, headers_env: Mapping[str, str]):
        self.headers: dict[str, str] = {}
        self._secrets: list[str] = []
        if api_key_env:
            self.headers["authorization"] = f"Bearer {self._read(api_key_env, 'api_key_env')}"
        for header, variable in headers_env.items():
            self.headers[header.lower()] = self._read(variable, f"headers_env.{header}")

    def scrub(self, text: str) -> str:
        """The text without the keys: servers put what they were sent into their errors."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def _read(self, variable: str, setting: str) -> str:
        value = os.environ.get(variable, "").strip()
        if not value:
            raise StageError(f"the environment variable {variable}, which `{setting}` names, is not set")
        if not value.isascii() or not value.isprintable():
            raise StageError(f"the environment variable {variable} holds what cannot stand in an HTTP header")
        self._secrets.append(value)
        return value
