"""Several processes of one job, as ``accelerate launch`` or ``torchrun`` start them: who am I, and adding up."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

from ocr_neurons.common.launched import processes, rank
from ocr_neurons.probe.fields import EDGES_ATOL, EDGES_RTOL

if TYPE_CHECKING:
    from ocr_neurons.probe.accumulate import Accumulator


def place() -> tuple[int, int]:
    """The number of this process and how many there are; (0, 1) outside of such a job."""
    return rank(), processes()


def add_up(accumulator: Accumulator) -> None:
    """Give every process the sum of what all of them have seen."""
    _, count = place()
    if count == 1:
        return
    import torch
    from torch import distributed

    if not distributed.is_initialized():
        distributed.init_process_group("gloo")  # on the CPU: sums are added once, at the end
        atexit.register(_leave)  # threads of it that still run while Python ends may abort the process
    for name in sorted(accumulator.state):
        total = accumulator.state[name].cpu()
        distributed.all_reduce(total)
        accumulator.state[name] = total.to(accumulator.device)
    gathered: list[dict[str, int]] = [{}] * count
    distributed.all_gather_object(gathered, accumulator.skipped)
    accumulator.skipped = {}
    for skipped in gathered:
        for why, number in skipped.items():
            accumulator.skip(why, number)
    # the edges come from the same pilot everywhere; machines of two kinds could differ in the last bit
    if accumulator.edges is not None:
        first = accumulator.edges.cpu()
        low, high = first.clone(), first.clone()
        distributed.all_reduce(low, distributed.ReduceOp.MIN)
        distributed.all_reduce(high, distributed.ReduceOp.MAX)
        if not torch.allclose(low, high, rtol=EDGES_RTOL, atol=EDGES_ATOL):
            raise RuntimeError("the processes read different pilot samples; give all of them the same model and pairs")


def _leave() -> None:
    """Leave the job's group, if nobody has."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()
