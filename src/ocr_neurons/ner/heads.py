"""Token-classification models of architectures for which transformers has none."""

from __future__ import annotations

from typing import Any

from transformers import MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING, MODEL_MAPPING, AutoModelForTokenClassification
from transformers.modeling_layers import GenericForTokenClassification
from transformers.modeling_utils import PreTrainedModel

from ocr_neurons.common.errors import UserError


def register_head(config: Any) -> None:  # noqa: ANN401 - transformers' configurations have no common interface
    """Make ``AutoModelForTokenClassification`` know the architecture of ``config``; does nothing where it does.

    The class is transformers' own generic one (trunk, dropout, one linear map) on the architecture's base class: as
    Llama, Mistral and Qwen have it. Gemma 3, OLMo 2 and OPT are some that lack it.

    Raises:
        UserError: transformers has no text model of this kind at all.
    """
    kind = type(config)
    if kind in MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING:
        return
    trunk = MODEL_MAPPING.get(kind, None)
    trunk = trunk[0] if isinstance(trunk, tuple) else trunk
    parents = trunk.__mro__[1:] if trunk else ()
    base = next((c for c in parents if issubclass(c, PreTrainedModel) and c is not PreTrainedModel), None)
    if trunk is None or base is None:
        raise UserError(
            f"{config.model_type!r}: transformers has no text model of this kind; "
            "use a model of another architecture (llama, mistral, qwen2, bert …)"
        )
    name = trunk.__name__.removesuffix("Model") + "ForTokenClassification"
    made = type(name, (GenericForTokenClassification, base), {"__module__": __name__, "config_class": kind})
    # without exist_ok nothing is registered for a configuration of transformers' own
    AutoModelForTokenClassification.register(kind, made, exist_ok=True)


def class_source(model: Any) -> str:  # noqa: ANN401 - as above
    """Python that makes the class of ``model`` where transformers alone is at hand; empty if transformers has it."""
    made = type(model)
    if made.__module__ != __name__:
        return ""
    generic, base = made.__bases__
    parts = (generic, base, made.config_class)
    imports = [f"from {part.__module__} import {part.__name__}" for part in parts]
    return "\n".join([
        *imports, "", "",
        f"class {made.__name__}({generic.__name__}, {base.__name__}):",
        f"    config_class = {made.config_class.__name__}",
    ])  # fmt: skip
