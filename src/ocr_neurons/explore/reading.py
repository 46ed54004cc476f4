"""One text through the tagger: its entities, and what every neuron does on every token."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ocr_neurons.common.errors import UserError
from ocr_neurons.explore.texts import SUB_WORDS, Text
from ocr_neurons.lm.sites import readings, site_width
from ocr_neurons.ner.decode import span_probabilities
from ocr_neurons.ner.encode import Layout, encode
from ocr_neurons.ner.tagger import Prepared, Tagger
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.probe.capture import Pooled, capture, reading_mode
from ocr_neurons.probe.units import Side
from ocr_neurons.sweep.prefix import Prefix

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Found:
    """An entity: characters ``[start, end)`` of its text, its type, and how sure the tagger is (0 to 1)."""

    start: int
    end: int
    type: str
    sure: float


@dataclass
class Read:
    """A text as the tagger reads it, unedited.

    Attributes:
        activations: ``[layers, tokens, neurons]``, the mean of each neuron over the token's own sub-words, float32.
        sizes: ``[tokens]`` sub-words of each token.
        at_edge: whether a token holds the first position of an input. Decoders keep very large activations there,
            whatever stands in it, so it is shown in no comparison (probing leaves it out as well).
        logits: ``[tokens, labels]``.
    """

    text: Text
    prepared: Prepared
    activations: Tensor
    sizes: Tensor
    at_edge: tuple[bool, ...]
    logits: Array
    prefix: Prefix | None = None

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return self.activations.nbytes

    @property
    def sub_words(self) -> int:
        """How many positions the model computes for this text, context that is read twice included."""
        return sum(int(batch.attention.sum()) for batch in self.prepared.batches)


def read(tagger: Tagger, text: Text) -> Read:
    """Tag a text and keep what its neurons do, in one pass.

    Raises:
        UserError: more than ``SUB_WORDS`` sub-words, or a word that is longer than a window.
    """
    _check_length(tagger, text)
    prepared = tagger.prepare([text.document])
    maps, tokens = readings(tagger.trunk), len(text.document.tokens)
    pooled = Pooled(len(maps), tokens, site_width(tagger.trunk), tagger.device)
    sides = {
        (row, token): Side(window.ids, first, last)
        for row, window in enumerate(prepared.windows)
        for (_, token), (first, last) in zip(window.heads, window.spans, strict=True)
    }
    plain = prepared.forward(tagger)

    def forward(number: int) -> Tensor:
        batch = prepared.batches[number]
        lines = [
            (line, token, side)
            for line, row in enumerate(batch.rows)
            for (of, token), side in sides.items()
            if of == row
        ]
        pooled.aim(lines, *batch.ids.shape)
        return plain(number)

    with reading_mode(tagger.model), capture(maps, pooled, stop=False):
        logits = prepared.logits(tagger, forward)[0]
    by_token = {token: side for (_, token), side in sides.items()}
    sizes = torch.tensor([by_token[token].last - by_token[token].first for token in range(tokens)])
    at_edge = tuple(by_token[token].first == 0 for token in range(tokens))
    return Read(text, prepared, pooled.values.cpu(), sizes, at_edge, logits)


def _check_length(tagger: Tagger, text: Text) -> None:
    """Refuse what would take long, or be cut: a word that is longer than a window loses its end there."""
    encoded = encode(text.document, tagger.tokenizer)
    if len(encoded.ids) > SUB_WORDS:
        raise UserError(
            f"The {text.document.id} has {len(encoded.ids):,} sub-words for this model; the explorer takes "
            f"{SUB_WORDS:,} at most. Paste a shorter passage."
        )
    room = Layout(tagger.encoding, tagger.tokenizer).room
    longest = max(last - first for first, last in zip(encoded.firsts, encoded.lasts, strict=True))
    if longest > room:
        raise UserError(
            f"The {text.document.id} holds a word of {longest:,} sub-words, and this tagger reads {room:,} at a time. "
            "Break the word."
        )


def edited_logits(tagger: Tagger, reading: Read, edits: Edits) -> Array:
    """The logits ``[tokens, labels]`` of a text under edits; layers below the first edited one are not run again."""
    if not any(edit.neurons.count for edit in edits.edits):
        return reading.logits
    if reading.prefix is None:
        reading.prefix = Prefix(tagger, reading.prepared)
    reading.prefix.move(edits.first_layer())
    with edits.on(tagger.model) if edits.edits else nullcontext():
        return reading.prepared.logits(tagger, reading.prefix.forward)[0]


def entities(tagger: Tagger, reading: Read, logits: Array | None = None) -> list[Found]:
    """The entities by the reading's own logits, or by others of the same tokens."""
    rows = reading.logits if logits is None else logits
    (document,) = reading.prepared.labelled(tagger, [rows])
    found = document.entities()
    sure = span_probabilities(rows, tagger.labels, found)
    return [
        Found(*reading.text.characters(entity), entity.type, probability)
        for entity, probability in zip(found, sure, strict=True)
    ]


def probabilities(logits: Array) -> Array:
    """Label probabilities ``[tokens, labels]`` of each token by itself."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
