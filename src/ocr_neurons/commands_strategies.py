"""The ``strategies`` command: its options; what helps a tagger against OCR noise."""

from __future__ import annotations

import argparse
from pathlib import Path

from ocr_neurons.common.arguments import folder_to_write
from ocr_neurons.common.progress import Reporter


def options(parser: argparse.ArgumentParser) -> None:
    """The options of ``strategies``."""
    parser.add_argument("model", help="tagger's folder, or a model to train the plain tagger from")
    parser.add_argument("data", help="data set with train, dev and test; clean twins are used where there are any")
    parser.add_argument("--out", type=folder_to_write, required=True, help="folder to write; given again, it goes on")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="NAME", help="these alone, such as damp noise (default all)"
    )
    parser.add_argument(
        "--join", nargs="+", type=Path, default=(), metavar="FOLDER",
        help="take over what was made in these: --out of calls for the same tagger and data with other --only",
    )  # fmt: skip
    parser.add_argument("--config", type=Path, help="settings in TOML; [strategies], and those of a run but [sweep]")
    parser.add_argument(
        "--seed", type=int, help="decides all that is random (default 1), but a given tagger's card how others train"
    )


def strategies(args: argparse.Namespace) -> None:
    """``strategies``: a folder; the table and the recommendation on the screen."""
    from ocr_neurons.config import Config, load_config
    from ocr_neurons.strategies.job import compare_strategies
    from ocr_neurons.strategies.page import screen

    config = load_config(args.config) if args.config else Config()
    config = config.changed(model=args.model, data=args.data, seed=args.seed, device=args.device, dtype=args.dtype)
    found = compare_strategies(
        config, args.out, Reporter(args.quiet), only=args.only, join=args.join, accept_licence=args.accept_licence
    )
    print(found["recommendation"] if args.quiet else screen(found))
