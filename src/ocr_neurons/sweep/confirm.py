"""Scoring test once, after dev has chosen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property

from ocr_neurons.common.progress import QUIET, Reporter
from ocr_neurons.ner.tagger import Prepared, Tagger
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.score.intervals import Difference, compare, compare_to_mean
from ocr_neurons.sweep.database import reachable
from ocr_neurons.sweep.grid import EditMaker, Setting
from ocr_neurons.sweep.operations import flipped
from ocr_neurons.sweep.prefix import Prefix
from ocr_neurons.sweep.retraining import Retraining
from ocr_neurons.sweep.store import Store
from ocr_neurons.text.document import Document

FIRST_TEST_DRAW = 1000
"""Random draws on test are numbered from here, apart from those of the sweep."""
WHAT = "test of"
"""Under this name a store keeps the settings that test was scored for, and the number of random draws."""


@dataclass(frozen=True)
class Confirmation:
    """Test scores of the tagger as it is, with the chosen edit, with random neurons in their place, with the edit of
    the opposite sign (:func:`opposite`).

    ``random_setting`` and ``random_chosen`` are what dev would have chosen among random neurons, and its scores; None
    where no random neurons were swept.

    The documents are as tagged without and with the edit; none where the scores come from a store.
    """

    setting: Setting
    baseline: Scores
    chosen: Scores
    controls: tuple[Scores, ...]
    flipped: Scores
    baseline_documents: tuple[Document, ...] = ()
    chosen_documents: tuple[Document, ...] = ()
    random_setting: Setting | None = None
    random_chosen: Scores | None = None

    @property
    def opposite(self) -> Setting:
        """The setting of the sign-flipped edit."""
        return opposite(self.setting)

    def gain(self, seed: int) -> Difference:
        """Chosen minus baseline."""
        return compare(self.chosen, self.baseline, seed=seed)

    def over_controls(self, seed: int) -> Difference:
        """Chosen minus the mean of the random controls."""
        return compare_to_mean(self.chosen, self.controls, seed=seed)

    def flipped_gain(self, seed: int) -> Difference:
        """The edit of the opposite sign minus baseline."""
        return compare(self.flipped, self.baseline, seed=seed)

    def random_gain(self, seed: int) -> Difference | None:
        """What dev would have chosen among random neurons, minus baseline."""
        return compare(self.random_chosen, self.baseline, seed=seed) if self.random_chosen else None


def opposite(setting: Setting) -> Setting:
    """The same neurons, changed as much the other way: amplified where ``setting`` dampens, moved from the mean."""
    operation, factor = flipped(setting.operation, setting.factor)
    return replace(setting, operation=operation, factor=factor)


def confirm(
    tagger: Tagger,
    test: Sequence[Document],
    edits: EditMaker,
    setting: Setting,
    *,
    draws: int = 20,
    random_setting: Setting | None = None,
    store: Store | None = None,
    retrained: Retraining | None = None,
    reporter: Reporter = QUIET,
) -> Confirmation:
    """Score test: baseline, the chosen setting, its sign-flipped edit, ``draws`` random neuron sets of its shape, and
    ``random_setting``, what dev would have chosen among random neurons.

    With a ``store`` each score is kept as soon as it is made, and what is kept is never made again: a second call
    returns the first one's scores, whatever settings and ``draws`` it is given; those that were scored are in the
    result. After a stop it goes on with what is missing. With ``retrained`` each score but the baseline is that of a
    tagger trained under the edit.
    """
    with reachable(store.url) if store is not None else nullcontext():
        if store is not None:
            store.claim_precision(tagger.model)
            setting, draws, random_setting = _once(store, setting, draws, random_setting, reporter)
        scorer = _Scorer(tagger, test, edits, store, retrained)
        baseline = scorer.of("baseline", None)
        chosen = scorer.of("chosen", setting)
        mirrored = scorer.of("flipped", opposite(setting))
        controls = [
            scorer.of(f"control {draw}", replace(setting, draw=FIRST_TEST_DRAW + draw))
            for draw in reporter.track(range(draws), "random controls")
        ]
        random_chosen = scorer.of("random choice", random_setting) if random_setting else None
    made = scorer.documents
    return Confirmation(
        setting, baseline, chosen, tuple(controls), mirrored, made.get("baseline", ()), made.get("chosen", ()),
        random_setting, random_chosen,
    )  # fmt: skip


def _once(
    store: Store, setting: Setting, draws: int, random_setting: Setting | None, reporter: Reporter
) -> tuple[Setting, int, Setting | None]:
    """What test is, or was, scored for: the settings and the number of random draws of the first call."""
    kept = store.fact(WHAT)
    if kept is None:
        drawn = random_setting.to_json() if random_setting else None
        store.set_fact(WHAT, {"setting": setting.to_json(), "draws": draws, "random": drawn})
        return setting, draws, random_setting
    drawn = kept.get("random")  # stores of earlier versions have none
    first = Setting.from_json(kept["setting"]), int(kept["draws"]), Setting.from_json(drawn) if drawn else None
    if first[:2] != (setting, draws):
        reporter.say(
            f"confirm: test was scored before, for the setting that dev chose then, with {first[1]} random draws; "
            "it is not scored again"
        )
    return first


class _Scorer:
    """Scores of settings on test from the store, or made now; nothing is prepared when all are there."""

    def __init__(
        self, tagger: Tagger, test: Sequence[Document], edits: EditMaker, store: Store | None,
        retrained: Retraining | None,
    ) -> None:  # fmt: skip
        self.tagger, self.test, self.edits, self.store, self.retrained = tagger, test, edits, store, retrained
        self.documents: dict[str, tuple[Document, ...]] = {}

    @cached_property
    def prepared(self) -> Prepared:
        return self.tagger.prepare(self.test)

    @cached_property
    def prefix(self) -> Prefix:
        return Prefix(self.tagger, self.prepared)

    def of(self, name: str, setting: Setting | None) -> Scores:
        kept = self.store.kept(f"test {name}") if self.store else None
        if kept is not None:
            return kept
        if setting is None:
            tagged = self.prepared.tag(self.tagger)
        elif self.retrained:
            tagged = self.retrained.tag(setting, self.test)
        else:
            self.prefix.move(self.edits.first(setting))  # before the edit is on
            with self.edits.of(setting).on(self.tagger.model):
                tagged = self.prefix.tag()
        scores = evaluate(self.test, tagged)
        if name in ("baseline", "chosen"):
            self.documents[name] = tuple(tagged)
        if self.store:
            self.store.keep(f"test {name}", scores)
        return scores
