"""Loading a model and its tokenizer, by an embedded name, a local folder or a Hub id."""

from __future__ import annotations

import copy
import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, but missing from __all__
from torch import nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import user_path
from ocr_neurons.common.launched import processes, rank_here
from ocr_neurons.lm.fetch import fetch, say_on_stderr
from ocr_neurons.lm.quiet import quiet_transformers
from ocr_neurons.lm.registry import EMBEDDED

UPSTREAM_SAYS = {  # messages of transformers that do not say what is wrong, or propose what we do not do
    "ignore_mismatched_sizes": "its weights have other shapes than its config.json says",
    "trust_remote_code": "it needs code of its own, and code of a checkpoint is never run",
}
CONFIG_ESSENTIALS = (
    "model_type",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_act",
    "rope_parameters",
    "sliding_window",
)


def resolve(
    name: str, *, accept_licence: bool = False, say: Callable[[str], None] = say_on_stderr, cache: Path | None = None
) -> str:
    """What ``from_pretrained`` should be given for ``name``.

    An embedded name gives its folder in the cache, fetched if need be (it wins over a folder of the same name here:
    write ``./smollm2`` for that). A folder with ``config.json`` gives itself. Anything else of a Hub id's form is
    passed on as it is; whether it exists shows when it is loaded. Resolving what was resolved changes nothing.

    Raises UserError: a path that is not there, a folder without ``config.json``, a text that is no Hub id, or
    whatever ``fetch`` raises.
    """
    if name in EMBEDDED:
        return str(fetch(name, cache=cache, accept_licence=accept_licence, say=say))
    wanted = "wanted a folder with config.json, a Hub id or " + ", ".join(EMBEDDED)
    if not name.strip():
        raise UserError(f"no model given; {wanted}")
    try:
        path = Path(name).expanduser()
        config, folder, adapter = (path / "config.json").is_file(), path.is_dir(), path / "adapter_config.json"
    except (OSError, RuntimeError):  # a name too long for a file system; the home of a user who does not exist
        raise UserError(f"{name}: no such folder; {wanted}") from None
    if config:
        return str(path)
    if folder:
        hint = "; it is a PEFT adapter: give its base model" if adapter.is_file() else ""
        raise UserError(f"{name}: a folder without config.json; {wanted}{hint}")
    if path.exists():
        raise UserError(f"{name}: a file; {wanted}")
    try:
        validate_repo_id(name)
    except HFValidationError:  # "./x", "/x", "~/x", "a/b/c", "x/", "C:\x"
        raise UserError(f"{name}: no such folder; {wanted}") from None
    return name


def pick_device(text: str, *, float64: bool = False) -> torch.device:
    """The device called ``text``: ``auto`` (CUDA if present, else the CPU), ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Of several processes that ``torchrun`` or ``accelerate launch`` started on a machine, each gets a CUDA device of its
    own (as far as there are enough), unless one is named by its number. ``float64``: what is to be done needs it, which
    MPS has not. Raises UserError when it is unknown, absent or unfit.
    """
    if text == "auto":
        return _own_cuda() if torch.cuda.is_available() else torch.device("cpu")
    match = re.fullmatch(r"(cpu|mps|cuda)(?::(\d+))?", text)
    if match is None or (match[2] and match[1] != "cuda"):
        raise UserError(f"device {text}: unknown; wanted auto, cpu, cuda, cuda:N or mps")
    if match[1] == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {text}: PyTorch sees no CUDA device here; use --device cpu or auto")
    if match[1] == "cuda" and match[2] and int(match[2]) >= torch.cuda.device_count():
        raise UserError(f"device {text}: there are {torch.cuda.device_count()} CUDA devices, counted from 0")
    if match[1] == "mps" and not torch.backends.mps.is_available():
        raise UserError(f"device {text}: PyTorch sees no MPS device here; use --device cpu or auto")
    if match[1] == "mps" and float64:
        raise UserError("device mps: has no float64, which neurons are measured and folded in; use --device cpu")
    return _own_cuda() if text == "cuda" else torch.device(text)


def _own_cuda() -> torch.device:
    """The CUDA device of this process among those started together, or the current one."""
    return cuda_in_turn(rank_here()) if processes() > 1 else torch.device("cuda")


