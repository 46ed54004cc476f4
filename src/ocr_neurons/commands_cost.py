"""The ``cost`` command: its options; what OCR errors cost a tagger."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ocr_neurons.common.arguments import folder_to_write
from ocr_neurons.common.progress import Reporter


def options(parser: argparse.ArgumentParser) -> None:
    """The options of ``cost``."""
    parser.add_argument("tagger", type=Path, help="tagger's folder")
    parser.add_argument("data", help="data set, folder or file; clean twins are used where there are any")
    parser.add_argument("--split", default="test", help="split to measure on (default test)")
    parser.add_argument(
        "--noise", default="", help="noise model: en, fr, de, or a file of `noise learn` (default: by language)"
    )
    parser.add_argument(
        "--cer", type=_rates, default=(0.02, 0.05, 0.1, 0.15, 0.2), metavar="RATES",
        help="error rates of the curve (default 0.02,0.05,0.1,0.15,0.2)",
    )  # fmt: skip
    parser.add_argument("--spread", action="store_true", help="let documents differ in their rates as real ones do")
    parser.add_argument("--draws", type=int, default=3, help="draws of noise at each rate (default 3)")
    parser.add_argument("--at", type=float, help="your texts' error rate, to be answered for, such as 0.08")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", type=folder_to_write, help="folder to write cost.json and cost.png into")
    parser.add_argument("--seed", type=int, default=1)


def cost(args: argparse.Namespace) -> None:
    """``cost``: a table and a sentence, or JSON; on request, files."""
    from ocr_neurons.common.files import write_json
    from ocr_neurons.cost.cost import Plan, noise_cost
    from ocr_neurons.lm.load import pick_device, pick_dtype
    from ocr_neurons.ner.model import load_tagger
    from ocr_neurons.report.chart_curve import curve_chart
    from ocr_neurons.report.cost_words import caveat, cost_table, own_ocr, sentence
    from ocr_neurons.report.files import write_chart
    from ocr_neurons.score.intervals import too_narrow
    from ocr_neurons.text.datasets import load_dataset

    reporter, data = Reporter(args.quiet), load_dataset(args.data)
    documents = data.require(args.split)
    plan = Plan(args.noise, args.cer, args.draws, args.spread, args.at, args.seed)
    device = pick_device(args.device)
    tagger = load_tagger(args.tagger, dtype=pick_dtype(args.dtype, device), device=device)
    tagger.check(documents, f"{data.name}, {args.split}")
    found = noise_cost(tagger.tag, data, args.split, plan, reporter)
    said = {"answer": sentence(found), "own_ocr": own_ocr(found), "caveat": caveat(found)}
    said |= {"too_narrow": too_narrow(len(documents))}
    value = {"tagger": str(args.tagger)} | said | found.entry()
    if args.out:
        write_json(args.out / "cost.json", value)
        write_chart(curve_chart(found), args.out / "cost.png")
        reporter.say(f"cost.json, cost.png: {args.out}")
    if args.json:
        print(json.dumps(value, ensure_ascii=False, indent=1))
    else:
        print("\n".join([cost_table(found), *(line for line in said.values() if line)]))


def _rates(given: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in given.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r}; wanted error rates such as 0.02,0.05,0.1") from None
