"""The processes of one training run, and the device that each computes on.

One process needs nothing. Several are started by ``torchrun``, or by what sets the same
variables (``accelerate launch --multi_gpu``), and find each other through `accelerate`:
each takes every n-th window of the batch that one process would take whole, gradients
are added up, and so all hold the same weights after each step. Only the first writes
files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from ner_engine.errors import BadInput
from ner_engine.models.precision import prefers_bfloat16

Row = TypeVar("Row")

AUTO, CPU, CUDA = "auto", "cpu", "cuda"
DEVICES = (AUTO, CPU, CUDA)


@dataclass(frozen=True, slots=True)
class Workers:
    """This process among those of its run.

    Parameters
    ----------
    device : torch.device
    rank, n_processes : int
        This process counts from 0.
    state : accelerate.PartialState, optional
        None when there is one process.
    """

    device: torch.device
    rank: int = 0
    n_processes: int = 1
    state: Any = None

    @classmethod
    def join(cls, device: str = AUTO) -> Workers:
        """Join the processes that the environment names, if it names any.

        Raises
        ------
        BadInput
            When a GPU is asked for and there is none.
        """
        if device not in DEVICES:
            raise BadInput(f"device {device}; known: {', '.join(DEVICES)}")
        has_cuda = torch.cuda.is_available()
        if device == CUDA and not has_cuda:
            raise BadInput("device cuda: torch finds no GPU here")
        is_cpu = device == CPU or not has_cuda
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls(torch.device(CPU if is_cpu else CUDA))
        from accelerate import PartialState  # noqa: PLC0415 - only for several

        state = PartialState(cpu=is_cpu)
        if is_cpu:
            share = (os.cpu_count() or 1) // state.num_processes
            torch.set_num_threads(max(1, share))
        return cls(state.device, state.process_index, state.num_processes, state)

    @property
    def is_first(self) -> bool:
        """Tell whether this process is the one that writes."""
        return self.rank == 0

    @property
    def peak_cuda_mb(self) -> float | None:
        """Most memory that this process's GPU held at once, in MiB; None without."""
        if self.device.type != CUDA:
            return None
        return torch.cuda.max_memory_allocated(self.device) / 2**20

    def prefers_bfloat16(self) -> bool:
        """Tell whether to compute in bfloat16: what the first process finds."""
        if self.device.type == CUDA:
            return bool(torch.cuda.is_bf16_supported())
        measured = [prefers_bfloat16()] if self.is_first else []
        return self.gather(measured, 1)[0]

    def share(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that fall to this process."""
        return list(rows[self.rank :: self.n_processes])

    def gather(self, rows: Sequence[Row], n_rows: int) -> list[Row]:
        """Return the rows of all processes in the order that `share` dealt them."""
        if self.state is None:
            return list(rows)
        from accelerate.utils import gather_object  # noqa: PLC0415 - only for several

        dealt = [
            place
            for rank in range(self.n_processes)
            for place in range(rank, n_rows, self.n_processes)
        ]
        pairs = sorted(
            zip(dealt, gather_object(list(rows)), strict=True),
            key=lambda pair: pair[0],
        )
        return [row for _, row in pairs]

    def add_up(self, parameters: Iterable[nn.Parameter], loss: float) -> float:
        """Add up gradients, in place, and the loss over all processes; return it.

        A parameter without a gradient in any process keeps none.
        """
        if self.state is None:
            return loss
        from accelerate.utils import reduce  # noqa: PLC0415 - only for several

        trained = [p for p in parameters if p.requires_grad]
        marks = [float(p.grad is not None) for p in trained]
        flat = torch.cat(
            [
                torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten()
                for p in trained
            ]
            + [torch.tensor([*marks, loss], device=self.device)]
        )
        summed = reduce(flat, reduction="sum")
        held = summed[-len(trained) - 1 : -1].tolist()
        at = 0
        for parameter, mark in zip(trained, held, strict=True):
            part = summed[at : at + parameter.numel()]
            at += parameter.numel()
            if mark > 0:
                parameter.grad = part.view_as(parameter).clone()
        return float(summed[-1])

    def leave(self) -> None:
        """Part from the other processes, at the end of a run."""
        if self.state is not None:
            self.state.wait_for_everyone()
            self.state.destroy_process_group()