def cuda_in_turn(number: int) -> torch.device:
    """The CUDA device of the process ``number`` on this machine, counted from 0, where each takes the next."""
    return torch.device("cuda", number % torch.cuda.device_count())


def pick_dtype(text: str, device: torch.device) -> torch.dtype:
    """The floating type called ``text``: ``auto``, ``float32`` or ``bfloat16``.

    ``auto`` is bfloat16 where the device computes in it natively (CUDA from Ampere on; CPUs with AVX512-BF16, AMX or
    Arm's BF16), else float32: emulated bfloat16 is slower than float32. A bfloat16 asked for by name is given anyway.
    """
    if text == "auto":
        return torch.bfloat16 if _computes_bfloat16(device) else torch.float32
    if text not in ("float32", "bfloat16"):
        raise UserError(f"dtype {text}: unknown; wanted auto, float32 or bfloat16")
    return torch.float32 if text == "float32" else torch.bfloat16


def _computes_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    # oneDNN's own answer is also yes where it merely emulates, hence the look at the instruction sets.
    able = torch.cpu.get_capabilities()
    native = any(able.get(feature, False) for feature in ("avx512_bf16", "amx_bf16", "bf16"))
    return native and torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # type: ignore[no-untyped-call]


def load_tokenizer(name: str) -> Any:  # noqa: ANN401 - transformers is untyped here
    """The fast tokenizer of ``name`` (see ``resolve``): gives offset mappings, pads on the right, has a pad token.

    A missing pad token becomes the end-of-text token: padding must always be masked, never recognised by its id.
    Raises UserError when there is no fast tokenizer, no usable pad token, or it cannot be loaded.
    """
    from transformers import AutoTokenizer

    source = resolve(name)
    with explained(name, "tokenizer"), quiet_transformers(keep_bars=may_download(source)):
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise UserError(
            f"{name}: its tokenizer gives no character offsets; wanted a fast one: save it with a tokenizer.json"
        )
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise UserError(f"{name}: its tokenizer has neither a pad nor an end token; set one and save it")
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def depth_of(name: str) -> int | None:
    """How many layers the trunk of ``name`` has, by its configuration alone; ``None`` where that does not say."""
    layers = getattr(configuration(name).get_text_config(), "num_hidden_layers", None)
    return layers if isinstance(layers, int) else None


def configuration(name: str) -> Any:  # noqa: ANN401 - as above
    """What ``name`` (see ``resolve``) says of itself, without its weights.

    Raises UserError when it cannot be loaded.
    """
    from transformers import AutoConfig

    source = resolve(name)
    with explained(name, "model"), quiet_transformers(keep_bars=may_download(source)):
        return AutoConfig.from_pretrained(source, trust_remote_code=False)


def load_trunk(name: str, dtype: torch.dtype, device: torch.device) -> Any:  # noqa: ANN401 - as above
    """The model of ``name`` (see ``resolve``) without a head, in ``dtype`` on ``device``, in eval mode.

    Of an encoder-decoder model (T5, BART …) it is the encoder alone, and its configuration says so
    (``is_encoder_decoder`` is False). BERT's pooler is dropped: no token-level task uses it, and most checkpoints lack
    it. No code of the checkpoint is ever run. Raises UserError when it cannot be loaded or when weights are missing
    (transformers would make them up).
    """
    source, config = resolve(name), configuration(name)
    with explained(name, "model"), quiet_transformers(keep_bars=may_download(source)):
        model, info = _auto_class(config).from_pretrained(
            source, config=config, dtype=dtype, trust_remote_code=False, output_loading_info=True
        )
        if getattr(model, "pooler", None) is not None:
            model.pooler = None
        missing = sorted(key for key in info["missing_keys"] if not key.startswith("pooler."))
        if missing:
            raise UserError(
                f"{name}: {len(missing)} weights are missing, first {missing[0]}; wanted a whole checkpoint"
            )
        if getattr(config, "is_encoder_decoder", False):
            model = _encoder(model, name)
        return model.to(device).eval()


def _auto_class(config: Any) -> Any:  # noqa: ANN401 - as above
    """The auto class that loads no more than is wanted: of T5 and its kin there is one for the encoder alone."""
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoModel, AutoModelForTextEncoding

    # where the encoder has a configuration of its own (T5Gemma), the encoder alone would not carry it
    own = hasattr(getattr(config, "encoder", None), "hidden_size")
    alone = getattr(config, "is_encoder_decoder", False) and type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING
    return AutoModelForTextEncoding if alone and not own else AutoModel


