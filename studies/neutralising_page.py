"""The page of ``studies/neutralising.py``: the main job, the original's experiments, repair or suffer.

    python studies/neutralising_page.py EDITED --out results/neutralising

The argument is the ``--work`` of ``studies/neutralising.py``. A part that was measured of some taggers alone is shown
of those. ``--note`` says what the page should say beside, such as the machines. ``measured.json.xz`` beside the page
keeps all that was measured, as counts of each document: taggers that are there and not in ``--work`` (measured on
another machine) stay on the page.
"""

from __future__ import annotations

import argparse
import json
import lzma
import sys
from pathlib import Path
from typing import Any

from neutralising_costs import figure
from neutralising_grids import (
    FOUND,
    RANDOM,
    damped,
    drawn,
    f1_of,
    grid_figure,
    in_short,
    layer_figure,
    main_job,
    original,
    quirk,
)
from neutralising_repair import Costs, costs, entry, file_name, page, repair_in_short, summary
from neutralising_whole import whole
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, replacing, write_json, write_text

PLACE = ("run", "paper", "legacy", "repair")


def main() -> int:
    """Write the page; 2 where nothing was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("work", type=Path, help="where studies/neutralising.py keeps what it measured")
    parser.add_argument("--out", type=Path, required=True, help="where the results go")
    parser.add_argument("--note", default="", help="a paragraph for the head of the page")
    args = parser.parse_args()
    try:
        taggers = _read(args.work)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    taggers = _with_kept(taggers, args.out / "measured.json.xz")
    repair, untwinned = _repair(taggers)
    for one in repair:
        figure(one, args.out / f"{file_name(one)}.png")
    have = {part: {name: parts for name, parts in taggers.items() if part in parts} for part in PLACE}
    lines = [
        *_head(taggers, args.out.name),
        *([args.note, ""] if args.note else []),
        "## In short",
        "",
        *in_short(taggers),
    ]
    lines += [*(repair_in_short(repair) if repair else []), ""]
    write_text(args.out / "grids.json", _trials(taggers))
    if have["run"]:
        lines += main_job(have["run"])
        lines += ["![Each layer alone](every-layer.png)", "", "*Points of F1 on dev, a tenth of one layer edited.*", ""]
        layer_figure(have["run"], args.out / "every-layer.png")
    if have["paper"]:
        lines += original(have["paper"])
        grid_figure(have["paper"], args.out / "first-layers.png")
    lines += damped(taggers)
    lines += quirk(have["legacy"]) if have["legacy"] else []
    if repair:
        lines += summary(repair, untwinned)
        lines += whole(taggers)
        write_text(args.out / "repair.md", page(repair))
        write_json(args.out / "repair.json", [entry(one) for one in repair])
    write_text(args.out / "README.md", "\n".join(lines))
    return 0


def _read(work: Path) -> dict[str, dict[str, Any]]:
    taggers: dict[str, dict[str, Any]] = {}
    for place in sorted(work.glob("*/seed-*")):
        parts = {path.stem: read_json(path, "what was measured") for path in place.glob("*.json")}
        if parts:
            parts["ranking"] = read_json(place / "run" / "ranking.json", "a ranking")["method"]
            if "run" in parts:  # a page names no folder of the machine it was made on
                parts["run"]["summary"]["model"] = f"WORK/{place.parent.name}/{place.name}/tagger"
            job = place.parent.name.removesuffix("-default").removesuffix("-smollm2")
            taggers[f"{job}, {place.name.replace('-', ' ')}"] = parts
    if not taggers:
        raise UserError(f"{work}: nothing measured; wanted the --work of studies/neutralising.py")
    return taggers


def _with_kept(taggers: dict[str, dict[str, Any]], path: Path) -> dict[str, dict[str, Any]]:
    """The taggers with those that ``path`` keeps beside them; it keeps all of them then."""
    kept = json.loads(lzma.decompress(path.read_bytes())) if path.exists() else {}
    found = {name: kept.get(name, {}) | taggers.get(name, {}) for name in sorted({*kept, *taggers})}
    with replacing(path) as temporary:
        temporary.write_bytes(lzma.compress(json.dumps(found, ensure_ascii=False).encode(), preset=9))
    return found


def _repair(taggers: dict[str, dict[str, Any]]) -> tuple[list[Costs], list[str]]:
    measured = {name: parts for name, parts in taggers.items() if "repair" in parts}
    untwinned = [name for name, parts in measured.items() if "clean" not in parts["repair"]]
    return [
        costs(name, parts["repair"], parts["ranking"]) for name, parts in measured.items() if name not in untwinned
    ], untwinned


def _trials(taggers: dict[str, dict[str, Any]]) -> str:
    """Every trial of the grids, a line each, as JSON."""
    lines = []
    for name, parts in taggers.items():
        for part in ("run", "paper", "legacy"):
            base = f1_of(parts[part]["baseline"]) if part in parts else 0.0
            for trial in parts[part]["trials"] if part in parts else ():
                setting = trial["setting"]
                who = trial.get("way") or (FOUND if drawn(setting, FOUND) else RANDOM)
                row = [name, part, setting["region"], setting["count"], setting["factor"], who]
                lines.append(json.dumps([*row, round(f1_of(trial["totals"]) - base, 2)]))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _head(taggers: dict[str, dict[str, Any]], out: str) -> list[str]:
    rankings = {
        f"“{parts['ranking']['name']}” over {parts['ranking'].get('words')} words" for parts in taggers.values()
    }
    full = sum("run" in parts for parts in taggers.values())
    models = sorted({"Gemma 3 270M" if "-gemma270m" in name else "SmolLM2 135M" for name in taggers})
    return [
        "# What neutralising does to taggers", "",
        "    python studies/taggers.py ../shared/data --out results/taggers --work WORK --jobs NAMES",
        "    python studies/neutralising.py ../shared/data --taggers WORK --work EDITED --jobs NAMES",
        f"    python studies/neutralising_page.py EDITED --out results/{out}", "",
        f"{full} tagger{'s' if full > 1 else ''} by the default recipe on {' and '.join(models)} "
        f"([their scores](../taggers/README.md)). Neurons ranked by {', '.join(sorted(rankings))}. Scores are points "
        "of strict F1; nothing but the main job touches test. `grids.json` has every trial: tagger, part, region, "
        "count, factor, who, points over the baseline.",
        "",
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
