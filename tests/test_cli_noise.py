"""The noise commands, as they are typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from rapidfuzz.distance import Levenshtein

from ocr_neurons.cli import main
from ocr_neurons.noise.learned.model import NoiseModel
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.hipe_tsv import read_hipe
from ocr_neurons.text.pairs import TextPair, read_pairs, write_pairs

TEXT = "The steamer from Leith was seen off the pier at noon, and her crew of nine men came safe to land. " * 60


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth e is read as c, every second the space after a comma is lost."""
    folder = tmp_path_factory.mktemp("aligned")
    noisy, count = [], 0
    for place, character in enumerate(TEXT):
        count += character == "e"
        lost = character == " " and TEXT[place - 1] == "," and place % 2
        noisy.append("" if lost else "c" if character == "e" and count % 10 == 0 else character)
    write_pairs(folder / "pairs.jsonl", [TextPair(TEXT, "".join(noisy), "real", f"harbour/{n}") for n in range(4)])
    return folder / "pairs.jsonl"


def test_a_model_is_learned_applied_and_measured(aligned, tmp_path, capsys):
    model, out = tmp_path / "model.json", tmp_path / "noisy.jsonl"
    assert main(["noise", "learn", str(aligned), "--out", str(model), "--language", "en", "--quiet"]) == 0
    learned = NoiseModel.load(model)
    assert list(learned.styles) == ["harbour"]
    assert learned.confusions(1)[0][:2] == ("e", "c")
    plain = tmp_path / "plain.txt"
    plain.write_text(TEXT, encoding="utf-8")
    arguments = ["noise", "apply", str(model), str(plain), "--cer", "0.04", "--out", str(out), "--quiet"]
    assert main(arguments) == 0
    (pair,) = read_pairs(out)
    assert (pair.clean, pair.source) == (TEXT, "plain")
    assert Levenshtein.distance(TEXT, pair.noisy) / len(TEXT) == pytest.approx(0.04, rel=0.05)
    assert {pair.clean[a:b] + ">" + pair.noisy[c:d] for a, b, c, d in pair.edits} <= {"e>c", " >"}
    first = out.read_bytes()
    assert main(arguments) == 0
    assert out.read_bytes() == first
    assert main([*arguments, "--seed", "2"]) == 0
    assert out.read_bytes() != first
    capsys.readouterr()
    assert main(["noise", "measure", str(out), "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)["noisy.jsonl"]
    assert measured["figures"]["CER"] == pytest.approx(0.04, rel=0.05)


def test_documents_keep_their_labels(tmp_path):
    out, tsv = tmp_path / "noisy.jsonl", tmp_path / "noisy.tsv"
    arguments = ["noise", "apply", "en", "gazette", "--split", "dev", "--cer", "0.03", "--spread", "--quiet"]
    assert main([*arguments, "--out", str(out), "--tsv", str(tsv)]) == 0
    clean = load_dataset("gazette").clean_twins["dev"]
    noisy, pairs = read_hipe(tsv), read_pairs(out)
    assert [document.id for document in noisy] == [document.id for document in clean] == [pair.source for pair in pairs]
    assert [document.text() for document in clean] == [pair.clean for pair in pairs]
    rates = [Levenshtein.distance(pair.clean, pair.noisy) / len(pair.clean) for pair in pairs]
    assert sum(rates) / len(rates) == pytest.approx(0.03, rel=0.1)
    assert max(rates) > 2 * min(rates)
    kept, found = sum(len(d.entities()) for d in clean), sum(len(d.entities()) for d in noisy)
    assert 0.98 * kept <= found <= kept
    assert {e.type for d in noisy for e in d.entities()} == {e.type for d in clean for e in d.entities()}


def test_a_figure_of_another_format_is_refused_before_any_work(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["noise", "measure", "nowhere.jsonl", "--against", "nowhere.jsonl", "--figure", "f.gif"])
    assert "'f.gif' given; wanted a file that ends in .png, .svg, .pdf" in capsys.readouterr().err


def test_two_sets_are_compared_with_a_figure(aligned, tmp_path, capsys):
    figure = tmp_path / "figure.png"
    arguments = ["noise", "measure", str(aligned), "--against", str(aligned), "--draws", "20", "--json"]
    assert main([*arguments, "--figure", str(figure)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["distances"]["confusions"]["value"] == 0
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_columns_are_those_of_tables_alone(tmp_path, capsys):
    """Beside a table, pairs of this program, ICDAR files and folders of them are read as without --columns."""
    clean, noisy = "The steamer came in at noon", "Tbe steamer came in at noon"
    table, pairs, icdar = tmp_path / "corrected.csv", tmp_path / "pairs.jsonl", tmp_path / "icdar" / "en" / "1.txt"
    table.write_text(f"corrected,ocr\n{clean},{noisy}\n", encoding="utf-8")
    write_pairs(pairs, [TextPair(clean, noisy, "real", "a/1")])
    icdar.parent.mkdir(parents=True)
    icdar.write_text(f"[OCR_toInput] {noisy}\n[OCR_aligned] {noisy}\n[ GS_aligned] {clean}\n", encoding="utf-8")
    named = ["--columns", "corrected,ocr", "--json", "--draws", "10"]
    for one, other in ((table, pairs), (pairs, table), (table, icdar), (table, tmp_path / "icdar")):
        assert main(["noise", "measure", str(one), "--against", str(other), *named]) == 0
        assert json.loads(capsys.readouterr().out)["distances"]["confusions"]["value"] == 0
    assert main(["noise", "measure", str(pairs), "--against", str(pairs), *named]) == 2  # of no use to any
    assert "pairs.jsonl: no column 'corrected'" in capsys.readouterr().err
    assert main(["noise", "measure", str(table)]) == 2
    said = capsys.readouterr().err
    assert "begins with 'corrected,ocr'; wanted" in said
    assert said.endswith("; of a table name the two: --columns corrected_text,text\n")


@pytest.mark.skipif(not shutil.which("tesseract"), reason="no Tesseract: apt-get install tesseract-ocr-eng runs this")
def test_documents_are_printed_and_read(tmp_path):
    out, tsv, facts = tmp_path / "printed.jsonl", tmp_path / "printed.tsv", tmp_path / "facts.json"
    data = tmp_path / "two.tsv"
    from ocr_neurons.text.hipe_tsv import write_hipe

    write_hipe(data, load_dataset("gazette").clean_twins["dev"][:2])
    arguments = ["noise", "print", str(data), "--typeface", "pillow", "--strength", "0.4", "--quiet"]
    images = ["--images", str(tmp_path / "pages"), "--out", str(out), "--tsv", str(tsv), "--facts", str(facts)]
    assert main([*arguments, *images]) == 0
    assert len(list((tmp_path / "pages").glob("*.png"))) >= 2
    assert json.loads(facts.read_text("utf-8"))["documents"] == 2
    for pair, document in zip(read_pairs(out), read_hipe(tsv), strict=True):
        assert 0.5 < pair.similarity < 1
        assert document.entities()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["apply", "xx", "gazette", "--out", "o"], "noise model 'xx': no such file"),
        (
            ["apply", "en", "gazette", "--cer", "5", "--out", "o"],
            "error rate 5.0; wanted a number from 0 to 1",
        ),
        (["apply", "en", "gazette", "--spread", "--out", "o"], "--spread without --cer"),
        (["apply", "en", "gazette", "--style", "EN9", "--out", "o"], "noise style 'EN9' is unknown"),
        (["apply", "en", "gazette", "--split", "all2", "--out", "o"], "split 'all2'; wanted one of"),
        (["apply", "en", "nowhere.txt", "--out", "o"], "nowhere.txt"),
        (["apply", "en", "plain.txt", "--tsv", "t", "--out", "o"], "plain text has no tokens to write"),
        (["apply", "pairs.jsonl", "plain.txt", "--out", "o"], "not a noise model"),
        (["learn", "nowhere", "--out", "o"], "nowhere"),
        (["learn", "plain.txt", "--out", "o"], "plain.txt"),
        (["learn", "pairs.jsonl", "--out", "o"], "wanted at least 200 to learn noise from"),
        (["learn", "pairs.jsonl", "--normalise", "quoets", "--out", "o"], "'quoets' is unknown; nearest: quotes"),
        (["learn", "pairs.jsonl", "--columns", "a", "--out", "o"], "--columns 'a'; wanted two names"),
        (["measure", "apart.jsonl"], "apart: no usable pair, 1 refused"),
        (["measure", "pairs.jsonl", "--figure", "f.png"], "--figure without --against"),
        (["print", "plain.txt", "--out", "o"], "plain.txt: plain text"),
        (["print", "gazette", "--typeface", "comic", "--out", "o"], "comic"),
        (["print", "gazette", "--strength", "0.5", "--cer", "0.1", "--out", "o"], "wanted one of the two"),
    ],
)
def test_bad_input_is_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("plain.txt").write_text("The steamer came in.", encoding="utf-8")
    write_pairs(Path("pairs.jsonl"), [TextPair("the steamer came", "tbe steamer came", "real", "a/1")])
    write_pairs(Path("apart.jsonl"), [TextPair("the steamer came in at noon", "0123456789%&/()=", "real", "a/1")])
    before = sorted(tmp_path.iterdir())
    assert main(["noise", *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert message in said[-1]
    assert said[-1].startswith("ocr-neurons: ")
    assert sorted(tmp_path.iterdir()) == before
