"""What each command does: read, call one room, write. Heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter

if TYPE_CHECKING:
    import torch

    from ocr_neurons.config import Config
    from ocr_neurons.ner.tagger import Tagger


def run_job(args: argparse.Namespace) -> None:
    """``run``: the main job."""
    from ocr_neurons.config import Config, load_config
    from ocr_neurons.run import run

    config = load_config(args.config) if args.config else Config()
    config = config.changed(data=args.data, model=args.model, seed=args.seed, device=args.device, dtype=args.dtype)
    out = args.out or Path("runs") / run_name(config)
    summary = run(config, out, Reporter(args.quiet), accept_licence=args.accept_licence)
    if args.quiet:
        print(summary["verdict"])


def run_name(config: Config) -> str:
    """The data's name, with model and seed where they are not the default ones, so that runs stay apart."""
    usual = type(config)()
    name = Path(config.data).name.replace(":", "-") or "run"
    name += f"-{Path(config.model).name}" if config.model != usual.model else ""
    return name + (f"-seed-{config.seed}" if config.seed != usual.seed else "")


def pairs(args: argparse.Namespace) -> None:
    """``pairs``: clean and noisy words into a file."""
    from ocr_neurons.noise.kinds import pairs_noise
    from ocr_neurons.noise.words import bins_by_level, word_pairs
    from ocr_neurons.text.datasets import SPLITS, load_dataset
    from ocr_neurons.text.pairs import write_pairs

    dataset = load_dataset(args.data)
    alone = not args.split and not dataset.train and not dataset.dev  # a file, all of which is test
    split = "test" if alone else args.split or "train"
    if not dataset.split(split):
        have = ", ".join(name for name in SPLITS if dataset.split(name)) or "none"
        raise UserError(f"data set {dataset.name}: no {split} split; it has {have}: choose one with --split")
    documents = dataset.clean_text(split)
    noise = pairs_noise(args.noise, args.protocol, documents)
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


def formats(given: str) -> tuple[str, ...]:
    """Formats of figures such as ``svg,pdf``; a UserError for others."""
    from ocr_neurons.report.files import formats

    return formats(given)


def report(args: argparse.Namespace) -> None:
    """``report``: the page of a run, or of several side by side; figures and tables for papers."""
    from ocr_neurons.report.figures import write_figures, write_run_tables
    from ocr_neurons.report.page import strategies_of, write_report
    from ocr_neurons.tagging.found import is_tagged

    if args.format and not args.figures:
        raise UserError("--format given without --figures; wanted a folder for the figures, such as --figures figures")
    wanted = tuple(dict.fromkeys(args.format)) or ("png",)
    if args.out and args.out.is_file() and args.out.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--out {args.out}: is there and no page; wanted a name that ends in .html, or a folder")
    for option, folder in (("--figures", args.figures), ("--tables", args.tables)):
        if folder and folder.exists() and not folder.is_dir():
            raise UserError(f"{option} {folder}: is a file; wanted a folder")
    if len(args.runs) > 1:
        _compare(args, wanted)
        return
    (run,) = args.runs
    if is_tagged(run):
        _tagged(run, args)
        return
    if not (run / "summary.json").is_file():
        raise UserError(f"{run}: no summary.json in it; wanted the folder of a finished `ocr-neurons run`")
    strategies = strategies_of(run, args.strategies)
    reporter = Reporter(args.quiet)
    page = write_report(run, args.out, args.strategies)
    if args.figures:
        write_figures(run, args.figures, wanted, strategies)
        reporter.say(f"figures: {args.figures}")
    if args.tables:
        write_run_tables(run, args.tables, strategies)
        reporter.say(f"tables: {args.tables}")
    reporter.say(f"report: {page}")


def _tagged(folder: Path, args: argparse.Namespace) -> None:
    from ocr_neurons.tagging.page import write_page

    if args.figures or args.tables or args.strategies:
        raise UserError(
            f"{folder}: a tagged folder, which has a page alone; leave out --figures, --tables, --strategies"
        )
    Reporter(args.quiet).say(f"report: {write_page(folder, args.out)}")


def _compare(args: argparse.Namespace, wanted: tuple[str, ...]) -> None:
    from ocr_neurons.report.runs_page import write_comparison, write_comparison_figures, write_comparison_tables

    if args.out is None:
        raise UserError(f"{len(args.runs)} run folders given; wanted --out FILE.html for the page that compares them")
    if args.strategies:
        raise UserError("--strategies given with several runs; wanted one run to show them with")
    reporter = Reporter(args.quiet)
    page = write_comparison(args.runs, args.out)
    if args.figures:
        write_comparison_figures(args.runs, args.figures, wanted)
        reporter.say(f"figures: {args.figures}")
    if args.tables:
        write_comparison_tables(args.runs, args.tables)
        reporter.say(f"tables: {args.tables}")
    reporter.say(f"comparison: {page}")


def _machine(args: argparse.Namespace) -> tuple[torch.device, torch.dtype]:
    from ocr_neurons.lm.load import pick_device, pick_dtype

    device = pick_device(args.device)
    return device, pick_dtype(args.dtype, device)


def _tagger(folder: Path, args: argparse.Namespace) -> Tagger:
    from ocr_neurons.ner.model import load_tagger

    device, dtype = _machine(args)
    return load_tagger(folder, dtype=dtype, device=device)
