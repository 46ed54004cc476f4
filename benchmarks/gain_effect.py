"""What gradients promise and what happens: ``python benchmarks/gain_effect.py TAGGER DATA --out FOLDER``.

Neurons are ranked by the tagger's loss on one half of the dev documents (every other one) and their clean twins. The
best of each ranking are then scaled on documents of the other half, and the change of their loss is set beside the
predictions: a straight line, the curvature of each neuron alone, that of the set as a whole, and the slope integrated
along the path. ``promised`` is the straight line on the documents that the neurons were chosen by: how far it is from
``first`` is what choosing made look better than it is. Random neurons, as many in each layer as ``gain-contrast``
chose, stand beside them.

Losses in nats a token, negative: better; +- standard errors over documents (of random sets: over draws). bfloat16
rounds changes of the loss to about a thousandth. Writes ``gain-effect.md`` and ``gain-effect.json``. With the defaults
SmolLM2 takes about 4 minutes of one core; for figures to rest on use all documents
(``--rank-documents 100 --documents 100 --paths 100 --nodes 2 --draws 20``, about half an hour on ``gazette``).
"""

from __future__ import annotations

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy is loaded

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ocr_neurons.common.files import write_json, write_text
from ocr_neurons.common.progress import Reporter
from ocr_neurons.lm.neurons import NeuronSet, mask
from ocr_neurons.ner.loss import TaggerLoss
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.rank.choose import choose, discovered
from ocr_neurons.rank.controls import random_like
from ocr_neurons.rank.effect import KINDS, Effect, effects
from ocr_neurons.rank.gains import Gains, collect, contrast, mean_gradient, predicted, signal_to_noise
from ocr_neurons.rank.patching import attribution_patching
from ocr_neurons.rank.scored import Scored
from ocr_neurons.text.datasets import load_dataset

RATE = 0.05
LIKE = "gain-contrast"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tagger", type=Path)
    parser.add_argument("data", help="a data set with clean twins of its dev split")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rank-documents", type=int, default=6)
    parser.add_argument("--documents", type=int, default=3, help="documents that effects are measured on")
    parser.add_argument("--paths", type=int, default=1, help="documents, of these, with path integrals")
    parser.add_argument("--nodes", type=int, default=1, help="points of the integral, from factor to factor")
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--factors", type=float, nargs="+", default=[0.0, 0.5, 2.0])
    parser.add_argument("--draws", type=int, default=2, help="random sets for each count")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    return parser.parse_args()


def rankings(gains: Gains, patching: Scored) -> dict[str, Scored]:
    """Every ranking by the loss; higher: damping helps on noisy text."""
    found = [mean_gradient(gains), signal_to_noise(gains), contrast(gains), predicted(gains, high=1.0), patching]
    return {scored.name: scored for scored in found}


def layers_of(neurons: NeuronSet) -> list[int]:
    """Neurons in the first, middle and last third of the layers."""
    thirds = np.array_split(mask(neurons).sum(1), 3)
    return [int(part.sum()) for part in thirds]


def row_of(effect: Effect, promised: float | None) -> dict[str, Any]:
    """One line of the table; ``measured there``: on the documents that have a path."""
    there = effect.measured[~np.isnan(effect.path)]
    values = {kind: {"mean": mean, "error": error} for kind, (mean, error) in effect.summary().items()}
    return {
        "ranking": effect.name.rpartition(" ")[0],
        "neurons": effect.neurons,
        "factor": effect.factor,
        "promised": promised,
        **values,
        "measured there": float(there.mean()) if len(there) else None,
    }


