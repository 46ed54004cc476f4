"""The job of comparing: make each strategy on train and dev, score each once on test, then lay them side by side.

A folder can be given again: what is done with the same settings is not repeated, and test is scored once a strategy.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import alone_in, write_json, write_text
from ocr_neurons.common.manifest import digest
from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.config import Config
from ocr_neurons.lm.load import load_tokenizer, pick_device, pick_dtype, resolve
from ocr_neurons.ner.given import Given, read_given
from ocr_neurons.ner.labels import check_types
from ocr_neurons.noise.training import training_noise
from ocr_neurons.score.intervals import too_narrow
from ocr_neurons.steps import check_regions, describe, refuse_other_precision
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.chart import write_forest
from ocr_neurons.strategies.compare import Row, compared
from ocr_neurons.strategies.controls import random_beside
from ocr_neurons.strategies.elsewhere import parts_of, take_over
from ocr_neurons.strategies.page import page
from ocr_neurons.strategies.recommend import recommendation
from ocr_neurons.strategies.shown import said
from ocr_neurons.strategies.strategy import Made, Strategy
from ocr_neurons.strategies.table import STRATEGIES, selected
from ocr_neurons.strategies.tested import CLEAN, OCR, score_test
from ocr_neurons.text.datasets import SPLITS, Dataset, load_dataset

SETTINGS = "strategies.toml"
RESULTS = ("strategies.json", "strategies.md", "strategies.png")


def compare_strategies(
    config: Config,
    out: Path,
    reporter: Reporter = QUIET,
    *,
    only: Sequence[str] = (),
    join: Sequence[Path] = (),
    data: Dataset | None = None,
    accept_licence: bool = False,
) -> dict[str, Any]:
    """Compare strategies against OCR noise for one data set and one model or tagger; write ``out``; return its values.

    ``only`` names strategies in the place of ``config.strategies.which``. What an earlier call with the same settings
    made in ``out`` stays in the table, and what others made in the folders ``join`` comes into it. ``data`` is taken in
    the place of the data set that ``config`` names.

    Raises:
        UserError: bad input, found before any long work where that is possible.
    """
    chosen = selected(only or config.strategies.which)
    bench = _bench(config, out, reporter, chosen, data or load_dataset(config.data), accept_licence)
    with ExitStack() as doors:
        parts = parts_of(bench, join, partial(_keys, bench), doors)
        out.mkdir(parents=True, exist_ok=True)
        with alone_in(out):
            _set_aside(out, reporter)
            config.save(out / SETTINGS)
            describe(bench.manifest, config, bench.data, bench.device, bench.dtype)
            take_over(bench, parts)
            doors.close()  # others may go on in them
            return _compare(bench, chosen)


def _before(path: Path) -> Path:
    return path.with_stem(f"{path.stem}-before")


def _set_aside(out: Path, reporter: Reporter) -> None:
    """Rename the results of an earlier call: a folder in which work was stopped must not look like a finished one."""
    there = [out / name for name in RESULTS if (out / name).exists()]
    for path in there:
        path.replace(_before(path))
    if there:
        names = ", ".join(_before(path).name for path in there)
        reporter.say(f"the results of before are in {names} until this comparison is finished")


def _compare(bench: Bench, chosen: Sequence[Strategy]) -> dict[str, Any]:
    keys = _keys(bench, chosen)
    for strategy in chosen:
        _make(bench, strategy, keys[strategy.name])
    for name, key in keys.items():  # what an earlier call made, or another folder had, may not be tested yet
        if made := bench.made(STRATEGIES[name], key):
            _test(bench, name, made, key)
    done = _done(bench, keys)
    rows = [
        row if row.change is None or not row.change.better else replace(row, random=random_beside(bench, row, keys))
        for row in compared(bench, done)
    ]
    return _write(bench, rows, {strategy.name: _test_key(bench, keys[strategy.name]) for strategy in done})


def _bench(
    config: Config, out: Path, reporter: Reporter, chosen: Sequence[Strategy], data: Dataset, accept_licence: bool
) -> Bench:
    for split in SPLITS:
        data.require(split)
    device = pick_device(config.device, float64=True)
    dtype = pick_dtype(config.dtype, device)
    if out.exists() and any(out.iterdir()) and not (out / SETTINGS).exists():
        raise UserError(f"{out}: holds files that are no comparison of strategies; choose another folder with --out")
    refuse_other_precision(out, dtype)
    given = read_given(Path(config.model))
    recipe = given.recipe if given else config.train
    noisy = [strategy.name for strategy in chosen if strategy.noise]
    if noisy and recipe.noise_share:
        raise UserError(
            f"strategies {', '.join(noisy)}: the base recipe has noise_share = {recipe.noise_share:g} already; wanted "
            "a plain one to compare with; set it to 0, give a plain tagger, or name others with --only"
        )
    if noisy:
        training_noise(recipe.noise, data)  # shows a language without a noise model
    if given is None or any(strategy.trains for strategy in chosen):
        load_tokenizer(resolve(given.base if given else config.model, accept_licence=accept_licence, say=reporter.say))
    check_regions(config.strategies.regions, config.model)
    if given:
        for split in ("train", "dev", "test"):
            check_types(data.split(split), given.labels, f"{data.name}, {split}")
    bench = Bench(config, data, out, given, (device, dtype), reporter)
    if any(strategy.probes for strategy in chosen):
        _ = bench.pairs  # shows when there are too few words
    return bench


def _keys(bench: Bench, chosen: Sequence[Strategy]) -> dict[str, str]:
    """The keys of the strategies that are chosen or were made in an earlier call."""
    keys: dict[str, str] = {}
    for name, strategy in STRATEGIES.items():
        known = strategy in chosen or name in bench.manifest.value["steps"]
        if known and all(needed in keys for needed in strategy.needs):
            keys[name] = bench.key(strategy, [keys[needed] for needed in strategy.needs])
    return keys


def _make(bench: Bench, strategy: Strategy, key: str) -> None:
    if bench.made(strategy, key):
        bench.reporter.say(f"{strategy.name}: done before")
        return
    if strategy.probes:  # what is found in the plain tagger's neurons is not this strategy's own time
        _ = bench.ranked
    if strategy.trains or not strategy.needs:
        bench.release()
    else:
        bench.tagger(strategy.needs[0])  # nor is loading it
    folder = bench.folder(strategy.name)
    with bench.doing(strategy.name, key):
        strategy.make(bench, folder).save(folder)


def _test_key(bench: Bench, key: str) -> str:
    return digest(key, "test", bench.data.digest())


def _test_files(bench: Bench, name: str) -> list[Path]:
    twins = [CLEAN] if "test" in bench.data.clean_twins else []
    return [bench.folder(name) / file for file in (OCR, *twins)]


def _test(bench: Bench, name: str, made: Made, key: str) -> None:
    bench.step(f"test {name}", _test_key(bench, key), _test_files(bench, name), lambda: score_test(bench, name, made))


def _done(bench: Bench, keys: dict[str, str]) -> list[Strategy]:
    """All strategies that are made and tested with the current settings, those of earlier calls too."""
    return [
        strategy
        for name, strategy in STRATEGIES.items()
        if name in keys
        and bench.made(strategy, keys[name])
        and bench.manifest.done(f"test {name}", _test_key(bench, keys[name]), _test_files(bench, name))
    ]


def _write(bench: Bench, rows: Sequence[Row], keys: dict[str, str]) -> dict[str, Any]:
    out, seed = bench.out, bench.config.seed
    advice, best = recommendation(rows)
    value = {
        "model": bench.config.model,
        "data": bench.data.name,
        "seed": seed,
        "training_seed": bench.given.seed if bench.given else seed,
        "test_documents": len(bench.data.test),
        "clean_twins": bench.data.twin_scope if "test" in bench.data.clean_twins else "",
        "recommended": best.name if best else None,
        "recommendation": advice,
        "notes": [*_notes(bench, bench.given), *said(bench.manifest, keys)],
        "strategies": [row.entry(seed) for row in rows],
    }
    results, text, figure = (out / name for name in RESULTS)
    write_json(results, value)
    write_forest(rows, figure)
    write_text(text, page(value, rows, bench.manifest.value["command"]))
    for path in (results, text, figure):
        _before(path).unlink(missing_ok=True)
    bench.reporter.say(f"strategies.md, strategies.json, strategies.png: {out}")
    return value


def _notes(bench: Bench, given: Given | None) -> list[str]:
    """What a reader must know of this comparison beside its numbers."""
    notes = []
    if given:
        notes.append(
            f"The plain tagger was given, so taggers were trained with the seed of its card, {given.seed}; `--seed` "
            "decides pairs, ranking, gains and random draws, not the training of taggers. For another training give a "
            "tagger of another seed."
        )
        notes += _other_data(bench, given)
    if given and given.edits:
        notes.append("The tagger given has edits folded in; taggers trained here start without them.")
    if narrow := too_narrow(len(bench.data.test)):
        notes.append(narrow)
    return notes


def _other_data(bench: Bench, given: Given) -> list[str]:
    """A note where the tagger was, or may have been, trained on other data; names decide only where no hash does."""
    here = bench.config.data
    if given.other_data(bench.data):
        return [
            f"By the hash in its card, the data that the tagger was trained on ({given.data}) are not those here "
            f"({here}): documents, labels, splits or clean twins differ. What is test here may have been train there, "
            "and what is trained here may have seen other documents, so the comparison may not be fair."
        ]
    if not given.data_hash and given.data not in ("", here, bench.data.name):
        return [
            f"The tagger's card says that it was trained on {given.data}; here gains and other taggers are trained on "
            f"{here}. Unless these are the same documents, the comparison is not fair to it."
        ]
    return []
