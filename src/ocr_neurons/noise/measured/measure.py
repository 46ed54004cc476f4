"""What the noise of aligned pairs looks like: rates, kinds of edits, confusions, burstiness, words hit.

Figures rest on the alignment, which is one shortest explanation among several and not what the recogniser did. Every
pair is aligned here, even one that brings an edit script of its own: scripts of two makers must not differ in style.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.presets import similarity_bin
from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.pairs import TextPair, similarity

LAGS = (1, 2, 3, 5, 10, 20, 50)
"""Distances in clean characters at which errors are looked for after an error."""
NEAR = 5
"""A segment that starts at most so many clean characters after the end of another is near it."""
SHORT = 3
"""Segments longer than this on either side are counted as ``"long"``."""
TOP = 100
"""How many of the most frequent confusions are shown and compared."""
KINDS = ("substitution", "insertion", "deletion")
SHAPES = ("1:1", "0:1", "1:0", "2:1", "1:2", "2:2", "long")
BINS = ("poor", "average", "good")
MARKS = ("spurious space", "missing space", "case", "accent")

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WORD, _HEAD, _TAIL = re.compile(r"\S+"), re.compile(r"\A\S*"), re.compile(r"(?:\A|(?<=\s))\S*\Z")

Confusion = tuple[str, str]


class Segment(NamedTuple):
    """What is to be said of a changed segment, apart from where it stands."""

    shape: str
    units: tuple[int, int, int]  # by KINDS
    marks: tuple[str, ...]


@lru_cache(maxsize=1 << 16)
def describe(source: str, target: str) -> Segment:
    """The shape, unit edits and marks of the segment that turns ``source`` into ``target``.

    n clean and m noisy characters are ``min(n, m)`` substitutions and ``|n - m|`` insertions or deletions.
    Marks: ``spurious space`` / ``missing space``: more / less white space than in the clean text; ``case``: one
    character for one that differs in case alone; ``accent``: equal but for combining marks (after NFD) and case.
    """
    n, m = len(source), len(target)
    marks = []
    spaces = sum(map(str.isspace, target)) - sum(map(str.isspace, source))
    if spaces:
        marks.append("spurious space" if spaces > 0 else "missing space")
    if n == m == 1 and source.lower() == target.lower():
        marks.append("case")
    elif _bare(source) == _bare(target):
        marks.append("accent")
    shape = f"{n}:{m}" if max(n, m) <= SHORT else "long"
    return Segment(shape, (min(n, m), max(0, m - n), max(0, n - m)), tuple(marks))


def _bare(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)).lower()


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted in one or more pairs; :func:`total` adds them up."""

    pairs: int = 0
    characters: int = 0  # of the clean side
    distance: int = 0  # unit edits of the alignment
    words: int = 0  # of the clean side, parted by white space
    word_edits: int = 0  # Levenshtein distance of the two sides in words
    words_hit: int = 0  # clean words an edit overlaps or touches; white space that stays white space touches none
    segments: int = 0  # changed segments
    starts: int = 0  # places where a segment could start: before a text and after each unchanged character
    followed: int = 0  # segments with at least NEAR clean characters after them
    near: int = 0  # those of them after which the next segment starts within 1 to NEAR clean characters
    touched: int = 0  # clean characters inside a segment or just after an insertion; none after one at the text's end
    controls: int = 0  # control characters on either side; tab, line feed and carriage return are none
    kinds: Counter[str] = field(default_factory=Counter)  # unit edits by kind
    shapes: Counter[str] = field(default_factory=Counter)  # segments by "clean:noisy" length, or "long"
    marks: Counter[str] = field(default_factory=Counter)  # segments by what describe() marks
    bins: Counter[str] = field(default_factory=Counter)  # words hit by similarity to what stands in their place
    confusions: Counter[Confusion] = field(default_factory=Counter)  # segments by (clean, noisy), long ones left out
    lags: Counter[tuple[int, str]] = field(default_factory=Counter)
    """By lag: "places", pairs of characters at that distance; of these touched the "first", the "second", "both"."""

    @property
    def cer(self) -> float:
        """Unit edits / clean characters."""
        return self.distance / max(1, self.characters)


def total(parts: Sequence[Counts]) -> Counts:
    """The sum of counts."""
    summed = {entry.name: getattr(Counts(), entry.name) for entry in fields(Counts)}
    for part in parts:
        for name, value in summed.items():
            if isinstance(value, Counter):
                value.update(getattr(part, name))
            else:
                summed[name] = value + getattr(part, name)
    return Counts(**summed)