def random_rows(found: list[Effect]) -> list[dict[str, Any]]:
    """The random sets of each count and factor in one line: means over draws, errors from draw to draw."""
    rows = []
    for count, factor in dict.fromkeys((effect.neurons, effect.factor) for effect in found):
        own = [effect.summary() for effect in found if (effect.neurons, effect.factor) == (count, factor)]
        row: dict[str, Any] = {"ranking": "random", "neurons": count, "factor": factor, "promised": None}
        for kind in KINDS:
            means = np.array([summary[kind][0] for summary in own])
            row[kind] = {"mean": float(means.mean()), "error": float(means.std(ddof=1)) if len(means) > 1 else None}
        rows.append(row | {"measured there": None})
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown, in thousandths of a nat."""

    def shown(value: dict[str, Any] | float | None) -> str:
        number, error = (value["mean"], value["error"]) if isinstance(value, dict) else (value, None)
        if number is None or np.isnan(number):
            return ""
        return f"{1e3 * number:+.1f}" + ("" if error is None or np.isnan(error) else f" ± {1e3 * error:.1f}")

    columns = ("promised", *KINDS[:3], "measured", "path", "measured there")
    lines = [f"| ranking | neurons | factor | {' | '.join(columns)} |", "|" + " --- |" * (3 + len(columns))]
    for row in rows:
        cells = [row["ranking"], str(row["neurons"]), f"{row['factor']:g}", *(shown(row[name]) for name in columns)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """Without NaN, which JSON lacks."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def main() -> None:
    options, reporter, start = arguments(), Reporter(), time.monotonic()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    dataset = load_dataset(options.data)
    dev, twins = dataset.require("dev"), dataset.clean_twins.get("dev")
    if twins is None:
        raise SystemExit(f"{options.data}: no clean twins of its dev split; wanted a data set with them, as gazette")
    tagger = load_tagger(options.tagger, dtype=getattr(torch, options.dtype), device=torch.device("cpu"))
    model, pieces = tagger.model, TaggerLoss(tagger).pieces
    noisy, clean = (list(side[::2][: options.rank_documents]) for side in (dev, twins))
    gains = collect(model, pieces, noisy, clean, seed=options.seed, reporter=reporter)
    patching = attribution_patching(model, pieces, noisy, clean, reporter=reporter).scored()
    ranked = rankings(gains, patching)
    reporter.say(f"ranked after {time.monotonic() - start:.0f} s")

    sets = {
        f"{name} {count}": choose(scored, count=count) for name, scored in ranked.items() for count in options.counts
    }
    drawn = {
        f"random {draw} {count}": random_like(sets[f"{LIKE} {count}"], options.seed, draw)
        for count in options.counts
        for draw in range(options.draws)
    }
    held_out = list(dev[1::2][: options.documents])
    common = {"seed": options.seed, "nodes": options.nodes, "reporter": reporter}
    found = effects(model, pieces, held_out, sets, options.factors, paths=options.paths, **common)
    controls = effects(model, pieces, held_out, drawn, options.factors, paths=0, **common)

    slopes = {name: float(gains.means["noisy"][mask(neurons)].sum()) for name, neurons in sets.items()}
    rows = [row_of(effect, (effect.factor - 1) * slopes[effect.name]) for effect in found] + random_rows(controls)
    facts = {
        "tagger": options.tagger.name,
        "data": options.data,
        "dtype": options.dtype,
        "seed": options.seed,
        "documents": {"ranked on": len(noisy), "measured on": len(held_out), "with paths": options.paths},
        "loss": {
            name: float(np.mean([TaggerLoss(tagger).mean(document) for document in side]))
            for name, side in (("noisy", held_out), ("clean", twins[1::2][: options.documents]))
        },
        "discovered": {
            name: int(discovered(scored, RATE).sum()) for name, scored in ranked.items() if scored.p is not None
        },
        "thirds": {name: layers_of(neurons) for name, neurons in sets.items()},
        "seconds": round(time.monotonic() - start),
    }
    write_json(options.out / "gain-effect.json", plain(facts | {"rows": rows}))
    notes = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    text = f"# Predicted and measured effect of gains\n\nThousandths of a nat a token.\n\n{table(rows)}\n{notes}\n"
    write_text(options.out / "gain-effect.md", text)
    print(text)


if __name__ == "__main__":
    main()
