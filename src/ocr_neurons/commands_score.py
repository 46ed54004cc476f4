"""The ``score`` command: its options; predictions against a gold standard, and against other predictions."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocr_neurons.common.arguments import file_to_write
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter

if TYPE_CHECKING:
    from ocr_neurons.score.bins import Bin
    from ocr_neurons.score.by_type import Comparison
    from ocr_neurons.score.evaluate import Scores
    from ocr_neurons.score.periods import Period
    from ocr_neurons.score.reading import Reading, Selection
    from ocr_neurons.text.document import Document


def options(parser: argparse.ArgumentParser) -> None:
    """The options of ``score``."""
    parser.add_argument(
        "gold", type=Path, help="gold standard: HIPE TSV, CoNLL columns, JSON Lines, or data set (its test split)"
    )
    parser.add_argument(
        "pred", type=Path, help="predictions for the same documents, as `tag` writes them (.tsv, .jsonl)"
    )
    parser.add_argument("--against", type=Path, action="append", default=[], help="other predictions; may be repeated")
    parser.add_argument(
        "--column", default="coarse",
        help="coarse (default), fine, nested, coarse-metonymic, fine-metonymic or component; or a column's own name",
    )  # fmt: skip
    parser.add_argument("--map", type=Path, help="table of types (.tsv or .toml), from and to, for both sides")
    parser.add_argument(
        "--noise-bins", nargs="?", const="", help="recall by LED of the entities, such as 0-0,0.001-0.1,0.1-1.1"
    )
    parser.add_argument("--time-bins", nargs="?", const="decade", help="by date: decade, or 1800-1850,1850-1900")
    parser.add_argument("--errors", type=file_to_write, help="also write every error in its context (.tsv or .jsonl)")
    parser.add_argument("--tsv", type=file_to_write, help="also write the table that the HIPE scorer writes")
    parser.add_argument("--suffix", default="", help="of the evaluations' names in --tsv, as in the HIPE scorer")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--draws", type=int, default=10_000, help="bootstrap and randomisation draws (default 10000)")
    parser.add_argument("--seed", type=int, default=0)


@dataclass(frozen=True)
class _Job:
    """What is scored, and what was asked of it."""

    args: argparse.Namespace
    reading: Reading
    chosen: Selection
    bins: list[Bin]
    periods: list[Period]
    draws: dict[str, int]


def score(args: argparse.Namespace) -> None:
    """``score``: tables, or JSON; on request, files."""
    from ocr_neurons.score.by_type import compare_by_type, holm_adjusted
    from ocr_neurons.score.evaluate import evaluate

    job = _job(args)
    draws = job.draws
    scores = evaluate(job.chosen.gold, job.chosen.predicted, job.reading)
    others = [_read(args.gold, path, job.reading) for path in args.against]
    compared = holm_adjusted(
        [compare_by_type(scores, evaluate(one.gold, one.predicted, job.reading), **draws) for one in others]
    )
    _print(job, scores, dict(zip(args.against, compared, strict=True)))
    _write(job)


def _job(args: argparse.Namespace) -> _Job:
    from ocr_neurons.score.bins import BINS, parse_bins
    from ocr_neurons.score.mistakes import check_suffix
    from ocr_neurons.score.periods import decades, parse_periods
    from ocr_neurons.score.reading import Reading, column_named, load_mapping

    if args.errors:
        check_suffix(args.errors)
    if args.suffix and not args.tsv:
        raise UserError(f"--suffix {args.suffix} without --tsv; it names the rows of that file: give one")
    if len(set(args.against)) < len(args.against):
        raise UserError("--against names the same file twice; wanted different predictions: name each once")
    bins = [] if args.noise_bins is None else parse_bins(args.noise_bins) if args.noise_bins else list(BINS)
    periods = parse_periods(args.time_bins) if args.time_bins else []
    reading = Reading(column_named(args.column), load_mapping(args.map) if args.map else {})
    chosen = _read(args.gold, args.pred, reading)
    draws = {"draws": args.draws, "seed": args.seed}
    return _Job(args, reading, chosen, bins, decades(chosen.gold) if periods is None else periods, draws)


def _read(gold_path: Path, path: Path, reading: Reading) -> Selection:
    from ocr_neurons.score.evaluate import check_same_documents
    from ocr_neurons.score.reading import COARSE, select
    from ocr_neurons.text.formats.tagged_lines import is_tagged, read_tagged

    gold = _gold(gold_path)
    if path.is_file() and is_tagged(path):
        if reading.column != COARSE.column:
            raise UserError(f"--column {reading.column}: {path} has coarse types alone; wanted HIPE TSV")
        predicted = read_tagged(path, gold)
    else:
        predicted = _named_alike(gold, _documents(path), gold_path)
    check_same_documents(gold, predicted)
    return select(gold, predicted, reading)


def _gold(given: Path) -> Sequence[Document]:
    """The documents of a file, or of the test split of a data set's name or folder; a file comes before a name."""
    from ocr_neurons.text.datasets import load_dataset

    if given.is_dir():
        return load_dataset(str(given.resolve())).require("test")
    return _documents(given) if given.exists() else load_dataset(str(given)).require("test")


def _documents(file: Path) -> Sequence[Document]:
    from ocr_neurons.text.formats.splits import read_one
    from ocr_neurons.text.hipe_tsv import read_hipe

    return (read_one(file) if file.is_file() else None) or read_hipe(file)


