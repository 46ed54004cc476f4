"""Steps that the main job and the comparison of strategies share: the plain tagger, its pairs, profiles and ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ocr_neurons import __version__
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, sha256
from ocr_neurons.common.manifest import Manifest, digest
from ocr_neurons.common.progress import Reporter
from ocr_neurons.config import Config, Ranking
from ocr_neurons.lm.load import depth_of
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.registry import EMBEDDED
from ocr_neurons.ner.base import BASE, FROM_HERE, hash_of
from ocr_neurons.ner.labels import inventory
from ocr_neurons.ner.model import CARD, base_of
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.ner.train import train
from ocr_neurons.noise.controls import control_pairs
from ocr_neurons.noise.kinds import pairs_noise
from ocr_neurons.noise.training import noise_file, training_noise
from ocr_neurons.noise.words import said_noise, word_pairs
from ocr_neurons.probe.checkpoint import remove
from ocr_neurons.probe.probe import Probing, probe, probe_beside
from ocr_neurons.probe.profile_file import load_profile, save_profile
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.beyond import Again, again, scored
from ocr_neurons.rank.choose import choose
from ocr_neurons.rank.methods import method
from ocr_neurons.rank.regions import region
from ocr_neurons.text.datasets import SPLITS, Dataset
from ocr_neurons.text.pairs import TextPair, read_pairs, write_pairs

PAIRS, CONTROL_PAIRS = "pairs.jsonl", "control.jsonl"
PROFILE, CONTROL_PROFILE, CONTRAST_PROFILE = PROFILES = (
    "profile.safetensors", "profile-control.safetensors", "profile-contrast.safetensors"
)  # fmt: skip
ENOUGH_WORDS = 300
"""Words that are probed with where the settings leave it open: with fewer, chance decides most of a ranking."""


def describe(manifest: Manifest, config: Config, data: Dataset, device: torch.device, dtype: torch.dtype) -> None:
    """Write down what a folder is made with."""
    manifest.describe(
        seed=config.seed,
        config=asdict(config),
        device=said_device(device),
        dtype=str(dtype).removeprefix("torch."),
        hashes={"data": data.digest()},
    )


def said_device(device: torch.device) -> str:
    """``cpu``, or an accelerator with its name: which one decides speed, and the last bits of low precision."""
    return f"{device}: {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def refuse_other_precision(out: Path, dtype: torch.dtype) -> None:
    """Refuse to go on in another precision, as where a job lands on another kind of card: all would be made anew.

    Raises:
        UserError: names both precisions.
    """
    known, wanted = Manifest(out).value.get("dtype"), str(dtype).removeprefix("torch.")
    if known not in (None, wanted):
        raise UserError(
            f"{out}: holds what was made in {known}, which would be lost in {wanted}; go on with --dtype {known}, "
            "choose another folder with --out, or remove it"
        )


def train_tagger(
    config: Config, data: Dataset, recipe: Recipe, out: Path, dtype: torch.dtype, device: torch.device,
    reporter: Reporter, labels: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Train a tagger on the data's train split into ``out``; labels default to the inventory of all three splits.

    Returns what :func:`ocr_neurons.ner.train.train` does.
    """
    return train(
        data.train,
        config.model,
        out,
        dev=data.dev,
        recipe=recipe,
        corrupt=training_noise(recipe.noise, data) if recipe.noise_share else None,
        labels=labels or inventory([document for split in SPLITS for document in data.split(split)]),
        seed=config.seed,
        dtype=dtype,
        device=device,
        data=config.data,
        facts={"data_hash": data.digest()},
        reporter=reporter,
    )


def probing_pairs(config: Config, data: Dataset) -> list[TextPair]:
    """The words to probe with, from train.

    Raises:
        UserError: there are fewer of them than the settings ask for, or than the ranking needs.
    """
    options, documents = config.pairs, data.clean_text("train")
    made = word_pairs(
        documents,
        protocol=options.protocol,
        words=options.words or ENOUGH_WORDS,
        or_fewer=not options.words,
        levels=options.levels,
        seed=config.seed,
        parts=options.parts or None,
        noise=pairs_noise(options.noise, options.protocol, documents),
    )
    words, needed = len(made) // len(options.levels), method(config.rank.method).words
    if words < needed:
        raise UserError(
            f"pairs: the train documents hold {words} usable words; wanted at least {needed} to rank by "
            f"{config.rank.method}; give more text"
        )
    return made


def base_key(config: Config, data: Dataset, dtype: torch.dtype) -> str:
    """A hash of what every step depends on: data without clean twins, the model, seed, precision."""
    files = [] if config.model in EMBEDDED else _model_files(Path(config.model))
    name = "" if files else config.model  # where a folder stands, and how that is written, is free
    return digest(__version__, data.digest(twins=False), name, files, config.seed, str(dtype))


