"""What the page asks for, answered in JSON values: one run, one tagger, the last few texts kept read.

Every answer of the model is given under one lock, so any number of pages may ask at once; a long search lets others in
between two batches, and noise and ranks, which need no model, wait for neither. Numbers that are not
defined are None.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.explore.compare import SKIPPED, Words, differences, heat, marked, words
from ocr_neurons.explore.contexts import Contexts
from ocr_neurons.explore.editing import PICKED, Wanted, check_neuron, make_edit, number_of, places
from ocr_neurons.explore.folder import RunFolder
from ocr_neurons.explore.neurons import Scores
from ocr_neurons.explore.passages import Passages
from ocr_neurons.explore.reading import Array, Read, edited_logits, entities, probabilities, read
from ocr_neurons.explore.texts import LONGEST, read_text
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.noise.learned.apply import SHIPPED, NoiseMaker, load_noise
from ocr_neurons.text.align import Alignment, align
from ocr_neurons.text.document import entity_types

KEPT = 512 * 2**20
"""Bytes of activations that are kept of the texts read last."""
SHOWN = 25
"""Neurons in a table."""
HIGHEST_RATE = 0.5
"""Of learned noise: beyond, no reader would call it the same text."""
ORDERS = ("deviations", "difference")
CERTAIN = 1e-6
"""Deviations below this share of their layer's largest are of neurons that are never active, and divide nothing."""


