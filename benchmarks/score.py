"""Speed of scoring with intervals: ``python benchmarks/score.py --out results/scoring``.

Documents of the embedded corpus, repeated to 100,000 tokens, or of ``--text FILE``, and predictions made from their
labels by chance. Ours scores strict and fuzzy, every type, with 10,000 bootstrap draws, and compares two systems with
as many draws; nervaluate and seqeval (``pip install nervaluate seqeval``) count once, without intervals. The HIPE
scorer is not on PyPI: ``--hipe-scorer FOLDER`` names a checkout of github.com/hipe-eval/HIPE-scorer (``pip install
smart_open``). It reads files, so beside it ours reads the same two; both have to find the same figures.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy is loaded

import argparse
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ocr_neurons.common.files import write_text
from ocr_neurons.common.seeds import generator
from ocr_neurons.score.by_type import compare_by_type, rows_by_type
from ocr_neurons.score.evaluate import MODES, Scores, evaluate
from ocr_neurons.text.datasets import SPLITS, load_dataset
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import read_hipe, write_hipe

TOKENS = 100_000
DRAWS = 10_000
ROUNDS = 5
OURS, THEIRS = "ours, two files read, counts alone", "the HIPE scorer, two files read, counts alone"


def corpus(file: Path | None) -> list[Document]:
    """Those of a file, or documents of about ``TOKENS`` tokens, ids all different."""
    if file:
        return read_hipe(file)
    data = load_dataset("gazette")
    own = [document for split in SPLITS for document in data.split(split)]
    documents: list[Document] = []
    while sum(len(document.tokens) for document in documents) < TOKENS:
        documents.append(replace(own[len(documents) % len(own)], id=str(len(documents))))
    return documents


def predicted(documents: list[Document], name: str, chance: float) -> list[Document]:
    """The labels, each entity lost, cut short or of another type with some chance; and some out of nothing."""
    types = sorted({entity.type for document in documents for entity in document.entities()})
    made = []
    for document in documents:
        rng = generator(0, name, document.id)
        labels = ["O"] * len(document.tokens)
        for entity in document.entities():
            kind = str(rng.choice(types)) if rng.random() < chance / 3 else entity.type
            end = entity.end - (entity.end - entity.start > 1 and rng.random() < chance)
            if rng.random() > chance:
                labels[entity.start : end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - entity.start - 1)
        for place in rng.choice(len(labels), size=max(1, int(chance * 10)), replace=False):
            labels[place] = f"B-{rng.choice(types)}" if labels[place] == "O" else labels[place]
        made.append(document.with_labels(labels))
    return made


def timed(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of processor time of each, the least of some rounds; in each round all have their turn."""
    best = dict.fromkeys(work, float("inf"))
    for _ in range(ROUNDS):
        for name, job in work.items():
            start = time.process_time()
            job()
            best[name] = min(best[name], time.process_time() - start)
    return best


def peers(gold: list[Document], guess: list[Document]) -> dict[str, Callable[[], object]]:
    """Other libraries' counting of the same labels, those that are installed."""
    labels = [[document.labels() for document in side] for side in (gold, guess)]
    tags = sorted({entity.type for document in gold for entity in document.entities()})
    found: dict[str, Callable[[], object]] = {}
    try:
        from nervaluate import Evaluator

        found["nervaluate, counts alone"] = lambda: Evaluator(*labels, tags=tags, loader="list").evaluate()
    except ImportError:
        print("nervaluate is not installed")
    try:
        from seqeval.metrics import classification_report

        found["seqeval, strict counts alone"] = lambda: classification_report(*labels, zero_division=0)
    except ImportError:
        print("seqeval is not installed")
    return found


def hipe_scorer(
    checkout: Path, gold: list[Document], guess: list[Document], folder: Path
) -> dict[str, Callable[[], object]]:
    """The HIPE scorer and ours on the same two files, once both are seen to say the same."""
    sys.path.insert(0, str(checkout))
    from hipe_evaluation.ner_eval import Evaluator

    files = [folder / "gold.tsv", folder / "predicted.tsv"]
    for file, documents in zip(files, (gold, guess), strict=True):
        write_hipe(file, documents)

    def theirs() -> dict[str, dict[str, float]]:
        found = Evaluator(*map(str, files)).evaluate("NE-COARSE-LIT", "nerc", tags=None, merge_lines=True)
        figures: dict[str, dict[str, float]] = found[0]
        return figures

    def ours() -> Scores:
        return evaluate(*(read_hipe(file) for file in files))

    found, said = theirs(), ours()
    for mode, name in (("strict", "strict"), ("fuzzy", "ent_type")):
        total = said.total(mode)
        counts = [found[name][key] for key in ("TP", "FP", "FN")]
        if counts != [total.tp, total.fp, total.fn]:
            raise SystemExit(f"{mode}: the HIPE scorer counts {counts}, ours {total}")
    return {OURS: ours, THEIRS: theirs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, help="folder to write README.md into")
    parser.add_argument("--text", type=Path, help="HIPE TSV file to score (default: the embedded corpus, repeated)")
    parser.add_argument("--hipe-scorer", type=Path, help="checkout of the HIPE scorer, to be timed as well")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    gold = corpus(args.text)
    first, second = predicted(gold, "first", 0.2), predicted(gold, "second", 0.25)
    tokens = sum(len(document.tokens) for document in gold)
    scores, other = evaluate(gold, first), evaluate(gold, second)

    def intervals(one: Scores) -> None:
        for mode in MODES:
            rows_by_type(one, mode, DRAWS)

    work = {
        "counts: strict and fuzzy, by type and document": lambda: evaluate(gold, first),
        f"intervals of all types, {DRAWS:,} draws": lambda: intervals(scores),
        "**counts and intervals**": lambda: intervals(evaluate(gold, first)),
        f"two systems compared, all types, {DRAWS:,} draws": lambda: compare_by_type(scores, other, DRAWS),
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for job in work.values():
        job()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    with tempfile.TemporaryDirectory() as folder:
        others = peers(gold, first)
        if args.hipe_scorer:
            others |= hipe_scorer(args.hipe_scorer, gold, first, Path(folder))
        seconds = {name: took * 100_000 / tokens for name, took in timed(work | others).items()}
    ours = seconds["**counts and intervals**"]
    lines = [
        "# Speed of scoring",
        "",
        "    python benchmarks/score.py --out results/scoring"
        + (f" --text {args.text.name}" if args.text else "")
        + (" --hipe-scorer CHECKOUT" if args.hipe_scorer else ""),
        "",
        f"{len(gold)} documents, {tokens:,} tokens, {scores.total().tp + scores.total().fn:,} entities of "
        f"{len(scores.types)} types; one core; processor time for 100,000 tokens. Ratios are to ours with counts and "
        "intervals.",
        "",
        "| work | seconds | ratio |",
        "|---|---|---|",
        *(f"| {name} | {time_:.2f} | {time_ / ours:.2f} |" for name, time_ in seconds.items()),
        "",
        f"Scoring grew the memory of the process by {grown:.0f} MB. "
        + (
            f"The HIPE scorer takes {seconds[THEIRS] / seconds[OURS]:.1f} times ours from the same two files; its "
            "strict and fuzzy counts of them are equal to ours."
            if args.hipe_scorer
            else "The HIPE scorer, which is not on PyPI, was not timed (`--hipe-scorer`)."
        ),
    ]
    print("\n".join(lines))
    if args.out:
        write_text(args.out / "README.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
