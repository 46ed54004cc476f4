"""nnsight: its cache of the input of every layer's last linear map, in batches.

The trunk alone is loaded (the pipeline of the task ``feature-extraction``), and the run is stopped before the last map,
so that neither a language-model head nor that map is computed. The cache leaves its tensors where they are
(``device=None``).
"""

from __future__ import annotations

from common import Arguments, arguments  # first: it says that nothing is fetched

# isort: split
import torch
from batched import Peer, run
from nnsight import TransformersModel
from torch import Tensor


def load(args: Arguments) -> Peer:
    model = TransformersModel(args.model, task="feature-extraction", dispatch=True, dtype=args.dtype)
    model._module.eval()
    maps = [layer.mlp.down_proj for layer in model.layers]

    @torch.inference_mode()
    def read(ids: Tensor, mask: Tensor) -> list[Tensor]:
        with model.trace({"input_ids": ids, "attention_mask": mask}, use_cache=False) as tracer:
            cache = tracer.cache(modules=maps, device=None, include_inputs=True, include_output=False)
            maps[-1].input  # noqa: B018 - the block waits here for the last map
            tracer.stop()
        return [cache[each.path].input for each in maps]

    return Peer(model._module, read)


if __name__ == "__main__":
    given = arguments(__doc__)
    run("nnsight", ["nnsight", "transformers"], given, load(given))
