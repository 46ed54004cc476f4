"""Whether neurons were found in the tagger that they are used in, or in the model that it was trained from."""

from __future__ import annotations

from collections.abc import Iterable

from ocr_neurons.common.progress import Reporter
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import neuron_maps, neuron_width
from ocr_neurons.ner.tagger import Tagger

BASE_FINGERPRINT = "base_fingerprint"
"""The field of a tagger's card."""


def strangers(tagger: Tagger, sets: Iterable[NeuronSet]) -> str:
    """A sentence if some neurons were found in other weights, else nothing.

    Neurons of the base model are those of the tagger, more or less: adapters move them a little. In any other model of
    the same shape the same numbers mean other neurons, and an edit of them is one of random neurons. Sets of another
    shape are passed over: edits refuse them.
    """
    shape = len(neuron_maps(tagger.model)), neuron_width(tagger.model)
    found = {neurons.model for neurons in sets if neurons.model and (neurons.layers, neurons.width) == shape}
    own, base = fingerprint(tagger.trunk), str(tagger.info.get(BASE_FINGERPRINT, ""))
    others = sorted(found - {own, base})
    if not others:
        return ""
    known = f"nor in the model it was trained from ({base})" if base else "its card does not say of which base it is"
    return (
        f"the neurons were found in other weights ({', '.join(others)}) than this tagger's ({own}), {known}; in "
        "another model the same numbers are other neurons. Probe this tagger, or its base model, to find its own"
    )


def warn_of_strangers(tagger: Tagger, sets: Iterable[NeuronSet], where: object, reporter: Reporter) -> None:
    """Say so, quiet or not, if neurons of the file ``where`` were found in other weights."""
    if said := strangers(tagger, sets):
        reporter.warn(f"{where}: {said}")