def count(alignment: Alignment) -> Counts:
    """Count one aligned pair."""
    clean, noisy = alignment.clean, alignment.noisy
    edits = np.array(alignment.edits, dtype=np.int64).reshape(-1, 4)
    found = Counter([(clean[a:b], noisy[c:d]) for a, b, c, d in alignment.edits])
    kinds: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    marks: Counter[str] = Counter()
    for (source, target), times in found.items():
        segment = describe(source, target)
        shapes[segment.shape] += times
        for kind, units in zip(KINDS, segment.units, strict=True):
            kinds[kind] += units * times
        for mark in segment.marks:
            marks[mark] += times
    starts, ends = edits[:, 0], edits[:, 1]
    touched = _covered(starts, np.maximum(ends, starts + 1), len(clean))
    followed = ends + NEAR <= len(clean)
    near = starts[1:] - ends[:-1] <= NEAR
    words = [match.span() for match in _WORD.finditer(clean)]
    hit = _hit(alignment, words)
    bins = Counter(similarity_bin(_word_similarity(alignment, *words[index])) for index in hit)
    return Counts(
        pairs=1,
        characters=len(clean),
        distance=alignment.distance,
        words=len(words),
        word_edits=int(Levenshtein.distance(clean.split(), noisy.split(), score_hint=len(hit))),
        words_hit=len(hit),
        segments=len(edits),
        starts=1 + len(clean) - int((ends - starts).sum()),
        followed=int(followed.sum()),
        near=int((near & followed[:-1]).sum()),
        touched=int(touched.sum()),
        controls=sum(len(_CONTROL.findall(side)) for side in (clean, noisy)),
        kinds=+kinds,
        shapes=shapes,
        marks=marks,
        bins=bins,
        confusions=Counter({key: times for key, times in found.items() if max(map(len, key)) <= SHORT}),
        lags=Counter({(lag, name): times for lag in LAGS for name, times in _lag(touched, lag)}),
    )


