"""Reading a condition with the model, and what the study keeps of its profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import Reporter
from ocr_neurons.lm.load import load_tokenizer, load_trunk, pick_device, pick_dtype, resolve
from ocr_neurons.probe.aligned import CHANGED, UNCHANGED
from ocr_neurons.probe.checkpoint import remove
from ocr_neurons.probe.fields import BINS
from ocr_neurons.probe.merge import merge
from ocr_neurons.probe.probe import Probing, probe
from ocr_neurons.probe.profile import Profile
from ocr_neurons.probe.profile_file import load_profile, save_profile
from ocr_neurons.rank.methods import score
from ocr_neurons.rank.paper import shares
from ocr_neurons.rank.scored import Scored
from ocr_neurons.text.pairs import TextPair
from where_conditions import Condition, document_of

METHODS = ("effect", "size", "auroc", "paper")

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Curve:
    """A layer curve ``[layers]``, its bootstrap replicates ``[draws, layers]`` and how many pairs it rests on."""

    values: Array
    replicates: Array
    pairs: int

    def interval(self) -> tuple[Array, Array]:
        """95 % percentiles of the replicates that are defined; NaN where none is."""
        return percentiles(self.replicates)


@dataclass(frozen=True)
class Reading:
    """What is kept of one condition: arrays ``[layers, width]``.

    ``scores`` by method over all changed words; ``halves`` by method, of each half of the documents; ``shares`` of
    pairs in which the paper's threshold is passed; ``curves`` by (curve, level or similarity bin), ``changed`` for all
    changed words.
    """

    condition: Condition
    independent: int
    pairs: dict[str, int]
    dose: float
    skipped: dict[str, int]
    scores: dict[str, Scored]
    halves: dict[str, tuple[Scored, Scored]]
    shares: Array
    curves: dict[tuple[str, str], Curve]

    @property
    def layers(self) -> int:
        """Number of layers."""
        return int(self.shares.shape[0])

    @property
    def width(self) -> int:
        """Neurons a layer."""
        return int(self.shares.shape[1])


def percentiles(draws: Array) -> tuple[Array, Array]:
    """2.5 % and 97.5 % over the first axis, of the values that are defined."""
    finite = np.where(np.isfinite(draws), draws, np.nan)
    known = np.isfinite(finite).any(0)
    low, high = np.full((2, finite.shape[1]), np.nan)
    if known.any():
        low[known], high[known] = np.nanquantile(finite[:, known], (0.025, 0.975), axis=0)
    return low, high


class Model:
    """A model that is loaded when the first profile is not there yet."""

    def __init__(
        self, name: str, language: str, work: Path, *, device: str, dtype: str, seed: int, accept_licence: bool,
        reporter: Reporter,
    ) -> None:  # fmt: skip
        self.name, self.language, self.work, self.seed, self.reporter = name, language, work, seed, reporter
        self.device = pick_device(device)
        self.dtype = pick_dtype(dtype, self.device)
        self.accept_licence = accept_licence
        self._loaded: tuple[Any, Any] | None = None

    @property
    def precision(self) -> str:
        """``float32`` or ``bfloat16``."""
        return str(self.dtype).removeprefix("torch.")

    def read(self, condition: Condition, pairs: Sequence[TextPair], halves: Mapping[str, int]) -> Reading:
        """Probe the pairs, half of the documents by half, or take the profiles that are there."""
        parts = [[pair for pair in pairs if halves[document_of(pair)] == half] for half in (0, 1)]
        first = self._profile(condition, parts[0], None)
        second = self._profile(condition, parts[1], first)
        return reading(condition, merge([first, second]), (first, second))

    def _profile(self, condition: Condition, pairs: list[TextPair], like: Profile | None) -> Profile:
        if not pairs:
            raise UserError(f"{condition.name}: a half of the documents has no pair; raise --words or --characters")
        file = self._file(condition, pairs, like)
        if not file.exists():
            trunk, tokenizer = self._load()
            self.reporter.say(f"{condition.name}, half {1 if like is None else 2}: {condition.says} …")
            part = file.with_suffix(".part")
            language = self.language if condition.whole else ""
            how = Probing(protocol=condition.protocol, seed=self.seed, language=language)
            made = probe(trunk, tokenizer, pairs, how, like=like, checkpoint=part, reporter=self.reporter)
            save_profile(made, file)
            remove(part)
        return load_profile(file)

    def _file(self, condition: Condition, pairs: list[TextPair], like: Profile | None) -> Path:
        texts = [(pair.level, pair.left, pair.clean, pair.noisy, pair.right) for pair in pairs]
        before = like.about["shards"] if like else None
        key = digest("where", self.name, condition.protocol, self.language, texts, self.precision, self.seed, before)
        name = "".join(sign if sign.isalnum() else "-" for sign in f"{self.name[-40:]} {condition.name}")
        return self.work / f"{name}-{key}.safetensors"

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            source = resolve(self.name, accept_licence=self.accept_licence, say=self.reporter.say)
            self._loaded = load_trunk(source, self.dtype, self.device), load_tokenizer(source)
        return self._loaded


def reading(condition: Condition, profile: Profile, halves: tuple[Profile, Profile]) -> Reading:
    """What the study needs of a profile; the rest of it is let go."""
    levels = (CHANGED, UNCHANGED) if condition.whole else tuple(profile.levels)
    groups = [*levels] if condition.whole else [*levels, None]
    curves: dict[tuple[str, str], Curve] = {}
    for group in [*groups, *BINS]:
        name = group or CHANGED
        curves["distance", name] = Curve(
            profile.curve("distance", group)[0], profile.replicates("distance", group), _units(profile, group)
        )
        curves["cka", name] = Curve(profile.cka(group), profile.replicates("cka", group), profile.cka_pairs(group))
    return Reading(
        condition,
        profile.units(),
        {level: profile.units(level) for level in profile.levels},
        profile.dose()[0],
        dict(profile.about.get("skipped", {})),
        {name: score(name, profile) for name in METHODS},
        {name: (score(name, halves[0]), score(name, halves[1])) for name in METHODS},
        shares(profile, 1.0),
        curves,
    )


def _units(profile: Profile, group: str | None) -> int:
    return int(profile.pairs.sum()) if group is None else profile.units(group)
