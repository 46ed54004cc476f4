"""The nouns of text: Token, Document, Entity, running text with offsets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a document, as the data set cuts it.

    ``label`` is the coarse literal entity label as the file spells it (``B-pers``, ``O``).
    ``led`` is the normalised Levenshtein distance between the OCR of the entity the token belongs to and what the
    page says: 0 clean, 1 wholly different, ``None`` unknown or outside entities.
    ``fields`` are the raw columns of the file it came from, kept so that nothing is lost in writing; empty for
    tokens made here.
    """

    text: str
    space_after: bool = True
    label: str = "O"
    led: float | None = None
    line_end: bool = False
    sentence_end: bool = False
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """A labelled span of tokens: ``[start, end)`` in token positions of its document."""

    type: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RunningText:
    """A document as one string; token ``i`` stands at ``text[starts[i]:ends[i]]``."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A document: tokens in reading order, and what is known about it. Immutable."""

    id: str
    tokens: tuple[Token, ...]
    language: str = ""
    date: str | None = None
    metadata: tuple[str, ...] = ()
    """Comment lines of the source as they stood, ``# `` included, in their order."""

    def running_text(self) -> RunningText:
        """The text a reader sees: tokens joined by a space unless the data say there is none.

        A missing space between two letters is put back: where the data set glues distinct words at line breaks
        (newseye does), literal joining would create OCR noise that is not there. A hyphen of the line end (``¬``)
        is no letter, so a word broken there stays as it stands.
        """
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        position = 0
        for index, token in enumerate(self.tokens):
            starts.append(position)
            ends.append(position + len(token.text))
            pieces.append(token.text)
            position += len(token.text)
            if index + 1 < len(self.tokens) and (token.space_after or _glued(token.text, self.tokens[index + 1].text)):
                pieces.append(" ")
                position += 1
        return RunningText("".join(pieces), tuple(starts), tuple(ends))

    def text(self) -> str:
        """The running text alone."""
        return self.running_text().text

    def labels(self) -> list[str]:
        """The coarse label of each token."""
        return [token.label for token in self.tokens]

    def entities(self) -> list[Entity]:
        """The entities, as :func:`spans` reads the labels."""
        return spans(self.labels())

    def sentences(self) -> list[tuple[int, int]]:
        """Token spans ``[start, end)`` that end where the data set says a sentence ends; they cover all tokens."""
        bounds: list[tuple[int, int]] = []
        start = 0
        for index, token in enumerate(self.tokens):
            if token.sentence_end or index + 1 == len(self.tokens):
                bounds.append((start, index + 1))
                start = index + 1
        return bounds

    def with_labels(self, labels: Sequence[str]) -> Document:
        """The same document with other labels, one a token."""
        if len(labels) != len(self.tokens):
            raise ValueError(f"document {self.id}: {len(labels)} labels for {len(self.tokens)} tokens")
        return replace(self, tokens=tuple(replace(t, label=x) for t, x in zip(self.tokens, labels, strict=True)))


def _glued(left: str, right: str) -> bool:
    return left[-1:].isalpha() and right[:1].isalpha()


def spans(labels: Iterable[str]) -> list[Entity]:
    """Entities in a sequence of BIO labels, read as the HIPE scorer reads them.

    ``B-`` (or ``S-``) begins an entity; ``I-`` (or ``E-``) of the same type continues it; ``I-`` after anything else
    begins one. ``O``, ``_`` and the empty label end it. Types keep their case.
    """
    found: list[Entity] = []
    kind, start = "", 0
    position = -1
    for position, label in enumerate(labels):
        if label == "O" and not kind:  # most tokens
            continue
        prefix, _, name = label.partition("-")
        inside = bool(name) and prefix in ("B", "I", "S", "E")
        if kind and (not inside or prefix in ("B", "S") or name != kind):
            found.append(Entity(kind, start, position))
            kind = ""
        if inside and not kind:
            kind, start = name, position
    if kind:
        found.append(Entity(kind, start, position + 1))
    return found


def entity_types(documents: Iterable[Document]) -> list[str]:
    """The entity types that occur, sorted."""
    return sorted({entity.type for document in documents for entity in document.entities()})
