"""What a sweep costs: ``python benchmarks/sweep.py TAGGER --data gazette --out results/sweeping``.

The preset ``every-layer`` on dev, twice: as ``ocr-neurons sweep`` does it, keeping the states below an edit (store,
bookkeeping and scoring counted), and evaluating each setting in full. Limit: a ratio of 0.6, with the same counts of
every setting and document. Then again with screening: gain gradients of the dev documents predict every setting's
effect, and a quarter of the settings is scored; the time to the chosen setting counts the gradients.

``--documents 8 --layers 5`` takes some documents and each fifth layer, for a look within minutes.
The baseline is scored, and counted, on both sides. Neurons are those of
``--neurons``, or random ones: the cost does not depend on them, what screening finds does. Times are of this process,
in wall-clock seconds and in seconds of processor, which a busy machine disturbs less. Writes ``sweep.json`` and
``sweep.md``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ocr_neurons.common.files import write_json, write_text
from ocr_neurons.common.manifest import hardware, versions
from ocr_neurons.common.progress import Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.load import fingerprint, pick_device, pick_dtype
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import neuron_maps, neuron_width
from ocr_neurons.ner.loss import TaggerLoss
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.rank.gains import collect, predicted
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.sweep.choose import choose
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.grid import EditMaker, Setting
from ocr_neurons.sweep.presets import preset
from ocr_neurons.sweep.screen import Predictor, agreement, predictions, screened
from ocr_neurons.sweep.store import Store
from ocr_neurons.sweep.sweep import sweep
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.document import Document

LIMIT = 0.6


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tagger", type=Path)
    parser.add_argument("--data", default="gazette", help="data set, or a folder of HIPE files (default gazette)")
    parser.add_argument("--neurons", type=Path, help="ranked neurons (default: all, in a random order)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--documents", type=int, help="dev documents (default all)")
    parser.add_argument(
        "--layers",
        type=int,
        default=1,
        metavar="STEP",
        help="each STEP-th layer, from the middle of the first STEP (default 1: all)",
    )
    parser.add_argument("--draws", type=int, default=1, help="random sets beside each setting (default 1)")
    parser.add_argument("--share", type=float, default=0.25, help="part scored after screening (default 0.25)")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


@dataclass
class Clock:
    """Seconds since it was made, on the wall and of the processor."""

    def __post_init__(self) -> None:
        self.start = time.monotonic(), time.process_time()

    def read(self) -> dict[str, float]:
        wall, cpu = time.monotonic() - self.start[0], time.process_time() - self.start[1]
        return {"wall": round(wall, 2), "cpu": round(cpu, 2)}


def everything(tagger: Tagger, seed: int) -> NeuronSet:
    """All neurons of the model in a random order."""
    layers, width = len(neuron_maps(tagger.model)), neuron_width(tagger.model)
    rng = generator(seed, "benchmark ranking")
    members = {layer: tuple(int(n) for n in rng.permutation(width)) for layer in range(layers)}
    scores = {layer: tuple(float(width - place) for place in range(width)) for layer in members}
    return NeuronSet(fingerprint(tagger.model), "neuron", layers, width, members, scores, {"name": "random order"})


def in_full(
    tagger: Tagger, dev: list[Document], edits: EditMaker, settings: list[Setting], say: Reporter
) -> list[Scores]:
    """The baseline, and every setting through all layers."""
    prepared, found = tagger.prepare(dev), []
    evaluate(dev, prepared.tag(tagger))
    for setting in say.track(settings, "in full"):
        with edits.of(setting).on(tagger.model):
            found.append(evaluate(dev, prepared.tag(tagger)))
    return found


def swept(
    tagger: Tagger, dev: list[Document], edits: EditMaker, settings: list[Setting], say: Reporter
) -> tuple[Any, ...]:
    """Baseline and trials of a sweep into a new store."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(file_url(Path(folder) / "sweep.db"), "sweep", "benchmark")
        baseline = sweep(tagger, dev, edits, settings, store, reporter=say)
        return baseline, store.trials(settings)


