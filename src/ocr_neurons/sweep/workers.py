"""Several worker processes on one machine; each loads what it needs and takes settings from the same store."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.sweep.database import reachable
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.queue import Queue
from ocr_neurons.sweep.states import MEMORY
from ocr_neurons.sweep.store import GRACE, HEARTBEAT, Store


@dataclass(frozen=True)
class Job:
    """All that a worker must know: files by name, settings, and the store. ``rankings`` are neuron files by name,
    ``profile`` holds the means that some operations need.
    """

    tagger: Path
    data: str
    rankings: dict[str, Path]
    settings: tuple[Setting, ...]
    url: str = field(repr=False)  # it may hold a password
    name: str
    identity: str
    seed: int
    device: str = "auto"
    dtype: str = "auto"
    threads: int = 0
    memory: int = MEMORY
    prune: bool = False
    retrain: bool = False
    profile: Path | None = None
    heartbeat: float = HEARTBEAT
    grace: float = GRACE

    def store(self) -> Store:
        """The store, opened by whoever asks."""
        return Store(self.url, self.name, self.identity, heartbeat=self.heartbeat, grace=self.grace)


def work(job: Job) -> None:
    """Score settings of the job until none is left, or the process that started this one is gone."""
    import torch

    from ocr_neurons.lm.load import pick_device, pick_dtype
    from ocr_neurons.lm.neurons import NeuronSet
    from ocr_neurons.ner.model import load_tagger
    from ocr_neurons.probe.profile_file import load_profile
    from ocr_neurons.sweep.grid import EditMaker
    from ocr_neurons.sweep.retraining import retraining
    from ocr_neurons.sweep.sweep import sweep
    from ocr_neurons.text.datasets import load_dataset

    if job.threads:
        torch.set_num_threads(job.threads)
    device = pick_device(job.device)
    dtype = pick_dtype(job.dtype, device)
    tagger = load_tagger(job.tagger, dtype=dtype, device=device)
    profile = load_profile(job.profile) if job.profile else None
    edits = EditMaker({name: NeuronSet.load(path) for name, path in job.rankings.items()}, job.seed, profile)
    data, parent = load_dataset(job.data), multiprocessing.parent_process()
    again = retraining(job.tagger, data, edits, dtype, device) if job.retrain else None
    sweep(
        tagger, data.require("dev"), edits, job.settings, job.store(), memory=job.memory, prune=job.prune,
        retrained=again,
        stop=lambda: parent is not None and not parent.is_alive(),
    )  # fmt: skip


def own_card(device: str, number: int) -> str:
    """The device of worker ``number``: each of several cards in turn, unless one is named by its number."""
    import torch

    from ocr_neurons.lm.load import cuda_in_turn

    if device not in ("auto", "cuda") or not torch.cuda.is_available() or torch.cuda.device_count() < 2:
        return device
    return str(cuda_in_turn(number))


def run_workers(job: Job, count: int, layers: int, reporter: Reporter = QUIET) -> None:
    """Run ``count`` workers to the end, showing how many settings are scored by anyone.

    Raises:
        UserError: workers ended before all settings were scored.
    """
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_quietly, args=(replace(job, device=own_card(job.device, n)),), name=f"worker-{n}")
        for n in range(count)
    ]
    for worker in workers:
        worker.start()
    queue = Queue(job.store(), job.settings, layers, prune=job.prune)
    try:
        with reachable(job.url):
            for _ in reporter.track(_progress(queue, workers), "sweep", total=len(queue.settings) - queue.done()):
                pass
    finally:
        for worker in workers:
            worker.terminate() if sys.exc_info()[0] else None
            worker.join()
    left = len(queue.settings) - queue.done()
    if left:
        codes = ", ".join(str(worker.exitcode) for worker in workers)
        raise UserError(f"sweep: {left} settings are not scored, all workers ended ({codes}); the same command goes on")


def _progress(queue: Queue, workers: Sequence[BaseProcess]) -> Iterator[None]:
    told = queue.done()
    while any(worker.is_alive() for worker in workers):
        time.sleep(0.5)
        done = queue.done()
        for _ in range(done - told):
            yield
        told = done


def _quietly(job: Job) -> None:
    """A worker that says in one line what stopped it."""
    with suppress(KeyboardInterrupt):
        try:
            work(job)
        except UserError as error:
            print(f"ocr-neurons: {' '.join(str(error).split())}", file=sys.stderr)
            sys.exit(2)


def threads_each(count: int) -> int:
    """Threads for each of ``count`` workers, so that together they take what torch would take alone."""
    import torch

    return max(1, torch.get_num_threads() // count)
