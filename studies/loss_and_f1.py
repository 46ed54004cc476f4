"""Whether silencing neurons that lowers the loss also raises F1.

    python studies/loss_and_f1.py runs/gazette/tagger gazette --out results/gain-effect

Neurons are ranked by attribution patching on every other dev document and its clean twin (six of them by default, as in
``benchmarks/gain_effect.py``), then silenced and halved; loss and strict F1 are those of the dev documents between.
Beside them as many random neurons of the same layers. Writes ``loss-and-f1.md``.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

import torch

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import write_text
from ocr_neurons.common.progress import Reporter
from ocr_neurons.lm.load import pick_device
from ocr_neurons.ner.loss import TaggerLoss
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.rank.choose import choose
from ocr_neurons.rank.controls import random_like
from ocr_neurons.rank.patching import attribution_patching
from ocr_neurons.score import evaluate
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.document import Document


def main() -> int:
    """Measure, write the table; 2 for bad input."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tagger", type=Path)
    parser.add_argument("data", help="a data set with clean twins of its dev split")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rank-documents", type=int, default=6)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    try:
        table = measure(args)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    write_text(args.out / "loss-and-f1.md", table)
    print(table)
    return 0


def measure(args: argparse.Namespace) -> str:
    """The table as Markdown."""
    data, reporter = load_dataset(args.data), Reporter()
    dev, twins = data.require("dev"), data.clean_twins.get("dev")
    if twins is None:
        raise UserError(f"{args.data}: no clean twins of its dev split; wanted a data set with them, as gazette")
    tagger = load_tagger(args.tagger, dtype=torch.float32, device=pick_device(args.device))
    noisy, clean = (list(side[::2][: args.rank_documents]) for side in (dev, twins))
    pieces = TaggerLoss(tagger).pieces
    found = choose(
        attribution_patching(tagger.model, pieces, noisy, clean, reporter=reporter).scored(), count=args.count
    )
    edits: dict[str, Edit | None] = {
        "nothing": None,
        "silenced": Edit(found, 0.0),
        "halved": Edit(found, 0.5),
        "random ones silenced": Edit(random_like(found, 0, 0), 0.0),
    }
    rows = [f"| {name} | {row(tagger, list(dev[1::2]), edit)} |" for name, edit in edits.items()]
    head = (
        f"{args.count} neurons by attribution patching on {len(noisy)} dev documents; {len(dev[1::2])} others measured."
    )
    return (
        "\n".join([head, "", "| edit | nats a token | strict F1 | TP | FP | FN |", "|---|---|---|---|---|---|", *rows])
        + "\n"
    )


def row(tagger: Tagger, documents: list[Document], edit: Edit | None) -> str:
    """Mean loss over documents, F1 in points, counts."""
    with edit.on(tagger.model) if edit else nullcontext():
        losses = [TaggerLoss(tagger).mean(document) for document in documents]
        total = evaluate(documents, tagger.tag(documents)).total("strict")
    return f"{sum(losses) / len(losses):.3f} | {100 * total.f1:.1f} | {total.tp} | {total.fp} | {total.fn}"


if __name__ == "__main__":
    sys.exit(main())
