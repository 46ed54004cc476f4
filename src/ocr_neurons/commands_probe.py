"""What the commands of probing and ranking do: read, call one room, write."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.common.ranges import numbers

if TYPE_CHECKING:
    from torch import nn

    from ocr_neurons.text.pairs import TextPair


FIRST, MOST_WORDS = 100, 5
"""So many pairs tell whether they are words or whole texts; a name may have so many words."""
BESIDE = {"control": "the placebo against clean", "contrast": "noise against the placebo, word by word"}


def probe(args: argparse.Namespace) -> None:
    """``probe``: pairs through a model, statistics into a file."""
    from ocr_neurons.probe.checkpoint import remove
    from ocr_neurons.probe.probe import Probing, probe_beside
    from ocr_neurons.probe.probe import probe as measure
    from ocr_neurons.probe.processes import place
    from ocr_neurons.probe.profile_file import load_profile, save_profile
    from ocr_neurons.probe.profiles import Profiles
    from ocr_neurons.text.formats.layout import language_code
    from ocr_neurons.text.pairs import PairFile

    if args.budget is not None and args.budget < 1:
        raise UserError(f"--budget {args.budget} given; wanted at least 1 sub-word a batch, such as 4096")
    if args.control and args.like:
        raise UserError("--control and --like given; placebos that are read beside the pairs have edges of their own")
    if args.language and args.protocol != "aligned":
        raise UserError("--language is for --protocol aligned, which cuts whole texts into words; leave it out")
    first = place()[0] == 0
    reporter = Reporter(args.quiet or not first)
    how = Probing(
        site=args.site,
        layers=args.layers,
        protocol=args.protocol,
        pool=args.pool,
        seed=args.seed,
        shard=args.shard,
        language=language_code(args.language) or args.language,
    )
    like = load_profile(args.like) if args.like else None
    pairs = PairFile(args.pairs)
    if args.protocol != "aligned":
        _check_words(pairs)
    model, tokenizer = _model(args, reporter)
    part = args.out.with_name(args.out.name + ".part")
    more: dict[str, Any] = {
        "budget": args.budget, "about": {"model": args.model}, "checkpoint": part, "reporter": reporter,
    }  # fmt: skip
    if args.control:
        found = probe_beside(model, tokenizer, pairs, PairFile(args.control), how, **more)
    else:
        found = Profiles(measure(model, tokenizer, pairs, how, like=like, **more))
    if not first:
        return
    profile = found.noise
    save_profile(profile, args.out)
    reporter.say(f"profile of {_count(profile)}, {profile.layers} layers x {profile.width} {args.site}s: {args.out}")
    for name, other in (("control", found.control), ("contrast", found.contrast)):
        if other is not None:
            path = args.out.with_name(f"{args.out.stem}-{name}{args.out.suffix}")
            save_profile(other, path)
            reporter.say(f"  {BESIDE[name]}: {path}")
    remove(part)
    for why, count in profile.about["skipped"].items():
        reporter.say(f"  {count} words left out: {why}")


def _check_words(pairs: Sequence[TextPair]) -> None:
    """Refuse whole texts where words are wanted; the first pairs decide."""
    counts = [len(pair.clean.split()) for pair in pairs[:FIRST]]
    middle = sorted(counts)[len(counts) // 2]
    if middle > MOST_WORDS:
        raise UserError(
            f"pairs of {middle} words each given (the median); wanted pairs of single words; use --protocol aligned, "
            "which cuts whole texts into words"
        )


def merge(args: argparse.Namespace) -> None:
    """``merge``: several profiles into one."""
    from ocr_neurons.probe.merge import merge as add
    from ocr_neurons.probe.profile_file import load_profile, save_profile

    profile = add([load_profile(path) for path in args.profiles])
    save_profile(profile, args.out)
    Reporter(args.quiet).say(f"profile of {_count(profile)}: {args.out}")


def control(args: argparse.Namespace) -> None:
    """``control``: for each pair a change of the same size that is not OCR noise."""
    from ocr_neurons.noise.controls import control_pairs
    from ocr_neurons.text.pairs import read_pairs, write_pairs

    given = read_pairs(args.pairs)
    without: list[str] = []
    made = control_pairs(given, args.kind, args.seed, left_out=without)
    if not made:
        raise UserError(f"{args.pairs}: no pair has a control of kind {args.kind!r}; choose another kind")
    write_pairs(args.out, made)
    reporter = Reporter(args.quiet)
    reporter.say(f"{len(made)} control pairs ({args.kind}): {args.out}")
    if without:
        reporter.say(f"  {len(without)} pairs without a control left out, such as {without[0][:30]!r}")


def attribute(args: argparse.Namespace) -> None:
    """``attribute``: scores of a tagger's neurons by its loss, into a file."""
    from ocr_neurons.lm.load import pick_device, pick_dtype
    from ocr_neurons.ner.loss import TaggerLoss
    from ocr_neurons.ner.model import load_tagger
    from ocr_neurons.rank.gains import collect
    from ocr_neurons.rank.methods import METHODS, method
    from ocr_neurons.rank.patching import attribution_patching
    from ocr_neurons.rank.scored_file import save_scored
    from ocr_neurons.text.datasets import load_dataset

    known = method(args.method)
    if known.needs == "profile":
        names = ", ".join(name for name, one in METHODS.items() if one.needs != "profile")
        raise UserError(f"method {args.method!r} works from a profile: use `ocr-neurons rank`; wanted one of {names}")
    reporter, dataset = Reporter(args.quiet), load_dataset(args.data)
    documents, twins = dataset.require(args.split), dataset.clean_twins.get(args.split)
    if twins is None and args.method in ("contrast", "patching"):
        raise UserError(f"{dataset.name}, {args.split}: no clean twins; method {args.method!r} needs them; use gain")
    if args.gains and args.method == "patching":
        raise UserError("--gains given with patching, which has no gain gradients; use gain, contrast or predicted")
    device = pick_device(args.device, float64=True)
    tagger = load_tagger(args.tagger, dtype=pick_dtype(args.dtype, device), device=device)
    tagger.check(documents, f"{dataset.name}, {args.split}")
    loss, where = TaggerLoss(tagger), {"data": args.data, "split": args.split}
    if args.method == "patching" and twins is not None:
        scored = attribution_patching(tagger.model, loss.pieces, documents, twins, reporter=reporter).scored()
        scored = replace(scored, about={**scored.about, **where})
    else:
        clean = twins if args.method == "contrast" else None
        gains = collect(tagger.model, loss.pieces, documents, clean, seed=args.seed, about=where, reporter=reporter)
        scored = known.function(gains)
        if args.gains:
            gains.save(args.gains)
    save_scored(scored, args.out)
    reporter.say(f"scores of {scored.score.size:,} neurons over {len(documents)} documents: {args.out}")


