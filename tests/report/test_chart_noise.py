"""The figure of two sets of pairs shows the numbers of their comparison."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ocr_neurons.noise.measured.compare import NoiseComparison, compare
from ocr_neurons.report.chart_noise import noise_chart
from ocr_neurons.report.files import write_chart
from ocr_neurons.report.style import NARROW, WIDE, styled
from ocr_neurons.text.pairs import TextPair


@pytest.fixture(scope="module")
def comparison() -> NoiseComparison:
    clean = "the $modern$ corn of march came on board at noon"
    real = "tbe $modem$ corn ofmarcb came on hoard\x0c at noon"
    synthetic = "tbe $modcrn$ oorn of march came on board at  noon"
    return compare([TextPair(clean, real, "real", "a")], [TextPair(clean, synthetic, "made", "b")])


def test_points_stand_at_the_shares(comparison: NoiseComparison) -> None:
    with styled():
        left, right = noise_chart(comparison).draw(WIDE).axes
    rows = comparison.frequencies()
    labels = [label.get_text() for label in left.get_yticklabels()]
    assert labels[0] == "h → b"
    assert {"␣ → ∅", "rn → m", "∅ → U+000C"} <= set(labels)
    real, synthetic, never = left.lines[-3:]
    np.testing.assert_allclose(real.get_xdata(), [100 * p for *_, p, _ in rows])
    np.testing.assert_allclose(synthetic.get_xdata(), [100 * q for *_, q in rows if q])
    assert list(never.get_ydata()) == [index for index, (*_, q) in enumerate(rows) if not q]
    assert max(never.get_xdata()) < min(*real.get_xdata(), *synthetic.get_xdata())
    for line, statistics in zip(right.lines[-2:], (comparison.real, comparison.synthetic), strict=True):
        curve = {lag: value for lag, value in statistics.lag_curve().items() if value is not None}
        np.testing.assert_allclose(line.get_xdata(), list(curve))
        np.testing.assert_allclose(line.get_ydata(), list(curve.values()))


def test_words_and_table_say_the_numbers(comparison: NoiseComparison) -> None:
    chart = noise_chart(comparison)
    _, _, p, q = comparison.frequencies()[0]
    assert chart.table.rows[0] == ("h → b", f"{p:.2%}", f"{q:.2%}")
    assert len(chart.table.rows) == len(comparison.frequencies())
    assert f"of confusions {comparison.confusions.value:.3f}" in chart.caption
    assert f"h → b {p:.1%} and {q:.1%}" in chart.alt


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_leaves_the_noise_figure(comparison: NoiseComparison, width: float) -> None:
    with styled():
        figure = noise_chart(comparison).draw(width)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = figure.get_tightbbox(canvas.get_renderer())
    assert drawn.x0 >= -0.01
    assert drawn.y0 >= -0.01
    assert drawn.x1 <= figure.get_figwidth() + 0.01
    assert drawn.y1 <= figure.get_figheight() + 0.01
    assert len(figure.axes) == 2


def test_the_file_is_whole_and_repeatable(comparison: NoiseComparison, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_chart(noise_chart(comparison), tmp_path / name)
    raw = (tmp_path / "a.png").read_bytes()
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", raw[16:20])[0] == round(WIDE * 200)
    assert raw == (tmp_path / "b.png").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_long_noise_alone_still_makes_a_figure() -> None:
    pairs = [TextPair("a whole line lost in the gutter", "a gutter", "real", "a")]
    with styled():
        assert len(noise_chart(compare(pairs, pairs)).draw(WIDE).axes) == 2
