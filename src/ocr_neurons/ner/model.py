"""Building, saving and loading the model of a tagger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForTokenClassification

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, replacing_folder, write_json, write_text
from ocr_neurons.lm.load import configuration, explained, load_tokenizer, may_download
from ocr_neurons.lm.quiet import quiet_transformers
from ocr_neurons.ner.adapters import plain_adapter
from ocr_neurons.ner.attention import check_attention, lift_mask
from ocr_neurons.ner.base import BASE, find_base
from ocr_neurons.ner.encoding import Encoding
from ocr_neurons.ner.heads import register_head
from ocr_neurons.ner.tagger import Tagger

CARD, ADAPTERS = "ocr_neurons.json", "adapter_config.json"


def build(
    source: str,
    labels: Sequence[str],
    *,
    attention: str,
    dtype: torch.dtype,
    device: torch.device,
    fresh_head: bool = True,
) -> nn.Module:
    """A token-classification model on the weights at ``source`` (a resolved name).

    ``fresh_head`` allows a checkpoint without a head, which is then drawn from torch's global generator.

    ``attention`` is ``bidirectional`` or ``causal``: see :mod:`ocr_neurons.ner.attention`.

    Raises:
        UserError: the checkpoint cannot be loaded, lacks weights, is of no text architecture, or cannot attend so.
    """
    config = configuration(source)
    with explained(source, "model"), quiet_transformers(keep_bars=may_download(source)):
        config.num_labels = len(labels)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}
        if attention == "bidirectional":
            lift_mask(config)
        register_head(config)
        model, found = AutoModelForTokenClassification.from_pretrained(
            source, config=config, dtype=dtype, trust_remote_code=False, output_loading_info=True
        )
    trunk = f"{model.base_model_prefix}."
    missing = sorted(key for key in found["missing_keys"] if key.startswith(trunk) or not fresh_head)
    if missing:  # transformers would make them up
        raise UserError(f"{source}: {len(missing)} weights are missing, first {missing[0]}; wanted a whole checkpoint")
    placed: nn.Module = model.to(device)
    check_attention(placed, attention, source)
    return placed


def load_tagger(folder: Path, *, dtype: torch.dtype, device: torch.device) -> Tagger:
    """Load a tagger that ``ocr-neurons train`` or ``ocr-neurons bake`` wrote; adapters are merged into the weights.

    Raises:
        UserError: the folder holds no tagger.
    """
    if folder.is_dir() and not (folder / CARD).exists() and (inner := sorted(folder.glob(f"*/{CARD}"))):
        raise UserError(f"{folder}: not a tagger's folder itself; wanted one, such as {inner[0].parent}")
    card = read_json(folder / CARD, "a tagger's folder, as `ocr-neurons train` writes it")
    try:
        labels, attention = list(card["labels"]), str(card["attention"])
        encoding = Encoding.from_json(card["encoding"])
        if (
            "base" not in card
            or "O" not in labels
            or isinstance(card["labels"], str)
            or attention not in ("bidirectional", "causal")
        ):
            raise ValueError(f"labels {labels}, attention {attention!r}, base {card.get('base')!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / CARD}: not a tagger's card ({error!r}); train the tagger again") from None
    if (folder / ADAPTERS).exists():
        from peft import PeftModel

        source = find_base(folder, card)
        with torch.random.fork_rng(devices=cards(device)):  # the head is made at random before it is read
            model = build(source, labels, attention=attention, dtype=_to_merge_in(source, dtype), device=device)
            with explained(str(folder), "adapter"), quiet_transformers():
                model = merged(PeftModel.from_pretrained(model, str(folder)))
    else:
        source = str(folder)
        model = build(source, labels, attention=attention, dtype=dtype, device=device, fresh_head=False)
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    # the head of an adapter comes back in float32; logits of one dtype need one dtype
    model.to(dtype)
    return Tagger(model, load_tokenizer(source), labels, encoding, dict(card))


def cards(device: torch.device) -> list[torch.device]:
    """The graphics cards whose generators something on ``device`` draws from; naming them keeps torch from warning."""
    return [device] if device.type == "cuda" else []


def _to_merge_in(source: str, dtype: torch.dtype) -> torch.dtype:
    """The type to load a base in before adapters are merged: float32 if it is kept so, whatever is computed in.

    Rounded before and after, the sum would be another one, and the tagger a stranger to its own neurons in another
    precision (:func:`ocr_neurons.lm.load.fingerprint`). A base that is kept in half precision is not widened: a large
    one may not fit.
    """
    return torch.float32 if configuration(source).dtype in (None, torch.float32, "float32") else dtype


def merged(wrapped: Any) -> nn.Module:  # noqa: ANN401 - PEFT's types say less than we know
    """The plain model of one with adapters folded into its weights."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for layer in wrapped.modules():
        if isinstance(layer, BaseTunerLayer):
            if name := plain_adapter(layer):
                _merge_in_float64(layer, name)
            else:
                layer.merge()
    plain: nn.Module = wrapped.unload()
    return plain


def _merge_in_float64(layer: Any, name: str) -> None:  # noqa: ANN401 - as above
    """Merge a LoRA layer so that its weight is the same on every device and processor, and rounded once.

    Each adds up a product of matrices in an order of its own, which float32 shows; a tagger would be a stranger to
    neurons that were found in it elsewhere.
    """
    weight = layer.get_base_layer().weight
    place = "cpu" if weight.device.type == "mps" else weight.device  # which has no float64
    wide, down, up = (one.data.to(place, torch.float64) for one in (
        weight, layer.lora_A[name].weight, layer.lora_B[name].weight,
    ))  # fmt: skip
    factors = (down.t(), up.t()) if layer.fan_in_fan_out else (up, down)  # GPT-2 keeps its weights the other way
    summed = torch.addmm(wide, *factors, alpha=layer.scaling[name])
    weight.data = summed.float().to(weight.device, weight.dtype)
    layer.merged_adapters.append(name)


def base_of(folder: Path) -> str | None:
    """What ``from_pretrained`` should be given for the base of a tagger's adapters; None if ``folder`` holds none.

    Raises:
        UserError: the card names no base, or one that is not there.
    """
    if not (folder / CARD).is_file() or not (folder / ADAPTERS).is_file():
        return None
    card = read_json(folder / CARD, "a tagger's card")
    if not isinstance(card, dict) or BASE not in card:
        raise UserError(f"{folder / CARD}: not a tagger's card (it names no base); train the tagger again")
    return find_base(folder, card)


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write what the program must know about a tagger beside its weights."""
    write_json(folder / CARD, card)


def save_whole(tagger: Tagger, folder: Path, facts: dict[str, Any], texts: Mapping[str, str] | None = None) -> None:
    """Write a tagger as a plain Hugging Face folder, which transformers loads without this package.

    ``facts`` go into ``ocr_neurons.json`` beside what the tagger knows of itself, ``texts`` are further files by name.

    Raises:
        UserError: the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder}: is not empty; choose another folder")
    with replacing_folder(folder) as part:
        with quiet_transformers():
            tagger.model.save_pretrained(str(part))  # type: ignore[operator]
            tagger.tokenizer.save_pretrained(str(part))
        write_card(part, tagger.info | facts)
        for name, text in (texts or {}).items():
            write_text(part / name, text)
