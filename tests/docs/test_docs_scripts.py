"""Benchmarks, studies and what executes the notebooks: what they import is there, though no test runs them."""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
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
    imports = [
        node for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))) if isinstance(node, ast.ImportFrom)
    ]
    wanted = [(str(node.module), one.name) for node in imports for one in node.names]
    missing = [pair for pair in wanted if pair[0].startswith("ocr_neurons") and not there(*pair)]
    assert missing == []


def there(module: str, name: str) -> bool:
    """Whether it is a name in the module, or a module of the package."""
    if find_spec(module) is None:
        return False
    found = import_module(module)
    return hasattr(found, name) or (hasattr(found, "__path__") and find_spec(f"{module}.{name}") is not None)


def test_what_is_gone_is_seen() -> None:
    assert there("ocr_neurons.report.files", "write_chart")
    assert there("ocr_neurons.report", "files")
    assert not there("ocr_neurons.report.chart_noise", "write_noise_figure")
    assert not there("ocr_neurons.report.gone", "anything")
