"""Tesseract on page images, and its lines joined into running text."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from functools import cache

from PIL import Image

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.printed.typeset import DPI

LANGUAGES = {"en": "eng", "fr": "fra", "de": "deu"}
"""Tesseract's models by language."""
BLACKLETTER = {"de": "frk"}
"""Those for blackletter. On Blankenburg ``frk`` reads long s, ch and ck; ``deu`` takes ſ for f."""
BLOCK = 6
"""Page segmentation: one block of text, read line by line."""
COLUMNS = 3
"""Page segmentation: find the columns first."""
TIMEOUT = 300.0

_ALIKE = str.maketrans(
    {"ſ": "s", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "⸗": "-"}
)
_PARAGRAPHS = re.compile(r"\n\s*\n")
_BROKEN = re.compile(r"(?<=[^\W\d_])[-=¬\u00ad]\n(?=[^\W\d_])")


def model_name(language: str, *, blackletter: bool = False) -> str:
    """Tesseract's name for the model of a language (``en`` → ``eng``); a UserError for a language without one."""
    table = BLACKLETTER if blackletter else LANGUAGES
    if language not in table:
        kind = "language in blackletter" if blackletter else "language"
        raise UserError(f"{kind} {language!r}: no recogniser known; wanted one of {', '.join(table)}")
    return table[language]


def recognise(
    image: Image.Image, language: str, *, blackletter: bool = False, psm: int = BLOCK, timeout: float = TIMEOUT
) -> str:
    r"""The text Tesseract reads on a page: ``\n`` ends a line, an empty line a paragraph; exactly as Tesseract says it.

    Raises:
        UserError: Tesseract or its model is not installed, it fails, or it takes longer than ``timeout`` seconds.
    """
    name = model_name(language, blackletter=blackletter)
    if name not in installed_models():
        raise UserError(
            f"recognising {language!r}: Tesseract has no model {name} (it has {', '.join(installed_models())}); "
            f"run: apt-get install tesseract-ocr-{name}"
        )
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=1)
    arguments = ["stdin", "stdout", "-l", name, "--psm", str(psm), "--dpi", str(DPI)]
    return _run(arguments, stream.getvalue(), timeout).rstrip("\n\f")


def join_lines(text: str, *, hyphenated: bool = False, fold: bool = True) -> str:
    r"""Recognised lines as running text: one space for a line end, one ``\n`` for an empty line.

    ``hyphenated`` joins what a hyphen broke between two letters, for pages set with ``hyphenate``. ``fold`` writes ſ as
    s and ligatures as letters, as the clean text has them: a recogniser that reads long s as long s made no error.
    """
    if fold:
        text = text.translate(_ALIKE)
    paragraphs = []
    for paragraph in _PARAGRAPHS.split(text.strip()):
        lines = "\n".join(line.strip() for line in paragraph.splitlines())
        paragraphs.append((_BROKEN.sub("", lines) if hyphenated else lines).replace("\n", " "))
    return "\n".join(paragraphs)


@cache
def recogniser_version() -> str:
    """Tesseract's version, such as ``5.3.0``; recognised text depends on it."""
    lines = _run(["--version"], b"", TIMEOUT).splitlines()
    return lines[0].removeprefix("tesseract").strip() if lines else "unknown"


@cache
def installed_models() -> tuple[str, ...]:
    """The names of Tesseract's models that are installed."""
    return tuple(_run(["--list-langs"], b"", TIMEOUT).split("\n")[1:-1])


def _run(arguments: list[str], given: bytes, timeout: float) -> str:
    program = shutil.which("tesseract")
    if not program:
        names = sorted({*LANGUAGES.values(), *BLACKLETTER.values()})
        packages = " ".join(["tesseract-ocr", *(f"tesseract-ocr-{name}" for name in names)])
        raise UserError(f"recognising print: no program tesseract on PATH; run: apt-get install {packages}")
    try:
        done = subprocess.run(
            [program, *arguments],
            input=given,
            capture_output=True,
            timeout=timeout,
            check=False,
            # one thread: more are slower on small pages
            env=os.environ | {"OMP_THREAD_LIMIT": "1"},
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"recognising print: Tesseract took longer than {timeout:g} s for a page; give smaller pages or more time"
        ) from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["nothing said"]
        raise UserError(f"recognising print: tesseract {' '.join(arguments)} failed: {lines[-1]}")
    return done.stdout.decode("utf-8", "replace")
