"""The table of ranking methods: what noise does to neurons, or they to a loss, in; a score of every neuron out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.auroc import auroc
from ocr_neurons.rank.dose import dose
from ocr_neurons.rank.effect_size import effect, size
from ocr_neurons.rank.gains import contrast, predicted, signal_to_noise
from ocr_neurons.rank.paper import paper
from ocr_neurons.rank.patching import attribution_patching
from ocr_neurons.rank.scored import Scored


@dataclass(frozen=True)
class Method:
    """One way to score neurons.

    Attributes:
        function: what gives a :class:`Scored`; takes what it ``needs`` first, then ``group`` where that is a profile,
            then parameters. That of ``patching`` gives statistics that have ``scored()``.
        says: what a high score means, in one line.
        p: whether its scores have p-values, so that a false-discovery rate can be held.
        needs: what the scores are made from: a ``profile``; ``gains``, the gain gradients of a tagger's loss; or
            ``twins``, the loss on documents and on their clean twins.
        words: how many independent words (or windows) a profile must rest on at least.
    """

    function: Callable[..., Any]
    says: str
    p: bool
    needs: str = "profile"
    words: int = 0


METHODS: dict[str, Method] = {
    "paper": Method(paper, "changes more than most of its layer in most pairs (arXiv 2409.16934)", p=False),
    "effect": Method(effect, "moves in one direction, steadily: paired effect size over words", p=True, words=3),
    "size": Method(
        size, "moves far, in whichever direction: mean |d| in its own standard deviations", p=False, words=3
    ),
    "auroc": Method(auroc, "tells noisy words from clean ones on its own", p=True, words=3),
    "dose": Method(dose, "moves the further the more of the word is changed", p=True, words=4),
    "gain": Method(signal_to_noise, "damping it lowers the loss on noisy text, steadily", p=True, needs="gains"),
    "contrast": Method(contrast, "hurts on noisy text, and not on the same text when clean", p=True, needs="gains"),
    "predicted": Method(
        partial(predicted, high=1.0),
        "damping it is predicted to lower the loss, curvature counted",
        p=True,
        needs="gains",
    ),
    "patching": Method(
        attribution_patching, "the loss would fall if it did what it does on clean text", p=True, needs="twins"
    ),
}


PROFILED = {name: known for name, known in METHODS.items() if known.needs == "profile"}
"""Those that work from a profile."""
HALVES = ("effect", "size")
"""Methods that can score one half of the words apart from the other."""


def method(name: str) -> Method:
    """A method by name.

    Raises:
        UserError: no such method; the message names the nearest.
    """
    if name not in METHODS:
        raise UserError(f"method {name!r} given; wanted one of {', '.join(METHODS)}{nearest(name, METHODS)}")
    return METHODS[name]


def score(name: str, profile: Profile, group: str | None = None, **parameters: Any) -> Scored:  # noqa: ANN401 - passed on
    """Score all neurons of a profile by a method of the table.

    Raises:
        UserError: no such method, or one that does not work from a profile.
    """
    known = method(name)
    if known.needs != "profile":
        raise UserError(
            f"method {name!r} needs a tagger's loss, a profile given; make its scores with `ocr-neurons attribute`"
        )
    found: Scored = known.function(profile, group, **parameters)
    return found
