"""How the edited neurons were chosen is said apart from the paper's rule."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

import sample
from ocr_neurons.common.errors import UserError
from ocr_neurons.report.chart_layers import layers_chart
from ocr_neurons.report.inputs import Run, read_run
from ocr_neurons.report.page import write_report
from ocr_neurons.report.ranked import paper_rule, ranked


def ranked_run(folder: Path, name: str, *, paired: bool = True) -> Run:
    details = sample.details()
    details["layers"]["placebo"]["paired"] = paired
    sample.write_run(folder, sample.summary(), details)
    (folder / "ranking.json").write_text(json.dumps({"method": {"name": name, "count": 9}, "indices": {}}))
    return read_run(folder)


@pytest.mark.parametrize(
    ("name", "paired", "said"),
    [
        (
            "specific effect",
            True,
            "by method “specific effect” (“effect”: moves in one direction, steadily: paired effect size over words), "
            "by how much further they go under the noise than under the placebo, compared word by word. ",
        ),
        ("specific effect", False, "under the placebo (two profiles compared, which sees less than word by word). "),
        ("specific dose", True, "the more of the word is changed), less what it gives under the placebo. "),
        ("size", True, "(“size”: moves far, in whichever direction: mean |d| in its own standard deviations). "),
        ("of my own", True, "How the neurons were chosen: all were ranked by method “of my own”. "),
    ],
)
def test_the_method_in_words(tmp_path: Path, name: str, paired: bool, said: str) -> None:
    assert said in ranked(ranked_run(tmp_path, name, paired=paired))


def test_the_page_does_not_call_the_papers_rule_that_of_the_edit(tmp_path: Path) -> None:
    ranked_run(tmp_path, "specific effect")
    page = re.sub(r"\s+", " ", unescape(write_report(tmp_path).read_text()))
    assert "How the neurons were chosen: all were ranked by method “specific effect”" in page
    total = 19 + 7 + 3 + 2 + 1 + 3 + 2 + 2 + 3 + 5 + 3 + 3 + 4 + 6 + 2 + 9 + 12 + 12 + 19 + 23 + 30 + 44 + 61
    assert f"The paper's rule (mean + 1 sd of its layer in 90 % of pairs) finds {total} neurons; the bars under" in page
    assert "Sensitive: " not in page


def test_the_figure_speaks_of_the_papers_rule(tmp_path: Path) -> None:
    chart = layers_chart(ranked_run(tmp_path, "effect").layers)
    assert (
        "1,536 neurons pass the paper's rule (mean + 1 sd of its layer in 90 % of pairs), and in grey" in chart.caption
    )
    assert "sensitive" not in (chart.caption + chart.alt + " ".join(chart.table.header)).lower()


def test_one_neuron_and_no_ranking(tmp_path: Path) -> None:
    details = sample.details()
    details["layers"]["sensitive"] = [0] * 29 + [1]
    run = read_run(sample.write_run(tmp_path, sample.summary(), details))
    assert "finds 1 neuron; " in paper_rule(run)
    assert ranked(run) == "How the neurons were chosen is not known: the run folder holds no ranking."
    (tmp_path / "ranking.json").write_text('{"indices": {}}')
    with pytest.raises(UserError, match=r"ranking\.json: key 'method' is missing"):
        read_run(tmp_path)
