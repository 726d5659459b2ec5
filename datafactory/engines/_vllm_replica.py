"""One copy of a model under vLLM, in a process of its own: what is read from the channel is asked, and its end told.

In   a Setup, then lists of Ask; a list of numbers gives those up, and None ends it
Out  Ready once it is loaded, then lists of Ended; Failed where it cannot go on
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from datafactory.engines import Sampling
from datafactory.types import FinishReason

LOOK = 1.0  # seconds between two looks whether the build is still there
AT_A_STEP = 128  # requests added between two steps


@dataclass(frozen=True)
class Setup:
    """cores: the only ones it is to run on, where any are named."""

    arguments: dict[str, Any]
    lora: str | None
    cores: Sequence[int] = ()


@dataclass(frozen=True)
class Ask:
    number: int
    tokens: list[int]
    sampling: Sampling
    seed: int | None


@dataclass(frozen=True)
class Ended:
    number: int
    text: str = ""
    reason: FinishReason = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    stop: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Ready:
    """most: completions that it works on at once."""

    most: int


@dataclass(frozen=True)
class Failed:
    error: str


def main(handle: int) -> None:
    channel = Connection(handle)
    parent = os.getppid()
    inbox: SimpleQueue[Any] = SimpleQueue()
    outbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read, args=(channel, inbox, parent), daemon=True).start()
    writer = threading.Thread(target=_write, args=(channel, outbox), daemon=True)
    writer.start()
    setup: Setup = inbox.get()
    if setup.cores:
        os.sched_setaffinity(0, setup.cores)  # before anything starts a thread for each core
    try:
        _serve(setup, inbox, outbox)
    except Exception as error:
        import traceback

        traceback.print_exc()
        outbox.put(Failed(f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"))
    outbox.put(None)
    writer.join()


def _read(channel: Connection, inbox: SimpleQueue[Any], parent: int) -> None:
    """Apart from the steps, so that neither side waits for the other; with the build, all of this session ends."""
    try:
        while os.getppid() == parent:
            if channel.poll(LOOK):
                inbox.put(channel.recv())
    except (EOFError, OSError):
        pass
    os.killpg(0, signal.SIGKILL)


def _write(channel: Connection, outbox: SimpleQueue[Any]) -> None:
    while (message := outbox.get()) is not None:
        channel.send(message)


def _serve(setup: Setup, inbox: SimpleQueue[Any], outbox: SimpleQueue[Any]) -> None:
    from vllm import EngineArgs
    from vllm.lora.request import LoRARequest
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.llm_engine import LLMEngine

    # unlike in every copy and at every start: rollouts of one prompt must not draw from the same stream
    arguments = EngineArgs(seed=int.from_bytes(os.urandom(4), "big") >> 1, disable_log_stats=True, **setup.arguments)
    # the context decides vLLM's defaults for how much is computed at once: these are vllm.LLM's
    engine = LLMEngine.from_engine_args(arguments, usage_context=UsageContext.LLM_CLASS)
    lora = LoRARequest("adapter", 1, setup.lora) if setup.lora else None
    context = engine.vllm_config.model_config.max_model_len
    outbox.put(Ready(engine.vllm_config.scheduler_config.max_num_seqs))

    waiting: deque[Ask] = deque()
    while True:
        idle = not waiting and not engine.has_unfinished_requests()
        while idle or not inbox.empty():
            message = inbox.get()
            if message is None:
                return
            if isinstance(message[0], Ask):
                waiting.extend(message)
                idle = False
            else:
                gone = set(message)
                waiting = deque(ask for ask in waiting if ask.number not in gone)
                engine.abort_request([str(number) for number in message])
                idle = not waiting and not engine.has_unfinished_requests()
        ended = []
        for _ in range(min(AT_A_STEP, len(waiting))):
            ask = waiting.popleft()
            refused = _add(engine, ask, lora, context)
            if refused is not None:
                ended.append(Ended(ask.number, prompt_tokens=len(ask.tokens), error=refused))
        if engine.has_unfinished_requests():
            ended += [_ended(output) for output in engine.step() if output.finished]
        if ended:
            outbox.put(ended)


def _add(engine: Any, ask: Ask, lora: Any, context: int) -> str | None:
    """The request put to vLLM; why not, where it cannot be: one prompt of a million must not end the others."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    if len(ask.tokens) >= context:
        return f"the prompt has {len(ask.tokens):,} tokens; the model's context is {context:,}"
    sampling = ask.sampling
    try:
        params = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k or 0,
            min_p=sampling.min_p,
            max_tokens=sampling.max_tokens,
            stop=list(sampling.stop),
            seed=ask.seed,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        engine.add_request(str(ask.number), {"prompt_token_ids": ask.tokens}, params, lora_request=lora)
    except ValueError as error:
        return f"vLLM refuses it: {str(error).splitlines()[0]}"
    return None


def _ended(output: Any) -> Ended:
    completion = output.outputs[0]
    number, prompt = int(output.request_id), len(output.prompt_token_ids)
    if completion.finish_reason not in ("stop", "length"):
        return Ended(number, prompt_tokens=prompt, error=f"vLLM gave it up: {completion.finish_reason}")
    stop = completion.stop_reason if isinstance(completion.stop_reason, str) else None
    return Ended(number, completion.text, completion.finish_reason, prompt, len(completion.token_ids), stop)
