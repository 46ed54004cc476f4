"""What there is to tag, of what kind, and where it goes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from ocr_neurons.common.errors import UserError
from ocr_neurons.tagging.record import FILE
from ocr_neurons.text.formats.docbin import check_spacy
from ocr_neurons.text.formats.read import WANTED, Input, find_inputs, kind_of
from ocr_neurons.text.formats.write import FORMATS

_OTHERS = (".json", ".txt", ".xml", ".html", ".conll", ".xlsx", ".xls", ".ods", ".parquet")
"""Endings that promise a format which is not written."""
_READ = {
    ".xml", ".alto", ".page", ".html", ".htm", ".xhtml", ".hocr", ".txt", ".text", ".tsv", ".conll", ".json", ".jsonl",
}  # fmt: skip
"""Endings of what is read, alone or one after the other."""


@dataclass
class Plan:
    """Inputs to tag with their kinds, and those that will not be.

    ``refused`` says why, in one line a file; ``aside`` are files in folders whose kind is not read, such as images.
    """

    out: Path
    folder: bool
    """Whether ``out`` is a folder, with a file for each input."""
    format: str
    inputs: list[tuple[Input, str]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    aside: list[str] = field(default_factory=list)

    def refuse(self, one: Input, reason: str) -> None:
        """Note why an input is not tagged."""
        self.refused[str(one.path) if one.name in self.refused else one.name] = reason

    def target(self, given: Input) -> Path:
        """Where an input's own output goes, in a folder."""
        suffix = f".{self.format}"
        return self.out / (given.name if given.name.endswith(suffix) else given.name + suffix)


def make_plan(given: Sequence[Path], out: Path, format_name: str | None = None) -> Plan:
    """Look at what is given.

    ``out`` is one file for everything if it ends like one (``.jsonl``, ``.csv``, ``.tsv``, ``.spacy``), or where only
    files are given and there is no folder of its name; else a folder with a file for each input. The format is
    ``format_name``, else that of the ending, else JSON Lines in folders and HIPE TSV in files. What ``out`` itself
    holds is never an input.

    Raises:
        UserError: nothing that can be tagged; ``out`` is a folder with something else in it; two inputs of one name.
    """
    ending = out.suffix[1:] if out.suffix[1:] in FORMATS else ""
    folder = out.is_dir() or (not ending and any(path.is_dir() for path in given))
    name = format_name or ending or ("jsonl" if folder else "tsv")
    if name not in FORMATS:
        raise UserError(f"format {name!r}; wanted one of {', '.join(FORMATS)}")
    if name == "spacy":
        check_spacy()
    if not format_name and not out.is_dir() and out.suffix.lower() in _OTHERS:
        known = ", ".join(f".{ending}" for ending in FORMATS)
        raise UserError(f"--out {out}: {out.suffix} is not written; wanted a name in {known}, or say --format")
    if folder and out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: is a file; wanted a folder, as a folder is to be tagged, or a name in .{name}")
    plan = Plan(out, folder, name)
    if out.resolve() in {path.resolve() for path in given}:
        raise UserError(f"{out}: given as input and as --out; wanted another place for what is written")
    found = _each_once(find_inputs(given, without=out))
    named = {path.resolve() for path in given}
    for one in _without_outputs(plan, found):
        if any(ord(sign) < 32 or "\ud800" <= sign <= "\udfff" for sign in f"{one.path}"):
            shown = one.name.encode("utf-8", "backslashreplace").decode()
            plan.refused[shown] = f"{str(one.path)!a}: a name that is not UTF-8, or not of one line; rename it"
            continue
        try:
            kind = kind_of(one.path)
        except (UserError, OSError) as error:
            plan.refuse(one, _reason(one, error))
            continue
        if kind:
            plan.inputs.append((one, kind))
        elif one.path.resolve() in named:
            plan.refuse(one, f"{one.path}: no kind of text that is known here; wanted {WANTED}")
        else:
            plan.aside.append(one.name)
    if not plan.inputs:
        raise UserError(nothing(plan, given))
    target, count = Counter(plan.target(one) for one, _ in plan.inputs).most_common(1)[0]
    if folder and count > 1:
        name = next(one.name for one, _ in plan.inputs if plan.target(one) == target)
        raise UserError(f"{name}: given {count} times; wanted different names; tag the folders one by one")
    if not folder and count > 1:  # files of one name, told apart by their whole paths
        names = Counter(one.name for one, _ in plan.inputs)
        plan.inputs = [
            (Input(one.path, one.path.as_posix()) if names[one.name] > 1 else one, kind) for one, kind in plan.inputs
        ]
    return plan


