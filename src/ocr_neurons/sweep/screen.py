"""Screening: a cheap prediction of every setting's effect, so that exact evaluation is spent on the promising ones.

The effect of a setting is predicted as the sum of what is predicted for its neurons one by one
(:func:`ocr_neurons.rank.gains.predicted`), which leaves out that neurons act together. It is about the loss, and F1 is
what is measured. So how well the two agree is said after every screened sweep, and screening is off by default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from scipy.stats import spearmanr

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import mask
from ocr_neurons.rank.gains import Gains, predicted
from ocr_neurons.rank.scored import Array
from ocr_neurons.rank.scored_file import holds_scores, load_scored
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.sweep.grid import CHOSEN, EditMaker, Setting
from ocr_neurons.sweep.store import Trial


@dataclass(frozen=True)
class Predictor:
    """What a file of ``attribute`` predicts.

    Attributes:
        effect: from a factor to ``[layers, width]``: by how much the loss falls when this neuron alone is multiplied
            by it.
        model: the fingerprint of the tagger that it was made with; empty where it is not known.
    """

    effect: Callable[[float], Array]
    model: str = ""

    @staticmethod
    def load(path: Path) -> Predictor:
        """Gain gradients predict for every factor, scores for damping and amplifying.

        Scores say how much damping a neuron helps, by whatever measure; amplifying counts as the opposite.

        Raises:
            UserError: the file is neither, or was made on test, which may not choose what is scored.
        """
        if holds_scores(path):
            scored = load_scored(path)
            score, about = scored.score, scored.about
            made = Predictor(lambda factor: score if factor < 1 else -score, str(about.get("fingerprint", "")))
        else:
            gains = Gains.load(path)
            about = gains.about
            made = Predictor(lambda factor: predicted(gains, factor).score, str(about.get("fingerprint", "")))
        if about.get("split") == "test":
            raise UserError(f"{path}: made on test, which must not choose what is scored; make it with --split dev")
        return made


def predictions(settings: Sequence[Setting], edits: EditMaker, predictor: Predictor) -> dict[Setting, float]:
    """For each setting the predicted fall of the loss; higher: more promising.

    Raises:
        UserError: the predictions are of a model of another shape, or a setting does not multiply.
    """
    found, by_factor = {}, {}
    for setting in settings:
        if setting.operation not in ("scale", "zero"):
            raise UserError(f"screening: {setting.operation} given; factors alone can be predicted; screen scale, zero")
        if setting.factor not in by_factor:
            by_factor[setting.factor] = predictor.effect(setting.factor)
        values, members = by_factor[setting.factor], mask(edits.of(setting).neurons)
        if values.shape != members.shape:
            raise UserError(
                f"screening: scores of {values.shape[0]} layers x {values.shape[1]} given, the model has "
                f"{members.shape[0]} x {members.shape[1]}; make them with this tagger"
            )
        found[setting] = float(values[members].sum())
    return found


def screened(settings: Sequence[Setting], promise: Mapping[Setting, float], share: float) -> list[Setting]:
    """The most promising ``share`` of the settings of ranked neurons, at least one, and the random twins of those.

    Raises:
        UserError: a share that is none.
    """
    if not 0 < share <= 1:
        raise UserError(f"--screen-share {share:g} given; wanted a part above 0 up to 1")
    own = [setting for setting in settings if setting.draw == CHOSEN]
    kept = set(sorted(own, key=lambda setting: (-promise[setting], setting))[: ceil(share * len(own))])
    return [setting for setting in settings if replace(setting, draw=CHOSEN) in kept]


def agreement(trials: Sequence[Trial], baseline: Scores, promise: Mapping[Setting, float]) -> float:
    """Spearman's rank correlation of predicted and measured effects over all that was measured; NaN for too few."""
    plain = baseline.total("strict").f1
    pairs = [(promise[t.setting], t.scores.total("strict").f1 - plain) for t in trials if t.setting in promise]
    if len(pairs) < 3 or any(len({pair[side] for pair in pairs}) < 2 for side in (0, 1)):
        return float("nan")
    return float(spearmanr(*zip(*pairs, strict=True)).statistic)
