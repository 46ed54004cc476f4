"""Parts 1 and 2: common neurons under the paper's protocol, and what each of its choices changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import paper_cka
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import Reporter
from ocr_neurons.lm.load import load_tokenizer, load_trunk, pick_device, pick_dtype, resolve
from ocr_neurons.probe.checkpoint import remove
from ocr_neurons.probe.probe import probe
from ocr_neurons.probe.profile import Profile
from ocr_neurons.probe.profile_file import load_profile, save_profile
from ocr_neurons.rank.agreement import agreement
from ocr_neurons.rank.paper import paper, shares
from ocr_neurons.rank.published import Counts
from ocr_neurons.text.pairs import TextPair
from paper_conditions import BASE, CONDITIONS, SAME_LENGTH, Condition, Pairs, same_length

TOP = 300
"""Neurons compared between conditions."""
COMMON, HALF = 0.9, 0.5
"""Shares of the pairs: the paper's rule, and its milder variant."""


@dataclass(frozen=True)
class Place:
    """Where files are kept and how models are loaded."""

    work: Path
    device: str
    dtype: str
    seed: int
    accept_licence: bool
    reporter: Reporter


def study_model(name: str, pairs: Pairs, place: Place) -> dict[str, Any]:
    """Counts by layer, CKA curves and the table of choices of one model, as JSON values."""
    model = _Model(name, pairs, place)
    profiles = {condition.name: model.profile(condition) for condition in CONDITIONS}
    base = profiles[BASE]
    rows = [_row(condition, profiles[condition.name], base) for condition in CONDITIONS]
    return {
        "model": name,
        "layers": base.layers,
        "width": base.width,
        "pairs": int(base.pairs.sum()),
        "by_bin": {group: base.units(group) for group in paper_cka.BINS},
        "common": by_layer(base, COMMON),
        "half": by_layer(base, HALF),
        "choices": rows,
        "cka": model.curves(pairs["paper"]),
    }


def counts(found: dict[str, Any]) -> Counts:
    """The counts of one of our models, in the form of the paper's."""
    tables = ({int(layer): n for layer, n in found[name].items()} for name in ("common", "half"))
    common, half = tables
    return Counts(found["model"], found["layers"], common, half, found["pairs"], found["width"])


def by_layer(profile: Profile, share: float) -> dict[str, int]:
    """Neurons that pass in at least ``share`` of the pairs, for each layer that has any; keys as JSON has them."""
    numbers = (shares(profile, 1.0) >= share).sum(1)
    return {str(layer): int(n) for layer, n in enumerate(numbers) if n}


def _row(condition: Condition, profile: Profile, base: Profile) -> dict[str, Any]:
    found = agreement(paper(base).score, paper(profile).score, counts=(TOP,), shares=())
    overlap = found.overlaps[0]
    return {
        "name": condition.name,
        "says": condition.says,
        "pairs": int(profile.pairs.sum()),
        "common": int((shares(profile, 1.0) >= COMMON).sum()),
        "half": int((shares(profile, 1.0) >= HALF).sum()),
        "overlap": overlap.overlap,
        "chance": overlap.expected_in_layers,
        "p": overlap.p_in_layers,
    }


class _Model:
    """A model that is loaded when the first number is not known yet."""

    def __init__(self, name: str, pairs: Pairs, place: Place) -> None:
        self.name, self.pairs, self.place = name, pairs, place
        self._loaded: tuple[Any, Any] | None = None

    def profile(self, condition: Condition) -> Profile:
        place = self.place
        chosen = self._pairs(condition)
        file = self._file("profile", condition.name, condition.how, chosen, "safetensors")
        if not file.exists():
            trunk, tokenizer = self._load()
            place.reporter.say(f"{self.name}: {condition.says} …")
            part = file.with_suffix(".part")
            how = condition.probing(place.seed)
            made = probe(trunk, tokenizer, chosen, how, checkpoint=part, reporter=place.reporter)
            save_profile(made, file)
            remove(part)
        return load_profile(file)

    def curves(self, pairs: list[TextPair]) -> dict[str, Any]:
        file = self._file("cka", "curves", {}, pairs, "json")
        if not file.exists():
            trunk, tokenizer = self._load()
            self.place.reporter.say(f"{self.name}: CKA …")
            write_json(file, _plain(paper_cka.curves(trunk, tokenizer, pairs, self.place.seed)))
        found: dict[str, Any] = read_json(file, "CKA curves")
        return found

    def _pairs(self, condition: Condition) -> list[TextPair]:
        if condition.pairs != SAME_LENGTH:
            return self.pairs[condition.pairs]
        chosen = same_length(self.pairs["paper"], load_tokenizer(self._source()))
        if not chosen:
            raise UserError(f"{self.name}: no pair has as many sub-words on both sides; give more words")
        return chosen

    def _file(self, kind: str, name: str, how: dict[str, Any], pairs: list[TextPair], ending: str) -> Path:
        texts = [(pair.level, pair.left, pair.clean, pair.noisy, pair.right) for pair in pairs]
        key = digest(kind, self.name, how, texts, self.place.dtype, self.place.seed)
        return self.place.work / f"{_slug(self.name)}-{kind}-{name}-{key}.{ending}"

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            place = self.place
            device = pick_device(place.device)
            source = self._source()
            trunk = load_trunk(source, pick_dtype(place.dtype, device), device)
            self._loaded = trunk, load_tokenizer(source)
        return self._loaded

    def _source(self) -> str:
        place = self.place
        return str(resolve(self.name, accept_licence=place.accept_licence, say=place.reporter.say))


def _slug(name: str) -> str:
    return "".join(sign if sign.isalnum() else "-" for sign in name)[-40:]


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """NaN, which JSON has not, as None; a curve with a hole is refused later where it is needed."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
