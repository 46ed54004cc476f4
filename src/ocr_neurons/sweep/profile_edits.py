"""Edits made from what was measured: their vectors from a Profile, and the original's way of applying a factor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.legacy import compounded_factor

FROM_PROFILE = ("mean", "shift")


def edit_from_profile(
    neurons: NeuronSet, profile: Profile, operation: str, strength: float = 1.0, *, group: str | None = None
) -> Edit:
    """``mean`` or ``shift`` of ``neurons``, with the means that ``profile`` has of them.

    Args:
        neurons: of the model that was profiled.
        profile: read at the site ``neuron``, in all layers that ``neurons`` has members in.
        operation: ``mean`` (the clean mean) or ``shift`` (the clean mean minus the noisy mean).
        strength: see :data:`~ocr_neurons.neutralise.operations.OPERATIONS`; below 0 is away from the clean mean.
        group: noise level or other group of the profile; None is all words.

    The means are over a word's own sub-words, each word counted once: not over all the text an edit later acts on.

    Raises:
        UserError: another operation, site or model, a layer that was not read, or a group without words.
    """
    if operation not in FROM_PROFILE:
        raise UserError(f"edit: operation {operation!r} given; a profile has values for {' and '.join(FROM_PROFILE)}")
    site, model = profile.about.get("site", neurons.site), profile.about.get("fingerprint", neurons.model)
    if (site, profile.width) != (neurons.site, neurons.width) or model != neurons.model:
        raise UserError(
            f"edit: a profile of {profile.width} {site}s a layer in model {model} and neurons of {neurons.width} "
            f"{neurons.site}s in model {neurons.model} given; wanted one model and site; rank this profile"
        )
    rows = {int(layer): row for row, layer in enumerate(profile.about.get("read", range(profile.layers)))}
    missing = sorted(set(neurons.counts()) - set(rows))
    if missing:
        raise UserError(f"edit: the profile has not read layer {missing[0]}, where there are neurons; probe it too")
    values = profile.clean_mean(group) if operation == "mean" else -profile.mean(group)
    chosen: dict[int, tuple[float, ...]] = {}
    for layer, count in neurons.counts().items():
        found: np.ndarray[Any, np.dtype[np.float64]] = values[rows[layer], list(neurons.indices[layer])]
        if not np.isfinite(found).all():
            raise UserError(f"edit: the profile has no mean of {count} neurons of layer {layer}; too few words in it")
        chosen[layer] = tuple(found.tolist())
    return Edit(neurons, strength, operation, chosen)


def legacy_edit(neurons: NeuronSet, factor: float) -> Edit:
    """What the original's released code does when asked to multiply by ``factor``: with n layers, by factor ** n.

    It runs once over all layers for each of them (see :data:`ocr_neurons.rank.legacy.LEGACY`). For comparison only.

    Raises:
        UserError: the set is empty.
    """
    compounded = compounded_factor(factor, list(neurons.counts()))
    method = {**neurons.method, "legacy": "compounded-factor", "asked_factor": factor}
    return Edit.scale(replace(neurons, method=method), compounded)
