"""Data sets by name, folder or file, cut into train, dev and test."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import user_path
from ocr_neurons.text.align import align
from ocr_neurons.text.catalogue import catalogue
from ocr_neurons.text.document import Document
from ocr_neurons.text.formats.detect import KINDS, LABELLED
from ocr_neurons.text.formats.read import kind_of
from ocr_neurons.text.formats.splits import read_one, read_splits
from ocr_neurons.text.hipe_tsv import format_hipe, parse_hipe, read_hipe
from ocr_neurons.text.named import FOLDERS, named_path, named_sets
from ocr_neurons.text.pairs import TextPair
from ocr_neurons.text.transcripts import MARK, noisy_entities, twins_beside

SPLITS = ("train", "dev", "test")
GAZETTES = {
    "gazette": ("en", "heavy"),
    "gazette:en-light": ("en", "light"),
    "gazette:fr": ("fr", "heavy"),
    "gazette:fr-light": ("fr", "light"),
    "gazette:de": ("de", "heavy"),
    "gazette:de-light": ("de", "light"),
}
"""The embedded corpus by name: its language, and how worn the pages were that it was read from."""

_TAG = "pages to be tagged go to `ocr-neurons tag`"


@dataclass(frozen=True)
class Dataset:
    """Documents in three splits, any of which may be empty.

    ``clean_twins`` maps a split's name to the same documents, in the same order, as the page says rather than as OCR
    read them; splits without twins are not in it. Tokens of twins need not match one to one. Twins may be partial
    (``twin_scope``): in those of AjMC only entities are clean, the words around them are as noisy as before.
    """

    name: str
    train: tuple[Document, ...] = ()
    dev: tuple[Document, ...] = ()
    test: tuple[Document, ...] = ()
    clean_twins: dict[str, tuple[Document, ...]] = field(default_factory=dict)

    @property
    def twin_scope(self) -> str:
        """What is clean in the clean twins: ``text``, ``entities`` alone, or nothing (empty) without twins."""
        twins = [document for documents in self.clean_twins.values() for document in documents]
        if not twins:
            return ""
        return "entities" if any(MARK in document.metadata for document in twins) else "text"

    def clean_text(self, split: str) -> tuple[Document, ...]:
        """The clean twins of a split where their whole text is clean, its documents as they are otherwise."""
        twins = self.clean_twins.get(split) if self.twin_scope == "text" else None
        return twins or self.split(split)

    def twin_pairs(self, split: str) -> list[TextPair]:
        """Each document of a split as a pair: the running text of its clean twin, and its own, aligned.

        ``source`` is the document's id, ``level`` the name of the data set.

        Raises:
            UserError: the split has no twins whose whole text is clean.
        """
        if self.twin_scope != "text" or split not in self.clean_twins:
            raise UserError(
                f"data set {self.name}, {split}: no clean twins of whole texts; wanted a data set that has them, such "
                "as gazette"
            )
        pairs = []
        for twin, document in zip(self.clean_twins[split], self.split(split), strict=True):
            clean, noisy = twin.text(), document.text()
            pairs.append(TextPair(clean, noisy, self.name, document.id, edits=align(clean, noisy).edits))
        return pairs

    def still_noisy(self, split: str) -> int | None:
        """Entities that are noisy (LED above 0) in the clean twins too; ``None`` for a split without twins."""
        twins = self.clean_twins.get(split)
        return None if twins is None else sum(noisy_entities(twin) for twin in twins)

    def split(self, split: str) -> tuple[Document, ...]:
        """The documents of ``train``, ``dev`` or ``test``; a UserError for another name."""
        if split not in SPLITS:
            raise UserError(f"split {split!r}; wanted one of {', '.join(SPLITS)}")
        documents: tuple[Document, ...] = getattr(self, split)
        return documents

    def digest(self, *, twins: bool = True) -> str:
        """A short hash of every document, labels included, and of the clean twins unless told."""
        texts = [format_hipe(self.split(split)) for split in SPLITS if self.split(split)]
        clean = [name + format_hipe(documents) for name, documents in sorted(self.clean_twins.items())]
        return hashlib.sha256("\x1f".join(texts + clean * twins).encode("utf-8")).hexdigest()[:16]

    def require(self, split: str) -> tuple[Document, ...]:
        """The documents of a split that must hold entities.

        Raises:
            UserError: the split is empty, or no document of it holds an entity.
        """
        documents = self.split(split)
        if not documents:
            have = [name for name in SPLITS if getattr(self, name)]
            raise UserError(
                f"data set {self.name}: no {split} split (it has {', '.join(have) or 'none'}); wanted documents with "
                f"entities; add a *-{split}-*.tsv file or choose another data set"
            )
        if not any(document.entities() for document in documents):
            raise UserError(
                f"data set {self.name}: no entity in the {len(documents)} documents of its {split} split; wanted "
                "labels such as B-pers in NE-COARSE-LIT; check that the file is not a masked one"
            )
        return documents


def load_dataset(spec: str, *, transcripts: Path | None = None) -> Dataset:
    """Load a data set.

    ``spec`` is one of ``GAZETTES`` (the embedded corpus: ``gazette`` is English and heavily worn),
    ``hipe2022:SET-LANG`` or ``hipe2020:LANG`` (under the folder named by ``OCR_NEURONS_DATA``, or fetched into the
    cache by ``ocr-neurons data fetch``; nothing is fetched here), a folder with ``*-train-*.tsv``, ``*-dev-*.tsv``,
    ``*-test-*.tsv`` (one at most of each; ``dev2`` and the like are not read), or one TSV file, all of which becomes
    ``test``. A file or folder in the working directory whose name is also a data set's is reached as ``./NAME``.

    AjMC gets clean twins, of its entities alone, where ``derived/ajmc-entity-transcripts.tsv`` stands beside
    ``hipe2022-v2.1``; ``transcripts`` names that file when it is elsewhere.

    A folder without such TSV files may hold what :func:`read_splits` reads; a file may be of its formats too.

    Raises:
        UserError: no such data set, or files in it that cannot be read.
    """
    if spec in GAZETTES:
        return _load_gazette(spec)
    edition, colon, _ = spec.partition(":")
    listed = catalogue().get(spec) if colon else None
    if listed and listed.kind != "entities":
        raise UserError(f"{spec}: {listed.title}: no documents with entities; wanted a data set that has them")
    if listed or (colon and edition in FOLDERS):
        return _load_folder(named_path(spec), spec, transcripts)
    path = user_path(spec)
    if path.is_dir():
        return _load_folder(path, None, transcripts)
    if path.is_file() and (documents := read_one(path)):
        return Dataset(path.stem, test=tuple(documents))
    if path.is_file():
        if kind := _unmarked([path]):
            raise UserError(
                f"{spec}: {kind}, in which no entities are marked; wanted HIPE TSV, CoNLL or JSON Lines; {_TAG}"
            )
        return Dataset(path.stem, test=tuple(read_hipe(path)))
    known = nearest(spec, {*dataset_names(), *catalogue()})
    raise UserError(f"{spec}: neither a data set's name nor a file or folder{known}")


def dataset_names() -> list[str]:
    """The names of data sets with entities that :func:`load_dataset` finds on this machine, sorted."""
    here = (name for name in named_sets() if name not in catalogue() or catalogue()[name].kind == "entities")
    return sorted([*GAZETTES, *here])


def describe(dataset: Dataset) -> dict[str, Any]:
    """What is in a data set, as JSON can hold it.

    For each split: counts of documents, sentences, tokens and entities by type; ``noisy_entities``, the share of
    the entities with a known LED whose LED is above 0 (``None`` when none is known); and whether it has clean twins.
    """
    splits = {name: dataset.split(name) for name in SPLITS}
    return {
        "name": dataset.name,
        "languages": sorted({d.language for documents in splits.values() for d in documents if d.language}),
        "splits": {
            name: _describe_split(documents) | {"clean_twins": name in dataset.clean_twins}
            for name, documents in splits.items()
        },
    }


def _describe_split(documents: Iterable[Document]) -> dict[str, Any]:
    documents = list(documents)
    types: Counter[str] = Counter()
    known = noisy = 0
    for document in documents:
        for entity in document.entities():
            types[entity.type] += 1
            led = document.tokens[entity.start].led
            if led is not None:
                known += 1
                noisy += led > 0
    return {
        "documents": len(documents),
        "sentences": sum(len(document.sentences()) for document in documents),
        "tokens": sum(len(document.tokens) for document in documents),
        "entities": dict(sorted(types.items())),
        "noisy_entities": round(noisy / known, 4) if known else None,
    }


def _load_gazette(name: str) -> Dataset:
    root = files("ocr_neurons.resources").joinpath("gazette")
    language, strength = GAZETTES[name]
    noisy = {split: _resource(root, strength, f"gazette-{split}-{language}.tsv") for split in SPLITS}
    clean = {split: _resource(root, "clean", f"gazette-{split}-{language}.tsv") for split in SPLITS}
    for split in SPLITS:
        if [d.id for d in noisy[split]] != [d.id for d in clean[split]]:
            raise UserError(
                f"gazette: the {split} documents and their clean twins differ in ids; reinstall ocr-neurons"
            )
    return Dataset(name, noisy["train"], noisy["dev"], noisy["test"], clean)


def _unmarked(paths: Iterable[Path]) -> str:
    """The kind of the first file that is text without labels, in words; empty where none is."""
    for path in paths:
        kind = kind_of(path) if path.stat().st_size else ""
        if kind and kind not in LABELLED:
            return KINDS[kind]
    return ""


def _resource(root: Traversable, kind: str, name: str) -> tuple[Document, ...]:
    resource = root.joinpath(kind, name)
    try:
        text = resource.read_bytes().decode("utf-8")
    except OSError:
        raise UserError(f"gazette: {kind}/{name} is not in the installed package; reinstall ocr-neurons") from None
    return tuple(parse_hipe(text, name))


def _load_folder(folder: Path, name: str | None, transcripts: Path | None) -> Dataset:
    """The splits of a folder; its name is that of its files without the split, unless given."""
    documents: dict[str, tuple[Document, ...]] = {}
    for split in SPLITS:
        matches = sorted(folder.glob(f"*-{split}-*.tsv"))
        if len(matches) > 1:
            listed = ", ".join(match.name for match in matches)
            raise UserError(f"{folder}: {len(matches)} {split} files ({listed}); wanted one at most; move the others")
        if matches:
            documents[split] = tuple(read_hipe(matches[0]))
            name = name or matches[0].stem.replace(f"-{split}-", "-")
    documents = documents or read_splits(folder)
    if not documents:
        inside = sorted(child.name for child in folder.iterdir() if child.is_dir())[:8]
        hint = f"; it holds the folders {', '.join(inside)}: name one of them" if inside else ""
        if not inside and (kind := _unmarked(sorted(child for child in folder.iterdir() if child.is_file())[:100])):
            hint = f"; it holds {kind}, in which no entities are marked; {_TAG}"
        raise UserError(
            f"{folder}: wanted *-train-*.tsv, *-dev-*.tsv or *-test-*.tsv in it, or train, dev and test in CoNLL "
            f"columns or JSON Lines, found none{hint}"
        )
    train, dev, test = (documents.get(split, ()) for split in SPLITS)
    return Dataset(name or folder.name, train, dev, test, twins_beside(folder, documents, transcripts))
