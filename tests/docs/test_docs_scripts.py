"""Benchmarks, studies and what executes the notebooks: what they import is there, though no test runs them."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path for folder in ("benchmarks", "studies", "notebooks") for path in (ROOT / folder).rglob("*.py"))
NAMES = [path.relative_to(ROOT).as_posix() for path in SCRIPTS]


def test_there_are_scripts() -> None:
    assert {"benchmarks/noise_realism.py", "studies/taggers.py"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_imported_is_there(name: str) -> None:
    """Read, not run: a script may need data or a model at once."""
    for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ocr_neurons"):
            module = import_module(str(node.module))
            missing = [one.name for one in node.names if not hasattr(module, one.name)]
            for one in missing:  # a module of the package
                import_module(f"{node.module}.{one}")
