"""Conversation: messages to a program that runs, and from it.

In   bytes to send
Out  bytes received; at the end the run's Outcome
Use  with sandbox.talk(["python3", "player.py"]) as program: program.send(b"3"); move = program.receive(1.0, 64)

A message is its length as four bytes, the most significant first, and then itself. The program reads and writes them on
the file whose number is in the environment variable SANDBOX_CHANNEL, a stream socket. Its stdin is empty; what it
prints is in the outcome, as of any run. Two programs talk to each other through whoever holds both conversations.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from datafactory.sandbox.outcome import Outcome

HEAD = 4
PATIENCE = 0.5  # seconds that a program has to end by itself once nobody talks to it


class Conversation:
    def __init__(self, channel: socket.socket, ended_within: Callable[[float], Outcome]):
        self._channel, self._ended_within = channel, ended_within
        self._outcome: Outcome | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, message: bytes, timeout: float = 10.0) -> bool:
        """Whether the program took it, or there was room for it: one that reads nothing holds nobody up."""
        self._channel.settimeout(timeout)
        try:
            self._channel.sendall(len(message).to_bytes(HEAD, "big") + message)
        except OSError:
            return False
        return True

    def receive(self, timeout: float, at_most: int = 1 << 20) -> bytes | None:
        """The next message. None when none came in time, when the program ended, or when it announced more than
        `at_most` bytes; the conversation is over then, and the outcome tells how the program ended."""
        deadline = time.monotonic() + timeout
        head = self._exactly(HEAD, deadline)
        if head is None or (size := int.from_bytes(head, "big")) > at_most:
            return None
        return self._exactly(size, deadline)

    def close(self) -> Outcome:
        """Hang up: a program that does not end by that is ended."""
        if self._outcome is None:
            self._channel.close()
            self._outcome = self._ended_within(PATIENCE)
        return self._outcome

    def _exactly(self, size: int, deadline: float) -> bytes | None:
        text = bytearray()
        while len(text) < size:
            left = deadline - time.monotonic()
            if left <= 0 and text:  # a byte at a time does not stretch it
                return None
            try:
                self._channel.settimeout(max(0.001, left))
                part = self._channel.recv(min(size - len(text), 1 << 16))
            except OSError:
                return None
            if not part:
                return None
            text += part
        return bytes(text)
