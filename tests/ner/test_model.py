"""Building, saving and loading taggers: attention and weights survive, broken folders are one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForTokenClassification

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.load import fingerprint
from ocr_neurons.lm.quiet import quiet_transformers
from ocr_neurons.ner.model import CARD, build, load_tagger, save_whole
from ocr_neurons.ner.train import train
from planted import LEARN, SHORT

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["llama", "bert"])
def learnt(request, tiny_folder, tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("learnt") / "tagger"
    card = train(planted.planted(8, seed=0), str(tiny_folder(request.param)), out, recipe=replace(LEARN, epochs=2))
    return out, card


def logits(model: Any, ids: torch.Tensor, attention: torch.Tensor | None = None) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=ids, attention_mask=attention).logits
    return found


def test_adapter_and_merged_weights_say_the_same(learnt):
    from peft import PeftModel

    out, card = learnt
    tagger = load_tagger(out, dtype=torch.float32, device=CPU)
    base = build(card["base"], card["labels"], attention="bidirectional", dtype=torch.float32, device=CPU)
    with quiet_transformers():
        wrapped = PeftModel.from_pretrained(base, str(out)).eval()
    ids = torch.arange(20, 60)[None]
    assert torch.allclose(logits(wrapped, ids), logits(tagger.model, ids), atol=1e-4)
    assert not any(parameter.requires_grad for parameter in tagger.model.parameters())


@pytest.mark.parametrize("kept", [torch.float32, torch.bfloat16])
def test_a_tagger_is_itself_in_either_precision(learnt, tmp_path, kept):
    """Neurons found in bfloat16 are at home in the same tagger in float32: sums are rounded once, at the end."""
    out, card = learnt
    shutil.copytree(out, tmp_path / "tagger")
    shutil.copytree(card["base"], tmp_path / "base")
    weights = load_file(tmp_path / "base" / "model.safetensors")
    save_file(
        {name: one.to(kept) for name, one in weights.items()}, tmp_path / "base" / "model.safetensors", {"format": "pt"}
    )
    settings = json.loads((tmp_path / "base" / "config.json").read_text()) | {"dtype": str(kept).removeprefix("torch.")}
    (tmp_path / "base" / "config.json").write_text(json.dumps(settings))
    changed = json.loads((tmp_path / "tagger" / CARD).read_text()) | {"base": str(tmp_path / "base")}
    (tmp_path / "tagger" / CARD).write_text(json.dumps(changed))
    wide, narrow = (
        load_tagger(tmp_path / "tagger", dtype=dtype, device=CPU) for dtype in (torch.float32, torch.bfloat16)
    )
    assert {p.dtype for p in narrow.model.parameters()} == {torch.bfloat16}
    for (name, one), other in zip(wide.model.named_parameters(), narrow.model.parameters(), strict=True):
        assert torch.equal(one.to(torch.bfloat16), other), name
    assert fingerprint(wide.trunk) == fingerprint(narrow.trunk)
    assert wide.identity() == narrow.identity()


def test_a_tagger_is_itself_wherever_its_adapters_are_added_up(learnt, tmp_path):
    """Devices add up products in orders of their own; so does whoever shuffles the ranks of the adapters."""
    out, _ = learnt
    shutil.copytree(out, tmp_path / "tagger")
    weights = load_file(out / "adapter_model.safetensors")
    rank = next(len(one) for name, one in weights.items() if "lora_A" in name)
    order = torch.randperm(rank, generator=torch.Generator().manual_seed(2))
    moved = {
        name: (one[order] if "lora_A" in name else one[:, order] if "lora_B" in name else one).contiguous()
        for name, one in weights.items()
    }
    save_file(moved, tmp_path / "tagger" / "adapter_model.safetensors")
    pairs = [name for name in weights if "lora_A" in name]
    products = [[files[name.replace("lora_A", "lora_B")] @ files[name] for name in pairs] for files in (weights, moved)]
    assert not all(map(torch.equal, *products)), "float32 shows no order here; choose another"
    here, there = (load_tagger(folder, dtype=torch.float32, device=CPU) for folder in (out, tmp_path / "tagger"))
    for (name, one), other in zip(here.model.named_parameters(), there.model.parameters(), strict=True):
        assert torch.equal(one, other), name
    assert here.identity() == there.identity()


def test_attention_survives_saving(learnt, tmp_path, capfd):
    out, _ = learnt
    tagger = load_tagger(out, dtype=torch.float32, device=CPU)
    save_whole(tagger, tmp_path / "whole", {"note": 1})
    assert capfd.readouterr() == ("", "")
    again = load_tagger(tmp_path / "whole", dtype=torch.float32, device=CPU)
    plain = AutoModelForTokenClassification.from_pretrained(tmp_path / "whole").eval()
    ids = torch.randint(2, 250, (3, 30), generator=torch.Generator().manual_seed(0))
    attention = torch.ones_like(ids)
    attention[1, 20:] = 0
    ours = logits(tagger.model, ids, attention)
    for model in (again.model, plain):
        assert model.config.is_causal is False
        assert torch.equal(logits(model, ids, attention), ours)
    assert plain.config.id2label == dict(enumerate(tagger.labels))
    assert again.info == tagger.info | {"note": 1}
    changed = ids.clone()
    changed[1, 19] = 7
    assert not torch.equal(logits(plain, changed, attention)[1, 0], ours[1, 0]), "the first token does not see the last"


def test_a_folder_that_holds_something_is_refused_by_save_whole(tiny_folder, tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        save_whole(planted.untrained(tiny_folder("llama")), tmp_path / "whole", {})
    assert [path.name for path in tmp_path.rglob("*")] == ["whole", "letter.txt"]


@pytest.mark.parametrize("kind", ["llama", "mistral"])
@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
def test_the_first_token_sees_the_last_only_when_the_mask_is_lifted(tiny_folder, kind, attention):
    model = planted.untrained(tiny_folder(kind), attention).model
    ids = torch.randint(2, 250, (2, 12), generator=torch.Generator().manual_seed(3))
    padded = torch.ones_like(ids)
    padded[1, 8:] = 0
    for mask in (None, torch.ones_like(ids), padded):
        changed = ids.clone()
        changed[0, 11] += 1
        changed[1, 7 if mask is padded else 11] += 1
        one, other = logits(model, ids, mask), logits(model, changed, mask)
        for row in (0, 1):
            assert torch.equal(one[row, 0], other[row, 0]) == (attention == "causal")
    # what stands under padding is never seen
    hidden = ids.clone()
    hidden[1, 8:] = 5
    assert torch.equal(logits(model, ids, padded)[1, :8], logits(model, hidden, padded)[1, :8])


def change_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def without(path: Path, part: str) -> None:
    kept = {name: value for name, value in load_file(path).items() if part not in name}
    save_file(kept, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("which", "spoil", "message"),
    [
        ("model", lambda f: (f / "model.safetensors").unlink(), "cannot be loaded .*no file named model.safetensors"),
        ("model", lambda f: (f / "model.safetensors").write_bytes(b"zz"), "cannot be loaded .*header"),
        ("model", lambda f: without(f / "model.safetensors", "layers.1.mlp"), "3 weights are missing, first model.lay"),
        ("model", lambda f: change_json(f / "config.json", intermediate_size=50), "cannot be loaded"),
        ("model", lambda f: change_json(f / "config.json", model_type="zebra"), "cannot be loaded .*zebra"),
        ("adapter", lambda f: (f / "adapter_model.safetensors").unlink(), "cannot be loaded"),
        ("adapter", lambda f: (f / "adapter_model.safetensors").write_bytes(b"zz"), "cannot be loaded .*header"),
        ("adapter", lambda f: (f / "adapter_config.json").write_text("{"), "cannot be loaded"),
        ("adapter", lambda f: change_json(f / CARD, labels=["O", "B-x"]), "cannot be loaded .*size mismatch"),
        ("adapter", lambda f: change_json(f / CARD, attention="both"), "not a tagger's card .*both"),
        (
            "adapter",
            lambda f: change_json(f / CARD, base=str(f / "gone"), base_hash=""),
            "gone, which is not there.* put that",
        ),
        ("whole", lambda f: without(f / "model.safetensors", "score."), "2 weights are missing, first score.bias"),
    ],
)
def test_broken_folders_are_one_line(spoilable, tmp_path, which, spoil, message):
    folder = tmp_path / which
    shutil.copytree(spoilable[which], folder)
    spoil(folder)
    work = {"model": lambda: train(planted.planted(2, seed=0), str(folder), tmp_path / "out", recipe=SHORT)}
    with pytest.raises(UserError, match=message) as caught:
        work.get(which, lambda: load_tagger(folder, dtype=torch.float32, device=CPU))()
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [which]


@pytest.fixture(scope="module")
def spoilable(tiny_folder, tmp_path_factory) -> dict[str, Path]:
    """A base model, an adapter on it, and the tagger as a whole."""
    root = tmp_path_factory.mktemp("spoilable")
    train(planted.planted(2, seed=0), str(tiny_folder("llama")), root / "adapter", recipe=SHORT)
    save_whole(load_tagger(root / "adapter", dtype=torch.float32, device=CPU), root / "whole", {})
    return {"model": tiny_folder("llama"), "adapter": root / "adapter", "whole": root / "whole"}


def test_a_bfloat16_tagger_is_bfloat16_throughout(learnt):
    tagger = load_tagger(learnt[0], dtype=torch.bfloat16, device=CPU)
    assert {parameter.dtype for parameter in tagger.model.parameters()} == {torch.bfloat16}
    assert logits(tagger.model, torch.arange(20, 60)[None]).dtype == torch.bfloat16
    exact = load_tagger(learnt[0], dtype=torch.float32, device=CPU)
    ids = torch.arange(20, 60)[None]
    assert torch.allclose(logits(tagger.model, ids).float(), logits(exact.model, ids), atol=0.1)


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (None, "no such file; wanted a tagger's folder"),
        ("{", "not JSON"),
        ("[1]", "not a tagger's card"),
        ('{"labels": ["O"], "attention": "causal", "base": "x"}', "not a tagger's card"),
    ],
)
def test_folders_that_are_no_taggers(tmp_path, card, message):
    if card is not None:
        (tmp_path / CARD).write_text(card)
    with pytest.raises(UserError, match=message) as caught:
        load_tagger(tmp_path, dtype=torch.float32, device=CPU)
    assert "\n" not in str(caught.value)
