"""The ``data`` commands, as they are typed."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from ocr_neurons.cli import main
from ocr_neurons.text.catalogue import catalogue
from ocr_neurons.text.datasets import GAZETTES, load_dataset
from ocr_neurons.text.named import DATA_VARIABLE

REAL = Path(__file__).resolve().parents[1].parent / "shared" / "data"
needs_real = pytest.mark.skipif(
    not (REAL / "hipe2022-v2.1").is_dir(), reason="HIPE data are not in ../shared/data beside the repository"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network: whoever looks for one fails."""

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"the network was asked for {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("OCR_NEURONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    return tmp_path / "cache"


def test_list_names_everything_with_licence_and_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0
    out, err = capsys.readouterr()
    rows = {
        line.split()[0]: line for line in out.splitlines() if ":" in line.split(" ")[0] or line.startswith("gazette")
    }
    assert set(rows) == {*GAZETTES, *catalogue()}
    row = "hipe2022:ajmc-en no en 1881-1896 60/14/13 43,490 2,587 12% 1.4 CC BY 4.0 date loc object pers scope work"
    assert rows["hipe2022:ajmc-en"].split() == row.split()
    assert rows["gazette"].split()[1] == "package"
    assert "?" in rows["hipe2022:topres19th-en"].split()
    assert "not for commercial use" in err
    assert main(["data", "list", "--json"]) == 0
    value = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(value) == set(rows)
    assert value["hipe2020:de"]["terms"].startswith("not for commercial use")
    assert value["hipe2022:ajmc-en"]["facts"]["train"]["documents"] == 60


def test_show_counts_what_is_here_and_tells_what_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "show", "gazette:fr", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    dataset = load_dataset("gazette:fr")
    assert told["facts"]["test"]["tokens"] == sum(len(d.tokens) for d in dataset.test)
    assert (told["twin_scope"], told["licence"]) == ("text", "CC0")
    assert main(["data", "show", "hipe2020:de"]) == 0
    out = capsys.readouterr().out
    assert "not on this machine, figures of the catalogue; `ocr-neurons data fetch hipe2020:de` brings it" in out
    assert "licence: CC BY-NC-SA 4.0: not for commercial use" in out
    assert main(["data", "show", "icdar2017:fr_periodical"]) == 0
    assert "23 documents, 618,115 characters, CER 2.30%" in capsys.readouterr().out
    assert main(["data", "show", "ajmc:transcripts"]) == 0
    assert "200 en train" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["data", "fetch", "hipe2022:ajmc-em"], "nearest: hipe2022:ajmc-en"),
        (["data", "fetch", "gazette"], "gazette: no data set of the catalogue"),
        (
            ["data", "fetch", "hipe2022:ajmc-en", "--from", "none"],
            "none: no such folder; wanted a checkout of hipe-eval",
        ),
        (["data", "fetch", "ajmc:transcripts"], "no public repository holds it in this form"),
        (["data", "show", "hipe2022:letemps-fr"], "hipe2022:letemps-fr: not in the catalogue"),
        (["run", "--data", "hipe2022:ajmc-en"], "`ocr-neurons data fetch hipe2022:ajmc-en` brings it"),
        (["noise", "measure", "icdar2019:FR2"], "`ocr-neurons data fetch icdar2019:FR2` brings it"),
        (["noise", "measure", "icdar2019:FR"], "nearest: icdar2019:FR2"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err.splitlines()[-1]
    assert not (tmp_path / "cache").exists()


@needs_real
def test_fetched_ajmc_is_the_one_of_the_folder(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["data", "fetch", "hipe2022:ajmc-en", "--from", str(REAL)]) == 0
    err = capsys.readouterr().err
    assert "hipe2022:ajmc-en: 4 files, 1.4 MB, hashes right" in err
    assert "ajmc:transcripts: 1 file, 0.1 MB, hashes right" in err
    assert "licence CC BY-NC-SA 4.0 (its badge), CC BY 4.0 (its text): not for commercial use" in err
    fetched = load_dataset("hipe2022:ajmc-en")
    monkeypatch.setenv(DATA_VARIABLE, str(REAL))
    assert fetched.digest() == load_dataset("hipe2022:ajmc-en").digest()
    assert fetched.twin_scope == "entities"
    assert main(["data", "fetch", "hipe2022:ajmc-en", "--quiet"]) == 0  # all is there: nothing is asked of the network
    assert capsys.readouterr() == ("", "")
    assert main(["data", "show", "hipe2022:ajmc-en"]) == 0
    assert "clean twins: train, dev, test (of the entities alone)" in capsys.readouterr().out


@needs_real
def test_noise_is_learned_from_a_name(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "fetch", "icdar2019:FR2", "--from", str(REAL), "--quiet"]) == 0
    assert main(["noise", "learn", "icdar2019:FR2", "--out", str(tmp_path / "n.json"), "--quiet"]) == 0
    model = json.loads((tmp_path / "n.json").read_text(encoding="utf-8"))
    assert (model["source"], model["licence"], model["language"]) == ("icdar2019:FR2", "CC BY-NC-SA 3.0", "fr")
