"""Taggers on real data: recipes beside one another, then one recipe over data sets and models, several seeds each.

    python studies/taggers.py ../shared/data --out results/taggers --work WORK --jobs ajmc-en
    python studies/taggers.py ../shared/data --out results/taggers --work WORK

The first argument is what ``OCR_NEURONS_DATA`` would name. Each tagger stays in ``--work`` and is trained once, so that
a second call goes on; ``--jobs`` takes those of these names, or
whose names begin so. Dev is looked at for stopping and choosing; test is
scored once for each tagger. The page shows what is done so far, and says what is not. Rows that ``--out`` holds and
``--work`` does not (trained on another machine) stay: ``scores.json`` keeps what the page needs of each.
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
import torch

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
from ocr_neurons.text.hipe_tsv import write_hipe


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
    found["device"] = torch.device(device).type
    found["seconds"] = read_json(place / "training.json", "seconds of training").get("seconds")
    for split in ("dev", "test"):
        gold = dataset.require(split)
        tagged = tagger.tag(gold)
        write_hipe(place / f"{split}.tsv", tagged)
        scores = evaluate(gold, tagged)
        found[split] = {
            mode: {"f1": scores.total(mode).f1, "ci95": f1_interval(scores, mode)} for mode in ("strict", "fuzzy")
        } | {"documents": len(gold), "counts": scores.document_totals("strict").tolist()}
    return found


def _page(args: argparse.Namespace) -> None:
    """Write what is done so far."""
    kept = _kept(args.out / "scores.json")
    found = [(job, _rows(args.work / job.name, kept["rows"].get(job.name, []))) for job in JOBS]
    paired = _paired(found, kept["paired"])
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "scores.json", {"rows": {job.name: rows for job, rows in found if rows}, "paired": paired})
    lines = [
        "# Taggers", "",
        f"`python studies/taggers.py ../shared/{args.folder.name} --out results/{args.out.name} --work WORK`", "",
        "F1 in points, [95 % interval over documents]; of several seeds mean ± standard deviation, and the mean ends "
        "of their intervals, as one tagger has them. Recipes: `ocr-neurons train --help`, and below. Minutes of "
        "training as they passed: on cuda a graphics card with 15 other jobs on it, on cpu two cores, at times beside "
        "other work. Test was scored once for each tagger; nothing was chosen on it.",
        "", "| data | model | recipe | seeds | on | dev strict | test strict | test fuzzy | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for job, rows in found:
        if rows:
            minutes = "/".join(sorted({f"{row['seconds'] / 60:.0f}" for row in rows}, key=int))
            cells = [_cell(rows, *what) for what in (("dev", "strict"), ("test", "strict"), ("test", "fuzzy"))]
            where = "; ".join(sorted({f"{row['device']}, {row['dtype']}" for row in rows}))
            head = f"| {job.data} | {job.model} | {job.how} | {len(rows)} | {where} |"
            lines.append(f"{head} {' | '.join(cells)} | {minutes} |")
    left = [job.name for job, rows in found if not rows]
    lines += ["", *_aims(found), *_tried(found), *_paired_lines(paired)]
    lines += ["", f"Not trained yet: {', '.join(left)}."] if left else []
    write_text(args.out / "README.md", "\n".join(lines) + "\n")


def _kept(path: Path) -> dict[str, Any]:
    """What an earlier page was made of; empty where there is none.

    Raises:
        UserError: the file is of an earlier version of this script.
    """
    if not path.exists():
        return {"rows": {}, "paired": []}
    found: dict[str, Any] = read_json(path, "scores of taggers")
    if found.keys() != {"rows", "paired"}:
        raise UserError(f"{path}: holds {', '.join(found)}; wanted rows and paired; choose another --out")
    return found


def _rows(folder: Path, kept: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of a job by seed; what stands in ``folder`` goes before what was kept."""
    done = [{"device": "?"} | json.loads(path.read_text()) for path in folder.glob("seed-*/scores.json")]
    return sorted({row["seed"]: row for row in [*kept, *done]}.values(), key=lambda row: int(row["seed"]))


def _cell(rows: list[dict[str, Any]], split: str, mode: str) -> str:
    values = [100 * row[split][mode]["f1"] for row in rows]
    low, high = (100 * statistics.mean(row[split][mode]["ci95"][end] for row in rows) for end in (0, 1))
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread} [{low:.1f}, {high:.1f}]"


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


