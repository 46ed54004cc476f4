"""How far one set of pairs is from another: real noise against synthetic, as distances and as figures side by side.

A distance between two finite samples is never 0, even of one and the same noise: read it beside ``within``, the
distance of two random halves of the real set, which is what perfect synthetic noise of that size would reach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.measured.measure import TOP, Counts, NoiseStatistics, markdown, measure, show
from ocr_neurons.text.pairs import TextPair

Floats = NDArray[np.float64]

FIGURES = (
    "CER",
    "CER median",
    "WER",
    "words hit",
    "words hit: poor",
    "space edits",
    "spurious space",
    "missing space",
    "case",
    "accent",
    "P(error after error)",
    "after none / overall",
    "segments within 5 / independent",
)
"""The figures a comparison shows, besides the distances and the lag curves."""


@dataclass(frozen=True, slots=True)
class Distance:
    """A total-variation distance: ½ Σ |p - q|, from 0 (same shares) to 1 (nothing in common).

    Attributes:
        value: between the two sets.
        interval: 95 % percentile bootstrap over documents of both sets, drawn apart; ``None`` if not asked for or if
            a set has fewer than two documents with edits. Resampling adds distance: it leans upwards where the sets
            are small or close.
        within: mean distance of two random halves of the real set's documents; ``None`` likewise. Halves are smaller
            than the sets, so it leans upwards too.
    """

    value: float
    interval: tuple[float, float] | None = None
    within: float | None = None


@dataclass(frozen=True, slots=True)
class NoiseComparison:
    """Real and synthetic noise side by side.

    ``kinds``: of unit edits (substitution, insertion, deletion). ``shapes``: of segments (``n:m``). ``confusions``: of
    segments, over the ``TOP`` most frequent confusions of the real set and one class for all others.
    """

    real: NoiseStatistics
    synthetic: NoiseStatistics
    kinds: Distance
    shapes: Distance
    confusions: Distance

    def differences(self) -> dict[str, tuple[float | None, float | None, float | None]]:
        """Single figures: real, synthetic, and synthetic minus real (positive: the synthetic noise has more)."""
        ours, theirs = self.real.figures(), self.synthetic.figures()
        names = [*FIGURES, *(name for name in ours if name.startswith("after error, lag"))]
        return {name: (ours[name], theirs[name], _minus(theirs[name], ours[name])) for name in names}

    def frequencies(self, most: int = TOP) -> list[tuple[str, str, float, float]]:
        """The real set's most frequent confusions: clean, noisy, share of real and of synthetic segments."""
        ours, theirs = self.real.total, self.synthetic.total
        return [
            (*key, times / ours.segments, theirs.confusions[key] / theirs.segments)
            for key, times in self.real.top_confusions(most)
        ]

    def to_json(self) -> dict[str, Any]:
        """Distances, figures and the shares of confusions."""
        return {
            "distances": {name: asdict(distance) for name, distance in self._distances().items()},
            "figures": {
                name: {"real": a, "synthetic": b, "difference": c} for name, (a, b, c) in self.differences().items()
            },
            "confusions": [list(row) for row in self.frequencies()],
        }

    def table(self, confusions: int = 20) -> str:
        """Distances, figures and the most frequent confusions as text."""
        distances = [
            [
                name,
                show(distance.value),
                "–" if distance.interval is None else "[{:.4f}, {:.4f}]".format(*distance.interval),
                show(distance.within),
            ]
            for name, distance in self._distances().items()
        ]
        figures = [[name, *map(show, row)] for name, row in self.differences().items()]
        shares = [f"{a!r} → {b!r}  {p:.2%}  {q:.2%}" for a, b, p, q in self.frequencies(confusions)]
        return "\n".join(
            [
                markdown([["total-variation distance", "value", "95 % interval", "real to real"], *distances]),
                "",
                markdown([["", "real", "synthetic", "difference"], *figures]),
                "",
                "most frequent confusions of the real set, share of real and of synthetic segments:",
                *shares,
                "",
            ]
        )

    def _distances(self) -> dict[str, Distance]:
        return {"kinds": self.kinds, "shapes": self.shapes, "confusions": self.confusions}


