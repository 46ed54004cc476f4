"""Aligned sets: planted files of every format, what is refused, and the real ones against published figures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rapidfuzz.distance import Levenshtein

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.text.aligned.read import AlignedSet, Refusal, read_aligned, similar
from ocr_neurons.text.pairs import TextPair, write_pairs

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_real = pytest.mark.skipif(
    not (REAL / "icdar2019-postocr").is_dir(), reason="aligned data are not in ../shared/data beside the repository"
)
CLEAN, NOISY = "The ship arrived at noon.", "Tlie fhip arrivcd at noon ."


def ocrepair(identity: str, truth: str | None, ocr: str, **about: str) -> str:
    metadata = {"document_id": identity, "primary_dataset_name": "ours", "language": "en"} | about
    unit = {"document_metadata": metadata, "ocr_hypothesis": {"transcription_unit": ocr}}
    if truth is not None:
        unit["ground_truth"] = {"transcription_unit": truth}
    return json.dumps(unit, ensure_ascii=False) + "\n"


def written(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def only(found: AlignedSet) -> TextPair:
    assert found.refused == ()
    (pair,) = found.pairs
    return pair


def test_ocrepair(tmp_path: Path) -> None:
    text = ocrepair("d1", "line¬\none\u2028\x85", "line-\none\u2028\x85", primary_dataset_license="CC BY 4.0")
    text += ocrepair("d2", CLEAN, NOISY, language="n/a") + ocrepair("d3", None, NOISY) + ocrepair("d4", CLEAN, "")
    found = read_aligned(written(tmp_path / "x.any", text))
    assert found.pairs == (
        TextPair("line¬\none\u2028\x85", "line-\none\u2028\x85", "real", "ours/d1"),
        TextPair(CLEAN, NOISY, "real", "ours/d2"),
    )
    assert (found.name, found.language, found.licence) == ("x", "en", "CC BY 4.0")
    assert found.refused == (Refusal("ours/d3", "no truth"), Refusal("ours/d4", "empty"))
    assert found.refused_by_reason() == {"no truth": 1, "empty": 1}
    assert found.characters == len("line¬\none\u2028\x85") + len(CLEAN)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (("text", "corrected_text"), None),  # Gallica's press exports: text is the OCR
        (("ocr_text", "ground_truth"), None),
        (("Noisy", "CLEAN"), None),
        (("ocr", "gs"), None),
        (("text", "text_clean"), None),
        (("b side", "a side"), ("a side", "b side")),
        (("clean", "noisy"), ("noisy", "clean")),  # what is asked for goes before what is usual
    ],
)
@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "parquet"])
def test_tables(tmp_path: Path, header: tuple[str, str], columns: tuple[str, str] | None, kind: str) -> None:
    noisy, clean = header
    row = {"id": "p7", noisy: NOISY, "other": "x", clean: CLEAN, "lang": "FR"}
    path = tmp_path / f"press.{kind}"
    if kind == "jsonl":
        written(path, json.dumps(row))
    elif kind == "parquet":
        arrow = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'ocr-neurons[tables]'")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist([row]), path)
    else:
        separator = "," if kind == "csv" else "\t"
        written(path, "".join(separator.join(line) + "\r\n" for line in (row.keys(), row.values())))
    found = read_aligned(path, columns=columns)
    assert only(found) == TextPair(CLEAN, NOISY, "real", "press/p7")
    assert found.language == "fr"


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(UserError, match=r"pip install 'ocr-neurons\[tables\]'"):
        read_aligned(written(tmp_path / "a.parquet", b"PAR1xxxx"))


def test_broken_parquet_is_told(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'ocr-neurons[tables]'")
    with pytest.raises(UserError, match=r"a\.parquet: parquet that cannot be read"):
        read_aligned(written(tmp_path / "a.parquet", b"PAR1xxxx"))


def test_our_own_pairs_keep_what_they_say(tmp_path: Path) -> None:
    pairs = [
        TextPair("ship", "fhip", "low", "doc 1 (context)", "The ", " arrived", ((0, 1, 0, 1),)),
        TextPair("a\x85b\u2028c", "a\x85b\u2028e", "real", "set/2"),
    ]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert read_aligned(tmp_path / "pairs.jsonl").pairs == tuple(pairs)


def test_quotes_and_line_ends_in_fields(tmp_path: Path) -> None:
    quoted = 'clean;noisy\n"say ""a;b""\nagain";"fay ""a;b""\nagain"\nplain;plain\n'
    assert [p.clean for p in read_aligned(written(tmp_path / "a.csv", quoted)).pairs] == ['say "a;b"\nagain', "plain"]
    whole = 'clean\tnoisy\n"say ""a"""\t"fay ""a"""\n'
    assert only(read_aligned(written(tmp_path / "b.tsv", whole))).clean == 'say "a"'
    bare = 'clean\tnoisy\n"say" a\t"fay a\nb"\tb"\n'  # quotes are characters here, as in HIPE's files
    found = read_aligned(written(tmp_path / "c.tsv", bare))
    assert [(p.clean, p.noisy) for p in found.pairs] == [('"say" a', '"fay a'), ('b"', 'b"')]


