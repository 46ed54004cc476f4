"""Speed of scoring with intervals: ``python benchmarks/score.py --out results/scoring``.

Documents of the embedded corpus, repeated to 100,000 tokens, and predictions made from their labels by chance. Ours
scores strict and fuzzy, every type, with 10,000 bootstrap draws, and compares two systems with as many draws;
nervaluate and seqeval (``pip install nervaluate seqeval``) count once, without intervals. The HIPE scorer itself is
not on PyPI; nervaluate grew from the same code, and counts in the same four ways.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy is loaded

import argparse
import resource
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

TOKENS = 100_000
DRAWS = 10_000
ROUNDS = 5


def corpus() -> list[Document]:
    """Documents of about ``TOKENS`` tokens, ids all different."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, help="folder to write README.md into")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    gold = corpus()
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
    seconds = {name: took * 100_000 / tokens for name, took in timed(work | peers(gold, first)).items()}
    ours = seconds["**counts and intervals**"]
    lines = [
        "# Speed of scoring",
        "",
        "    python benchmarks/score.py --out results/scoring",
        "",
        f"{len(gold)} documents, {tokens:,} tokens, {scores.total().tp + scores.total().fn:,} entities of "
        f"{len(scores.types)} types; one core; processor time for 100,000 tokens. Ratios are to ours with counts and "
        "intervals.",
        "",
        "| work | seconds | ratio |",
        "|---|---|---|",
        *(f"| {name} | {time_:.2f} | {time_ / ours:.2f} |" for name, time_ in seconds.items()),
        "",
        f"Scoring grew the memory of the process by {grown:.0f} MB. The HIPE scorer is not on PyPI and was "
        "not timed; nervaluate grew from the same code. Its figures are those that the tests compare with, digit for "
        "digit.",
    ]
    print("\n".join(lines))
    if args.out:
        write_text(args.out / "README.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