def compare(
    real: NoiseStatistics | Iterable[TextPair],
    synthetic: NoiseStatistics | Iterable[TextPair],
    draws: int = 0,
    seed: int = 0,
) -> NoiseComparison:
    """Compare two sets of pairs, or what :func:`~ocr_neurons.noise.measured.measure.measure` made of them.

    ``draws`` bootstrap draws give the intervals and as many random halvings the ``within`` distances; 0 leaves both
    out. Equal seeds give equal numbers. The sets need not hold the same texts, but a difference of texts shows as a
    difference of confusions: compare noise on the same or like texts.

    Raises:
        UserError: a set holds no edit, so that its edits have no shares.
    """
    ours, theirs = (_statistics(side, name) for side, name in ((real, "real"), (synthetic, "synthetic")))
    top = {key for key, _ in ours.top_confusions()}
    return NoiseComparison(
        ours,
        theirs,
        _distance([_kinds(c) for c in ours.documents], [_kinds(c) for c in theirs.documents], draws, seed, "kinds"),
        _distance([_shapes(c) for c in ours.documents], [_shapes(c) for c in theirs.documents], draws, seed, "shapes"),
        _distance(
            [_confusions(c, top) for c in ours.documents],
            [_confusions(c, top) for c in theirs.documents],
            draws,
            seed,
            "confusions",
        ),
    )


def total_variation(p: Floats, q: Floats) -> Floats:
    """½ Σ |p - q| over the last axis, each scaled to sum 1 there: [..., classes], [..., classes] → [...]."""
    shares = p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)
    distance: Floats = np.abs(shares[0] - shares[1]).sum(-1) / 2
    return distance


def _statistics(side: NoiseStatistics | Iterable[TextPair], name: str) -> NoiseStatistics:
    statistics = side if isinstance(side, NoiseStatistics) else measure(side)
    if not statistics.total.segments:
        raise UserError(
            f"the {name} pairs ({statistics.total.pairs}) hold no edit; wanted noise to compare; give noisy pairs"
        )
    return statistics


def _kinds(counts: Counts) -> Counter[Hashable]:
    return Counter(dict(counts.kinds))


def _shapes(counts: Counts) -> Counter[Hashable]:
    return Counter(dict(counts.shapes))


def _confusions(counts: Counts, top: set[tuple[str, str]]) -> Counter[Hashable]:
    shown: Counter[Hashable] = Counter({key: times for key, times in counts.confusions.items() if key in top})
    shown["other"] = counts.segments - shown.total()
    return shown


def _distance(
    real: Sequence[Counter[Hashable]], synthetic: Sequence[Counter[Hashable]], draws: int, seed: int, name: str
) -> Distance:
    """The distance of two sets given by document."""
    places = {
        key: index for index, key in enumerate(dict.fromkeys(key for part in [*real, *synthetic] for key in part))
    }
    ours, theirs = _matrix(real, places), _matrix(synthetic, places)
    value = float(total_variation(ours.sum(0), theirs.sum(0)))
    if not draws or min(len(ours), len(theirs)) < 2:
        return Distance(value)
    rng = generator(seed, "noise comparison", name)
    drawn = total_variation(_resampled(ours, draws, rng), _resampled(theirs, draws, rng))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Distance(value, (float(low), float(high)), _within(ours, draws, rng))


def _matrix(parts: Sequence[Counter[Hashable]], places: dict[Hashable, int]) -> Floats:
    """[documents with edits, classes]."""
    matrix = np.zeros((len(parts), len(places)))
    for row, part in enumerate(parts):
        for key, times in part.items():
            matrix[row, places[key]] = times
    kept: Floats = matrix[matrix.sum(1) > 0]
    return kept


def _resampled(matrix: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """[draws, classes]: sums over as many documents as there are, drawn with replacement."""
    count = len(matrix)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
    summed: Floats = weights @ matrix
    return summed


def _within(matrix: Floats, draws: int, rng: np.random.Generator) -> float:
    """The mean distance of two random halves of the documents; with an odd number one half has one more."""
    count = len(matrix)
    half = (np.argsort(rng.random((draws, count)), axis=1) < count // 2).astype(np.float64)
    return float(total_variation(half @ matrix, (1 - half) @ matrix).mean())


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b
