"""What the commands of edits do: make one, fold one into a tagger."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter

if TYPE_CHECKING:
    from ocr_neurons.lm.neurons import NeuronSet
    from ocr_neurons.neutralise.edit import Edit
    from ocr_neurons.neutralise.edits import Edits
    from ocr_neurons.report.headline import Headline


def edit(args: argparse.Namespace) -> None:
    """``edit``: a set of neurons and what to do to them, into a file."""
    from ocr_neurons.lm.layers import describe
    from ocr_neurons.lm.neurons import NeuronSet
    from ocr_neurons.lm.sites import SITE, UP
    from ocr_neurons.neutralise.edits import Edits

    neurons = NeuronSet.load(args.neurons)
    if not neurons.count:
        raise UserError(f"{args.neurons}: no neurons in it; rank with --count, or by a method that chooses some")
    if neurons.site not in (SITE, UP):
        raise UserError(
            f"{args.neurons}: site {neurons.site!r} given; only neurons of {SITE!r} and {UP!r} can be edited"
        )
    if args.layers is not None:
        neurons = neurons.within(args.layers)
        if not neurons.count:
            raise UserError(f"{args.neurons}: no neurons in layers {describe(args.layers)}; choose others")
    if args.count is not None:
        if args.count < 1:
            raise UserError(f"--count {args.count} given; wanted at least 1")
        neurons = neurons.top(args.count)
    made = _made(args, neurons)
    made = made.flipped() if args.flip else made
    before = Edits.load(args.after).edits if args.after else ()
    edits = Edits([*before, made])
    edits.save(args.out)
    Reporter(args.quiet).say(f"{edits.describe()}: {args.out}")


def _made(args: argparse.Namespace, neurons: NeuronSet) -> Edit:
    from ocr_neurons.neutralise.edit import Edit
    from ocr_neurons.neutralise.operations import operation
    from ocr_neurons.probe.profile_file import load_profile
    from ocr_neurons.sweep.profile_edits import FROM_PROFILE, edit_from_profile, legacy_edit

    name = args.operation
    operation(name)
    if name == "gains":
        raise UserError("edit: gains are learned by training, which writes the edit; wanted scale, zero, mean or shift")
    if name in FROM_PROFILE or not operation(name).number:
        if args.factor is not None:
            raise UserError(f"edit: operation {name} takes no --factor")
    elif args.factor is None:
        raise UserError(f"edit: operation {name} wants a --factor, such as 0.5")
    if args.legacy and name != "scale":
        raise UserError(f"edit: --legacy with operation {name} given; the original only scales")
    if name not in FROM_PROFILE:
        if args.profile or args.strength is not None or args.group:
            raise UserError(f"edit: --profile, --strength and --group are for {' and '.join(FROM_PROFILE)}, not {name}")
        number = 1.0 if args.factor is None else args.factor
        return legacy_edit(neurons, number) if args.legacy else Edit(neurons, number, name)
    if args.profile is None:
        raise UserError(f"edit: operation {name} needs --profile, the profile that the neurons were ranked by")
    strength = 1.0 if args.strength is None else args.strength
    return edit_from_profile(neurons, load_profile(args.profile), name, strength, group=args.group)


def bake(args: argparse.Namespace) -> None:
    """``bake``: a plain checkpoint with the edit folded in, and its model card."""
    from ocr_neurons.lm.load import pick_device, pick_dtype
    from ocr_neurons.ner.heads import class_source
    from ocr_neurons.ner.model import load_tagger, save_whole
    from ocr_neurons.ner.origin import warn_of_strangers
    from ocr_neurons.neutralise.bake import bake as fold
    from ocr_neurons.neutralise.edits import Edits
    from ocr_neurons.report.model_card import Baked, model_card, reads_both_ways

    reporter, edits = Reporter(args.quiet), Edits.load(args.edit)
    scores = _scores(args, edits, reporter)
    device = pick_device(args.device, float64=True)
    tagger = load_tagger(args.tagger, dtype=pick_dtype(args.dtype, device), device=device)
    warn_of_strangers(tagger, edits.neurons, args.edit, reporter)
    tagger.model = fold(tagger.model, edits.edits, keep=False)
    dtype = str(next(tagger.model.parameters()).dtype).removeprefix("torch.")
    lifted, languages = reads_both_ways(tagger.model.config), _languages(str(tagger.info.get("data", "")))
    made = class_source(tagger.model)
    card = model_card(Baked(args.out.name, tagger.info, edits, dtype, lifted, languages, scores, made))
    done = [*tagger.info.get("edits", ()), {"description": edits.describe()}]
    file = json.dumps(edits.to_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    save_whole(tagger, args.out, {"edits": done}, {"README.md": card, "edit.json": file})
    reporter.say(f"{edits.describe()}, folded in: {args.out}")
    reporter.say("  its README.md says how plain transformers loads it" + ("" if scores else "; it states no scores"))


def _scores(args: argparse.Namespace, edits: Edits, reporter: Reporter) -> Headline | None:
    """Those of ``--run``, or of the folder of a run or a strategy that the edit lies in."""
    from ocr_neurons.report.compared import is_strategy
    from ocr_neurons.report.provenance import scores_of

    if args.run:
        return scores_of(args.run, edits, args.tagger)
    beside = args.edit.parent
    if not (beside / "summary.json").is_file() and not is_strategy(beside):
        return None
    try:
        return scores_of(beside, edits, args.tagger)
    except UserError as error:
        reporter.say(f"scores are left out of the model card: {error}")
        return None


def _languages(data: str) -> list[str]:
    """Of the documents a tagger was trained on, where they are still to be had."""
    from ocr_neurons.text.datasets import describe, load_dataset

    try:
        return [str(language) for language in describe(load_dataset(data))["languages"]] if data else []
    except UserError:
        return []
