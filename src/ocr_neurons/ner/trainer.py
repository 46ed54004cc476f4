"""The Hugging Face Trainer on a schedule of our own: dev scores at the ends of epochs, the stability term."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.integrations.integration_utils import (
    INTEGRATION_TO_CALLBACK,
    get_available_reporting_integrations,
)
from transformers.trainer_callback import PrinterCallback
from transformers.training_args import ParallelMode

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.common.seeds import derive
from ocr_neurons.ner.examples import Collator
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.schedule import Schedule

NEVER = 10**9
"""A step that no training reaches: what is saved and evaluated when is decided by the schedule alone."""
MEASURE = "eval_f1"

Judge = Callable[[], float]
"""Strict F1 on dev of the model in training."""


class TaggerTrainer(Trainer):  # type: ignore[misc]
    """Runs a :class:`Schedule`. The Trainer sees one long epoch; checkpoints are kept at the ends of ours."""

    def __init__(
        self, model: nn.Module, args: TrainingArguments, plan: Schedule, collator: Collator, recipe: Recipe,
        judge: Judge | None, reporter: Reporter,
    ) -> None:  # fmt: skip
        self.plan, self.stability, self.judge = plan, recipe.stability, judge
        self.progress = _Progress(plan, reporter)
        callbacks: list[TrainerCallback] = [_EpochEnds(plan, recipe.patience if judge else 0), self.progress]
        super().__init__(
            model=model, args=args, train_dataset=plan.examples, eval_dataset=[] if judge else None,
            data_collator=collator, callbacks=callbacks,
        )  # fmt: skip
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> Any:  # noqa: ANN401 - accelerate's wrapper
        """The batches of the schedule."""
        loader: DataLoader[Any] = DataLoader(
            self.plan.examples,  # type: ignore[arg-type]
            batch_sampler=self.plan.batches,
            collate_fn=self.data_collator,
        )
        return self.accelerator.prepare(loader)

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, **more: object
    ) -> Tensor | tuple[Tensor, Any]:
        """Cross-entropy over labelled words, and ``stability`` times KL(given ‖ noisy) over words read twice."""
        links = inputs.pop("links", None)
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, **more)
        if links is not None and len(links) and self.stability:
            loss = loss + self.stability * divergence(outputs.logits, links)
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:  # noqa: ANN401 - as the Trainer has it
        """Strict F1 on dev, in place of a loss."""
        metrics = {MEASURE: self.judge() if self.judge else float("nan")}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def divergence(logits: Tensor, links: Tensor) -> Tensor:
    """Mean over ``links`` ``[words, 4]`` of KL(p ‖ q) in nats: p at (row, position) 0 and 1, q at 2 and 3."""
    logs = logits.float().log_softmax(-1)
    given, noisy = logs[links[:, 0], links[:, 1]], logs[links[:, 2], links[:, 3]]
    return (given.exp() * (given - noisy)).sum(-1).mean()


def check_loggers(names: str) -> None:
    """Refuse loggers, separated by commas, that the Trainer does not know or that are not installed, before any work.

    Raises:
        UserError: names the first.
    """
    for name in _named(names):
        if name not in INTEGRATION_TO_CALLBACK:
            raise UserError(f"--report-to {name}: no such logger; wanted some of {', '.join(INTEGRATION_TO_CALLBACK)}")
        if name not in get_available_reporting_integrations():
            raise UserError(f"--report-to {name}: it is not installed; pip install {name.replace('_', '-')}")


def _named(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def arguments(
    recipe: Recipe, folder: Path, seed: int, dtype: torch.dtype, device: torch.device, *, judged: bool, report_to: str
) -> TrainingArguments:
    """What the Trainer is told; ``folder`` holds its checkpoints, ``report_to`` names its loggers."""
    told = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup,
        lr_scheduler_type="linear",
        seed=derive(seed, "train") % 2**32,
        bf16=dtype == torch.bfloat16,
        use_cpu=device.type == "cpu",
        save_strategy="steps",
        save_steps=NEVER,
        eval_strategy="steps" if judged else "no",
        eval_steps=NEVER if judged else None,
        load_best_model_at_end=judged,
        metric_for_best_model=MEASURE if judged else None,
        greater_is_better=True if judged else None,
        save_total_limit=2,
        report_to=_named(report_to),
        logging_steps=5,
        logging_strategy="steps",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
    )
    _keep_to(told, device)
    return told


def _keep_to(told: TrainingArguments, device: torch.device) -> None:
    """Let the Trainer use ``device`` alone, unless processes were started for it to spread over.

    By itself it takes the first card, whichever was asked for, and copies the model onto every other one that it sees
    (``nn.DataParallel``); copies would go on with the adapters of the first.
    """
    if device.type != "cuda" or told.parallel_mode is ParallelMode.DISTRIBUTED:
        return
    card = torch.device("cuda", torch.cuda.current_device() if device.index is None else device.index)
    torch.cuda.set_device(card)
    told.__dict__["_setup_devices"] = card  # where the cached property of that name keeps its value
    told._n_gpu = 1


class _EpochEnds(TrainerCallback):  # type: ignore[misc]
    def __init__(self, plan: Schedule, patience: int) -> None:
        self.ends, self.patience = set(plan.ends), patience

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401
        control.should_training_stop |= self._spent(state)  # it had ended, and was killed before the tagger was saved
        return control

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401
        ended = state.global_step in self.ends
        control.should_evaluate = ended and self.patience > 0
        control.should_save = ended
        return control

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401
        # told from the log, which checkpoints hold: so a training that goes on counts what was before
        control.should_training_stop |= self._spent(state)
        return control

    def _spent(self, state: Any) -> bool:  # noqa: ANN401
        scores = [row[MEASURE] for row in state.log_history if MEASURE in row]
        return self.patience > 0 and len(scores) - 1 - scores.index(max(scores)) >= self.patience if scores else False


class _Progress(TrainerCallback):  # type: ignore[misc]
    def __init__(self, plan: Schedule, reporter: Reporter) -> None:
        self.plan, self.reporter = plan, reporter
        self.losses: list[float] = []
        self.scores: list[float] = []
        self.start = self.spoken = time.monotonic()
        self.first = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        self.start, self.first = time.monotonic(), state.global_step
        # of a training that goes on, what was logged before
        self.losses = [round(float(row["loss"]), 4) for row in state.log_history if "loss" in row]
        self.scores = [round(float(row[MEASURE]), 4) for row in state.log_history if MEASURE in row]

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ANN401
        if logs and MEASURE in logs:
            self.scores.append(round(float(logs[MEASURE]), 4))
            self.reporter.say(f"  training: epoch {len(self.scores)}, strict F1 on dev {self.scores[-1]:.3f}")
        if not logs or "loss" not in logs:
            return
        self.losses.append(round(float(logs["loss"]), 4))
        now = time.monotonic()
        if now - self.spoken >= 10:
            left = (now - self.start) / (state.global_step - self.first) * (state.max_steps - state.global_step)
            self.reporter.say(
                f"  training: step {state.global_step}/{state.max_steps}, epoch {self._epoch(state.global_step):.1f}, "
                f"loss {self.losses[-1]:.3f}, about {left:.0f} s left"
            )
            self.spoken = now

    def _epoch(self, step: int) -> float:
        begins = (0, *self.plan.ends)
        number = next(i for i, end in enumerate(self.plan.ends) if step <= end)
        return number + (step - begins[number]) / (self.plan.ends[number] - begins[number])
