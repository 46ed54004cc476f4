"""What OCR errors cost taggers, with and without noise-robust training, on data sets of three kinds.

    python studies/noise_cost.py ../shared/data --taggers WORK --out results/noise-cost --work COSTS

``--taggers`` is the ``--work`` of ``studies/taggers.py``; of each data set the recipes that are trained there are
measured, on test, with the noise of the data's language. AjMC has twins of its entities, the gazette of its whole text,
HIPE-2020 in German and English the LED of its entities; in English it has nothing to train on, so that the German
taggers read it. Each measurement stays in ``--work``; a second call goes on. Rows that
``--out`` holds of other machines stay.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json, write_text
from ocr_neurons.common.progress import Reporter
from ocr_neurons.cost.cost import Plan, noise_cost
from ocr_neurons.lm.load import pick_device, pick_dtype
from ocr_neurons.ner.model import CARD, load_tagger
from ocr_neurons.report.chart_curve import curve_chart
from ocr_neurons.report.cost_words import sentence
from ocr_neurons.report.files import write_chart
from ocr_neurons.text.datasets import load_dataset
from taggers import short

DATA = ("hipe2022:ajmc-en", "hipe2022:ajmc-fr", "gazette", "hipe2020:de", "hipe2020:en")
TRAINED_ON = {"hipe2020:en": "hipe2020:de"}
"""Data without a train split, and those whose taggers read them: the labels are the same."""
RECIPES = ("default", "repeat", "noise", "stable", "encoder")
RATES = (0.02, 0.05, 0.1, 0.2)


def main() -> int:
    """Measure what is missing, write the page; 2 for bad input."""
    args = _arguments()
    os.environ["OCR_NEURONS_DATA"] = str(args.folder)
    try:
        found = [_one(data, folder, args) for data in args.data for folder in _taggers(data, args)]
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    if not found:
        print(f"{args.taggers}: no tagger of {', '.join(DATA)}; train some with studies/taggers.py", file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    kept = read_json(args.out / "costs.json", "measured costs") if (args.out / "costs.json").exists() else []
    rows = {row["name"]: row for row in [*kept, *found]}
    found = [rows[name] for name in sorted(rows)]
    write_json(args.out / "costs.json", found)
    page = args.out / "README.md"
    write_text(page, _renewed(page.read_text(encoding="utf-8"), found) if page.exists() else _page(found, args))
    return 0


def _renewed(page: str, found: list[dict[str, Any]]) -> str:
    """The page with the rows as they are now; what somebody wrote around them stays."""
    lines = page.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("| tagger |"))
    end = max(at for at, line in enumerate(lines) if line.startswith("- ") and ": When " in line) + 1
    return "\n".join([*lines[:start], *_rows(found), *lines[end:]]) + "\n"


def _taggers(data: str, args: argparse.Namespace) -> list[Path]:
    trained_on = short(TRAINED_ON.get(data, data))
    places = [path.parent for path in args.taggers.glob(f"{trained_on}-*/seed-{args.seed}/tagger/{CARD}")]
    return sorted(path for path in places if path.parent.parent.name.rpartition("-")[2] in RECIPES)


def _one(data: str, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    name = folder.parent.parent.name + (f"-seed-{args.seed}" if args.seed != 1 else "")
    name += f"-on-{short(data)}" if data in TRAINED_ON else ""
    kept = args.work / f"{name}.json"
    if not kept.exists():
        reporter, device, dataset = Reporter(), pick_device(args.device), load_dataset(data)
        reporter.say(f"{name} …")
        tagger = load_tagger(folder, dtype=pick_dtype(args.dtype, device), device=device)
        cost = noise_cost(tagger.tag, dataset, "test", Plan(rates=RATES, draws=2, at=0.05), reporter)
        args.out.mkdir(parents=True, exist_ok=True)
        write_chart(curve_chart(cost), args.out / f"{name}.png")
        write_json(kept, {"name": name, "data": data, "answer": sentence(cost)} | cost.entry())
    value: dict[str, Any] = read_json(kept, "a measured cost")
    return value


def _page(found: list[dict[str, Any]], args: argparse.Namespace) -> str:
    lines = [
        "# What OCR errors cost", "",
        f"`python studies/noise_cost.py ../shared/{args.folder.name} --taggers WORK --out results/{args.out.name} "
        "--work COSTS`", "",
        "Strict F1 on test in points, 95 % intervals over documents. Twins: the same tagger on the same documents as "
        "the page says (the gazette: its whole text; AjMC: its entities alone), minus OCR. 5 %: what learned noise at "
        "5 % of the characters takes away. Recall by the LED of entities. Nothing was chosen on test.", "",
        *_rows(found),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _rows(found: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| tagger | F1 | twins − OCR | lost at 5 % | recall of clean / light / medium / heavy entities |",
        "|---|---|---|---|---|",
    ]
    for row in found:
        twin, at = row["noise_cost"]["clean_twin"], row["at"]
        cost = _interval(twin["difference"]["f1"], twin["difference"]["ci95"]) if twin else "–"
        bins = [_recall(entry) for entry in row["noise_cost"]["recall_by_bin"]]
        strict = row["scores"]["strict"]
        lines.append(
            f"| [{row['name']}]({row['name']}.png) | {_interval(strict['f1'], strict['ci95'])} | {cost} "
            f"| {_interval(at['loss'], at['ci95'])} | {' / '.join(bins) or '–'} |"
        )
    return [*lines, "", *(f"- {row['name']}: {row['answer']}" for row in found)]


def _recall(entry: dict[str, Any]) -> str:
    return f"{100 * entry['recall_strict']:.0f} (n={entry['entities']})" if entry["entities"] else "–"


def _interval(value: float, ends: list[float] | None) -> str:
    said = f"{100 * value:.1f}"
    return f"{said} [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]" if ends else said


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds hipe2022-v2.1 and hipe2020-v1.4")
    parser.add_argument("--taggers", type=Path, required=True, help="where studies/taggers.py keeps its taggers")
    parser.add_argument("--out", type=Path, required=True, help="where the results go")
    parser.add_argument("--work", type=Path, required=True, help="where what was measured is kept")
    parser.add_argument("--data", nargs="*", default=DATA, help="these data sets alone")
    parser.add_argument("--seed", type=int, default=1, help="of the taggers")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
