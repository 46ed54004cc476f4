"""What each command does: read, call one room, write. Heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter

if TYPE_CHECKING:
    import torch

    from ocr_neurons.ner.tagger import Tagger


def run_job(args: argparse.Namespace) -> None:
    """``run``: the main job."""
    from ocr_neurons.config import Config, load_config
    from ocr_neurons.run import run

    config = load_config(args.config) if args.config else Config()
    config = config.changed(data=args.data, model=args.model, seed=args.seed, device=args.device, dtype=args.dtype)
    name = Path(config.data).name.replace(":", "-") or "run"
    out = args.out or Path("runs") / name
    summary = run(config, out, Reporter(args.quiet), accept_licence=args.accept_licence)
    if args.quiet:
        print(summary["verdict"])


def data(args: argparse.Namespace) -> None:
    """``data``: names, or the contents of one data set."""
    from ocr_neurons.text.datasets import dataset_names, describe, load_dataset

    if args.action == "list":
        for name in dataset_names():
            print(name)
        return
    if not args.name:
        raise UserError("data show: no data set given; name one, such as gazette")
    print(json.dumps(describe(load_dataset(args.name)), ensure_ascii=False, indent=1))


def pairs(args: argparse.Namespace) -> None:
    """``pairs``: clean and noisy words into a file."""
    from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
    from ocr_neurons.noise.words import bins_by_level, word_pairs
    from ocr_neurons.text.datasets import load_dataset
    from ocr_neurons.text.pairs import write_pairs

    noise = None if args.noise == "paper" else NoiseMaker(load_noise(args.noise))
    dataset = load_dataset(args.data)
    split = args.split if dataset.split(args.split) else "test"
    documents = dataset.clean_text(split)
    unchanged: list[str] = []
    made = word_pairs(
        documents, protocol=args.protocol, words=args.words, seed=args.seed, parts=args.parts, noise=noise,
        unchanged=unchanged,
    )  # fmt: skip
    write_pairs(args.out, made)
    reporter = Reporter(args.quiet)
    reporter.say(f"{len(made)} pairs from {split} of {dataset.name}: {args.out}")
    for level, bins in bins_by_level(made).items():
        reporter.say(f"  {level}: " + ", ".join(f"{count} {name}" for name, count in bins.items()) + " similarity")
    if unchanged:
        reporter.say(f"  {len(unchanged)} words that the noise never changed left out, such as {unchanged[0]}")


def train(args: argparse.Namespace) -> None:
    """``train``: a tagger's folder."""
    from dataclasses import replace

    from ocr_neurons.config import Config, load_config
    from ocr_neurons.lm.load import resolve
    from ocr_neurons.ner.train import train as make
    from ocr_neurons.text.datasets import load_dataset

    reporter = Reporter(args.quiet)
    device, dtype = _machine(args)
    recipe = (load_config(args.config) if args.config else Config()).train
    if args.epochs is not None:
        recipe = replace(recipe, epochs=args.epochs)
    documents = load_dataset(args.data).require("train")
    resolve(args.model, accept_licence=args.accept_licence, say=reporter.say)
    card = make(
        documents, args.model, args.out, recipe=recipe, seed=args.seed, dtype=dtype, device=device, data=args.data,
        reporter=reporter,
    )  # fmt: skip
    reporter.say(f"tagger of {len(card['labels'])} labels in {card['seconds']:.0f} s: {args.out}")


def tag(args: argparse.Namespace) -> None:
    """``tag``: predictions into a file."""
    from contextlib import nullcontext

    from ocr_neurons.neutralise.edit import Edit
    from ocr_neurons.text.hipe_tsv import read_hipe, write_hipe

    documents = [document for path in args.files for document in read_hipe(path)]
    edit = Edit.load(args.edit) if args.edit else None
    tagger = _tagger(args.tagger, args)
    reporter = Reporter(args.quiet)
    with edit.on(tagger.model) if edit else nullcontext():
        tagged = tagger.tag(documents, reporter)
    write_hipe(args.out, tagged)
    count = sum(len(document.entities()) for document in tagged)
    reporter.say(f"{count} entities in {len(tagged)} documents: {args.out}")


def score(args: argparse.Namespace) -> None:
    """``score``: a table, or JSON."""
    from ocr_neurons.score import table
    from ocr_neurons.score.bins import recall_by_led
    from ocr_neurons.score.evaluate import evaluate
    from ocr_neurons.score.intervals import compare
    from ocr_neurons.text.hipe_tsv import read_hipe

    gold, predicted = read_hipe(args.gold), read_hipe(args.pred)
    scores = evaluate(gold, predicted)
    bins = recall_by_led(gold, predicted, seed=args.seed) if args.noise_bins else None
    difference = compare(scores, evaluate(gold, read_hipe(args.against)), seed=args.seed) if args.against else None
    if args.json:
        value = table.to_dict(scores, seed=args.seed)
        value |= {"noise_bins": table.bins_to_dict(bins)} if bins else {}
        value |= {"difference": table.difference_to_dict(difference)} if difference else {}
        print(json.dumps(value, ensure_ascii=False, indent=1))
        return
    print(table.score_table(scores, seed=args.seed), end="")
    if bins:
        print("\n" + table.bin_table(bins), end="")
    if difference:
        print(f"\n{args.pred} - {args.against}, strict: {table.difference_text(difference)}")


def bake(args: argparse.Namespace) -> None:
    """``bake``: a plain checkpoint with the edit folded in."""
    from ocr_neurons.ner.model import save_whole
    from ocr_neurons.neutralise.edit import Edit

    edit = Edit.load(args.edit)
    tagger = _tagger(args.tagger, args)
    tagger.model = edit.bake(tagger.model)
    save_whole(tagger, args.out, {"edit": edit.to_json() | {"neurons": edit.neurons.count}})
    Reporter(args.quiet).say(f"{edit.neurons.count} neurons times {edit.factor:g} folded in: {args.out}")


def report(args: argparse.Namespace) -> None:
    """``report``: the page of a run."""
    from ocr_neurons.report.figures import write_figures
    from ocr_neurons.report.page import write_report

    if not (args.run / "summary.json").is_file():
        raise UserError(f"{args.run}: no summary.json in it; wanted the folder of a finished `ocr-neurons run`")
    page = write_report(args.run, args.out)
    if args.figures:
        write_figures(args.run, args.figures)
    Reporter(args.quiet).say(f"report: {page}")


def _machine(args: argparse.Namespace) -> tuple[torch.device, torch.dtype]:
    from ocr_neurons.lm.load import pick_device, pick_dtype

    device = pick_device(args.device)
    return device, pick_dtype(args.dtype, device)


def _tagger(folder: Path, args: argparse.Namespace) -> Tagger:
    from ocr_neurons.ner.model import load_tagger

    device, dtype = _machine(args)
    return load_tagger(folder, dtype=dtype, device=device)
