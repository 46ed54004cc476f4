"""The encoding rule of a tagger: how its text is laid out for the model, and where a word's label is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ocr_neurons.common.errors import UserError

MAX_LENGTH = 256
CONTEXT = 32
HEADS = ("first", "last")


@dataclass(frozen=True, slots=True)
class Encoding:
    """Windows of at most ``max_length`` sub-words, special tokens included.

    ``context``: sub-words of the document that a window shows on either side of the words it labels, where the
    document has them. ``head``: which sub-word of a word carries its label, the ``first`` or the ``last``; a decoder
    whose attention is causal has read the whole word at the last one only. ``repeat``: the window's text stands twice
    and labels are read in the second copy, so that a causal decoder has seen what follows each word (Springer et al.
    2024, arXiv 2402.15449, for embeddings); inputs are then up to twice as long as ``max_length``.
    """

    max_length: int = MAX_LENGTH
    context: int = CONTEXT
    head: str = "first"
    repeat: bool = False

    def __post_init__(self) -> None:
        if self.max_length < 1:
            raise UserError(f"windows of {self.max_length} sub-words given; wanted at least 1")
        if not self.context >= 0:
            raise UserError(f"a context of {self.context} sub-words given; wanted 0 or more")
        if self.head not in HEADS:
            raise UserError(f"head {self.head!r} given; wanted {' or '.join(HEADS)}")

    @property
    def longest(self) -> int:
        """Most positions an input takes (of a repeated text without what special tokens save)."""
        return self.max_length * (1 + self.repeat)

    def to_json(self) -> dict[str, Any]:
        """The rule as JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Encoding:
        """The rule that :meth:`to_json` wrote; a UserError, KeyError, TypeError or ValueError for anything else."""
        return Encoding(int(value["max_length"]), int(value["context"]), str(value["head"]), bool(value["repeat"]))
