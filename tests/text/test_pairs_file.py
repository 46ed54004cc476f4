"""Pairs read from their file as they are asked for: the same as a list of them, and bad lines named when met."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.pairs import PairFile, TextPair, read_pairs, write_pairs

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
edits = st.lists(st.tuples(*[st.integers(0, 9)] * 4), max_size=2).map(tuple)
pair = st.builds(TextPair, text, text, text, text, text, text, edits)
LINE = json.dumps({"clean": "a", "noisy": "b", "level": "low", "source": "s"})


@settings(max_examples=60, deadline=None)
@given(st.lists(pair, min_size=1, max_size=6), st.data())
def test_it_is_the_list(tmp_path_factory: pytest.TempPathFactory, pairs: list[TextPair], data: Any) -> None:
    """Also with line ends of other kinds inside the texts: JSON writes those it must."""
    path = tmp_path_factory.mktemp("pairs") / "p.jsonl"
    write_pairs(path, pairs)
    assert read_pairs(path) == pairs
    found = PairFile(path)
    assert len(found) == len(pairs)
    assert list(found) == pairs
    order = data.draw(st.permutations(range(-len(pairs), len(pairs))))
    assert [found[i] for i in order] == [pairs[i] for i in order]
    cut = data.draw(st.slices(len(pairs)))
    assert found[cut] == pairs[cut]
    assert list(reversed(found)) == pairs[::-1]
    assert all(one in found for one in pairs)
    for outside in (len(pairs), -len(pairs) - 1):
        with pytest.raises(IndexError):
            found[outside]
    found.close()


def test_blank_lines_and_windows_line_ends_and_no_last_line_end(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    lines = [LINE.replace('"a"', f'"a{number}"') for number in range(3)]
    path.write_bytes(("\r\n\n" + lines[0] + "\r\n \n" + lines[1] + "\n\n" + lines[2]).encode())
    assert [found.clean for found in PairFile(path)] == ["a0", "a1", "a2"]
    assert list(PairFile(path)) == read_pairs(path)


@pytest.mark.parametrize(
    "bad", ["{", "[]", "3", '{"clean": "a"}', LINE.replace('"b"', "7"), LINE[:-1] + ', "edits": [1]}']
)
def test_a_bad_line_is_named_when_it_is_asked_for(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(f"{LINE}\n\n{bad}\n{LINE}\n")
    found = PairFile(path)
    assert found[0] == found[2]
    for ask in (lambda: found[1], lambda: read_pairs(path)):
        with pytest.raises(UserError, match="line 3: not a pair") as caught:
            ask()
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(f"{LINE}\n".encode() + b"\xff\xfe\n")
    with pytest.raises(UserError, match="line 2: not UTF-8"):
        PairFile(path)[1]


def test_nothing_there(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n \n")
    with pytest.raises(UserError, match="no pair in it; wanted pairs"):
        PairFile(empty)
    for absent in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match="no such file; wanted pairs"):
            PairFile(absent)


def test_memory_holds_no_text(tmp_path: Path) -> None:
    """What it keeps of a line does not depend on how long the line is."""
    sizes = []
    for length in (1, 1000):
        path = tmp_path / f"{length}"
        write_pairs(path, [TextPair("a" * length, "b" * length, "low", "s")] * 20)
        kept = vars(PairFile(path)).values()
        sizes.append(sum(len(value) * value.itemsize for value in kept if hasattr(value, "itemsize")))
        assert not [value for value in kept if isinstance(value, str | bytes | list | dict)]
    assert sizes[0] == sizes[1] > 0
