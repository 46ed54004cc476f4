"""Several edits as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.bake import bake
from ocr_neurons.neutralise.edit import WANTED, Edit


@dataclass(frozen=True)
class Edits:
    """Several edits as one, applied in order: a neuron that two of them name is changed by the first, then the second.

    So two ``scale`` edits multiply, and after a ``zero`` a ``shift`` leaves the shift alone.
    """

    edits: tuple[Edit, ...]

    def __init__(self, edits: Sequence[Edit]) -> None:
        object.__setattr__(self, "edits", tuple(edits))

    def first_layer(self) -> int:
        """The first layer touched.

        Raises:
            ValueError: there is no edit.
        """
        return min(edit.first_layer() for edit in self.edits)

    @property
    def neurons(self) -> tuple[NeuronSet, ...]:
        """The neurons of each edit."""
        return tuple(edit.neurons for edit in self.edits)

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[None]:
        """As :meth:`Edit.on`, for all of them."""
        with ExitStack() as stack:
            for edit in self.edits:
                stack.enter_context(edit.on(model))
            yield

    def bake(self, model: nn.Module) -> nn.Module:
        """A copy of ``model`` with all of them folded in; see :func:`ocr_neurons.neutralise.bake.bake`."""
        return bake(model, self.edits)

    def flipped(self) -> Edits:
        """Each of them flipped. On a neuron that several name it is not the mirror image of what they come to."""
        return Edits([edit.flipped() for edit in self.edits])

    def describe(self) -> str:
        """One line for people."""
        return "; then ".join(edit.describe() for edit in self.edits) or "no edit"

    def to_json(self) -> dict[str, Any]:
        """The edits as JSON values; a single one stands alone."""
        return self.edits[0].to_json() if len(self.edits) == 1 else {"edits": [edit.to_json() for edit in self.edits]}

    def save(self, path: Path) -> None:
        """Write the edits as JSON."""
        write_json(path, self.to_json())

    @staticmethod
    def load(path: Path) -> Edits:
        """Read one edit, or several, from JSON."""
        value = read_json(path, WANTED)
        listed = value["edits"] if isinstance(value, dict) and "edits" in value else [value]
        if not isinstance(listed, list) or not listed:
            raise UserError(f'{path}: not edits; wanted a list of at least one under "edits"')
        many = len(listed) > 1
        return Edits([Edit.from_json(e, f"{path}, edit {n}" if many else str(path)) for n, e in enumerate(listed, 1)])
