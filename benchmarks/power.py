"""How often a run claims a gain, with and without one: ``python benchmarks/power.py --out results/power``.

Synthetic taggers go through a run's own procedure: 30 settings on dev, the one that :func:`sweep.choose.choose` takes,
once on test, beside 20 random draws, and the verdict. Only the taggers are made up:

- Documents hold as many entities as those of the data set. The baseline finds each with the data set's recall, and
  predicts in vain as often as its precision says.
- An edit touches entities and false predictions with a chance that depends on factor and share (``CHURN``: from few to
  a tenth), in some documents more than in others (gamma, shape 2). What is touched is drawn anew, so that the edit
  moves counts and not their expectation.
- A true gain of g points turns so many misses into finds that the expected strict F1 rises by g. 4 of the 30 settings
  have it (one region, two factors), the others change nothing on average. ``some harm``: as on ``gazette``, an edit
  costs up to 4 points, in proportion to what it touches.
- ``edits differ``: it does not matter which neurons are taken, but every set of neurons, ranked or random, has a true
  effect of its own (normal, standard deviation one point), the same on dev and test.

Writes ``README.md`` and ``power.json``. A row of 1,000 runs takes some two minutes of
one core; the page is written after every round of all rows.
"""

from __future__ import annotations

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy is loaded

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ocr_neurons.common.files import write_json, write_text
from ocr_neurons.common.progress import Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.config import Sweeping
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import ALPHA, compare, compare_to_mean
from ocr_neurons.sweep.choose import choose
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.store import Trial
from ocr_neurons.sweep.verdict import verdict

Array = np.ndarray[Any, np.dtype[Any]]
Found = dict[str, dict[str, list[dict[str, Any]]]]
"""What runs found, by data set and by what is true."""

CHURN = 0.1
"""The share of entities that silencing or doubling a twentieth of a region's neurons touches; milder edits less."""
SHAPE = 2.0
ROUND = 20
HARM = 0.04


@dataclass(frozen=True)
class Data:
    """Entities of each document of dev and test; what the tagger finds of them, and how much of its finds is right."""

    name: str
    dev: tuple[int, ...]
    test: tuple[int, ...]
    recall: float
    precision: float


DATA = (
    Data(
        "gazette",
        (15, 14, 17, 17, 15, 17, 25, 21, 19, 19, 19, 17, 21, 20, 17, 26),
        (19, 16, 15, 15, 17, 14, 20, 19, 21, 22, 19, 22, 17, 22, 21, 21, 21, 22, 26, 19),
        0.65,
        0.58,
    ),
    Data(
        "ajmc-en",
        (39, 9, 18, 2, 25, 22, 24, 39, 29, 30, 21, 62, 49, 47),
        (14, 44, 18, 28, 19, 25, 1, 0, 22, 89, 46, 31, 11),
        0.82,
        0.75,
    ),
)


@dataclass(frozen=True)
class World:
    """What is true: the gain of four settings, whether edits cost, how much sets of neurons differ (points of F1)."""

    name: str
    gain: float = 0.0
    harm: bool = False
    spread: float = 0.0


WORLDS = (
    World("no effect"),
    World("no effect, some harm", harm=True),
    World("edits differ, whichever neurons", spread=0.01),
    World("true gain +1", gain=0.01),
    World("true gain +2", gain=0.02),
    World("true gain +3", gain=0.03),
)


