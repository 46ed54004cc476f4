"""Every figure that the HIPE scorer printed for two perturbed predictions, digit for digit."""

from pathlib import Path

import pytest

from ocr_neurons.score.bins import BINS, recall_by_led
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.score.hipe_table import hipe_table
from ocr_neurons.text.hipe_tsv import read_hipe

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
ORACLE = DATA / "scorer-oracle"
GOLD = {
    "ajmc_en": DATA / "hipe2022-v2.1" / "ajmc" / "en" / "HIPE-2022-v2.1-ajmc-test-en.tsv",
    "newseye_fr": DATA / "hipe2022-v2.1" / "newseye" / "fr" / "HIPE-2022-v2.1-newseye-dev-fr.tsv",
}
pytestmark = pytest.mark.skipif(
    not ORACLE.is_dir() or not all(path.is_file() for path in GOLD.values()),
    reason="needs scorer-oracle/ and hipe2022-v2.1/ in ../shared/data beside the repository",
)


def _documents(name):
    return read_hipe(GOLD[name]), read_hipe(ORACLE / f"perturbed_bundle4_{name}_1.tsv")


@pytest.mark.parametrize("name", sorted(GOLD))
def test_whole_table_of_the_hipe_scorer(name):
    gold, predicted = _documents(name)
    system = f"perturbed_bundle4_{name}_1"
    expected = (ORACLE / f"expected_{system}_nerc_coarse.tsv").read_bytes()
    assert expected.count(b"\n") > 20
    assert hipe_table(gold, predicted, system).encode() == expected


def test_whole_table_by_noise_bin():
    gold, predicted = _documents("ajmc_en")
    system = "perturbed_bundle4_ajmc_en_1"
    expected = (ORACLE / f"expected_{system}_nerc_coarse_noise.tsv").read_bytes()
    assert hipe_table(gold, predicted, system, suffix="noise", bins=BINS).encode() == expected


def _respelled(documents, change):
    return [document.with_labels([change(label) for label in document.labels()]) for document in documents]


@pytest.mark.parametrize(
    "change",
    [
        lambda label: label.upper(),
        lambda label: label.replace("I-", "E-"),
        lambda label: label.replace("B-", "S-").replace("I-", "E-"),
    ],
)
def test_case_and_iobes_are_read_as_the_scorer_reads_them(change):
    gold, predicted = _documents("ajmc_en")
    plain = evaluate(gold, predicted)
    assert plain.total().f1 > 0.5
    assert evaluate(gold, _respelled(predicted, change)) == plain
    assert evaluate(_respelled(gold, change), predicted) == plain


def test_periods_of_all_dates_are_the_whole():
    gold, predicted = _documents("ajmc_en")
    rows = [row.split("\t") for row in hipe_table(gold, predicted, "s", periods=[(1800, 1900)]).splitlines()[1:]]
    whole = [row[2:] for row in rows if "TIME-ALL" in row[1]]
    assert [row[2:] for row in rows if "TIME-1800-1900" in row[1]] == whole
    assert len(whole) * 2 == len(rows)


def test_recall_by_led_is_the_recall_column():
    gold, predicted = _documents("ajmc_en")
    rows = {}
    for line in (
        (ORACLE / "expected_perturbed_bundle4_ajmc_en_1_nerc_coarse_noise.tsv").read_text("utf-8").splitlines()[1:]
    ):
        cells = line.split("\t")
        if cells[2] == "ALL" and "-micro-" in cells[1]:
            rows[cells[1].split("-")[4], cells[1].partition("LED-")[2]] = cells
    entries = recall_by_led(gold, predicted)
    assert [entry.name for entry in entries] == ["0-0", "0.001-0.1", "0.1-0.3", "0.3-1.1"]
    for entry in entries:
        for mode, found, recall in (
            ("strict", entry.found_strict, entry.recall_strict),
            ("fuzzy", entry.found_fuzzy, entry.recall_fuzzy),
        ):
            cells = rows[mode, f"{entry.low}-{entry.high}"]
            assert (str(round(recall, 3)), str(found)) == (cells[4], cells[9])
            assert entry.entities == int(cells[9]) + int(cells[11])
