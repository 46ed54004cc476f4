"""Maps with packed weights: bitsandbytes' 8- and 4-bit maps where it is installed, and maps that are no nn.Linear."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ocr_neurons.lm.sites import SITES, neuron_maps, readings
from ocr_neurons.lm.widths import widths
from packing import CONFIGS, Packed, bits, pack
from tiny_families import FAMILIES, made, read


@pytest.mark.filterwarnings("ignore:MatMul8bitLt")
@pytest.mark.parametrize("family", CONFIGS)
# rounding of 8 and 4 bits; a wrong map, or the wrong half of one, is hardly alike at all
@pytest.mark.parametrize(("how", "alike"), [("own", 0.998), ("int8", 0.998), ("nf4", 0.8)])
def test_packed_models_are_read_as_their_float_model(family: str, how: str, alike: float) -> None:
    maker = Packed if how == "own" else bits(how)
    row, floating = FAMILIES[family], made(CONFIGS[family])
    model = pack(made(CONFIGS[family]), maker)
    seen: dict[str, Tensor] = {}
    for site in SITES:
        if site == "gate" and not row.gate:
            continue
        found, wanted = readings(model, site, [0]), readings(floating, site, [0])
        assert found[0].part == wanted[0].part
        seen[site], expected = read(model, found)[0], read(floating, wanted)[0]
        assert seen[site].dtype == torch.float32
        assert float(torch.cosine_similarity(seen[site].flatten(), expected.flatten(), dim=0)) > alike
    made_of = row.act(seen["gate"]) * seen["up"] if row.gate else row.act(seen["up"])
    torch.testing.assert_close(seen["neuron"], made_of, rtol=1e-4, atol=1e-5)
    name = row.last.replace(".1.", ".0.", 1)
    assert neuron_maps(model)[0] is model.get_submodule(name)
    assert type(readings(model, "up")[0].module) is not nn.Linear


def test_only_linear_maps_have_widths() -> None:
    class Says(nn.Module):
        def __init__(self, read: object, written: object, *parts: nn.Module) -> None:
            super().__init__()
            self.in_features, self.out_features = read, written
            self.parts = nn.ModuleList(parts)

    assert widths(nn.Linear(3, 4)) == (3, 4)
    assert widths(Packed(nn.Linear(3, 4))) == (3, 4)
    assert widths(Says(3, 4)) == (3, 4)
    assert widths(Says(3, 4, nn.Embedding(3, 4))) == (3, 4)  # code books
    for other in (
        Says(3, 4, nn.Linear(3, 4)),
        Says(3, 4, Says(3, 9, nn.ReLU())),
        Says(3, None),
        Says("3", 4),
        Says(True, 4),
        Says(3.0, 4.0),
        Says(torch.tensor(3), torch.tensor(4)),
        nn.Bilinear(3, 3, 4),
        nn.Embedding(3, 4),
        nn.Conv1d(3, 4, 1),
        nn.LayerNorm(3),
    ):
        assert widths(other) is None