class Text:
    """Documents as a baseline tagger found them: for each entity whether, for each document how much in vain."""

    def __init__(self, sizes: Sequence[int], data: Data, rng: np.random.Generator) -> None:
        self.sizes, self.data = np.array(sizes), data
        self.owner = np.repeat(np.arange(len(sizes)), self.sizes)
        self.found = rng.random(len(self.owner)) < data.recall
        self.vain_rate = data.recall * (1 / data.precision - 1)
        self.vain = rng.poisson(self.vain_rate * self.sizes)

    def edited(self, churn: float, effect: float, rng: np.random.Generator) -> Scores:
        """Scores under an edit that touches ``churn`` of all, with a true effect on F1."""
        documents = rng.gamma(SHAPE, 1 / SHAPE, len(self.sizes))
        touched = rng.random(len(self.owner)) < np.minimum(churn * documents, 1)[self.owner]
        found = np.where(touched, rng.random(len(self.owner)) < self.data.recall, self.found)
        # of vain predictions some go, and as many come
        chance = np.minimum(churn * documents, 1)
        vain = rng.binomial(self.vain, 1 - chance) + rng.poisson(chance * self.vain_rate * self.sizes)
        recall, precision = self.data.recall, self.data.precision
        f1, whole = 2 * recall * precision / (recall + precision), 1 + recall / precision
        # tp and what is predicted both move by x: 2 (tp + x) / (whole + x) = F1 + effect, in entities each
        moved = effect * whole / (2 - f1 - effect)
        share = abs(moved) / (1 - recall if moved > 0 else recall)
        turned = rng.random(len(self.owner)) < np.minimum(share * documents, 1)[self.owner]
        found = found | turned if moved > 0 else found & ~turned
        return self.scores(found, vain)

    def scores(self, found: Array | None = None, vain: Array | None = None) -> Scores:
        """Scores of the baseline, or of what is given in its place."""
        hits = np.bincount(self.owner, self.found if found is None else found, len(self.sizes)).astype(int)
        wrong = self.vain if vain is None else vain
        table = tuple(
            {"ALL": Counts(int(tp), int(fp), int(size - tp))}
            for tp, fp, size in zip(hits, wrong, self.sizes, strict=True)
        )
        return Scores(tuple(map(str, range(len(table)))), table, table)


def churn(setting: Setting) -> float:
    """How much an edit touches: in proportion to the factor's distance from 1 and the root of the share."""
    return CHURN * min(abs(setting.factor - 1), 1.0) * (setting.count / 5) ** 0.5


def effect(setting: Setting, world: World, own: float) -> float:
    """The true effect of an edit of the ranked neurons on F1; ``own``: what this set of neurons adds by itself."""
    gains = world.gain if setting.region == "middle" and setting.factor in (0.0, 0.5) else 0.0
    cost = HARM * churn(setting) / CHURN if world.harm and not gains else 0.0
    return gains - cost + world.spread * own * churn(setting) / CHURN


def settings() -> list[Setting]:
    """The grid of a run; counts stand for percents of the region."""
    grid = Sweeping()
    return [
        Setting(region, round(100 * share), factor)
        for region in grid.regions
        for share in grid.shares
        for factor in grid.factors
    ]


def once(data: Data, world: World, seed: int) -> dict[str, Any]:
    """One run: what it chose, what it found on test, what it says."""
    rng = generator(seed, "power", data.name, world.name)
    dev, test = (Text(sizes, data, rng) for sizes in (data.dev, data.test))
    truth = {setting: effect(setting, world, rng.standard_normal()) for setting in settings()}
    trials = [Trial(setting, dev.edited(churn(setting), true, rng)) for setting, true in truth.items()]
    best, on_dev = choose(trials, dev.scores(), seed)
    baseline = test.scores()
    chosen = test.edited(churn(best.setting), truth[best.setting], rng)
    gain = compare(chosen, baseline, seed=seed)
    random = World("random", harm=world.harm, spread=world.spread)
    controls = [
        test.edited(churn(best.setting), effect(best.setting, random, rng.standard_normal()), rng)
        for _ in range(Sweeping().test_draws)
    ]
    over = compare_to_mean(chosen, controls, draws=200, seed=seed)  # its interval is not asked for here
    said = verdict(on_dev, gain, over, "IT").partition(":")[0]
    return {
        "verdict": said,
        "gain": gain.better,
        "interval": gain.low > 0,
        "helped": said == "Neutralising helped",
        "harm": gain.worse,
        "beats": over.p <= ALPHA,
        "right": world.gain > 0 and truth[best.setting] == world.gain,
        "dev": on_dev.f1,
        "test": gain.f1,
    }


