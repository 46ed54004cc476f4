"""Figures and tables in notebooks, and the chart of common neurons that they show."""

from __future__ import annotations

import io
import sys

import pytest
from PIL import Image

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.published import Counts, published
from ocr_neurons.report.chart import Table
from ocr_neurons.report.chart_common import common_chart
from ocr_neurons.report.notebook import COLOURS, DPI, figure, markdown, png, show_table
from ocr_neurons.report.style import WIDE, styled

OURS = Counts("ours", 4, {0: 1, 3: 2}, {0: 5, 2: 1}, 30, 48)


def test_the_chart_lists_every_layer_with_neurons() -> None:
    chart = common_chart([*published(), OURS])
    rows = [row for row in chart.table.rows if row[0] == "ours"]
    assert rows == [
        ("ours", "0", "0.00", "1", "5"),
        ("ours", "2", "0.67", "0", "1"),
        ("ours", "3", "1.00", "2", "0"),
    ]
    llama = [row for row in chart.table.rows if row[0] == "Llama 2 7B"]
    assert sum(int(row[3]) for row in llama) == 57
    assert {row[4] for row in llama} == {"–"}
    assert "ours 3 in 4 layers" in chart.alt


def test_bars_are_shares_of_the_model() -> None:
    with styled():
        drawn = common_chart([OURS]).draw(WIDE)
    (axes,) = drawn.axes
    assert [round(bar.get_height(), 1) for bar in axes.patches] == [33.3, 0, 0, 66.7]
    assert [round(float(y), 1) for y in axes.lines[0].get_ydata()] == [83.3, 0, 16.7, 0]
    assert axes.get_title(loc="left") == "ours, 4 layers: 3 common neurons, 6 at 50 %"


def test_pictures_are_small_and_of_few_colours() -> None:
    made = png(figure(lambda one: one.subplots().plot([0, 1], [1, 0]), height=2.0))
    with Image.open(io.BytesIO(made)) as image:
        assert image.size == (round(WIDE * DPI - 0.5), 192)
        assert len(image.convert("RGB").getcolors(1000)) <= COLOURS
    assert len(made) < 20_000


def test_markdown_escapes_what_would_end_a_cell() -> None:
    assert markdown(("a",), [("|",)]).splitlines()[-1] == "| \\| |"


def test_without_ipython_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(UserError, match=r"pip install 'ocr-neurons\[notebooks\]'"):
        show_table(Table(("a",), []))
