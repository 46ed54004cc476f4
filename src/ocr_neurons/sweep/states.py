"""Where hidden states are kept between settings: in memory, or in a file on disk when they are large."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ocr_neurons.common.errors import UserError

MEMORY = 2 * 2**30
"""Bytes of states kept in memory by default; larger ones go to disk."""


def keep(states: Sequence[tuple[int, ...]], dtype: torch.dtype, device: torch.device, memory: int) -> list[Tensor]:
    """Empty tensors of these shapes: on ``device`` when they fit into ``memory`` bytes, else mapped from a file.

    The file is in the folder for temporary files (``TMPDIR``) and has no name any more when this returns, so that
    nothing is left behind however the process ends. Its place on disk is reserved at once.

    Raises:
        UserError: the disk has too little room.
    """
    sizes = [torch.Size(shape).numel() for shape in states]
    needed = sum(sizes) * dtype.itemsize
    if needed <= memory:
        return [torch.empty(shape, dtype=dtype, device=device) for shape in states]
    handle, name = tempfile.mkstemp(prefix="ocr-neurons-states-")
    try:
        os.posix_fallocate(handle, 0, needed)
        whole = torch.from_file(name, shared=True, size=sum(sizes), dtype=dtype)
    except OSError as error:
        raise UserError(
            f"states of {megabytes(needed)} do not fit on disk in {Path(name).parent} ({error.strerror}); "
            "set TMPDIR to a larger disk, or allow more memory"
        ) from None
    finally:
        os.close(handle)
        Path(name).unlink()
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    return [whole[start : start + size].view(shape) for start, size, shape in zip(starts, sizes, states, strict=True)]


def megabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e6:,.1f} MB"
