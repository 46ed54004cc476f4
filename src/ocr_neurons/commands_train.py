"""What the ``train`` command does: read, train one tagger a seed, say what came of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocr_neurons.common.arguments import checked
from ocr_neurons.common.progress import Reporter
from ocr_neurons.common.ranges import numbers

if TYPE_CHECKING:
    from ocr_neurons.ner.recipe import Recipe


def options(parser: argparse.ArgumentParser) -> None:
    """The options of ``train``."""
    parser.add_argument("data", help="data set, folder or file")
    parser.add_argument("--model", default="smollm2", help="model to start from (default smollm2)")
    parser.add_argument("--recipe", default="default", help="default, causal, repeat, paper, encoder, noise or stable")
    parser.add_argument("--config", type=Path, help="settings in TOML; its [train] section is used, not --recipe")
    parser.add_argument("--epochs", type=int, help="passes over the training data")
    parser.add_argument(
        "--patience", type=int, help="end after so many epochs that are no better on dev; keep the best"
    )
    parser.add_argument("--noise", help="noise model of recipes that train on noise: en, fr, de, or a file")
    parser.add_argument("--edit", type=Path, help="edit (edit.json) that is active while the tagger is trained")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=checked(seeds), help="train one tagger for each of, such as 1-3")
    parser.add_argument("--report-to", default="", help="loggers of the Trainer, such as tensorboard or wandb")
    parser.add_argument("--out", type=Path, required=True, help="tagger's folder to write; with --seeds, of folders")


def train(args: argparse.Namespace) -> None:
    """``train``: a tagger's folder, or one for each of several seeds."""
    from ocr_neurons.common.manifest import digest
    from ocr_neurons.lm.load import pick_device, pick_dtype, resolve
    from ocr_neurons.ner.train import train as make
    from ocr_neurons.neutralise.edits import Edits
    from ocr_neurons.noise.training import training_noise
    from ocr_neurons.text.datasets import load_dataset

    reporter = Reporter(args.quiet)
    device = pick_device(args.device)
    recipe = chosen_recipe(args)
    dataset = load_dataset(args.data)
    dataset.require("train")
    edit = Edits.load(args.edit) if args.edit else None
    facts: dict[str, Any] = {"edit": digest(edit.to_json())} if edit else {}
    resolve(args.model, accept_licence=args.accept_licence, say=reporter.say)
    for seed, out in places(args):
        card = make(
            dataset.train, args.model, out, dev=dataset.dev, recipe=recipe,
            corrupt=training_noise(recipe.noise, dataset) if recipe.noise_share else None,
            during=edit.on if edit else None, seed=seed, dtype=pick_dtype(args.dtype, device), device=device,
            data=args.data, facts=facts, report_to=args.report_to, reporter=reporter,
        )  # fmt: skip
        best = f", strict F1 on dev {max(card['dev_f1']):.3f}" if "dev_f1" in card else ""
        reporter.say(f"tagger of {len(card['labels'])} labels in {card['seconds']:.0f} s{best}: {out}")


def chosen_recipe(args: argparse.Namespace) -> Recipe:
    """The recipe by name or from the settings, with what the command line changes."""
    from dataclasses import replace

    from ocr_neurons.config import load_config
    from ocr_neurons.ner.recipe import recipe

    chosen = load_config(args.config).train if args.config else recipe(args.recipe)
    given = {"epochs": args.epochs, "patience": args.patience, "noise": args.noise}
    return replace(chosen, **{name: value for name, value in given.items() if value is not None})


def places(args: argparse.Namespace) -> list[tuple[int, Path]]:
    """Each seed and the folder of its tagger."""
    if args.seeds is None:
        return [(args.seed, args.out)]
    return [(seed, args.out / f"seed-{seed}") for seed in args.seeds]


def seeds(given: str) -> tuple[int, ...]:
    """Seeds such as ``1-3``; a UserError for anything else."""
    return numbers(given, "seeds")
