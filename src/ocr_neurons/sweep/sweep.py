"""Running a sweep on dev: every setting scored once, by as many workers as there are."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.neutralise.hook import matching_maps
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.sweep.database import reachable
from ocr_neurons.sweep.grid import CHOSEN, EditMaker, Setting
from ocr_neurons.sweep.prefix import Prefix, size_of
from ocr_neurons.sweep.prune import LEVEL, filled, p_worse, parts
from ocr_neurons.sweep.queue import Claim, Queue
from ocr_neurons.sweep.retraining import Retraining, aside
from ocr_neurons.sweep.states import MEMORY, megabytes
from ocr_neurons.sweep.store import Store
from ocr_neurons.text.document import Document


def sweep(
    tagger: Tagger,
    dev: Sequence[Document],
    edits: EditMaker,
    settings: Sequence[Setting],
    store: Store,
    *,
    memory: int = MEMORY,
    prune: bool = False,
    retrained: Retraining | None = None,
    stop: Callable[[], bool] = lambda: False,
    reporter: Reporter = QUIET,
) -> Scores:
    """Score every setting on ``dev`` that the store does not hold yet; return the scores without an edit.

    Settings are taken in the order of the first layer that they touch, so that the states below it
    (:class:`~ocr_neurons.sweep.prefix.Prefix`, at most ``memory`` bytes, else on disk) go through the network once.
    With ``prune`` settings that are surely worse are given up early (:mod:`ocr_neurons.sweep.prune`); the parts of the
    documents are then batched each by itself, which may round otherwise than one piece does. With ``retrained`` each
    setting is that of a tagger trained under its edit, ``tagger`` the one without, and nothing is kept or pruned.
    Returns when all settings are settled, by this or by other workers, or ``stop()`` says so.
    """
    for ranked in edits.rankings.values():
        matching_maps(tagger.model, ranked)  # refuses neurons of another model before any work
    with reachable(store.url):
        store.claim_precision(tagger.model)
        queue, baseline = Queue(store, settings, edits.layers, prune=prune), store.baseline()
        todo = len(queue.settings) - queue.done()
        if baseline is not None and not todo:
            return baseline
        if baseline is None:
            baseline = evaluate(dev, tagger.tag(dev))
            store.set_baseline(baseline)
        worker: _Worker
        if retrained:
            worker = _Trainer(tagger, retrained, dev, edits, queue)
            reporter.say(f"sweep: {todo} taggers are trained, each under its edit")
        else:
            pieces = parts(len(dev), edits.seed) if prune else None
            worker = _Editor(tagger, dev, edits, queue, baseline, memory, pieces)
            reporter.say(f"sweep: states kept between settings take {worker.size(memory)}")
        for _ in reporter.track(worker.run(stop), "sweep", total=todo):
            pass
    return baseline


def states_of(tagger: Tagger, dev: Sequence[Document], memory: int) -> str:
    """For people: how much the states of these documents take, and where."""
    return _told(size_of(tagger, tagger.prepare(dev)), memory)


def _told(size: int, memory: int) -> str:
    return f"{megabytes(size)} {'on disk' if size > memory else 'of memory'}"


class _Worker(ABC):
    """Scores settings until none is left."""

    def __init__(self, dev: Sequence[Document], edits: EditMaker, queue: Queue) -> None:
        self.dev, self.edits, self.queue = dev, edits, queue

    def run(self, stop: Callable[[], bool]) -> Iterator[None]:
        """Yields once for each setting that is settled, here or elsewhere."""
        queue, told = self.queue, self.queue.done()
        while not stop():
            queue.refill()
            claim = queue.claim(self._order)
            if claim is None:
                if told == len(queue.settings):
                    return
                time.sleep(queue.store.heartbeat / 4)  # what is left is being scored by others
            else:
                with queue.holding(claim):
                    self._score(claim)
            done = queue.done()
            for _ in range(done - told):
                yield
            told = done

    def _order(self, setting: Setting) -> tuple[Any, ...]:
        """By what settings are taken, the least first."""
        return (setting,)

    @abstractmethod
    def _score(self, claim: Claim) -> None:
        """Score a setting that is ours now, and keep what it scores."""


class _Trainer(_Worker):
    """Scores taggers that are trained under the edits."""

    def __init__(
        self, tagger: Tagger, retrained: Retraining, dev: Sequence[Document], edits: EditMaker, queue: Queue
    ) -> None:
        super().__init__(dev, edits, queue)
        self.tagger, self.retrained = tagger, retrained

    def run(self, stop: Callable[[], bool]) -> Iterator[None]:
        with aside(self.tagger):
            yield from super().run(stop)

    def _score(self, claim: Claim) -> None:
        self.queue.complete(claim, evaluate(self.dev, self.retrained.tag(claim.setting, self.dev)))


class _Editor(_Worker):
    """Scores one tagger under the edits. Each part of the documents has its own batches and kept states."""

    def __init__(
        self, tagger: Tagger, dev: Sequence[Document], edits: EditMaker, queue: Queue, baseline: Scores, memory: int,
        pieces: list[list[int]] | None,
    ) -> None:  # fmt: skip
        super().__init__(dev, edits, queue)
        self.tagger, self.baseline = tagger, baseline
        self.pieces = pieces or [list(range(len(dev)))]
        prepared = [tagger.prepare([dev[place] for place in piece]) for piece in self.pieces]
        self.bytes = sum(size_of(tagger, piece) for piece in prepared)
        share = memory if self.bytes <= memory else 0
        self.prefixes = [Prefix(tagger, piece, memory=share) for piece in prepared]

    def size(self, memory: int) -> str:
        """For people: how much the states take, and where."""
        return _told(self.bytes, memory)

    def _order(self, setting: Setting) -> tuple[Any, ...]:
        """What lies ahead of the states first; what they have passed by, at the end."""
        first = self.edits.first(setting)
        return first < self.prefixes[0].layer, first, setting

    def _score(self, claim: Claim) -> None:
        setting, tagged = claim.setting, dict[int, Document]()
        for prefix, piece in zip(self.prefixes, self.pieces, strict=True):
            prefix.move(self.edits.first(setting))
            with self.edits.of(setting).on(self.tagger.model):
                tagged |= zip(piece, prefix.tag(), strict=True)
            scores = evaluate(self.dev, filled(self.dev, tagged))
            if len(tagged) < len(self.dev) and setting.draw == CHOSEN:
                p = p_worse(scores, self.baseline, list(tagged))
                if p <= LEVEL:
                    self.queue.give_up(claim, len(tagged), p)
                    return
        self.queue.complete(claim, scores)
