"""The texts of the study: pages of real OCR beside their ground truth, and documents made of the clean side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.prepare import LONGEST
from ocr_neurons.text.align import align
from ocr_neurons.text.aligned.read import read_aligned
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.normalise import normalise_pair
from ocr_neurons.text.pairs import TextPair, read_pairs, write_pairs
from ocr_neurons.text.tokenise import tokenise

SETS = {
    "en": ("icdar2017-postocr/eng_monograph", "icdar2017-postocr/eng_periodical"),
    "fr": ("icdar2017-postocr/fr_periodical",),
}
"""Real OCR beside its ground truth, by language."""
NORMALISED = ("nfc", "hyphens", "lines", "long-s", "ligatures", "umlauts", "hyphen-signs", "quotes")
"""What differs by convention of the transcribers and not by misreading; the rules that the noise models learn under."""
FLOOR = 0.7
"""A page below this similarity is not aligned; it is left out and counted."""
PAGE = 3_000
"""Clean characters a page; one monograph would fill the sample otherwise."""
SHORTEST = 500
"""A last page of fewer clean characters is left out."""


@dataclass(frozen=True)
class Texts:
    """Sampled pages, and what there was to choose from.

    ``about`` counts ``documents``, ``pages`` and ``characters`` sampled; ``of characters`` in all documents; and pages
    that were looked at and left out, by reason.
    """

    pages: list[TextPair]
    about: dict[str, int]


def sample(folder: Path, language: str, characters: int, seed: int, work: Path, reporter: Reporter) -> Texts:
    """Pages of the language's sets with at most ``characters`` of clean text; kept in ``work``.

    One page of each document in turn, documents and pages in an order drawn by the seed, so that no document has more
    than its share while others last.

    Raises:
        UserError: no such language, the data are not there, or the first page is longer than ``characters``.
    """
    if language not in SETS:
        raise UserError(f"language {language!r} given; wanted one of {', '.join(SETS)}: there is real OCR of these")
    key = digest("pages", language, SETS[language], NORMALISED, FLOOR, PAGE, SHORTEST, characters, seed)
    file, facts = work / f"pages-{language}-{key}.jsonl", work / f"pages-{language}-{key}.json"
    if not facts.exists():
        reporter.say(f"reading {', '.join(SETS[language])} …")
        found = _sampled(_documents(folder, language), characters, seed)
        write_pairs(file, found.pages)
        write_json(facts, found.about)
    return Texts(read_pairs(file), dict(read_json(facts, "counts of pages")))


def _documents(folder: Path, language: str) -> list[TextPair]:
    """Whole documents, normalised; similarity is judged page by page later."""
    return [
        normalise_pair(pair, NORMALISED)
        for name in SETS[language]
        for pair in read_aligned(folder / name, floor=0).require()
    ]


def _sampled(documents: Sequence[TextPair], characters: int, seed: int) -> Texts:
    queues = {document.source: _pages(document, seed) for document in documents}
    order = [documents[int(i)].source for i in generator(seed, "documents").permutation(len(documents))]
    about: Counter[str] = Counter(
        {"of documents": len(documents), "of characters": sum(len(d.clean) for d in documents)}
    )
    chosen: list[TextPair] = []
    room = characters
    while order and room >= SHORTEST:
        for source in list(order):
            if not queues[source]:
                order.remove(source)
                continue
            page = queues[source].pop()
            if reason := _why_not(page):
                about[reason] += 1
            elif len(page.clean) <= room:
                chosen.append(page)
                room -= len(page.clean)
            else:  # the budget is used up but for less than a page
                room = 0
                break
    if not chosen:
        raise UserError(f"--characters {characters} given; no page is as short; wanted at least {2 * PAGE}")
    about["pages"], about["characters"] = len(chosen), sum(len(page.clean) for page in chosen)
    about["documents"] = len({page.source.rpartition(" ")[0] for page in chosen})
    return Texts(sorted(chosen, key=lambda page: page.source), dict(about))


def _pages(document: TextPair, seed: int) -> list[TextPair]:
    """All pages of a document, in an order drawn by the seed."""
    pages = [
        TextPair(page.clean.strip(), page.noisy.strip(), "real", f"{document.source} p{number}")
        for number, page in enumerate(align(document.clean, document.noisy).pages(PAGE))
    ]
    return [pages[int(i)] for i in generator(seed, "pages", document.source).permutation(len(pages))]


def _why_not(page: TextPair) -> str:
    if len(page.clean) < SHORTEST:
        return "too short"
    return "unaligned" if page.similarity < FLOOR else ""


def rate(page: TextPair) -> float:
    """Character error rate of a page, what one side lacks (segments above ``LONGEST``) left out on both."""
    edits = align(page.clean, page.noisy).edits
    blocks = [edit for edit in edits if max(edit[1] - edit[0], edit[3] - edit[2]) > LONGEST]
    errors = sum(max(b - a, d - c) for a, b, c, d in edits) - sum(max(b - a, d - c) for a, b, c, d in blocks)
    return errors / max(1, len(page.clean) - sum(b - a for a, b, _, _ in blocks))


def mean_rate(pages: Sequence[TextPair]) -> float:
    """The rate over all pages, by their characters."""
    return sum(rate(page) * len(page.clean) for page in pages) / max(1, sum(len(page.clean) for page in pages))


def documents_of(pages: Sequence[TextPair], language: str) -> list[Document]:
    """The clean sides as documents."""
    return [plain_document(page.clean, page.source, language) for page in pages]


def plain_document(text: str, name: str, language: str) -> Document:
    """Plain text as a document: tokens, and a sentence end after ``.``, ``!`` or ``?`` before a capital and a space.

    An abbreviation before a name ends a sentence too: contexts are cut there, which loses context and no word.
    """
    spans = tokenise(text, language)
    tokens = [Token(text[start:end], space_after=text[end : end + 1].isspace()) for start, end in spans]
    for number, token in enumerate(tokens[:-1]):
        ends = token.text in (".", "!", "?") and token.space_after and tokens[number + 1].text[:1].isupper()
        # after one letter the point is that of an initial
        initial = token.text == "." and number > 0 and len(tokens[number - 1].text) == 1
        if ends and not initial:
            tokens[number] = replace(token, sentence_end=True)
    return Document(name, tuple(tokens), language)
