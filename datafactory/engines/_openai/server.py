"""A server of the model: what is under way there, how wide it is, and whether it lives."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from datafactory.engines._openai.answer import Malformed, parsed
from datafactory.engines._openai.asked import Asked
from datafactory.engines._openai.connection import Broken, Connections, Reply, Unreachable, Untrusted
from datafactory.engines._openai.pacing import Backoff, Width

PROBE = 10.0  # seconds that a question for a server's models may take
GATEWAY = (502, 503, 504)  # there is a proxy, and nobody behind it
CONTINUE = (
    "vllm",
    "sglang",
)  # servers that can go on behind the beginning of an answer, as their list of models names them


class Server:
    """
    answered   whether it ever sent a reply of any kind
    down       why it cannot be reached, while it cannot
    trouble    since when it has given nothing but trouble
    strikes    replies in a row that were no completions
    outages    how often it went down
    last_good  when its last completion came, last_sign its last reply
    continues  whether it can go on behind the beginning of an answer, once that is known
    """

    def __init__(self, url: str, headers: dict[str, str], width: int, now: float):
        self.url = url
        self.connections = Connections(url, headers)
        self.width = Width(width)
        self.under_way: set[Asked] = set()
        self.load = 0
        self.paused_until = 0.0
        self.answered = False
        self.down: str | None = None
        self.trouble: float | None = None
        self.said = ""
        self.strikes = 0
        self.outages = 0
        self.last_good = 0.0
        self.last_sign = now
        self.continues: bool | None = None
        self.probe: asyncio.Task[None] | None = None

    def room(self, now: float) -> bool:
        return self.down is None and self.paused_until <= now and self.load < int(self.width.limit)

    def take(self, asked: Asked, now: float) -> None:
        if not self.under_way:
            self.last_sign = max(self.last_sign, now)  # silence counts from a question on
        self.under_way.add(asked)
        self.load += len(asked.requests)

    def leave(self, asked: Asked) -> None:
        if asked in self.under_way:
            self.under_way.remove(asked)
            self.load -= len(asked.requests)

    def good(self, now: float) -> None:
        self.width.good()
        self.trouble, self.strikes, self.last_good = None, 0, now

    def bad(self, said: str, now: float) -> None:
        self.trouble = now if self.trouble is None else self.trouble
        self.said = said
        self.strikes += 1

    def pause(self, seconds: float, now: float) -> None:
        self.paused_until = max(self.paused_until, now + seconds)

    async def models(self, within: float) -> Reply:
        """Its reply to the question for its models, a sign that it lives whatever it says."""
        reply = await self.connections.ask("GET", "/models", b"", within)
        if reply.status not in GATEWAY:
            self.answered, self.last_sign = True, asyncio.get_running_loop().time()
        if reply.status == 200:
            with suppress(Malformed):
                cards = parsed(reply.body).get("data")
                owners = {str(card.get("owned_by")).lower() for card in cards or () if isinstance(card, dict)}
                self.continues = bool(owners & set(CONTINUE))
        return reply

    async def revive(self, backoff: Backoff) -> None:
        """Ask again and again, until it lives."""
        attempt = 0
        while self.down is not None:
            attempt += 1
            await asyncio.sleep(min(3.0, backoff.after(attempt)))
            try:
                reply = await self.models(PROBE)
            except (Unreachable, Untrusted, Broken) as error:
                self.down = str(error)
            except TimeoutError:
                self.down = f"no reply in {PROBE:g} s"
            else:
                if reply.status not in GATEWAY:
                    self.down, self.trouble, self.strikes, self.paused_until = None, None, 0, 0.0
