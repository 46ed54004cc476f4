"""The section on strategies: read from the folder of the comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sample
from ocr_neurons.common.errors import UserError
from ocr_neurons.report.page import write_report
from ocr_neurons.report.strategies import read_strategies
from ocr_neurons.report.style import WIDE, styled


def value() -> dict[str, Any]:
    def row(name: str, f1: float, change: float | None) -> dict[str, Any]:
        difference = None if change is None else {"f1": change, "ci95": [change - 0.01, change + 0.01], "p": 0.02}
        return {
            "name": name, "title": f"The way of {name}", "what": f"what {name} is", "dev_f1": f1,
            "ocr": sample.scores(f1), "difference": difference and difference | {"p_holm": 0.04},
            "clean_difference": difference and {"f1": -0.002, "ci95": [-0.01, 0.01], "p": 0.7, "p_holm": 0.7},
            "minutes": None if change is None else 12.5,
        }  # fmt: skip

    return {
        "model": "smollm2", "data": "gazette", "seed": 1, "test_documents": 16, "clean_twins": "text",
        "recommended": "noise", "recommendation": "Recommended: noise <b>.", "notes": ["A note."],
        "strategies": [row("nothing", 0.75, None), row("damp", 0.748, -0.002), row("noise", 0.78, 0.03)],
    }  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return sample.write_run(tmp_path / "run", sample.summary(), sample.details() | {"trials": []})


def write(folder: Path, what: Any) -> Path:
    folder.mkdir()
    (folder / "strategies.json").write_text(json.dumps(what), encoding="utf-8")
    return folder


def test_the_folder_in_the_run_is_shown(run: Path) -> None:
    write(run / "strategies", value())
    page = write_report(run).read_text(encoding="utf-8")
    assert "Recommended: noise &lt;b&gt;." in page
    assert "what damp is" in page
    assert 'id="strategies"' in page
    assert "were not compared in this run" not in page


def test_the_values_are_drawn_and_tabulated(tmp_path: Path) -> None:
    found = read_strategies(write(tmp_path / "s", value()))
    chart = found.chart()
    assert chart is not None
    with styled():
        axes = chart.draw(WIDE).axes[0]
    marks = {line.get_marker(): list(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "None"}
    np.testing.assert_allclose(marks["o"], [-0.2, 3.0])
    np.testing.assert_allclose(marks["s"], [-0.2, -0.2])
    assert found.table().rows[2] == (
        "The way of noise", "78.0", "+3.0", "[2.0, 4.0]", "0.040", "−0.2", "[−1.0, 1.0]", "12.5"
    )  # fmt: skip


def test_a_folder_given_takes_the_place_and_a_bad_one_is_refused(run: Path, tmp_path: Path) -> None:
    given = write(tmp_path / "given", value() | {"recommendation": "Another."})
    assert "Another." in write_report(run, tmp_path / "p.html", given).read_text(encoding="utf-8")
    broken = value()
    del broken["strategies"][1]["ocr"]
    with pytest.raises(UserError, match=r"strategies\[1\]\.ocr' is missing"):
        write_report(run, tmp_path / "q.html", write(tmp_path / "broken", broken))
    assert not (tmp_path / "q.html").exists()
