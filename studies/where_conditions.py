"""The conditions: pairs of a clean text and a changed one, all from the same clean text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.controls import control_pairs
from ocr_neurons.noise.learned.apply import NoiseMaker
from ocr_neurons.noise.prepare import LONGEST
from ocr_neurons.noise.words import word_pairs
from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.document import Document
from ocr_neurons.text.pairs import TextPair, read_pairs, write_pairs
from where_texts import Texts, documents_of, rate


@dataclass(frozen=True)
class Condition:
    """One way to change the text: ``pairs`` names the pairs, ``protocol`` how they are read."""

    name: str
    says: str
    pairs: str
    protocol: str

    @property
    def whole(self) -> bool:
        """Whether whole pages are read, in place of chosen words."""
        return self.protocol == "aligned"


REAL, PLACEBO, EVERYWHERE = "real", "real placebo", "learned pages"
INSIDE, INSIDE_PLACEBO = "real in words", "in words placebo"
LEARNED, LETTERS = "learned", "letters"
CONDITIONS = (
    Condition(REAL, "real OCR, every word of the pages", "real", "aligned"),
    Condition(PLACEBO, "random letters on the pages, as many edits as the OCR has", "real letters", "aligned"),
    Condition(INSIDE, "the real OCR where it changes letters inside a word; the rest undone", "inside", "aligned"),
    Condition(INSIDE_PLACEBO, "random letters, as many edits as “real in words” has", "inside letters", "aligned"),
    Condition(EVERYWHERE, "learned noise on the pages, at each page's own error rate", "learned pages", "aligned"),
    Condition("preset", "preset noise on words in their sentence", "preset", "context"),
    Condition(LEARNED, "learned noise on the same words in their sentence", "learned", "context"),
    Condition("preset alone", "the pairs of “preset”, words fed alone", "preset", "words"),
    Condition("learned alone", "the pairs of “learned”, words fed alone", "learned", "words"),
    Condition(LETTERS, "random letters, as many edits as “learned” has, in the sentence", "letters", "context"),
    Condition("case", "capitals for small letters and the reverse, in the sentence", "case", "context"),
    Condition("words", "another clean word of about the same length, in the sentence", "words", "context"),
)
CONTROLS = ("letters", "case", "words")
"""Of the learned noise on words."""
SPARE = 1.3
"""Words drawn under learned noise for each that is wanted: some the presets cannot change."""

Pairs = dict[str, list[TextPair]]


def make_pairs(
    texts: Texts, noise: NoiseMaker, language: str, words: int, placebo: str, seed: int, work: Path, reporter: Reporter
) -> tuple[Pairs, dict[str, int]]:
    """The pairs of every kind that a condition names, kept in ``work``; and how many were left out, by kind.

    ``placebo`` is the control that random letters are.
    """
    key = digest("pairs", _names(texts.pages), noise.model.source, noise.model.cer, language, words, placebo, seed)
    facts = work / f"pairs-{key}.json"
    kinds = list(dict.fromkeys(condition.pairs for condition in CONDITIONS))
    files = {kind: work / f"pairs-{key}-{kind.replace(' ', '-')}.jsonl" for kind in kinds}
    if not facts.exists():
        reporter.say("making noise and placebos …")
        made, left_out = _made(texts.pages, noise, language, words, placebo, seed)
        for kind, pairs in made.items():
            write_pairs(files[kind], pairs)
        write_json(facts, left_out)
    return {kind: read_pairs(file) for kind, file in files.items()}, dict(read_json(facts, "counts of pairs"))


def _made(
    pages: list[TextPair], noise: NoiseMaker, language: str, words: int, placebo: str, seed: int
) -> tuple[Pairs, dict[str, int]]:
    made: Pairs = {"real": pages}
    left_out: dict[str, int] = {}
    made["inside"] = [inside_words(page) for page in pages]
    for kind in ("real", "inside"):
        made[f"{kind} letters"] = _control(made[kind], placebo, seed, left_out, f"{kind} letters")
    made["learned pages"] = [_corrupted(page, noise, seed) for page in pages]
    made["preset"], made["learned"] = _word_pairs(documents_of(pages, language), noise, words, seed)
    for kind in CONTROLS:
        made[kind] = _control(made["learned"], placebo if kind == LETTERS else kind, seed, left_out, kind)
    return made, left_out


def _control(pairs: list[TextPair], kind: str, seed: int, left_out: dict[str, int], name: str) -> list[TextPair]:
    without: list[str] = []
    made = control_pairs(pairs, kind, seed, left_out=without)
    if without:
        left_out[name] = len(without)
    if not made:
        raise UserError(f"no pair has a control of kind {kind!r}; give more text (--characters)")
    return made


def inside_words(page: TextPair) -> TextPair:
    """The page with those changes alone that touch a letter and no white space: no word joined, split or lost."""
    found = align(page.clean, page.noisy)
    kept = []
    for a, b, c, d in found.edits:
        text = page.clean[a:b] + page.noisy[c:d]
        if max(b - a, d - c) <= LONGEST and any(map(str.isalpha, text)) and not any(map(str.isspace, text)):
            kept.append((a, b, c, d))
    noisy = Alignment(page.clean, page.noisy, tuple(kept)).rebuild()
    return TextPair(page.clean, noisy, page.level, f"{page.source} (in words)")


def halved(pages: Sequence[TextPair], seed: int) -> dict[str, int]:
    """Half 0 or 1 of each document, all its pages together; in an order drawn by the seed, each to the shorter half.

    Raises:
        UserError: fewer than two documents.
    """
    lengths: dict[str, int] = {}
    for page in pages:
        name = document_of(page)
        lengths[name] = lengths.get(name, 0) + len(page.clean)
    if len(lengths) < 2:
        raise UserError("pages of one document sampled; wanted two or more, to halve them; raise --characters")
    names, sizes, found = sorted(lengths), [0, 0], {}
    for i in generator(seed, "halves").permutation(len(names)):
        half = int(sizes[1] < sizes[0])
        found[names[int(i)]] = half
        sizes[half] += lengths[names[int(i)]]
    return found


def document_of(pair: TextPair) -> str:
    """The document that a page, or a pair made from one, comes from."""
    return pair.source.partition(" (")[0].rpartition(" p")[0]


def _corrupted(page: TextPair, noise: NoiseMaker, seed: int) -> TextPair:
    rng = generator(seed, "learned noise", page.source)
    noisy = noise.corrupt(page.clean, rng, cer=min(1.0, rate(page))).noisy
    return TextPair(page.clean, noisy, "learned", f"{page.source} (learned noise)")


def _word_pairs(
    documents: Sequence[Document], noise: NoiseMaker, words: int, seed: int
) -> tuple[list[TextPair], list[TextPair]]:
    """Preset and learned noise on the same words at the same places, three levels each.

    Both draw the place of a word from its name, and a word counts where both can change it.
    """
    usable = _grouped(word_pairs(documents, protocol="context", words=None, seed=seed))
    wanted = min(len(usable), int(SPARE * words) + 10)
    drawn = _grouped(word_pairs(documents, protocol="context", words=wanted, seed=seed, noise=noise))
    both = [word for word in drawn if word in usable][:words]
    if len(both) < words:
        raise UserError(
            f"--words {words} given; both kinds of noise can change {len(both)} words of the sample; ask for these, or "
            "for more text (--characters)"
        )
    return [pair for word in both for pair in usable[word]], [pair for word in both for pair in drawn[word]]


def _grouped(pairs: Iterable[TextPair]) -> Pairs:
    found: Pairs = {}
    for pair in pairs:
        found.setdefault(pair.clean, []).append(pair)
    return found


def kinds_of_change(pairs: Iterable[TextPair]) -> dict[str, float]:
    """Of the changed segments: the share that touches white space, and the share without a letter on either side.

    White space alone counts in both.
    """
    found = [
        (pair.clean[a:b] + pair.noisy[c:d]) for pair in pairs for a, b, c, d in align(pair.clean, pair.noisy).edits
    ]
    spaces = sum(any(map(str.isspace, text)) for text in found)
    unlettered = sum(not any(map(str.isalpha, text)) for text in found)
    most = max(1, len(found))
    return {"segments": len(found), "with space": spaces / most, "without letter": unlettered / most}


def _names(pages: Iterable[TextPair]) -> list[tuple[str, str]]:
    return [(page.clean, page.noisy) for page in pages]
