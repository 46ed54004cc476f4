"""Taggers on real data: recipes beside one another, then one recipe over data sets and models, several seeds each.

    python studies/taggers.py ../shared/data --out results/taggers --work WORK --jobs ajmc-en
    python studies/taggers.py ../shared/data --out results/taggers --work WORK

The first argument is what ``OCR_NEURONS_DATA`` would name. Each tagger stays in ``--work`` and is trained once, so that
a second call goes on; ``--jobs`` takes those of these names, or
whose names begin so. Dev is looked at for stopping and choosing; test is
scored once for each tagger. The page shows what is done so far, and says what is not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json, write_text
from ocr_neurons.common.progress import Reporter
from ocr_neurons.config import Config
from ocr_neurons.lm.load import pick_device, pick_dtype, resolve
from ocr_neurons.ner.model import CARD, load_tagger
from ocr_neurons.ner.recipe import recipe
from ocr_neurons.report.phrase import p_cell
from ocr_neurons.score import evaluate, f1_interval
from ocr_neurons.score.intervals import paired_differences
from ocr_neurons.steps import train_tagger
from ocr_neurons.text.datasets import Dataset, load_dataset
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import read_hipe, write_hipe


def short(data: str) -> str:
    """A data set's name as it stands in folders."""
    return data.removeprefix("hipe2022:").replace(":", "-")


@dataclass(frozen=True)
class Job:
    """One row of the table: a recipe on a data set, from a model."""

    data: str
    model: str = "smollm2"
    recipe: str = "default"
    changes: dict[str, Any] = field(default_factory=dict)
    label: str = ""

    @property
    def how(self) -> str:
        """The recipe's name, or that of the changes to it."""
        return self.label or self.recipe

    @property
    def name(self) -> str:
        """As it stands in folders and on the command line."""
        return f"{short(self.data)}-{self.model}-{self.how}"


EN, FR, DE = "hipe2022:ajmc-en", "hipe2022:ajmc-fr", "hipe2022:ajmc-de"
VARIANTS: dict[str, dict[str, Any]] = {
    "long": {"epochs": 8, "batch_tokens": 1024},
    "long-dropout": {"epochs": 8, "batch_tokens": 1024, "dropout": 0.1},
    "long-fast": {"epochs": 8, "batch_tokens": 1024, "learning_rate": 1e-3},
    "long-slow": {"epochs": 8, "learning_rate": 2.5e-4},
    "long-context": {"epochs": 8, "batch_tokens": 1024, "max_length": 512, "context": 64},
    "long-noise": {"epochs": 8, "batch_tokens": 1024, "noise_share": 0.3},
    "rank-64": {"rank": 64, "alpha": 128},
}
"""Changes to the default recipe, tried for the aims: what they do on dev decides."""
JOBS = (
    *(Job(EN, recipe=name) for name in ("default", "causal", "repeat", "paper", "noise")),
    *(Job(EN, changes=changes, label=label) for label, changes in VARIANTS.items()),
    *(Job(data) for data in ("gazette", DE, FR, "hipe2022:topres19th-en", "hipe2020:de")),
    Job("hipe2022:topres19th-en", changes=VARIANTS["long"], label="long"),
    *(Job(data, recipe="noise") for data in ("gazette", "hipe2020:de")),
    *(Job(data, recipe="stable") for data in ("gazette", EN)),
    Job("gazette", changes={"epochs": 4}, label="short"),
    *(Job(data, "gemma270m") for data in (FR, DE, "hipe2020:de")),
    *(Job(data, "minilm", "encoder") for data in (EN, "gazette", "hipe2022:topres19th-en")),
)
AIMS = {EN: (0.80, "0.736 and 0.854"), "hipe2022:topres19th-en": (0.74, "0.764 and 0.787")}
"""The strict F1 aimed at on test, and the 2022 lab's neural baseline and best."""


def main() -> int:
    """Train what is missing, write the page; 2 for bad input."""
    args = _arguments()
    os.environ["OCR_NEURONS_DATA"] = str(args.folder)
    try:
        chosen = [job for job in JOBS if not args.jobs or job.name in args.jobs]
        chosen = chosen or [job for job in JOBS if job.name.startswith(tuple(args.jobs))]
        for seed in args.seeds:  # every job once before any a second time
            for job in chosen:
                _one(job, seed, args)
                _page(args)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _one(job: Job, seed: int, args: argparse.Namespace) -> None:
    place = args.work / job.name / f"seed-{seed}"
    if (place / "scores.json").exists():
        return
    reporter = Reporter()
    reporter.say(f"{job.name}, seed {seed} …")
    device, dataset = pick_device(args.device), load_dataset(job.data)
    how = recipe(job.recipe, **job.changes)
    dtype = pick_dtype(args.dtype, device)
    dataset.require("train")
    resolve(job.model, accept_licence=args.accept_licence)
    if not (place / "tagger" / CARD).exists():
        config = Config(data=job.data, model=job.model, seed=seed)
        card = train_tagger(config, dataset, how, place / "tagger", dtype, device, reporter)
        write_json(place / "training.json", {"seconds": card["seconds"]})
    write_json(place / "scores.json", _scores(job, dataset, place, dtype, device, seed))


def _scores(job: Job, dataset: Dataset, place: Path, dtype: Any, device: Any, seed: int) -> dict[str, Any]:  # noqa: ANN401
    tagger = load_tagger(place / "tagger", dtype=dtype, device=device)
    found: dict[str, Any] = {"job": job.name, "seed": seed, "dtype": str(dtype).removeprefix("torch.")}
    found["seconds"] = read_json(place / "training.json", "seconds of training").get("seconds")
    for split in ("dev", "test"):
        gold = dataset.require(split)
        tagged = tagger.tag(gold)
        write_hipe(place / f"{split}.tsv", tagged)
        scores = evaluate(gold, tagged)
        found[split] = {
            mode: {"f1": scores.total(mode).f1, "ci95": f1_interval(scores, mode)} for mode in ("strict", "fuzzy")
        } | {"documents": len(gold)}
    return found