def rank(args: argparse.Namespace) -> None:
    """``rank``: sensitive neurons, by a profile or by scores, into a file."""
    from ocr_neurons.probe.profile_file import load_profile
    from ocr_neurons.rank.beyond import scored
    from ocr_neurons.rank.choose import choose
    from ocr_neurons.rank.methods import method
    from ocr_neurons.rank.paper import rank_paper
    from ocr_neurons.rank.scored_file import holds_scores, load_scored

    name = args.method or "paper"
    method(name)
    rate = 0.05 if args.rate is None and args.count is None else args.rate
    by_share = name == "paper" and args.control is None and args.count is None and args.rate is None
    profiles = None
    parameters: dict[str, Any] = {}
    if holds_scores(args.profile):
        _unused(args, ("method", "control", "group", "threshold", "share"), f"{args.profile} holds scores by a loss")
        chosen = choose(load_scored(args.profile), q=rate, count=args.count)
    else:
        if name != "paper":
            _unused(args, ("threshold", "share"), f"ranking by {name}")
        elif not by_share:
            _unused(args, ("share",), "ranking with --control, --count or --rate")
        against = load_profile(args.control) if args.control else None
        profiles = _beside(name, load_profile(args.profile), against)
        threshold = 1.0 if args.threshold is None else args.threshold
        parameters |= {"threshold": threshold} if name == "paper" else {}
        if by_share:
            share = 0.9 if args.share is None else args.share
            chosen = rank_paper(profiles.noise, threshold=threshold, share=share, group=args.group)
        else:
            chosen = choose(scored(name, profiles, args.group, **parameters), q=rate, count=args.count)
    if args.legacy:
        chosen = _legacy(chosen, args.legacy, args.seed)
    chosen.save(args.out)
    reporter = Reporter(args.quiet)
    where = ", ".join(f"layer {layer}: {count}" for layer, count in chosen.counts().items()) or "none"
    reporter.say(f"{chosen.count} neurons ({where}): {args.out}")
    if profiles is not None:
        for line in _regions(profiles.noise, chosen):
            reporter.say(f"  {line}")
        for line in _halves(name, profiles, parameters):
            reporter.say(f"  {line}")


def _unused(args: argparse.Namespace, options: Sequence[str], why: str) -> None:
    """Refuse options that were given and would do nothing."""
    for option in options:
        if getattr(args, option) is not None:
            raise UserError(f"--{option} {getattr(args, option)} given, which does nothing here ({why}); leave it out")


