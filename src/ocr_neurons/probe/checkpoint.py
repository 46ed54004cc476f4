"""What an interrupted probe left, to go on from: profiles beside the wanted ones, and how far they came."""

from __future__ import annotations

import glob
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.accumulate import Accumulator
from ocr_neurons.probe.profile import freeze, thaw
from ocr_neurons.probe.profile_file import load_with_header, save_profile

SECONDS = 60.0
"""A checkpoint is written when this long has passed since the last one."""


class Checkpoint:
    """The file ``path``, or nothing when that is None. ``identity`` names all that the numbers rest on.

    There is one file for each of ``count`` accumulators; those after the first have a number at the end.
    """

    def __init__(self, path: Path | None, identity: str, seed: int, every: float = SECONDS, count: int = 1) -> None:
        numbered = [f".{number}" if number else "" for number in range(count)]
        self.paths = [] if path is None else [path.with_name(f"{path.name}{end}") for end in numbered]
        self.identity, self.seed, self.every = identity, seed, every
        self.written = time.monotonic()

    def resume(self, device: torch.device) -> tuple[list[Accumulator], int] | None:
        """What was seen, and the number of the chunk to go on with; None where there is nothing of this very probe, or
        the files are not of the same moment.
        """
        found, following = [], set()
        for path in self.paths:
            if not path.is_file():
                return None
            try:
                profile, header = load_with_header(path)
            except UserError:
                return None
            if header.get("identity") != self.identity:
                return None
            found.append(thaw(profile, self.seed, device))
            following.add(int(header["next"]))
        return (found, following.pop()) if len(following) == 1 else None

    def keep(self, accumulators: Sequence[Accumulator], following: int) -> None:
        """Write them if it is time to."""
        if not self.paths or time.monotonic() - self.written < self.every:
            return
        for path, accumulator in zip(self.paths, accumulators, strict=True):
            save_profile(freeze(accumulator, {}), path, identity=self.identity, next=following)
        self.written = time.monotonic()


def remove(path: Path) -> None:
    """Remove a checkpoint, and those of all processes of a job: the profile is written."""
    for kept in (path, *path.parent.glob(f"{glob.escape(path.name)}.*")):
        kept.unlink(missing_ok=True)
