"""What the ``train`` command does: read, train one tagger a seed, say what came of it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocr_neurons.common.arguments import checked, folder_to_write
from ocr_neurons.common.errors import UserError
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
    parser.add_argument(
        "--epochs", type=int, help="passes over the training data (default: the recipe's; 0: by the size of the data)"
    )
    parser.add_argument(
        "--patience", type=int, help="end after so many epochs that are no better on dev; keep the best"
    )
    parser.add_argument("--noise", help="noise model of recipes that train on noise: en, fr, de, or a file")
    parser.add_argument("--edit", type=Path, help="edit (edit.json) that is active while the tagger is trained")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seed", type=int, default=1)
    which.add_argument("--seeds", type=checked(seeds), help="train one tagger for each of, such as 1-3")
    parser.add_argument("--report-to", default="", help="loggers of the Trainer, such as tensorboard or wandb")
    parser.add_argument(
        "--out", type=folder_to_write, required=True, help="tagger's folder to write; with --seeds, of folders"
    )


def train(args: argparse.Namespace) -> None:
    """``train``: a tagger's folder, or one for each of several seeds; what is there already is not made again."""
    from dataclasses import asdict

    from ocr_neurons.common.manifest import digest
    from ocr_neurons.lm.load import pick_device, pick_dtype, resolve
    from ocr_neurons.ner.base import BASE, HASH, base_facts
    from ocr_neurons.ner.train import train as make
    from ocr_neurons.ner.trainer import check_loggers
    from ocr_neurons.neutralise.edits import Edits
    from ocr_neurons.noise.training import noise_file, training_noise
    from ocr_neurons.text.datasets import load_dataset

    reporter = Reporter(args.quiet)
    check_loggers(args.report_to)
    device = pick_device(args.device)
    recipe = chosen_recipe(args)
    dataset = load_dataset(args.data)
    dataset.require("train")
    edit = Edits.load(args.edit) if args.edit else None
    facts: dict[str, Any] = {"data_hash": dataset.digest()}
    facts |= {"edit": digest(edit.to_json())} if edit else {}
    facts |= {"noise_hash": noise_file(recipe.noise)} if recipe.noise_share else {}
    source = resolve(args.model, accept_licence=args.accept_licence, say=reporter.say)
    dtype = pick_dtype(args.dtype, device)
    settled = asdict(recipe.settled(dataset.train))
    told = {"recipe": settled, "data": args.data, "dtype": str(dtype).removeprefix("torch."), "edit": None}
    base = base_facts(args.model, source, args.out)
    told |= facts | {name: base.get(name) for name in (BASE, HASH)}
    wanted = {out: told | {"seed": seed} for seed, out in places(args)}
    done = {out for out in wanted if trained_before(out, wanted[out])}  # refuses other taggers before any work
    for seed, out in places(args):
        if out in done:
            reporter.say(f"trained before with these settings: {out}")
            continue
        card = make(
            dataset.train, args.model, out, dev=dataset.dev, recipe=recipe,
            corrupt=training_noise(recipe.noise, dataset) if recipe.noise_share else None,
            during=edit.on if edit else None, seed=seed, dtype=dtype, device=device,
            data=args.data, facts=facts, report_to=args.report_to, reporter=reporter,
        )  # fmt: skip
        best = f", strict F1 on dev {max(card['dev_f1']):.3f}" if "dev_f1" in card else ""
        reporter.say(f"tagger of {len(card['labels'])} labels in {card['seconds']:.0f} s{best}: {out}")


def trained_before(out: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether ``out`` holds a tagger that was trained with what is ``wanted``, by its card.

    Raises:
        UserError: it holds one that was trained otherwise; it is not written over.
    """
    from ocr_neurons.common.files import read_json
    from ocr_neurons.ner.model import CARD

    if not (out / CARD).is_file():
        return False
    card = read_json(out / CARD, "a tagger's card")
    card = card if isinstance(card, dict) else {}
    other = [name for name, value in wanted.items() if card.get(name) != value]
    if other:
        raise UserError(
            f"{out}: holds a tagger that was trained otherwise ({', '.join(other)}); choose another folder with --out, "
            "or remove it"
        )
    return True


def chosen_recipe(args: argparse.Namespace) -> Recipe:
    """The recipe by name or from the settings, with what the command line changes."""
    from dataclasses import replace

    from ocr_neurons.config import load_config
    from ocr_neurons.ner.recipe import recipe

    chosen = load_config(args.config).train if args.config else recipe(args.recipe)
    given = {"epochs": args.epochs, "patience": args.patience, "noise": args.noise}
    if args.noise and not chosen.noise_share:
        raise UserError(
            f"--noise {args.noise}: this recipe trains on no noise; use --recipe noise or stable, or set noise_share "
            "under [train] in --config"
        )
    return replace(chosen, **{name: value for name, value in given.items() if value is not None})


def places(args: argparse.Namespace) -> list[tuple[int, Path]]:
    """Each seed and the folder of its tagger."""
    if args.seeds is None:
        return [(args.seed, args.out)]
    return [(seed, args.out / f"seed-{seed}") for seed in args.seeds]


def seeds(given: str) -> tuple[int, ...]:
    """Seeds such as ``1-3``; a UserError for anything else."""
    return numbers(given, "seeds")
