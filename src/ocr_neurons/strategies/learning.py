"""Learning gains: one factor for each neuron of a set is trained, all weights of the tagger standing still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.examples import Collator, Corrupt, ExampleMaker
from ocr_neurons.ner.labels import IGNORED
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.schedule import schedule
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.ner.train import epoch_examples, longest_input
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.gains import LearnedGains
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.text.document import Document


@dataclass(frozen=True)
class Learnt:
    """The gains of the best epoch on dev as an edit, and strict F1 on dev of every epoch."""

    edit: Edit
    dev_f1s: tuple[float, ...]

    @property
    def epoch(self) -> int:
        """The epoch that was kept, counted from 1; the earliest of equals."""
        return 1 + self.dev_f1s.index(max(self.dev_f1s))


def learn_gains(
    tagger: Tagger,
    neurons: NeuronSet,
    documents: Sequence[Document],
    dev: Sequence[Document],
    recipe: Recipe,
    *,
    rate: float,
    seed: int,
    corrupt: Corrupt | None = None,
    reporter: Reporter = QUIET,
) -> Learnt:
    """Train a gain for each of ``neurons`` on ``documents``; keep the epoch with the best strict F1 on ``dev``.

    The loss is that of training (cross-entropy over labelled words), in the batches that ``recipe`` makes of its
    epochs, noise by ``corrupt`` included; Adam, at ``rate``, which falls to 0 in equal steps. Dropout is off. Nothing
    of the tagger moves: its weights take no gradient, and the gains hang on it by hooks that are gone afterwards.

    Raises:
        UserError: no gradient step can be made, because there are no documents.
    """
    if not documents:
        raise UserError("gains: no training documents; wanted a data set with a train split")
    model, device = tagger.model, tagger.device
    maker = ExampleMaker(
        documents, tagger.tokenizer, tagger.encoding, tagger.labels, longest_input(model, tagger.encoding)
    )
    plan = schedule(epoch_examples(maker, recipe, corrupt, seed), recipe.batch_tokens, recipe.batch, seed)
    collate, prepared = Collator(int(tagger.tokenizer.pad_token_id or 0)), tagger.prepare(dev)
    gains = LearnedGains(neurons).to(device)
    optimiser = torch.optim.Adam(gains.parameters(), lr=rate)
    falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=len(plan.batches))
    found: list[tuple[float, Edit]] = []
    was_training = model.training
    model.eval()
    try:
        with gains.on(model):
            for number, rows in enumerate(reporter.track(plan.batches, "learning gains"), 1):
                batch = {name: value.to(device) for name, value in collate([plan.examples[i] for i in rows]).items()}
                logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
                loss = functional.cross_entropy(
                    logits.float().flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORED, reduction="sum"
                )
                optimiser.zero_grad()
                (loss / max(1, int((batch["labels"] != IGNORED).sum()))).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                falling.step()
                if number in plan.ends:
                    f1 = evaluate(dev, prepared.tag(tagger)).total("strict").f1
                    found.append((f1, gains.edit()))
                    reporter.say(f"  gains: epoch {len(found)}, strict F1 on dev {f1:.3f}")
    finally:
        model.train(was_training)
    learnt = Learnt(found[0][1], tuple(f1 for f1, _ in found))
    return Learnt(found[learnt.epoch - 1][1], learnt.dev_f1s)
