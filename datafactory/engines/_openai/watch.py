"""The watch: which servers of a model live. One that is silent is asked after, one that is down until it is back.

A server is given up when it stays silent, and what was under way there is given back. The stage ends where none has
given anything but trouble for longer than one waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from datafactory.engines._openai.asked import Asked
from datafactory.engines._openai.connection import Broken, Unreachable, Untrusted
from datafactory.engines._openai.keys import Keys
from datafactory.engines._openai.pacing import Backoff
from datafactory.engines._openai.server import Server
from datafactory.engines._openai.settings import Config
from datafactory.errors import StageError

FIRST = 15.0  # seconds for a server that never answered: it is not started, or the address is wrong
AT_WORK = 5.0  # seconds after which a request that was not turned away is being worked at
KEPT = "what arrived is kept"


class Watch:
    """`give_back` takes the requests of a server that was given up, `fail` what ends the stage."""

    def __init__(
        self,
        servers: Sequence[Server],
        settings: Config,
        keys: Keys,
        backoff: Backoff,
        give_back: Callable[[Asked], None],
        fail: Callable[[BaseException], None],
    ):
        self.loop = asyncio.get_running_loop()
        self.servers, self.settings, self.keys, self.backoff = servers, settings, keys, backoff
        self.give_back, self.fail = give_back, fail

    def listen(self, now: float) -> None:
        """Ask the servers that are silent whether they live, and give up those that stay so."""
        for server in self.servers:
            silent = now - server.last_sign if server.under_way and server.down is None else 0.0
            if silent > self.settings.silence:
                given = list(server.under_way)
                self.went_down(server, f"no sign of life in {self.settings.silence:g} s")
                for asked in given:
                    asked.under_way.pop(server).cancel()
                    server.leave(asked)
                    self.give_back(asked)
            elif silent > self.settings.silence / 3:
                self.ask_after(server)

    def ask_after(self, server: Server) -> None:
        """Whether it lives, unless that is being asked already."""
        if server.down is None and (server.probe is None or server.probe.done()):
            self._probe(server, self._models(server))

    def went_down(self, server: Server, said: str) -> None:
        server.bad(said, self.loop.time())
        if server.down is None:
            server.outages += 1
            server.down = said
            self._probe(server, server.revive(self.backoff))

    def demand_life(self, now: float) -> None:
        """The stage ends where no server has given anything but trouble for longer than one waits."""
        for server in self.servers:
            if server.trouble is None or any(now - asked.began > AT_WORK for asked in server.under_way):
                return
            patience = self.settings.patience if server.answered else min(FIRST, self.settings.patience)
            if now - server.trouble < patience:
                return
        said = {server.down or server.said for server in self.servers}
        where = " or ".join(server.url for server in self.servers)
        start = "start it and build again" if any(server.down for server in self.servers) else "build again to go on"
        said_all = self.keys.scrub("; ".join(sorted(said)))
        self.fail(StageError(f"no server at {where} answers ({said_all}); {KEPT}: {start}"))

    def ended(self, task: asyncio.Task[None]) -> None:
        """To be called when a task has ended: what it raised is a bug, which must not look like a wait."""
        if not task.cancelled() and (error := task.exception()):
            self.fail(error)

    def _probe(self, server: Server, asking: Coroutine[Any, Any, None]) -> None:
        if server.probe and server.probe is not asyncio.current_task():
            server.probe.cancel()
        server.probe = self.loop.create_task(asking)
        server.probe.add_done_callback(self.ended)

    async def _models(self, server: Server) -> None:
        try:
            await server.models(self.settings.silence)
        except Unreachable as error:
            self.went_down(server, str(error))
        except (Broken, Untrusted, TimeoutError):
            pass  # silence tells
