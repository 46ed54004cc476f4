"""The table at the end of a sweep: each setting beside its random twins, on the screen and in files."""

from __future__ import annotations

import csv
import io

from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import compare
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.store import Trial
from ocr_neurons.sweep.table import SHOWN, rows, text, to_csv


def scores(hits: list[int]) -> Scores:
    tables = tuple({"LOC": Counts(n, 0, 4 - n)} for n in hits)
    return Scores(tuple(map(str, range(len(hits)))), tables, tables)


BASELINE = scores([2] * 10)
TRIALS = [
    Trial(Setting("layer-3", 1536, 0.5), scores([3] * 5 + [2] * 5)),
    Trial(Setting("layer-3", 1536, 0.5, 0), scores([1] * 10)),
    Trial(Setting("layer-3", 1536, 0.5, 1), scores([0] * 10)),
    Trial(Setting("first", 9, 0.0, operation="zero", ranking="paper"), scores([2] * 10)),
]


def test_rows_have_the_paired_difference_and_those_of_the_twins():
    one, other = rows(TRIALS, BASELINE, 1)
    assert one.difference == compare(TRIALS[0].scores, BASELINE, draws=2000, seed=1)
    assert one.random == (2 * 10 / 50 - 2 * 20 / 60, -2 * 20 / 60)
    assert other.random == ()


def test_on_the_screen():
    lines = text(rows(TRIALS, BASELINE, 1)).splitlines()
    assert lines[0].split("  ")[0].strip() == "neurons"
    assert len(lines) == 3
    assert lines[1].split() == ["9", "first", "(paper)", "zero", "66.7", "+0.0", "[+0.0,", "+0.0]", "–"]
    assert lines[2].split()[:5] == ["1,536", "layer-3", "times", "0.5", "76.9"]
    assert lines[2].split()[-1] == "-46.7"
    many = [Trial(Setting("all", n, 0.5), scores([min(4, n)] * 3)) for n in range(1, 46)]
    shown = text(rows(many, scores([2] * 3), 1)).splitlines()
    assert len(shown) == SHOWN + 2
    assert shown[-1].startswith("5 more settings")


def test_as_csv():
    found = rows(TRIALS, BASELINE, 1)
    table = list(csv.DictReader(io.StringIO(to_csv(found, 30))))
    assert [row["region"] for row in table] == ["layer-3", "first"]
    assert (table[1]["first_layer"], table[1]["last_layer"], table[1]["operation"]) == ("0", "9", "zero")
    assert float(table[0]["difference"]) == found[0].difference.f1
    assert (table[0]["random_draws"], float(table[0]["random_difference"])) == ("2", sum(found[0].random) / 2)
    assert table[1]["random_difference"] == ""
    assert [row["predicted"] for row in table] == ["", ""]
    foreseen = rows(TRIALS, BASELINE, 1, {TRIALS[0].setting: 0.25, TRIALS[1].setting: 9.0})
    assert [row["predicted"] for row in csv.DictReader(io.StringIO(to_csv(foreseen, 30)))] == ["0.25", ""]
