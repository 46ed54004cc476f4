"""When a neuron fires: the words of the run's documents on which it is highest and lowest.

All neurons of a layer are looked up together, over a bounded sample of the documents; what is found is kept in the
user's cache. Layers before the one that is asked for have to be computed anyway and are kept as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ocr_neurons.common.files import replacing
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.seeds import generator
from ocr_neurons.explore.passages import ORDER
from ocr_neurons.lm.batches import batches
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.lm.sites import readings, site_width
from ocr_neurons.ner.encode import windows
from ocr_neurons.ner.tagger import Prepared, Tagger
from ocr_neurons.probe.capture import Pooled, capture, reading_mode, run
from ocr_neurons.probe.units import Side
from ocr_neurons.text.datasets import Dataset
from ocr_neurons.text.document import Document

SAMPLE = 5_000
"""Sub-words of the documents that are read; about a quarter of a minute for a small model on two cores."""
BUDGET = 512
"""Sub-words a batch: between two batches other questions have their turn."""
TOP = 8
"""Words that are kept at each end, for every neuron."""
AROUND = 60
"""Characters that are shown on either side of a word."""
VERSION = 1


@dataclass(frozen=True)
class Context:
    """A word of a document, what stands around it, and the neuron's activation on it."""

    document: str
    split: str
    left: str
    word: str
    right: str
    value: float


@dataclass(frozen=True)
class Firing:
    """The words on which a neuron is highest and lowest, and its mean and standard deviation over all ``words``."""

    highest: list[Context]
    lowest: list[Context]
    mean: float
    deviation: float
    words: int
    documents: int


@dataclass(frozen=True)
class _Kept:
    """Of one layer: values and word numbers ``[2, TOP, width]`` (highest, lowest), mean and deviation ``[width]``."""

    values: Tensor
    numbers: Tensor
    mean: Tensor
    deviation: Tensor


