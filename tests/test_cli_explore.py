"""``ocr-neurons explore``: the port, the folder, and a server that comes and goes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

import tiny_run
from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.config import load_config
from ocr_neurons.explore.folder import open_run

pytest.importorskip("fastapi", reason="pip install 'ocr-neurons[explore]'")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    return tiny_run.make_run(tmp_path_factory.mktemp("explore"), tiny_folder("mistral"))


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: object) -> str:
        assert main([str(argument) for argument in ("explore", *arguments)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        return err.splitlines()[-1]

    return run


@pytest.mark.parametrize("missing", ["run.toml", "ranking.json", "profile.safetensors", "tagger"])
def test_a_folder_that_lacks_something(run_folder, tmp_path, fails, missing):
    copy = tmp_path / "run"
    shutil.copytree(run_folder, copy)
    if missing == "tagger":
        shutil.rmtree(copy / "tagger")
    else:
        (copy / missing).unlink()
    line = fails(copy, "--port", 0, "--quiet")
    assert f"{copy}: no {'tagger/ocr_neurons.json' if missing == 'tagger' else missing} in it" in line
    assert line.startswith("ocr-neurons: ")


def test_folders_that_are_none(tmp_path, fails):
    assert "no such folder" in fails(tmp_path / "nothing", "--port", 0)
    assert "no run.toml, profile.safetensors, ranking.json, tagger/ocr_neurons.json in it" in fails(
        tmp_path, "--port", 0
    )


def test_broken_files_are_named(run_folder, tmp_path, fails):
    for name in ("run.toml", "ranking.json", "profile.safetensors", "edit.json"):
        copy = tmp_path / name
        shutil.copytree(run_folder, copy)
        (copy / name).write_bytes(b"\x00 not that")
        assert f"{copy / name}" in fails(copy, "--port", 0, "--quiet")


def test_a_tagger_of_another_model(run_folder, tmp_path, fails):
    copy = tmp_path / "run"
    shutil.copytree(run_folder, copy)
    value = json.loads((copy / "ranking.json").read_text())
    (copy / "ranking.json").write_text(json.dumps(value | {"layers": 9}))
    assert "a tagger of 4 layers x 48 neurons given, the run's ranking is of 9 x 48" in fails(
        copy, "--port", 0, "--quiet"
    )


def test_a_given_tagger_that_is_not_found_from_here(run_folder, tmp_path, fails, monkeypatch):
    copy = tmp_path / "run"
    shutil.copytree(run_folder, copy)
    shutil.rmtree(copy / "tagger", ignore_errors=True)
    config = replace(load_config(copy / "run.toml"), model="given/tagger")
    config.save(copy / "run.toml")
    (copy / "manifest.json").write_text(json.dumps({"steps": {"probe": {}}}))
    assert "its tagger, given as given/tagger, is not found from here" in fails(copy, "--port", 0, "--quiet")


def test_a_port_in_use(run_folder, fails):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert fails(run_folder, "--port", port).startswith(f"ocr-neurons: port {port} of 127.0.0.1 is in use")


@pytest.mark.parametrize("port", [-1, 65536])
def test_ports_that_are_none(run_folder, fails, port):
    assert f"port {port} given; wanted a number" in fails(run_folder, "--port", port)


@pytest.mark.parametrize("library", ["fastapi", "uvicorn"])
def test_without_its_libraries_it_says_what_to_install(run_folder, fails, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    assert fails(run_folder) == (
        f"ocr-neurons: explore needs {library}; install it with: pip install 'ocr-neurons[explore]'"
    )


def test_an_unfinished_run_has_no_edit_yet(run_folder, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run_folder, copy)
    (copy / "edit.json").unlink()
    (copy / "profile-control.safetensors").unlink()
    session = tiny_run.explore(copy, tmp_path)
    assert session.facts()["edit"] is None
    assert session.facts()["placebo"] == ""
    assert session.neuron(0, 0)["methods"][0]["beyond"] is None
    from ocr_neurons.explore.editing import Wanted

    with pytest.raises(UserError, match="has not chosen an edit yet"):
        session.edit("Liverpool burns", "Liverpcol burns", "en", Wanted("run"))


def test_documents_that_are_elsewhere_leave_pasted_text(run_folder, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run_folder, copy)
    settings = (copy / "run.toml").read_text()
    (copy / "run.toml").write_text(settings.replace(str(run_folder.parent / "data"), str(tmp_path / "gone")))
    session = tiny_run.explore(copy, tmp_path)
    assert "not on this machine" in session.facts()["no_data"]
    assert session.facts()["documents"] == []
    assert session.compare("Liverpool burns", "Liverpcol burns", "en")["words"]
    with pytest.raises(UserError, match="not on this machine"):
        session.contexts(0, 0)
    assert open_run(copy).data.test == ()


def test_it_serves_until_it_is_interrupted(run_folder, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in run_folder.rglob("*")}
    command = [
        sys.executable,
        "-m",
        "ocr_neurons",
        "explore",
        str(run_folder),
        "--port",
        "0",
        "--quiet",
        "--dtype",
        "float32",
    ]
    environment = os.environ | {"OCR_NEURONS_CACHE": str(tmp_path), "DISPLAY": ""}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            with urlopen(address + "api/run", timeout=60) as answer:  # noqa: S310 - its own address
                assert json.load(answer)["layers"] == 4
            question = Request(  # noqa: S310
                address + "api/contexts",
                json.dumps({"layer": 1, "index": 2}).encode(),
                {"Content-Type": "application/json"},
            )
            with urlopen(question, timeout=60) as answer:  # noqa: S310
                assert len(json.load(answer)["highest"]) == 8
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (out, err, process.returncode) == ("", "", 0)
    assert {path: path.stat().st_mtime_ns for path in run_folder.rglob("*")} == before, "the run's folder is left alone"
    assert list((tmp_path / "explore").rglob("layer-1.safetensors"))
