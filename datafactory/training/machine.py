"""Machine: the device that a training would run on, what is free on it, and how fast it multiplies."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import torch

from datafactory.trainable import Trainable
from datafactory.training.common import Precision, on_cpu, precision
from datafactory.training.processes import together
from datafactory.training_plan import Machine

CGROUP = Path("/sys/fs/cgroup")


def machine(config: Trainable) -> Machine:
    """The device of one process."""
    if on_cpu(config):
        among = together(config).here
        name = f"this machine's {os.cpu_count()} cores"
        return Machine(name, _free_memory() // among, _speed(torch.device("cpu"), precision(config)) / among)
    if not torch.cuda.is_available():
        return Machine("this machine's accelerator", None, None)
    free, _ = torch.cuda.mem_get_info()
    return Machine(torch.cuda.get_device_name(), free, _speed(torch.device("cuda"), precision(config)))


def _free_memory() -> int:
    """Bytes that this process could still take, within the limit of its container."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return free
    return free if limit == "max" else min(free, max(0, int(limit) - int(used)))


def _speed(device: torch.device, precision: Precision) -> float:
    """Operations a second of the fastest of a few large products."""
    size = 8192 if device.type == "cuda" else 1024
    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    one = torch.ones(size, size, dtype=dtype, device=device)
    best = float("inf")
    for _ in range(4):
        started = time.perf_counter()
        product = one @ one
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
        del product
    return 2 * size**3 / best
