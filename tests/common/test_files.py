"""Files are whole or absent; reading says what was wanted."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import (
    STALE_SECONDS,
    read_json,
    read_text,
    remove_stale,
    replacing,
    replacing_folder,
    sha256,
    write_json,
    write_text,
)


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


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 100 bytes: the nearest to a full disk that needs no disk of its own."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
def test_an_error_of_the_system_names_the_file_that_was_asked_for(tmp_path):
    def by_library() -> None:
        with replacing(tmp_path / "a.safetensors") as temporary:
            save_file({"x": np.zeros(1000)}, temporary)

    def in_a_folder() -> None:
        with replacing_folder(tmp_path / "out") as part:
            save_file({"x": np.zeros(1000)}, part / "model.safetensors")

    works = {"a.txt": lambda: write_text(tmp_path / "a.txt", "x" * 1000), "a.safetensors": by_library}
    for name, work in (works | {"out": in_a_folder}).items():
        with pytest.raises(OSError, match="File too large") as caught:
            work()
        assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    def refuse(path: Path, *_: object, **__: object) -> None:  # root may write anywhere, so the system is played
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(PermissionError) as caught:
        write_text(tmp_path / "a.txt", "x")
    assert caught.value.filename == str(tmp_path / "a.txt")
    with pytest.raises(PermissionError) as caught, replacing(tmp_path / "a.txt"):
        (tmp_path / "other").write_bytes(b"")
    assert caught.value.filename == str(tmp_path / "other"), "what is another file's error stays that"


def test_json_that_the_parser_gives_up_on(tmp_path):
    for text in ("[" * 100_000, "9" * 5000):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(UserError, match=r"x.json: JSON that cannot be read .*; wanted an edit"):
            read_json(tmp_path / "x.json", "an edit")


def test_text_that_is_no_utf8(tmp_path):
    with pytest.raises(UserError, match=r"a.txt: cannot be written as UTF-8, because of 'm\\udcfcnchen.txt'") as caught:
        write_text(tmp_path / "a.txt", b"m\xfcnchen.txt".decode("utf-8", "surrogateescape"))
    assert str(caught.value).isascii()
    assert list(tmp_path.iterdir()) == []


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


def test_only_what_is_old_and_half_made_is_removed(tmp_path: Path) -> None:
    old = time.time() - STALE_SECONDS - 60
    for name in (".old.1.part", ".new.2.part", "kept.tsv", ".hidden"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".folder.part").mkdir()
    (tmp_path / ".folder.part" / "weights").write_text("x")
    for path in tmp_path.iterdir():
        if path.name != ".new.2.part":
            os.utime(path, (old, old))
    remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", ".new.2.part", "kept.tsv"]


@pytest.mark.parametrize(
    ("above", "umask", "folder", "file"),
    [
        (0o755, 0o022, 0o755, 0o644), (0o700, 0o022, 0o700, 0o600), (0o2770, 0o002, 0o2770, 0o660),
        (0o777, 0o022, 0o755, 0o644), (0o755, 0o077, 0o700, 0o600),
    ],
)  # fmt: skip
def test_who_may_read_the_folder_above_may_read_what_is_made_in_it_as_far_as_the_umask_goes(
    tmp_path, above, umask, folder, file
):
    tmp_path.chmod(above)
    before = os.umask(umask)
    try:
        with replacing_folder(tmp_path / "tagger") as part:
            write_text(part / "card.json", "{}")  # made in a folder that is its owner's alone
            (part / "deep").mkdir(0o700)
            save_file({"x": np.zeros(3)}, part / "deep" / "model.safetensors")
        write_text(tmp_path / "page.txt", "x")
    finally:
        os.umask(before)
    made = {path.name: path.stat().st_mode & 0o7777 for path in tmp_path.rglob("*")}
    assert made == {"tagger": folder, "deep": folder} | dict.fromkeys(
        ("card.json", "model.safetensors", "page.txt"), file
    )
