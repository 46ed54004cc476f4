"""Every command in README and docs is one that the program takes: its name, its options, its arguments."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ocr_neurons.cli import _parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "results" / "notebooks" / "README.md"])
NAMES = {"ocr-neurons", "ocr_neurons.cli"}
"""What a command begins with, whatever starts it: ``srun``, ``torchrun … -m``, ``accelerate launch …``."""
CUT = re.compile(r"(?<!\S)(#|\||>|&|;|…).*")
"""Where a command ends."""


class Command(NamedTuple):
    page: str
    text: str
    words: tuple[str, ...]
    whole: bool  # stands in a block of its own, so that all of it must be right


def in_blocks(text: str) -> Iterator[str]:
    """Lines of code blocks, indented and fenced, with continued lines joined."""
    fenced = False
    lines = []
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            lines.append(line.strip())
        else:
            lines.append("")
    yield from re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()


def commands() -> list[Command]:
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        inline = re.findall(r"`([^`\n]*ocr-neurons [^`\n]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for whole, line in [(True, line) for line in in_blocks(text)] + [(False, line) for line in inline]:
            try:
                words = shlex.split(CUT.sub("", re.sub(r"\$\{\w+\}", "1", line)))
            except ValueError:  # prose with an apostrophe
                continue
            places = [place for place, word in enumerate(words) if word in NAMES]
            if places and words[places[0] + 1 :] and re.fullmatch(r"[a-z]+", words[places[0] + 1]):
                own = tuple(words[places[0] + 1 :])
                found.append(Command(page.relative_to(ROOT).as_posix(), line, own, whole))
    return found


COMMANDS = commands()


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def find(words: tuple[str, ...]) -> tuple[argparse.ArgumentParser, tuple[str, ...]]:
    """The parser of a command, or of its action, and the words after it."""
    parser = _parser()
    while (below := subparsers(parser)) and words and not words[0].startswith("-"):
        assert words[0] in below, f"{words[0]!r} is no command; there are {', '.join(below)}"
        parser, words = below[words[0]], words[1:]
    return parser, words


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 60
    assert sum(command.whole for command in COMMANDS) > 40
    assert {"probe", "sweep", "train", "merge", "noise"} <= {command.words[0] for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=[f"{c.page}:{' '.join(c.words)[:50]}" for c in COMMANDS])
def test_options_exist(command: Command) -> None:
    parser, rest = find(command.words)
    known = parser._option_string_actions
    for word in rest:
        option = word.partition("=")[0]
        if re.fullmatch(r"--[a-z][a-z-]*", option):
            assert option in known, f"{command.page}: `{command.text}` has {option}, which {parser.prog} does not"


@pytest.mark.parametrize(
    "command",
    [c for c in COMMANDS if c.whole and "…" not in c.text and "[" not in c.text],
    ids=lambda command: f"{command.page}:{' '.join(command.words)[:50]}",
)
def test_whole_commands_parse(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that is needed is left out, nothing stands where nothing can."""
    try:
        assert callable(_parser().parse_args(command.words).handler)
    except SystemExit:
        pytest.fail(f"{command.page}: `{command.text}`: {capsys.readouterr().err.strip()}")
