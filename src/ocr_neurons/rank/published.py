"""What the original study reports, as data: where it found common neurons, and what it says of CKA; ours beside it.

Source of every number: E. Boros and M. Ehrmann, "Investigating OCR-Sensitive Neurons to Improve Entity Recognition in
Historical Documents", 2024, arXiv 2409.16934.
"""

from __future__ import annotations

from dataclasses import dataclass

from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.paper import shares

CITATION = (
    "E. Boros and M. Ehrmann, *Investigating OCR-Sensitive Neurons to Improve Entity Recognition in Historical "
    "Documents*, 2024, arXiv 2409.16934"
)
DEPTH = 32
"""Layers of both models of the paper, counted from 0."""
PAIRS = 300
FALLS_AFTER = 1
"""CKA falls after this layer, say its authors."""
PEAKS = ((12, 12), (23, 26))
"""CKA peaks near these layers, say its authors."""


def _table(*rows: tuple[int, tuple[int, ...]]) -> dict[int, int]:
    return {layer: count for count, layers in rows for layer in layers}


COMMON: dict[str, dict[int, int]] = {
    "Llama 2 7B": _table(
        (19, (25,)), (12, (0,)), (3, (1, 16, 23, 24)), (2, (7, 12, 22)), (1, (2, 3, 5, 14, 17, 18, 28, 30))
    ),
    "Mistral 7B": _table(
        (9, (2, 3)), (5, (6, 31)), (4, (4, 5, 7, 8, 9, 10)), (3, (21, 22, 24)), (2, (25, 26)),
        (1, (11, 13, 20, 27, 29, 30)),
    ),
}  # fmt: skip
"""Common neurons (90 % of the pairs) by layer."""
WIDTHS = {"Llama 2 7B": 11008, "Mistral 7B": 14336}
"""Neurons a layer (``intermediate_size`` of the published configurations)."""


@dataclass(frozen=True)
class Counts:
    """Common neurons of a model by layer; ``half`` at 50 % of the pairs, unknown (None) for the paper's models."""

    model: str
    layers: int
    common: dict[int, int]
    half: dict[int, int] | None
    pairs: int
    width: int
    reported: bool = False

    @property
    def total(self) -> int:
        """Common neurons in all layers."""
        return sum(self.common.values())

    @property
    def rate(self) -> float:
        """Common neurons in 10,000."""
        return 1e4 * self.total / (self.layers * self.width)


def published() -> list[Counts]:
    """The paper's two models."""
    return [Counts(name, DEPTH, table, None, PAIRS, WIDTHS[name], reported=True) for name, table in COMMON.items()]


def counted(profile: Profile, model: str, *, threshold: float = 1.0) -> Counts:
    """Common neurons of a profile by layer, at 90 and at 50 % of the pairs, to stand beside the paper's."""
    passed = shares(profile, threshold)
    common, half = ({i: int(n) for i, n in enumerate((passed >= least).sum(1)) if n} for least in (0.9, 0.5))
    return Counts(model, profile.layers, common, half, int(profile.pairs.sum()), profile.width)


def depth(layer: float, layers: int) -> float:
    """Relative depth of a layer: 0 the first, 1 the last."""
    return layer / (layers - 1)