NAMED = ("repeat", "default")


def _tried(found: list[tuple[Job, list[dict[str, Any]]]]) -> list[str]:
    """What the recipes are that have no name in the program, and why the default one stands for the best elsewhere."""
    done = {job.how: rows for job, rows in found if rows and job.data == EN and job.model == "smollm2"}
    named = [
        f"`{label}` ({', '.join(f'{key} = {value:g}' for key, value in changes.items())})"
        for label, changes in VARIANTS.items() if label in done
    ]  # fmt: skip
    lines = [f"- Tried for the aim of {EN}, changes to the default recipe, judged on dev: {'; '.join(named)}."]
    others = {job.data for job, rows in found if rows and job.how == "repeat"} - {EN}
    elsewhere = (
        ""
        if others
        else " It was not trained on the other data: what the tables of this project say of edits is said of `default`."
    )
    if done.keys() >= set(NAMED):
        twice, once = ([_cell(done[name], split, "strict") for split in ("dev", "test")] for name in NAMED)
        lines.append(
            f"- `repeat` reads each text twice, so it costs twice as much; on {EN} it has {twice[0]} on dev and "
            f"{twice[1]} on test, `default` {once[0]} and {once[1]}.{elsewhere}"
        )
    return lines


def _paired(found: list[tuple[Job, list[dict[str, Any]]]], kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each tagger beside the default one of its data and seed, paired by document; then several seeds together.

    Rows hold the counts of their documents since this was written. Of older ones what was compared before stays, as
    long as both are those rows.
    """
    known = [one for one in kept if one["job"] in {job.name for job, _ in found}]
    rows = {job.name: {row["seed"]: row for row in done} for job, done in found}
    compared = []
    for job, _ in found:
        ours, theirs = rows[job.name], rows.get(Job(job.data).name, {}) if job.name != Job(job.data).name else {}
        common = sorted(ours.keys() & theirs.keys())
        counted = [seed for seed in common if "counts" in ours[seed]["test"] and "counts" in theirs[seed]["test"]]
        for group in [[seed] for seed in counted] + ([counted] if len(counted) > 1 else []):
            sides = [[side[seed] for seed in group] for side in (ours, theirs)]
            changes = {split: _change(sides, split) for split in ("dev", "test")}
            compared.append({"job": job.name, "seeds": group, **changes})
        compared += [
            one for one in known
            if one["job"] == job.name
            and all(seed in common and "counts" not in ours[seed]["test"] for seed in one["seeds"])
            and all("counts" not in theirs[seed]["test"] for seed in one["seeds"])
        ]  # fmt: skip
    return compared


def _change(sides: list[list[dict[str, Any]]], split: str) -> dict[str, float]:
    """Strict F1 of one side minus that of the other in points, from counts of documents added up over seeds."""
    one, other = (np.sum([row[split]["counts"] for row in side], axis=0)[:, None] for side in sides)
    change = paired_differences(one, other, 10_000, 0)[0]
    return {"f1": 100 * change.f1, "low": 100 * change.low, "high": 100 * change.high, "p": change.p}


def _paired_lines(paired: list[dict[str, Any]]) -> list[str]:
    jobs = {job.name: job for job in JOBS}
    lines = []
    for one in paired:
        job, seeds = jobs[one["job"]], " + ".join(map(str, one["seeds"]))
        lines.append(
            f"| {job.data} | {job.model}, {job.how} | {seeds} | {_cells(one['dev'])} | {_cells(one['test'])} |"
        )
    if not lines:
        return []
    return [
        "", "Strict F1 minus that of smollm2, default, of the same seed, paired by document, not corrected for their "
        "number. Several seeds: their counts added up in each document, so the interval speaks of other documents, and "
        "less of the luck of one training. Of taggers whose counts were not kept only what was compared then:",
        "", "| data | tagger | seed | dev | p | test | p |", "|---|---|---|---|---|---|---|", *lines,
    ]  # fmt: skip


def _cells(change: dict[str, float]) -> str:
    return f"{change['f1']:+.1f} [{change['low']:.1f}, {change['high']:.1f}] | {p_cell(change['p'])}"


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
