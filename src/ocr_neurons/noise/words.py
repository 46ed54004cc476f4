"""Pairs of a clean word and its noisy form, chosen from documents under one of three protocols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.kinds import Noise
from ocr_neurons.noise.parts_of_speech import NOUNS_AND_VERBS, parts_of_speech
from ocr_neurons.noise.presets import confusable, corrupt_word, preset, similarity_bin
from ocr_neurons.text.document import Document
from ocr_neurons.text.pairs import TextPair

_OF = "noise of "
"""Before the name of a noise in the ``source`` of a pair."""
PROTOCOLS: dict[str, str] = {
    "context": "a random sample of distinct words, each inside its sentence",
    "words": "the same words, alone",
    "paper": "the first distinct words in reading order, alone",
}
LEARNED_LEVELS: dict[str, float] = {"low": 0.10, "medium": 0.25, "high": 0.50}
"""What the levels mean under a learned noise model: unit edits / characters of the word."""
TRIES = 50
"""Draws of learned noise for a word and level until one changes the word and nothing else."""
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
    or_fewer: bool = False,
    levels: Sequence[str] = ("low", "medium", "high"),
    seed: int = 0,
    min_length: int = 4,
    parts: str | None = None,
    noise: Noise | None = None,
    unchanged: list[str] | None = None,
) -> list[TextPair]:
    """One pair for each chosen word and level, word by word; ``words=None`` takes every usable word.

    With ``or_fewer`` all usable words are taken where there are fewer than ``words``.

    A usable word is a token of at least ``min_length`` letters and nothing else, not half of a word broken at a line
    end; for the presets, with a letter that they can change. Words are distinct, capitals told from small letters.
    Every pair differs; the noise is on the word, its context (``left``, ``right``) stays as the document has it: give
    clean twins where there are any. ``source`` reads ``"document id (protocol)"``.

    ``parts`` takes nouns and verbs only, as the paper does: a spaCy pipeline that tells them, or ``auto``
    (:func:`ocr_neurons.noise.parts_of_speech.parts_of_speech`). Without it, ``paper`` takes any usable word.

    ``noise`` is a learned model, or another kind of noise, in the presets' place. Levels then are the rates of
    ``LEARNED_LEVELS`` on the word, met to about one change and never less than one, so that short words have more. A
    word is drawn between its neighbouring characters, and again while they, or white space at its edges, change too.
    What is still unchanged at a level after ``TRIES`` draws is left out, the next word takes its place, and it is
    appended to ``unchanged``. ``source`` then reads ``"document id (protocol, noise of name/style)"``.

    Raises:
        UserError: the protocol or a level is unknown, there are fewer usable words than asked for, or parts of speech
            cannot be told.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol {protocol!r} is unknown{nearest(protocol, PROTOCOLS)}")
    if not levels or (words is not None and words < 1):
        raise UserError(f"{words} words at {len(levels)} noise levels make no pairs; ask for at least one of each")
    for level in levels:
        if noise is None:
            preset(level)
        elif level not in LEARNED_LEVELS:
            raise UserError(f"noise level {level!r} is unknown{nearest(level, LEARNED_LEVELS)}")
    documents = list(documents)
    found = _occurrences(documents, min_length, parts, any_letter=noise is not None)
    letters = f"at least {min_length} letters" + (", one of them known to the noise presets" if noise is None else "")
    what = letters + ("; nouns and verbs" if parts else "")
    _refuse_too_few(len(found), None if or_fewer else words, len(documents), what)
    chosen = list(found)
    if protocol != "paper":
        order = generator(seed, "words", "order").permutation(len(chosen))
        chosen = [chosen[int(index)] for index in order]
    wanted = len(chosen) if words is None else words
    pairs: list[TextPair] = []
    still: list[str] = []
    for word in chosen:
        if len(pairs) == wanted * len(levels):
            break
        places = found[word]
        rng = generator(seed, "words", "place", word)
        place = places[0] if protocol == "paper" else places[int(rng.integers(len(places)))]
        if noise is None:
            changed = [corrupt_word(word, level, generator(seed, "words", "noise", level, word)) for level in levels]
        else:
            changed = _learned_pairs(place, levels, seed, noise)
        if len(changed) < len(levels):
            still.append(word)
            continue
        left, right = _context(place) if protocol == "context" else ("", "")
        for pair in changed:
            note = f", {pair.source}" if pair.source else ""
            source = f"{place.document.id} ({protocol}{note})"
            pairs.append(replace(pair, source=source, left=left, right=right))
    if unchanged is not None:
        unchanged += still
    if not pairs or (words is not None and not or_fewer and len(pairs) < words * len(levels)):
        _refuse_unchanged(len(pairs) // len(levels), words, len(still))
    return pairs


def said_noise(pairs: Iterable[TextPair]) -> str:
    """What made pairs noisy, in words: ``source`` of each names its noise, unless it is the presets."""
    names = sorted({pair.source.partition(_OF)[2].partition("/")[0] for pair in pairs} - {""})
    return f"the noise model {', '.join(names)}" if names else "the presets of the paper"


def bins_by_level(pairs: Iterable[TextPair]) -> dict[str, dict[str, int]]:
    """How many pairs of each level fall in each similarity bin of the paper: ``{level: {"poor": n, ...}}``.

    Levels in the order they first occur; every bin is there, also with none in it.
    """
    counts: dict[str, dict[str, int]] = {}
    for pair in pairs:
        row = counts.setdefault(pair.level, {"poor": 0, "average": 0, "good": 0})
        row[similarity_bin(pair.similarity)] += 1
    return counts


def _learned_pairs(place: _Occurrence, levels: Sequence[str], seed: int, noise: Noise) -> list[TextPair]:
    """The word with learned noise at each level, as far as one is found; fewer pairs than levels if not for all.

    Protocols that feed the word alone draw the same noise as those that feed its sentence.
    """
    word = place.document.tokens[place.position].text
    before, after = _neighbours(place)
    made: list[TextPair] = []
    for level in levels:
        pair = _learned_pair(before, word, after, level, seed, noise)
        if pair is None:
            break
        made.append(pair)
    return made


def _learned_pair(before: str, word: str, after: str, level: str, seed: int, noise: Noise) -> TextPair | None:
    """The word with learned noise; None if no draw changes it and leaves what is around it alone."""
    text = before + word + after
    edits = max(1.0, LEARNED_LEVELS[level] * len(word))
    for number in range(TRIES):
        rng = generator(seed, "words", "learned noise", level, word, number)
        drawn = noise.corrupt(text, rng, cer=edits / len(text))
        noisy = drawn.noisy[1 : len(drawn.noisy) - 1]
        if noisy != word and _inside(drawn, 1, 1 + len(word)):
            style = drawn.level.rpartition(" ")[0]
            script = tuple((a - 1, b - 1, c - 1, d - 1) for a, b, c, d in drawn.edits)
            return TextPair(word, noisy, level, f"{_OF}{noise.name}/{style}", edits=script)
    return None


def _inside(drawn: TextPair, start: int, end: int) -> bool:
    """Whether all changes are within ``clean[start:end]``, something is left of it, and none at its edges puts in
    white space.
    """
    for a, b, c, d in drawn.edits:
        if a < start or b > end:
            return False
        if (a == start or b == end) and any(character.isspace() for character in drawn.noisy[c:d]):
            return False
    return len(drawn.noisy) > len(drawn.clean) - (end - start)


def _neighbours(place: _Occurrence) -> tuple[str, str]:
    """The characters before and after the word in the running text; spaces at the ends of the document."""
    running = place.document.running_text()
    start, end = running.starts[place.position], running.ends[place.position]
    return running.text[start - 1 : start] if start else " ", running.text[end : end + 1] or " "


def _occurrences(
    documents: list[Document], min_length: int, parts: str | None, *, any_letter: bool
) -> dict[str, list[_Occurrence]]:
    """Where each usable word stands; keys in reading order. ``any_letter``: also words the presets cannot change."""
    tags = parts_of_speech(documents, parts) if parts is not None else None
    found: dict[str, list[_Occurrence]] = {}
    for number, document in enumerate(documents):
        for start, end in document.sentences():
            for position in range(start, end):
                word = document.tokens[position].text
                usable = len(word) >= min_length and word.isalpha() and (any_letter or confusable(word))
                if tags is not None:
                    usable = usable and tags[number][position] in NOUNS_AND_VERBS
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


def _refuse_too_few(usable: int, words: int | None, documents: int, what: str) -> None:
    if usable and (words is None or usable >= words):
        return
    raise UserError(
        f"{_asked(words)} wanted, but the {documents} documents hold {usable} distinct usable ones ({what}); "
        + (_fewer(usable) if usable else "give more text")
    )


def _refuse_unchanged(made: int, words: int | None, unchanged: int) -> None:
    raise UserError(
        f"{_asked(words)} wanted, but the noise model leaves {unchanged} of the {made + unchanged} usable ones as they "
        f"are or changes what is around them in {TRIES} draws; "
        + (_fewer(made) if made else "give more text, or a model learned from text like it")
    )


def _asked(words: int | None) -> str:
    return "words" if words is None else f"{words} words"


def _fewer(count: int) -> str:
    return f"ask for {count} or fewer (--words; in the settings of a run: words under [pairs])"
