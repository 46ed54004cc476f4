"""The model card (``README.md``) of a baked tagger: what it is, what was done to it, what that did, how to load it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr_neurons import __version__
from ocr_neurons.common.manifest import versions
from ocr_neurons.lm.registry import EMBEDDED
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.report.headline import Headline
from ocr_neurons.report.inputs import Score
from ocr_neurons.report.phrase import bounds, difference, points

TAGS = ("token-classification", "named-entity-recognition", "ocr", "historical-documents", "ocr-neurons")
UNKNOWN = "unknown; look it up before you share these weights"


@dataclass(frozen=True)
class Baked:
    """What the card is written from.

    Attributes:
        name: of the folder.
        info: the tagger's own card (``ocr_neurons.json``), with what earlier edits are in its weights.
        dtype: of the weights.
        lifted: it is a decoder that reads in both directions.
        class_source: Python that makes its class, where transformers has none for the architecture.
        scores: of the run, or comparison of strategies, that chose the edit, where there is one.
    """

    name: str
    info: Mapping[str, Any]
    edits: Edits
    dtype: str
    lifted: bool = False
    languages: Sequence[str] = ()
    scores: Headline | None = None
    class_source: str = ""


def model_card(baked: Baked) -> str:
    """The card as Markdown with a YAML header."""
    base = base_of(str(baked.info.get("base", "")))
    parts = [
        _header(baked, base),
        _opening(baked, base),
        _edit(baked),
        _data(baked),
        _scores(baked.scores),
        _loading(baked),
        LIMITS,
        f"## Licence\n\nOf the base model: {base.licence}. The data this was trained on have terms of their own.",
        CITATION,
    ]
    return "\n\n".join(parts) + "\n"


def reads_both_ways(config: Any) -> bool:  # noqa: ANN401 - transformers' configurations have no common interface
    """Whether ``config`` is that of a decoder whose mask is lifted."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

    decoder = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and type(config) not in MODEL_FOR_MASKED_LM_MAPPING
    return decoder and getattr(config, "is_causal", True) is False


@dataclass(frozen=True)
class Base:
    """The model a tagger was made from: how it is called, its Hub id, its licence in words and as the Hub names it."""

    name: str
    hub: str
    licence: str
    licence_id: str


def base_of(given: str) -> Base:
    """What is known of the base ``given`` in a tagger's card: an embedded name, a local folder or a Hub id."""
    if given in EMBEDDED:
        entry = EMBEDDED[given]
        return Base(entry.hub or given, entry.hub, entry.licence, entry.licence_id)
    if given and Path(given).is_dir():
        card = Path(given) / "README.md"
        text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
        header = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
        found = re.search(r"^license:\s*[\"']?([\w.-]+)", header[1], re.MULTILINE) if header else None
        licence = found[1] if found else ""
        return Base(Path(given).name, "", licence or UNKNOWN, licence)
    is_path = given.startswith(("/", "~", "."))
    return Base(Path(given).name if is_path else given or "an unknown model", "" if is_path else given, UNKNOWN, "")


def _header(baked: Baked, base: Base) -> str:
    data = Path(str(baked.info.get("data", ""))).name
    entries: dict[str, str | Sequence[str]] = {
        "license": base.licence_id,
        "base_model": base.hub,
        "language": baked.languages,
        "datasets": [data] if data else [],
        "pipeline_tag": "token-classification",
        "library_name": "transformers",
        "tags": TAGS,
    }
    lines = []
    for key, value in entries.items():
        if isinstance(value, str):
            lines += [f"{key}: {json.dumps(value)}"] if value else []
        elif value:
            lines += [f"{key}:", *(f"- {json.dumps(item)}" for item in value)]
    return "\n".join(["---", *lines, "---"])


def _opening(baked: Baked, base: Base) -> str:
    types = sorted({label.partition("-")[2] for label in baked.info.get("labels", ()) if "-" in label})
    return (
        f"# {baked.name}\n\nA tagger of named entities ({', '.join(types) or 'no types'}) in text read by OCR, "
        f"made from {base.name}: adapters merged, and an edit of some of its neurons folded into the weights "
        f"({baked.dtype}). Written by ocr-neurons {__version__} with transformers "
        f"{versions().get('transformers', '?')}, which loads it without that program."
    )


def _edit(baked: Baked) -> str:
    lines = [f"- {edit.describe()}" for edit in baked.edits.edits]
    # what is in the weights already comes after what a hook does to their input
    earlier = [f"- then, folded in earlier: {entry['description']}" for entry in reversed(baked.info.get("edits", ()))]
    chosen = [_method(edit.neurons.method) for edit in baked.edits.edits]
    how = "; ".join(dict.fromkeys(text for text in chosen if text)) or "not stated in the edit's file"
    return (
        "## The edit\n\n"
        + "\n".join(lines + earlier)
        + f"\n\nHow the neurons were chosen: {how}. Which they are stands "
        "in `edit.json`.\n\nA neuron is one of the numbers that enter the last linear map of a layer's feed-forward. "
        "Multiplying it is multiplying a column of that map; what is added to it is in the map's bias. So the edit is "
        "part of the weights and acts at every position."
    )


