"""Printed noise: documents set in type, worn, recognised, and aligned with what they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import PIL
from PIL import Image, features

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import replacing, sha256
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.prepare import FLOOR
from ocr_neurons.noise.printed.degrade import MAXIMUM, degrade
from ocr_neurons.noise.printed.recognise import BLOCK, COLUMNS, join_lines, model_name, recognise, recogniser_version
from ocr_neurons.noise.printed.typeset import Layout, Typeface, typeface, typeset
from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.document import Document, Entity
from ocr_neurons.text.pairs import TextPair
from ocr_neurons.text.project import project

TYPEFACES = {"en": ("oldstandard", "didot"), "fr": ("didot", "oldstandard"), "de": ("blankenburg", "oldstandard")}
"""The typefaces documents of a language are set in unless told; half of the German ones in blackletter."""
PARAGRAPH = 4
"""Sentences a paragraph, where the document knows its sentences; documents know no paragraphs."""
SAMPLE = 8
"""Documents the search for a strength looks at."""
TOLERANCE = 0.05
"""How near to the wanted rate, as a share of it, is near enough for the search."""
STEPS = 12
ATTEMPTS = 3
"""Times a document is printed at most."""
Result = TypeVar("Result")

STRONGEST = 2.0
"""Where the search ends: beyond it the recogniser returns rubbish, and more damage is not more errors."""


@dataclass(frozen=True, slots=True)
class PrintedDocument:
    """A document as it was, as a recogniser read its printed pages, and what was lost on the way."""

    clean: Document
    noisy: Document
    """Its tokens are cut anew; labels and LED come through the alignment."""
    pair: TextPair
    lost: tuple[Entity, ...]
    """Entities of ``clean`` that have no place in ``noisy``."""
    cer: float
    """Unit edits / characters of the clean text."""
    typeface: str
    strength: float
    borrowed: dict[str, int]
    """Characters that another typeface lent, with counts."""
    missing: dict[str, int]
    """Characters that no typeface had: blanks on the page, so errors that no recogniser made."""
    images: tuple[Path, ...] = ()
    """The worn pages, where they were kept."""
    attempts: int = 1
    """Times it was printed: again, with other wear, where the recogniser lost the lines of a page altogether."""


@dataclass(frozen=True, slots=True)
class Search:
    """A strength, the rate it gives on the sample, and all that was tried on the way, in order."""

    strength: float
    cer: float
    tried: tuple[tuple[float, float], ...]


def print_documents(
    documents: Iterable[Document],
    *,
    seed: int,
    strength: float | None = None,
    target_cer: float | None = None,
    typefaces: Sequence[str] = (),
    language: str = "",
    layout: Layout = Layout(),  # noqa: B008
    hyphenate: bool = False,
    keep_images: Path | None = None,
    workers: int = 1,
    reporter: Reporter = QUIET,
) -> list[PrintedDocument]:
    """Print, wear and recognise documents; the same in any order and with any number of workers.

    Give ``strength`` (0 clean, 1 very bad) or ``target_cer`` (unit edits / characters of all the text), which is
    searched for on a sample of the documents; what is reached differs and is in the result. Each document is set in
    one of ``typefaces``, drawn by its id. ``language`` is that of documents that name none. Pages are kept as PNG in
    the folder ``keep_images``. The result depends on the seed, the fonts and the version of Tesseract: see
    :func:`printing_facts`.

    The ground truth has s where blackletter prints ſ, so ſ in recognised text is read as s; likewise ’ is read as ' in
    documents that use ' alone. A document without line ends of its own gets a paragraph every few sentences. A document
    that is read with a similarity below the floor for aligned pairs, because the recogniser lost its lines, is printed
    again with other wear; how often is counted.

    Raises:
        UserError: both or none of ``strength`` and ``target_cer``, a rate out of reach, an empty document, two
            documents of one id, an unknown language or typeface, or something that must be installed first.
    """
    press = _Press(seed, tuple(typefaces), language, layout, hyphenate)
    chosen = _checked(documents, press)
    if (strength is None) == (target_cer is None):
        raise UserError(f"strength {strength}, target CER {target_cer}: wanted one of the two; leave out the other")
    if strength is None:
        assert target_cer is not None  # noqa: S101 - the line above
        search = find_strength(
            chosen, target_cer, seed=seed, typefaces=typefaces, language=language, layout=layout, hyphenate=hyphenate,
            workers=workers, reporter=reporter,
        )  # fmt: skip
        strength = search.strength
    if not 0 <= strength <= MAXIMUM:
        raise UserError(f"strength {strength:g}: wanted a number from 0 to {MAXIMUM:g}; 1 is a very bad page")
    wanted = strength

    def work(document: Document) -> PrintedDocument:
        return press.print(document, wanted, keep_images)

    return list(reporter.track(_mapped(work, chosen, workers), "printing", len(chosen)))


def find_strength(
    documents: Iterable[Document],
    target_cer: float,
    *,
    seed: int,
    typefaces: Sequence[str] = (),
    language: str = "",
    layout: Layout = Layout(),  # noqa: B008
    hyphenate: bool = False,
    workers: int = 1,
    sample: int = SAMPLE,
    reporter: Reporter = QUIET,
) -> Search:
    """The strength that gives a character error rate, by halving, on at most ``sample`` documents drawn by the seed.

    The rate is that of all the sample's characters together. It grows with strength on average only, so the search
    keeps the nearest rate it has seen and says what it is; another sample differs, a small one much.

    Raises:
        UserError: a rate outside 0 to 1, or one that undamaged print exceeds or the strongest damage does not reach.
    """
    if not 0 < target_cer < 1:
        raise UserError(f"target CER {target_cer:g}: wanted a share between 0 and 1, such as 0.05")
    press = _Press(seed, tuple(typefaces), language, layout, hyphenate)
    chosen = _checked(documents, press)
    if len(chosen) > sample:
        picks = sorted(generator(seed, "strength", "sample").choice(len(chosen), sample, replace=False).tolist())
        chosen = [chosen[i] for i in picks]
    size = sum(len(document.text()) for document in chosen)

    def rate(strength: float) -> float:
        def work(document: Document) -> int:
            return press.read(document, strength)[0].distance

        reached = sum(_mapped(work, chosen, workers)) / size
        reporter.say(f"  strength {strength:.3f}: CER {reached:.4f}, wanted {target_cer:g}")
        return reached

    return search_strength(rate, target_cer)


def search_strength(rate: Callable[[float], float], target: float) -> Search:
    """Halve between 0 and ``STRONGEST`` until ``rate`` is within ``TOLERANCE`` of the target or ``STEPS`` are done."""
    low, high = 0.0, STRONGEST
    tried = [(low, rate(low))]
    if tried[0][1] > target * (1 + TOLERANCE):
        raise UserError(
            f"target CER {target:g}: undamaged print is at {tried[0][1]:.4f} already; wanted more than that; "
            "choose a higher rate, another typeface or a larger size"
        )
    strength = high / 4
    while len(tried) <= STEPS and abs(tried[-1][1] - target) > TOLERANCE * target:
        tried.append((strength, rate(strength)))
        if tried[-1][1] < target:
            low = strength
        else:
            high = strength
        if STRONGEST - low < 0.01:
            raise UserError(
                f"target CER {target:g}: strength {low:g} gives {tried[-1][1]:.4f} only; choose a lower rate"
            )
        strength = (low + high) / 2
    best = min(tried, key=lambda step: abs(step[1] - target))
    return Search(*best, tuple(tried))


def printing_facts(typefaces: Iterable[str] = (), language: str = "") -> dict[str, Any]:
    """What recognised text depends on besides seed and options, for a manifest: versions, and hashes of font files."""
    faces: dict[str, Typeface] = {}
    queue = list(typefaces) or list(TYPEFACES.get(language, [name for names in TYPEFACES.values() for name in names]))
    while queue:
        face = faces.setdefault(queue[0], typeface(queue[0]))
        queue[:1] = [face.fallback] if face.fallback and face.fallback not in faces else []
    paths = {name: face.path for name, face in sorted(faces.items())}
    return {
        "tesseract": recogniser_version(),
        "pillow": PIL.__version__,
        "freetype": features.version("freetype2"),
        "fonts": {name: sha256(path) for name, path in paths.items() if path},
    }


@dataclass(frozen=True)
class _Press:
    """All that is the same for every document."""

    seed: int
    typefaces: tuple[str, ...]
    language: str
    layout: Layout
    hyphenate: bool

    def speaks(self, document: Document) -> str:
        return document.language or self.language

    def face(self, document: Document) -> Typeface:
        """The typeface drawn for a document."""
        names = self.typefaces or TYPEFACES.get(self.speaks(document), ("oldstandard",))
        return typeface(names[int(generator(self.seed, "typeface", document.id).integers(len(names)))])

    def check(self, document: Document) -> None:
        """Raise the UserErrors of a document before any work is done."""
        if not document.text().strip():
            raise UserError(f"document {document.id}: no text to print; wanted at least one character; leave it out")
        face = self.face(document)
        _ = face.path
        model_name(self.speaks(document), blackletter=face.blackletter)

    def read(
        self, document: Document, strength: float, keep_images: Path | None = None, attempt: int = 1
    ) -> tuple[Alignment, tuple[Path, ...], Counter[str], Counter[str]]:
        """The document's text and what is read of its pages, aligned; kept images; borrowed and missing characters."""
        face = self.face(document)
        borrowed: Counter[str] = Counter()
        missing: Counter[str] = Counter()
        readings, kept = [], []
        for number, page in enumerate(
            typeset(paragraphs(document), face.name, self.layout, hyphenate=self.hyphenate), 1
        ):
            rng = generator(self.seed, "wear", document.id, number, *([attempt] if attempt > 1 else []))
            image = degrade(page.image, min(MAXIMUM, strength * face.wear), rng)
            if keep_images:
                kept.append(_keep(image, keep_images, f"{document.id}-{number}"))
            psm = COLUMNS if self.layout.columns > 1 else BLOCK
            readings.append(recognise(image, self.speaks(document), blackletter=face.blackletter, psm=psm))
            borrowed.update(page.borrowed)
            missing.update(page.missing)
        clean = document.text()
        noisy = join_lines("\n".join(readings), hyphenated=self.hyphenate).replace("\n", " ")
        if "’" not in clean:
            noisy = noisy.replace("’", "'")
        return align(clean, noisy), tuple(kept), borrowed, missing

    def print(self, document: Document, strength: float, keep_images: Path | None) -> PrintedDocument:
        for attempt in range(1, ATTEMPTS + 1):
            alignment, kept, borrowed, missing = self.read(document, strength, keep_images, attempt)
            if alignment.similarity >= FLOOR:
                break
        projection = project(document, alignment.noisy, alignment)
        level = f"print-{strength:.3g}"
        pair = TextPair(alignment.clean, alignment.noisy, level, document.id, edits=alignment.edits)
        return PrintedDocument(
            document, projection.document, pair, projection.lost, alignment.cer, self.face(document).name, strength,
            dict(borrowed), dict(missing), kept, attempt,
        )  # fmt: skip


