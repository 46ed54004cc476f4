"""Tables as files: read back by other programs' readers, escaped for LaTeX."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sample
from ocr_neurons.common.errors import UserError
from ocr_neurons.report.chart import Table
from ocr_neurons.report.figures import write_figures, write_run_tables
from ocr_neurons.report.files import formats
from ocr_neurons.report.tables import escape, to_csv, to_latex

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=30)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_numbers_are_as_programs_read_them_and_intervals_are_two_columns() -> None:
    table = Table(
        ("what", "n", "gain", "95 % interval", "note"),
        [("a, b", "1,536", "+0.4", "[−0.6, 1.3]", "[1, 2] and so on"), ("−", "–", "−2.0", "–", "p\u00a0=\u00a00.04")],
    )
    assert read(to_csv(table)) == [
        ["what", "n", "gain", "95 % interval low", "95 % interval high", "note"],
        ["a, b", "1536", "0.4", "-0.6", "1.3", "[1, 2] and so on"],
        ["-", "", "-2.0", "", "", "0.04"],
    ]


@given(st.lists(st.tuples(PRINTABLE, PRINTABLE), min_size=1, max_size=4))
def test_any_text_survives_csv(rows: list[tuple[str, str]]) -> None:
    found = read(to_csv(Table(("x", "y"), [("word " + a, "word " + b) for a, b in rows])))
    assert found[1:] == [["word " + a, "word " + b] for a, b in rows]


def unescape(text: str) -> str:
    """What LaTeX would print, for the characters that are special to it; written apart from the escaping."""
    names = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<",
             "textgreater": ">", "textbar": "|"}  # fmt: skip
    text = re.sub(r"\\(text[a-z]+)\{\}", lambda m: f"\0{ord(names[m[1]]):x};", text)
    text = re.sub(r"\\([&%$#_{}])", lambda m: f"\0{ord(m[1]):x};", text)
    assert not re.search(r"[\\&%#_{}^]", text), text
    return re.sub("\0([0-9a-f]+);", lambda m: chr(int(m[1], 16)), text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_latex_prints_text_as_it_stands(text: str) -> None:
    assert unescape(escape(text)) == text


def test_latex_is_a_booktabs_table_of_as_many_columns() -> None:
    made = to_latex(Table(("tagger", "95 % of F1"), [("a_b & c", "[−0.6, 1.3]"), ("×2", "–")]), "50 % of #1", "x y_z")
    lines = made.splitlines()
    assert lines[2:4] == [r"\caption{50 \% of \#1}", r"\label{tab:x-y-z}"]
    assert lines[4] == r"\begin{tabular}{@{}lr@{}}"
    assert lines[5:11] == [
        r"\toprule", r"tagger & 95 \% of F1 \\", r"\midrule", r"a\_b \& c & {}[$-$0.6, 1.3] \\", r"$\times$2 & -- \\",
        r"\bottomrule",
    ]  # fmt: skip


def test_every_table_of_a_run_is_written_and_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    run = sample.write_run(tmp_path / "run", sample.summary(), sample.details(), sample.manifest())
    first = write_run_tables(run, tmp_path / "a")
    second = write_run_tables(run, tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    names = {path.stem for path in first}
    assert {"scores", "data", "layers", "sweep", "dose", "test", "noise-cost"} <= names
    assert len(first) == 2 * len(names)
    scores = read((tmp_path / "a" / "scores.csv").read_text(encoding="utf-8"))
    assert scores[0][:6] == ["tagger", "strict P", "strict R", "strict F1", "strict 95 % of F1 low",
                             "strict 95 % of F1 high"]  # fmt: skip
    assert scores[1][:6] == ["baseline", "76.1", "73.8", "74.9", "71.4", "78.4"]
    for path in first:
        for line in path.read_text(encoding="utf-8").splitlines() if path.suffix == ".tex" else ():
            if line.endswith(r" \\"):
                columns = len(read(path.with_suffix(".csv").read_text(encoding="utf-8"))[0])
                assert line.count(" & ") + 1 <= columns  # an interval is one column there and two in CSV


def test_vector_figures_keep_their_text_and_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    details = sample.details() | {"trials": []}
    run = sample.write_run(tmp_path / "run", sample.summary(), details)
    first = write_figures(run, tmp_path / "a", ("svg", "pdf"))
    second = write_figures(run, tmp_path / "b", ("svg", "pdf"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    svg = (tmp_path / "a" / "noise-cost.svg").read_text(encoding="utf-8")
    assert ">Recall (%)</text>" in svg
    assert "Bar chart of strict recall in per cent by OCR damage." in svg
    assert (tmp_path / "a" / "noise-cost.pdf").read_bytes().startswith(b"%PDF-")
    assert not list((tmp_path / "a").glob("*.png"))


def test_formats_are_read_from_a_list_and_others_refused() -> None:
    assert formats("svg, PDF,svg") == ("svg", "pdf")
    with pytest.raises(UserError, match="format 'eps' given; wanted some of png, svg, pdf"):
        formats("svg,eps")
