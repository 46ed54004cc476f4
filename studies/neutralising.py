"""What neutralising does to taggers, seed by seed: layer by layer, the paper's two experiments, text and clean twins.

    python studies/taggers.py ../shared/data --out results/taggers --work WORK --jobs ajmc-en-smollm2-default
    python studies/neutralising.py ../shared/data --taggers WORK --work EDITED --jobs ajmc-en-smollm2-default

``--taggers`` is the ``--work`` of ``studies/taggers.py``. What was measured stays in ``--work``, and a second call goes
on; ``studies/neutralising_page.py`` makes the page of it. For each tagger:

``run``     the main job: thirds and each layer alone, a tenth of the neurons silenced, halved or amplified, each beside
            random ones; chosen on dev, scored once on test.
``paper``   the original's grids at the size of the model, on dev, at test time alone.
``legacy``  what its code really edits: numbers found in one layer, in every layer; beside numbers drawn at random.
``repair``  a tenth of each layer (or of every N-th, ``--every N``) silenced, sensitive neurons and random ones, on dev
            and on the clean twins of dev: what these neurons are worth where there is noise, and where there is none.
``whole``   the best 1 and 5 % of all neurons halved, and random ones of the same layers, on dev and on its clean twins.
``damped-F``, ``damped-F-random``  neurons of the first layers times F while training and at test, found or random.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import write_json
from ocr_neurons.common.progress import Reporter
from ocr_neurons.config import Config, Sweeping
from ocr_neurons.lm.load import pick_device, pick_dtype
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import blocks
from ocr_neurons.ner.model import CARD, load_tagger
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.ner.train import train
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.rank.legacy import random_neurons, same_in_every_layer
from ocr_neurons.rank.regions import region
from ocr_neurons.run import run
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.grid import CHOSEN, EditMaker, Setting, grid
from ocr_neurons.sweep.presets import preset
from ocr_neurons.sweep.store import Store
from ocr_neurons.sweep.sweep import sweep
from ocr_neurons.text.datasets import Dataset, load_dataset
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import read_hipe
from taggers import JOBS, Job

SHARE, FACTORS = 0.1, (0.0, 0.5, 1.5)
WHOLE, WHOLE_DRAWS = (0.01, 0.05), 10
DAMPED = tuple((5_000 / (10 * 11_008), factor) for factor in (0.1, 0.5))
"""Shares of the first third and factors of the experiment with damping while training: the middle of the paper's ten
counts, as a part of the ten first layers of Llama 2 7B."""


@dataclass(frozen=True)
class Case:
    """A tagger, its data, and where what is measured goes."""

    job: Job
    seed: int
    data: Dataset
    folder: Path
    place: Path
    device: torch.device
    dtype: torch.dtype
    reporter: Reporter
    every: int
    draws: int

    def tagger(self) -> Tagger:
        return load_tagger(self.folder, dtype=self.dtype, device=self.device)

    def ranking(self) -> NeuronSet:
        return NeuronSet.load(self.place / "run" / "ranking.json")


def main() -> int:
    """Measure what is missing; 2 for bad input."""
    args = _arguments()
    os.environ["OCR_NEURONS_DATA"] = str(args.folder)
    try:
        for job in [job for job in JOBS if job.name in args.jobs]:
            for seed in args.seeds:
                _one(job, seed, args)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _one(job: Job, seed: int, args: argparse.Namespace) -> None:
    folder = args.taggers / job.name / f"seed-{seed}" / "tagger"
    if not (folder / CARD).is_file():
        raise UserError(f"{folder}: no tagger; train it with studies/taggers.py --jobs {job.name} --seeds {seed}")
    place = args.work / job.name / f"seed-{seed}"
    place.mkdir(parents=True, exist_ok=True)
    device = pick_device(args.device)
    dtype = pick_dtype(args.dtype, device)
    case = Case(job, seed, load_dataset(job.data), folder, place, device, dtype, Reporter(), args.every, args.draws)
    for part in args.parts:
        kept = place / f"{part}.json"
        if not kept.exists():
            case.reporter.say(f"{job.name}, seed {seed}, {part} …")
            write_json(kept, PARTS[part](case))


def _run(case: Case) -> dict[str, Any]:
    layers = len(blocks(case.tagger().model))
    regions = ("first", "middle", "last", *(f"layer-{layer}" for layer in range(layers)))
    config = Config(
        data=case.job.data, model=str(case.folder), seed=case.seed, device=str(case.device),
        dtype=str(case.dtype).removeprefix("torch."),
        sweep=Sweeping(regions=regions, shares=(SHARE,), factors=FACTORS),
    )  # fmt: skip
    summary = run(config, case.place / "run", case.reporter)
    study = case.place / "run" / "sweep.db"
    tested = on_test(case.place / "run", case.data.require("test"))
    return {"layers": layers, "summary": summary, "test": tested} | _kept(_open(study))


def on_test(folder: Path, gold: Sequence[Document]) -> dict[str, list[list[int]]]:
    """What a run's tagger found on test without an edit and with the chosen one, as counts of each document."""
    found = {which: read_hipe(folder / f"predictions-{which}.tsv") for which in ("baseline", "chosen")}
    return {which: totals(evaluate(gold, tagged)) for which, tagged in found.items()}


def _paper(case: Case) -> dict[str, Any]:
    ranked = case.ranking()
    settings = [*preset("first-layers", ranked, draws=1), *preset("layer-25", ranked, draws=3)]
    return {"layers": ranked.layers} | _swept(case, ranked, settings, case.data.require("dev"), "paper")


