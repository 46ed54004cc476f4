"""One tiny run for all tests of the explorer, and sessions on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tiny_run
from ocr_neurons.explore.session import Session


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    """Read it, do not change it."""
    return tiny_run.make_run(tmp_path_factory.mktemp("explore"), tiny_folder("llama"))


@pytest.fixture(scope="session")
def session(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return tiny_run.explore(run_folder, tmp_path_factory.mktemp("cache"))
