"""What a tagger found in a reading: entities with their text, confidence and places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ocr_neurons.text.document import Document
from ocr_neurons.text.source import Place, Reading


@dataclass(frozen=True, slots=True)
class Tagged:
    """A reading, its document with predicted labels, and the confidence of each of its entities, in their order."""

    reading: Reading
    document: Document
    confidences: Sequence[float]

    def mentions(self) -> Iterator[Mention]:
        """The entities in reading order."""
        for entity, confidence in zip(self.document.entities(), self.confidences, strict=True):
            start, end = self.reading.span(entity.start, entity.end)
            yield Mention(
                entity.type,
                self.reading.text[start:end],
                self.reading.form(start, end),
                start,
                end,
                confidence,
                tuple(self.reading.parts(start, end)),
            )


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity where it stands: ``surface`` is ``text[start:end]`` of its reading.

    ``form`` is the surface on one line, words that a line end cut made whole. ``confidence`` is a probability, 0 to 1.
    ``parts`` is the surface line by line, with boxes where the source has them.
    """

    type: str
    surface: str
    form: str
    start: int
    end: int
    confidence: float
    parts: tuple[Place, ...]
