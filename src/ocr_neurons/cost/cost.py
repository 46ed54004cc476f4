"""The noise cost of a tagger on one split of a data set: all that is measured, as values and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.cost.curve import DRAWS, RATES, Curve, Loss, Tag, cost_curve
from ocr_neurons.cost.measured import MeasuredCost, measure_cost
from ocr_neurons.noise.learned.apply import SHIPPED, NoiseMaker, load_noise
from ocr_neurons.score.table import to_dict
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document

CLEAN, GIVEN = "the clean text", "the text as OCR read it, on top of its own errors"
"""What the noise of the curve is added to."""
USUAL = 0.05
"""The rate asked about where the text's own is not known."""


@dataclass(frozen=True)
class NoiseCost:
    """What OCR errors cost a tagger. ``base`` says what the noise of the curve was added to; ``at`` is the answer."""

    data: str
    split: str
    measured: MeasuredCost
    curve: Curve
    noise: str
    base: str
    at: Loss

    def entry(self) -> dict[str, Any]:
        """All values for JSON."""
        return {
            "data": self.data,
            "split": self.split,
            "seed": self.curve.seed,
            "chosen_on_this_split": False,
            "scores": to_dict(self.measured.scores, seed=self.curve.seed),
            "noise_cost": self.measured.entry(self.curve.seed),
            "curve": {
                "noise": self.noise,
                "added_to": self.base,
                "draws": self.curve.draws,
                "points": self.curve.entry(),
            },
            "at": {
                "cer": self.at.cer,
                "f1": self.at.f1,
                "recall": self.at.recall,
                "loss": self.at.loss,
                "ci95": list(self.at.interval) if self.at.interval else None,
            },
        }


def noise_cost(
    tag: Tag,
    data: Dataset,
    split: str = "test",
    *,
    noise: str | None = None,
    rates: Sequence[float] = RATES,
    draws: int = DRAWS,
    at: float | None = None,
    seed: int = 1,
    reporter: Reporter = QUIET,
) -> NoiseCost:
    """Measure what OCR errors cost the tagger ``tag`` on a split of ``data``.

    ``noise`` is a learned model by name or file; unless given, that of the data's language. It is added to the clean
    twins where their whole text is clean, else to the documents as OCR read them, on top of the noise that they have.
    ``at`` is the character error rate to answer for; unless given, that of the data's OCR where clean twins show it,
    else 5 %, and never more than the curve reaches.

    Raises:
        UserError: an empty split, no noise model for the language, rates or ``at`` out of reach.
    """
    documents = data.require(split)
    name = noise or language_noise(documents)
    maker = NoiseMaker(load_noise(name))
    if at is not None and not 0 <= at <= max(rates, default=0):
        raise UserError(f"--at {at:g}; wanted a rate within those of the curve, 0 to {max(rates, default=0):g}")
    twins = data.clean_twins.get(split, ())
    reporter.say(f"tagging {len(documents)} documents of {data.name}, {split} …")
    measured = measure_cost(data, split, tag(documents), tag(twins) if twins else (), seed)
    clean = data.twin_scope == "text" and bool(twins)
    curve = cost_curve(tag, data.clean_text(split), maker, rates, draws, seed, reporter)
    reach = max(point.reached for point in curve.points)
    own = measured.twin.cer if measured.twin else None
    wanted = at if at is not None else own if own is not None else USUAL
    return NoiseCost(
        data.name,
        split,
        measured,
        curve,
        name,
        CLEAN if clean else GIVEN,
        curve.at(min(wanted, reach)),
    )


def language_noise(documents: Sequence[Document]) -> str:
    """The name of the noise model for the documents' language; a UserError where there is no one such."""
    languages = sorted({document.language for document in documents})
    if len(languages) == 1 and languages[0] in SHIPPED:
        return languages[0]
    known = ", ".join(SHIPPED)
    raise UserError(
        f"documents in {', '.join(name or 'no named language' for name in languages)}: which noise? "
        f"name a model with --noise: {known}, or a file of `noise learn`"
    )