def _encoder(model: Any, name: str) -> Any:  # noqa: ANN401 - as above
    if hasattr(model, "decoder"):
        encoder = model.get_encoder()
        if encoder is model:
            raise UserError(f"{name}: an encoder and a decoder ({type(model).__name__}) that cannot be parted")
        model = encoder
    model.config = copy.deepcopy(model.config)  # the decoder, and whoever else holds the old one, keep theirs
    model.config.is_encoder_decoder = False
    return model


def fingerprint(model: nn.Module) -> str:
    """16 hexadecimal digits that identify the weights of a model's trunk.

    SHA-256 over the shape-giving part of the configuration and over every parameter's name, shape and values rounded
    to bfloat16. So it is the same on every device, for float32 and bfloat16 loads of one checkpoint, and with or
    without a head (the head is left out); it differs as soon as one weight differs by more than that rounding hides
    (about 0.4 %). A model wrapped by PEFT has a fingerprint of its own. Takes about 0.3 s for SmolLM2, 1-2 s a
    billion parameters.
    """
    trunk = getattr(model, "base_model", model)
    digest = hashlib.sha256()
    config = getattr(trunk, "config", None)
    digest.update(repr([(key, _plain(getattr(config, key, None))) for key in CONFIG_ESSENTIALS]).encode())
    _hash_weights(digest, trunk.named_parameters())
    return digest.hexdigest()[:16]


def head_fingerprint(model: nn.Module) -> str:
    """16 hexadecimal digits that identify what :func:`fingerprint` leaves out: the parameters outside the trunk."""
    trunk = {id(parameter) for parameter in getattr(model, "base_model", model).parameters()}
    digest = hashlib.sha256()
    _hash_weights(digest, (pair for pair in model.named_parameters() if id(pair[1]) not in trunk))
    return digest.hexdigest()[:16]


def _hash_weights(digest: Any, weights: Iterable[tuple[str, nn.Parameter]]) -> None:  # noqa: ANN401 - hashlib's object
    threads = torch.get_num_threads()
    # One thread: hashing sets the pace anyway, and on a busy machine threads wait for each other at every small tensor.
    torch.set_num_threads(1)
    try:
        for name, parameter in sorted(weights, key=lambda pair: pair[0]):
            digest.update(f"\n{name} {tuple(parameter.shape)} ".encode())
            bits = parameter.detach().to(torch.bfloat16).contiguous().view(torch.int16).cpu()
            digest.update(bits.numpy().data.cast("B"))
    finally:
        torch.set_num_threads(threads)


def _plain(value: object) -> object:
    return sorted(value.items()) if isinstance(value, dict) else value


def may_download(source: str) -> bool:
    """Whether loading may take so long that its bars are wanted: a Hub id, and someone at a terminal to see them."""
    return not Path(source).is_dir() and sys.stderr.isatty()


@contextmanager
def explained(name: str, what: str) -> Iterator[None]:
    """Turn whatever loading raises into one line. Upstream raises nearly every type for a bad checkpoint."""
    try:
        yield
    except (UserError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if name in EMBEDDED or user_path(name).is_dir():
            advice = "check the folder's config.json and its files"
        else:
            advice = "check the Hub id, the network and (for gated models) your Hub login; or give a folder or one of "
            advice += ", ".join(EMBEDDED)
        raise UserError(f"{name}: its {what} cannot be loaded ({_first_sentence(error)}); {advice}") from error


def _first_sentence(error: Exception) -> str:
    """The first sentence of an error, at most 200 characters, on one line; its type when it says nothing."""
    text = " ".join(str(error).split())
    for sign, plain in UPSTREAM_SAYS.items():
        if sign in text:
            return plain
    sentence = re.split(r"(?<=[a-z)'\"])[.!:]\s+(?=[A-Z'])", text, maxsplit=1)[0].rstrip(". ")
    if not sentence or len(sentence) < 8:
        return f"{type(error).__name__} {sentence}".strip()
    return sentence if len(sentence) <= 200 else sentence[:199] + "…"
