"""What the noise that is there costs; all together; and how it is said."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dictionary
import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.cost.cost import CLEAN, GIVEN, NoiseCost, Plan, noise_cost
from ocr_neurons.cost.measured import measure_cost
from ocr_neurons.noise.learned.apply import language_noise
from ocr_neurons.report.chart_curve import curve_chart
from ocr_neurons.report.cost_words import caveat, cost_table, own_ocr, sentence
from ocr_neurons.report.files import write_chart
from ocr_neurons.report.style import WIDE, styled
from ocr_neurons.score.evaluate import MODES, evaluate
from ocr_neurons.score.intervals import compare
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document
from ocr_neurons.text.led import with_zero_distances
from ocr_neurons.text.transcripts import MARK

CLEAN_DOCUMENTS = tuple(with_zero_distances(document) for document in planted.planted(6, 0))


WORDS = {"Thornton": "Thomton", "the": "tbe"}


def misread(document: Document) -> Document:
    """A document with its person and a common word as OCR might read them."""
    tokens = (
        replace(t, text=WORDS.get(t.text, t.text), led=0.2 if t.label.endswith("pers") else t.led)
        for t in document.tokens
    )
    return replace(document, tokens=tuple(tokens))


NOISY = (*map(misread, CLEAN_DOCUMENTS[:4]), *CLEAN_DOCUMENTS[4:])
DATA = Dataset("planted", test=NOISY, clean_twins={"test": CLEAN_DOCUMENTS})


@pytest.fixture(scope="module")
def cost() -> NoiseCost:
    return noise_cost(dictionary.tag, DATA, plan=Plan(rates=(0.1, 0.3), draws=2, seed=3))


def test_twins_and_bins_are_those_of_the_scores() -> None:
    found = measure_cost(DATA, "test", dictionary.tag(NOISY), dictionary.tag(CLEAN_DOCUMENTS), seed=5)
    noisy, clean = (evaluate(gold, dictionary.tag(gold)) for gold in (NOISY, CLEAN_DOCUMENTS))
    assert found.scores == noisy
    assert found.twin is not None
    assert found.twin.scores == clean
    assert found.twin.differences == {mode: compare(clean, noisy, mode, seed=5) for mode in MODES}
    assert found.twin.differences["strict"].f1 > 0.1
    edits = 4 * 2 + sum(t.text == "the" for d in CLEAN_DOCUMENTS[:4] for t in d.tokens)  # rn to m are two edits
    assert found.twin.cer == pytest.approx(edits / sum(len(d.text()) for d in CLEAN_DOCUMENTS))
    assert (found.twin.scope, found.twin.still_noisy) == ("text", 0)
    recall = {entry.name: (entry.entities, entry.found_strict) for entry in found.bins if entry.entities}
    assert recall == {"0-0": (14, 14), "0.1-0.3": (4, 0)}
    entry = found.entry(5)
    assert entry["clean_twin"]["difference"]["f1"] == found.twin.differences["strict"].f1
    assert [row["label"] for row in entry["recall_by_bin"]][:4] == ["clean", "light", "medium", "heavy"]
    json.dumps(entry, allow_nan=False)


def test_without_twins_there_is_no_difference() -> None:
    found = measure_cost(replace(DATA, clean_twins={}), "test", dictionary.tag(NOISY), (), seed=1)
    assert found.twin is None
    assert found.entry(1)["clean_twin"] is None


def test_noise_goes_on_the_clean_text(cost: NoiseCost) -> None:
    assert (cost.base, cost.noise) == (CLEAN, "en")
    assert cost.curve.points[0].scores.total().f1 == 1.0
    assert cost.measured.twin is not None
    assert cost.at.cer == cost.measured.twin.cer
    entry = cost.entry()
    assert entry["chosen_on_this_split"] is False
    assert entry["at"]["loss"] == cost.curve.at(cost.at.cer).loss
    json.dumps(entry, allow_nan=False)


def test_entity_twins_are_no_clean_text() -> None:
    marked = tuple(replace(d, metadata=(MARK,)) for d in CLEAN_DOCUMENTS)
    found = noise_cost(dictionary.tag, replace(DATA, clean_twins={"test": marked}), plan=Plan(rates=(0.1,), draws=1))
    assert found.base == GIVEN
    assert found.curve.points[0].scores.total() == found.measured.scores.total()
    assert (found.measured.twin is not None, found.measured.twin and found.measured.twin.cer) == (True, None)
    assert found.at.cer == 0.05
    assert "errors in names alone" in cost_table(found)
    assert " more of 100 characters" in sentence(found)
    assert own_ocr(found) == ""


def test_the_answer_is_for_the_rate_asked() -> None:
    found = noise_cost(dictionary.tag, DATA, plan=Plan(rates=(0.1, 0.3), draws=1, at=0.2))
    assert found.at == found.curve.at(0.2)
    with pytest.raises(UserError, match=r"--at 0\.4; wanted .* 0 to 0\.3"):
        Plan(rates=(0.1, 0.3), at=0.4)


def test_words_say_the_figures(cost: NoiseCost) -> None:
    said = sentence(cost)
    assert f"it loses {100 * cost.at.loss:.1f} points of strict F1 (95 % " in said
    assert f"finds about {100 * cost.at.recall:.0f} of 100 entities exactly instead of 100:" in said
    table = cost_table(cost)
    twin = cost.measured.twin
    assert twin is not None
    assert f"  strict  +{100 * twin.differences['strict'].f1:.1f} [" in table
    assert f"error rate is {100 * twin.cer:.1f} %" in table
    assert all(f"{100 * point.scores.total().f1:.1f} [" in table for point in cost.curve.points)
    assert "Nothing was chosen on test" in caveat(cost)
    assert f"really costs {100 * twin.differences['strict'].f1:.1f} [" in own_ocr(cost)
    none = replace(cost, measured=replace(cost.measured, twin=None, bins=[]))
    assert "Clean twins: none" in cost_table(none)
    assert "Recall by noise: unknown" in cost_table(none)


def test_a_loss_within_chance_is_called_so(cost: NoiseCost) -> None:
    unsure = replace(cost, at=replace(cost.at, interval=(-0.01, 0.2)))
    assert "cannot be told from no loss" in sentence(unsure)
    assert "cannot be told" not in sentence(replace(cost, at=replace(cost.at, interval=(0.01, 0.2))))
    assert "it gains 2.0 points" in sentence(replace(cost, at=replace(cost.at, loss=-0.02, interval=None)))


def test_noise_by_language() -> None:
    assert language_noise(CLEAN_DOCUMENTS) == "en"
    for other in ("sv", ""):
        with pytest.raises(UserError, match=f"in {other or 'no named language'}.*--noise: en, fr, de"):
            language_noise([replace(CLEAN_DOCUMENTS[0], language=other)])
    with pytest.raises(UserError, match="in en, fr"):
        language_noise([CLEAN_DOCUMENTS[0], replace(CLEAN_DOCUMENTS[0], language="fr")])


def test_the_figure_shows_the_points(cost: NoiseCost, tmp_path: Path) -> None:
    chart = curve_chart(cost)
    with styled():
        (axes,) = chart.draw(WIDE).axes
    fuzzy, strict = axes.lines[:2]
    for line, mode in ((strict, "strict"), (fuzzy, "fuzzy")):
        np.testing.assert_allclose(line.get_xdata(), [100 * point.reached for point in cost.curve.points])
        np.testing.assert_allclose(line.get_ydata(), [100 * p.scores.total(mode).f1 for p in cost.curve.points])
    star = axes.lines[-1]
    assert cost.measured.twin is not None
    np.testing.assert_allclose(star.get_xdata(), [100 * cost.measured.twin.cer])
    np.testing.assert_allclose(star.get_ydata(), [100 * cost.measured.scores.total().f1])
    assert len(chart.table.rows) == 3
    write_chart(curve_chart(cost), tmp_path / "cost.png")
    head = (tmp_path / "cost.png").read_bytes()[:24]
    assert struct.unpack(">I", head[16:20])[0] == round(200 * WIDE)
