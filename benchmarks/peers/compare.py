"""Whether statistics are the same: ``python benchmarks/peers/compare.py REFERENCE.npz STATS.npz…``.

Prints, for each file and statistic, the largest difference from the reference of any neuron, as it is and in units of
the root mean square of its layer; and the norm of the difference relative to the reference's, in the layer where it is
largest. Exits with status 1 where the second is above ``--tolerance``, which is meant for float32: in bfloat16 single
neurons differ by as much as their layer's root mean square, and the relative norm of two right answers is some 0.05.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from common import wrong

STATISTICS = ("mean_difference", "mean_absolute")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("stats", type=Path, nargs="+")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    args = parser.parse_args()
    reference = np.load(args.reference)
    same = True
    for path in args.stats:
        stats = np.load(path)
        for field in ("site", "pairs"):
            if stats[field] != reference[field]:
                wrong(f"{path}: {field} {stats[field]}; wanted {reference[field]}, as {args.reference} has")
        for name in STATISTICS:
            off = np.abs(stats[name] - reference[name])
            unit = np.sqrt((reference[name] ** 2).mean(axis=1, keepdims=True))
            worst = float((off / unit).max())
            same = same and worst <= args.tolerance
            norm = float((np.linalg.norm(off, axis=1) / np.linalg.norm(reference[name], axis=1)).max())
            shown = {"largest": float(off.max()), "in_root_mean_squares": worst, "relative_norm": norm}
            print(json.dumps({"file": path.name, "statistic": name} | shown))
    raise SystemExit(0 if same else 1)


if __name__ == "__main__":
    main()