def _named_alike(gold: Sequence[Document], predicted: Sequence[Document], path: Path) -> list[Document]:
    """The predictions under the ids that the reader made of the gold file's name where it has none of its own.

    Such ids say nothing, and are others in a file of another name; tokens are compared all the same.
    """
    named = list(predicted)
    for number, (true, guess) in enumerate(zip(gold, predicted, strict=False), 1):
        if true.id in (f"{path.stem}-{number}", f"{path.name}-{number}"):
            named[number - 1] = replace(guess, id=true.id)
    return named


def _print(job: _Job, scores: Scores, compared: dict[Path, list[Comparison]]) -> None:
    from ocr_neurons.score import table
    from ocr_neurons.score.bins import recall_by_led
    from ocr_neurons.score.periods import scores_by_period

    gold, predicted, _ = job.chosen
    recall = recall_by_led(gold, predicted, job.bins, reading=job.reading, **job.draws) if job.bins else []
    dated = scores_by_period(scores, gold, job.periods) if job.args.time_bins else {}
    notes = _notes(job, scores)
    if recall and scores.types and not any(entry.entities for entry in recall if entry.low is not None):
        notes.append(
            "no entity falls into a noise bin: these data do not say how much OCR damaged them, or bins miss it."
        )
    if job.args.json:
        value: dict[str, Any] = {"column": job.reading.column} | table.to_dict(scores, **job.draws)
        value |= {"noise_bins": table.bins_to_dict(recall)} if recall else {}
        if dated:
            value["time_bins"] = {name: table.to_dict(part, **job.draws) for name, part in dated.items() if part.ids}
        if compared:
            value["against"] = {str(path): table.comparisons_to_dict(found) for path, found in compared.items()}
        print(json.dumps(_without_unknown(value | {"notes": notes}), ensure_ascii=False, indent=1))
        return
    parts = [table.score_table(scores, **job.draws)]
    parts += [table.bin_table(recall)] if recall else []
    parts += [table.period_table(dated, **job.draws)] if dated else []
    together = sum(map(len, compared.values()))
    for path, found in compared.items():
        parts.append(f"{job.args.pred} - {path}:\n{table.comparison_table(found, together)}")
    parts += ["".join(f"Note: {note}\n" for note in notes)] if notes else []
    print("\n".join(parts), end="")


def _without_unknown(value: Any) -> Any:  # noqa: ANN401 - whatever json can write
    """The same with ``null`` for intervals that say nothing, as those of one document."""
    from ocr_neurons.score.intervals import known

    if isinstance(value, list):
        return [_without_unknown(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _without_unknown(one) for key, one in value.items()}
    return found | ({"ci95": None} if found.get("ci95") and not known(*found["ci95"]) else {})


def _notes(job: _Job, scores: Scores) -> list[str]:
    """What a reader must know to trust the numbers."""
    from ocr_neurons.score.evaluate import ignored_predictions
    from ocr_neurons.score.intervals import too_narrow
    from ocr_neurons.score.reading import unmapped

    gold, predicted, left_out = job.chosen
    column, notes = job.reading.column, []
    if left_out:
        notes.append(f"{left_out} documents left out: {column} is not annotated in them.")
    if narrow := too_narrow(len(scores.ids)):
        notes.append(narrow)
    if not scores.types:
        notes.append("the gold standard has no entity here, so no score is defined.")
    if ignored := ignored_predictions(gold, predicted, job.reading):
        listed = ", ".join(f"{kind} {number}" for kind, number in ignored.items())
        notes.append(
            f"{sum(ignored.values())} predictions of types that the gold standard lacks ({listed}) do not count, "
            "as in the HIPE scorer; where they are the gold standard's under other names, rename them with --map."
        )
    if job.reading.mapping and (kept := unmapped([*gold, *predicted], job.reading)):
        notes.append(f"{job.args.map} does not name {', '.join(kept)}: kept as they are.")
    if _copied(job):
        notes.append(
            f"{job.args.pred} has the gold standard's labels in {column}, token by token; `tag` keeps the columns of "
            "its input that it does not predict, so this may be no score of a tagger."
        )
    return notes


def _copied(job: _Job) -> bool:
    """Whether a column other than the taggers' own equals the gold standard's in every token."""
    from ocr_neurons.score.reading import COARSE

    gold, predicted = (
        [job.reading.labels(document, range(len(document.tokens))) for document in side] for side in job.chosen[:2]
    )
    return job.reading.column != COARSE.column and gold == predicted


def _write(job: _Job) -> None:
    from ocr_neurons.common.files import write_text
    from ocr_neurons.score.hipe_table import hipe_table
    from ocr_neurons.score.mistakes import count_kinds, mistakes, write_mistakes

    args, reporter = job.args, Reporter(job.args.quiet)
    gold, predicted, _ = job.chosen
    if args.tsv:
        system = args.pred.stem.lower()
        write_text(
            args.tsv,
            hipe_table(
                gold, predicted, system, reading=job.reading, suffix=args.suffix, bins=job.bins, periods=job.periods
            ),
        )
        reporter.say(f"the table of the HIPE scorer: {args.tsv}")
    if args.errors:
        found = mistakes(gold, predicted, job.reading)
        write_mistakes(args.errors, found)
        listed = ", ".join(f"{number} {kind}" for kind, number in count_kinds(found).items())
        reporter.say(f"{len(found)} errors ({listed}): {args.errors}")
