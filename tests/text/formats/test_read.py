"""Files found in folders: sorted, links once, nothing left out without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.formats.read import Input, find_inputs, kind_of, read_file, read_labelled


def test_files_of_folders_and_files(tmp_path: Path):
    for name in ("b/2.txt", "a.txt", "b/1.txt", "out/x.txt", "out.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = find_inputs([tmp_path, tmp_path / "a.txt"], without=tmp_path / "out")
    assert [one.name for one in found] == ["a.txt", "b/1.txt", "b/2.txt", "out.csv", "a.txt"]
    assert [one.name for one in find_inputs([tmp_path / "b"])] == ["1.txt", "2.txt"]
    assert "out.csv" not in {one.name for one in find_inputs([tmp_path], without=tmp_path / "out.csv")}
    for path in (tmp_path / "absent", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(UserError, match=r"no such file or folder|no file in this folder"):
            find_inputs([path])


def test_links(tmp_path: Path):
    """Linked folders are read once, however they are linked; a link to nothing is found, to be told."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_text("x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "nothing.txt").symlink_to(tmp_path / "gone")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a").symlink_to(tmp_path / "a")
    assert [one.name for one in find_inputs([tmp_path])] == ["a/1.txt", "nothing.txt"]
    assert [one.name for one in find_inputs([tmp_path / "other"])][:1] == ["a/1.txt"]


def test_empty_files_and_kinds(tmp_path: Path):
    (tmp_path / "x.xml").write_bytes(b"")
    with pytest.raises(UserError, match=r"x\.xml: the file is empty; wanted one of plain text"):
        kind_of(tmp_path / "x.xml")
    (tmp_path / "x.xml").write_text("<alto/>")
    assert kind_of(tmp_path / "x.xml") == "alto"


@pytest.mark.parametrize("name", ["x.txt", "x.TEXT"])
def test_an_empty_text_file_is_a_blank_page(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"")
    assert kind_of(tmp_path / name) == "text"
    (reading,) = read_file(Input(tmp_path / name, name), "text")
    assert (reading.text, reading.document.tokens) == ("", ())


def test_readings_name_their_file(tmp_path: Path):
    (tmp_path / "x.txt").write_text("Hello.")
    (reading,) = read_file(Input(tmp_path / "x.txt", "in/x.txt"), "text", language="fr")
    assert (reading.file, reading.document.id, reading.document.language) == ("in/x.txt", "in/x.txt", "fr")


def test_labels_of_json_lines_are_of_no_concern_to_the_tagger(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Numbers without a list, beyond the list that would be assumed, or beside a broken one."""
    (tmp_path / "x.json").write_text('{"tokens": ["Mr.", "Brown"], "ner_tags": [99, 3]}')
    (tmp_path / "label.json").write_text('{"O": 7}')
    (reading,) = read_file(Input(tmp_path / "x.json", "x.json"), "tokens")
    assert (reading.text, reading.document.labels(), capsys.readouterr().err) == ("Mr. Brown", ["O", "O"], "")
    with pytest.raises(UserError, match="labels are not numbered from 0"):
        read_labelled(tmp_path / "x.json", "tokens", "x.json")
    (tmp_path / "label.json").unlink()
    with pytest.raises(UserError, match="label number 99 of 37 known; put a label"):
        read_labelled(tmp_path / "x.json", "tokens", "x.json")
