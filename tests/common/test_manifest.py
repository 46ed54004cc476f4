"""The manifest: what was done, with what, and what need not be done again."""

from __future__ import annotations

import json
import platform

import pytest
import torch

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.manifest import Manifest, digest, hardware, versions


def test_a_step_is_done_when_its_key_and_files_are_there(tmp_path):
    manifest, file = Manifest(tmp_path), tmp_path / "out.txt"
    assert not manifest.done("train", "k1", [file])
    with manifest.step("train", "k1"):
        file.write_text("x")
    again = Manifest(tmp_path)
    assert again.done("train", "k1", [file])
    assert not again.done("train", "k2", [file])
    assert not again.done("probe", "k1", [file])
    assert again.otherwise("train", "k2")
    assert not again.otherwise("train", "k1")
    assert not again.otherwise("probe", "k1")
    file.unlink()
    assert not again.done("train", "k1", [file])
    assert list(again.timings()) == ["train"]
    assert again.timings()["train"] >= 0


def test_a_step_that_fails_is_not_done_even_if_it_was_before(tmp_path):
    file = tmp_path / "out.txt"
    with Manifest(tmp_path).step("train", "k1"):
        file.write_text("first")

    def fail() -> None:
        with Manifest(tmp_path).step("train", "k2"):
            file.write_text("half of the second")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not Manifest(tmp_path).done("train", "k1", [file]), "the file is no longer the one made with k1"
    assert not Manifest(tmp_path).done("train", "k2", [file])


def test_description(tmp_path):
    Manifest(tmp_path).describe(seed=3, config={"a": 1})
    value = json.loads((tmp_path / "manifest.json").read_text())
    assert value["seed"] == 3
    assert value["versions"]["python"] == platform.python_version()
    assert value["versions"]["torch"] == versions()["torch"] == torch.__version__
    assert value["hardware"] == hardware()
    assert value["hardware"]["cores"] >= 1
    assert value["command"].startswith("ocr-neurons")
    with Manifest(tmp_path).step("train", "k"):
        pass
    Manifest(tmp_path).describe(seed=4)
    value = json.loads((tmp_path / "manifest.json").read_text())
    assert value["seed"] == 4
    assert list(value["steps"]) == ["train"], "describing again forgets what was done"


@pytest.mark.parametrize("text", ["[]", '{"steps": []}', "{", '"x"'])
def test_a_manifest_that_is_none(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UserError) as caught:
        Manifest(tmp_path)
    assert "\n" not in str(caught.value)


def test_digests():
    assert digest({"a": 1, "b": (2, 3)}) == digest({"b": [2, 3], "a": 1})
    values = [digest(), digest(1), digest("1"), digest(1, 2), digest([1, 2]), digest({"a": None}), digest(1.0, 2)]
    assert len(set(values)) == len(values)
    assert all(len(value) == 16 for value in values)
