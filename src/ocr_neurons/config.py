"""The settings of the main job, their file (TOML) and their checks."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import read_text, user_path, write_text
from ocr_neurons.ner.recipe import RECIPES, Recipe
from ocr_neurons.noise.controls import CONTROLS
from ocr_neurons.noise.learned.apply import AUTO
from ocr_neurons.noise.presets import preset
from ocr_neurons.noise.words import PROTOCOLS
from ocr_neurons.probe.fields import THRESHOLDS
from ocr_neurons.rank.methods import method
from ocr_neurons.sweep.grid import check_grid


@dataclass(frozen=True)
class Pairing:
    """Which words are made noisy, how many, and at which levels (see :mod:`ocr_neurons.noise.words`).

    ``noise`` is ``paper`` (its presets), a learned noise model by name or file, or ``auto``: learned noise of the
    data's language for words in their sentence, else the presets (:func:`ocr_neurons.noise.kinds.pairs_noise`).
    ``parts`` takes nouns and verbs alone, as told by a spaCy pipeline (``auto``: that of the language; empty: any).
    ``words`` 0: as many as make a ranking that other words would repeat in good part, or all that there are.
    """

    protocol: str = "context"
    noise: str = AUTO
    parts: str = ""
    words: int = 0
    levels: tuple[str, ...] = ("low", "medium", "high")

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise UserError(f"pairs: protocol {self.protocol!r} given; wanted one of {', '.join(PROTOCOLS)}")
        if self.words < 0:
            raise UserError(f"pairs: {self.words} words given; wanted at least 1, or 0 for as many as are advised")
        for level in self.levels:
            preset(level)


@dataclass(frozen=True)
class Ranking:
    """How neurons are ordered for the sweep, and what their reaction is compared with.

    ``method`` is one of :data:`ocr_neurons.rank.methods.METHODS`; ``threshold`` standard deviations in at least
    ``share`` of the pairs is the paper's rule, by which sensitive neurons are counted whatever the method. ``control``
    is the placebo (:data:`ocr_neurons.noise.controls.CONTROLS`; empty: none). With ``specific`` neurons are ordered by
    what their score on noise exceeds that on the placebo, with ``effect`` word by word; ``rate`` is the false-discovery
    rate of all counts.
    """

    method: str = "effect"
    specific: bool = True
    control: str = "cased-letters"
    rate: float = 0.05
    threshold: float = 1.0
    share: float = 0.9

    def __post_init__(self) -> None:
        if method(self.method).needs != "profile":
            raise UserError(f"rank: method {self.method!r} needs a tagger's loss; a run ranks by a profile alone")
        if self.control and self.control not in CONTROLS:
            raise UserError(f"rank: control {self.control!r} is unknown{nearest(self.control, CONTROLS)}")
        if self.specific and not self.control:
            raise UserError('rank: specific = true without a control; set control = "cased-letters"')
        if not 0 < self.rate < 1:
            raise UserError(f"rank: rate {self.rate} given; wanted a number between 0 and 1, such as 0.05")
        if not 0 <= self.share <= 1:
            raise UserError(f"rank: share {self.share} given; wanted a number from 0 to 1")
        if self.threshold not in THRESHOLDS:
            known = ", ".join(f"{k:g}" for k in THRESHOLDS)
            raise UserError(f"rank: threshold {self.threshold:g} given; wanted one of {known}")


@dataclass(frozen=True)
class Sweeping:
    """The grid: regions x shares of their neurons x operations x factors, each beside ``draws`` random sets.

    ``test_draws`` random sets stand beside the chosen one on test.
    """

    regions: tuple[str, ...] = ("first", "middle", "last")
    shares: tuple[float, ...] = (0.01, 0.05)
    factors: tuple[float, ...] = (0.0, 0.5, 0.9, 1.5, 2.0)
    operations: tuple[str, ...] = ("scale",)
    draws: int = 1
    test_draws: int = 20

    def __post_init__(self) -> None:
        check_grid(self.regions, self.shares, self.factors, self.draws, self.operations)
        if self.test_draws < 0:
            raise UserError(f"sweep: {self.test_draws} test_draws given; wanted 0 or more; 20 are advised")


@dataclass(frozen=True)
class Comparing:
    """Which strategies against OCR noise are compared (``all``, or names of them), and their small grids.

    ``damp`` and ``amplify`` are factors, ``strengths`` those of ``mean`` and ``shift``; each is tried on every one of
    ``shares`` of the neurons of each of ``regions``, the most sensitive first. Gains are learned for ``gain_share`` of
    all neurons (or for all) in ``gain_epochs`` epochs by Adam at ``gain_rate``, which falls to 0. ``noise_share`` and
    ``stability`` are those of the recipes with noise. ``draws`` random neuron sets stand beside an edit that gained.
    """

    which: tuple[str, ...] = ("all",)
    regions: tuple[str, ...] = ("all",)
    shares: tuple[float, ...] = (0.001, 0.01, 0.05)
    damp: tuple[float, ...] = (0.0, 0.5)
    amplify: tuple[float, ...] = (1.5, 2.0)
    strengths: tuple[float, ...] = (0.5, 1.0)
    gain_share: float = 0.05
    gain_epochs: int = 3
    gain_rate: float = 1e-2
    noise_share: float = RECIPES["stable"].noise_share
    stability: float = RECIPES["stable"].stability
    draws: int = 20

    def __post_init__(self) -> None:
        for factors, operation in ((self.damp, "scale"), (self.amplify, "scale"), (self.strengths, "mean")):
            check_grid(self.regions, self.shares, factors, self.draws, (operation,))
        wanted = {
            "damp": (all(factor < 1 for factor in self.damp), "factors below 1"),
            "amplify": (all(factor > 1 for factor in self.amplify), "factors above 1"),
            "gain_share": (0 < self.gain_share <= 1, "a share above 0 up to 1"),
            "gain_epochs": (self.gain_epochs >= 1, "at least 1"),
            "gain_rate": (0 < self.gain_rate < float("inf"), "a positive number"),
            "noise_share": (0 < self.noise_share <= 1, "a share above 0 up to 1"),
            "stability": (0 < self.stability < float("inf"), "a positive number"),
        }
        for name, (holds, what) in wanted.items():
            if not holds:
                raise UserError(f"strategies: {name} = {getattr(self, name)!r} given; wanted {what}")


@dataclass(frozen=True)
class Config:
    """Everything that decides the numbers of a run, besides the data and the weights themselves."""

    data: str = "gazette"
    model: str = "smollm2"
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"
    train: Recipe = field(default_factory=Recipe)
    pairs: Pairing = field(default_factory=Pairing)
    rank: Ranking = field(default_factory=Ranking)
    sweep: Sweeping = field(default_factory=Sweeping)
    strategies: Comparing = field(default_factory=Comparing)

    def __post_init__(self) -> None:
        if self.model.startswith("~"):  # a file of settings has no shell that would spell it out
            object.__setattr__(self, "model", str(user_path(self.model)))
        if 0 < self.pairs.words < (needed := method(self.rank.method).words):
            raise UserError(
                f"pairs: words = {self.pairs.words} given; wanted at least {needed} to rank by {self.rank.method}"
            )

    def changed(self, **values: Any) -> Config:  # noqa: ANN401 - any field
        """The same with other values; those that are None are left as they are."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})

    def save(self, path: Path) -> None:
        """Write as TOML."""
        import tomli_w

        write_text(path, tomli_w.dumps(_plain(asdict(self))))


