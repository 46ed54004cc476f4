"""The Tagger: a token-classification model, its tokenizer, its labels, its encoding rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.lm.batches import Batch, pad, plan, token_budget
from ocr_neurons.lm.load import fingerprint, head_fingerprint
from ocr_neurons.ner.decode import decode, span_probabilities
from ocr_neurons.ner.encode import Window, windows
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.ner.labels import check_types
from ocr_neurons.text.document import Document


@dataclass
class Tagger:
    """A named-entity tagger. ``info`` is what its folder says of its making."""

    model: nn.Module
    tokenizer: PreTrainedTokenizerBase
    labels: list[str]
    encoding: Encoding
    info: dict[str, Any]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def trunk(self) -> nn.Module:
        """The transformer without its head."""
        inner = getattr(self.model, "base_model", self.model)
        return inner if isinstance(inner, nn.Module) else self.model

    def identity(self) -> str:
        """A hash of what decides its labels: weights (rounded to bfloat16), tokenizer, labels, encoding, attention."""
        words = self.tokenizer.backend_tokenizer.to_str()
        rule = [words, self.labels, self.encoding.to_json(), self.info.get("attention")]
        return digest(fingerprint(self.model), head_fingerprint(self.model), rule)

    def tag(self, documents: Sequence[Document], reporter: Reporter = QUIET) -> list[Document]:
        """The documents with predicted labels in place of their own. Every token gets one."""
        return self.prepare(documents).tag(self, reporter)

    def tag_with_confidence(
        self, documents: Sequence[Document], reporter: Reporter = QUIET
    ) -> list[tuple[Document, list[float]]]:
        """Each document with predicted labels, and the probability of each of its entities, in their order."""
        prepared = self.prepare(documents)
        logits = prepared.logits(self, prepared.forward(self), reporter)
        return [
            (document, span_probabilities(rows, self.labels, document.entities()))
            for document, rows in zip(prepared.labelled(self, logits), logits, strict=True)
        ]

    def prepare(self, documents: Sequence[Document]) -> Prepared:
        """Cut and batch documents once, to tag them many times under different edits."""
        cut = windows(documents, self.tokenizer, self.encoding)
        groups = plan([len(window.ids) for window in cut], token_budget(self.device))
        pad_id = int(self.tokenizer.pad_token_id or 0)
        sequences = [window.ids for window in cut]
        return Prepared(tuple(documents), cut, [pad(sequences, rows, pad_id, self.device) for rows in groups])

    def check(self, documents: Sequence[Document], what: str) -> None:
        """Refuse documents with entity types that this tagger cannot give."""
        check_types(documents, self.labels, what)


@dataclass(frozen=True)
class Prepared:
    """Documents cut into windows and batched, in the order in which they are run."""

    documents: tuple[Document, ...]
    windows: list[Window]
    batches: list[Batch]

    def tag(self, tagger: Tagger, reporter: Reporter = QUIET) -> list[Document]:
        """Run the tagger over the batches as it stands, hooks included."""
        return self.run(tagger, self.forward(tagger), reporter)

    def run(self, tagger: Tagger, forward: Callable[[int], Tensor], reporter: Reporter = QUIET) -> list[Document]:
        """The documents, labelled from ``forward(batch number)``, logits ``[rows, sub-words, labels]``."""
        return self.labelled(tagger, self.logits(tagger, forward, reporter))

    def forward(self, tagger: Tagger) -> Callable[[int], Tensor]:
        """From the number of a batch to the tagger's logits ``[rows, sub-words, labels]``."""

        def forward(number: int) -> Tensor:
            batch = self.batches[number]
            return tagger.model(input_ids=batch.ids, attention_mask=batch.attention).logits  # type: ignore[no-any-return]

        return forward

    def logits(
        self, tagger: Tagger, forward: Callable[[int], Tensor], reporter: Reporter = QUIET
    ) -> list[np.ndarray[Any, Any]]:
        """The logits ``[tokens, labels]`` of each document, in float32."""
        logits = [np.zeros((len(document.tokens), len(tagger.labels)), np.float32) for document in self.documents]
        was_training = tagger.model.training
        tagger.model.eval()
        try:
            with torch.inference_mode():
                for number, batch in enumerate(reporter.track(self.batches, "tagging")):
                    self._scatter(batch, forward(number).float().cpu().numpy(), logits)
        finally:
            tagger.model.train(was_training)
        return logits

    def labelled(self, tagger: Tagger, logits: Sequence[np.ndarray[Any, Any]]) -> list[Document]:
        """The documents with their most probable consistent labels."""
        return [
            document.with_labels([tagger.labels[number] for number in numbers])
            for document, numbers in zip(self.documents, decode(logits, tagger.labels), strict=True)
        ]

    def _scatter(self, batch: Batch, values: np.ndarray[Any, Any], logits: list[np.ndarray[Any, Any]]) -> None:
        """Put the logits of a batch where their tokens are."""
        for line, row in enumerate(batch.rows):
            window = self.windows[row]
            if window.heads:
                positions, tokens = np.array(window.heads).T
                logits[window.document][tokens] = values[line, positions]
