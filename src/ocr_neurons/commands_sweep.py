"""What the command of sweeping does: read, call one room, print."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from math import inf, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter

if TYPE_CHECKING:
    from ocr_neurons.config import Sweeping
    from ocr_neurons.ner.tagger import Tagger
    from ocr_neurons.score.evaluate import Scores
    from ocr_neurons.score.intervals import Difference
    from ocr_neurons.sweep.choose import Choice
    from ocr_neurons.sweep.confirm import Confirmation
    from ocr_neurons.sweep.grid import EditMaker, Setting
    from ocr_neurons.sweep.store import Trial
    from ocr_neurons.sweep.table import Row
    from ocr_neurons.sweep.workers import Job
    from ocr_neurons.text.datasets import Dataset


def sweep(args: argparse.Namespace) -> None:
    """``sweep``: trials into a store; a table, the best, and on request its confirmation, on the screen."""
    from ocr_neurons.config import Config, load_config
    from ocr_neurons.lm.load import fingerprint, pick_device, pick_dtype
    from ocr_neurons.lm.neurons import NeuronSet
    from ocr_neurons.ner.model import load_tagger
    from ocr_neurons.ner.origin import warn_of_strangers
    from ocr_neurons.probe.profile_file import load_profile
    from ocr_neurons.sweep.choose import choose, choose_random
    from ocr_neurons.sweep.confirm import confirm
    from ocr_neurons.sweep.grid import EditMaker
    from ocr_neurons.sweep.retraining import aside, retraining
    from ocr_neurons.sweep.screen import Predictor, agreement, predictions, screened
    from ocr_neurons.sweep.sweep import states_of
    from ocr_neurons.sweep.sweep import sweep as score_all
    from ocr_neurons.sweep.table import rows, to_csv
    from ocr_neurons.sweep.workers import run_workers
    from ocr_neurons.text.datasets import load_dataset

    reporter, dataset, seed = Reporter(args.quiet), load_dataset(args.data), args.seed
    if args.while_training and (args.prune or args.screen):
        raise UserError(
            "--while-training given with --prune or --screen; these judge edits of one tagger: leave them out"
        )
    options = (load_config(args.config) if args.config else Config()).sweep
    dev = dataset.require("dev")
    test = dataset.require("test") if args.confirm else ()
    files = _named(args.neurons)
    profile = load_profile(args.profile) if args.profile else None
    edits = EditMaker({name: NeuronSet.load(path) for name, path in files.items()}, seed, profile)
    settings = _settings(args, edits, options, reporter)
    for setting in _kinds(settings):
        edits.of(setting)  # shows early what cannot be made
    screen, promise = Predictor.load(args.screen) if args.screen else None, {}
    if screen:
        promise = predictions(settings, edits, screen)
        settings = screened(settings, promise, 0.25 if args.screen_share is None else args.screen_share)
        reporter.say(f"screening: the most promising {len(settings)} of {len(promise)} settings are scored")
    device = pick_device(args.device)
    dtype = pick_dtype(args.dtype, device)
    again = retraining(args.tagger, dataset, edits, dtype, device, reporter) if args.while_training else None
    tagger = load_tagger(args.tagger, dtype=dtype, device=device)
    tagger.check([*dev, *test], dataset.name)
    job = _job(args, files, settings, _identity(tagger, edits, dataset, args.profile))
    store = job.store()
    warn_of_strangers(tagger, edits.rankings.values(), " ".join(map(str, args.neurons)), reporter)
    if screen and screen.model not in ("", fingerprint(tagger.trunk)):
        reporter.warn(f"{args.screen}: made with another tagger than this one, whose effects it need not predict")
    if args.workers > 1:
        score_all(tagger, dev, edits, [], store)  # the baseline, once
        kept = f"; states kept between settings take {states_of(tagger, dev, job.memory)} in each" if not again else ""
        reporter.say(f"sweep: {args.workers} workers{kept}")
        with aside(tagger) if again else nullcontext():
            run_workers(job, args.workers, edits.layers, reporter)
    baseline = score_all(
        tagger, dev, edits, settings, store, memory=job.memory, prune=job.prune, retrained=again, reporter=reporter
    )
    trials = store.trials(settings)
    if given_up := len(settings) - len(trials):
        reporter.say(f"sweep: {given_up} of {len(settings)} settings were given up early, as they surely lose")
    best, gain = choose(trials, baseline, seed)
    luck = choose_random(trials, baseline, seed)
    confirmed = None
    if args.confirm:
        confirmed = confirm(
            tagger, test, edits, best.setting, draws=options.test_draws,
            random_setting=luck.setting if luck else None, store=store, retrained=again, reporter=reporter,
        )  # fmt: skip
    agreed = agreement(trials, baseline, promise) if promise else None
    gain_then = gain_on_dev(confirmed.setting, store.trials(), baseline, seed) if confirmed else None
    table = rows(trials, baseline, seed, promise)
    found = Found(
        baseline, table, best, gain, confirmed, edits.layers, seed, agreed, gain_then, luck, again is not None
    )
    if args.csv:
        from ocr_neurons.common.files import write_text

        write_text(args.csv, to_csv(found.rows, edits.layers))
    if args.figure:
        from ocr_neurons.report.chart_swept import swept_chart
        from ocr_neurons.report.files import write_chart

        write_chart(swept_chart(found.rows, baseline, best.setting, edits.layers), args.figure)
    print(json.dumps(found.to_json(), ensure_ascii=False, indent=1) if args.json else found.text())


TRAINED_SO = ", of taggers that were each trained under the edit, the baseline without"


@dataclass(frozen=True)
class Found:
    """What a sweep has to say at its end."""

    baseline: Scores
    rows: Sequence[Row]
    best: Trial
    gain: Difference
    confirmed: Confirmation | None
    layers: int
    seed: int
    screening: float | None = None
    confirmed_gain: Difference | None = None
    """On dev, of the setting that test was scored for, which an earlier call may have chosen."""
    luck: Choice | None = None
    """What dev would have chosen among random neurons."""
    retrained: bool = False
    """Whether each setting is that of a tagger trained under its edit."""

    def text(self) -> str:
        """Lines for people."""
        from ocr_neurons.score.table import difference_text
        from ocr_neurons.sweep.table import text

        lines = [
            f"Points of strict F1 on dev{TRAINED_SO if self.retrained else ''}; random −: the mean of random neurons "
            "minus the baseline.",
            text(self.rows),
            "",
            f"baseline on dev: {100 * self.baseline.total().f1:.1f} points of strict F1",
            f"best on dev: {self.best.setting.describe(self.layers)}: {difference_text(self.gain)}",
        ]
        if self.luck:
            among = f"the best on dev of {self.luck.among} settings of random neurons"
            what = self.luck.setting.describe(self.layers)
            lines.append(f"{among}: {what}: {difference_text(self.luck.gain)}")
        if self.screening is not None:
            agreed = "cannot be told" if isnan(self.screening) else f"{self.screening:.2f}"
            lines.append(f"screening: rank correlation of predicted and measured effects {agreed}")
        if self.confirmed:
            test, what = self.confirmed, self.confirmed.setting.describe(self.layers)
            if test.setting != self.best.setting:
                lines.append(f"scored on test: {what}, the best on dev at the time")
            lines.append(f"on test, minus baseline: {difference_text(test.gain(self.seed))}")
            if test.controls:
                over = difference_text(test.over_controls(self.seed))
                lines.append(f"on test, minus the mean of {len(test.controls)} random draws: {over}")
            flipped = difference_text(test.flipped_gain(self.seed))
            lines.append(f"on test, the opposite edit ({test.opposite.doing()}) minus baseline: {flipped}")
            luck = test.random_gain(self.seed)
            if luck and test.random_setting:
                what = test.random_setting.describe(self.layers)
                then = "" if self.luck and self.luck.setting == test.random_setting else " at the time"
                lines.append(
                    f"on test, {what}, the best random ones on dev{then}, minus baseline: {difference_text(luck)}"
                )
            lines.append(self._verdict(test))
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The same for programs; every setting is in it."""
        from ocr_neurons.score.table import difference_to_dict, to_dict

        screening = None if self.screening is None or isnan(self.screening) else self.screening
        value: dict[str, Any] = {
            "baseline": to_dict(self.baseline, seed=self.seed),
            "settings": [row.to_json(self.layers) for row in self.rows],
            "best": self.best.setting.to_json() | {"difference": difference_to_dict(self.gain)},
            "random_best": self.luck.to_json() if self.luck else None,
            "screening": screening,
            "while_training": self.retrained,
        }
        if self.confirmed:
            test, seed = self.confirmed, self.seed
            over = difference_to_dict(test.over_controls(seed)) if test.controls else None
            luck = test.random_gain(seed)
            value["test"] = {
                "setting": test.setting.to_json(),
                "baseline": to_dict(test.baseline, seed=seed),
                "chosen": to_dict(test.chosen, seed=seed),
                "random_f1s": [scores.total().f1 for scores in test.controls],
                "opposite": {"factor": test.opposite.factor} | to_dict(test.flipped, seed=seed),
                "chosen_minus_baseline": difference_to_dict(test.gain(seed)),
                "chosen_minus_random_control": over,
                "opposite_minus_baseline": difference_to_dict(test.flipped_gain(seed)),
                "random_setting": test.random_setting.to_json() if test.random_setting else None,
                "random_best_minus_baseline": difference_to_dict(luck) if luck else None,
                "verdict": self._verdict(test),
            }
        return value

    def _verdict(self, test: Confirmation) -> str:
        from ocr_neurons.sweep.verdict import verdict

        over = test.over_controls(self.seed) if test.controls else None
        return verdict(self.confirmed_gain or self.gain, test.gain(self.seed), over, test.setting.describe(self.layers))


