"""The nouns of this room: a Strategy, and what it Made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.config import Comparing

if TYPE_CHECKING:
    from ocr_neurons.strategies.bench import Bench

NOTHING = "nothing"
"""The strategy that all others are compared with."""
EDIT, MADE = "edit.json", "made.json"
OTHERS = "other neurons may bring the gain as well"
"""What follows for chosen neurons that were not seen to do better than random ones."""


@dataclass(frozen=True)
class Made:
    """What came of a strategy.

    Attributes:
        what: in words, what dev chose or what was trained.
        tagger: the name of the strategy whose tagger is used.
        dev_f1: strict F1 on dev.
        edited: whether ``edit.json`` in the strategy's folder acts on the tagger.
        setting: of the sweep that chose the edit, as JSON; empty where there was none.
        dev_f1s: of every epoch of learned gains, whose best one was kept.
    """

    what: str
    tagger: str
    dev_f1: float
    edited: bool = False
    setting: Mapping[str, Any] = field(default_factory=dict)
    dev_f1s: tuple[float, ...] = ()

    def save(self, folder: Path) -> None:
        """Write ``made.json`` into the strategy's folder."""
        write_json(folder / MADE, asdict(self))

    @staticmethod
    def load(folder: Path) -> Made:
        """Read what :meth:`save` wrote."""
        value = read_json(folder / MADE, "what a strategy made")
        try:
            return Made(**value | {"dev_f1s": tuple(value["dev_f1s"])})
        except (KeyError, TypeError) as error:
            raise UserError(f"{folder / MADE}: not what a strategy made ({error!r}); remove its folder") from None


@dataclass(frozen=True)
class Strategy:
    """One way to meet OCR noise; a row of :data:`ocr_neurons.strategies.table.STRATEGIES`.

    Attributes:
        name: as it is called on the command line, and its folder.
        title: a few words for tables.
        make: does the work, seeing train and dev alone; may write into the folder that it is given.
        settings: the part of the settings that decides what is made.
        probes: whether it needs the ranking of the plain tagger's neurons.
        noise: whether it needs a noise model of the data's language.
        trains: whether it trains a tagger from the base model.
        needs: strategies whose tagger it starts from.
        rival: a strategy that costs as much without what this one is about: random neurons, or training without noise.
        rival_said: the rival in words, after "better than".
        rival_means: what follows where this one is no better than its rival.
    """

    name: str
    title: str
    make: Callable[[Bench, Path], Made]
    settings: Callable[[Comparing], Any] = lambda _: None
    probes: bool = False
    noise: bool = False
    trains: bool = False
    needs: tuple[str, ...] = (NOTHING,)
    rival: str = ""
    rival_said: str = ""
    rival_means: str = ""