class Session:
    """A run opened in the explorer."""

    def __init__(self, run: RunFolder, tagger: Tagger, cache: Path) -> None:
        self.run, self.tagger = run, tagger
        self.passages = Passages(run.data)
        self.places = places(run.ranking)
        self.scores = Scores(run.profiles, run.config.rank.threshold)
        self._cache = cache
        self._model = threading.RLock()
        self._drawing, self._scoring, self._searching = threading.Lock(), threading.Lock(), threading.Lock()
        self._contexts: Contexts | None = None
        self._texts: OrderedDict[tuple[str, str], Read] = OrderedDict()
        self._noise: dict[str, NoiseMaker] = {}

    def facts(self) -> dict[str, Any]:
        """What the page must know of the run before anything is asked."""
        run, ranking = self.run, self.run.ranking
        number = number_of(run.edit)
        types = sorted({label[2:] for label in self.tagger.labels if "-" in label})
        languages = {document.language for split in ("test", "dev", "train") for document in run.data.split(split)}
        return {
            "run": run.name,
            "model": run.config.model,
            "data": run.config.data,
            "no_data": run.no_data,
            "layers": ranking.layers,
            "width": ranking.width,
            "types": sorted({*types, *entity_types(run.data.test)}),
            "documents": self.passages.listed(),
            "own_ocr": bool(run.data.clean_twins) and run.data.twin_scope == "text",
            "noise": SHIPPED,
            "languages": sorted({*SHIPPED, *filter(None, languages)}),
            "highest_rate": HIGHEST_RATE,
            "longest": LONGEST,
            "picked": PICKED,
            "ranking": {"method": str(ranking.method.get("name", "")), "count": ranking.count},
            "edit": None
            if run.edit is None
            else {
                "says": run.edit.describe(),
                "number": number and {"name": number[0], "value": number[1]},
            },
            "placebo": run.config.rank.control if run.profiles.control is not None else "",
        }

    def passage(self, key: str, part: int) -> dict[str, Any]:
        """A passage of a document: see :class:`ocr_neurons.explore.passages.Passage`."""
        return asdict(self.passages.passage(key, part))

    def noise(self, text: str, language: str, rate: float, seed: int) -> dict[str, Any]:
        """``text`` with learned noise at a character error rate; the same seed and rate give the same text."""
        if not 0 <= rate <= HIGHEST_RATE:
            raise UserError(f"An error rate of {rate:g} was given; wanted 0 to {HIGHEST_RATE:g}, such as 0.05 for 5 %.")
        read_text(text, language, "clean text")
        if language not in SHIPPED:
            known = ", ".join(f"{name} ({code})" for code, name in SHIPPED.items())
            raise UserError(f"There is no noise model for language {language!r}, only for {known}. Choose one of them.")
        with self._drawing:
            maker = self._noise.setdefault(language, NoiseMaker(load_noise(language)))
            pair = maker.corrupt(text, generator(seed, "explore"), cer=rate)
        made = Alignment(text, pair.noisy, pair.edits)
        return {"noisy": pair.noisy, "rate": made.cer, "edits": made.distance, "style": pair.level.rpartition(" ")[0]}

    def compare(self, clean: str, noisy: str, language: str) -> dict[str, Any]:
        """Alignment, heat map and entities of a clean and a noisy text."""
        start = time.monotonic()
        with self._model:
            left, right, alignment = self._both(clean, noisy, language)
            found = words(alignment, left, right)
            values = heat(found, left, right)
            before, after = entities(self.tagger, left), entities(self.tagger, right)
        kept, lost = marked(before, after, alignment)
        return {
            "pieces": _pieces(alignment),
            "rate": alignment.cer,
            "changes": alignment.distance,
            "words": [
                {
                    "clean": clean[slice(*word.clean)],
                    "noisy": noisy[slice(*word.noisy)],
                    "changed": word.changed,
                    "at": word.noisy,
                }
                for word in found.words
            ],
            "skipped": [{"count": count, "why": SKIPPED[why]} for why, count in found.skipped.items()],
            "heat": [[round(value, 4) for value in row] for row in values.T.tolist()],
            "clean": {"entities": [asdict(entity) | {"mark": ""} for entity in before], "lost": []},
            "noisy": {
                "entities": [asdict(one.entity) | {"mark": one.mark} for one in kept],
                "lost": [clean[entity.start : entity.end] + f" ({entity.type})" for entity in lost],
            },
            "seconds": round(time.monotonic() - start, 3),
        }

    def neurons(
        self, clean: str, noisy: str, language: str, *, word: int | None, layer: int | None, order: str
    ) -> dict[str, Any]:
        """The neurons that differ most between the two texts, over the changed words or in one word, in one layer.

        ``order``: by the size of the ``difference``, or by it in ``deviations`` of the neuron on clean words (those of
        the run's profile), in which loud and quiet neurons count alike.
        """
        if order not in ORDERS:
            raise UserError(f"Order {order!r} is unknown; wanted one of {', '.join(ORDERS)}.")
        if layer is not None:
            check_neuron(layer, 0, self.run.ranking)
        with self._model:
            left, right, alignment = self._both(clean, noisy, language)
            found = words(alignment, left, right)
            over = _over(found, word)
            change, before = differences(Words(tuple(over)), left, right)
        if not over:
            return {"words": 0, "neurons": []}
        difference, level = change.mean(1).numpy(), before.mean(1).numpy()
        deviations = self._deviations(difference)
        by = np.abs(difference if order == "difference" else np.nan_to_num(deviations))
        if layer is not None:
            by[[other for other in range(len(by)) if other != layer]] = -1
        best = [int(i) for i in np.argsort(-by, axis=None, kind="stable")[:SHOWN] if by.flat[i] > 0]
        return {
            "words": len(over),
            "neurons": [
                {
                    "layer": row,
                    "index": column,
                    "difference": float(difference[row, column]),
                    "deviations": _number(deviations[row, column]),
                    "clean": float(level[row, column]),
                    "noisy": float(level[row, column] + difference[row, column]),
                    "place": int(self.places[row, column]),
                }
                for row, column in (divmod(i, by.shape[1]) for i in best)
            ],
        }

    def edit(self, clean: str, noisy: str, language: str, wanted: Wanted) -> dict[str, Any]:
        """The entities of the noisy text under an edit, beside those of the clean text and of the noisy one without."""
        start = time.monotonic()
        made = make_edit(wanted, self.run.ranking, self.run.edit)
        with self._model:
            left, right, alignment = self._both(clean, noisy, language)
            logits = edited_logits(self.tagger, right, made)
            before, plain = entities(self.tagger, left), entities(self.tagger, right)
            after = entities(self.tagger, right, logits)
        kept, lost = marked(before, after, alignment)
        _, lost_before = marked(before, plain, alignment)
        same = {(entity.start, entity.end, entity.type) for entity in plain}
        now = {(entity.start, entity.end, entity.type) for entity in after}
        return {
            "says": made.describe(),
            "entities": [
                asdict(one.entity)
                | {
                    "mark": one.mark,
                    "moved": (one.entity.start, one.entity.end, one.entity.type) not in same,
                }
                for one in kept
            ],
            "lost": [clean[entity.start : entity.end] + f" ({entity.type})" for entity in lost],
            "back": sum(entity not in lost for entity in lost_before),
            "gone": sum(entity not in lost_before for entity in lost),
            "dropped": [
                noisy[entity.start : entity.end] + f" ({entity.type})"
                for entity in plain
                if (entity.start, entity.end, entity.type) not in now
            ],
            "moves": self._moves(right, logits),
            "seconds": round(time.monotonic() - start, 3),
        }

    def neuron(self, layer: int, index: int) -> dict[str, Any]:
        """What the run knows of one neuron: its place in the ranking and under every method, its means."""
        check_neuron(layer, index, self.run.ranking)
        with self._scoring:
            ranks, moments = self.scores.ranks(layer, index), self.scores.moments(layer, index)
        return {
            "layer": layer,
            "index": index,
            "place": int(self.places[layer, index]),
            "of": self.run.ranking.count,
            "moments": {name: _number(value) for name, value in moments.items()},
            "methods": [_finite(asdict(found)) for found in ranks],
        }

    def contexts(self, layer: int, index: int) -> dict[str, Any]:
        """When one neuron fires, in the run's documents."""
        check_neuron(layer, index, self.run.ranking)
        if not self.passages.listed():
            raise UserError(self.run.no_data or "The run has no documents to look for this neuron in.")
        with self._searching:  # two pages that ask for one layer wait for one reading of the sample
            with self._model:
                if self._contexts is None:
                    self._contexts = Contexts(self.tagger, self.run.data, self._cache)
            return asdict(self._contexts.firing(layer, index, lambda: self._model))

    def progress(self) -> dict[str, Any]:
        """How far the looking up of a layer is, 0 to 1."""
        return {"progress": 0.0 if self._contexts is None else self._contexts.progress}

    def _both(self, clean: str, noisy: str, language: str) -> tuple[Read, Read, Alignment]:
        left, right = self._read(clean, language, "clean text"), self._read(noisy, language, "noisy text")
        return left, right, align(clean, noisy)

    def _read(self, text: str, language: str, what: str) -> Read:
        """A text read; those read last are kept."""
        key = (text, language)
        if key not in self._texts:
            self._texts[key] = read(self.tagger, read_text(text, language, what))
        self._texts.move_to_end(key)
        while len(self._texts) > 2 and sum(one.bytes for one in self._texts.values()) > KEPT:
            self._texts.popitem(last=False)
        return self._texts[key]

    def _deviations(self, difference: Array) -> Array:
        """In standard deviations on clean words; NaN where the profile did not read the layer or nothing varies."""
        spread = np.full(difference.shape, np.nan)
        profile = self.run.profiles.noise
        rows = [int(read) for read in profile.about.get("read", range(profile.layers))]
        spread[rows] = profile.clean_deviation()
        largest = np.nanmax(spread, axis=1, keepdims=True, initial=0)
        spread[~(spread > CERTAIN * largest)] = np.nan
        return np.asarray(difference / spread)

    def _moves(self, reading: Read, logits: Array) -> list[dict[str, Any]]:
        """The words whose label moved most: how sure the tagger was of its first label, and is of it now."""
        before, after = probabilities(reading.logits), probabilities(logits)
        first = before.argmax(1)
        rows = np.arange(len(first))
        change = after[rows, first] - before[rows, first]
        order = np.argsort(-np.abs(change), kind="stable")[:3]
        return [
            {
                "word": reading.text.text[slice(*reading.text.spans[i])],
                "label": self.tagger.labels[int(first[i])],
                "before": float(before[i, first[i]]),
                "after": float(after[i, first[i]]),
            }
            for i in order.tolist()
            if abs(change[i]) > 0
        ]


