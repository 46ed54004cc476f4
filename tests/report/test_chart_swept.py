"""The heat maps of a sweep: every setting with its numbers, the best outlined, and the file's kind by its ending."""

from __future__ import annotations

from pathlib import Path

from ocr_neurons.report.chart_swept import swept_chart
from ocr_neurons.report.files import write_chart
from ocr_neurons.report.style import WIDE, styled
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.sweep.grid import CHOSEN, Setting
from ocr_neurons.sweep.store import Trial
from ocr_neurons.sweep.table import rows

LAYERS = 6


def scores(hits: int) -> Scores:
    """Of 40 entities in four documents so many found, nothing found in vain."""
    tables = tuple({"LOC": Counts(hits // 4 + (n < hits % 4), 0, 10 - hits // 4 - (n < hits % 4))} for n in range(4))
    return Scores(tuple("abcd"), tables, tables)


def trial(region: str, factor: float, hits: int, draw: int = CHOSEN, ranking: str = "") -> Trial:
    return Trial(Setting(region, 5, factor, draw, ranking=ranking), scores(hits))


def f1(hits: int) -> float:
    return 2 * hits / (hits + 40)


def test_every_setting_stands_in_it_beside_its_random_draws() -> None:
    trials = [
        trial("last", 0.5, 30), trial("last", 0.5, 22, draw=0), trial("last", 0.5, 26, draw=1),
        trial("first", 0.0, 12), trial("first", 0.5, 36),
    ]  # fmt: skip
    chart = swept_chart(rows(trials, scores(24), 1), scores(24), trials[4].setting, LAYERS)
    assert chart.table is not None
    cells = {(row[0], row[1]): row for row in chart.table.rows}
    assert set(cells) == {("last · 5", "×0.5"), ("first · 5", "×0"), ("first · 5", "×0.5")}
    said = f"{100 * (f1(30) - f1(24)):+.1f}"
    assert cells["last · 5", "×0.5"][3] == said
    mean = (f1(22) + f1(26)) / 2 - f1(24)
    assert cells["last · 5", "×0.5"][5].replace("−", "-") == f"{100 * mean:+.1f}"
    assert cells["first · 5", "×0"][3].replace("−", "-") == f"{100 * (f1(12) - f1(24)):+.1f}"
    assert f"({100 * f1(24):.1f})" in chart.caption
    with styled():
        left = chart.draw(WIDE).axes[0]
    (outline,) = [patch for patch in left.patches if patch.get_linewidth() > 1]
    shown = {text.get_text().rstrip("*"): text.get_position() for text in left.texts}
    x, y = shown[f"{100 * (f1(36) - f1(24)):+.1f}"]
    low, right, high, bottom = outline.get_extents().transformed(left.transData.inverted()).extents[[0, 2, 1, 3]]
    assert min(low, right) < x < max(low, right)
    assert min(high, bottom) < y < max(high, bottom)


def test_settings_of_two_rankings_have_rows_of_their_own() -> None:
    trials = [trial("last", 0.5, 30, ranking="paper"), trial("last", 0.5, 20, ranking="effect")]
    chart = swept_chart(rows(trials, scores(24), 1), scores(24), trials[0].setting, LAYERS)
    assert chart.table is not None
    assert [row[0] for row in chart.table.rows] == ["last (paper) · 5", "last (effect) · 5"]


def test_the_ending_says_what_is_drawn(tmp_path: Path) -> None:
    trials = [trial("last", 0.5, 30)]
    chart = swept_chart(rows(trials, scores(24), 1), scores(24), trials[0].setting, LAYERS)
    for ending, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        write_chart(chart, tmp_path / f"a.{ending}")
        assert (tmp_path / f"a.{ending}").read_bytes().startswith(start)
    assert f"{100 * (f1(30) - f1(24)):+.1f}" in (tmp_path / "a.svg").read_text()
