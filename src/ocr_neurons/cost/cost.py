"""The noise cost of a tagger on one split of a data set: all that is measured, as values and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.cost.curve import DRAWS, RATES, Curve, Loss, Tag, check_curve, cost_curve
from ocr_neurons.cost.measured import MeasuredCost, measure_cost
from ocr_neurons.noise.learned.apply import NoiseMaker, language_noise, load_noise
from ocr_neurons.score.table import to_dict
from ocr_neurons.text.datasets import Dataset

CLEAN, GIVEN = "the clean text", "the text as OCR read it, on top of its own errors"
"""What the noise of the curve is added to."""
USUAL = 0.05
"""The rate asked about where the text's own is not known."""


@dataclass(frozen=True)
class Plan:
    """How the curve is made, and the rate to answer for.

    ``noise`` is a learned model by name or file; empty: that of the documents' language. ``rates`` are the error rates
    of the curve, each tagged ``draws`` times; ``spread`` lets documents differ in their rates as real ones do. ``at``
    is the rate asked about; ``None``: that of the data's own OCR where clean twins show it, else 5 %, and no more than
    the curve reaches.
    """

    noise: str = ""
    rates: tuple[float, ...] = RATES
    draws: int = DRAWS
    spread: bool = False
    at: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        check_curve(self.rates, self.draws)
        if self.at is not None and not 0 <= self.at <= max(self.rates):
            raise UserError(
                f"--at {self.at:g}; wanted a rate within those of the curve, 0 to {max(self.rates):g}, such as 0.05 "
                "for 5 %; --cer with higher rates makes the curve longer"
            )


@dataclass(frozen=True)
class NoiseCost:
    """What OCR errors cost a tagger. ``base`` says what the noise of the curve was added to; ``at`` is the answer."""

    data: str
    split: str
    measured: MeasuredCost
    curve: Curve
    noise: str
    base: str
    spread: bool
    at: Loss
    asked: float | None = None
    """The rate that was asked about, of which ``at`` may fall short."""

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
                "spread": self.spread,
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
    tag: Tag, data: Dataset, split: str = "test", plan: Plan | None = None, reporter: Reporter = QUIET
) -> NoiseCost:
    """Measure what OCR errors cost the tagger ``tag`` on a split of ``data``.

    Learned noise is added to the clean twins where their whole text is clean, else to the documents as OCR read them,
    on top of the noise that they have.

    Raises:
        UserError: an empty split, or no noise model for its language.
    """
    plan = plan or Plan()
    documents = data.require(split)
    name = plan.noise or language_noise(documents)
    maker = NoiseMaker(load_noise(name))
    twins = data.clean_twins.get(split, ())
    reporter.say(f"tagging {len(documents)} documents of {data.name}, {split} …")
    measured = measure_cost(data, split, tag(documents), tag(twins) if twins else (), plan.seed)
    text = data.clean_text(split)
    curve = cost_curve(tag, text, maker, plan.rates, plan.draws, plan.seed, reporter, spread=plan.spread)
    own = measured.twin.cer if measured.twin else None
    wanted = plan.at if plan.at is not None else own if own is not None else USUAL
    at = curve.at(min(wanted, max(point.reached for point in curve.points)))
    base = CLEAN if data.twin_scope == "text" and twins else GIVEN
    return NoiseCost(data.name, split, measured, curve, name, base, plan.spread, at, plan.at)
