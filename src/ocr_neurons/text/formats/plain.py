"""Plain text, UTF-8: lines as they stand, an empty line between paragraphs, a form feed between pages."""

from __future__ import annotations

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.formats.running import line_places, read_running
from ocr_neurons.text.source import Page, Reading

WANTED = "plain text in UTF-8"


def read_plain(data: bytes, where: str, name: str, language: str = "") -> Reading:
    r"""A reading of a text file's bytes; ``where`` stands in messages, ``name`` is the document's id.

    Offsets are those of the decoded file: line ends count as they stand, a byte-order mark does not. Where the text has
    form feeds (``\f``, as Tesseract writes them), they end pages, which are numbered.

    Raises:
        UserError: not UTF-8 (or UTF-16 with its mark), or NUL characters in it.
    """
    text = decode(data, where, WANTED)
    if "\0" in text:
        raise UserError(f"{where}: NUL characters in it; wanted {WANTED}; convert it first")
    pages = [Page(str(number)) for number in range(1, text.rstrip().count("\f") + 2)] if "\f" in text else []
    return read_running(name, "text", text, line_places(text, 0 if pages else -1), pages=pages, language=language)


def decode(data: bytes, where: str, wanted: str) -> str:
    """The text of UTF-8 bytes, or of UTF-16 ones that begin with their mark; a UserError for others."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        named = encoding.removesuffix("-sig").upper()
        how = "convert it first, such as by iconv -f ISO-8859-1 -t UTF-8"
        raise UserError(f"{where}: not {named} (byte {error.start}); wanted {wanted}; {how}") from None
