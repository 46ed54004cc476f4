"""The scores that a ranking method gives to every neuron."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Scored:
    """What one method says of every neuron; the arrays are ``[layers, width]``.

    Attributes:
        name: the method.
        score: float64, higher: the more the neuron reacts to noise, or hurts on noisy text.
        sign: +1 fires more (or hurts more) on noisy text, -1 less, 0 unknown.
        error: standard error of the score, or None where the method has none.
        p: two-sided p-value of the hypothesis that noise does nothing to the neuron, or None.
        about: parameters of the method and the counts that the scores rest on.
    """

    name: str
    score: Array
    sign: Array
    error: Array | None = None
    p: Array | None = None
    about: dict[str, Any] = field(default_factory=dict)