def test_control_characters_and_marks_of_the_file(tmp_path: Path) -> None:
    clean, noisy = "a\x00b\x0c\ufeffc\x1b", "a\x00b\x0c\ufeffe\x1b"
    table = written(tmp_path / "a.csv", f"\ufeffclean,noisy\r\n{clean},{noisy}\r\n")
    assert only(read_aligned(table)) == TextPair(clean, noisy, "real", "a/2")
    lines = written(tmp_path / "a.jsonl", "\ufeff" + json.dumps({"clean": clean, "noisy": noisy + "\r\n"}) + "\r\n\r\n")
    assert only(read_aligned(lines)).noisy == noisy + "\r\n"


def test_a_field_of_a_million_characters(tmp_path: Path) -> None:
    draw = generator(1, "long")
    letters = "".join(map(chr, draw.integers(97, 123, 1_000_000).tolist()))
    noisy = re.sub("q", "g", letters)
    path = written(tmp_path / "a.csv", f'id,clean,noisy\n"x, y",{letters},{noisy}\n')
    assert only(read_aligned(path)) == TextPair(letters, noisy, "real", "a/x, y")
    other = "".join(map(chr, draw.integers(97, 123, 1_000_000).tolist()))
    written(path, f"clean,noisy\n{letters},{other}\n")
    assert read_aligned(path).refused_by_reason() == {"unaligned": 1}


def test_what_is_refused(tmp_path: Path) -> None:
    rows = [("abcd", "abcd"), ("abcd", "wxyz"), ("abcd", " \n"), ("", "abcd"), ("abcd", None), ("abcd", "ab\ud800d")]
    rows.append(("abcdefgh", "abcd----"))
    text = "".join(json.dumps({"clean": c, "ocr": n}) + "\n" for c, n in rows)
    found = read_aligned(written(tmp_path / "a.jsonl", text), floor=0.5)
    assert [pair.source for pair in found.pairs] == ["a/1", "a/7"]  # 0.5 is not below the floor
    reasons = ["unaligned", "empty", "empty", "empty", "not text"]
    assert found.refused == tuple(Refusal(f"a/{n}", reason) for n, reason in enumerate(reasons, 2))
    assert [p.source for p in read_aligned(tmp_path / "a.jsonl", floor=0.51).pairs] == ["a/1"]
    assert [p.source for p in read_aligned(tmp_path / "a.jsonl", floor=0).pairs] == ["a/1", "a/2", "a/7"]


def test_a_set_of_nothing_but_refusals(tmp_path: Path) -> None:
    found = read_aligned(written(tmp_path / "a.jsonl", '{"clean": "abc", "noisy": "xyz"}\n{"clean": "a", "noisy": ""}'))
    assert found.pairs == ()
    with pytest.raises(UserError, match=r"a: no usable pair, 2 refused \(1 unaligned, 1 empty\)"):
        found.require()


