"""Scoring test: the documents as a strategy tags them, and their clean twins, into files."""

from __future__ import annotations

from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.strategy import Made
from ocr_neurons.text.hipe_tsv import write_hipe

OCR, CLEAN = "predictions.tsv", "predictions-clean.tsv"
"""What a strategy says of the test documents as OCR read them, and of their clean twins."""


def score_test(bench: Bench, name: str, made: Made) -> None:
    """Tag test, and its clean twins where there are any, with what a strategy made; write the predictions."""
    bench.reporter.say(f"test: {name} …")
    tagger, block = bench.applied(name, made)
    with block:
        for documents, file in ((bench.data.test, OCR), (bench.data.clean_twins.get("test", ()), CLEAN)):
            if documents:
                write_hipe(bench.folder(name) / file, tagger.tag(documents))