def load_config(path: Path) -> Config:
    """Read settings from TOML; what the file leaves out keeps its default.

    Raises:
        UserError: not TOML, an unknown setting (the nearest known one is named), or a value of the wrong kind.
    """
    try:
        value = tomllib.loads(read_text(path, "settings in TOML, such as the run.toml of a run"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: not TOML ({error}); wanted settings such as seed = 1 or [sweep] draws = 2") from None
    built: Config = _build(Config(), value, str(path), "")
    return built


def _build(default: Any, value: Mapping[str, Any], where: str, section: str) -> Any:  # noqa: ANN401 - any settings class
    known = {item.name: getattr(default, item.name) for item in fields(default)}
    changes: dict[str, Any] = {}
    for name, given in value.items():
        full = f"{section}{name}"
        if name not in known:
            raise UserError(f"{where}: unknown setting {full!r}{nearest(name, known)}")
        old = known[name]
        if hasattr(old, "__dataclass_fields__"):
            if not isinstance(given, Mapping):
                raise UserError(f"{where}: {full} is a section; wanted [{full}] with settings under it")
            changes[name] = _build(old, given, where, f"{full}.")
        elif isinstance(old, tuple):
            changes[name] = _sequence(old, given, where, full)
        else:
            changes[name] = _scalar(old, given, where, full)
    try:
        return replace(default, **changes)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _sequence(old: tuple[Any, ...], given: object, where: str, name: str) -> tuple[Any, ...]:
    if not isinstance(given, list) or not given:
        raise UserError(f"{where}: {name} = {given!r} given; wanted a list such as {list(old)}")
    return tuple(_scalar(old[0], item, where, name) for item in given)


def _scalar(old: Any, given: Any, where: str, name: str) -> Any:  # noqa: ANN401 - str, int or float
    if isinstance(old, float) and isinstance(given, int) and not isinstance(given, bool):
        return float(given)
    if type(given) is not type(old):
        raise UserError(f"{where}: {name} = {given!r} given; wanted {type(old).__name__}, such as {old!r}")
    return given


def _plain(value: Any) -> Any:  # noqa: ANN401 - nested settings
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return list(value) if isinstance(value, tuple) else value
