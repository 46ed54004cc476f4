"""A text as the explorer takes it: checked, cut into tokens, with the characters that each stands for."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.document import Document, Entity, Token
from ocr_neurons.text.sentences import sentence_ends
from ocr_neurons.text.tokenise import tokenise

LONGEST = 2_000
"""Characters of a text; a longer one is refused. A laptop reads so many in a few seconds."""
SUB_WORDS = 1_500
"""Sub-words of a text; some scripts need several for a character."""


@dataclass(frozen=True)
class Text:
    """``document`` is ``text`` in tokens; token ``i`` stands at ``text[spans[i][0]:spans[i][1]]``."""

    text: str
    language: str
    document: Document
    spans: tuple[tuple[int, int], ...]

    def characters(self, entity: Entity) -> tuple[int, int]:
        """Where an entity stands in the text."""
        return self.spans[entity.start][0], self.spans[entity.end - 1][1]


def read_text(text: str, language: str, what: str = "text") -> Text:
    """Check a text and cut it into tokens as documents of its language are.

    Raises:
        UserError: no word in it, more than ``LONGEST`` characters, or characters that are no text. ``what`` names it.
    """
    if len(text) > LONGEST:
        raise UserError(
            f"The {what} has {len(text):,} characters; the explorer takes {LONGEST:,} at most. Paste a shorter passage."
        )
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise UserError(f"The {what} holds characters that are no text (NUL, or half of a pair). Paste it again.")
    spans = tokenise(text, language)
    if not any(map(str.isalnum, text)):
        raise UserError(f"The {what} has no word. Type or paste one, or pick a document.")
    ends = sentence_ends(text, spans)
    following = [start for start, _ in spans[1:]] + [len(text)]
    tokens = tuple(
        Token(text[start:end], space_after=after > end, sentence_end=number in ends)
        for number, ((start, end), after) in enumerate(zip(spans, following, strict=True))
    )
    return Text(text, language, Document(what, tokens, language), tuple(spans))