def same_pages(plan: Plan) -> str:
    """A line for files of one name and several kinds, as ALTO beside plain text; empty where there are none.

    Names decide, whatever the folder: ``alto`` and ``text`` may hold the same pages, and two volumes, of which one is
    kept as ALTO and one as text, may have pages of the same names. A name that several files of either kind have
    counts as many times.
    """
    pages: dict[str, dict[str, list[str]]] = {}
    for one, kind in plan.inputs:
        pages.setdefault(_page_name(one.path.name), {}).setdefault(kind, []).append(one.name)
    several = [kinds for kinds in pages.values() if len(kinds) > 1]
    if not several:
        return ""
    count = sum(sorted(map(len, kinds.values()))[-2] for kinds in several)
    shown = " and ".join(names[0] for names in several[0].values())
    return (
        f"{many(count, 'page')} perhaps in several formats, by their names ({shown}{' …' if count > 1 else ''}): "
        "entities are counted in each; to count them once, give one kind alone"
    )


def _page_name(name: str) -> str:
    """A file's name without the endings of its format (``p1.alto.xml``), small: ``P1.XML`` and ``p1.txt`` are alike."""
    path = PurePath(name.casefold())
    while path.suffix in _READ and path.stem:
        path = PurePath(path.stem)
    return path.name


def nothing(plan: Plan, given: Sequence[Path]) -> str:
    """The one line for a plan of which nothing could be tagged."""
    reasons = list(plan.refused.values())
    if reasons:
        return reasons[0] + (f" (and {len(reasons) - 1} more files refused)" if len(reasons) > 1 else "")
    return f"{given[0]}: {shortened(plan.aside)}, of no kind that is read; wanted {WANTED}"


def shortened(names: Sequence[str], most: int = 5) -> str:
    """``"7 files (a, b, c, d, e …)"``; the first are those whose ending is rarest, since they may be a surprise."""
    endings = Counter(PurePath(name).suffix for name in names)
    ordered = sorted(names, key=lambda name: (endings[PurePath(name).suffix], name))
    return f"{many(len(names), 'file')} ({', '.join(ordered[:most])}{' …' if len(names) > most else ''})"


def many(count: int, noun: str) -> str:
    """``"1 file"``, ``"2,000 files"``; of nouns that take an s."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _each_once(found: Sequence[Input]) -> list[Input]:
    """A file that was given by itself and in its folder, or twice, is one input; a link to it is another."""
    once: dict[str, Input] = {}
    for one in found:
        once.setdefault(os.path.abspath(one.path), one)  # noqa: PTH100 - which takes `..` away and follows no link
    return list(once.values())


def _without_outputs(plan: Plan, found: Sequence[Input]) -> Iterator[Input]:
    """The inputs that do not stand in a folder of an earlier run below one that was given; such folders go aside."""
    outputs: dict[Path, bool] = {}
    for one in found:
        inner = [one.path.parents[up] for up in range(len(PurePath(one.name).parts) - 1)]
        for folder in inner:
            if folder not in outputs:
                outputs[folder] = (folder / FILE).exists()
                plan.aside += [f"{folder.name}/ – output of an earlier run"] if outputs[folder] else []
        if not any(outputs[folder] for folder in inner):
            yield one


def _reason(given: Input, error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{given.path}: cannot be read ({error})"
