"""Echo: answers with numbers of its seed after a while, several at once; a test's engine of a user's own file."""

import hashlib
import os
import time
from pathlib import Path

from datafactory.config import Base, runtime
from datafactory.engines import Output

VERSION = 1
WEIGHTS = True


class Config(Base):
    together: bool = False
    """Decode chunk by chunk, and say something else in another chunk."""
    delay: float = runtime(0.2)
    log: str = runtime("")
    """A file that tells who was asked what."""


def start(config, weights):
    return Echo(config)


class Echo:
    room = 4
    rendered = True

    def __init__(self, config):
        self.config = config
        self.batches = config.together

    def render(self, messages, prefill):
        return "\n".join(message["content"] for message in messages) + prefill

    def generate(self, feed):
        return self.in_batches(feed) if self.batches else self.streamed(feed)

    def streamed(self, feed):
        under_way = []
        while not (feed.closed and not len(feed) and not under_way):
            ends = time.monotonic() + self.config.delay
            under_way += [(ends, request) for request in self.logged(feed.take(4 - len(under_way)))]
            now = time.monotonic()  # once: between two looks an end could be missed
            done = [request for ends, request in under_way if ends <= now]
            under_way = [(ends, request) for ends, request in under_way if ends > now]
            yield [self.output(request, "") for request in done]
            time.sleep(0.01 if under_way else 0)

    def in_batches(self, feed):
        while not (feed.closed and not len(feed)):
            chunk = feed.chunk() or []
            if not chunk:
                yield []
            names = hashlib.sha256(" ".join(request.key for request in chunk).encode()).hexdigest()
            for start in range(0, len(chunk), 3):
                owed = [request for request in chunk[start : start + 3] if request.owed]
                while owed and not feed.admit(owed):
                    yield []
                if owed:
                    self.logged(owed)
                    time.sleep(self.config.delay)
                    yield [self.output(request, names) for request in owed]

    def output(self, request, beside):
        return Output(request.key, f"It is {request.seed % 7}. {beside}", "stop", 3, 5)

    def logged(self, requests):
        if self.config.log:
            with Path(self.config.log).open("a") as stream:
                stream.writelines(f"{request.key} {os.getpid()}\n" for request in requests)
        return requests

    def close(self):
        pass
