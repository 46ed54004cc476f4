"""The tables of ``results/strategies``, from what ``ocr-neurons strategies`` wrote: recall by noise, minutes.

    python studies/strategies_tables.py results/strategies/gazette.json

Of comparisons of earlier versions there are no differences by bin.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json
from ocr_neurons.report.phrase import NONE, bounds, points, signed


def main() -> int:
    """Print a table a file; 2 for bad input."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, help="strategies.json of a comparison")
    try:
        for path in parser.parse_args().files:
            print(table(read_json(path, "strategies.json of a comparison")), end="\n\n")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def table(value: dict[str, Any]) -> str:
    """Strict recall by how much OCR damaged the entity, and the minutes that a strategy took."""
    bins = [b for b in value["strategies"][0]["noise_cost"]["recall_by_bin"] if b["entities"]]
    names = [f"{b['label']} ({b['entities']})" for b in bins]
    lines = [["recall of entities", *names, "minutes"], ["---"] * (len(bins) + 2)]
    for row in value["strategies"]:
        change = {one["label"]: one for one in row.get("recall_differences", ())}
        found = {one["label"]: one["recall_strict"] for one in row["noise_cost"]["recall_by_bin"]}
        cells = [_cell(found[b["label"]], change.get(b["label"])) for b in bins]
        lines.append([row["title"], *cells, NONE if row["minutes"] is None else f"{row['minutes']:.1f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(recall: float, change: dict[str, Any] | None) -> str:
    return points(recall) + (f" ({signed(change['recall'])} {bounds(tuple(change['ci95']))})" if change else "")


if __name__ == "__main__":
    sys.exit(main())
