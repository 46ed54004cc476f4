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
from ocr_neurons.strategies.page import page, table
from ocr_neurons.strategies.recommend import recommendation, recommended
from ocr_neurons.strategies.strategy import Made
from ocr_neurons.strategies.table import STRATEGIES

ONE = ({"LOC": Counts(3, 1, 1)},)
VALUE = {
    "data": "d", "recommendation": "", "notes": [], "model": "m", "seed": 1, "test_documents": 30, "clean_twins": "",
}  # fmt: skip
COST = MeasuredCost(Scores(("d",), ONE, ONE), [], None)


def row(
    name: str,
    ocr: tuple[float, float, float] | None,
    clean: tuple[float, float, float] | None = None,
    dev: float = 0.5,
    **more,
) -> Row:
    """A strategy with differences (value, low, high) on OCR text and on clean text, and its F1 on dev."""
    change, clean_change = (None if value is None else Difference(*value, p=0.01) for value in (ocr, clean))
    made = Made("as invented", "nothing", dev)
    return Row(STRATEGIES[name], made, COST, 2.0, change, clean_change, **{"holm": 0.03, **more})


NOTHING = row("nothing", None, dev=0.4)
GAIN = row("noise", (0.03, 0.01, 0.05), (0.0, -0.01, 0.01))
STEADIER = row("stable", (0.028, 0.012, 0.04), (-0.02, -0.05, 0.001), dev=0.6)
COSTLY = row("damp", (0.06, 0.04, 0.08), (-0.03, -0.05, -0.01))
UNSURE = row("mean", (0.02, -0.001, 0.05), (0.1, 0.05, 0.15))


def test_dev_chooses_and_test_is_asked_of_that_one():
    said, best = recommendation([NOTHING, COSTLY, UNSURE, GAIN, STEADIER])
    assert best is STEADIER
    assert said == (
        "Recommended: augmentation with stability term, the best of 4 on dev. Against doing nothing strict F1 changes "
        "by +2.8 [1.2, 4.0] points on OCR text (p\u00a0=\u00a00.010) and by −2.0 [−5.0, 0.1] points on clean text. It "
        "was not compared with twice the training without noise (`longer`), so the gain may come of more training "
        "alone. It takes 2 min 0 s beyond the plain tagger."
    )
    assert recommended([NOTHING, GAIN, STEADIER, row("longer", (0.0, -0.1, 0.1), dev=0.61)]) is None


def test_the_first_of_equals_on_dev_is_taken():
    assert recommended([NOTHING, UNSURE, GAIN]) is None
    assert recommended([NOTHING, GAIN, UNSURE]) is GAIN


def test_a_gain_that_clean_text_pays_for_is_not_recommended():
    said, best = recommendation([NOTHING, COSTLY, UNSURE])
    assert best is None
    assert said == (
        "Nothing is recommended: damp sensitive neurons, the best on dev, changes strict F1 by +6.0 [4.0, 8.0] points "
        "on OCR text, but by −3.0 [−5.0, −1.0] points on clean text."
    )


def test_failure_is_admitted():
    harm = row("shift", (-0.1, -0.2, -0.05))
    said, best = recommendation([NOTHING, UNSURE, row("noise", (0.0, -0.1, 0.1))])
    assert best is None
    assert said == (
        "Nothing is recommended: sensitive neurons towards their clean mean, the best on dev, cannot be told from "
        "doing nothing on OCR text; it changes strict F1 by +2.0 [−0.1, 5.0] points."
    )
    assert "their shift, the best on dev, did harm on OCR text; it" in recommendation([NOTHING, harm, UNSURE])[0]
    worse_on_dev = [NOTHING, row("noise", (0.0, -0.1, 0.1), dev=0.4)]
    assert recommendation(worse_on_dev) == (
        "Nothing is recommended: on dev no strategy does better than doing nothing.",
        None,
    )
    assert recommendation([NOTHING]) == ("There is nothing to compare: only the plain tagger was scored.", None)


@pytest.mark.parametrize(("holm", "said"), [(0.2, "that may be chance"), (0.04, "that stays a gain")])
def test_what_gains_on_test_without_dev_is_for_another_look(holm: float, said: str):
    told, best = recommendation([NOTHING, UNSURE, row("noise", (0.03, 0.01, 0.05), holm=holm, dev=0.45)])
    assert best is None
    assert told.endswith(
        f"Noise-augmented training changes it by +3.0 [1.0, 5.0] points; corrected for 2 strategies {said} "
        f"(p\u00a0=\u00a0{p_text(holm)}). Look at it again on other documents, or with another seed."
    )


def p_text(p: float) -> str:
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"


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


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("damp", "It was not compared with random neurons, so other neurons may bring the gain as well."),
        ("gains-sensitive", "with as many random neurons, drawn once (`gains-random`), so other neurons may bring"),
        ("stable", "with twice the training without noise (`longer`), so the gain may come of more training alone."),
        ("gains-random", ""),
        ("gains-all", ""),
        ("noise", ""),
    ],
)
def test_a_gain_that_nothing_stands_beside_says_so(name: str, told: str):
    """Whether dev chose it or not; neurons that were not chosen, and training, have nothing to stand beside."""
    gain = row(name, (0.03, 0.01, 0.05))
    for rows in ([NOTHING, gain], [NOTHING, gain, row("mean", (0.0, -0.1, 0.1), dev=0.7)]):
        said, _ = recommendation(rows)
        assert told in said
        assert ("not compared" in said) == bool(told)
        assert page(VALUE, rows, "").count("; its gain was not compared with ") == bool(told)


def test_an_interval_that_few_documents_make_recommends_nothing():
    unsure = replace(GAIN, change=Difference(0.03, 0.01, 0.05, 0.125))
    said, best = recommendation([NOTHING, unsure])
    assert best is None
    assert "cannot be told from doing nothing on OCR text" in said


PARTS = st.tuples(*[st.floats(-0.2, 0.2)] * 3).map(lambda parts: tuple(sorted(parts)))


@given(st.lists(st.tuples(PARTS, st.none() | PARTS, st.floats(0.3, 0.6)), min_size=1, max_size=6))
def test_the_rule_holds_whatever_the_differences(values):
    rows = [row("noise", (o[1], o[0], o[2]), None if c is None else (c[1], c[0], c[2]), dev=d) for o, c, d in values]
    place = int(np.argmax([d for *_, d in values]))
    ocr, clean, dev = values[place]
    allowed = dev > 0.4 and ocr[0] > 0 and (clean is None or clean[2] >= 0)
    best = recommended([NOTHING, *rows])
    assert best is (rows[place] if allowed else None)
    said = recommendation([NOTHING, *rows])[0]
    assert said.startswith("Recommended: " if allowed else "Nothing is recommended: ")


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
    assert plain[:4] == ("nothing (the plain tagger)", "40.0", "75.0", "–")
    assert gain[3:6] == ("+3.0 [1.0, 5.0]", "0.0100", "0.0300")
    assert gain[7] == "0.0 [−1.0, 1.0]"
    assert gain[9] == "2.0"
    assert len(header) == len(plain) == len(gain)
    assert re.fullmatch(r"[\w ()]+", plain[0])
