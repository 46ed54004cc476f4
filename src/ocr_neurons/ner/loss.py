"""The loss of a tagger on a document, in pieces that can be run with hooks on the model and differentiated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from ocr_neurons.lm.batches import Batch, pad, plan, token_budget
from ocr_neurons.ner.encode import windows
from ocr_neurons.ner.labels import label_ids
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.text.document import Document


@dataclass(frozen=True)
class Labelled:
    """Some windows of one document that are run together, and the labels of the tokens whose heads lie in them.

    Attributes:
        head_rows, head_positions, targets: ``[tokens]``: the window and place of each token's head, and its label.
        words: where each token's sub-words lie: ``{token: (row, first, last)}``, ``last`` exclusive.
    """

    model: nn.Module
    batch: Batch
    head_rows: Tensor
    head_positions: Tensor
    targets: Tensor
    words: Mapping[int, tuple[int, int, int]]

    @property
    def rows(self) -> int:
        """How many windows."""
        return len(self.batch.rows)

    @property
    def tokens(self) -> int:
        """How many tokens the loss is summed over; each token of the document counts in one piece."""
        return len(self.targets)

    def run(self, rng: np.random.Generator | None = None) -> tuple[Tensor, Tensor | None]:
        """The cross-entropy of each window, ``[rows]``, in nats summed over its tokens; differentiable.

        With ``rng`` also the cross-entropy against labels drawn from the model's own probabilities. The gradients of
        that one have mean 0, and their squares are in the mean the diagonal of the Fisher information (Kunstner,
        Hennig and Balles 2019 on why drawn labels and not the given ones).

        The model is run as it stands, hooks and mode included. Half-precision logits are widened to float32 first.
        """
        logits = self.model(input_ids=self.batch.ids, attention_mask=self.batch.attention).logits
        chosen = logits[self.head_rows, self.head_positions]
        logs = (chosen if chosen.dtype == torch.float64 else chosen.float()).log_softmax(-1)
        drawn = None
        if rng is not None:
            steps = logs.detach().double().exp().cumsum(-1)
            places = torch.from_numpy(rng.random((self.tokens, 1))).to(steps.device) * steps[:, -1:]
            drawn = self._summed(logs, torch.searchsorted(steps, places, right=True)[:, 0].clamp(max=logs.shape[1] - 1))
        return self._summed(logs, self.targets), drawn

    def _summed(self, logs: Tensor, labels: Tensor) -> Tensor:
        own = -logs.gather(1, labels[:, None])[:, 0]
        return torch.zeros(self.rows, dtype=own.dtype, device=own.device).index_add(0, self.head_rows, own)


@dataclass(frozen=True)
class TaggerLoss:
    """Cross-entropy of a tagger, at the head of every token of a document, against the document's own labels.

    It is what training lowers, with one difference: where two tokens share a sub-word, training reads the label of
    the first there, and here each of them counts.
    """

    tagger: Tagger
    budget: int = field(default_factory=lambda: token_budget(torch.device("cpu")))  # gradients need more memory

    def pieces(self, document: Document) -> list[Labelled]:
        """The document cut as for tagging, in batches of at most ``budget`` sub-words; none for an empty document.

        Raises:
            UserError: the document has an entity type that the tagger lacks.
        """
        tagger = self.tagger
        labels = label_ids(document, tagger.labels)
        cut = windows([document], tagger.tokenizer, tagger.encoding)
        pad_id = int(tagger.tokenizer.pad_token_id or 0)
        pieces: list[Labelled] = []
        for rows in plan([len(window.ids) for window in cut], self.budget):
            words = [
                (line, position, token, span)
                for line, row in enumerate(rows)
                for (position, token), span in zip(cut[row].heads, cut[row].spans, strict=True)
            ]
            lines, positions, tokens = (
                torch.tensor([word[column] for word in words], dtype=torch.long) for column in range(3)
            )
            targets = torch.tensor(labels)[tokens]
            pieces.append(
                Labelled(
                    tagger.model,
                    pad([window.ids for window in cut], rows, pad_id, tagger.device),
                    lines.to(tagger.device),
                    positions.to(tagger.device),
                    targets.to(tagger.device),
                    {token: (line, *span) for line, _, token, span in words},
                )
            )
        return pieces

    def mean(self, document: Document) -> float:
        """Nats a token, with hooks as they are and dropout off; NaN for a document without tokens."""
        model = self.tagger.model
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                pieces = self.pieces(document)
                total = sum(float(piece.run()[0].double().sum()) for piece in pieces)
        finally:
            model.train(was_training)
        return total / len(document.tokens) if document.tokens else float("nan")
