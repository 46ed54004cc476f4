"""TransformerLens 4: ``run_with_cache`` of a TransformerBridge, filtered to every layer's neurons, in batches.

``HookedTransformer`` is gone from version 4. The bridge runs the model of transformers with its own weights, in eager
attention. ``blocks.N.mlp.out.hook_in`` is what ``blocks.N.mlp.hook_post`` stands for: act(gate) * up, the input of the
last linear map. ``stop_at_layer`` ends before a block, so the last block's neurons cost the whole pass; what can be
spared is passed on to transformers: the logits of all positions but one, the attention weights, the cache of keys.
"""

from __future__ import annotations

from common import Arguments, arguments  # first: it says that nothing is fetched

# isort: split
import torch
from batched import Peer, run
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge


def load(args: Arguments) -> Peer:
    bridge = TransformerBridge.boot_transformers(args.model, device="cpu", dtype=args.dtype)
    bridge.eval()
    names = [f"blocks.{layer}.mlp.out.hook_in" for layer in range(bridge.cfg.n_layers)]

    @torch.inference_mode()
    def read(ids: Tensor, mask: Tensor) -> list[Tensor]:
        _, cache = bridge.run_with_cache(
            ids,
            attention_mask=mask,
            names_filter=names,
            return_cache_object=False,
            logits_to_keep=1,
            output_attentions=False,
            use_cache=False,
        )
        return [cache[name] for name in names]

    return Peer(bridge.original_model, read)


if __name__ == "__main__":
    given = arguments(__doc__)
    run("transformer-lens", ["transformer-lens", "transformers"], given, load(given))
