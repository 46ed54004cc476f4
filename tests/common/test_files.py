"""Files are whole or absent; reading says what was wanted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import read_json, read_text, replacing, sha256, write_json, write_text


def test_a_failure_leaves_the_old_file_and_no_scratch(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old\n")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"f1": float("nan")})
    assert path.read_text() == "old\n"
    assert [child.name for child in tmp_path.iterdir()] == ["a.txt"]


def test_the_file_appears_only_when_whole(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with replacing(path) as temporary:
        assert temporary.parent == path.parent, "another folder may be another disk, where no rename is possible"
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert [child.name for child in path.parent.iterdir()] == ["a.txt"]


def test_text_and_json_come_back(tmp_path):
    write_text(tmp_path / "t", "line\r\nœuvre ¬\n")
    assert (tmp_path / "t").read_bytes() == "line\r\nœuvre ¬\n".encode()
    assert read_text(tmp_path / "t", "text") == "line\r\nœuvre ¬\n"
    value = {"b": [1, 0.1, None], "a": "œ"}
    write_json(tmp_path / "j", value)
    assert read_json(tmp_path / "j", "json") == value
    assert "œ" in (tmp_path / "j").read_text(encoding="utf-8"), "readable by people"


def test_reading_what_cannot_be_read(tmp_path):
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    (tmp_path / "bad.json").write_text('{"a": 1,\n "b" 2}')
    cases = {
        (read_text, "absent"): "absent: no such file; wanted a tagger",
        (read_text, "."): "is a folder; wanted a tagger",
        (read_text, "latin"): r"latin: not UTF-8 \(byte 3\); wanted a tagger",
        (read_json, "bad.json"): "bad.json, line 2: not JSON",
        (read_text, "latin/inside"): "inside: cannot be read .*; wanted a tagger",
    }
    for (read, name), message in cases.items():
        with pytest.raises(UserError, match=message) as caught:
            read(tmp_path / name, "a tagger")
        assert "\n" not in str(caught.value)


def test_sha256(tmp_path: Path):
    content = bytes(range(256)) * 5000
    (tmp_path / "x").write_bytes(content)
    assert sha256(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_nearest_names():
    assert nearest("gazete", ["gazette", "hipe", "ajmc"]) == "; nearest: gazette"
    assert nearest("zzz", ["b", "a"]) == "; nearest: a, b", "few names are all listed"
    assert nearest("zzz", [f"name{i}" for i in range(20)]) == ""
    assert nearest("x", []) == ""


def test_a_user_error_is_a_value_error_of_one_line():
    assert issubclass(UserError, ValueError)
    assert json.dumps(str(UserError("a: b"))) == '"a: b"'
