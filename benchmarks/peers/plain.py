"""The oracle: hooks on a trunk of transformers, one text at a time and unpadded, no text shared between pairs.

Slow on purpose: nothing of the batches, the padding or the summing of the others is used.
"""

from __future__ import annotations

from common import Meter, Text, Work, arguments, encode, report, touch  # first: it says that nothing is fetched

# isort: split
import numpy as np
import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer


def main() -> None:
    args = arguments(__doc__)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModel.from_pretrained(args.model, dtype=args.dtype).eval()
    touch(model)
    pairs = encode(args.rows, tokenizer)
    seen: list[np.ndarray] = []

    def keep(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen.append(inputs[0][0].double().numpy())

    for layer in model.layers:
        layer.mlp.down_proj.register_forward_pre_hook(keep)

    @torch.inference_mode()
    def word(text: Text) -> np.ndarray:
        seen.clear()
        model(input_ids=torch.tensor([text.ids]), use_cache=False)
        return np.stack([values[text.first : text.last].mean(axis=0) for values in seen])

    sums = np.zeros((2, *word(pairs[0].clean).shape))
    work, meter = Work(), Meter()
    meter.start()
    for pair in pairs:
        difference = word(pair.noisy) - word(pair.clean)
        sums += np.stack([difference, np.abs(difference)])
        work.pairs += 1
        work.texts += 2
        work.sub_words += len(pair.clean.ids) + len(pair.noisy.ids)
    work.positions = work.sub_words
    meter.stop()
    report(
        "plain hooks", ["transformers"], args, work, meter, sums, "input of down_proj, mean over the word's sub-words"
    )


if __name__ == "__main__":
    main()