def gain_on_dev(setting: Setting, trials: Sequence[Trial], baseline: Scores, seed: int) -> Difference | None:
    """A setting's paired difference on dev, if the store holds it."""
    from ocr_neurons.score.intervals import compare

    return next((compare(one.scores, baseline, seed=seed) for one in trials if one.setting == setting), None)


def _kinds(settings: Sequence[Setting]) -> list[Setting]:
    """A setting for each that may be refused for reasons of its own: of a factor, of means that a region has not."""
    from ocr_neurons.sweep.profile_edits import FROM_PROFILE

    found: dict[tuple[object, ...], Setting] = {}
    for one in settings:
        found.setdefault((one.operation, one.factor, one.region if one.operation in FROM_PROFILE else ""), one)
    return list(found.values())


def _named(files: Sequence[Path]) -> dict[str, Path]:
    """Neuron files by the names that settings call them: one has none, several their file names."""
    if len(files) == 1:
        return {"": files[0]}
    named = {path.stem: path for path in files}
    if len(named) < len(files):
        raise UserError(f"--neurons {' '.join(map(str, files))}: two files of one name; rename one")
    return named


def _settings(args: argparse.Namespace, edits: EditMaker, options: Sweeping, reporter: Reporter) -> list[Setting]:
    """What is to be swept: a list from a file, a preset, or the grid of the settings in TOML."""
    from ocr_neurons.sweep.grid import CHOSEN, beside_random, grid, read_settings
    from ocr_neurons.sweep.presets import preset

    given = [name for name in ("settings", "preset", "config") if getattr(args, name)]
    if len(given) > 1 and given != ["preset", "config"]:
        raise UserError(f"--{' and --'.join(given)} given; wanted one of them")
    if args.screen_share is not None and not args.screen:
        raise UserError(
            f"--screen-share {args.screen_share:g} given without --screen; wanted gains or scores to screen by"
        )
    if args.absolute and not args.preset:
        raise UserError("--absolute given without --preset; it is about the counts of the paper's presets")
    if args.settings:
        if args.draws is not None and args.draws < 0:
            raise UserError(f"--draws {args.draws} given; wanted 0 or more")
        found = beside_random(read_settings(args.settings), args.draws or 0)
        for setting in found:
            edits.best(setting)  # shows what is too many, or ranked nowhere
        if all(setting.draw != CHOSEN for setting in found):
            raise UserError(f"{args.settings}: random draws alone; wanted settings of ranked neurons to choose among")
        return found
    draws = options.draws if args.draws is None else args.draws
    found = []
    for name, ranked in edits.rankings.items():
        if args.preset:
            own = preset(args.preset, ranked, draws=draws, absolute=args.absolute, reporter=reporter)
        else:
            own = grid(ranked, options.regions, options.shares, options.factors, draws, options.operations)
        found += [replace(setting, ranking=name) for setting in own]
    return list(dict.fromkeys(found))  # a list in TOML may name a region twice


