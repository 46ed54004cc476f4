"""Where named data sets are looked for, and what is told of those that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.catalogue import catalogue
from ocr_neurons.text.datasets import dataset_names
from ocr_neurons.text.named import DATA_VARIABLE, aligned_entry, data_root, named_path, named_sets, read_before

AJMC, NOTES = "hipe2022:ajmc-en", "ocrepair:dta19-l1"


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable, an empty cache."""
    monkeypatch.setenv("OCR_NEURONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(DATA_VARIABLE, raising=False)


def lay_out(root: Path, name: str, *, shorter: int = 0) -> None:
    """Files of the right sizes (the last one ``shorter`` bytes off), with nothing in them."""
    entry = catalogue()[name]
    for file in entry.files:
        path = entry.path(root, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.truncate(file.bytes - shorter * (file == entry.files[-1]))


def test_what_was_fetched_is_found_when_it_is_whole(tmp_path: Path) -> None:
    assert data_root() == tmp_path / "cache" / "data"
    assert named_sets() == {}
    lay_out(data_root(), AJMC, shorter=1)
    assert named_sets() == {}
    lay_out(data_root(), AJMC)
    lay_out(data_root(), NOTES)
    assert {name: found.held for name, found in named_sets().items()} == {AJMC: "cache", NOTES: "cache"}
    assert named_path(AJMC) == tmp_path / "cache/data/hipe2022-v2.1/ajmc/en"
    assert named_path(NOTES).name == "hipe-ocrepair-bench_v0.9_dta19-l1_v0.1_test_de.jsonl"
    assert AJMC in dataset_names()
    assert NOTES not in dataset_names()  # it has no entities


def test_the_variable_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine"
    lay_out(data_root(), AJMC)
    lay_out(mine, AJMC)
    lay_out(mine, NOTES, shorter=5)
    (mine / "hipe2022-v2.1" / "letemps" / "fr").mkdir(parents=True)
    assert read_before(catalogue()[AJMC]) is None
    monkeypatch.setenv(DATA_VARIABLE, str(mine))
    assert named_path(AJMC) == mine / "hipe2022-v2.1/ajmc/en" == read_before(catalogue()[AJMC])
    assert {name: found.held for name, found in named_sets().items()} == {
        AJMC: "folder",
        NOTES: "other",
        "hipe2022:letemps-fr": "folder",
    }
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "mine" / "none"))
    with pytest.raises(UserError, match="which is no folder"):
        named_path(AJMC)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (AJMC, f"{AJMC}: not on this machine; `ocr-neurons data fetch {AJMC}` brings it (1.4 MB, CC BY 4.0); or set"),
        ("hipe2020:de", "(4.5 MB, CC BY-NC-SA 4.0); or set OCR_NEURONS_DATA to a folder that holds hipe2020-v1.4"),
        ("ajmc:transcripts", "`ocr-neurons data fetch ajmc:transcripts --from FOLDER` brings it"),
        ("hipe2022:ajmc-em", "not in the catalogue (`ocr-neurons data list`) (spelled hipe2022:SET-LANG or"),
        ("hipe2022:ajmc-em", "; nearest: hipe2022:ajmc-en"),
    ],
)
def test_what_is_not_there_is_told_with_what_to_do(name: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        named_path(name)
    assert told in str(error.value)
    assert str(error.value).startswith(f"{name}: ")


def test_names_of_aligned_texts_where_a_path_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert aligned_entry(Path(NOTES)) is catalogue()[NOTES]
    assert aligned_entry(Path("some/folder")) is None
    assert aligned_entry(Path(AJMC)) is None
    with pytest.raises(UserError, match=r"icdar2019:EN: no texts beside their OCR.*nearest: icdar2019:EN1"):
        aligned_entry(Path("icdar2019:EN"))
    Path("icdar2019:EN").touch()
    assert aligned_entry(Path("icdar2019:EN")) is None
