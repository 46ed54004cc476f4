"""The run's documents in passages short enough to be explored."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.align import align
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document

ORDER = ("test", "dev", "train")
WANTED = 600
"""Characters of a passage: sentences are added while it stays within."""
MOST = 1_200
"""A sentence longer than this is cut between two words."""


@dataclass(frozen=True)
class Passage:
    """A part of a document.

    Attributes:
        clean: its text as the page says it; as OCR read it where the data have no clean twin of the whole text.
        ocr: what OCR read in that place, None without a clean twin.
        gold: ``(start, end, type)`` of the entities marked by hand in ``clean``, character offsets.
    """

    clean: str
    ocr: str | None
    gold: tuple[tuple[int, int, str], ...]
    language: str


class Passages:
    """All documents, test first, and their passages."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self._places = [(split, number) for split in ORDER for number in range(len(data.split(split)))]

    def listed(self) -> list[dict[str, object]]:
        """For each document its key, id, split, language, and how many passages it has."""
        return [
            {
                "key": f"{split}:{number}",
                "id": self.data.split(split)[number].id,
                "split": split,
                "language": self.data.split(split)[number].language,
                "parts": len(self._parts(self._clean(split, number))),
            }
            for split, number in self._places
        ]

    def passage(self, key: str, part: int) -> Passage:
        """Passage ``part``, from 0, of the document ``key`` (``test:0``).

        Raises:
            UserError: there is no such document or passage.
        """
        split, _, number = key.partition(":")
        if not number.isdecimal() or (split, int(number)) not in self._places:
            raise UserError(f"Document {key!r} is not in this run's data. Pick one of the list.")
        document = self._clean(split, int(number))
        parts = self._parts(document)
        if not 0 <= part < len(parts):
            raise UserError(f"Passage {part + 1} of document {key}: it has {len(parts)}. Pick one of these.")
        first, last = parts[part]
        running = document.running_text()
        start, end = running.starts[first], running.ends[last - 1]
        gold = tuple(
            (running.starts[entity.start] - start, running.ends[entity.end - 1] - start, entity.type)
            for entity in document.entities()
            if first <= entity.start and entity.end <= last
        )
        ocr = None
        if self._twin(split) is not None:
            noisy = self.data.split(split)[int(number)].text()
            alignment = align(running.text, noisy)
            # what OCR added between two passages goes with the first of them
            begin = alignment.to_noisy(start, end)[0] if part else 0
            following = running.starts[last] if last < len(document.tokens) else None
            stop = len(noisy) if following is None else alignment.to_noisy(following, len(running.text))[0]
            ocr = noisy[begin:stop].strip()
        return Passage(running.text[start:end], ocr, gold, document.language)

    def _twin(self, split: str) -> tuple[Document, ...] | None:
        return self.data.clean_twins.get(split) if self.data.twin_scope == "text" else None

    def _clean(self, split: str, number: int) -> Document:
        return (self._twin(split) or self.data.split(split))[number]

    @staticmethod
    def _parts(document: Document) -> list[tuple[int, int]]:
        """Token spans ``[start, end)``, whole sentences where they are short enough."""
        running = document.running_text()
        pieces: list[tuple[int, int]] = []
        for first, last in document.sentences():
            begin = first
            for token in range(first + 1, last):
                if running.ends[token] - running.starts[begin] > MOST:
                    pieces.append((begin, token))
                    begin = token
            pieces.append((begin, last))
        parts: list[tuple[int, int]] = []
        for first, last in pieces:
            if parts and running.ends[last - 1] - running.starts[parts[-1][0]] <= WANTED:
                parts[-1] = (parts[-1][0], last)
            else:
                parts.append((first, last))
        return parts