def _method(method: Mapping[str, Any]) -> str:
    values = {key: value for key, value in method.items() if key != "name" and not isinstance(value, dict)}
    rest = ", ".join(f"{key} {value}" for key, value in values.items() if value not in (None, "", [], ()))
    return f"method `{method['name']}`" + (f" ({rest})" if rest else "") if "name" in method else rest


def _data(baked: Baked) -> str:
    info, scores = baked.info, baked.scores
    source = Path(str(info.get("data", ""))).name or "data that its card does not name"
    count = f" ({info['documents']} documents)" if "documents" in info else ""
    chosen = (
        f"The edit was chosen on the dev split of {Path(scores.data).name}; test was scored once, afterwards."
        if scores
        else "What the edit was chosen on is not stated."
    )
    return f"## Data\n\nTrained on the train split of {source}{count}, seed {info.get('seed', 'unknown')}. {chosen}"


def _scores(scores: Headline | None) -> str:
    if scores is None:
        return (
            "## Scores\n\nNone are stated: the edit came without the folder of what chose it. Measure before "
            "you use it: `ocr-neurons tag`, then `ocr-neurons score`."
        )
    rows = [_row(f"without the edit, {scores.data} test", scores.baseline.strict, scores.baseline.fuzzy)]
    rows.append(_row(f"with it, {scores.data} test", scores.chosen.strict, scores.chosen.fuzzy))
    lines = [f"Strict F1 with the edit minus without it, paired by document (95 %): {difference(scores.gain)}."]
    if scores.gain_over_control:
        lines.append(f"Minus the mean of random neurons of the same layers: {difference(scores.gain_over_control)}.")
    if scores.dev:
        lines.append(
            f"On dev, where it was chosen: {points(scores.dev.without)} without, {points(scores.dev.edited)} with it "
            f"({scores.dev.change})."
        )
    lines.append("All measured with the edit applied by hook; folded in, it differs by rounding.")
    head = "| points | precision | recall | strict F1 | 95 % | fuzzy F1 |\n|---|---|---|---|---|---|\n"
    return f"## Scores\n\n**{scores.verdict}**\n\n" + head + "\n".join(rows) + "\n\n" + " ".join(lines)


def _row(name: str, strict: Score, fuzzy: Score | None) -> str:
    values = [points(strict.precision), points(strict.recall), points(strict.f1), bounds(strict.interval)]
    return f"| {' | '.join([name, *values, points(fuzzy.f1 if fuzzy else None)])} |"


def _loading(baked: Baked) -> str:
    rule = dict(baked.info.get("encoding") or {})
    head = str(rule.get("head", "first"))
    longest = rule.get("max_length", baked.info.get("max_length", "a few hundred"))
    before = (LIFTED if baked.lifted else "") + (OWN_CLASS if baked.class_source else "")
    return (
        f"## Loading\n\n{before}A word's label stands at its {head} sub-word. Give it sentences of at most {longest} "
        "sub-words; `ocr-neurons tag` cuts longer texts, and keeps label sequences consistent as well."
        f"{REPEATED if rule.get('repeat') else ''}\n\n```python\n{_code(baked.class_source, head)}```"
    )


def _code(made: str, head: str) -> str:
    """Python that loads the folder and reads a sentence; ``made`` is Python for a class that transformers lacks."""
    code = CODE.replace("first_or_last", "-1" if head == "last" else "0")
    if not made:
        return code
    auto, own = "AutoModelForTokenClassification", made.rpartition("\nclass ")[2].partition("(")[0]
    return code.replace(f"{auto}, ", "").replace(auto, own).replace("\n\n", f"\n{made}\n\n\n", 1)


REPEATED = (
    " It was trained on texts that stand twice in the input, and labels are those of the second copy: "
    "`ocr-neurons tag` does so, the code below does not."
)

LIFTED = """`config.json` says `is_causal: false`: the decoder was trained to read in both directions, so that a word
sees what follows it. Read as a causal model it gives other labels, and no warning. The version of transformers named
above heeds the setting; older ones may not, nor may programs that bring an attention of their own. To check: change the
last word of a sentence, and see that the logits of the first one change.

"""

OWN_CLASS = """transformers has no class for token classification with this architecture. The code below makes one of
its parts; the names of the weights are those of the class that it would have.

"""

CODE = """import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

folder = "."  # this folder
text = "The ship arrived at Liverpool on Monday ."

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForTokenClassification.from_pretrained(folder).eval()
encoded = tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
with torch.no_grad():
    logits = model(input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]).logits[0]
end = 0
for word in text.split():
    start = text.index(word, end)
    end = start + len(word)
    own = [i for i, (a, b) in enumerate(encoded["offset_mapping"][0].tolist()) if a < end and b > start]
    print(word, model.config.id2label[int(logits[own[first_or_last]].argmax())])
"""

LIMITS = """## Limits

Sensitivity of neurons to OCR noise is a correlation. A gain on one data set and one training seed says little of other
collections, languages or OCR engines; measure on your own documents. The types of entities are those of the training
data and its annotation rules. Names of living people may be found by it: mind the law where you use it."""

CITATION = """## Citation

The method, and the question it answers, are from:

```bibtex
@misc{boros2024investigating,
  title = {Investigating OCR-Sensitive Neurons to Improve Entity Recognition in Historical Documents},
  author = {Emanuela Boros and Maud Ehrmann},
  year = {2024},
  eprint = {2409.16934},
  archivePrefix = {arXiv}
}
```"""