def share(row: dict[str, Any], name: str) -> str:
    """In how many runs ``name`` was true, in percent, with a 95 % interval (Wilson)."""
    if row.get(name) is None:
        return "–"
    low, high = binomtest(round(row[name] * row["runs"]), row["runs"]).proportion_ci(method="wilson")
    return f"{100 * row[name]:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def conclusions(summary: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """What follows for users, in the numbers of the runs."""

    def percent(data: str, world: str, name: str) -> str:
        return f"{100 * summary[data][world][name]:.0f}"

    def found(data: str) -> str:
        return ", ".join(percent(data, f"true gain +{points}", "gain") for points in (1, 2, 3)) + f" (`{data}`)"

    nothing, differing = "no effect", "edits differ, whichever neurons"
    said = [
        f"- **Nothing there.** A gain is claimed in {percent('gazette', nothing, 'gain')} of 100 runs (`gazette`); by "
        f"the interval alone, whatever p, it would be {percent('gazette', nothing, 'interval')}. The best of thirty "
        f"settings gains {100 * summary['gazette'][nothing]['dev']:.1f} points on dev all the same: quote test.",
        f"- **Something there.** A true gain of one, two and three points is claimed in {found('gazette')} and "
        f"{found('ajmc-en')} of 100 runs. So *nothing gained* does not rule out a point; more test documents may.",
        "- **Random neurons.** Where any set of neurons has an effect of its own (*edits differ*), the chosen one "
        f"beats 20 random draws at p ≤ 0.05 in {percent('gazette', differing, 'beats')} of 100 runs, not in 5, since "
        "it alone was chosen on dev. *More than random* then speaks of this set of neurons, not of sensitivity: "
        "repeat it with another seed.",
    ]
    return [fill(one, 120, subsequent_indent="  ") for one in said]


def page(summary: dict[str, dict[str, dict[str, Any]]], command: str) -> str:
    """The page of results, from the values of ``power.json``."""
    lines = [
        "# How often a run claims a gain",
        "",
        f"    {command}",
        "",
        "Synthetic taggers go through a run's procedure: 30 settings on dev, the best by lower bound, once on test,",
        "20 random draws beside it, the verdict. Percent of runs, with 95 % intervals. The script says how taggers are",
        "made; how often a gain is found depends on how much an edit touches besides what it mends.",
        "",
        *conclusions(summary),
    ]
    for data in DATA:
        lines += [
            "",
            f"## {data.name}",
            "",
            f"Dev {sum(data.dev)} entities in {len(data.dev)} documents, test {sum(data.test)} in {len(data.test)}.",
            "",
            "| truth | runs | claims a gain | and more than random neurons | claims harm | interval above 0, any p "
            "| random draws beaten, p ≤ 0.05 | an edit that gains was chosen | dev, mean | test, mean |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for name, row in summary[data.name].items():
            cells = [share(row, column) for column in ("gain", "helped", "harm", "interval", "beats")]
            means = [f"{100 * row[split]:+.1f}" for split in ("dev", "test")]
            lines.append(
                "| "
                + " | ".join([name, f"{row['runs']:,}", *cells, share(row, "right") if row["right"] else "–", *means])
                + " |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    reporter = Reporter()
    rows = [(data, world) for data in DATA for world in WORLDS]
    found: Found = {data.name: {world.name: [] for world in WORLDS} for data in DATA}
    for start in range(0, given.runs, ROUND):  # in rounds over all rows: it may be stopped at any time
        numbers = range(start, min(start + ROUND, given.runs))
        for data, world in reporter.track(rows, f"runs {start + 1} to {numbers[-1] + 1}"):
            found[data.name][world.name] += [once(data, world, given.seed * 100_000 + number) for number in numbers]
        write(given.out, found, f"python benchmarks/power.py --out results/power --runs {numbers[-1] + 1}")


def write(out: Path, found: Found, command: str) -> None:
    """The page, and the shares of runs in JSON."""
    summary = {
        data: {
            world: {name: float(np.mean([row[name] for row in rows])) for name in rows[0] if name != "verdict"}
            | {"runs": len(rows), "verdicts": dict(Counter(row["verdict"] for row in rows))}
            for world, rows in worlds.items()
        }
        for data, worlds in found.items()
    }
    write_json(out / "power.json", summary)
    write_text(out / "README.md", page(summary, command))


if __name__ == "__main__":
    main()
