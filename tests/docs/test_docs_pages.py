"""The pages: links lead somewhere, Python in them compiles, and the example of the API page runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import planted
from ocr_neurons.cli import main

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


def test_the_recipe_of_the_paper_runs(
    tiny_folder: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each command of the block as it stands, but for the size of data and model; parts of speech need a pipeline."""
    text = (ROOT / "docs" / "paper.md").read_text("utf-8").split("## Doing it yourself")[1]
    lines = [line.split() for line in text.splitlines() if line.startswith("    ocr-neurons ")]
    assert [line[1] for line in lines] == ["pairs", "probe", "rank", "rank", "train", "sweep"]
    planted.write_planted(tmp_path / "D", train=12, dev=3, test=1)
    monkeypatch.chdir(tmp_path)
    smaller = {"meta-llama/Llama-2-7b-hf": str(tiny_folder("llama")), "352256": str(4 * 48)}
    more = {
        "pairs": ["--words", "30"],
        "train": ["--epochs", "1", "--dtype", "float32"],
        "sweep": ["--dtype", "float32"],
    }
    for line in lines:
        words = [smaller.get(word, word) for word in line[1:] if word not in ("--parts", "auto")]
        assert main([*words, *more.get(line[1], []), *([] if line[1] == "rank" else ["--seed", "1"])]) == 0, line
    assert "best on dev: " in capsys.readouterr().out


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
