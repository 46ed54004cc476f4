"""What the Trainer is told, and what it lowers: precision, loggers, the stability term, the recipe of encoders."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ocr_neurons.common.progress import QUIET
from ocr_neurons.lm.load import load_tokenizer
from ocr_neurons.lm.quiet import hushed
from ocr_neurons.ner.examples import Collator, ExampleMaker
from ocr_neurons.ner.labels import inventory
from ocr_neurons.ner.model import build
from ocr_neurons.ner.recipe import Recipe, recipe
from ocr_neurons.ner.schedule import schedule
from ocr_neurons.ner.train import adapted, epoch_examples
from ocr_neurons.ner.trainer import TaggerTrainer, arguments, divergence
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from planted import LEARN, planted

CPU = torch.device("cpu")
NOISE = NoiseMaker(load_noise("en"))


def told(folder, dtype=torch.float32, report_to=""):
    return arguments(Recipe(), folder, 1, dtype, CPU, judged=False, report_to=report_to)


def test_bfloat16_is_computed_in_where_it_is_asked_for(tmp_path):
    assert [told(tmp_path, dtype).bf16 for dtype in (torch.bfloat16, torch.float32)] == [True, False]


def test_loggers_reach_the_trainer(tmp_path):
    assert told(tmp_path, report_to="tensorboard, wandb").report_to == ["tensorboard", "wandb"]
    assert told(tmp_path).report_to == []


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")  # as the Trainer itself calls it
def test_the_loss_holds_the_stability_term(tiny_folder, tmp_path):
    """On one batch of documents beside their noisy twins: what a weight of 2 adds is twice the divergence."""
    source, documents = str(tiny_folder("llama")), planted(4, seed=0)
    how = replace(LEARN, noise_share=1.0, stability=2.0, epochs=1)
    labels, tokenizer = inventory(documents), load_tokenizer(source)
    maker = ExampleMaker(documents, tokenizer, how.encoding, labels, 10**6)

    def corrupt(document, rng):
        return NOISE.corrupt_document(document, rng, cer=0.1)

    plan = schedule(epoch_examples(maker, how, corrupt, 1), 10**6, 0, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = adapted(build(source, labels, attention="bidirectional", dtype=torch.float32, device=CPU), how).eval()
        torch.nn.init.normal_(model.base_model.model.score.modules_to_save.default.weight)
    batch = Collator(0)([plan.examples[i] for i in plan.batches[0]])
    losses = {}
    for stability in (0.0, 2.0):
        one = replace(how, stability=stability)
        with hushed(), torch.no_grad():
            trainer = TaggerTrainer(model, told(tmp_path), plan, Collator(0), one, None, QUIET)
            losses[stability], outputs = trainer.compute_loss(model, dict(batch), return_outputs=True)
    links = batch["links"]
    assert len(links) > 10
    wanted = 2 * float(divergence(outputs.logits, links))
    assert wanted > 0.01
    assert float(losses[2.0] - losses[0.0]) == pytest.approx(wanted, rel=1e-4)


def test_the_recipe_of_encoders_trains_all_weights_at_their_rate():
    found = recipe("encoder")
    assert (found.method, found.learning_rate, found.max_length, found.context) == ("full", 2e-4, 128, 0)