def _over(found: Words, word: int | None) -> Sequence[Any]:
    if word is None:
        return [one for one in found.words if one.changed]
    if not 0 <= word < len(found.words):
        raise UserError(f"Word {word} does not exist: {len(found.words)} words are compared. Click one in the map.")
    return [found.words[word]]


def _pieces(alignment: Alignment) -> list[list[str]]:
    """The alignment from left to right: ``[text]`` where both have the same, ``[clean, noisy]`` where they differ."""
    pieces: list[list[str]] = []
    position = 0
    for start, end, noisy_start, noisy_end in alignment.edits:
        if start > position:
            pieces.append([alignment.clean[position:start]])
        pieces.append([alignment.clean[start:end], alignment.noisy[noisy_start:noisy_end]])
        position = end
    if position < len(alignment.clean):
        pieces.append([alignment.clean[position:]])
    return pieces


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """The same with None for numbers that are not finite, which JSON has not."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return _number(value) if isinstance(value, float) else value


def open_session(run: RunFolder, cache: Path, device: torch.device, dtype: torch.dtype) -> Session:
    """Load the run's tagger and make a session of it.

    Raises:
        UserError: the tagger cannot be loaded, or its neurons are not those of the run's ranking.
    """
    from ocr_neurons.lm.sites import neuron_maps, neuron_width
    from ocr_neurons.ner.model import load_tagger

    tagger = load_tagger(run.tagger, dtype=dtype, device=device)
    shape = (len(neuron_maps(tagger.model)), neuron_width(tagger.model))
    known = (run.ranking.layers, run.ranking.width)
    if shape != known or run.profiles.noise.width != shape[1]:
        raise UserError(
            f"{run.tagger}: a tagger of {shape[0]} layers x {shape[1]} neurons given, the run's ranking is of "
            f"{known[0]} x {known[1]}; wanted the folder of one run"
        )
    return Session(run, tagger, cache)
