"""F1 against the character error rate: learned noise added to a text, tagged anew, several times at each rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.common.seeds import derive, generator
from ocr_neurons.noise.learned.apply import NoiseMaker, NoisyDocument, spread_rates
from ocr_neurons.score.evaluate import MODES, Mode, Scores, evaluate, pooled
from ocr_neurons.score.intervals import Difference, Interval, compare, f1_draws, f1_interval, percentile_interval
from ocr_neurons.score.matching import scored_entities, scored_positions
from ocr_neurons.score.table import difference_to_dict
from ocr_neurons.text.document import Document

Tag = Callable[[Sequence[Document]], list[Document]]
"""A tagger: documents in, the same documents with predicted labels out."""
RATES = (0.02, 0.05, 0.1, 0.15, 0.2)
DRAWS = 3
BOOTSTRAP = 10_000


@dataclass(frozen=True)
class Point:
    """Scores at one rate of added noise, the counts of all draws of noise added up document by document.

    ``cer`` was asked for, ``reached`` is the mean over draws. ``f1s`` are the strict F1 of single draws. ``lost``
    counts entities (over all draws) of which noise left no token, such as a name glued into its neighbour; they are
    in the scores as missed.
    """

    cer: float
    reached: float
    scores: Scores
    f1s: tuple[float, ...]
    lost: int


@dataclass(frozen=True)
class Loss:
    """What is lost at one rate: ``f1`` and ``recall`` there, ``loss`` of F1 since rate 0 (positive: it got worse).

    ``interval`` is that of the loss, ``None`` with one document.
    """

    cer: float
    f1: float
    recall: float
    loss: float
    interval: Interval | None


@dataclass(frozen=True)
class Curve:
    """Points by rising rate, the first at 0: the same text, cut into tokens as all others are, without noise."""

    points: tuple[Point, ...]
    draws: int
    seed: int

    def difference(self, point: Point, mode: Mode = "strict") -> Difference:
        """F1 at a point minus F1 without noise, paired by document (negative: noise costs)."""
        return compare(point.scores, self.points[0].scores, mode, seed=self.seed)

    def at(self, cer: float, mode: Mode = "strict") -> Loss:
        """The loss at any rate within the curve, by straight lines between its points.

        The interval is the bootstrap's over documents, the two points at hand weighed in every draw.

        Raises:
            UserError: the curve does not reach so far.
        """
        rates = [point.reached for point in self.points]
        if not 0 <= cer <= max(rates):
            raise UserError(
                f"character error rate {cer:g}; the curve reaches from 0 to {max(rates):.4g}; "
                "ask within it, or for a longer curve with --cer"
            )
        weights = np.array([np.interp(cer, rates, row) for row in np.eye(len(rates))])
        totals = [point.scores.total(mode) for point in self.points]
        f1 = float(weights @ [total.f1 for total in totals])
        recall = float(weights @ [total.recall for total in totals])
        interval = None
        if len(self.points[0].scores.ids) > 1:
            drawn = [f1_draws(point.scores, mode, BOOTSTRAP, self.seed) for point in self.points]
            interval = percentile_interval(drawn[0] - weights @ np.stack(drawn), 0.95)
        return Loss(cer, f1, recall, totals[0].f1 - f1, interval)

    def entry(self) -> list[dict[str, Any]]:
        """The points for JSON; ``difference`` is to the text without noise."""
        return [
            {
                "cer": point.cer,
                "reached": point.reached,
                "entities_lost": point.lost,
                "f1_of_draws": list(point.f1s),
                **{mode: self._mode_entry(point, mode) for mode in MODES},
            }
            for point in self.points
        ]

    def _mode_entry(self, point: Point, mode: Mode) -> dict[str, Any]:
        total = point.scores.total(mode)
        return {
            "f1": total.f1,
            "recall": total.recall,
            "ci95": list(f1_interval(point.scores, mode, seed=self.seed)),
            "difference": difference_to_dict(self.difference(point, mode)),
        }


def cost_curve(
    tag: Tag,
    documents: Sequence[Document],
    noise: NoiseMaker,
    rates: Sequence[float] = RATES,
    draws: int = DRAWS,
    seed: int = 1,
    reporter: Reporter = QUIET,
    *,
    spread: bool = False,
) -> Curve:
    """Tag ``documents`` with noise at each rate, ``draws`` times, and score them.

    With ``spread`` the rates of documents differ, around each rate, as those of the noise model's own documents do;
    otherwise all documents have the same.

    The noise of a document depends on the seed, the draw and the document alone; at another rate the same random
    numbers stand behind it, so that what is damaged at 5 % is mostly damaged at 10 % as well.

    Raises:
        UserError: no rate, one that is none, or fewer than one draw.
    """
    check_curve(rates, draws)
    wanted = sorted(set(rates) - {0.0})
    types = {entity.type.upper() for document in documents for entity in document.entities()}
    runs = [(rate, draw) for rate in wanted for draw in range(draws)]
    found: dict[float, list[_Draw]] = {rate: [] for rate in (0.0, *wanted)}
    for rate, draw in reporter.track([(0.0, 0), *runs], "tagging noisy text"):
        own = _rates(noise, documents, rate, draw, seed) if spread and rate else [rate] * len(documents)
        noisy = [
            noise.corrupt_document(document, generator(seed, "noise cost", draw, place, document.id), cer=own[place])
            for place, document in enumerate(documents)
        ]
        found[rate].append(_scored(tag, documents, noisy, types))
    found[0.0] *= draws  # without noise all draws are the same
    points = [_point(rate, several) for rate, several in found.items()]
    return Curve(tuple(sorted(points, key=lambda point: point.reached)), draws, seed)


def check_curve(rates: Sequence[float], draws: int) -> None:
    """Refuse rates that make no curve, or no draw; a UserError."""
    if not any(rates) or not all(0 <= rate <= 1 for rate in rates):
        raise UserError(f"rates {', '.join(f'{rate:g}' for rate in rates) or 'none'}; wanted some such as 0.02,0.05")
    if draws < 1:
        raise UserError(f"{draws} draws of noise; wanted at least 1; 3 are usual")


@dataclass(frozen=True)
class _Draw:
    scores: Scores
    lost: int
    reached: float


def _rates(noise: NoiseMaker, documents: Sequence[Document], rate: float, draw: int, seed: int) -> list[float]:
    """A rate for each document, with the wanted mean; ids may repeat, so their places name them."""
    names = [f"{place} {document.id}" for place, document in enumerate(documents)]
    drawn = spread_rates(noise.model, names, rate, derive(seed, "noise cost", draw))
    return [drawn[name] for name in names]


def _scored(tag: Tag, clean: Sequence[Document], noisy: Sequence[NoisyDocument], types: set[str]) -> _Draw:
    """Scores on noisy documents; an entity of the clean side that nothing can find any more counts as missed."""
    gold = [made.document for made in noisy]
    missed = [_held(before) - _left(after) for before, after in zip(clean, gold, strict=True)]
    scores = evaluate(gold, tag(gold), types=types).with_missed(missed)
    edits = sum(max(b - a, d - c) for made in noisy for a, b, c, d in made.pair.edits)
    characters = sum(len(made.pair.clean) for made in noisy)
    return _Draw(scores, sum(sum(row.values()) for row in missed), edits / max(1, characters))


def _held(document: Document) -> Counter[str]:
    """All entities of a document by type, those too whose tokens do not count in scores."""
    return Counter(entity.type.upper() for entity in document.entities())


def _left(document: Document) -> Counter[str]:
    """The entities that can be found in scores: not those of which every token has a ``#``."""
    return Counter(entity.type for entity in scored_entities(document, scored_positions(document)))


def _point(rate: float, draws: Sequence[_Draw]) -> Point:
    return Point(
        rate,
        float(np.mean([draw.reached for draw in draws])),
        pooled([draw.scores for draw in draws]),
        tuple(draw.scores.total().f1 for draw in draws),
        sum(draw.lost for draw in draws),
    )
