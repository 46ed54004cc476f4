"""Presets: the paper's grids as the paper has them, and the same parts of smaller models."""

from __future__ import annotations

import io

import pytest

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.sweep.grid import CHOSEN, Setting
from ocr_neurons.sweep.presets import PRESETS, preset

TINY = planted.everything_ranked()  # 4 layers of 48


def ranked(layers: int, width: int) -> NeuronSet:
    """All neurons of a model of this size, in the order of their numbers."""
    everything = {layer: tuple(range(width)) for layer in range(layers)}
    scores = {layer: tuple(float(width - n) for n in range(width)) for layer in range(layers)}
    return NeuronSet("big", "neuron", layers, width, everything, scores)


LLAMA = ranked(32, 11_008)
SMOLLM = ranked(30, 1_536)


def shape(settings: list[Setting]) -> tuple[set[str], list[int], list[float]]:
    return (
        {setting.region for setting in settings},
        sorted({setting.count for setting in settings}),
        sorted({setting.factor for setting in settings}),
    )


@pytest.mark.parametrize("absolute", [True, False])
def test_in_llama_2_the_papers_numbers_are_the_papers(absolute):
    found = preset("first-layers", LLAMA, draws=0, absolute=absolute)
    tenths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert shape(found) == ({"first"}, list(range(1000, 10_001, 1000)), tenths)
    assert len(found) == 90
    one = preset("layer-25", LLAMA, draws=2, absolute=absolute)
    assert shape(one) == ({"layer-25"}, [100, 200, 500, 1000, 2000, 5000, 10_000], [0.1, 0.5, 0.9])
    assert len(one) == 7 * 3 * 3


def test_counts_are_the_same_parts_of_a_smaller_model():
    # 1,000 of 11 x 11,008 neurons, in 10 layers of 1,536; layer 25 of 32 is layer 23 of 30
    _, counts, _ = shape(preset("first-layers", SMOLLM))
    assert counts == [round(1000 * k * 15_360 / 121_088) for k in range(1, 11)] == [
        127, 254, 381, 507, 634, 761, 888, 1015, 1142, 1268,
    ]  # fmt: skip
    regions, counts, _ = shape(preset("layer-25", SMOLLM))
    assert regions == {"layer-23"}
    assert counts == [14, 28, 70, 140, 279, 698, 1395]


def test_absolute_counts_that_do_not_exist_become_all_there_is():
    stream = io.StringIO()
    found = preset("layer-25", SMOLLM, draws=0, absolute=True, reporter=Reporter(stream=stream))
    assert shape(found)[1] == [100, 200, 500, 1000, 1536]
    assert len(found) == 5 * 3, "three counts that are now the same stand once"
    assert "2,000, 5,000, 10,000 neurons are more than the 1,536 of layer-23" in stream.getvalue()


def test_every_layer_alone_in_order():
    found = preset("every-layer", TINY, draws=1)
    assert list(dict.fromkeys(setting.region for setting in found)) == ["layer-0", "layer-1", "layer-2", "layer-3"]
    assert all(setting.count == 5 for setting in found)
    for setting in found:
        assert set(setting.neurons(TINY, 1).counts()) == {int(setting.region[-1])}
    assert sum(setting.draw == CHOSEN for setting in found) * 2 == len(found) == 4 * 3 * 2


@pytest.mark.parametrize("name", PRESETS)
def test_settings_are_distinct_and_fit_the_model(name):
    found = preset(name, TINY, draws=2)
    assert len(set(found)) == len(found)
    for setting in found:
        assert setting.neurons(TINY, 1).count == setting.count


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("first-layer", {}, "preset 'first-layer' given; wanted one of first-layers.*nearest: first-layers"),
        ("thirds", {"absolute": True}, "--absolute given with thirds"),
        ("thirds", {"draws": -1}, "-1 draws given"),
    ],
)
def test_presets_that_make_no_sense(name, options, message):
    with pytest.raises(UserError, match=message):
        preset(name, TINY, **options)
    with pytest.raises(UserError, match="are ranked there; rank more"):
        preset("every-layer", TINY.top(10))
