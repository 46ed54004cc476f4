"""A baked tagger in an environment that has torch and transformers alone, beside the hooked one here.

    python -m venv alone && alone/bin/pip install torch==2.13.0 transformers
    python studies/baked_alone.py runs/gazette/tagger runs/gazette/edit.json gazette --python alone/bin/python

Sentences of dev are run here with the edit as hooks, and there from the folder that ``ocr-neurons bake`` wrote, by the
lines of its model card. Said are the largest difference of logits, relative to the largest logit, and how many of all
sub-words get another label.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from ocr_neurons.cli import main as command
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.text.datasets import load_dataset

THERE = """
import json, sys
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer
assert not any(name in sys.modules for name in ("peft", "ocr_neurons"))
try:
    import ocr_neurons
    raise SystemExit("ocr_neurons is installed there; wanted an environment without it")
except ImportError:
    pass
folder, texts, out = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForTokenClassification.from_pretrained(folder).eval()
found = []
with torch.inference_mode():
    for text in json.load(open(texts)):
        found.append(model(**tokenizer(text, return_tensors="pt")).logits[0])
torch.save(found, out)
"""


def main() -> int:
    """Bake, run both, say how they differ; 1 if they do."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tagger", type=Path)
    parser.add_argument("edit", type=Path)
    parser.add_argument("data")
    parser.add_argument("--python", type=Path, required=True, help="of the other environment")
    parser.add_argument("--sentences", type=int, default=200)
    args = parser.parse_args()
    texts = sentences(args.data)[: args.sentences]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        line = ["bake", str(args.tagger), str(args.edit), "--out", str(place / "baked"), "--dtype", "float32"]
        if status := command(line):
            return status
        (place / "texts.json").write_text(json.dumps(texts))
        (place / "there.py").write_text(THERE)
        files = [str(place / part) for part in ("there.py", "baked", "texts.json", "there.pt")]
        subprocess.run([str(args.python.absolute()), *files], check=True, cwd=place)
        there = torch.load(place / "there.pt", weights_only=True)
        tagger = load_tagger(args.tagger, dtype=torch.float32, device=torch.device("cpu"))
        with Edits.load(args.edit).on(tagger.model), torch.inference_mode():
            here = [tagger.model(**tagger.tokenizer(text, return_tensors="pt")).logits[0] for text in texts]
    most = max(float(logits.abs().max()) for logits in here)
    apart = max(float((one - other).abs().max()) for one, other in zip(here, there, strict=True)) / most
    other_labels = sum(int((a.argmax(-1) != b.argmax(-1)).sum()) for a, b in zip(here, there, strict=True))
    total = sum(len(logits) for logits in here)
    print(
        f"{len(texts)} sentences, {total} sub-words: logits differ by {apart:.1e}, labels of {other_labels} sub-words"
    )
    return int(other_labels > 0 or apart > 1e-5)


def sentences(name: str) -> list[str]:
    """The sentences of dev, as the data set marks their ends, or runs of 30 tokens where it marks none."""
    found: list[str] = []
    words: list[str] = []
    for document in load_dataset(name).require("dev"):
        for token in document.tokens:
            words.append(token.text)
            if token.sentence_end or len(words) == 30:
                found.append(" ".join(words))
                words = []
    return found


if __name__ == "__main__":
    sys.exit(main())
