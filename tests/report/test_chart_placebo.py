from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sample
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.profile import Profile, freeze
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.report.chart_placebo import placebo_chart, sentence
from ocr_neurons.report.inputs import Run, read_run
from ocr_neurons.report.layering import Layering
from ocr_neurons.report.page import render
from ocr_neurons.report.style import NARROW, WIDE, styled

WORDS, WIDTH = 60, 20


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return read_run(sample.write_run(tmp_path / "run", sample.summary(), sample.details(), sample.manifest()))


def profile(moved: list[int], seed: int) -> Profile:
    """One level, two layers; the neurons ``moved`` of layer 1 go up by three standard deviations."""
    import torch

    rng = np.random.default_rng(seed)
    clean = rng.normal(size=(2, WORDS, WIDTH))
    noisy = clean + rng.normal(size=clean.shape)
    noisy[1][:, moved] += 3
    accumulator = Accumulator(2, WIDTH, ["low"])
    rows = Rows([0] * WORDS, [f"w{i}" for i in range(WORDS)], [0.2] * WORDS, "c")
    accumulator.update(torch.from_numpy(clean), torch.from_numpy(noisy), rows)
    return freeze(accumulator, {"site": "neuron", "fingerprint": "f", "read": [0, 1], "depth": 2})


def layering(placebo: Profile | None) -> Layering:
    common = NeuronSet("f", "neuron", 2, WIDTH, {}, {}, {"threshold": 1.0, "share": 0.9})
    return Layering(Profiles(profile([3, 5, 7], 1), placebo), common)


def test_neurons_are_told_apart_from_those_that_any_change_moves() -> None:
    entry = layering(profile([5, 7, 9], 2)).entry()["placebo"]
    assert entry["noise_found"][1] >= 3
    assert entry["both_found"] == [0, 2]
    assert entry["specific_found"] == [0, 1]
    assert entry["words"] == WORDS
    assert entry["distance"]["low"][0] < entry["distance"]["mean"][0] < entry["distance"]["high"][0]
    # |d| / |clean| of the second layer is raised by three neurons that move by 3
    assert entry["distance"]["mean"][1] > entry["distance"]["mean"][0] + 0.3


def test_without_a_placebo_nothing_is_said() -> None:
    assert layering(None).entry()["placebo"] is None


def test_the_chart_shows_the_numbers(run: Run) -> None:
    chart = placebo_chart(run.layers)
    assert chart is not None
    assert run.layers.placebo is not None
    figure = chart.draw(7.1)
    top, bottom = figure.axes
    np.testing.assert_allclose(top.lines[0].get_ydata(), run.layers.placebo.distance["mean"])
    np.testing.assert_allclose(top.lines[1].get_ydata(), run.layers.placebo.placebo_distance["mean"])
    heights = [patch.get_height() for patch in bottom.patches]
    assert heights == [*run.layers.placebo.noise_found, *run.layers.placebo.both_found, *[2] * run.layers.count]
    assert chart.table.rows[3] == ("3", "0.930", "0.730", "13", "8", "2")


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_legend_stands_over_the_bars_and_under_the_title(run: Run, width: float) -> None:
    chart = placebo_chart(run.layers)
    assert chart is not None
    with styled():
        figure = chart.draw(width)
        figure.canvas.draw()
    axes = figure.axes[1]
    legend, title = axes.get_legend(), axes._left_title  # type: ignore[attr-defined]
    assert legend is not None
    box = legend.get_window_extent()
    assert box.y0 >= axes.get_window_extent().y1
    assert box.y1 <= title.get_window_extent().y0
    assert box.x1 <= figure.bbox.x1


def test_the_sentence_gives_the_counts(run: Run) -> None:
    assert run.layers.placebo is not None
    said = sentence(run.layers.placebo)
    assert "Of 735 neurons" in said
    assert "585 move steadily under the placebo too (rank correlation of their effects: 0.81)" in said
    assert "60 of all neurons move further under noise than under the placebo." in said
    less = replace(run.layers.placebo, less_found=(2,) * run.layers.count)
    assert sentence(less).endswith(f", {2 * run.layers.count} less far or the other way.")
    nothing = replace(run.layers.placebo, noise_found=(0,) * run.layers.count)
    assert sentence(nothing).startswith("No neuron moves steadily")


def test_the_page_has_the_section_only_with_a_placebo(run: Run) -> None:
    assert "OCR noise, or any change?" in render(run)
    bare = replace(run, layers=replace(run.layers, placebo=None))
    assert "OCR noise, or any change?" not in render(bare)
