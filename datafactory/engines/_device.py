"""The device a model runs on: which, and that its memory ran out, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from datafactory.errors import StageError


def device(name: str | None) -> torch.device:
    """The one that is named, which has to be there; by default the best there is."""
    if name is None:
        best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(best)
    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise StageError(f"the device '{name}' cannot be used here: {str(error).splitlines()[0]}") from error


@contextmanager
def memory(device: torch.device, batch_size: int) -> Iterator[None]:
    """Where it runs out, one line. A smaller batch is not tried: its texts would differ by rounding."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "memory" in str(error):
            raise StageError(
                f"{device} has not the memory for this model and batches of {batch_size}: lower the model's "
                "`batch_size`, or `max_tokens`"
            ) from error
        raise
