"""HIPE TSV: every real file comes back byte for byte; the traps of the format; bad files are told in one line."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.hipe_tsv import COLUMNS, HEADER, format_hipe, parse_hipe, read_hipe, write_hipe

OURS = Path(__file__).resolve().parents[1] / "data"
REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FILES = sorted(
    path.relative_to(REAL).as_posix()
    for pattern in ("hipe2022-v2.1/*/*/*.tsv", "hipe2020-v1.4/*/*.tsv", "scorer-oracle/perturbed*.tsv")
    for path in REAL.glob(pattern)
)
needs_real = pytest.mark.skipif(not FILES, reason="HIPE data are not in ../shared/data beside the repository")
ROW = "\tO" + "\t_" * 8


@cache
def real(name: str) -> tuple[Document, ...]:
    return tuple(read_hipe(REAL / name))


def ajmc(split: str, language: str) -> tuple[Document, ...]:
    return real(f"hipe2022-v2.1/ajmc/{language}/HIPE-2022-v2.1-ajmc-{split}-{language}.tsv")


def strays(documents: tuple[Document, ...]) -> int:
    """I- labels that continue nothing."""
    pairs = [p for d in documents for p in zip(["O", *d.labels()], d.labels(), strict=False)]
    return sum(label.startswith("I-") and before[2:] != label[2:] for before, label in pairs)


@needs_real
@pytest.mark.parametrize("name", FILES)
def test_real_file_comes_back_byte_for_byte(name: str, tmp_path: Path) -> None:
    documents = read_hipe(REAL / name)
    write_hipe(tmp_path / "back.tsv", documents)
    source = (REAL / name).read_bytes()
    assert (tmp_path / "back.tsv").read_bytes() == source
    rows = [line for line in source.split(b"\n") if b"\t" in line]
    assert sum(len(d.tokens) for d in documents) == len(rows) - 1


@needs_real
def test_all_22_data_files_and_2_predictions_are_covered() -> None:
    assert len(FILES) == 24


@needs_real
def test_counts_known_of_the_real_files() -> None:
    """Figures counted from the raw files by others (HIPE-2022 data notes)."""
    topres = real("hipe2022-v2.1/topres19th/en/HIPE-2022-v2.1-topres19th-train-en.tsv")
    german = real("hipe2020-v1.4/de/HIPE-data-v1.4-train-de.tsv")
    newseye = real("hipe2022-v2.1/newseye/fr/HIPE-2022-v2.1-newseye-dev-fr.tsv")

    assert sum(t.text.startswith("#") for d in ajmc("train", "en") for t in d.tokens) == 4
    assert sum(t.text.startswith("#") for d in topres for t in d.tokens) == 7
    assert sum(t.fields[9] == "" for d in topres for t in d.tokens) == 95_591
    assert [d.id for d in ajmc("train", "en")].count("sophoclesplaysa05campgoog_0146") == 2
    assert {d.date for d in ajmc("train", "fr")} == {None}
    assert [d.date for d in newseye].count(None) > 0
    assert newseye[0].date == "1923-01-15"
    assert {d.language for d in german} == {"de"}
    assert [strays(x) for x in (ajmc("train", "de"), german, topres)] == [1, 1, 3]
    assert max(end - start for d in german for start, end in d.sentences()) == 1_108
    glued = [(a, b) for d in newseye for a, b in zip(d.tokens, d.tokens[1:], strict=False) if not a.space_after]
    assert sum(a.text[-1].isalpha() and b.text[0].isalpha() for a, b in glued) == 1_084


@needs_real
@pytest.mark.parametrize(
    ("split", "language", "noisy"),
    [("train", "en", 200), ("dev", "en", 70), ("test", "en", 36), ("train", "de", 240), ("test", "fr", 99)],
)
def test_noisy_entities_of_ajmc(split: str, language: str, noisy: int) -> None:
    leds = [d.tokens[e.start].led for d in ajmc(split, language) for e in d.entities()]
    assert sum(led is not None and led > 0 for led in leds) == noisy


@needs_real
@pytest.mark.parametrize(
    ("name", "attribute", "count"),
    [
        ("hipe2020-v1.4/de/HIPE-data-v1.4-train-de.tsv", "sentence_end", 150),
        ("hipe2020-v1.4/en/HIPE-data-v1.4-dev-en.tsv", "sentence_end", 38),
        ("hipe2022-v2.1/hipe2020/en/HIPE-2022-v2.1-hipe2020-dev-en.tsv", "line_end", 204),
        ("hipe2022-v2.1/ajmc/en/HIPE-2022-v2.1-ajmc-train-en.tsv", "sentence_end", 1),
    ],
)
def test_entities_that_cross_ends(name: str, attribute: str, count: int) -> None:
    inner = [d.tokens[e.start : e.end - 1] for d in real(name) for e in d.entities()]
    assert sum(any(getattr(t, attribute) for t in tokens) for tokens in inner) == count


def test_traps_of_the_format() -> None:
    first, second, third = read_hipe(OURS / "traps.tsv")

    assert (first.id, first.language, first.date) == ("page_7", "en", "1881-01-01")
    assert first.metadata[0] == "# hipe2022:license = CC0"
    assert first.metadata[4] == "# ours:title =  Notes on  Ajax "
    assert [t.text for t in first.tokens] == ["#", "###ud", '"', "of", "Salamis", "."]
    assert first.text() == '# ###ud" of Salamis.'
    assert [t.led for t in first.tokens] == [None, 0.17, 0.17, None, 0.0, None]
    assert [(e.type, e.start, e.end) for e in first.entities()] == [("pers", 1, 3), ("loc", 4, 5)]
    assert first.sentences() == [(0, 5), (5, 6)]
    assert first.tokens[5].line_end
    assert first.tokens[1].fields[3] == "B-pers.author"

    assert (second.id, second.date) == ("page_7", None)
    assert second.tokens[3].text == "l\u2028u"
    assert second.tokens[3].led == 1.0
    assert second.text() == "verlän¬ gernden l\u2028u Juin"

    assert (third.id, third.language, third.date) == ("NZZ-1798-01-20-a-p0001", "de", "1798-01-20")
    assert third.tokens[0].sentence_end
    assert third.text() == "gestern vor Bern"


def test_traps_come_back_byte_for_byte(tmp_path: Path) -> None:
    write_hipe(tmp_path / "back.tsv", read_hipe(OURS / "traps.tsv"))
    assert (tmp_path / "back.tsv").read_bytes() == (OURS / "traps.tsv").read_bytes()


def test_changed_labels_change_only_their_column() -> None:
    document = read_hipe(OURS / "traps.tsv")[0]
    labels = ["B-org", *document.labels()[1:]]
    before = format_hipe([document]).split("\n")
    after = format_hipe([document.with_labels(labels)]).split("\n")
    changed = [(x, y) for x, y in zip(before, after, strict=True) if x != y]
    assert changed == [("#\tO\tO\tO\t_\t_\tO\t_\t_\t_", "#\tB-org\tO\tO\t_\t_\tO\t_\t_\t_")]


def test_changed_text_and_flags_are_written_and_other_flags_kept() -> None:
    document = read_hipe(OURS / "traps.tsv")[1]
    juin = replace(document.tokens[4], text="Jnin", led=0.25, space_after=False)
    line = format_hipe([replace(document, tokens=(juin,))]).split("\n")[-2]
    assert line == "Jnin\tI-time\tO\tO\t_\t_\tO\t_\t_\tInPrimaryReference|NoSpaceAfter|LED0.25"


def test_fewer_columns_in_another_order_are_read_and_written_as_ten() -> None:
    documents = read_hipe(OURS / "three-columns.tsv")
    assert documents[0].text() == "The Thames."
    lines = format_hipe(documents).split("\n")
    assert lines[0] == HEADER
    assert lines[3] == "Thames\tB-loc\t_\t_\t_\t_\t_\t_\t_\tNoSpaceAfter"


def test_document_of_our_own_is_written_in_full() -> None:
    tokens = (Token("Lord", label="B-pers", led=0.5), Token("#", False, line_end=True, sentence_end=True))
    text = format_hipe([Document("a1", tokens, "en", "1801-02-03")])
    assert text == (
        f"{HEADER}\n# hipe2022:document_id = a1\n# hipe2022:date = 1801-02-03\n# hipe2022:language = en\n"
        "Lord\tB-pers\t_\t_\t_\t_\t_\t_\t_\tLED0.50\n"
        "#\tO\t_\t_\t_\t_\t_\t_\t_\tNoSpaceAfter|EndOfLine|EndOfSentence\n"
    )


words = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), min_size=1, max_size=8)
token_values = st.builds(
    Token,
    text=words,
    space_after=st.booleans(),
    label=st.sampled_from(["O", "_", "", "B-pers", "I-pers", "B-LOC", "S-loc", "E-loc", "I-pers(path)"]),
    led=st.none() | st.integers(0, 100).map(lambda n: n / 100),
    line_end=st.booleans(),
    sentence_end=st.booleans(),
)
document_values = st.builds(
    Document,
    id=st.from_regex(r"[\w#=:-]{1,12}", fullmatch=True),
    tokens=st.lists(token_values, max_size=6).map(tuple),
    language=st.sampled_from(["", "en", "fr"]),
    date=st.sampled_from([None, "1881-01-01"]),
)


@given(st.lists(document_values, min_size=1, max_size=4))
def test_any_document_comes_back(documents: list[Document]) -> None:
    text = format_hipe(documents)
    back = parse_hipe(text, "file")
    bare = [replace(d, metadata=(), tokens=tuple(replace(t, fields=()) for t in d.tokens)) for d in back]
    assert bare == documents
    assert format_hipe(back) == text


def test_crlf_and_byte_order_mark_are_accepted() -> None:
    text = (OURS / "traps.tsv").read_bytes().decode("utf-8")
    assert parse_hipe("\ufeff" + text.replace("\n", "\r\n"), "file") == parse_hipe(text, "file")
    head, rest = text.split("\n", 1)
    assert parse_hipe(head + "\n" + rest.replace("\n", "\r\n"), "file") == parse_hipe(text, "file")


def test_layout_that_differs_is_read() -> None:
    """No final line feed, blank lines in excess, no metadata, a comment right after a row."""
    text = f"{HEADER}\n\n\na{ROW}\n\n\nb{ROW}\n# hipe2022:document_id = c\n\nc{ROW}"
    documents = parse_hipe(text, "some/file.tsv")
    assert [(d.id, d.text()) for d in documents] == [("file-1", "a"), ("file-2", "b"), ("c", "c")]


PERSON = ["M.\tB-pers", "Jean\tI-pers", "Dupont\tI-pers"]


def rows(*lines: str) -> str:
    """A file of three columns; rows are written without the last one."""
    body = [f"{line}\t_" if "\t" in line else line for line in lines]
    return "\n".join(["TOKEN\tNE-COARSE-LIT\tMISC", *body, ""])


@pytest.mark.parametrize("between", [["# segment_iiif_link = _"], [""], ["", "# segment_iiif_link = _", ""]])
@pytest.mark.parametrize("head", ["# document_id = EXP-1918", "# language = fr"])
def test_lines_between_the_rows_of_a_document_do_not_cut_it(between: list[str], head: str) -> None:
    """As in the samples of HIPE-2020, where comments name the segments of a page."""
    start = ["# language = fr", "# date = 1918-04-22", head, "# segment_iiif_link = _"]
    first, second = parse_hipe(rows(*start, *PERSON[:2], *between, PERSON[2], *start, "Genève\tB-loc"), "x.tsv")
    assert [(e.type, e.start, e.end) for e in first.entities()] == [("pers", 0, 3)]
    assert (first.text(), first.language, first.date) == ("M. Jean Dupont", "fr", "1918-04-22")
    assert (second.text(), second.language, second.metadata) == ("Genève", "fr", tuple(start))


def test_an_id_alone_begins_a_document_where_there_are_ids() -> None:
    text = rows(
        "# document_id = a", *PERSON[:2], "", "# language = fr", PERSON[2], "# date = _", "# document_id = b", ".\tO"
    )
    assert [(d.id, d.text()) for d in parse_hipe(text, "x.tsv")] == [("a", "M. Jean Dupont"), ("b", ".")]


def test_comments_that_name_no_document_leave_it_to_blank_lines() -> None:
    text = rows(
        "# segment_iiif_link = _", *PERSON[:2], "# segment_iiif_link = _", PERSON[2], "", "# a = b", ".\tO", "", ".\tO"
    )
    assert [d.text() for d in parse_hipe(text, "x.tsv")] == ["M. Jean Dupont", ".", "."]


def test_comments_and_blank_lines_that_a_spreadsheet_filled_up() -> None:
    plain = rows("# document_id = a", "# language = fr", *PERSON, "", "# document_id = b", "#\tO", "# a = b\tO")
    filled = "\n".join(line if "\t" in line else f"{line}\t\t" for line in plain.split("\n")[:-1])
    first, second = parse_hipe(filled, "x.tsv")
    assert [first, second] == parse_hipe(plain, "x.tsv")
    assert (first.id, first.language, first.text()) == ("a", "fr", "M. Jean Dupont")
    assert [t.text for t in second.tokens] == ["#", "# a = b"]


def test_documents_of_different_files_stay_apart_in_one() -> None:
    """Of HIPE files with ids and without, and of others."""
    metadata = [(), ("# language = fr",), ("# document_id = c",), ("# a = b",)]
    documents = [Document(name, (Token("x"),), metadata=lines) for name, lines in zip("abcd", metadata, strict=True)]
    back = parse_hipe(format_hipe(documents), "x.tsv")
    assert [(d.id, d.text()) for d in back] == [(name, "x") for name in "abcd"]
    assert [d.language for d in back] == ["", "fr", "", ""]
    assert format_hipe(back) == format_hipe(documents)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["empty"]),
        (HEADER + "\n", ["no document"]),
        (f"The{ROW}\n", ["line 1", "no header", "TOKEN"]),
        ("TOKEN\tMISC\n", ["line 1", "NE-COARSE-LIT"]),
        ("TOKEN\tNE-COARSE-LIT\tMISC\tNE-FINE-LITT\n", ["line 1", "NE-FINE-LITT", "nearest: NE-FINE-LIT"]),
        ("TOKEN\tNE-COARSE-LIT\tMISC\tMISC\n", ["line 1", "MISC stands twice"]),
        (f"{HEADER}\na{ROW}\nb{ROW}\t_\n", ["line 3", "11 columns; wanted 10"]),
        (f"{HEADER}\na{ROW[:-2]}\n", ["line 2", "9 columns; wanted 10"]),
        (f"{HEADER}\nword\n", ["line 2", "1 column; wanted 10"]),
        (f"{HEADER}\n{ROW}\n", ["line 2", "empty TOKEN"]),
        (f"{HEADER}\na\tU-PER" + "\t_" * 8 + "\n", ["line 2", "'U-PER'"]),
        (f"{HEADER}\na\tPER" + "\t_" * 8 + "\n", ["line 2", "'PER'"]),
        (f"{HEADER}\na\tB-" + "\t_" * 8 + "\n", ["line 2", "'B-'"]),
        (f"{HEADER}\na\tO" + "\t_" * 7 + "\tLED1.50\n", ["line 2", "LED1.50"]),
        (f"{HEADER}\na\tO" + "\t_" * 7 + "\tLED0,5\n", ["line 2", "LED0,5"]),
    ],
)
def test_bad_files_are_told_in_one_line(text: str, told: list[str], tmp_path: Path) -> None:
    path = tmp_path / "bad.tsv"
    path.write_bytes(text.encode())
    with pytest.raises(UserError) as error:
        read_hipe(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert [word for word in told if word not in message] == []


def test_missing_file_and_other_encodings_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_hipe(tmp_path / "none.tsv")
    (tmp_path / "latin.tsv").write_bytes(HEADER.encode() + b"\n\xe9t\xe9" + ROW.encode())
    with pytest.raises(UserError, match="not UTF-8"):
        read_hipe(tmp_path / "latin.tsv")


@pytest.mark.parametrize(
    "document",
    [
        Document("a", (Token("two\twords"),)),
        Document("a", (Token("two\nlines"),)),
        Document("a", (Token(""),)),
        Document("a\nb", (Token("x"),)),
        Document("a", (Token("x"),), metadata=("no comment",)),
        Document("a", (Token("x", fields=("x", "O", "_")),)),
    ],
)
def test_what_would_not_read_back_is_not_written(document: Document, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        write_hipe(tmp_path / "out.tsv", [document])
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_write_is_told() -> None:
    with pytest.raises(UserError, match="no document to write"):
        format_hipe([])


def test_header_is_the_published_one() -> None:
    assert len(COLUMNS) == 10
    assert (OURS / "traps.tsv").read_text(encoding="utf-8").startswith(HEADER + "\n")
