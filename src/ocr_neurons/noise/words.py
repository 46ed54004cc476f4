"""Pairs of a clean word and its noisy form, chosen from documents under one of three protocols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.presets import confusable, corrupt_word, preset
from ocr_neurons.text.document import Document
from ocr_neurons.text.pairs import TextPair

PROTOCOLS: dict[str, str] = {
    "context": "a random sample of distinct words, each inside its sentence",
    "words": "the same words, alone",
    "paper": "the first distinct words in reading order, alone",
}
LONGEST_SENTENCE = 60
"""Sentences of more tokens than this are cut to ``CONTEXT`` tokens on either side of the word."""
CONTEXT = 30


@dataclass(frozen=True, slots=True)
class _Occurrence:
    document: Document
    position: int
    sentence: tuple[int, int]


def word_pairs(
    documents: Iterable[Document],
    *,
    protocol: str,
    words: int | None = 100,
    levels: Sequence[str] = ("low", "medium", "high"),
    seed: int = 0,
    min_length: int = 4,
) -> list[TextPair]:
    """One pair for each chosen word and level, word by word; ``words=None`` takes every usable word.

    A usable word is a token of at least ``min_length`` letters and nothing else, with a letter that the presets can
    change, not half of a word broken at a line end. Words are distinct, capitals told from small letters. Every pair
    differs; the noise is on the word, its context (``left``, ``right``) stays as the document has it: give clean
    twins where there are any. ``source`` reads ``"document id (protocol)"``.

    ``paper`` lacks the paper's choice of nouns and verbs, which needs a part-of-speech tagger.

    Raises:
        UserError: the protocol or a level is unknown, or there are fewer usable words than asked for.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol {protocol!r} is unknown{nearest(protocol, PROTOCOLS)}")
    if not levels or (words is not None and words < 1):
        raise UserError(f"{words} words at {len(levels)} noise levels make no pairs; ask for at least one of each")
    for level in levels:
        preset(level)
    documents = list(documents)
    found = _occurrences(documents, min_length)
    _refuse_too_few(len(found), words, len(documents), min_length)
    chosen = list(found)
    if protocol != "paper":
        order = generator(seed, "words", "order").permutation(len(chosen))
        chosen = [chosen[int(index)] for index in order]
    pairs: list[TextPair] = []
    for word in chosen[:words]:
        places = found[word]
        rng = generator(seed, "words", "place", word)
        place = places[0] if protocol == "paper" else places[int(rng.integers(len(places)))]
        left, right = _context(place) if protocol == "context" else ("", "")
        source = f"{place.document.id} ({protocol})"
        for level in levels:
            pair = corrupt_word(word, level, generator(seed, "words", "noise", level, word))
            pairs.append(replace(pair, source=source, left=left, right=right))
    return pairs


def _occurrences(documents: list[Document], min_length: int) -> dict[str, list[_Occurrence]]:
    """Where each usable word stands; keys in reading order."""
    found: dict[str, list[_Occurrence]] = {}
    for document in documents:
        for start, end in document.sentences():
            for position in range(start, end):
                word = document.tokens[position].text
                usable = len(word) >= min_length and word.isalpha() and confusable(word)
                if usable and not _broken(document, position):
                    found.setdefault(word, []).append(_Occurrence(document, position, (start, end)))
    return found


def _broken(document: Document, position: int) -> bool:
    """Whether the token is half of a word that a line end cuts: beside ``¬``, or a hyphen that ends its line."""
    tokens = document.tokens
    before = tokens[position - 1] if position else None
    after = tokens[position + 1] if position + 1 < len(tokens) else None
    ends_cut = before is not None and (before.text.endswith("¬") or (before.text == "-" and before.line_end))
    starts_cut = after is not None and (after.text.startswith("¬") or (after.text == "-" and after.line_end))
    return ends_cut or starts_cut


def _context(place: _Occurrence) -> tuple[str, str]:
    start, end = place.sentence
    if end - start > LONGEST_SENTENCE:
        start, end = max(start, place.position - CONTEXT), min(end, place.position + CONTEXT + 1)
    running = place.document.running_text()
    left = running.text[running.starts[start] : running.starts[place.position]]
    right = running.text[running.ends[place.position] : running.ends[end - 1]]
    return left, right


def _refuse_too_few(usable: int, words: int | None, documents: int, min_length: int) -> None:
    if usable and (words is None or usable >= words):
        return
    asked = "words" if words is None else f"{words} words"
    advice = (
        f"ask for {usable} or fewer (--words; in the settings of a run: words under [pairs])"
        if usable
        else "give more text"
    )
    raise UserError(
        f"{asked} wanted, but the {documents} documents hold {usable} distinct usable ones "
        f"(at least {min_length} letters, one of them known to the noise presets); {advice}"
    )