def page(value: dict[str, Any]) -> str:
    times, screening = value["seconds"], value["screening"]
    rows = "\n".join(f"| {name} | {t['wall']:.1f} | {t['cpu']:.1f} |" for name, t in times.items())
    return f"""# Cost of a sweep

`every-layer` on {value["documents"]} dev documents of {value["data"]}, {value["settings"]} settings in
{value["layers"]} layers, {value["dtype"]}, {value["hardware"].get("processor", value["device"])}.

| | seconds | of processor |
|---|---|---|
{rows}

Kept states against evaluating each setting in full: {value["ratio"]["wall"]:.2f} on the wall,
{value["ratio"]["cpu"]:.2f} of processor (limit {LIMIT}).
Settings whose counts differ in any document: {value["unequal"]}.

With screening {screening["scored"]} settings were scored. Rank correlation of predicted and measured effects:
{screening["agreement"]} over all settings, {screening["agreement among the scored"]} over those scored. Chosen without
screening: {screening["chosen without"]}. Chosen with it: {screening["chosen with"]}. Missed: {screening["missed"]:.2f}
points of F1 on dev.
"""


def main() -> None:
    options, say = arguments(), Reporter()
    device = pick_device(options.device)
    tagger = load_tagger(options.tagger, dtype=pick_dtype(options.dtype, device), device=device)
    dev = list(load_dataset(options.data).require("dev")[: options.documents])
    if len(dev) < 2:
        raise SystemExit(f"{len(dev)} documents given; wanted 2 at least, for gradients that have an error")
    ranked = NeuronSet.load(options.neurons) if options.neurons else everything(tagger, options.seed)
    edits = EditMaker(ranked, options.seed)
    settings = preset("every-layer", ranked, draws=options.draws)
    settings = [setting for setting in settings if edits.first(setting) % options.layers == options.layers // 2]
    swept(tagger, dev[:2], edits, settings[:1], Reporter(quiet=True))  # imports, and a first pass, which is slower

    clock = Clock()
    baseline, trials = swept(tagger, dev, edits, settings, say)
    seconds = {"kept states": clock.read()}
    clock = Clock()
    full = dict(zip(settings, in_full(tagger, dev, edits, settings, say), strict=True))
    seconds["in full"] = clock.read()
    unequal = sum(full[trial.setting] != trial.scores for trial in trials) + (len(trials) != len(settings))
    best, gain = choose(trials, baseline, options.seed)

    clock = Clock()
    gains = collect(tagger.model, TaggerLoss(tagger).pieces, dev, seed=options.seed, reporter=say)
    promise = predictions(settings, edits, Predictor(lambda factor: predicted(gains, factor).score))
    kept = screened(settings, promise, options.share)
    seconds["screening, of it gradients"] = clock.read()
    _, some = swept(tagger, dev, edits, kept, say)
    found, other = choose(some, baseline, options.seed)
    seconds["screening"] = clock.read()

    layers = ranked.layers
    value = {
        "data": options.data,
        "tagger": options.tagger.name,
        "documents": len(dev),
        "settings": len(settings),
        "layers": len({edits.first(setting) for setting in settings}),
        "dtype": str(next(tagger.model.parameters()).dtype).removeprefix("torch."),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "hardware": hardware(),
        "versions": versions(),
        "seconds": seconds,
        "ratio": {kind: round(seconds["kept states"][kind] / seconds["in full"][kind], 3) for kind in ("wall", "cpu")},
        "limit": LIMIT,
        "unequal": unequal,
        "screening": {
            "scored": len(kept),
            "agreement": f"{agreement(trials, baseline, promise):.2f}",
            "agreement among the scored": f"{agreement(some, baseline, promise):.2f}",
            "chosen without": f"{best.setting.describe(layers)} ({100 * gain.f1:+.2f})",
            "chosen with": f"{found.setting.describe(layers)} ({100 * other.f1:+.2f})",
            "missed": 100 * (gain.f1 - other.f1),
        },
    }
    write_json(options.out / "sweep.json", value)
    write_text(options.out / "sweep.md", page(value))
    print(page(value))
    if unequal:
        sys.exit(f"{unequal} settings differ from full evaluation")


if __name__ == "__main__":
    main()
