"""A baked folder in an environment that holds torch, transformers and what these require, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as t
from packaging.requirements import Requirement

import planted
from ocr_neurons.cli import main
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import load_tagger, save_whole
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import read_hipe, write_hipe

CPU = torch.device("cpu")


def required(names: list[str]) -> dict[str, Distribution]:
    """The installed distributions that ``names`` require, themselves included."""
    found: dict[str, Distribution] = {}
    todo = list(names)
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in found:
            continue
        found[name] = distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)
    return found


@pytest.fixture(scope="module")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of links to the packages of those distributions: all that a bare environment would hold."""
    site = tmp_path_factory.mktemp("bare-site")
    for found in required(["torch", "transformers"]).values():
        for file in found.files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (site / top).exists():
                (site / top).symlink_to(Path(str(found.locate_file(top))))
    return site


def run_alone(site: Path, code: str, folder: Path) -> str:
    """What ``code`` prints, run in ``folder`` by a Python that sees the standard library and ``site`` alone."""
    guard = (
        "import importlib.util as u, sys\n"
        f"sys.path.append({str(site)!r})\n"
        "assert not [n for n in ('ocr_neurons', 'peft', 'optuna', 'scipy', 'gguf', 'pytest') if u.find_spec(n)]\n"
    )
    after = "\nassert not [name for name in sys.modules if name.startswith('ocr_neurons')]\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", guard + code + after],
        cwd=folder,
        env={"PATH": "", "HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def block(card: Path) -> str:
    """The Python code of a model card."""
    (code,) = re.findall(r"```python\n(.*?)```", card.read_text(), re.DOTALL)
    return code


def test_the_card_s_code_gives_the_tags_of_tag_edit(bare_site: Path, tiny_folder: Any, tmp_path: Path) -> None:
    """LoRA tagger, two edits of which one goes into new biases: as `tag --edit` tags, so does plain transformers."""
    planted.write_planted(tmp_path / "data")
    (tmp_path / "c.toml").write_text(planted.SETTINGS)
    base = tiny_folder("llama")
    line = "train {0}/data --model {1} --config {0}/c.toml --dtype float32 --out {0}/tagger --quiet"
    assert main(line.format(tmp_path, base).split()) == 0
    chosen = NeuronSet("x", "neuron", 4, 48, {layer: tuple(range(0, 48, 3)) for layer in range(4)})
    rng = torch.Generator().manual_seed(1)
    differences = {layer: (3 * torch.randn(16, generator=rng)).tolist() for layer in range(4)}
    Edits([Edit.scale(chosen, 4), Edit.shift(chosen, differences)]).save(tmp_path / "edit.json")
    line = "bake {0}/tagger {0}/edit.json --out {0}/baked --quiet"
    assert main(line.format(tmp_path).split()) == 0

    document = Document("d", tuple(t for d in planted.planted(3, 9) for t in d.tokens), "en")
    write_hipe(tmp_path / "text.tsv", [document])
    for name, extra in (("plain", []), ("edited", ["--edit", str(tmp_path / "edit.json")])):
        line = "tag {0}/tagger {0}/text.tsv --dtype float32 --out {0}/{1}.tsv --quiet"
        assert main([*line.format(tmp_path, name).split(), *extra]) == 0
    (plain,), (edited,) = (read_hipe(tmp_path / f"{name}.tsv") for name in ("plain", "edited"))
    assert plain.labels() != edited.labels()

    tagger = load_tagger(tmp_path / "tagger", dtype=torch.float32, device=CPU)
    prepared = tagger.prepare([document])
    rows = [
        [list(map(int, row[mask.bool()])) for row, mask in zip(b.ids, b.attention, strict=True)]
        for b in prepared.batches
    ]
    (tmp_path / "baked" / "ids.json").write_text(json.dumps([ids for batch in rows for ids in batch]))
    given = run_alone(bare_site, LOGITS + "\n" + block(tmp_path / "baked" / "README.md"), tmp_path / "baked")
    *words, logits = given.splitlines()[1:] + given.splitlines()[:1]

    # the windows of `tag`, through plain transformers: the same labels
    alone = iter(json.loads(logits))

    def forward(number: int) -> torch.Tensor:
        batch = prepared.batches[number]
        out = torch.zeros(*batch.ids.shape, len(tagger.labels))
        for row, length in enumerate(batch.attention.sum(1).tolist()):
            out[row, :length] = torch.tensor(next(alone))
        return out

    (again,) = prepared.run(tagger, forward)
    assert again.labels() == edited.labels()

    assert words == own_words(tmp_path / "baked")


def own_words(folder: Path) -> list[str]:
    """What the card's code should print: its sentence, each word with the best label of its first sub-word."""
    baked = load_tagger(folder, dtype=torch.float32, device=CPU)
    text = "The ship arrived at Liverpool on Monday ."
    encoded = baked.tokenizer(text, return_offsets_mapping=True)
    with torch.no_grad():
        best = baked.model(input_ids=torch.tensor([encoded["input_ids"]])).logits[0].argmax(-1).tolist()
    places = [(i, a, b) for i, (a, b) in enumerate(encoded["offset_mapping"]) if text[a:b].strip()]
    firsts = {text[:b].count(" "): i for i, _, b in reversed(places)}
    return [f"{word} {baked.labels[best[firsts[n]]]}" for n, word in enumerate(text.split())]


SMALL = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4} | {
    "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1,
}  # fmt: skip
WITHOUT_HEAD = {
    "gemma3": lambda: t.Gemma3ForCausalLM(
        t.Gemma3TextConfig(**SMALL, intermediate_size=48, num_key_value_heads=2, head_dim=8, sliding_window=8)
    ),
    "olmo2": lambda: t.Olmo2ForCausalLM(t.Olmo2Config(**SMALL, intermediate_size=48, num_key_value_heads=2)),
    "opt": lambda: t.OPTForCausalLM(t.OPTConfig(**SMALL, ffn_dim=48, word_embed_proj_dim=32)),
}


@pytest.mark.parametrize("kind", WITHOUT_HEAD)
def test_where_transformers_has_no_class_the_card_makes_one(
    kind: str, bare_site: Path, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        WITHOUT_HEAD[kind]().save_pretrained(tmp_path / "base")
    tiny_tokenizer.save_pretrained(tmp_path / "base")
    tagger = planted.untrained(tmp_path / "base")
    facts = {"labels": planted.LABELS, "base": str(tmp_path / "base"), "encoding": tagger.encoding.to_json()}
    save_whole(tagger, tmp_path / "tagger", facts)
    Edits([Edit.scale(planted.everything_ranked().top(40), 0.5)]).save(tmp_path / "edit.json")
    assert main(f"bake {tmp_path}/tagger {tmp_path}/edit.json --out {tmp_path}/baked --quiet".split()) == 0
    said = run_alone(bare_site, block(tmp_path / "baked" / "README.md"), tmp_path / "baked").splitlines()
    assert said == own_words(tmp_path / "baked")
    assert len({line.split()[1] for line in said}) > 1, "the tagger says the same of every word"


LOGITS = """
import json
import torch
from transformers import AutoModelForTokenClassification
model = AutoModelForTokenClassification.from_pretrained(".").eval()
with torch.no_grad():
    print(json.dumps([model(input_ids=torch.tensor([ids])).logits[0].tolist() for ids in json.load(open("ids.json"))]))
"""