def paragraphs(document: Document) -> str:
    r"""The document's text with ``\n`` for the space after every fourth sentence, so that its page has paragraphs."""
    running = document.running_text()
    text = list(running.text)
    for number, (_, end) in enumerate(document.sentences(), 1):
        position = running.ends[end - 1]
        if number % PARAGRAPH == 0 and position < len(text) and text[position] == " ":
            text[position] = "\n"
    return "".join(text)


def summary(printed: Sequence[PrintedDocument]) -> dict[str, Any]:
    """Counts over documents, as JSON can hold them: rate, typefaces, lost entities, borrowed and missing characters."""
    size = sum(len(one.pair.clean) for one in printed)
    totals: dict[str, Counter[str]] = {"borrowed": Counter(), "missing": Counter()}
    for one in printed:
        totals["borrowed"].update(one.borrowed)
        totals["missing"].update(one.missing)
    return {
        "documents": len(printed),
        "strengths": sorted({one.strength for one in printed}),
        "cer": round(sum(one.cer * len(one.pair.clean) for one in printed) / max(1, size), 4),
        "typefaces": dict(sorted(Counter(one.typeface for one in printed).items())),
        "entities": sum(len(one.clean.entities()) for one in printed),
        "printed_again": {one.clean.id: one.attempts for one in printed if one.attempts > 1},
        "lost_entities": [{"document": one.clean.id, **asdict(entity)} for one in printed for entity in one.lost],
        **{name: dict(sorted(count.items())) for name, count in totals.items()},
    }


def _checked(documents: Iterable[Document], press: _Press) -> list[Document]:
    chosen = list(documents)
    if not chosen:
        raise UserError("documents to print: none given; wanted at least one")
    twice = [name for name, count in Counter(document.id for document in chosen).items() if count > 1]
    if twice:
        raise UserError(f"documents to print: id {twice[0]!r} occurs twice; wanted one document an id; rename one")
    for document in chosen:
        press.check(document)
    return chosen


def _mapped(work: Callable[[Document], Result], documents: Sequence[Document], workers: int) -> Iterator[Result]:
    """The results in the documents' order; threads suffice, for the recogniser is a process of its own."""
    if workers <= 1:
        yield from map(work, documents)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, documents)


def _keep(image: Image.Image, folder: Path, name: str) -> Path:
    path = folder / f"{quote(name, safe=' ')}.png"
    with replacing(path) as temporary:
        image.save(temporary, "PNG", optimize=True)
    return path