class Contexts:
    """The contexts of every neuron, layer by layer, as they are asked for."""

    def __init__(self, tagger: Tagger, data: Dataset, cache: Path, *, sample: int = SAMPLE, top: int = TOP) -> None:
        self.tagger, self.top = tagger, top
        self.documents = _sample(tagger, data, sample)
        self._words = [
            (document, token) for document, (_, made) in enumerate(self.documents) for token in range(len(made.tokens))
        ]
        first_of = [0]
        for _, made in self.documents:
            first_of.append(first_of[-1] + len(made.tokens))
        self._first_of = first_of
        self.prepared = _batched(tagger, [document for _, document in self.documents])
        self.progress = 0.0
        """Which part of the sample has been read for the layer that is being looked up, 0 to 1."""
        dtype = str(next(tagger.model.parameters()).dtype)
        texts = [(split, made.id, made.text()) for split, made in self.documents]
        key = digest(VERSION, fingerprint(tagger.trunk), dtype, tagger.encoding.to_json(), texts, top)
        self.folder = cache / "explore" / key
        self._kept: dict[int, _Kept] = {}

    @property
    def sub_words(self) -> int:
        """How many positions are read when a layer is looked up for the first time."""
        return sum(int(batch.attention.sum()) for batch in self.prepared.batches)

    def known(self, layer: int) -> bool:
        """Whether a layer was looked up before, in this session or another."""
        return layer in self._kept or self._file(layer).is_file()

    def firing(self, layer: int, index: int, turn: Callable[[], AbstractContextManager[Any]]) -> Firing:
        """The contexts of one neuron; ``turn()`` is held for each batch that the model reads, so others get theirs."""
        kept = self._kept.get(layer) or self._load(layer) or self._read(layer, turn)
        self._kept[layer] = kept
        highest, lowest = (
            [
                self._context(int(number), float(value))
                for value, number in zip(kept.values[end, :, index], kept.numbers[end, :, index], strict=True)
                if int(number) >= 0
            ]
            for end in (0, 1)
        )
        return Firing(
            highest,
            lowest,
            float(kept.mean[index]),
            float(kept.deviation[index]),
            len(self._words),
            len(self.documents),
        )

    def _context(self, number: int, value: float) -> Context:
        document, token = self._words[number]
        split, made = self.documents[document]
        running = made.running_text()
        start, end = running.starts[token], running.ends[token]
        left, right = running.text[max(0, start - AROUND) : start], running.text[end : end + AROUND]
        return Context(made.id, split, left, running.text[start:end], right, value)

    def _read(self, layer: int, turn: Callable[[], AbstractContextManager[Any]]) -> _Kept:
        """Read the sample up to ``layer``; keep every layer on the way."""
        maps = readings(self.tagger.trunk)[: layer + 1]
        width = site_width(self.tagger.trunk)
        ends = [_Ends(width, self.top) for _ in maps]
        for done, batch in enumerate(self.prepared.batches):
            self.progress = done / len(self.prepared.batches)
            lines: list[tuple[int, int, Side]] = []
            numbers: list[int] = []
            for line, row in enumerate(batch.rows):
                window = self.prepared.windows[row]
                for (_, token), (first, last) in zip(window.heads, window.spans, strict=True):
                    if first > 0:  # not at the first position of an input
                        lines.append((line, len(numbers), Side(window.ids, first, last)))
                        numbers.append(self._first_of[window.document] + token)
            if not numbers:
                continue
            with turn():
                pooled = Pooled(len(maps), len(numbers), width, self.tagger.device)
                pooled.aim(lines, *batch.ids.shape)
                with reading_mode(self.tagger.model), capture(maps, pooled):
                    run(self.tagger.trunk, batch)
                values = pooled.values.cpu()
            for place, end in enumerate(ends):
                end.update(values[place], torch.tensor(numbers))
        for place, end in enumerate(ends):
            self._save(place, end.freeze())
        return self._kept[layer]

    def _file(self, layer: int) -> Path:
        return self.folder / f"layer-{layer}.safetensors"

    def _save(self, layer: int, kept: _Kept) -> None:
        """Into memory, and into the cache; a cache that cannot be written costs time, nothing else."""
        from safetensors.torch import save_file

        self._kept[layer] = kept
        try:
            with replacing(self._file(layer)) as temporary:
                save_file({name: tensor.contiguous() for name, tensor in vars(kept).items()}, temporary)
        except OSError:
            return

    def _load(self, layer: int) -> _Kept | None:
        """What the cache has; None where it has nothing, or something broken."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            found = load_file(self._file(layer))
            kept = _Kept(*(found[name] for name in ("values", "numbers", "mean", "deviation")))
        except (OSError, SafetensorError, KeyError):
            return None
        whole = kept.values.shape == kept.numbers.shape == (2, self.top, site_width(self.tagger.trunk))
        return kept if whole and int(kept.numbers.max()) < len(self._words) else None


class _Ends:
    """The highest and lowest values of every neuron over all that :meth:`update` was given, and their moments."""

    def __init__(self, width: int, top: int) -> None:
        self.top = top
        self.values = [torch.zeros(0, width), torch.zeros(0, width)]
        self.numbers = [torch.zeros(0, width, dtype=torch.long), torch.zeros(0, width, dtype=torch.long)]
        self.count = 0
        self.total = torch.zeros(width, dtype=torch.float64)
        self.squares = torch.zeros(width, dtype=torch.float64)

    def update(self, values: Tensor, numbers: Tensor) -> None:
        """``values`` ``[words, width]`` of the words ``numbers`` ``[words]``."""
        wide = values.double()
        self.count += len(values)
        self.total += wide.sum(0)
        self.squares += (wide**2).sum(0)
        columns = numbers[:, None].expand_as(values)
        for end in (0, 1):
            together = torch.cat([self.values[end], values])
            known = torch.cat([self.numbers[end], columns])
            best = together.topk(min(self.top, len(together)), dim=0, largest=end == 0)
            self.values[end], self.numbers[end] = best.values, known.gather(0, best.indices)

    def freeze(self) -> _Kept:
        """Padded with word -1 where there were fewer words than are kept."""
        missing = self.top - len(self.values[0])
        width = self.values[0].shape[1]
        values = [torch.cat([found, torch.zeros(missing, width)]) for found in self.values]
        numbers = [torch.cat([found, torch.full((missing, width), -1)]) for found in self.numbers]
        mean = self.total / max(1, self.count)
        variance = (self.squares / max(1, self.count) - mean**2).clamp_min(0)
        return _Kept(torch.stack(values), torch.stack(numbers), mean.float(), variance.sqrt().float())


def _batched(tagger: Tagger, documents: Sequence[Document]) -> Prepared:
    """As :meth:`Tagger.prepare`, in smaller batches."""
    cut = windows(documents, tagger.tokenizer, tagger.encoding)
    pad_id = int(tagger.tokenizer.pad_token_id or 0)
    return Prepared(tuple(documents), cut, batches([window.ids for window in cut], BUDGET, pad_id, tagger.device))


def _sample(tagger: Tagger, data: Dataset, sub_words: int) -> list[tuple[str, Document]]:
    """Documents in an order fixed by chance, as many as fit; of the last one the sentences that do, at least one."""
    everything = [(split, document) for split in ORDER for document in data.split(split) if document.tokens]
    chosen: list[tuple[str, Document]] = []
    left = sub_words
    for number in generator(1, "contexts").permutation(len(everything)):
        split, document = everything[int(number)]
        cut = _shortened(tagger, document, left)
        if cut is None:
            break
        chosen.append((split, cut))
        left -= _length(tagger, cut.text())
    if not chosen and everything:
        split, document = everything[0]
        chosen.append((split, Document(document.id, document.tokens[:50], document.language)))
    return chosen


def _shortened(tagger: Tagger, document: Document, most: int) -> Document | None:
    """The first sentences of a document that stay within ``most`` sub-words; None where there is not one."""
    if _length(tagger, document.text()) <= most:
        return document
    whole = None
    for _, last in document.sentences():
        cut = Document(document.id, document.tokens[:last], document.language)
        if _length(tagger, cut.text()) > most:
            break
        whole = cut
    return whole


def _length(tagger: Tagger, text: str) -> int:
    return len(tagger.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
