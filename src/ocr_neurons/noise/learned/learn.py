"""A noise model from aligned texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.learned.contexts import EDGE, FREQUENT, Alphabet, log_odds, triples
from ocr_neurons.noise.learned.gaps import Gaps, fit_gaps
from ocr_neurons.noise.learned.model import Counts, NoiseModel, Style
from ocr_neurons.noise.learned.units import count_units, cut, kind
from ocr_neurons.noise.prepare import FLOOR, evened, prepare
from ocr_neurons.text.align import Alignment
from ocr_neurons.text.pairs import TextPair

CHAIN = 6
"""Units of a segment whose continuation is counted apart; later ones share the last row."""
LEAST = 200
"""Changed segments needed to learn from."""


def learn(
    pairs: Iterable[TextPair],
    *,
    language: str = "",
    source: str = "",
    licence: str = "",
    normalised: Sequence[str] = (),
    pooled: bool = False,
    floor: float = FLOOR,
) -> NoiseModel:
    """Learn a noise model from pairs of clean text and its OCR.

    The part of ``pair.source`` before the first ``/`` names the style a pair is counted in, unless ``pooled``. Styles
    with fewer than ``LEAST`` changes are counted together as ``other``; no document outweighs its style
    (:func:`evened`). ``normalised`` is only noted: normalise the
    pairs first. Line breaks, tabs and control characters count as spaces on either side.
    Pairs below the similarity ``floor`` are left out.

    Raises:
        UserError: fewer than ``LEAST`` changes in all.
    """
    # a line break stands for a space; noise is never put on one, so that lines stay
    spaced = (replace(pair, clean=pair.clean.translate(_SPACES), noisy=pair.noisy.translate(_SPACES)) for pair in pairs)
    aligned = prepare(spaced, floor=floor)
    groups: dict[str, dict[str, tuple[Alignment, ...]]] = defaultdict(dict)
    for name, pieces in aligned.documents.items():
        groups["all" if pooled or "/" not in name else name.split("/")[0]][name] = pieces
    changes = {name: sum(len(p.edits) for pieces in g.values() for p in pieces) for name, g in groups.items()}
    if sum(changes.values()) < LEAST:
        raise UserError(
            f"{sum(changes.values())} changes in {len(aligned.documents)} aligned documents "
            f"({_left_out(aligned.left_out)}); wanted at least {LEAST} to learn noise from; give more text"
        )
    small = [groups.pop(name) for name in changes if changes[name] < LEAST and len(changes) > 1]
    for group in small:
        groups["other"].update(group)  # a source may have that name
    # what no document changes is no style to draw from: its file would be refused
    groups = {name: g for name, g in groups.items() if any(p.edits for pieces in g.values() for p in pieces)}
    styles = {name: _style(evened(group)) for name, group in sorted(groups.items())}
    total = sum(style.characters for style in styles.values())
    weighed = {
        name: Style(**{**vars(style), "weight": float(f"{style.characters / total:.4g}")})
        for name, style in styles.items()
    }
    return NoiseModel(language, weighed, source, licence, tuple(normalised), aligned.left_out)


def _left_out(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "nothing left out"


def _style(documents: dict[str, tuple[Alignment, ...]]) -> Style:
    pieces = [piece for group in documents.values() for piece in group]
    segments = [[(p.clean[a:b], p.noisy[c:d]) for a, b, c, d in p.edits] for p in pieces]
    known = count_units(segment for row in segments for segment in row)
    letters = Counter(character for p in pieces for character in p.clean)
    alphabet = Alphabet(character for character, number in letters.items() if number >= FREQUENT)
    seen: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    changes: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    later: dict[str, Counter[str]] = defaultdict(Counter)
    chain = np.zeros((CHAIN, 3, 2, 4), dtype=np.int64)
    for piece, row in zip(pieces, segments, strict=True):
        around = EDGE + piece.clean + EDGE + EDGE
        seen.update(map("".join, zip(around, around[1:], around[2:], strict=False)))
        for edit, segment in zip(piece.edits, row, strict=True):
            context = around[edit[0] : edit[0] + 3]
            hit[context] += 1
            units = cut(segment, known)
            changes[context][units[0][0]][units[0][1]] += 1
            place = edit[0] + 1  # in ``around``, which has one character more before
            for index, unit in enumerate(units):
                place += len(unit[0])
                after = 1 + kind(units[index + 1]) if index + 1 < len(units) else 0
                chain[min(index, CHAIN - 1), kind(unit), int(around[place] == EDGE), after] += 1
            for unit in units[1:]:
                later[unit[0]][unit[1]] += 1
    rate = 1 / (1 + np.exp(-log_odds(alphabet, seen, hit).astype(np.float64).reshape(-1)))
    rates = [
        sum(p.distance for p in group) / sum(len(p.clean) for p in group)
        for group in documents.values()
        if sum(len(p.clean) for p in group) >= 500
    ]
    characters = sum(len(p.clean) for p in pieces)
    cer = sum(p.distance for p in pieces) / characters
    return Style(
        documents=len(documents),
        characters=characters,
        cer=round(cer, 5),
        seen=dict(sorted(seen.items())),
        hit=dict(sorted(hit.items())),
        changes=_plain(changes),
        chain=chain.tolist(),
        later=dict(sorted((source, dict(sorted(targets.items()))) for source, targets in later.items())),
        burst=fit_gaps([_gaps(group, alphabet, rate) for group in documents.values()]),
        rates=[round(float(rate), 5) for rate in np.quantile(rates or [cer], np.linspace(0, 1, 11))],
    )


def _gaps(pieces: tuple[Alignment, ...], alphabet: Alphabet, rate: NDArray[np.float64]) -> Gaps:
    """The gaps between the segments of a document, ``rate`` being the chance that one begins in each context."""
    found = Gaps([], [], [])
    for piece in pieces:
        if len(piece.edits) > 2:
            rates = rate[triples(alphabet.encode(piece.clean), alphabet.size, alphabet.id(EDGE))]
            expected = np.concatenate([[0.0], np.cumsum(rates)])
            starts = np.array([edit[0] for edit in piece.edits])[1:]
            free = np.array([edit[1] for edit in piece.edits])[:-1] + 1
            found.characters.append(starts - free + 1)
            found.before.append(expected[starts] - expected[free])
            found.after.append(expected[starts + 1] - expected[free])
    return found


_SPACES = dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029], EDGE)
"""Line breaks, tabs and control characters, which a model must not put into text."""


def _plain(changes: dict[str, dict[str, Counter[str]]]) -> Counts:
    return {
        context: {source: dict(sorted(targets.items())) for source, targets in sorted(sources.items())}
        for context, sources in sorted(changes.items())
    }