def _identity(tagger: Tagger, edits: EditMaker, dataset: Dataset, profile: Path | None) -> str:
    """What the trials of a store rest on."""
    from ocr_neurons.common.files import sha256
    from ocr_neurons.common.manifest import digest

    means = [sha256(profile)] if profile else []
    known = {name: ranked.to_json() for name, ranked in edits.rankings.items()}
    return digest(tagger.identity(), known.get("", known), dataset.digest(), edits.seed, *means)


def _job(args: argparse.Namespace, files: dict[str, Path], settings: Sequence[Setting], identity: str) -> Job:
    from ocr_neurons.sweep.database import file_url
    from ocr_neurons.sweep.workers import Job, threads_each

    if args.workers < 1 or not 0 <= args.memory < inf or not 0 < args.heartbeat < args.grace:
        raise UserError(
            f"--workers {args.workers}, --memory {args.memory:g}, --heartbeat {args.heartbeat:g}, --grace "
            f"{args.grace:g} given; wanted at least 1 worker, memory of 0 or more GB, and a grace above the heartbeat"
        )
    return Job(
        tagger=args.tagger,
        data=args.data,
        rankings=files,
        profile=args.profile,
        settings=tuple(settings),
        url=args.store if "://" in args.store else file_url(Path(args.store)),
        name="while-training" if args.while_training else "sweep",
        identity=identity,
        seed=args.seed,
        device=args.device,
        dtype=args.dtype,
        threads=threads_each(args.workers) if args.workers > 1 else 0,
        memory=int(args.memory * 1e9),
        prune=args.prune,
        retrain=args.while_training,
        heartbeat=args.heartbeat,
        grace=args.grace,
    )
