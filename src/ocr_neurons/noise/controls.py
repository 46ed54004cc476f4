"""Placebos: the same texts with changes that are not OCR noise, as many as the noisy side has.

What reacts to these as to the real pairs reacts to any change. ``letters`` is the one that specificity is judged by.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from functools import partial

import numpy as np
from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.prepare import LONGEST
from ocr_neurons.text.align import Edit, align
from ocr_neurons.text.pairs import TextPair

CONTROLS: dict[str, str] = {
    "letters": "random letters at random places, as many edits of the same sorts as the real pair has",
    "cased-letters": "the same, but a capital only where one stood",
    "signs": "the signs that the noise put in, at random places, as many edits of the same sorts as the real pair has",
    "case": "capitals for small letters and the reverse, as many as the real pair has edits",
    "words": "another clean word of about the same length",
}
RARE = 0.001
"""Letters that make a smaller part of all letters (a ligature, a foreign accent) are not drawn: they stand out."""
TRIES = 50
"""Draws until one is as far from the clean word as the real reading, and neither of the two."""

Size = tuple[int, int]
"""A changed segment ``n:m``: n clean characters became m others."""


Change = Callable[[str, Sequence[Size], Set[str], np.random.Generator], str | None]
"""Changes a word about as much as segments of these sizes do, into nothing that is forbidden; or cannot: None."""


def control_pairs(
    pairs: Sequence[TextPair],
    kind: str,
    seed: int,
    vocabulary: Iterable[str] = (),
    left_out: list[str] | None = None,
) -> list[TextPair]:
    """One control for each pair, of a kind in ``CONTROLS``: the same clean side, context and level.

    Never the clean side or the real reading. ``source`` gets ``" (control: KIND)"``; the edit script is its own. A pair
    without a control (no letter with a case, no edit to imitate, no draw that differs) is left out, and its clean
    side is appended to ``left_out``. A control depends on the seed, on its pair and on the letters and words that
    occur in all of them, not on their order.

    ``letters``: for each changed segment of n clean and m noisy characters (shortest script), n characters at a
    random place become m letters, drawn uniformly from those of all clean sides (but for ``RARE`` ones); segments keep
    apart. The Levenshtein distance is at most the real pair's, and equal to it unless ``TRIES`` draws all fell short
    (the same letter drawn back, a double letter), which the alphabet of any real text makes rare. The length is equal
    always.
    ``cased-letters``: the same with small letters, those of all clean sides; one that replaces a capital is a capital,
    as is every one in a word of capitals. OCR seldom puts a capital among small letters, ``letters`` often does.
    ``signs``: the same with what the noise put in, in all pairs, but for white space: letters, digits and marks, each
    as often as there. What still differs is which sign the noise puts where, not which signs it writes.
    ``case``: as many letters as the pair has unit edits, at least one, at most all those with a case.
    ``words``: the nearest length, then at random, from the clean sides and ``vocabulary``; case is no difference.

    A pair without context and with white space inside its clean side is a whole text. Each of its changed words lends
    its edits to a random word of the same length (or the nearest above), no two to one; edits between words belong to
    the word before them. Segments above ``LONGEST`` characters on either side are missing or foreign text and have no
    counterpart.

    Raises:
        UserError: an unknown kind; a whole text for ``words``.
    """
    if kind not in CONTROLS:
        raise UserError(f"control {kind!r} is unknown{nearest(kind, CONTROLS)}")
    made: list[TextPair] = []
    if kind == "words":
        by_length = _by_length([*(pair.clean for pair in pairs), *vocabulary])
    change: Change = _recased
    if kind == "signs":
        change = partial(_misspelt, _put_in(pairs), False)
    if kind in ("letters", "cased-letters"):
        cased = kind == "cased-letters"
        change = partial(_misspelt, _alphabet((pair.clean for pair in pairs), cased), cased)
    for pair in pairs:
        rng = generator(seed, "control", kind, *_names(pair))
        whole = _whole_text(pair)
        if kind == "words":
            if whole:
                raise UserError(
                    f"control 'words' given for a whole text ({pair.source}: {pair.clean[:30]!r}...); wanted pairs of "
                    "words; use the control 'letters' or 'case'"
                )
            other = _another(pair, by_length, rng)
        elif whole:
            other = _text(pair, change, kind == "case", rng)
        else:
            sizes = _sizes(align(pair.clean, pair.noisy).edits)
            other = change(pair.clean, sizes, {pair.clean, pair.noisy}, rng)
        if other is not None:
            edits = align(pair.clean, other).edits
            made.append(replace(pair, noisy=other, source=f"{pair.source} (control: {kind})", edits=edits))
        elif left_out is not None:
            left_out.append(pair.clean)
    return made


def shuffled(pairs: Iterable[TextPair], seed: int) -> list[TextPair]:
    """The same pairs, the two sides of each swapped with probability one half: nothing is noisier than anything.

    Each pair is drawn by itself. ``source`` gets ``" (shuffled)"``, swapped or not.
    """
    made: list[TextPair] = []
    for pair in pairs:
        source = f"{pair.source} (shuffled)"
        if generator(seed, "shuffled", *_names(pair)).random() < 0.5:
            edits = tuple((c, d, a, b) for a, b, c, d in pair.edits)
            made.append(replace(pair, clean=pair.noisy, noisy=pair.clean, source=source, edits=edits))
        else:
            made.append(replace(pair, source=source))
    return made


def _names(pair: TextPair) -> tuple[str, ...]:
    return pair.clean, pair.noisy, pair.level, pair.left


def _whole_text(pair: TextPair) -> bool:
    return not pair.left and not pair.right and len(pair.clean.split()) > 1


def _sizes(edits: Iterable[Edit]) -> list[Size]:
    return [(b - a, d - c) for a, b, c, d in edits]


def _unit_edits(sizes: Iterable[Size]) -> int:
    return sum(max(size) for size in sizes)


def _alphabet(texts: Iterable[str], cased: bool) -> list[str]:
    """The letters of ``texts`` but for ``RARE`` ones; with ``cased`` the small ones that capitals count for as well."""
    counts = Counter(character for text in texts for character in text if character.isalpha())
    if cased:
        small = Counter[str]()
        for character, count in counts.items():
            small[character.swapcase() if character.isupper() and _cased(character) else character] += count
        counts = small
    floor = RARE * counts.total()
    return sorted(character for character, count in counts.items() if count >= floor)


def _put_in(pairs: Sequence[TextPair]) -> list[str]:
    """What the noisy sides have that the clean ones have not, each as often as it was put in."""
    put_in = (pair.noisy[c:d] for pair in pairs for *_, c, d in align(pair.clean, pair.noisy).edits)
    return sorted(character for part in put_in for character in part if not character.isspace())


def _misspelt(
    alphabet: Sequence[str],
    cased: bool,
    word: str,
    sizes: Sequence[Size],
    forbidden: Set[str],
    rng: np.random.Generator,
) -> str | None:
    """The first draw with all edits; else that with the most; None if every draw is forbidden or the word itself."""
    if not alphabet:
        return None
    best, most = None, 0
    wanted = _unit_edits(sizes)
    for _ in range(TRIES):
        drawn = _drawn(alphabet, cased, word, sizes, rng)
        distance = Levenshtein.distance(word, drawn)
        if distance > most and drawn not in forbidden:
            best, most = drawn, distance
        if most == wanted:
            break
    return best


def _drawn(alphabet: Sequence[str], cased: bool, word: str, sizes: Sequence[Size], rng: np.random.Generator) -> str:
    """The segments in random order at random places, at least one character apart."""
    count = len(sizes)
    slack = len(word) - sum(n for n, _ in sizes) - (count - 1)
    # every way to share out the slack before, between and after the segments is equally likely
    places = np.sort(rng.choice(slack + count, size=count, replace=False))
    pieces: list[str] = []
    done = used = 0
    for place, index in zip(places.tolist(), rng.permutation(count).tolist(), strict=True):
        n, m = sizes[index]
        start = place + used
        pieces.append(word[done:start])
        letters = [alphabet[number] for number in rng.integers(len(alphabet), size=m)]
        pieces += _in_case_of(word, start, start + n, letters) if cased else letters
        done = start + n
        used += n
    return "".join([*pieces, word[done:]])


def _in_case_of(word: str, start: int, end: int, letters: Sequence[str]) -> list[str]:
    """Small ``letters`` for ``word[start:end]``: capitals where one stood, and all of them in a word of capitals."""
    shouted = word.isupper() and len(word) > 1
    return [
        letter.swapcase() if _cased(letter) and (shouted or word[start + place : end][:1].isupper()) else letter
        for place, letter in enumerate(letters)
    ]


def _recased(word: str, sizes: Sequence[Size], forbidden: Set[str], rng: np.random.Generator) -> str | None:
    places = [place for place, character in enumerate(word) if _cased(character)]
    count = min(len(places), max(1, _unit_edits(sizes)))
    for _ in range(TRIES if count else 0):
        characters = list(word)
        for index in rng.choice(len(places), size=count, replace=False):
            characters[places[index]] = characters[places[index]].swapcase()
        if (drawn := "".join(characters)) not in forbidden:
            return drawn
    return None


def _cased(character: str) -> bool:
    """Whether its case can be changed and changed back (not so for ß or the long s)."""
    other = character.swapcase()
    return other != character and len(other) == 1 and other.swapcase() == character


def _by_length(words: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for word in sorted(set(words)):
        found.setdefault(len(word), []).append(word)
    return found


def _another(pair: TextPair, by_length: dict[int, list[str]], rng: np.random.Generator) -> str | None:
    forbidden = {pair.clean.casefold(), pair.noisy.casefold()}
    wanted = len(pair.clean)
    for off in sorted({abs(length - wanted) for length in by_length}):
        near = by_length.get(wanted - off, []) + (by_length.get(wanted + off, []) if off else [])
        for _ in range(TRIES):
            word = near[int(rng.integers(len(near)))]
            if word.casefold() not in forbidden:
                return word
        allowed = [word for word in near if word.casefold() not in forbidden]
        if allowed:
            return allowed[int(rng.integers(len(allowed)))]
    return None


def _text(pair: TextPair, change: Change, cased: bool, rng: np.random.Generator) -> str | None:
    """The text with as many words changed as its noisy form, other ones; None if nothing could be."""
    words = [match.span() for match in re.finditer(r"\w+", pair.clean)]
    usable = [not cased or any(map(_cased, pair.clean[start:end])) for start, end in words]
    lent = _by_word(align(pair.clean, pair.noisy).edits, words)
    for _ in range(TRIES if lent else 0):
        pieces: list[str] = []
        done = 0
        for index, sizes in sorted(_moved(lent, words, usable, rng).items()):
            start, end = words[index]
            word = pair.clean[start:end]
            other = change(word, _fitting(sizes, len(word)), {word}, rng)
            pieces += [pair.clean[done:start], word if other is None else other]
            done = end
        drawn = "".join([*pieces, pair.clean[done:]])
        if drawn not in (pair.clean, pair.noisy):
            return drawn
    return None


def _by_word(edits: Iterable[Edit], words: Sequence[tuple[int, int]]) -> dict[int, list[Size]]:
    """The segments of each changed word, by its number. One that reaches over several is shared out in proportion."""
    starts = [word[0] for word in words]
    found: dict[int, list[Size]] = {}
    for start, end, noisy_start, noisy_end in edits:
        n, m = end - start, noisy_end - noisy_start
        if max(n, m) > LONGEST or not words:
            continue
        first, last = bisect_right(starts, start) - 1, bisect_right(starts, max(start, end - 1)) - 1
        cuts = [0, *(starts[index] - start for index in range(max(first, 0) + 1, last + 1)), n]
        # halves rounded up: the parts then hold as many unit edits as the whole
        others = [0, *((2 * cut * m + n) // (2 * n) for cut in cuts[1:-1]), m]
        for index in range(len(cuts) - 1):
            part = cuts[index + 1] - cuts[index], others[index + 1] - others[index]
            if any(part):
                found.setdefault(max(first, 0) + index, []).append(part)
    return found


def _moved(
    lent: dict[int, list[Size]], words: Sequence[tuple[int, int]], usable: Sequence[bool], rng: np.random.Generator
) -> dict[int, list[Size]]:
    """The segments at other words: of the length of their own or the nearest above; else the longest that is left."""
    free: dict[int, list[int]] = {}
    for index in rng.permutation(len(words)).tolist():
        if usable[index]:
            free.setdefault(words[index][1] - words[index][0], []).append(index)
    wanted = {index: max(words[index][1] - words[index][0], _needed(sizes)) for index, sizes in lent.items()}
    moved: dict[int, list[Size]] = {}
    for index in sorted(lent, key=lambda index: -wanted[index]):  # the longest first, while there are long words
        if not free:
            break
        length = min((length for length in free if length >= wanted[index]), default=max(free))
        moved[free[length].pop()] = lent[index]
        if not free[length]:
            del free[length]
    return moved


def _needed(sizes: Sequence[Size]) -> int:
    """Characters that a word must have for segments of these sizes."""
    return sum(n for n, _ in sizes) + len(sizes) - 1


def _fitting(sizes: Sequence[Size], length: int) -> list[Size]:
    """As much of these segments as a word of ``length`` has room for."""
    kept: list[Size] = []
    for n, m in sizes:
        room = length - sum(size[0] for size in kept) - len(kept)
        if room < 0:
            break
        part = min(n, room), max(0, m - max(0, n - room))
        if any(part):
            kept.append(part)
    return kept
