"""What kind of text a file holds, told by what is in it."""

from __future__ import annotations

import json
import re
from pathlib import PurePath

from ocr_neurons.text.formats.conll import LABEL, START
from ocr_neurons.text.formats.token_lines import TAGS, TOKENS

KINDS = {
    "text": "plain text (.txt)",
    "alto": "ALTO XML",
    "page": "PAGE XML",
    "hocr": "hOCR",
    "hipe": "HIPE TSV",
    "conll": "CoNLL columns",
    "tokens": "JSON Lines of tokens and tags",
}
"""What is read, by kind."""
LABELLED = ("hipe", "conll", "tokens")
"""Kinds that come cut into tokens, with labels."""
HEAD = 65_536
"""So many bytes of a file decide."""
_TEXT_NAMES = (".txt", ".text")
_ROOT = re.compile(
    r"\s*+(?>(?:<\?.*?\?>|<!--.*?-->|<!(?i:DOCTYPE)[^\[>]*+(?:\[.*?\]\s*+)?>)\s*+)*+<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL
)
"""The first element after what may stand before it; nothing is gone back to, which takes exponential time."""
_TYPE = re.compile(r"O|[BIES]-[^\W\d]\S*")
"""A label in a text file, where ``B-12`` is no type but the name of a vitamin."""
_HOCR = re.compile(r"\bocr(?:_page|_line|x_word|x_line|_carea|_par)\b")


def detect(head: bytes, name: str) -> str:
    """The kind of a file that begins with ``head`` (its first :data:`HEAD` bytes, or all), or empty for another kind.

    The name only decides what is plain text: anything readable is, if it ends in ``.txt``.
    """
    plain = "text" if PurePath(name).suffix.lower() in _TEXT_NAMES else ""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = head.decode(encoding, "replace")  # wrong bytes are the reader's to tell
    if "\0" in text:
        return plain
    return _markup(text) or _table(text, plain=bool(plain)) or plain


def _markup(text: str) -> str:
    match = _ROOT.match(text) if text.lstrip().startswith("<") else None
    if not match:
        return ""
    root = match[1].lower()
    if root == "html":
        return "hocr" if _HOCR.search(text) else ""
    return {"alto": "alto", "pcgts": "page"}.get(root, "")


def _table(text: str, *, plain: bool) -> str:
    """The kind of a table; of ``plain`` text that might be no table stronger evidence is wanted."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if "TOKEN" in lines[0].split("\t"):
        return "hipe"
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("{"):
        return "tokens" if _token_line(first, whole=len(lines) > 1) else ""
    rows = [line.split("\t" if "\t" in line else None) for line in lines[:-1][:200] or lines if line.strip()]
    if first.startswith(START):
        return "conll"
    known = _TYPE if plain else LABEL
    labels = [row[-1] for row in rows if len(row) > 1 and known.fullmatch(row[-1])]
    if START not in text and (labels == ["O"] or (plain and "O" not in labels)):  # "1. O", a list of vitamins
        return ""
    return "conll" if 0 < 0.9 * len(rows) <= len(labels) else ""  # one in ten may be broken: the reader tells which


def _token_line(line: str, *, whole: bool) -> bool:
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError):  # a first line longer than the head
        return not whole and any(f'"{key}"' in line for key in TOKENS) and any(f'"{key}"' in line for key in TAGS)
    return isinstance(value, dict) and any(key in value for key in TOKENS) and any(key in value for key in TAGS)
