"""The tables of the page as files for other programs: CSV with plain numbers, LaTeX for papers (booktabs)."""

from __future__ import annotations

import csv
import io
import re

from ocr_neurons.report.chart import Table
from ocr_neurons.report.phrase import MINUS, NONE

INTERVAL = re.compile(r"\[([^,\]]+), ([^,\]]+)\]")
GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+")
SIGNED = re.compile(r"\+(\d+(\.\d+)?)")

_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", MINUS: "$-$", "×": r"$\times$", "–": "--", "…": r"\dots{}", "·": r"$\cdot$", "≥": r"$\geq$",
    "≤": r"$\leq$", "→": r"$\rightarrow$", "\u00a0": "~", "“": "``", "”": "''", "’": "'", "Δ": r"$\Delta$",
    "\n": " ",
}  # fmt: skip


def to_csv(table: Table) -> str:
    """The table with numbers as programs read them: no thousands marks, no plus, a dash is an empty cell.

    A column of intervals becomes two, ``… low`` and ``… high``. Numbers are those of the page, rounded as there;
    ``summary.json`` and ``details.json`` have them in full.
    """
    wide = [_of_intervals(table, column) for column in range(len(table.header))]
    header: list[str] = []
    for name, twice in zip(table.header, wide, strict=True):
        header += [f"{name} low", f"{name} high"] if twice else [name]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in table.rows:
        cells: list[str] = []
        for cell, twice in zip(row, wide, strict=True):
            if not twice:
                cells.append(_plain(cell))
            elif found := INTERVAL.fullmatch(cell):
                cells += [_plain(found[1]), _plain(found[2])]
            else:
                cells += ["", ""]
        writer.writerow(cells)
    return stream.getvalue()


def to_latex(table: Table, caption: str, label: str) -> str:
    r"""A ``table`` environment that needs ``\usepackage{booktabs}``; every character of the cells is text."""
    columns = len(table.header)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{tab:{re.sub(r'[^A-Za-z0-9:-]', '-', label)}}}",
        rf"\begin{{tabular}}{{@{{}}l{'r' * (columns - 1)}@{{}}}}",
        r"\toprule",
        " & ".join(map(_cell, table.header)) + r" \\",
        r"\midrule",
        *(" & ".join(map(_cell, row)) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that LaTeX prints as it stands."""
    return "".join(_TEX.get(character, character) for character in text)


def _cell(text: str) -> str:
    made = escape(text)
    return "{}" + made if made.startswith("[") else made  # after \\ a bracket would be its argument


def _of_intervals(table: Table, column: int) -> bool:
    cells = [row[column] for row in table.rows]
    return any(map(INTERVAL.fullmatch, cells)) and all(cell == NONE or INTERVAL.fullmatch(cell) for cell in cells)


def _plain(cell: str) -> str:
    text = "" if cell == NONE else cell.replace(MINUS, "-").removeprefix("p\u00a0=\u00a0")
    if GROUPED.fullmatch(text):
        return text.replace(",", "")
    signed = SIGNED.fullmatch(text)
    return signed[1] if signed else text