def _model_files(folder: Path) -> list[str]:
    """Hashes of the files of a local model or tagger that decide what it gives: weights, settings, tokenizer, base."""
    kinds = ("*.safetensors", "*.bin", "*.json", "*.model", "*.txt")
    found = [_file_key(path) for kind in kinds for path in sorted(folder.glob(kind))]
    base = base_of(folder)
    return [*found, hash_of(Path(base))] if base else found


def _file_key(path: Path) -> str:
    """A file's hash; of a tagger's card without where its base stands, which may be corrected."""
    if path.name != CARD:
        return sha256(path)
    card = read_json(path, "a tagger's card")
    return digest({key: value for key, value in card.items() if key not in (BASE, FROM_HERE)})


def check_regions(regions: Sequence[str], model: str) -> None:
    """Refuse regions that a model, or a tagger's folder, has not, before any long work.

    Raises:
        UserError: names the first.
    """
    layers = depth_of(base_of(Path(model)) or model)
    for name in regions if layers else ():
        try:
            region(name, layers or 0)
        except UserError as error:
            raise UserError(f"{model}: {layers} layers; {error}; set regions in --config") from None


def recipe_key(recipe: Recipe) -> list[Any]:
    """What of a recipe decides a training: its settings, and what stands in its noise model if that is a file."""
    return [asdict(recipe), noise_file(recipe.noise)]


def probe_key(before: str, config: Config, pairs: Sequence[TextPair]) -> str:
    """A hash of what probing depends on, after the step with the key ``before``."""
    texts = [(pair.clean, pair.noisy, pair.left, pair.right, pair.level) for pair in pairs]
    return digest(before, "probe", asdict(config.pairs), texts, config.rank.control)


def probe_files(config: Config) -> list[str]:
    """The names of the files that probing writes."""
    placebo = [CONTROL_PAIRS, CONTROL_PROFILE, CONTRAST_PROFILE]
    return [PAIRS, PROFILE, *(placebo if config.rank.control else [])]


def probe_tagger(tagger: Tagger, pairs: Sequence[TextPair], config: Config, out: Path, reporter: Reporter) -> None:
    """Write pairs and profiles of a tagger into ``out``: under noise, and beside a placebo if one is asked for."""
    kind = config.rank.control
    write_pairs(out / PAIRS, pairs)
    given = read_pairs(out / PAIRS)
    part = out / f"{PROFILE}.part"
    model = tagger.trunk, tagger.tokenizer
    how = Probing(seed=config.seed)
    more: dict[str, Any] = {
        "about": {
            "model": config.model, "pairs": config.pairs.protocol, "data": config.data, "noise": said_noise(pairs),
        },
        "checkpoint": part,
        "reporter": reporter,
    }  # fmt: skip
    reporter.say(f"probe: {len(pairs)} pairs of clean and noisy words …")
    if kind:
        placebo = control_pairs(given, kind, config.seed)
        if not placebo:
            raise UserError(f'rank: no pair has a control of kind {kind!r}; choose another kind, or control = ""')
        write_pairs(out / CONTROL_PAIRS, placebo)
        reporter.say(f"  beside each the same word under a placebo, another change of the same size ({kind})")
        found = probe_beside(*model, given, read_pairs(out / CONTROL_PAIRS), how, **more)
    else:
        found = Profiles(probe(*model, given, how, **more))
    for name, profile in zip(PROFILES, (found.noise, found.control, found.contrast), strict=True):
        if profile is not None:
            save_profile(profile, out / name)
    remove(part)


def load_profiles(config: Config, out: Path) -> Profiles:
    """The profiles in ``out``; folders of earlier versions have no contrast, and that of a placebo may be gone."""
    kept = PROFILES[1:] if config.rank.control and (out / CONTROL_PROFILE).is_file() else ()
    beside = [load_profile(out / name) for name in kept if (out / name).is_file()]
    return Profiles(load_profile(out / PROFILE), *beside)


def ranking_of(profiles: Profiles, rule: Ranking) -> NeuronSet:
    """All neurons in the order of the rule's method, by what goes beyond the placebo if the rule says so."""
    parameters: dict[str, Any] = {"threshold": rule.threshold} if rule.method == "paper" else {}
    found = scored(rule.method, by_rule(profiles, rule), **parameters)
    return choose(found, count=profiles.noise.layers * profiles.noise.width)


def again_of(profiles: Profiles, rule: Ranking, share: float) -> Again | None:
    """Whether one half of the words names the neurons that the other half names, by the same rule."""
    return again(rule.method, by_rule(profiles, rule), share)


def by_rule(profiles: Profiles, rule: Ranking) -> Profiles:
    """Those that the rule ranks by."""
    return profiles if rule.specific else Profiles(profiles.noise)
