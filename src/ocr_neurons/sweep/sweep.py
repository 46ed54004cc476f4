"""Running a sweep on dev: every setting scored once, by as many workers as there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.ner.tagger import Prepared, Tagger
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.sweep.grid import Edits, Setting
from ocr_neurons.sweep.prefix import Prefix, size_of
from ocr_neurons.sweep.queue import Queue
from ocr_neurons.sweep.states import MEMORY, megabytes
from ocr_neurons.sweep.store import Store
from ocr_neurons.text.document import Document


def sweep(
    tagger: Tagger,
    dev: Sequence[Document],
    edits: Edits,
    settings: Sequence[Setting],
    store: Store,
    *,
    memory: int = MEMORY,
    stop: Callable[[], bool] = lambda: False,
    reporter: Reporter = QUIET,
) -> Scores:
    """Score every setting on ``dev`` that the store does not hold yet; return the scores without an edit.

    Settings are taken in the order of the first layer that they touch, so that the states below it
    (:class:`~ocr_neurons.sweep.prefix.Prefix`, at most ``memory`` bytes, else on disk) go through the network once.
    Returns when all settings are scored, by this or by other workers, or ``stop()`` says so.
    """
    queue, baseline = Queue(store, settings, edits.layers), store.baseline()
    todo = len(queue.settings) - queue.done()
    if baseline is not None and not todo:
        return baseline
    store.claim_fact("dtype", str(next(tagger.model.parameters()).dtype), "of weights of another precision (dtype)")
    prepared = tagger.prepare(dev)
    if baseline is None:
        baseline = evaluate(dev, prepared.tag(tagger))
        store.set_baseline(baseline)
    size = size_of(tagger, prepared)
    reporter.say(
        f"sweep: states kept between settings take {megabytes(size)} {'on disk' if size > memory else 'of memory'}"
    )
    work = _work(tagger, prepared, edits, queue, memory, stop)
    for _ in reporter.track(work, "sweep", total=todo):
        pass
    return baseline


def _work(
    tagger: Tagger, prepared: Prepared, edits: Edits, queue: Queue, memory: int, stop: Callable[[], bool]
) -> Iterator[None]:
    """Score settings until none is left; yields once for each that is scored, here or elsewhere."""
    prefix, told = Prefix(tagger, prepared, memory=memory), queue.done()

    def order(setting: Setting) -> tuple[Any, ...]:
        """What lies ahead of the states first; what they have passed by, at the end."""
        first = edits.first(setting)
        return first < prefix.layer, first, setting

    while not stop():
        queue.refill()
        claim = queue.claim(order)
        if claim is None:
            if told == len(queue.settings):
                return
            time.sleep(queue.store.heartbeat / 4)  # what is left is being scored by others
        else:
            with queue.holding(claim):
                prefix.move(edits.first(claim.setting))
                with edits.of(claim.setting).on(tagger.model):
                    scores = evaluate(prepared.documents, prefix.tag())
                queue.complete(claim, scores)
        done = queue.done()
        for _ in range(done - told):
            yield
        told = done
