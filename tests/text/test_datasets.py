"""Data sets by name, folder and file; what is missing is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.datasets import GAZETTES, SPLITS, Dataset, dataset_names, describe, load_dataset
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.hipe_tsv import read_hipe, write_hipe
from ocr_neurons.text.named import DATA_VARIABLE

OURS = Path(__file__).resolve().parents[1] / "data"
REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_real = pytest.mark.skipif(
    not (REAL / "hipe2022-v2.1").is_dir(), reason="HIPE data are not in ../shared/data beside the repository"
)


def document(name: str, *labels: str, led: float | None = None) -> Document:
    return Document(name, tuple(Token("w", label=x, led=None if x == "O" else led) for x in labels), "en")


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched on this machine is not seen."""
    monkeypatch.setenv("OCR_NEURONS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with train and test; no dev."""
    root = tmp_path / "some"
    write_hipe(root / "ours-v1-train-en.tsv", [document("a", "B-loc", "O"), document("b", "O")])
    write_hipe(root / "ours-v1-test-en.tsv", [document("c", "O", "O")])
    return root


def test_folder_gives_its_splits(folder: Path) -> None:
    dataset = load_dataset(str(folder))
    assert dataset.name == "ours-v1-en"
    assert [d.id for d in dataset.train] == ["a", "b"]
    assert dataset.dev == ()
    assert [d.id for d in dataset.test] == ["c"]
    assert dataset.clean_twins == {}


def test_single_file_is_test() -> None:
    dataset = load_dataset(str(OURS / "traps.tsv"))
    assert (dataset.name, len(dataset.train), len(dataset.dev), len(dataset.test)) == ("traps", 0, 0, 3)


def test_two_files_of_a_split_are_told(folder: Path) -> None:
    shutil.copy(folder / "ours-v1-test-en.tsv", folder / "ours-v2-test-en.tsv")
    with pytest.raises(UserError, match=r"2 test files \(ours-v1-test-en.tsv, ours-v2-test-en.tsv\)"):
        load_dataset(str(folder))


def test_folder_without_splits_is_told_with_its_folders(folder: Path) -> None:
    with pytest.raises(UserError, match=r"found none; it holds the folders some: name one"):
        load_dataset(str(folder.parent))


def test_require(folder: Path) -> None:
    dataset = load_dataset(str(folder))
    assert dataset.require("train") == dataset.train
    with pytest.raises(UserError, match=r"ours-v1-en: no dev split \(it has train, test\)"):
        dataset.require("dev")
    with pytest.raises(UserError, match="no entity in the 1 documents of its test split"):
        dataset.require("test")
    with pytest.raises(UserError, match="split 'tests'; wanted one of train, dev, test"):
        dataset.require("tests")


def test_describe_counts() -> None:
    train = (
        document("a", "B-pers", "I-pers", "O", "B-loc", led=0.25),
        document("b", "I-loc", led=0.0),
        document("c", "B-loc"),
        document("d"),
    )
    described = describe(Dataset("ours", train, clean_twins={"train": train}))
    assert json.loads(json.dumps(described)) == described
    assert (described["name"], described["languages"]) == ("ours", ["en"])
    assert described["splits"]["train"] == {
        "documents": 4,
        "sentences": 3,
        "tokens": 6,
        "entities": {"loc": 3, "pers": 1},
        "noisy_entities": 0.6667,  # 2 of the 3 entities whose LED is known
        "clean_twins": True,
    }
    assert described["splits"]["dev"] == {
        "documents": 0,
        "sentences": 0,
        "tokens": 0,
        "entities": {},
        "noisy_entities": None,
        "clean_twins": False,
    }


@pytest.fixture
def data_root(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder laid out like the published data, named by the environment variable."""
    root = tmp_path / "data"
    shutil.copytree(folder, root / "hipe2022-v2.1" / "our-set" / "en")
    shutil.copytree(folder, root / "hipe2020-v1.4" / "de")
    monkeypatch.setenv(DATA_VARIABLE, str(root))
    return root


@pytest.mark.usefixtures("data_root")
def test_named_data_sets_are_found_and_listed() -> None:
    assert dataset_names() == [*sorted(GAZETTES), "hipe2020:de", "hipe2022:our-set-en"]
    for name in ("hipe2020:de", "hipe2022:our-set-en"):
        dataset = load_dataset(name)
        assert dataset.name == name
        assert [d.id for d in dataset.train] == ["a", "b"]


@pytest.mark.usefixtures("data_root")
@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("hipe2022:our-set-fr", "nearest: hipe2022:our-set-en"),
        ("hipe2022:our-set/en", "nearest: hipe2022:our-set-en"),
        ("gazete", "neither a data set's name nor a file or folder; nearest: gazette"),
        ("./nowhere/at-all.tsv", "neither a data set's name nor a file or folder"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(spec: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        load_dataset(spec)
    assert told in str(error.value)
    assert str(error.value).startswith(spec)
    assert "\n" not in str(error.value)


def test_unset_or_wrong_data_folder_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    assert dataset_names() == sorted(GAZETTES)
    with pytest.raises(UserError, match=r"not on this machine; `ocr-neurons data fetch hipe2022:ajmc-en` brings it"):
        load_dataset("hipe2022:ajmc-en")
    with pytest.raises(UserError, match=r"English monographs .*: no documents with entities"):
        load_dataset("icdar2017:eng_monograph")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(UserError, match="which is no folder"):
        load_dataset("hipe2022:ajmc-en")


@pytest.mark.parametrize("name", GAZETTES)
def test_gazette_has_splits_types_and_clean_twins(name: str) -> None:
    dataset = load_dataset(name)
    assert dataset.name == name
    language = name[8:10] or "en"
    documents = [d for split in SPLITS for d in dataset.require(split)]
    assert len(documents) >= (40 if language == "en" else 20)
    assert sum(len(d.sentences()) for d in documents) >= (240 if language == "en" else 100)
    assert {e.type for d in documents for e in d.entities()} == {"pers", "loc", "org", "time", "prod"}
    assert all(d.date and d.language == language for d in documents)
    assert len({d.id for d in documents}) == len(documents)
    for split in SPLITS:
        noisy, clean = dataset.split(split), dataset.clean_twins[split]
        assert [d.id for d in noisy] == [d.id for d in clean]
        assert [d.text() for d in noisy] != [d.text() for d in clean]
        found, wanted = (sum(len(d.entities()) for d in side) for side in (noisy, clean))
        assert 0.98 * wanted <= found <= wanted
        assert dataset.clean_text(split) == clean


@needs_real
def test_real_data_sets_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(REAL))
    assert set(dataset_names()) >= {"hipe2022:ajmc-en", "hipe2022:newseye-fr", "hipe2020:de", "hipe2022:hipe2020-en"}
    described = describe(load_dataset("hipe2022:ajmc-en"))
    splits = described["splits"]
    assert [splits[s]["documents"] for s in SPLITS] == [60, 14, 13]
    entities = sum(splits["test"]["entities"].values())
    assert round(splits["test"]["noisy_entities"] * entities) == 36
    newseye = load_dataset("hipe2022:newseye-fr")
    assert newseye.train == ()
    assert newseye.dev == tuple(read_hipe(REAL / "hipe2022-v2.1/newseye/fr/HIPE-2022-v2.1-newseye-dev-fr.tsv"))


def test_twin_pairs_are_the_two_texts_aligned() -> None:
    data = load_dataset("gazette")
    pairs = data.twin_pairs("dev")
    assert [pair.source for pair in pairs] == [document.id for document in data.dev]
    for pair, document, twin in zip(pairs, data.dev, data.clean_twins["dev"], strict=True):
        assert (pair.clean, pair.noisy, pair.level) == (twin.text(), document.text(), "gazette")
        rebuilt, done = "", 0
        for a, b, c, d in pair.edits:
            rebuilt += pair.clean[done:a] + pair.noisy[c:d]
            done = b
        assert rebuilt + pair.clean[done:] == pair.noisy
    assert sum(len(pair.edits) for pair in pairs) > 100


def test_twin_pairs_need_twins(folder: Path) -> None:
    with pytest.raises(UserError, match=r"ours-v1-en, train: no clean twins of whole texts; .* such as gazette"):
        load_dataset(str(folder)).twin_pairs("train")
