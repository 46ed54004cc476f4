"""What there is of named data sets, and what is in one: text for the terminal, values for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ocr_neurons.common.cache import megabytes
from ocr_neurons.text.catalogue import Entry, catalogue
from ocr_neurons.text.datasets import GAZETTES, load_dataset
from ocr_neurons.text.named import Found, named_sets, not_here
from ocr_neurons.text.overview import Bin, facts, label_table, noisy_share, overview

GAZETTE_LICENCE = "CC0"
TWINS = {"text": "of the whole text", "entities": "of the entities alone"}
LEGEND = (
    "noisy: entities that OCR damaged (LED above 0) among those whose LED is known; CER: wrong characters of 100\n"
    "here: no = `ocr-neurons data fetch NAME` brings it; other = OCR_NEURONS_DATA holds another version of it\n"
    "NC in a licence: not for commercial use; SA: what is made of it and passed on comes under the same licence; "
    "… see `data show`"
)


def listed(bins: Sequence[Bin], only: str = "") -> list[dict[str, Any]]:
    """Every data set that has a name: embedded, in the catalogue, or found under ``OCR_NEURONS_DATA``.

    ``here`` is ``package``, ``no``, or as :class:`Found` says; ``path`` is what its reader is given. ``facts`` are
    those of the catalogue (``None`` for what is found and not listed there); the embedded corpus is counted at once.
    ``bins`` are those of LED by which it is counted. ``only``: leave out all others.
    """
    here = named_sets()
    wanted = [name for name in (*GAZETTES, *catalogue(), *sorted(set(here) - set(catalogue()))) if only in ("", name)]
    return [_listed(name, here.get(name), bins) for name in wanted]


def list_table(rows: Sequence[dict[str, Any]]) -> str:
    """Three plain text tables: documents with entities, texts beside their OCR, the rest."""
    entities = [row for row in rows if row["kind"] == "entities" and row["facts"]]
    aligned = [row for row in rows if row["kind"] == "aligned"]
    rest = [row for row in rows if row not in entities and row not in aligned]
    parts = [
        "Documents with named entities (train/dev/test: documents)\n"
        + _columns(
            [
                "name",
                "here",
                "lang",
                "years",
                "train/dev/test",
                "tokens",
                "entities",
                "noisy",
                "MB",
                "licence",
                "types",
            ],
            [_entity_cells(row) for row in entities],
            right=(5, 6, 7, 8),
        ),
        "Texts beside their OCR, for `ocr-neurons noise learn` and `noise measure`\n"
        + _columns(
            ["name", "here", "lang", "documents", "characters", "CER", "MB", "what", "licence"],
            [_aligned_cells(row) for row in aligned],
            right=(3, 4, 5, 6),
        ),
    ]
    if rest:
        cells = [[row["name"], row["here"], row.get("title", "not in the catalogue"), _licence(row)] for row in rest]
        parts.append("Others\n" + _columns(["name", "here", "what", "licence"], cells))
    return "\n\n".join(parts)


def shown(name: str, bins: Sequence[Bin]) -> dict[str, Any]:
    """What is in a data set: its row of :func:`listed`, if it has one, and its facts, counted anew if it is here.

    Raises:
        UserError: no such data set, or one that cannot be read.
    """
    row = next((row for row in listed(bins, only=name) if row["name"] == name), None)
    if row and (row["kind"] != "entities" or row["here"] == "no"):
        return row
    dataset = load_dataset(name)
    told = overview(dataset, bins)
    return {
        **(row or {"kind": "entities"}),
        "name": told["name"],
        "languages": told["languages"],
        "twin_scope": dataset.twin_scope,
        "facts": told["splits"],
    }


def text_of(told: dict[str, Any]) -> str:
    """What :func:`shown` gives, to be read."""
    lines = [f"{told['name']}: {told['title']}" if "title" in told else told["name"]]
    if told.get("here") == "no":
        lines.append(f"not on this machine, figures of the catalogue; {_how(told)}")
    if told.get("path"):
        other = ", files of other sizes than the catalogue's" if told["here"] == "other" else ""
        lines.append(f"read from: {told['path']}{other}")
    if told["languages"]:
        lines.append("language: " + ", ".join(told["languages"]))
    if told.get("years"):
        lines.append("dated: " + "-".join(map(str, told["years"])))
    if told.get("licence"):
        lines.append(f"licence: {told['licence']}" + (f": {told['terms']}" if told["terms"] else ""))
    if told.get("cite"):
        lines.append(f"to cite: {told['cite']}")
    if told.get("repository"):
        lines.append(
            f"from: {told['repository']} at {told['commit']}, {told['files']} files, {megabytes(told['bytes'])}"
        )
    if told["kind"] == "aligned":
        lines.append(_aligned_text(told["facts"]))
    elif told["kind"] == "transcripts":
        lines.append("entities: " + ", ".join(f"{count} {split}" for split, count in told["facts"].items()))
    else:
        twins = [split for split, part in told["facts"].items() if part.get("clean_twins")]
        if twins:
            lines.append(f"clean twins: {', '.join(twins)} ({TWINS[told['twin_scope']]})")
        lines += ["", label_table(told["facts"])]
    return "\n".join(lines)


def _how(told: dict[str, Any]) -> str:
    return str(not_here(catalogue()[told["name"]])).split("; ")[1]


def _aligned_text(told: dict[str, Any]) -> str:
    refused = ", ".join(f"{count} {reason}" for reason, count in told["refused"].items())
    text = f"{told['documents']} documents, {told['characters']:,} characters, CER {told['cer']:.2%}"
    return text + (f"; left out: {refused}" if refused else "")


def _listed(name: str, found: Found | None, bins: Sequence[Bin]) -> dict[str, Any]:
    if name in GAZETTES:
        return _gazette(name, bins)
    place = {"here": found.held if found else "no", "path": str(found.path) if found else None}
    if name in catalogue():
        return _row(catalogue()[name], place)
    return {"name": name, "kind": "entities", **place, "facts": None}


def _gazette(name: str, bins: Sequence[Bin]) -> dict[str, Any]:
    language, strength = GAZETTES[name]
    return {
        "name": name,
        "kind": "entities",
        "title": f"our own text, printed and read by Tesseract ({strength} wear)",
        "here": "package",
        "path": None,
        "languages": [language],
        "years": [],
        "licence": GAZETTE_LICENCE,
        "terms": "",
        "facts": facts(load_dataset(name), bins),
    }


def _row(entry: Entry, place: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "title": entry.title,
        **place,
        "languages": list(entry.languages),
        "years": list(entry.years),
        "licence": entry.licence,
        "terms": entry.terms,
        "cite": entry.cite,
        "files": len(entry.files),
        "bytes": entry.bytes,
        "repository": entry.repository,
        "commit": entry.commit,
        "facts": entry.facts,
    }


def _entity_cells(row: dict[str, Any]) -> list[str]:
    splits = row["facts"]
    types = sorted({kind for part in splits.values() for kind in part["entities"]})
    share = noisy_share(splits)
    return [
        row["name"],
        row["here"],
        " ".join(row["languages"]),
        "-".join(map(str, row["years"])) or "–",
        "/".join(str(splits[name]["documents"]) if name in splits else "–" for name in ("train", "dev", "test")),
        f"{sum(part['tokens'] for part in splits.values()):,}",
        f"{sum(sum(part['entities'].values()) for part in splits.values()):,}",
        "?" if share is None else f"{share:.0%}",
        _size(row),
        _licence(row),
        " ".join(types),
    ]


def _aligned_cells(row: dict[str, Any]) -> list[str]:
    told = row["facts"]
    return [
        row["name"],
        row["here"],
        " ".join(row["languages"]),
        str(told["documents"]),
        f"{told['characters']:,}",
        f"{told['cer']:.1%}",
        _size(row),
        row["title"],
        _licence(row),
    ]


def _licence(row: dict[str, Any]) -> str:
    """The licence without what is said about it in brackets; ``…`` stands for that."""
    name, remark, _ = str(row.get("licence", "")).partition(" (")
    return name + " …" * bool(remark)


def _size(row: dict[str, Any]) -> str:
    return megabytes(row["bytes"]).removesuffix(" MB") if "bytes" in row else "–"


def _columns(header: list[str], rows: list[list[str]], right: Sequence[int] = ()) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in [header, *rows]:
        cells = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
