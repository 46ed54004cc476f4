"""What is recommended, by invented differences; and what the figure and the table show of them."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.cost.measured import MeasuredCost
from ocr_neurons.report.style import NARROW, WIDE, styled
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import Difference
from ocr_neurons.strategies.chart import forest_chart, write_forest
from ocr_neurons.strategies.compare import Row
from ocr_neurons.strategies.controls import RandomBeside
from ocr_neurons.strategies.page import table
from ocr_neurons.strategies.recommend import recommendation, recommended
from ocr_neurons.strategies.strategy import Made
from ocr_neurons.strategies.table import STRATEGIES

ONE = ({"LOC": Counts(3, 1, 1)},)
COST = MeasuredCost(Scores(("d",), ONE, ONE), [], None)


def row(
    name: str, ocr: tuple[float, float, float] | None, clean: tuple[float, float, float] | None = None, **more
) -> Row:
    """A strategy with differences (value, low, high) on OCR text and on clean text."""
    change, clean_change = (None if value is None else Difference(*value, p=0.01) for value in (ocr, clean))
    made = Made("as invented", "nothing", 0.5)
    return Row(STRATEGIES[name], made, COST, 2.0, change, clean_change, **{"holm": 0.03, **more})


NOTHING = row("nothing", None)
GAIN = row("noise", (0.03, 0.01, 0.05), (0.0, -0.01, 0.01))
STEADIER = row("stable", (0.028, 0.012, 0.04), (-0.02, -0.05, 0.001))
COSTLY = row("damp", (0.06, 0.04, 0.08), (-0.03, -0.05, -0.01))
UNSURE = row("mean", (0.02, -0.001, 0.05), (0.1, 0.05, 0.15))


def test_the_highest_lower_bound_among_those_without_cost():
    said, best = recommendation([NOTHING, GAIN, STEADIER, COSTLY, UNSURE])
    assert best is STEADIER
    assert said == (
        "Recommended: augmentation with stability term. Against doing nothing strict F1 changes by +2.8 [1.2, 4.0] "
        "points on OCR text and by −2.0 [−5.0, 0.1] points on clean text. Corrected for 4 strategies that stays a gain "
        "(p\u00a0=\u00a00.030). It takes 2 min 0 s beyond the plain tagger."
    )


def test_a_gain_that_clean_text_pays_for_is_not_recommended():
    said, best = recommendation([NOTHING, COSTLY, UNSURE])
    assert best is None
    assert said.startswith("Nothing is recommended: damp sensitive neurons changes strict F1 by +6.0 [4.0, 8.0] points")
    assert said.endswith("but by −3.0 [−5.0, −1.0] points on clean text.")


def test_failure_is_admitted():
    harm = row("shift", (-0.1, -0.2, -0.05))
    said, best = recommendation([NOTHING, UNSURE, row("noise", (0.0, -0.1, 0.1))])
    assert best is None
    assert said == (
        "Nothing is recommended: none of the 2 strategies can be told from doing nothing on OCR text; the best on "
        "test, sensitive neurons towards their clean mean, changes strict F1 by +2.0 [−0.1, 5.0] points."
    )
    said, _ = recommendation([NOTHING, UNSURE, harm])
    assert "none of the 2 strategies gains on OCR text; sensitive neurons less their shift did harm, the others" in said
    assert "doing nothing is better on OCR text than sensitive neurons less" in recommendation([NOTHING, harm])[0]
    assert "clean mean, cannot be told from doing nothing on OCR text; it changes" in recommendation([UNSURE])[0]
    assert recommendation([NOTHING]) == ("There is nothing to compare: only the plain tagger was scored.", None)


def test_what_weakens_a_recommendation_is_said():
    said, _ = recommendation([NOTHING, row("noise", (0.03, 0.01, 0.05)), UNSURE])
    assert "what it does on clean text is not known, as there are no clean twins" in said
    draws = RandomBeside((0.5,) * 20, Difference(0.01, -0.01, 0.02, 0.3))
    assert (
        "It cannot be told to do better than 20 draws of random neurons treated alike, so other neurons may"
        in recommendation([row("damp", (0.03, 0.01, 0.05), random=draws)])[0]
    )
    rival = Difference(0.0, -0.01, 0.02, 0.9)
    said, _ = recommendation([row("gains-sensitive", (0.03, 0.01, 0.05), over_rival=rival)])
    assert "It cannot be told to do better than as many random neurons, drawn once, so other neurons may bring" in said
    said, _ = recommendation([row("stable", (0.03, 0.01, 0.05), over_rival=rival)])
    assert said.count("better than twice the training without noise, so the gain may come of more training alone.") == 1
    won = Difference(0.02, 0.01, 0.03, 0.01)
    said, _ = recommendation([row("stable", (0.03, 0.01, 0.05), over_rival=won)])
    assert "It did better than twice the training without noise." in said


def test_what_may_be_chance_among_several_is_not_recommended():
    said, best = recommendation([NOTHING, row("noise", (0.03, 0.01, 0.05), holm=0.2), UNSURE])
    assert best is None
    assert said == (
        "Nothing is recommended: the best, noise-augmented training, changes strict F1 by +3.0 [1.0, 5.0] points on "
        "OCR text; corrected for 2 strategies that may be chance (p\u00a0=\u00a00.20). Look at it again on other "
        "documents, or with another seed."
    )


def test_an_interval_that_few_documents_make_recommends_nothing():
    unsure = replace(GAIN, change=Difference(0.03, 0.01, 0.05, 0.125))
    said, best = recommendation([NOTHING, unsure])
    assert best is None
    assert "cannot be told from doing nothing on OCR text" in said


PARTS = st.tuples(*[st.floats(-0.2, 0.2)] * 3).map(lambda parts: tuple(sorted(parts)))


@given(st.lists(st.tuples(PARTS, st.none() | PARTS), min_size=1, max_size=6))
def test_the_rule_holds_whatever_the_differences(values):
    rows = [row("noise", (o[1], o[0], o[2]), None if c is None else (c[1], c[0], c[2])) for o, c in values]
    allowed = [o[0] for o, c in values if o[0] > 0 and (c is None or c[2] >= 0)]
    best = recommended(rows)
    assert (best.change.low if best and best.change else None) == max(allowed, default=None)
    assert recommendation(rows)[0].startswith("Recommended: " if allowed else "Nothing is recommended: ")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_figure_shows_the_differences(width):
    rows = [NOTHING, GAIN, COSTLY, row("shift", (-0.1, -0.2, -0.05), (0.0, 0.0, 0.0))]
    chart = forest_chart(rows)
    assert chart is not None
    with styled():
        (axes,) = chart.draw(width).axes
    ocr, clean = (line for line in axes.lines if line.get_linestyle() == "None")
    np.testing.assert_allclose(ocr.get_xdata(), [3, 6, -10])
    np.testing.assert_allclose(clean.get_xdata(), [0, -3, 0])
    bars = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2][1:]
    np.testing.assert_allclose(bars, [(1, 5), (4, 8), (-20, -5), (-1, 1), (-5, -1), (0, 0)])
    assert len(axes.get_yticklabels()) == 3
    assert [one[1] for one in chart.table.rows] == ["+3.0", "+6.0", "−10.0"]


def test_the_figure_as_a_file(tmp_path: Path):
    path = tmp_path / "strategies.png"
    write_forest([NOTHING, GAIN], path)
    assert struct.unpack(">I", path.read_bytes()[16:20])[0] == round(200 * WIDE)
    write_forest([NOTHING], path)
    assert not path.exists(), "an older figure stays beside a table without strategies"


def test_the_table_has_the_figures():
    header, plain, gain = table([NOTHING, GAIN])
    assert plain[:3] == ("nothing (the plain tagger)", "75.0", "–")
    assert gain[2:5] == ("+3.0 [1.0, 5.0]", "0.0100", "0.0300")
    assert gain[6] == "0.0 [−1.0, 1.0]"
    assert gain[8] == "2.0"
    assert len(header) == len(plain) == len(gain)
    assert re.fullmatch(r"[\w ()]+", plain[0])