def _covered(starts: NDArray[np.int64], ends: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """[length]: which positions lie in one of the spans; ends may stand behind the last position."""
    steps = np.bincount(starts, minlength=length + 2) - np.bincount(ends, minlength=length + 2)
    covered: NDArray[np.bool_] = np.cumsum(steps)[:length] > 0
    return covered


def _lag(touched: NDArray[np.bool_], lag: int) -> list[tuple[str, int]]:
    first, second = touched[:-lag], touched[lag:]
    sums = (("first", first.sum()), ("second", second.sum()), ("both", (first & second).sum()))
    return [("places", len(second)), *((name, int(value)) for name, value in sums)]


def _hit(alignment: Alignment, words: Sequence[tuple[int, int]]) -> list[int]:
    """Positions of the words that a segment overlaps or stands next to."""
    spans = np.array(words, dtype=np.int64).reshape(-1, 2)
    edits = [edit[:2] for edit in alignment.edits if not _layout(alignment, *edit)]
    bounds = np.array(edits, dtype=np.int64).reshape(-1, 2)
    first = np.searchsorted(spans[:, 1], bounds[:, 0], side="left")
    behind = np.searchsorted(spans[:, 0], bounds[:, 1], side="right")
    return [int(index) for index in np.flatnonzero(_covered(first, np.maximum(behind, first), len(words)))]


def _layout(alignment: Alignment, start: int, end: int, noisy_start: int, noisy_end: int) -> bool:
    """Whether white space stays white space: changed, doubled or thinned out, with the same words on either side."""
    source, target = alignment.clean[start:end], alignment.noisy[noisy_start:noisy_end]
    if source.strip() or target.strip():
        return False
    around = (alignment.clean[start - 1 : start] or " ") + (alignment.clean[end : end + 1] or " ")
    return bool(source and target) or not around.strip() or around[0].isspace() or around[1].isspace()


def _word_similarity(alignment: Alignment, start: int, end: int) -> float:
    """Similarity of a clean word to what stands in its place, letters inserted at its edges included."""
    clean, noisy = alignment.clean, alignment.noisy
    low, high = alignment.to_noisy(start, end)
    before = noisy[alignment.to_noisy(start - 1, start)[1] if start else 0 : low]
    after = noisy[high : alignment.to_noisy(end, end + 1)[0] if end < len(clean) else len(noisy)]
    return similarity(clean[start:end], _TAIL.findall(before)[0] + noisy[low:high] + _HEAD.findall(after)[0])


@dataclass(frozen=True, slots=True)
class NoiseStatistics:
    """The noise of a set of pairs.

    Attributes:
        total: everything that was counted.
        documents: the same by document, in order of appearance; the unit for intervals.
        refused: pairs left out because their similarity is below the floor.
    """

    total: Counts
    documents: tuple[Counts, ...]
    refused: int = 0

    def lag_curve(self) -> dict[int, float | None]:
        """By lag in clean characters: P(touched | touched so many before) / P(touched); 1 if errors are independent.

        Documents of unequal quality alone raise all of it: the value at the longest lag shows by how much.
        """
        rate, lags = _over(self.total.touched, self.total.characters), self.total.lags
        return {lag: _over(_over(lags[lag, "both"], lags[lag, "first"]), rate) for lag in LAGS}

    def after_error(self) -> tuple[float | None, float | None]:
        """P(a clean character is touched) when the one before it is, and when it is not."""
        places, first, second, both = (self.total.lags[1, name] for name in ("places", "first", "second", "both"))
        return _over(both, first), _over(second - both, places - first)

    def near_ratio(self) -> float | None:
        """How much more often a segment starts within ``NEAR`` clean characters of another than if independent.

        Independent: at each of the ``starts`` places with the same chance. Counts whole segments, so an n:m confusion
        does not raise it, as it raises the lag curve.
        """
        chance = _over(self.total.segments, self.total.starts) or 0.0
        return _over(_over(self.total.near, self.total.followed), 1 - (1 - chance) ** NEAR)

    def top_confusions(self, most: int = TOP) -> list[tuple[Confusion, int]]:
        """The most frequent (clean, noisy) segments and their counts; ties in order of text."""
        return sorted(self.total.confusions.items(), key=lambda item: (-item[1], item[0]))[:most]

    def figures(self) -> dict[str, float | None]:
        """All single figures by name; shares lie between 0 and 1, ``None`` where there was nothing to divide by."""
        counts = self.total
        cers = [document.cer for document in self.documents]
        rate, (after, otherwise) = _over(counts.touched, counts.characters), self.after_error()
        units, segments = counts.kinds.total(), counts.segments
        return {
            "pairs": counts.pairs,
            "documents": len(self.documents),
            "refused": self.refused,
            "clean characters": counts.characters,
            "CER": counts.cer,
            **{f"CER {name}": float(np.percentile(cers, q)) for name, q in (("p10", 10), ("median", 50), ("p90", 90))},
            "WER": _over(counts.word_edits, counts.words),
            "words hit": _over(counts.words_hit, counts.words),
            **{f"words hit: {name}": _over(counts.bins[name], counts.words_hit) for name in BINS},
            "unit edits": units,
            "of these in one document": _over(max(document.distance for document in self.documents), units),
            "segments": segments,
            **{kind: _over(counts.kinds[kind], units) for kind in KINDS},
            **{f"shape {shape}": _over(counts.shapes[shape], segments) for shape in SHAPES},
            "shape other": _over(segments - sum(counts.shapes[shape] for shape in SHAPES), segments),
            "space edits": _over(counts.marks["spurious space"] + counts.marks["missing space"], segments),
            **{mark: _over(counts.marks[mark], segments) for mark in MARKS},
            "P(error)": rate,
            "P(error after error)": after,
            "P(error after none)": otherwise,
            "after none / overall": _over(otherwise, rate),
            **{f"after error, lag {lag} / overall": value for lag, value in self.lag_curve().items()},
            f"segments within {NEAR} / independent": self.near_ratio(),
            "control characters": counts.controls,
        }

    def to_json(self) -> dict[str, Any]:
        """Figures, all shapes, and the ``TOP`` confusions as ``[clean, noisy, count]``."""
        return {
            "figures": self.figures(),
            "shapes": dict(sorted(self.total.shapes.items())),
            "confusions": [[source, target, times] for (source, target), times in self.top_confusions()],
        }

    def table(self, confusions: int = 20) -> str:
        """Figures and the most frequent confusions as text."""
        top = [
            f"{source!r} → {target!r}  {times}  ({times / self.total.segments:.2%})"
            for (source, target), times in self.top_confusions(confusions)
        ]
        return "\n".join([figures_table({"value": self}), "", "most frequent confusions, share of segments:", *top, ""])


def measure(pairs: Iterable[TextPair], floor: float = 0.0) -> NoiseStatistics:
    """Measure the noise of ``pairs``. Pairs of one ``source`` are one document; without a source each stands alone.

    ``left`` and ``right`` are not looked at. A pair whose alignment has a similarity below ``floor`` is refused and
    counted: its sides are hardly the same text.

    Raises:
        UserError: no pair, or no clean character, is left.
    """
    documents: dict[str | int, list[Counts]] = {}
    refused = given = 0
    for given, pair in enumerate(pairs, 1):
        alignment = align(pair.clean, pair.noisy)
        if alignment.similarity < floor:
            refused += 1
            continue
        documents.setdefault(pair.source or given, []).append(count(alignment))
    whole = tuple(total(parts) for parts in documents.values())
    summed = total(whole)
    if not summed.characters:
        raise UserError(
            f"{given} pairs, {refused} refused below similarity {floor:g}: no clean character to measure noise on; "
            "give pairs whose clean side holds text"
        )
    return NoiseStatistics(summed, whole, refused)


def figures_table(sets: Mapping[str, NoiseStatistics]) -> str:
    """The figures of one or more sets side by side, a row a figure, as a Markdown table."""
    columns = {name: statistics.figures() for name, statistics in sets.items()}
    names = list(next(iter(columns.values())))
    return markdown([["", *columns], *([name, *(show(c[name]) for c in columns.values())] for name in names)])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows, the first of them the header, as a Markdown table whose columns line up."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [cell.ljust(width) if not index else cell.rjust(width) for index, (cell, width) in enumerate(pairs)]
        for pairs in (list(zip(row, widths, strict=True)) for row in [rows[0], rule, *rows[1:]])
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def show(value: float | None) -> str:
    """A figure for a table: counts whole, others with four decimals, ``–`` for none."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _over(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