def _legacy(case: Case) -> dict[str, Any]:
    tagger, ranked, dev = case.tagger(), case.ranking(), case.data.require("dev")
    prepared = tagger.prepare(dev)

    def scored(edit: Edit | None) -> list[list[int]]:
        if edit is None:
            return totals(evaluate(dev, prepared.tag(tagger)))
        with edit.on(tagger.model):
            return totals(evaluate(dev, prepared.tag(tagger)))

    rows = []
    for setting in preset("layer-25", ranked, draws=0):
        (layer,) = region(setting.region, ranked.layers)
        found = setting.neurons(ranked, case.seed)
        ways = {"found": found, "random": random_neurons(found, case.seed)}
        ways |= {f"{name}-everywhere": same_in_every_layer(neurons, layer) for name, neurons in ways.items()}
        for name, neurons in ways.items():
            value = scored(Edit(neurons, setting.factor))
            rows.append({"setting": setting.to_json(), "way": name, "totals": value})
    return {"layers": ranked.layers, "baseline": scored(None), "trials": rows}


def _repair(case: Case) -> dict[str, Any]:
    layers = case.ranking().layers
    measured = list(range(0, layers, case.every))
    settings = grid(case.ranking(), [f"layer-{layer}" for layer in measured], (SHARE,), (0.0,), case.draws)
    return {"layers": measured} | _twice(case, settings, "repair")


def _whole(case: Case) -> dict[str, Any]:
    return _twice(case, grid(case.ranking(), ("all",), WHOLE, (0.5,), WHOLE_DRAWS), "whole")


def _twice(case: Case, settings: Sequence[Setting], name: str) -> dict[str, Any]:
    """The settings on dev as OCR read it, and on its clean twins where there are any."""
    ranked = case.ranking()
    found: dict[str, Any] = {"scope": case.data.twin_scope}
    found["ocr"] = _swept(case, ranked, settings, case.data.require("dev"), f"{name}-ocr")
    if "dev" in case.data.clean_twins:
        found["clean"] = _swept(case, ranked, settings, case.data.clean_twins["dev"], f"{name}-clean")
    return found


def _damped(case: Case, share: float, factor: float, draw: int) -> dict[str, Any]:
    """A tagger trained with an edit in place: with it, without it, and the plain tagger with the same edit."""
    ranked, dev, plain = case.ranking(), case.data.require("dev"), case.tagger()
    card = plain.info
    count = max(1, round(share * len(region("first", ranked.layers)) * ranked.width))
    setting = Setting("first", count, factor, draw)
    edit = setting.edit(ranked, case.seed)
    found = {"setting": setting.to_json(), "baseline": totals(evaluate(dev, plain.tag(dev)))}
    with edit.on(plain.model):
        found["plain"] = totals(evaluate(dev, plain.tag(dev)))
    out = case.place / "damped" / _damped_name(factor, draw)
    if not (out / CARD).exists():
        train(
            case.data.train, case.job.model, out, dev=dev, recipe=Recipe(**card["recipe"]),
            labels=card["labels"], during=edit.on, seed=case.seed, dtype=case.dtype, device=case.device,
            data=case.job.data, reporter=case.reporter,
        )  # fmt: skip
    tagger = load_tagger(out, dtype=case.dtype, device=case.device)
    found["without"] = totals(evaluate(dev, tagger.tag(dev)))
    with edit.on(tagger.model):
        found["with"] = totals(evaluate(dev, tagger.tag(dev)))
    return found


def _damped_name(factor: float, draw: int) -> str:
    return f"damped-{factor:g}" + ("" if draw == CHOSEN else "-random")


PARTS: dict[str, Callable[[Case], dict[str, Any]]] = {
    "run": _run, "paper": _paper, "legacy": _legacy, "repair": _repair, "whole": _whole,
    **{
        _damped_name(factor, draw): partial(_damped, share=share, factor=factor, draw=draw)
        for share, factor in DAMPED for draw in (CHOSEN, 0)
    },
}  # fmt: skip


def _swept(
    case: Case, ranked: NeuronSet, settings: Sequence[Setting], documents: Sequence[Document], name: str
) -> dict[str, Any]:
    store = Store(file_url(case.place / f"{name}.db"), name, name)
    sweep(case.tagger(), documents, EditMaker(ranked, case.seed), settings, store, reporter=case.reporter)
    return _kept(store)


def _open(path: Path) -> Store:
    """The store of a run, whatever its name."""
    import optuna

    (study,) = optuna.get_all_study_summaries(file_url(path))
    return Store(file_url(path), study.study_name, study.user_attrs["identity"])


def _kept(store: Store) -> dict[str, Any]:
    baseline = store.baseline()
    assert baseline is not None
    rows = [{"setting": trial.setting.to_json(), "totals": totals(trial.scores)} for trial in store.trials()]
    return {"baseline": totals(baseline), "trials": rows}


def totals(scores: Scores) -> list[list[int]]:
    """True and false positives and false negatives of each document, strict."""
    return [[int(n) for n in row] for row in scores.document_totals("strict")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds hipe2022-v2.1 and hipe2020-v1.4")
    parser.add_argument("--taggers", type=Path, required=True, help="where studies/taggers.py keeps its taggers")
    parser.add_argument("--work", type=Path, required=True, help="where what was measured is kept")
    parser.add_argument("--jobs", nargs="+", required=True, help="taggers, by the names that studies/taggers.py has")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--every", type=int, default=1, help="of repair: each so-many-th layer")
    parser.add_argument("--draws", type=int, default=2, help="of repair: random draws")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
