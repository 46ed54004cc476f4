"""Grids by name: the paper's two experiments at the size of the model, thirds, and each layer alone.

The paper (arXiv 2409.16934) worked on Llama 2 7B, 32 layers of 11,008 neurons. Its counts are taken as parts of the
region's neurons there, and the same parts of the same region are edited in any other model. Settings are edits at test
time; training with neurons damped is `train --edit`, which makes another tagger for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.rank.regions import PAPER_DEPTH, at_depth, region
from ocr_neurons.sweep.grid import Setting, crossed, grid

PAPER_WIDTH = 11_008
"""Neurons a layer of Llama 2 7B."""
TENTHS = tuple(round(0.1 * step, 1) for step in range(1, 10))
FIRST_LAYERS = tuple(range(1_000, 10_001, 1_000))
LAYER = 25
ONE_LAYER = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
FACTORS = (0.0, 0.5, 1.5)
"""Silence, dampen, amplify: what the grids that are not the paper's do."""


def preset(
    name: str, ranked: NeuronSet, *, draws: int = 1, absolute: bool = False, reporter: Reporter = QUIET
) -> list[Setting]:
    """The settings of a preset, early layers first.

    ``absolute`` takes the paper's counts as they are; those above what the region has become all of it, and a line
    says so.

    Raises:
        UserError: no such preset, too few ranked neurons, or ``absolute`` for a preset that is not the paper's.
    """
    if name not in PRESETS:
        raise UserError(f"preset {name!r} given; wanted one of {', '.join(PRESETS)}{nearest(name, PRESETS)}")
    if absolute and name not in OF_THE_PAPER:
        raise UserError(f"--absolute given with {name}; it goes with {' and '.join(OF_THE_PAPER)} alone")
    if draws < 0:
        raise UserError(f"sweep: {draws} draws given; wanted 0 or more")
    return PRESETS[name](ranked, draws, absolute, reporter)


def _first_layers(ranked: NeuronSet, draws: int, absolute: bool, reporter: Reporter) -> list[Setting]:
    full = len(region("first", PAPER_DEPTH)) * PAPER_WIDTH
    counts = _counts(ranked, "first", FIRST_LAYERS, None if absolute else full, reporter)
    return crossed(ranked, "first", counts, TENTHS, draws)


def _layer_25(ranked: NeuronSet, draws: int, absolute: bool, reporter: Reporter) -> list[Setting]:
    name = f"layer-{at_depth(LAYER, ranked.layers)}"
    counts = _counts(ranked, name, ONE_LAYER, None if absolute else PAPER_WIDTH, reporter)
    return crossed(ranked, name, counts, (0.1, 0.5, 0.9), draws)


def _thirds(ranked: NeuronSet, draws: int, _absolute: bool, _reporter: Reporter) -> list[Setting]:
    return grid(ranked, ("first", "middle", "last"), (0.01, 0.05), FACTORS, draws)


def _every_layer(ranked: NeuronSet, draws: int, _absolute: bool, _reporter: Reporter) -> list[Setting]:
    return grid(ranked, [f"layer-{layer}" for layer in range(ranked.layers)], (0.1,), FACTORS, draws)


def _counts(ranked: NeuronSet, name: str, counts: Sequence[int], full: int | None, reporter: Reporter) -> list[int]:
    """The paper's counts, out of ``full`` neurons, for this model's region; as they are without ``full``."""
    size = len(region(name, ranked.layers)) * ranked.width
    if full is not None:
        return [max(1, round(count * size / full)) for count in counts]
    above = [f"{count:,}" for count in counts if count > size]
    if above:
        reporter.say(f"sweep: {', '.join(above)} neurons are more than the {size:,} of {name}; all of it is taken")
    return [min(count, size) for count in counts]


PRESETS: dict[str, Callable[[NeuronSet, int, bool, Reporter], list[Setting]]] = {
    "first-layers": _first_layers,
    "layer-25": _layer_25,
    "thirds": _thirds,
    "every-layer": _every_layer,
}
OF_THE_PAPER = ("first-layers", "layer-25")
