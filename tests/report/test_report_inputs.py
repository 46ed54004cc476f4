from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sample
from ocr_neurons.common.errors import UserError
from ocr_neurons.report.inputs import read_run

OPTIONAL = re.compile(
    r"(.*\.(tp|fp|fn|fuzzy)|(baseline|chosen|random_control|noise_cost\.clean_twin)\.(strict|fuzzy)\.ci95"
    r"|chosen\.edit\.factor|trials\[\d+\]\.(factor|layers)|.*recall_by_bin\[\d+\]\.ci95"
    r"|timings\..*|layers\.regions\..*|layers\.placebo(\.sensitive(_both)?)?|layers\.(bands|found)"
    r"|layers\.bands\.(levels|bins)(\.[a-z]+)?|opposite(\.factor)?|difference\.opposite_minus_baseline"
    r"|random_best(\.edit\.factor)?|(opposite|random_best)\.(strict|fuzzy)\.ci95|examples\[\d+\]\.clean|data\..*)$"
)
"""Keys that a run folder may lack: what is not shown, or shown as it comes."""


def keys(value: Any, prefix: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Every key of nested JSON with the object that holds it; of lists, the first member."""
    if isinstance(value, dict):
        for name, part in value.items():
            full = f"{prefix}.{name}" if prefix else name
            yield value, name, full
            yield from keys(part, full)
    elif isinstance(value, list) and value:
        yield from keys(value[0], f"{prefix}[0]")


@pytest.mark.parametrize("which", ["summary", "details"])
def test_each_missing_key_is_named_with_its_file(tmp_path: Path, which: str) -> None:
    made = {"summary": sample.summary(), "details": sample.details()}
    named = 0
    for full in [full for _, _, full in keys(made[which])]:
        broken = copy.deepcopy(made)
        holder, name = next((holder, name) for holder, name, at in keys(broken[which]) if at == full)
        del holder[name]
        sample.write_run(tmp_path, **broken)
        if OPTIONAL.match(full):
            read_run(tmp_path)
            continue
        with pytest.raises(UserError) as error:
            read_run(tmp_path)
        line = str(error.value)
        assert str(tmp_path / f"{which}.json") in line
        assert f"'{full}' is missing" in line
        assert "\n" not in line
        named += 1
    assert named >= 25


@pytest.mark.parametrize(
    ("which", "path", "value", "said"),
    [
        ("summary", ["seed"], 1.5, "'seed' is 1.5; wanted a whole number"),
        ("summary", ["verdict"], None, "'verdict' is None; wanted a string"),
        ("summary", ["baseline", "strict", "f1"], "0.7", "'baseline.strict.f1' is '0.7'; wanted a finite number"),
        ("summary", ["baseline", "strict", "f1"], True, "wanted a finite number"),
        ("summary", ["baseline", "strict", "ci95"], [0.8, 0.7], "low <= high"),
        ("summary", ["baseline", "strict", "ci95"], [0.8], "[low, high]"),
        ("summary", ["random_control", "f1s"], [0.7], "as many F1 as there are draws (20)"),
        ("summary", ["random_control", "f1s"], [], "at least one"),
        ("details", ["layers", "cka", "low"], [0.5], "one number or null a layer (30)"),
        ("details", ["layers", "sensitive"], [1, 2], "one number a layer (30)"),
        ("details", ["layers", "count"], 0, "one layer or more"),
        ("details", ["trials"], {}, "'trials' is an object; wanted a list"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, which: str, path: list[str], value: Any, said: str) -> None:
    made: dict[str, Any] = {"summary": sample.summary(), "details": sample.details()}
    holder = made[which]
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    with pytest.raises(UserError, match=re.escape(said)):
        read_run(sample.write_run(tmp_path, **made))


def test_not_a_number_is_no_number(tmp_path: Path) -> None:
    made = sample.summary()
    made["baseline"]["strict"]["f1"] = float("nan")
    with pytest.raises(UserError, match="finite"):
        read_run(sample.write_run(tmp_path, made, sample.details()))


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"summary\.json: no such file"):
        read_run(tmp_path / "nowhere")
    sample.write_run(tmp_path, sample.summary(), sample.details())
    assert read_run(tmp_path).manifest == {}
    (tmp_path / "details.json").write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match=r"details\.json: holds a list"):
        read_run(tmp_path)


def test_values_arrive(tmp_path: Path) -> None:
    run = read_run(sample.write_run(tmp_path, sample.summary(), sample.details(), sample.manifest()))
    assert run.baseline.strict.f1 == 0.7486
    assert run.baseline.strict.counts == (411, 132, 144)
    assert run.control is not None
    assert run.control.scores.strict.interval is None
    assert run.edit is not None
    assert (run.edit.region, run.edit.count, run.edit.factor) == ("last", 154, 0.5)
    assert run.twin is not None
    assert run.twin.difference.f1 == 0.0308
    assert [entry.entities for entry in run.bins] == [402, 58, 71, 24]
    assert len(run.trials) == 30
    assert run.examples[0].words[8].space_after is False