def _page(args: argparse.Namespace) -> None:
    """Write what is done so far."""
    found: list[tuple[Job, list[dict[str, Any]]]] = []
    for job in JOBS:
        done = sorted((args.work / job.name).glob("seed-*/scores.json"))
        found.append((job, [json.loads(path.read_text()) for path in done]))
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "scores.json", {job.name: rows for job, rows in found if rows})
    lines = [
        "# Taggers", "",
        f"`python studies/taggers.py ../shared/{args.folder.name} --out results/{args.out.name} --work WORK`", "",
        "F1 in points, [95 % interval over documents] of one seed, mean ± standard deviation over several seeds. "
        "Recipes: `ocr-neurons train --help`. Minutes of training as they passed, other work beside most: bfloat16 is "
        "a graphics card with 15 other jobs on it, float32 two cores. "
        "Test was scored once for each tagger; nothing was chosen on it.",
        "", "| data | model | recipe | seeds | precision | dev strict | test strict | test fuzzy | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for job, rows in found:
        if rows:
            minutes = statistics.mean(row["seconds"] for row in rows) / 60
            cells = [_cell(rows, *what) for what in (("dev", "strict"), ("test", "strict"), ("test", "fuzzy"))]
            precision = ", ".join(sorted({row["dtype"] for row in rows}))
            head = f"| {job.data} | {job.model} | {job.how} | {len(rows)} | {precision} |"
            lines.append(f"{head} {' | '.join(cells)} | {minutes:.0f} |")
    left = [job.name for job, rows in found if not rows]
    lines += ["", *_aims(found), *_paired(found, args.work)]
    lines += ["", f"Not trained yet: {', '.join(left)}."] if left else []
    write_text(args.out / "README.md", "\n".join(lines) + "\n")


def _cell(rows: list[dict[str, Any]], split: str, mode: str) -> str:
    values = [100 * row[split][mode]["f1"] for row in rows]
    if len(values) > 1:
        return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"
    low, high = rows[0][split][mode]["ci95"]
    return f"{values[0]:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _aims(found: list[tuple[Job, list[dict[str, Any]]]]) -> list[str]:
    """For each aim the recipe that was best on dev, and how far its test score is from it."""
    lines = []
    for data, (aim, lab) in AIMS.items():
        done = [(job, rows) for job, rows in found if rows and job.data == data]
        if done:
            job, rows = max(done, key=lambda one: statistics.mean(row["dev"]["strict"]["f1"] for row in one[1]))
            reached = statistics.mean(row["test"]["strict"]["f1"] for row in rows)
            lines.append(
                f"- {data}: best on dev is {job.model}, {job.how}: {100 * reached:.1f} strict on test, aim "
                f"{100 * aim:.0f}, {'reached' if reached >= aim else f'{100 * (aim - reached):.1f} short'} "
                f"(the 2022 lab's neural baseline and best: {lab})."
            )
    return lines


def _paired(found: list[tuple[Job, list[dict[str, Any]]]], work: Path) -> list[str]:
    """Each tagger beside the default one of its data and seed, paired by document; then several seeds together."""
    lines = []
    seeds = {job.name: [row["seed"] for row in rows] for job, rows in found}
    for job, _ in found:
        plain = Job(job.data).name
        common = [seed for seed in seeds[job.name] if seed in seeds.get(plain, ())] if job.name != plain else []
        groups = [[seed] for seed in common] + ([common] if len(common) > 1 else [])
        for group in groups:
            told = []
            for split in ("dev", "test"):
                gold = load_dataset(job.data).require(split)
                one, other = (_counts(gold, work / name, group, split)[:, None] for name in (job.name, plain))
                change = paired_differences(one, other, 10_000, 0)[0]
                low, high = 100 * change.low, 100 * change.high
                told.append(f"{100 * change.f1:+.1f} [{low:.1f}, {high:.1f}] | {p_cell(change.p)}")
            which = " + ".join(map(str, group))
            lines.append(f"| {job.data} | {job.model}, {job.how} | {which} | {' | '.join(told)} |")
    if not lines:
        return []
    return [
        "", "Strict F1 minus that of smollm2, default, of the same seed, paired by document, not corrected for their "
        "number. Several seeds: their counts added up in each document, so the interval speaks of other documents, and "
        "less of the luck of one training:",
        "", "| data | tagger | seed | dev | p | test | p |", "|---|---|---|---|---|---|---|", *lines,
    ]  # fmt: skip


def _counts(gold: Sequence[Document], folder: Path, seeds: list[int], split: str) -> NDArray[np.int64]:
    """``[documents, 3]``: true and false positives and false negatives, strict, added up over seeds."""
    files = [folder / f"seed-{seed}" / f"{split}.tsv" for seed in seeds]
    table: NDArray[np.int64] = np.sum(
        [evaluate(gold, read_hipe(file)).document_totals("strict") for file in files], axis=0
    )
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds hipe2022-v2.1 and hipe2020-v1.4")
    parser.add_argument("--out", type=Path, required=True, help="where the results go")
    parser.add_argument("--work", type=Path, required=True, help="where taggers and their scores are kept")
    parser.add_argument("--jobs", nargs="*", help="only those of these names, or whose names begin so")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--accept-licence", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
