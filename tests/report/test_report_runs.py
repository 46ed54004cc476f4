"""Several runs side by side: their order, groups of seeds, what is said of what differs, the page."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sample
from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.report.runs import apart, groups, read_runs
from ocr_neurons.report.runs_charts import curves_chart, gains_chart, runs_table, seeds_table
from ocr_neurons.report.runs_page import headline, render_comparison
from ocr_neurons.report.style import WIDE, styled


def made(
    folder: Path, *, seed: int = 1, gain: float = 0.004, p: float = 0.01, manifest: bool = True, **changes: Any
) -> Path:
    summary, kept = sample.summary(), sample.manifest()
    summary |= {"seed": seed} | changes
    summary["difference"]["chosen_minus_baseline"] = {"f1": gain, "ci95": [gain - 0.01, gain + 0.01], "p": p}
    kept["config"] = kept["config"] | {"seed": seed, "model": summary["model"]}
    return sample.write_run(folder, summary, sample.details(), kept if manifest else None)


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """Two seeds of one model, given apart, and another model between them."""
    return [
        made(tmp_path / "b", seed=2, gain=0.002),
        made(tmp_path / "g", model="gemma270m", gain=-0.02),
        made(tmp_path / "a", seed=1, gain=0.012),
    ]


def test_seeds_of_one_model_and_data_stand_together(three: list[Path]) -> None:
    members = read_runs(three)
    assert [member.name for member in members] == [
        "smollm2 · gazette · seed 1", "smollm2 · gazette · seed 2", "gemma270m · gazette · seed 1"
    ]  # fmt: skip
    first, second = groups(members)
    spread = first.spread(lambda member: member.run.gain.f1)
    assert spread is not None
    assert (spread.mean, spread.least, spread.most, spread.count) == pytest.approx((0.007, 0.002, 0.012, 2))
    assert second.spread(lambda member: member.run.gain.f1) is None
    table = seeds_table(members)
    assert table is not None
    assert table.rows == [("smollm2 · gazette", "1, 2", "74.9 (74.9 to 74.9)", "+3.1 (+3.1 to +3.1)",
                           "+0.7 (+0.2 to +1.2)")]  # fmt: skip


def test_the_forest_has_a_row_for_each_run_and_for_each_group_of_seeds(three: list[Path]) -> None:
    chart = gains_chart(read_runs(three))
    assert chart is not None
    with styled():
        axes = chart.draw(WIDE).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "smollm2 · gazette · seed 1", "smollm2 · gazette · seed 2", "smollm2 · gazette · 2 seeds",
        "gemma270m · gazette · seed 1",
    ]  # fmt: skip
    marks = {line.get_marker(): line for line in axes.lines if line.get_linestyle() == "None"}
    np.testing.assert_allclose(marks["o"].get_xdata(), [1.2, 0.2, -2.0])
    np.testing.assert_allclose(marks["^"].get_xdata(), [0.7])
    assert chart.table.rows[2][:3] == ("smollm2 · gazette · 2 seeds", "+0.7", "+0.2 to +1.2")


def test_the_table_has_what_each_run_says(three: list[Path]) -> None:
    table = runs_table(read_runs(three))
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert row["baseline F1"] == "74.9"
    assert row["noise cost"] == "+3.1"
    assert row["95 % of the gain"] == "[0.2, 2.2]"
    assert row["over random"] == "+0.4"
    assert row["chosen edit"].startswith("154 most sensitive neurons")


def test_runs_that_can_be_compared_are_said_to_be(three: list[Path]) -> None:
    assert apart(read_runs(three)) == []


def test_only_trainings_that_differ_in_their_seed_alone_are_seeds(tmp_path: Path) -> None:
    summary, kept = sample.summary(), sample.manifest()
    other = kept | {"config": kept["config"] | {"train": {"epochs": 9, "rank": 16}}}
    given = kept | {"steps": {"probe": {"key": "x", "seconds": 1.0}}}
    for number, (seed, manifest) in enumerate([(1, other), (2, other), (2, given)]):
        one = made(tmp_path / f"plain-{number}")
        two = sample.write_run(tmp_path / f"other-{number}", summary | {"seed": seed}, sample.details(), manifest)
        members = read_runs([one, two])
        assert seeds_table(members) is None
        chart = gains_chart(members)
        assert chart is not None
        assert not any("seeds" in row[0] for row in chart.table.rows)


def test_what_differs_is_said(tmp_path: Path) -> None:
    plain = made(tmp_path / "a")
    other = made(tmp_path / "b", data="hipe2022:ajmc-en")
    said = apart(read_runs([plain, other]))
    assert len(said) == 1
    assert said[0].startswith("The runs are on different data (gazette, hipe2022:ajmc-en)")

    summary, details, kept = sample.summary(), sample.details(), sample.manifest()
    details["data"]["splits"]["test"]["documents"] = 20
    kept["versions"]["torch"] = "2.14.0"
    kept["config"]["train"]["epochs"] = 9
    changed = sample.write_run(tmp_path / "c", summary, details, kept)
    said = apart(read_runs([plain, changed]))
    assert said[0] == (
        "Different test documents under the name gazette: 16 documents with 555 entities; 20 documents with 555 "
        "entities."
    )
    assert said[1] == "Not all were made with the same program or machine: torch 2.13.0 and 2.14.0."
    assert "train.epochs" in said[2]

    kept = sample.manifest() | {"hashes": {"data": "x"}}
    hashed = sample.write_run(tmp_path / "d", summary | {"seed": 7}, sample.details(), kept)
    again = sample.write_run(tmp_path / "e", summary, sample.details(), kept | {"hashes": {"data": "y"}})
    assert any("their hashes are not the same" in line for line in apart(read_runs([hashed, again])))
    bare = made(tmp_path / "f", manifest=False)
    assert any(line.startswith("Without a manifest") for line in apart(read_runs([plain, bare])))


def test_models_of_other_depth_are_drawn_over_their_share_of_it(tmp_path: Path) -> None:
    details = sample.details()
    layers = details["layers"]
    layers |= {"count": 10, "sensitive": [0] * 10, "placebo": None, "found": None}
    layers["regions"] = {"first": [0, 1, 2]}
    for curves in (layers["cka"], layers["mean_difference"]):
        curves |= {level: values[:10] for level, values in curves.items()}
    layers["bands"] = None
    small = sample.write_run(tmp_path / "small", sample.summary() | {"model": "small"}, details)
    members = read_runs([made(tmp_path / "a"), small])
    chart = curves_chart(members)
    assert chart is not None
    with styled():
        top = chart.draw(WIDE).axes[0]
    np.testing.assert_allclose(top.lines[1].get_xdata(), [(i + 0.5) / 10 for i in range(10)])
    np.testing.assert_allclose(top.lines[0].get_ydata(), sample.details()["layers"]["cka"]["high"])
    assert "a run of an earlier version has no intervals" in chart.caption


def test_two_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    members = read_runs([made(tmp_path / "x"), made(tmp_path / "y")])
    assert [member.name for member in members] == ["smollm2 · gazette · seed 1 (x)", "smollm2 · gazette · seed 1 (y)"]


def test_the_headline_counts(three: list[Path]) -> None:
    assert headline(read_runs(three)) == (
        "In 1 of 3 runs did the chosen edit gain what can be told from chance, in none of them more than random "
        "neurons do; in 1 it did harm. OCR errors cost F1 in 3 of 3 with clean text."
    )


def test_the_headline_counts_by_the_rules_of_the_verdict(tmp_path: Path) -> None:
    """An interval above 0 is no gain where p is large, and random neurons are beaten by rank."""
    assert headline(read_runs([made(tmp_path / "a", gain=0.012, p=0.125)])).startswith("In none of 1 runs")
    folder = made(tmp_path / "b", gain=0.012)
    summary = json.loads((folder / "summary.json").read_text())
    for p, said in ((0.3, "in none of them more than random neurons"), (0.048, "in 1 of them more than random")):
        summary["difference"]["chosen_minus_random_control"] = {"f1": 0.01, "ci95": [0.001, 0.02], "p": p}
        (folder / "summary.json").write_text(json.dumps(summary))
        assert said in headline(read_runs([folder]))


def test_the_page_needs_nothing_and_is_the_same_again(three: list[Path]) -> None:
    text = render_comparison(read_runs(three))
    assert text == render_comparison(read_runs(three))
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text
    assert text.count("<figure") == 3


def test_the_command_writes_page_figures_and_tables(three: list[Path], tmp_path: Path, capsys: Any) -> None:
    folders = [str(path) for path in three]
    out = tmp_path / "out"
    assert main(["report", *folders, "--out", str(out / "c.html"), "--figures", str(out / "f"), "--format", "svg,png",
                 "--tables", str(out / "t")]) == 0  # fmt: skip
    assert sorted(path.name for path in (out / "f").iterdir()) == [
        f"{name}.{ending}" for name in ("costs", "curves", "gains") for ending in ("png", "svg")
    ]
    assert {path.name for path in (out / "t").iterdir()} == {
        f"{name}.{ending}" for name in ("costs", "curves", "gains", "runs", "seeds") for ending in ("csv", "tex")
    }
    with (out / "t" / "runs.csv").open(encoding="utf-8") as stream:
        assert [row["gain"] for row in csv.DictReader(stream)] == ["1.2", "0.2", "-2.0"]
    assert str(out / "c.html") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{a} {b}", "2 run folders given; wanted --out FILE.html"),
        ("{a} {a} --out {o}", "given twice; wanted different runs"),
        ("{a} {n} --out {o}", "no summary.json in it; wanted the folder of a finished `ocr-neurons run`"),
        ("{a} {b} --out {o} --strategies {n}", "wanted one run to show them with"),
        ("{a} --out {o} --strategies {n}", "strategies.json: no such file"),
        ("{a} --out {o} --format svg", "--format given without --figures"),
        ("{a} --out {o} --figures {n} --format eps", "format 'eps' given; wanted some of png, svg, pdf"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path: Path, capsys: Any, arguments: str, said: str) -> None:
    places = {"a": made(tmp_path / "a"), "b": made(tmp_path / "b", seed=2), "n": tmp_path / "no", "o": tmp_path / "o"}
    try:
        status: object = main(["report", *arguments.format(**places).split()])
    except SystemExit as stop:
        status = stop.code
    line = capsys.readouterr().err
    assert status == 2
    assert said in line
    assert line.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}
    assert not (tmp_path / "a" / "report.html").exists()


def test_a_wrong_value_is_named_with_its_file(tmp_path: Path) -> None:
    good, bad = made(tmp_path / "a"), made(tmp_path / "b", verdict=None)
    with pytest.raises(UserError, match=r"b/summary\.json: key 'verdict' is None; wanted a string"):
        read_runs([good, bad])
