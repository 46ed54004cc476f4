"""Random neurons beside an edit that gained: is the gain owed to which neurons were chosen?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocr_neurons.common.files import read_json, write_json
from ocr_neurons.common.manifest import digest
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.score.intervals import Difference, compare_to_mean, outranks
from ocr_neurons.score.table import difference_to_dict
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.edits import edit_maker
from ocr_neurons.sweep.confirm import FIRST_TEST_DRAW
from ocr_neurons.sweep.grid import Setting

if TYPE_CHECKING:
    from ocr_neurons.strategies.compare import Row

FILE = "random.json"


@dataclass(frozen=True)
class RandomBeside:
    """Strict F1 on test of random draws treated like the edit, and the edit's F1 minus their mean."""

    f1s: tuple[float, ...]
    over: Difference

    @property
    def beaten(self) -> bool:
        """Whether the edit did better than random neurons do."""
        return outranks(self.over.f1, self.over.p)

    def entry(self) -> dict[str, Any]:
        """The values in ``strategies.json``."""
        return {
            "draws": len(self.f1s),
            "f1s": list(self.f1s),
            "chosen_minus_random_control": difference_to_dict(self.over),
        }


def random_beside(bench: Bench, row: Row, keys: Mapping[str, str]) -> RandomBeside | None:
    """Score random neurons, as many and in the same layers as those that a sweep chose; None for other strategies.

    Scores are kept in ``random.json``, so that test is not scored again.
    """
    draws = bench.config.strategies.draws
    if not row.made.setting or not draws:
        return None
    path = bench.folder(row.name) / FILE

    def work() -> None:
        setting, edits = Setting.from_json(row.made.setting), edit_maker(bench)
        tagger, test = bench.tagger(row.made.tagger), bench.data.test
        prepared, found = tagger.prepare(test), []
        for draw in bench.reporter.track(range(draws), f"random neurons beside {row.name}"):
            with edits.of(replace(setting, draw=FIRST_TEST_DRAW + draw)).on(tagger.model):
                found.append(evaluate(test, prepared.tag(tagger)).to_json())
        write_json(path, found)

    bench.step(f"random {row.name}", digest(keys[row.name], draws, bench.data.digest()), [path], work)
    scores = [Scores.from_json(value) for value in read_json(path, "scores of random neurons")]
    over = compare_to_mean(row.scores, scores, seed=bench.config.seed)
    return RandomBeside(tuple(one.total("strict").f1 for one in scores), over)
