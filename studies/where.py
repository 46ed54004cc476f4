"""Where OCR noise shows in a model: layers and neurons that react to real OCR, and to changes that are no OCR.

    python studies/where.py ../shared/data --model smollm2 --language en --out results/where/en --work WORK

The first argument holds ``icdar2017-postocr``. Every slow step leaves a file in ``--work``, where a second
call goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
from pathlib import Path
from typing import Any

import where_figures
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import write_text
from ocr_neurons.common.progress import Reporter
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from where_agreement import agreement_numbers
from where_conditions import CONDITIONS, REAL, halved, kinds_of_change, make_pairs
from where_layers import layer_numbers
from where_neurons import neuron_numbers
from where_probes import Model
from where_readme import readme
from where_texts import SETS, mean_rate, sample

FEWEST = 20
"""Words below which halves and intervals say nothing."""


def main() -> int:
    """Run the study; 2 for bad input."""
    args = _arguments()
    try:
        found = _plain(study(args, Reporter()))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    where_figures.layers_figure(found, args.out / "layers.png")
    where_figures.specific_figure(found, args.out / "specific.png")
    where_figures.agreement_figure(found, args.out / "agreement.png")
    write_text(args.out / "numbers.json", json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n")
    write_text(args.out / "README.md", readme(found))
    return 0


def study(args: argparse.Namespace, reporter: Reporter) -> dict[str, Any]:
    """All numbers, as JSON values but for NaN."""
    if args.words < FEWEST:
        raise UserError(f"--words {args.words} given; wanted at least {FEWEST}, for halves that say something")
    texts = sample(args.folder, args.language, args.characters, args.seed, args.work, reporter)
    noise = NoiseMaker(load_noise(args.language))
    pairs, left_out = make_pairs(
        texts, noise, args.language, args.words, args.placebo, args.seed, args.work, reporter
    )  # fmt: skip
    model = Model(
        args.model, args.language, args.work, device=args.device, dtype=args.dtype, seed=args.seed,
        accept_licence=args.accept_licence, reporter=reporter,
    )  # fmt: skip
    halves = halved(texts.pages, args.seed)
    readings = {condition.name: model.read(condition, pairs[condition.pairs], halves) for condition in CONDITIONS}
    reporter.say("comparing …")
    pages = {condition.name: pairs[condition.pairs] for condition in CONDITIONS if condition.whole}
    return {
        "command": _command(args),
        "seed": args.seed,
        "words": args.words,
        "language": args.language,
        "texts": texts.about | {"sets": list(SETS[args.language])},
        "pages": {name: {"cer": mean_rate(some)} | kinds_of_change(some) for name, some in pages.items()},
        "noise": {"source": noise.model.source, "learned cer": noise.model.cer},
        "left out": left_out,
        "model": {
            "name": args.model,
            "layers": readings[REAL].layers,
            "width": readings[REAL].width,
            "precision": model.precision,
        },
        "layers": layer_numbers(readings),
        "neurons": neuron_numbers(readings, args.seed),
        "agreement": agreement_numbers(readings, args.seed),
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """NaN and infinity, which JSON has not, as None; other numbers to five digits."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value


def _command(args: argparse.Namespace) -> str:
    """The command, without folders of one machine but for their last names."""
    parts = ["python", "studies/where.py", f"../shared/{args.folder.name}", "--model", args.model]
    parts += ["--language", args.language, "--out", f"results/where/{args.out.name}", "--work", "WORK"]
    parts += ["--characters", str(args.characters), "--words", str(args.words), "--placebo", args.placebo]
    parts += ["--seed", str(args.seed)]
    return shlex.join([*parts, "--dtype", args.dtype] + ["--accept-licence"] * args.accept_licence)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds icdar2017-postocr")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--language", default="en", choices=sorted(SETS))
    parser.add_argument("--out", type=Path, required=True, help="where the results go")
    parser.add_argument("--work", type=Path, required=True, help="where texts, pairs and profiles are kept")
    parser.add_argument("--characters", type=int, default=150_000, help="of clean text, at most")
    parser.add_argument("--words", type=int, default=400, help="distinct words under noise of three levels")
    parser.add_argument("--placebo", default="letters", choices=("letters", "cased-letters"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--accept-licence", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
