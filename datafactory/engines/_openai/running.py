"""The dispatch in a thread of its own: servers are kept busy while the stage journals and verifies.

Outputs are handed over some milliseconds' worth at a time, since each waking of a thread costs as much as a request.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence

from datafactory.engines import Output, Request
from datafactory.engines._openai.asked import grouped
from datafactory.engines._openai.dispatch import Dispatch

TOGETHER = 0.004  # seconds that an output may wait for others
MOST = 16  # outputs that wait together
PART = 16  # of what the servers take at once, that waits together: requests wait for it in turn
END = 5.0  # seconds that the thread may take to end

Make = Callable[[Callable[[list[Output]], None], Callable[[BaseException], None]], Dispatch]


class Running:
    def __init__(self, make: Make, together: bool):
        self.under_way = 0
        self._given = 0  # outputs that the stage has, and has journaled once it asks for more
        self.failure: BaseException | None = None
        self._together = together
        self._make = make
        self._made: list[Output] = []
        self._handed: deque[list[Output]] = deque()
        self._woken = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="datafactory-openai", daemon=True)
        self._thread.start()
        self._begun.wait()

    @property
    def room(self) -> int:
        """How many more are wanted: what the servers take, and half as much that waits for them."""
        return max(8, self.dispatch.room * 3 // 2) - self.under_way

    def put(self, requests: Sequence[Request]) -> None:
        """More requests; what `outputs` gave the last time is in the journal by now."""
        if requests or self._given:
            self.under_way += len(requests)
            asked = grouped(requests, self._together and self.dispatch.together)
            self.loop.call_soon_threadsafe(self.dispatch.put, asked, self._given)
            self._given = 0

    def outputs(self, within: float) -> list[Output]:
        """What arrived, as soon as there is anything; raises what ended the dispatch, once all that arrived is out."""
        if not self._handed and not self.failure:
            self._woken.wait(within)
        self._woken.clear()
        outputs: list[Output] = []
        while self._handed:
            outputs += self._handed.popleft()
        self.under_way -= len(outputs)
        self._given += len(outputs)
        if self.failure and not outputs:
            raise self.failure
        return outputs

    def close(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(END)

    # in the thread

    def _run(self) -> None:
        self.loop = asyncio.new_event_loop()
        try:
            self.loop.run_until_complete(self._begin())
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(self._end())
            self.loop.close()

    async def _begin(self) -> None:
        try:
            self.dispatch = self._make(self._out, self._fail)
        finally:
            self._begun.set()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.dispatch.close()
        await asyncio.sleep(0)  # transports say goodbye

    def _out(self, outputs: list[Output]) -> None:
        if not self._made:
            self.loop.call_later(TOGETHER, self._hand)
        self._made += outputs
        # in a burst the loop does not come to it for long
        if len(self._made) >= min(MOST, self.dispatch.room / PART):
            self._hand()

    def _hand(self) -> None:
        if self._made:
            self._handed.append(self._made)
            self._made = []
        self._woken.set()

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            self._hand()
            self.failure = error
            self._woken.set()
