from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

import sample
from ocr_neurons.report.chart_bins import bins_chart
from ocr_neurons.report.chart_control import control_chart
from ocr_neurons.report.chart_cost import cost_chart, damaged, recall_lost
from ocr_neurons.report.chart_dose import dose_chart
from ocr_neurons.report.chart_layers import disjoint, layers_chart
from ocr_neurons.report.chart_regions import regions_chart
from ocr_neurons.report.chart_sweep import chosen_cell, lay_out, sweep_chart
from ocr_neurons.report.chart_test import differences_chart
from ocr_neurons.report.figures import charts, write_figures
from ocr_neurons.report.inputs import Run, read_run
from ocr_neurons.report.style import NARROW, STRONG, WIDE, styled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sample.write_run(tmp_path / "run", sample.summary(), sample.details(), sample.manifest())


@pytest.fixture
def run(folder: Path) -> Run:
    return read_run(folder)


def test_bars_are_as_long_as_the_recalls(run: Run) -> None:
    chart = cost_chart(run.bins)
    assert chart is not None
    with styled():
        axes = chart.draw(WIDE).axes[0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([80.1, 72.4, 60.6, 37.5])
    assert [label.get_text() for label in axes.get_yticklabels()][3] == "heavy\nn = 24"
    assert chart.table.rows[2] == ("medium", "71", "60.6", "[48.6, 71.9]", "77.5")
    assert damaged(run.bins) == "153 of 555 (28 %)"
    # 402 x .801 + 58 x .724 + 71 x .606 + 24 x .375 of 555
    assert recall_lost(run.bins) == pytest.approx((0.801, 416.02 / 555))


def test_unknown_noise_is_no_end_of_the_scale(run: Run) -> None:
    unknown = replace(run.bins[0], label="unknown", low=None, high=None)
    assert recall_lost([run.bins[0], unknown]) is None
    assert recall_lost([*run.bins, unknown]) == recall_lost(run.bins)
    assert damaged([unknown]) is None
    assert damaged([*run.bins, unknown]) == damaged(run.bins)


def test_layer_curves_are_the_numbers(run: Run) -> None:
    raw = sample.details()["layers"]
    with styled():
        figure = layers_chart(run.layers).draw(WIDE)
    top, middle, bottom = figure.axes
    for index, level in enumerate(raw["levels"]):
        np.testing.assert_allclose(top.lines[index].get_ydata(), raw["cka"][level])
        np.testing.assert_allclose(middle.lines[index].get_ydata(), raw["bands"]["levels"][level]["distance"]["mean"])
        band = middle.collections[index].get_paths()[0].vertices[:, 1]
        assert band.min() == pytest.approx(min(raw["bands"]["levels"][level]["distance"]["low"]))
        assert band.max() == pytest.approx(max(raw["bands"]["levels"][level]["distance"]["high"]))
    assert [bar.get_height() for bar in bottom.containers[1]] == raw["placebo"]["sensitive"]
    assert [bar.get_height() for bar in bottom.containers[0]] == raw["sensitive"]
    assert [text.get_text() for text in top.texts] == ["first", "middle", "last"]


def test_without_intervals_the_shift_is_drawn(run: Run) -> None:
    with styled():
        middle = layers_chart(replace(run.layers, by_level={})).draw(WIDE).axes[1]
    for index, level in enumerate(sample.LEVELS):
        np.testing.assert_allclose(
            middle.lines[index].get_ydata(), sample.details()["layers"]["mean_difference"][level]
        )
    assert not middle.collections


def test_bins_have_the_look_of_the_noise_that_makes_them(run: Run) -> None:
    chart = bins_chart(run.layers)
    assert chart is not None
    with styled():
        top = chart.draw(WIDE).axes[0]
        levels = layers_chart(run.layers).draw(WIDE).axes[0]
    assert [line.get_color() for line in top.lines] == [line.get_color() for line in levels.lines][::-1]
    assert "poor n = 61, average n = 108, good n = 131" in chart.caption


def test_regions_hold_their_layers_neurons(run: Run) -> None:
    chart = regions_chart(run.layers)
    assert chart is not None
    assert chart.table.rows[1] == [
        "found-2", "8–21", "93% of draws", "0.450", "0.650", "0.850",
        str(sum(sample.SENSITIVE[8:22])), str(sum(range(18, 32))), str(sum(range(13, 27))), "28",
    ]  # fmt: skip
    with styled():
        bottom = chart.draw(WIDE).axes[1]
    heights = [bar.get_height() for bar in bottom.containers[0]]
    assert (heights[8], heights[22], heights[0]) == pytest.approx((93, 78, 0))
    dark = [i for i, bar in enumerate(bottom.containers[0]) if bar.get_facecolor() == to_rgba(STRONG)]
    assert dark == [8, 22]


def test_dose_curves_are_the_trials_and_pass_through_nothing_at_one(run: Run) -> None:
    chart = dose_chart(run)
    assert chart is not None
    with styled():
        panels = chart.draw(WIDE).axes
    assert [axes.get_title(loc="left") for axes in panels] == lay_out(run.trials, run.layers.regions).labels
    own = next(line for line in panels[4].lines if len(line.get_xdata()) == 6 and line.get_marker() == "o")
    tried = {t.factor: 100 * t.difference for t in run.trials if (t.region, t.count) == ("last", 154)}
    assert dict(zip(own.get_xdata(), own.get_ydata(), strict=True)) == pytest.approx(tried | {1.0: 0.0})
    band = panels[4].collections[0].get_paths()[0].vertices
    random = [100 * d for t in run.trials if (t.region, t.count) == ("last", 154) for d in t.random]
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((min(random), max(random)))
    assert dose_chart(replace(run, trials=run.trials[:1])) is None


def test_differences_on_test_stand_at_their_values(run: Run) -> None:
    chart = differences_chart(run)
    assert chart is not None
    with styled():
        axes = chart.draw(WIDE).axes[0]
    np.testing.assert_allclose(axes.lines[-1].get_xdata(), [0.43, -0.85, 0.36, 3.08])
    np.testing.assert_allclose(axes.lines[1].get_xdata(), [-0.61, 1.32])
    assert [label.get_text() for label in axes.get_yticklabels()][1] == "opposite edit − baseline"


def test_regions_that_overlap_are_not_shaded_twice() -> None:
    assert list(disjoint({"a": (0, 1), "b": (1, 2), "c": (2, 3), "d": ()})) == ["a", "c"]


def test_heat_map_lays_out_every_trial_once(run: Run) -> None:
    grid = lay_out(run.trials, run.layers.regions)
    assert grid.labels == ["first · 154", "first · 768", "middle · 154", "middle · 768", "last · 154", "last · 768"]
    assert grid.heads == ["×0", "×0.5", "×0.9", "×1.5", "×2"]
    for (row, column), trial in grid.cells.items():
        assert grid.rows[row] == (trial.region, trial.count)
        assert grid.columns[column] == ("scale", trial.factor)
    assert len(grid.cells) == len(run.trials)
    assert chosen_cell(grid, run.edit) == (4, 1)
    assert chosen_cell(grid, None) is None


def test_layers_stand_in_their_order_not_in_that_of_the_alphabet(run: Run) -> None:
    trials = [replace(run.trials[0], region=f"layer-{layer}", count=9) for layer in (10, 2, 1)]
    assert lay_out(trials, run.layers.regions).labels == ["layer-1 · 9", "layer-2 · 9", "layer-10 · 9"]


def test_a_repeated_setting_gets_a_row_of_its_own(run: Run) -> None:
    grid = lay_out([run.trials[0], run.trials[0], run.trials[1]], run.layers.regions)
    assert grid.labels == ["last · 154", "last · 154"]
    assert len(grid.cells) == 3


def test_heat_map_colours_follow_the_sign_and_the_chosen_cell_is_outlined(run: Run) -> None:
    chart = sweep_chart(run)
    assert chart is not None
    with styled():
        left, right = chart.draw(WIDE).axes
    grid = lay_out(run.trials, run.layers.regions)
    cells = {(round(p.get_y() + 0.5), round(p.get_x() + 0.5)): p for p in left.patches if p.get_fill()}
    strong = 0
    for place, trial in grid.cells.items():
        red, _, blue, _ = cells[place].get_facecolor()
        if abs(trial.difference) > 0.01:
            assert (blue > red) == (trial.difference > 0)
            strong += 1
    assert strong > 5
    outline = [p for p in left.patches if isinstance(p, Rectangle) and not p.get_fill()]
    assert [(p.get_x(), p.get_y()) for p in outline] == [(0.5, 3.5)]
    assert len([p for p in right.patches if not p.get_fill()]) == 1
    shown = [text.get_text().rstrip("*") for text in left.texts]
    assert shown[4 * 5 + 1] == "+0.9"
    starred = {place for place, text in zip(cells, left.texts, strict=True) if text.get_text().endswith("*")}
    assert starred == {p for p, t in grid.cells.items() if t.interval and (t.interval[0] > 0 or t.interval[1] < 0)}


def test_strip_shows_each_draw(run: Run) -> None:
    chart = control_chart(run)
    assert chart is not None
    f1s = sample.summary()["random_control"]["f1s"]
    with styled():
        axes = chart.draw(WIDE).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [100 * f1 for f1 in f1s])
    beaten = sum(f1 < 0.7529 for f1 in f1s)
    assert f"beats {beaten} of 20 draws" in chart.caption


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_leaves_the_figure(run: Run, width: float) -> None:
    with styled():
        for chart in charts(run).values():
            figure = chart.draw(width)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            drawn = figure.get_tightbbox(canvas.get_renderer())  # in inches; ticks that are not drawn do not count
            assert drawn.x0 >= -0.01, chart.name
            assert drawn.y0 >= -0.01, chart.name
            assert drawn.x1 <= figure.get_figwidth() + 0.01, chart.name
            assert drawn.y1 <= figure.get_figheight() + 0.01, chart.name


def test_png_files_are_whole_wide_and_repeatable(folder: Path, tmp_path: Path) -> None:
    first = write_figures(folder, tmp_path / "a")
    second = write_figures(folder, tmp_path / "b")
    assert [path.name for path in first] == [
        f"{name}.png"
        for name in (
            "noise-cost",
            "layers",
            "layers-bins",
            "placebo",
            "regions",
            "sweep",
            "dose",
            "test",
            "random-control",
        )
    ]
    for a, b in zip(first, second, strict=True):
        raw = a.read_bytes()
        assert raw[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">I", raw[16:20])[0] == round(WIDE * 200)
        assert raw == b.read_bytes()
    assert len(list((tmp_path / "a").iterdir())) == len(first)


def test_the_users_settings_are_left_alone(run: Run) -> None:
    with mpl.rc_context({"font.size": 31.0, "svg.fonttype": "path"}):
        svg = charts(run)["layers"].svgs()[0]
        assert mpl.rcParams["font.size"] == 31.0
        assert mpl.rcParams["svg.fonttype"] == "path"
    assert svg == charts(run)["layers"].svgs()[0]
