"""Of a tagger that learned nothing no cost and no gain is told."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import sample
from ocr_neurons.report.headline import read_headline
from ocr_neurons.report.inputs import read_run
from ocr_neurons.report.page import tiles, write_report
from ocr_neurons.report.weak import headed

LEAD = "This tagger gets next to nothing right (strict F1 1.3), so neither costs nor edits can be read from it."


def weak() -> dict[str, Any]:
    summary = sample.summary()
    summary["baseline"]["strict"] |= {"precision": 0.02, "recall": 0.01, "f1": 0.013, "ci95": [0.0, 0.03]}
    summary["difference"]["chosen_minus_baseline"] = {"f1": 0.0, "ci95": [0.0, 0.0], "p": 1.0}
    return summary | {"verdict": "Nothing was gained: no setting improved dev."}


def test_the_page_leads_with_it_and_sends_no_one_to_tag(tmp_path: Path) -> None:
    page = re.sub(r"\s+", " ", unescape(write_report(sample.write_run(tmp_path, weak(), sample.details())).read_text()))
    assert f'<p class="verdict">{LEAD}</p>' in page
    assert "Nothing was gained" not in page
    assert "Next, tag your own pages" not in page
    assert "ocr-neurons tag " not in page
    assert "Next, train another tagger: with more data, from another model or by another recipe" in page
    assert "<code>ocr-neurons train gazette --model MODEL --recipe RECIPE --out better</code>." in page


def test_the_tiles_give_no_cost_and_no_gain(tmp_path: Path) -> None:
    own, cost, gain = tiles(read_run(sample.write_run(tmp_path, weak(), sample.details())))
    assert own.value == "1.3"
    assert (cost.value, gain.value) == ("–", "–")
    assert cost.detail == gain.detail
    assert cost.detail.startswith("cannot be read from a tagger")
    assert (cost.meaning, gain.meaning) == ("", "")


def test_a_model_card_says_it_too(tmp_path: Path) -> None:
    assert read_headline(sample.write_run(tmp_path, weak(), sample.details())).verdict == LEAD


@pytest.mark.parametrize(("f1", "kept"), [(0.0, False), (0.0499, False), (0.05, True), (0.7, True)])
def test_from_five_points_on_the_verdict_stands(f1: float, *, kept: bool) -> None:
    assert (headed("Neutralising helped.", f1) == "Neutralising helped.") is kept
