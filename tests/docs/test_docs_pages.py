"""The pages: links lead somewhere, Python in them compiles, and the example of the API page runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "results").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"https?:", path):
            continue
        there = (page.parent / path) if path else page
        assert there.exists(), f"{name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text("utf-8"), flags=re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{name} links to {target}"


@pytest.mark.parametrize("name", NAMES)
def test_python_compiles(name: str) -> None:
    for code in blocks(ROOT / name):
        assert compile(code, name, "exec").co_code


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def test_the_api_example_runs(tiny_folder: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks(ROOT / "docs" / "api.md")
    assert code.count('"smollm2"') == 2
    smaller = code.replace('"smollm2"', repr(str(tiny_folder("llama")))).replace("words=100", "words=60")
    exec(compile(smaller, "docs/api.md", "exec"), {})  # noqa: S102 - that is the test
    printed = capsys.readouterr().out.split(" ", 1)
    counts = re.findall(r"\d+: (\d+)", printed[1])
    assert int(printed[0]) == sum(map(int, counts)) > 0


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for page in sorted((ROOT / "docs").glob("*.md")):
        assert f"docs/{page.name}" in readme, page.name


def test_names_in_the_api_table_exist() -> None:
    import importlib

    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    names = re.findall(r"`((?:ocr_neurons\.)?[a-z_]+(?:\.[a-z_]+)+\.\w+)`", text)
    assert len(names) > 15
    for name in names:
        module, _, attribute = name.removeprefix("ocr_neurons.").rpartition(".")
        assert hasattr(importlib.import_module(f"ocr_neurons.{module}"), attribute), name
