"""The dispatch: requests to the servers of a model, in an event loop of its own; each is answered exactly once.

The least loaded server gets the next. What fails for a reason of its own is asked again `retries` times; what fails
because its server is overloaded, or gone, waits for it, or goes to another. A request that takes much longer than
others is put to a second server where one has nothing else to do; the first answer counts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median

from datafactory.engines import Output
from datafactory.engines._openai.answer import Malformed, read
from datafactory.engines._openai.asked import Asked, Wording
from datafactory.engines._openai.connection import Broken, Unreachable, Untrusted
from datafactory.engines._openai.keys import Keys
from datafactory.engines._openai.naming import same_model
from datafactory.engines._openai.pacing import Allowance, Backoff, retry_after
from datafactory.engines._openai.server import PROBE, Server
from datafactory.engines._openai.settings import Config
from datafactory.engines._openai.turned import BUSY, turned
from datafactory.engines._openai.watch import KEPT, Watch
from datafactory.errors import StageError

TICK = 0.25  # seconds between two looks at the servers
SEEN = 16  # completions after which it is known how long one takes
LONGEST_ERROR = 300
ENOUGH = (
    "vLLM or SGLang, which can go on behind the beginning of an answer; where it can, set `prefill: continue` or "
    "`prefill: message` for the model"
)


class Dispatch:
    """Lives in its loop; `out` takes outputs, `fail` what ends the stage."""

    def __init__(
        self,
        settings: Config,
        wording: Wording,
        keys: Keys,
        out: Callable[[list[Output]], None],
        fail: Callable[[BaseException], None],
    ):
        self.loop = asyncio.get_running_loop()
        self.settings, self.wording, self.keys = settings, wording, keys
        self.out, self.fail = out, fail
        now = self.loop.time()
        self.servers = [Server(url, keys.headers, settings.concurrency, now) for url in settings.base_url]
        self.allowance = Allowance(settings.requests_per_minute, settings.tokens_per_minute)
        self.backoff = Backoff(settings.backoff)
        give_back = partial(self._back, server=None, delay=0.0)
        self.watch = Watch(self.servers, settings, keys, self.backoff, give_back, fail)
        self.pending: deque[Asked] = deque()
        self.together = True  # no server has refused `n` so far
        self.unkept = 0  # outputs that were given out and are not in the journal: a kill would lose them
        self.names = {settings.model, settings.served_as or settings.model}
        self._later: asyncio.TimerHandle | None = None
        self._durations: deque[float] = deque(maxlen=256)
        self._delayed: dict[Asked, asyncio.TimerHandle] = {}
        self._tick()

    @property
    def room(self) -> int:
        """How many completions the servers take at once."""
        return sum(int(server.width.limit) for server in self.servers)

    def put(self, asked: Iterable[Asked], kept: int = 0) -> None:
        """Further requests; so many more of the outputs are in the journal."""
        self.unkept -= kept
        self.pending.extend(asked)
        self.pump()

    def pump(self) -> None:
        """What waits goes out, as far as there is room for it."""
        while self.pending and sum(server.load for server in self.servers) + self.unkept < self.room:
            now = self.loop.time()
            server = self._freest(now, self.pending[0].last)
            if server is None:
                return
            wait = self.allowance.wait(now)
            if wait > 0:
                if self._later is None or self._later.cancelled() or self._later.when() <= now:
                    self._later = self.loop.call_later(wait, self.pump)
                return
            self._begin(self.pending.popleft(), server)

    def close(self) -> None:
        for server in self.servers:
            server.connections.close()

    def _freest(self, now: float, but: Server | None = None) -> Server | None:
        """The server with room that has the least to do; not the one that just failed, where there is another."""
        free = [server for server in self.servers if server.room(now)]
        if len(free) > 1:
            free = [server for server in free if server is not but]
        return min(free, key=lambda server: server.load / server.width.limit, default=None)

    def _begin(self, asked: Asked, server: Server) -> None:
        now = self.loop.time()
        asked.began = now
        asked.taken = self.allowance.use(now, asked.prompt_tokens, asked.longest)
        server.take(asked, now)
        task = asked.under_way[server] = self.loop.create_task(self._put(asked, server, now))
        task.add_done_callback(self.watch.ended)

    async def _put(self, asked: Asked, server: Server, began: float) -> None:
        try:
            went_on = await self._ask(asked, server, began)
        finally:
            server.leave(asked)
            asked.under_way.pop(server, None)
        if not asked.done:
            went_on()
        self.pump()

    async def _ask(self, asked: Asked, server: Server, began: float) -> Callable[[], None]:
        """What is to be done about a request, once its server has said something or nothing."""
        try:
            if asked.continues and self.wording.prefill == "auto" and not server.continues:
                reply = await server.models(PROBE)
                if reply.status in BUSY:
                    return partial(self._busy, asked, server, f"HTTP {reply.status}", None, began, reply.status)
                if not server.continues:
                    return partial(self._stop, f"{server.url} does not say that it is {ENOUGH}")
            within = self.settings.timeout
            reply = await server.connections.ask("POST", asked.path, self.wording.body(asked.requests), within)
        except Untrusted as error:
            return partial(self._stop, f"{server.url} shows a certificate that is not to be trusted: {error}")
        except Unreachable as error:
            return partial(self._unreachable, asked, server, str(error))
        except Broken as error:
            return partial(self._broken, asked, server, str(error))
        except TimeoutError:
            return partial(self._timed_out, asked, server, began)
        now = self.loop.time()
        server.answered, server.last_sign = True, now
        if reply.status != 200:
            meant = turned(reply.status, reply.headers, reply.body)
            said = self.keys.scrub(meant.text)[:LONGEST_ERROR]
            if meant.meaning == "ended":
                return partial(self._stop, f"{server.url}{asked.path} answers {said}")
            if meant.meaning == "row":
                return partial(self._row, asked, said)
            if meant.meaning == "busy":
                return partial(self._busy, asked, server, said, retry_after(reply.headers), began, reply.status)
            return partial(self._again, asked, server, said)
        try:
            model, outputs, used = read(reply.body, asked.requests)
        except Malformed as error:
            return partial(self._again, asked, server, self.keys.scrub(str(error))[:LONGEST_ERROR])
        if model is not None and model not in self.names:
            if self.settings.served_as or not same_model(self.settings.model, model):
                model = self.keys.scrub(model)[:100]
                asked_for = self.settings.served_as or self.settings.model
                return partial(
                    self._stop,
                    f"{server.url} was asked for {asked_for} and answers as {model}; if that is the same, set "
                    f"`served_as: {model}` for the model",
                )
            self.names.add(model)
        server.good(now)
        self._durations.append(now - began)
        self.allowance.arrived(asked.taken, used, _completion(outputs))
        return partial(self._answered, asked, outputs)

    # what becomes of a request

    def _answered(self, asked: Asked, outputs: list[Output]) -> None:
        left = asked.requests[len(outputs) :]
        self._done(asked, [self._scrubbed(output) for output in outputs])
        if left or (asked.split and len(outputs) == 1):
            self.together = False  # the server does not know `n`
        self.pending.extendleft(Asked((request,)) for request in reversed(left))

    def _row(self, asked: Asked, said: str) -> None:
        if len(asked.requests) > 1:  # it may be one of them, or the server has no `n`
            asked.done = True
            self.pending.extendleft(Asked((request,), split=True) for request in reversed(asked.requests))
        else:
            self._error(asked, said)

    def _again(self, asked: Asked, server: Server, said: str) -> None:
        now = self.loop.time()
        server.bad(said, now)
        if len(self.servers) > 1 and server.strikes > 3:  # it fails at once, and would draw everything to it
            server.pause(self.backoff.after(server.strikes - 3), now)
        asked.attempts += 1
        if asked.attempts > self.settings.retries:
            self._error(asked, f"{said} ({asked.attempts} attempts)")
        else:
            self._back(asked, server, self.backoff.after(asked.attempts))

    def _busy(self, asked: Asked, server: Server, said: str, wait: float | None, began: float, status: int) -> None:
        now = self.loop.time()
        asked.turned = now if asked.turned is None else asked.turned
        if server.last_good > asked.turned and status != 429:  # it works for others
            asked.attempts += 1
        others = any(each is not server and each.down is None and each.paused_until <= now for each in self.servers)
        if wait is not None and wait > self.settings.patience and not others:
            self._stop(f"{server.url} asks to wait {wait:,.0f} s, longer than `patience`: {said}")
        elif asked.attempts > 2 * self.settings.retries or now - asked.turned > self.settings.patience + 1:
            self._error(asked, f"{said} (for {now - asked.turned:,.0f} s)")
        else:
            first = began >= server.paused_until  # those that went out together are turned away together
            if first:
                server.bad(said, now)
            server.width.overloaded(began, now)
            if wait is not None:
                server.pause(wait, now)
            elif first:
                server.pause(self.backoff.after(server.strikes), now)
            self._back(asked, None, 0.0)

    def _timed_out(self, asked: Asked, server: Server, began: float) -> None:
        server.width.overloaded(began, self.loop.time())
        self._again(asked, server, f"no answer in {self.settings.timeout:g} s")

    def _broken(self, asked: Asked, server: Server, said: str) -> None:
        """Whether it was the server's end or this request's fault shows once the server is asked for its models."""
        server.bad(said, self.loop.time())
        asked.attempts += 1
        asked.crashed = (server, server.outages, said)
        self.watch.ask_after(server)
        self._back(asked, server, self.backoff.after(asked.attempts))

    def _unreachable(self, asked: Asked, server: Server, said: str) -> None:
        self.watch.went_down(server, said)
        self._back(asked, None, 0.0)

    def _back(self, asked: Asked, server: Server | None, delay: float) -> None:
        """To those that wait, unless another server is at work on it."""
        if asked.done or asked.under_way:
            return
        asked.last = server
        self._delayed[asked] = self.loop.call_later(delay, self._returns, asked)

    def _returns(self, asked: Asked) -> None:
        del self._delayed[asked]
        if asked.crashed:
            server, outages, said = asked.crashed
            asked.crashed = None
            if server.outages > outages:
                asked.attempts -= 1
            elif asked.attempts > self.settings.retries:
                self._error(asked, f"{said} ({asked.attempts} attempts)")
                return
        self.pending.appendleft(asked)
        self.pump()

    def _error(self, asked: Asked, said: str) -> None:
        if not asked.under_way:
            self._done(asked, [Output(request.key, "", "error", error=said) for request in asked.requests])

    def _done(self, asked: Asked, outputs: list[Output]) -> None:
        asked.done = True
        for task in asked.under_way.values():
            task.cancel()
        self.unkept += len(outputs)
        self.out(outputs)

    def _scrubbed(self, output: Output) -> Output:
        if output.error is None:
            return output
        return Output(
            output.key, "", "error", output.prompt_tokens, output.completion_tokens, error=self.keys.scrub(output.error)
        )

    def _stop(self, said: str) -> None:
        self.fail(StageError(f"{self.keys.scrub(said)}; {KEPT}"))

    def _tick(self) -> None:
        now = self.loop.time()
        self.watch.listen(now)
        if self.pending or self._delayed or any(server.under_way for server in self.servers):
            self.watch.demand_life(now)
        self._second_servers(now)
        self.pump()
        self.loop.call_later(TICK, self._tick)

    def _second_servers(self, now: float) -> None:
        """What takes much longer than others is put to another server too, where one has nothing else to do."""
        factor = self.settings.straggler
        if factor is None or len(self.servers) < 2 or self.pending or len(self._durations) < SEEN:
            return
        late = now - factor * median(self._durations)
        for server in self.servers:
            for asked in [asked for asked in server.under_way if asked.began < late and len(asked.under_way) == 1]:
                other = self._freest(now, server)
                if other is None or other is server or self.allowance.wait(now):
                    return
                self._begin(asked, other)


def _completion(outputs: list[Output]) -> int | None:
    counts = [output.completion_tokens for output in outputs]
    return None if None in counts else sum(count or 0 for count in counts)
