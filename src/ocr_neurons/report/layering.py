"""Where the noise shows, as values for the page: curves over the layers, and what a placebo does beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.probe.profile import Profile
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.beyond import scored
from ocr_neurons.rank.choose import discovered
from ocr_neurons.rank.methods import score
from ocr_neurons.rank.paper import rank_paper
from ocr_neurons.rank.regions import regions
from ocr_neurons.rank.scored import Scored
from ocr_neurons.report.bands import banded, bands, curve, found_regions


@dataclass(frozen=True)
class Layering:
    """The profiles of a run, and the neurons that pass the paper's rule.

    ``kind`` names the placebo; ``rate`` is the false-discovery rate of the counts.
    """

    profiles: Profiles
    common: NeuronSet
    kind: str = "cased-letters"
    rate: float = 0.05

    @property
    def profile(self) -> Profile:
        """Of the noise."""
        return self.profiles.noise

    @property
    def placebo(self) -> Profile | None:
        """Of the placebo, or None."""
        return self.profiles.control

    @property
    def layers(self) -> int:
        """Number of layers."""
        return self.profile.layers

    def entry(self) -> dict[str, Any]:
        """The values under ``layers`` in ``details.json``."""
        profile, method = self.profile, self.common.method
        rule = (
            f"|noisy - clean| above its layer's mean + {method['threshold']:g} sd in at least "
            f"{method['share']:.0%} of the pairs"
        )
        return {
            "site": profile.about["site"],
            "width": profile.width,
            "count": profile.layers,
            "pairs": int(profile.pairs.sum()),
            "noise": profile.about.get("noise", ""),
            "levels": list(profile.levels),
            "cka": {level: curve(profile.cka(level)) for level in profile.levels},
            "mean_difference": {level: curve(profile.standardised_curve(level)) for level in profile.levels},
            "sensitive": [self.common.counts().get(layer, 0) for layer in range(profile.layers)],
            "sensitive_rule": rule,
            "regions": {
                name: members
                for name, members in regions(profile.layers).items()
                if name in ("first", "middle", "last")
            },
            "placebo": self._placebo(),
            "bands": bands(profile),
            "found": found_regions(profile),
        }

    def _placebo(self) -> dict[str, Any] | None:
        """What the placebo does: its curves, and how many neurons react steadily to the noise, to it, and to more."""
        if self.placebo is None:
            return None
        try:
            noise, other = score("effect", self.profile), score("effect", self.placebo)
            more = scored("effect", self.profiles)
        except UserError:  # too few words to say anything of single neurons
            return None
        found = [discovered(one, self.rate) for one in (noise, other, more, replace(more, score=-more.score))]
        return {
            "paired": self.profiles.contrast is not None,
            "kind": self.kind,
            "rate": self.rate,
            "words": self.profile.units(),
            "distance": _interval(self.profile),
            "placebo_distance": _interval(self.placebo),
            "noise_found": _counts(found[0]),
            "placebo_found": _counts(found[1]),
            "both_found": _counts(found[0] & found[1]),
            "specific_found": _counts(found[2]),
            "less_found": _counts(found[3]),
            "correlation": _correlation(noise, other),
        } | passing(self.placebo, self.common)


def passing(placebo: Profile, common: NeuronSet) -> dict[str, Any]:
    """By layer, how many neurons pass the rule of ``common`` under the placebo, and how many of those are in it."""
    passed = rank_paper(placebo, threshold=common.method["threshold"], share=common.method["share"])
    shared = {layer: set(members) & set(passed.indices.get(layer, ())) for layer, members in common.indices.items()}
    return {
        "sensitive": [passed.counts().get(layer, 0) for layer in range(placebo.layers)],
        "sensitive_both": [len(shared.get(layer, ())) for layer in range(placebo.layers)],
    }


def _interval(profile: Profile) -> dict[str, list[float | None]]:
    """Relative distance by layer, all levels together, with a 95 % interval by bootstrap over words."""
    return banded(profile.curve("distance")[0], profile.replicates("distance"))


def _counts(found: Any) -> list[int]:  # noqa: ANN401 - an array of bool
    return [int(count) for count in found.sum(1)]


def _correlation(noise: Scored, other: Scored) -> float | None:
    """Spearman's correlation of the signed effects of noise and of the placebo over all neurons."""
    from scipy.stats import spearmanr

    left, right = (np.ravel(scored.score * scored.sign) for scored in (noise, other))
    value = float(spearmanr(left, right, nan_policy="omit").statistic)
    return value if np.isfinite(value) else None
