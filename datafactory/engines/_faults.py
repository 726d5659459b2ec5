"""Faults: the shares of a scripted model's requests that go wrong, each drawn by the rollout's seed."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field, model_validator

from datafactory.config import Base, runtime
from datafactory.engines import Output
from datafactory.engines._draws import drawn, place_in

SLOWER = 10  # times the latency of a slow request


class Faults(Base):
    error: float = Field(0.0, ge=0, le=1)
    """No completion, at every attempt: such rows end with finish_reason `error`."""
    flaky: float = Field(0.0, ge=0, le=1)
    """No completion at this attempt; each build draws anew, so that another one gets there."""
    length: float = Field(0.0, ge=0, le=1)
    """Cut somewhere before its end, with finish_reason `length`."""
    empty: float = Field(0.0, ge=0, le=1)
    """An empty text, with finish_reason `stop`."""
    slow: float = runtime(0.0, ge=0, le=1)
    """Ten times the latency."""

    @model_validator(mode="after")
    def _shares(self) -> Faults:
        total = self.error + self.flaky + self.length + self.empty
        if total > 1 + 1e-9:
            raise ValueError(f"should be parts of 1; error, flaky, length and empty sum to {total:g}")
        return self

    def put(self, output: Output, seed: int, attempt: str) -> Output:
        """The output with the fault that is drawn for it; `attempt` is what tells one attempt from another."""
        fault = place_in(drawn(seed, "fault"), {"error": self.error, "length": self.length, "empty": self.empty})
        if fault != "error" and self.flaky and drawn(seed, f"flaky {attempt}") < self.flaky:
            fault = "flaky"
        if fault in ("error", "flaky"):
            why = f"scripted fault: {fault}"
            return replace(output, text="", finish_reason="error", completion_tokens=None, stop=None, error=why)
        if fault == "empty":
            return replace(output, text="", finish_reason="stop", completion_tokens=0, stop=None)
        if fault == "length":
            words = output.text.split(" ")
            kept = int(drawn(seed, "cut") * len(words))
            return replace(
                output, text=" ".join(words[:kept]), finish_reason="length", completion_tokens=kept, stop=None
            )
        return output

    def slows(self, seed: int) -> bool:
        return self.slow > 0 and drawn(seed, "slow") < self.slow