def test_a_folder_of_many_formats(tmp_path: Path) -> None:
    icdar = f"[OCR_toInput] {NOISY}\n[OCR_aligned] {NOISY}\n[ GS_aligned] {CLEAN}"
    root = tmp_path / "sets"
    for number in (10, 9, 1):
        written(root / "EN1" / f"{number}.txt", icdar.replace("noon", f"noon{number}"))
    written(root / "b" / "x.jsonl", ocrepair("d1", CLEAN, NOISY, language="de"))
    written(root / "README.md", "What this is.")
    written(root / "empty.txt", "")
    written(root / "meta.json", '{\n"name": "x"\n}')
    written(root / "other.csv", "a,b\n1,2\n")
    written(root / ".hidden", "x")
    found = read_aligned(root)
    (root / "none").mkdir()
    written(root / "lost" / "other.csv", "a,b\n1,2\n")
    written(root / "lost" / "scan.png", b"\x89PNG\x00\xff")
    assert [p.source for p in found.pairs] == ["sets/EN1/1", "sets/EN1/9", "sets/EN1/10", "ours/d1"]
    assert (found.name, found.languages, found.language) == ("sets", ("de", "en"), "")
    assert [Path(line.partition(": ")[0].partition(",")[0]).name for line in found.unread] == [
        "README.md",
        "empty.txt",
        "meta.json",
        "other.csv",
    ]
    assert read_aligned(root / "EN1" / "9.txt").pairs[0].source == "EN1/9"
    with pytest.raises(
        UserError, match=r"none of its 2 files is aligned text: .*other\.csv: no column 'aa'; nearest: a"
    ):
        read_aligned(root / "lost", columns=("aa", "b"))
    with pytest.raises(UserError, match="none: empty; wanted HIPE-OCRepair"):
        read_aligned(root / "none")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "begins with 'nothing'"),
        ("Some text\n", "begins with 'Some text'; wanted HIPE-OCRepair JSON Lines, ICDAR"),
        ("a,b\n1,2\n", "begins with 'a,b'"),
        ('{"a": "x", "b": "y"}\n', "columns 'a', 'b'; wanted clean text in one of clean"),
        ('{"clean": "x", "noisy": "x"}\n{"clean"\n', "line 2: not JSON"),
        ('{"clean": "x", "noisy": "x"}\n[1]\n', "line 2: JSON list; wanted one object a line"),
        ('{"clean": "x", "noisy": 3}\n', "line 1: noisy is int; wanted text"),
        ("clean,noisy\na,b\na,b,c\n", "line 3 has another number of columns"),
        ('clean,noisy\n"a,c,b\n', "line 2: unexpected end of data"),
        ("clean,noisy\n", "no text in it"),
        (ocrepair("a", "x", "x") + '{"clean": "x"}\n', "line 2: no document_metadata or ocr_hypothesis"),
        ('{"clean": "x", "noisy": "x", "source": "s", "level": "low", "edits": [1]}\n', "line 1: edits are not lists"),
        (b"clean,noisy\n\xff,b\n", "not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(UserError) as error:
        read_aligned(written(tmp_path / "a.x", text))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_bad_arguments_are_told(tmp_path: Path) -> None:
    table = written(tmp_path / "a.csv", "clean,noisy\na,b\n")
    with pytest.raises(UserError, match="no column 'claen'; nearest: clean"):
        read_aligned(table, columns=("claen", "noisy"))
    with pytest.raises(UserError, match="wanted two names"):
        read_aligned(table, columns=("clean", "clean"))
    with pytest.raises(UserError, match=r"floor 1\.5 given"):
        read_aligned(table, floor=1.5)
    with pytest.raises(UserError, match="cannot be read"):
        read_aligned(tmp_path / "nowhere")
    icdar = written(tmp_path / "1.txt", "[OCR_toInput] a\n[OCR_aligned] a\n[ GS_aligned] a")
    with pytest.raises(UserError, match="an ICDAR file, which has no columns"):
        read_aligned(icdar, columns=("clean", "noisy"))


def test_similarity_of_long_texts_is_that_of_short_ones() -> None:
    draw = generator(2, "similar")
    clean = "".join(map(chr, draw.integers(97, 123, 60_000).tolist()))
    hit = draw.random(len(clean)) < 0.2
    noisy = "".join("#" if h else c for c, h in zip(clean, hit, strict=True))
    assert similar(clean, noisy, 0.5) == pytest.approx(1 - hit.mean(), abs=1e-9)
    assert similar(clean[:1000], noisy[:1000], 0.5) == pytest.approx(1 - hit[:1000].mean(), abs=1e-9)
    assert similar(clean, clean[:20_000], 0.5) == 0.0


# published figures: HIPE-OCRepair's micro CER after its own normalisation, counts of files and characters
@needs_real
@pytest.mark.parametrize(
    ("path", "documents", "cer"),
    [
        ("icdar2017/*_en.jsonl", 100, 3.15),
        ("icdar2017/*_fr.jsonl", 100, 2.48),
        ("dta19/*-l0_*.jsonl", 80, 1.16),
        ("dta19/*-l1_*.jsonl", 80, 2.94),
        ("dta19/*-l2_*.jsonl", 80, 6.84),
    ],
)
def test_real_ocrepair_sets(path: str, documents: int, cer: float) -> None:
    def scored(text: str) -> str:
        return re.sub(r"\s+", " ", text.replace("¬\n", "").replace("-\n", "-")).strip()

    (file,) = (REAL / "hipe-ocrepair-bench").glob(path)
    found = read_aligned(file)
    assert (len(found.pairs), found.refused) == (documents, ())
    assert found.licence
    edits = sum(Levenshtein.distance(scored(p.clean), scored(p.noisy)) for p in found.pairs)
    assert 100 * edits / sum(len(scored(p.clean)) for p in found.pairs) == pytest.approx(cer, abs=0.02)


@needs_real
def test_real_icdar_sets() -> None:
    found = read_aligned(REAL / "icdar2019-postocr")
    assert (len(found.pairs), found.refused_by_reason()) == (107, {"unaligned": 10, "empty": 1})
    assert found.languages == ("de", "en", "fr")
    assert "icdar2019-postocr/FR2/0" in {refusal.source for refusal in found.refused}  # a page of one letter
    press = read_aligned(REAL / "icdar2017-postocr" / "eng_periodical")
    assert (len(press.pairs), press.refused, press.language) == (8, (), "en")
    assert all("@" not in pair.clean and "#" not in pair.clean for pair in press.pairs)
    # the columns that are left out differ by far more than those that are kept
    assert sum(Levenshtein.distance(p.clean, p.noisy) for p in press.pairs) / press.characters < 0.08
