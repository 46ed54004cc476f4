"""The way of the paper's released code, as we know it: one word alone, padded to 64 positions, everything kept.

No batches, and no text is read once for several pairs: the whole causal language model, head included, runs on the
clean and on the noisy word of each pair; hooks keep the output of every layer's ``up_proj`` at all 64 positions, for
all texts; only then are the means taken, over all 64 positions, padding included. The padding, on the right, is masked
as a key.
"""

from __future__ import annotations

from common import MIB, Meter, Work, arguments, report, touch, wrong  # first: it says that nothing is fetched

# isort: split
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

PADDED = 64
SHARE = 0.8
"""Of the memory that is free, what may be filled."""


def main() -> None:
    args = arguments(__doc__)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model: Any = AutoModelForCausalLM.from_pretrained(args.model, dtype=args.dtype)
    model.eval()
    _refuse_more_than_fits(len(args.rows), model.config, args.dtype)
    touch(model)
    kept: list[torch.Tensor] = []  # of every text, of every layer: [1, 64, width]

    def keep(_module: nn.Module, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        kept.append(output.detach().cpu())

    layers = [layer.mlp.up_proj for layer in model.model.layers]
    for layer in layers:
        layer.register_forward_hook(keep)

    @torch.inference_mode()
    def feed(word: str) -> int:
        text = tokenizer(word, padding="max_length", max_length=PADDED, truncation=True, return_tensors="pt")
        model(input_ids=text["input_ids"], attention_mask=text["attention_mask"])
        return int(text["attention_mask"].sum())

    feed(args.rows[0]["clean"])
    kept.clear()
    work, meter = Work(pairs=len(args.rows)), Meter()
    meter.start()
    for row in args.rows:
        work.sub_words += feed(row["clean"]) + feed(row["noisy"])
        work.texts += 2
        work.positions += 2 * PADDED
    sums = np.zeros((2, len(layers), kept[0].shape[-1]))
    for pair in range(work.pairs):
        for layer in range(len(layers)):
            clean, noisy = (kept[(2 * pair + side) * len(layers) + layer] for side in (0, 1))
            difference = (noisy.float().mean(dim=(0, 1)) - clean.float().mean(dim=(0, 1))).double().numpy()
            sums[0, layer] += difference
            sums[1, layer] += np.abs(difference)
    meter.stop()
    report("original", ["transformers"], args, work, meter, sums, "output of up_proj, mean over 64 positions")


def _refuse_more_than_fits(pairs: int, config: Any, dtype: torch.dtype) -> None:  # noqa: ANN401 - transformers'
    """Exit with status 2 where the activations of all texts would not fit into the memory that is free."""
    each = 2 * config.num_hidden_layers * PADDED * config.intermediate_size * dtype.itemsize / MIB
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return
    free = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("MemAvailable:"))
    if pairs * each > SHARE * free:
        fits = int(SHARE * free / each)
        wrong(
            f"{pairs} pairs given, which would keep {pairs * each:,.0f} MiB ({each:.1f} a pair); "
            f"wanted what fits into the {free:,.0f} MiB that are free; give --limit {fits} or less"
        )


if __name__ == "__main__":
    main()