def _legacy(chosen: Any, switch: str, seed: int) -> Any:  # noqa: ANN401 - a NeuronSet, whose room is imported late
    """The neurons that the original's released code would have edited in the place of these."""
    from ocr_neurons.rank.legacy import LEGACY, random_neurons, same_in_every_layer

    name, _, layer = switch.partition(":")
    if name == "random-neurons" and not layer:
        return random_neurons(chosen, seed)
    if name == "every-layer" and layer.isdigit():
        return same_in_every_layer(chosen, int(layer))
    if name in LEGACY and name != "every-layer":
        raise UserError(f"legacy {name!r}: not a matter of ranking ({LEGACY[name]}); see results/paper-protocol")
    raise UserError(
        f"legacy {switch!r} given; wanted random-neurons, or every-layer:N with a layer, such as every-layer:25"
    )


def _beside(name: str, profile: Any, against: Any) -> Any:  # noqa: ANN401 - profiles, whose room is imported late
    """The profile, with that of a placebo or a contrast beside it where one is given."""
    from ocr_neurons.probe.profiles import Profiles

    if against is None or against.about.get("view") != "contrast":
        return Profiles(profile, against)
    if name != "effect":
        raise UserError(
            f"--control: a contrast given with method {name!r}; wanted the profile of the placebo, or --method effect, "
            "which compares word by word"
        )
    return Profiles(profile, contrast=against)


def _halves(name: str, profiles: Any, parameters: dict[str, Any]) -> list[str]:  # noqa: ANN401
    """Whether the two halves of the words agree, for methods that can score one."""
    from ocr_neurons.rank.agreement import split_half
    from ocr_neurons.rank.beyond import FEWEST, scored
    from ocr_neurons.rank.methods import HALVES

    halves = ("half-1", "half-2")
    if name not in HALVES or min(profiles.noise.units(half) for half in halves) < FEWEST:
        return []
    first, second = (scored(name, profiles, half, **parameters).score for half in halves)
    agreed = split_half(first, second)
    return [
        f"scores from two halves of the words agree: Spearman {agreed.halves.spearman:.2f} over all neurons, "
        f"{agreed.halves.within:.2f} within layers"
    ]


def _regions(profile: Any, chosen: Any) -> list[str]:  # noqa: ANN401
    """Where they are, and which layers change together."""
    import numpy as np

    from ocr_neurons.rank.changepoints import stability
    from ocr_neurons.rank.regions import describe, regions

    read = [int(layer) for layer in profile.about.get("read", range(profile.layers))]
    found = regions(int(profile.about.get("depth", profile.layers)))
    lines = []
    # a level with hardly a pair has no curve, or none in most draws
    drawn = {level: profile.replicates("distance", level) for level in profile.levels}
    known = [level for level, found_there in drawn.items() if np.isfinite(found_there).all(1).mean() > 0.9]
    if profile.layers > 3 and known:
        curves = np.stack([profile.curve("distance", level)[0] for level in known])
        replicates = np.stack([drawn[level] for level in known], axis=1)
        cut = stability(replicates, curves, min_length=2, tolerance=1)
        support = dict(zip(cut.consensus.boundaries, cut.support, strict=True))
        for name, members in cut.consensus.regions().items():
            found[name] = [read[row] for row in members]
            if members[0] in support:
                lines.append(
                    f"{name} begins at layer {read[members[0]]} in {support[members[0]]:.0%} of the bootstrap draws"
                )
    shown = [
        f"{name} (layers {describe(members)}): {chosen.within(members).count}"
        for name, members in found.items()
        if set(members) & set(read)  # a profile of some layers says nothing of the others
    ]
    return shown + lines


def _count(profile: Any) -> str:  # noqa: ANN401 - a Profile, whose room is imported late
    levels = ", ".join(f"{n} {name}" for name, n in zip(profile.levels, profile.pairs.tolist(), strict=True))
    return f"{int(profile.pairs.sum())} pairs ({levels})"


def _model(args: argparse.Namespace, reporter: Reporter) -> tuple[nn.Module, Any]:
    """The trunk and the tokenizer of a model, or of a tagger's folder."""
    from ocr_neurons.lm.load import load_tokenizer, load_trunk, pick_device, pick_dtype, resolve
    from ocr_neurons.ner.model import CARD, load_tagger

    device = pick_device(args.device, float64=True)
    dtype = pick_dtype(args.dtype, device)
    if (Path(args.model) / CARD).is_file():
        tagger = load_tagger(Path(args.model), dtype=dtype, device=device)
        return tagger.trunk, tagger.tokenizer
    source = resolve(args.model, accept_licence=args.accept_licence, say=reporter.say)
    return load_trunk(source, dtype, device), load_tokenizer(source)


def layers(given: str) -> tuple[int, ...]:
    """Layers such as ``0-3,8``; a UserError for anything else."""
    return numbers(given, "layers")


def shard(given: str) -> tuple[int, int]:
    """A part such as ``2/8``, counted from 0 inside.

    Raises:
        UserError: anything else.
    """
    first, _, last = given.partition("/")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last)):
        raise UserError(f"shard {given!r} given; wanted a part and how many there are, such as 2/8")
    return int(first) - 1, int(last)
