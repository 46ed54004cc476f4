"""What an interrupted probe left, to go on from: a profile beside the wanted one, and how far it came."""

from __future__ import annotations

import glob
import time
from pathlib import Path

import torch

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.accumulate import Accumulator
from ocr_neurons.probe.profile import freeze, thaw
from ocr_neurons.probe.profile_file import load_with_header, save_profile

SECONDS = 60.0
"""A checkpoint is written when this long has passed since the last one."""


class Checkpoint:
    """The file ``path``, or nothing when that is None. ``identity`` names all that the numbers rest on."""

    def __init__(self, path: Path | None, identity: str, seed: int, every: float = SECONDS) -> None:
        self.path, self.identity, self.seed, self.every = path, identity, seed, every
        self.written = time.monotonic()

    def resume(self, device: torch.device) -> tuple[Accumulator, int] | None:
        """What was seen, and the number of the chunk to go on with; None where there is nothing of this very probe."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            profile, header = load_with_header(self.path)
        except UserError:
            return None
        if header.get("identity") != self.identity:
            return None
        return thaw(profile, self.seed, device), int(header["next"])

    def keep(self, accumulator: Accumulator, following: int) -> None:
        """Write it if it is time to."""
        if self.path is None or time.monotonic() - self.written < self.every:
            return
        save_profile(freeze(accumulator, {}), self.path, identity=self.identity, next=following)
        self.written = time.monotonic()


def remove(path: Path) -> None:
    """Remove a checkpoint, and those of all processes of a job: the profile is written."""
    for kept in (path, *path.parent.glob(f"{glob.escape(path.name)}.*")):
        kept.unlink(missing_ok=True)
