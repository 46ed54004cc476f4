"""What the details of runs of earlier versions lack and their profiles still tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.probe.profile_file import load_profile
from ocr_neurons.report.bands import bands, found_regions
from ocr_neurons.report.fields import Field
from ocr_neurons.report.layering import passing

PROFILE, PLACEBO, NEURONS = "profile.safetensors", "profile-control.safetensors", "neurons.json"


def completed(folder: Path, layers: Field) -> Field:
    """The values under ``layers``, with intervals, bins and regions from the profile where they lack them.

    Unchanged where they have them, or where the folder holds no profile.

    Raises:
        UserError: a profile that is none.
    """
    known = layers.entries()
    if "bands" in known or not (folder / PROFILE).is_file():
        return layers
    profile = load_profile(folder / PROFILE)
    value: dict[str, Any] = dict(layers.value)
    value |= {"bands": bands(profile), "found": found_regions(profile)}
    placebo, files = value.get("placebo"), (folder / PLACEBO, folder / NEURONS)
    if isinstance(placebo, dict) and "sensitive" not in placebo and all(path.is_file() for path in files):
        value["placebo"] = placebo | passing(load_profile(files[0]), NeuronSet.load(files[1]))
    return Field(value, layers.path, layers.key)
