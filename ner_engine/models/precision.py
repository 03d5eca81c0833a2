"""Fits the computing to the machine: bfloat16 where it is faster, and threads."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import torch

# Below this the conversions around each product eat what the products gain.
WORTHWHILE_RATIO = 1.4
_SIZE = (512, 384, 1536)  # a feed-forward product of the default encoder
_REPEATS = 3
_SMALL_HIDDEN = 128


@lru_cache(maxsize=1)
def gemm_ratio() -> float:
    """Return how many times faster bfloat16 products are than float32 ones here.

    Measured once a process, in a few milliseconds: processor flags alone do not tell
    (virtual machines hide some, and some builds emulate).
    """
    seconds = {dtype: _measure(dtype) for dtype in (torch.float32, torch.bfloat16)}
    return seconds[torch.float32] / seconds[torch.bfloat16]


def prefers_bfloat16() -> bool:
    """Tell whether encoders should run in bfloat16 on this machine."""
    return gemm_ratio() >= WORTHWHILE_RATIO


def settle_threads(encoder: Any, threads: int | None) -> None:
    """Set this process's threads: as asked, or one for a very small encoder.

    On small matrices threads only wait for each other: on a busy machine with two
    cores, one thread trained the tests' encoder nine times as fast as two.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    elif int(encoder.config.hidden_size) < _SMALL_HIDDEN:
        torch.set_num_threads(1)


def _measure(dtype: torch.dtype) -> float:
    rows, inner, columns = _SIZE
    left = torch.ones(rows, inner, dtype=dtype)
    right = torch.ones(columns, inner, dtype=dtype)
    best = float("inf")
    for _ in range(_REPEATS + 1):  # the first builds the kernel; the best is kept
        started = time.perf_counter()
        torch.nn.functional.linear(left, right)
        best = min(best, time.perf_counter() - started)
    return best
