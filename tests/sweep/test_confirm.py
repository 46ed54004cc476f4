"""Confirming on test: equal to plain evaluation, once, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.ner.tagger import Prepared
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.sweep.confirm import FIRST_TEST_DRAW, WHAT, confirm, opposite
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.grid import EditMaker, Setting
from ocr_neurons.sweep.store import Store

RANKED = planted.everything_ranked()
EDITS = EditMaker(RANKED, 4)


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_confirming_equals_plain_evaluation(tiny_folder, kind):
    tagger, test = planted.untrained(tiny_folder(kind)), planted.planted(5, 2)
    setting = Setting("last", 40, 20.0)
    found = confirm(tagger, test, EDITS, setting, draws=3)
    assert not planted.hooks(tagger.model)
    plain = tagger.tag(test)
    assert list(found.baseline_documents) == plain
    assert found.baseline == evaluate(test, plain)
    with setting.edit(RANKED, 4).on(tagger.model):
        edited = tagger.tag(test)
    assert list(found.chosen_documents) == edited
    assert found.chosen == evaluate(test, edited)
    assert edited != plain, "the edit changes nothing, so this shows nothing"
    assert len(found.controls) == 3
    for draw, scores_of_draw in enumerate(found.controls):
        control = Setting("last", 40, 20.0, FIRST_TEST_DRAW + draw)
        with control.edit(RANKED, 4).on(tagger.model):
            assert scores_of_draw == evaluate(test, tagger.tag(test))
    with Edit(setting.neurons(RANKED, 4), -18.0).on(tagger.model):  # 2 - 20
        assert found.flipped == evaluate(test, tagger.tag(test))
    gain = found.gain(4)
    assert gain.f1 == found.chosen.total().f1 - found.baseline.total().f1
    mean = sum(control.total().f1 for control in found.controls) / 3
    assert found.over_controls(4).f1 == pytest.approx(found.chosen.total().f1 - mean)
    assert found.flipped_gain(4).f1 == found.flipped.total().f1 - found.baseline.total().f1
    assert confirm(tagger, test, EDITS, setting, draws=3) == found


@pytest.mark.parametrize(("factor", "wanted"), [(0.0, 2.0), (0.5, 1.5), (1.5, 0.5), (2.0, 0.0), (7.0, -5.0)])
def test_the_opposite_of_damping_is_amplifying(factor, wanted):
    assert opposite(Setting("last", 4, factor, operation="scale")) == Setting("last", 4, wanted)
    assert opposite(Setting("last", 4, 0.0, operation="zero")) == Setting("last", 4, 2.0)
    assert opposite(Setting("last", 4, 0.5, operation="shift")) == Setting("last", 4, -0.5, operation="shift")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often documents were tagged since the last question."""
    runs: list[None] = []
    run = Prepared.run

    def counting(self: Prepared, *args, **kwargs):
        runs.append(None)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(Prepared, "run", counting)

    def since() -> int:
        count = len(runs)
        runs.clear()
        return count

    return since


def test_a_store_scores_test_once(tiny_folder, tmp_path: Path, counted):
    tagger, test = planted.untrained(tiny_folder("mistral")), planted.planted(5, 2)
    url = file_url(tmp_path / "s.db")
    first = confirm(tagger, test, EDITS, Setting("last", 40, 20.0), draws=3, store=Store(url, "sweep", "x"))
    assert counted() == 6
    again = confirm(tagger, test, EDITS, Setting("last", 40, 20.0), draws=3, store=Store(url, "sweep", "x"))
    other = confirm(tagger, test, EDITS, Setting("first", 9, 0.5), draws=3, store=Store(url, "sweep", "x"))
    assert counted() == 0
    for found in (again, other):
        assert (found.setting, found.baseline, found.chosen) == (first.setting, first.baseline, first.chosen)
        assert (found.controls, found.flipped) == (first.controls, first.flipped)


@pytest.mark.parametrize("layer", ["layer-0", "last"])
def test_what_dev_chose_among_random_neurons_is_scored_too(tiny_folder, tmp_path: Path, counted, layer):
    """Before the chosen edit's first layer as well, and once."""
    tagger, test = planted.untrained(tiny_folder("llama")), planted.planted(5, 2)
    drawn, setting = Setting(layer, 30, 20.0, draw=0), Setting("last", 40, 20.0)
    store = Store(file_url(tmp_path / "s.db"), "sweep", "x")
    found = confirm(tagger, test, EDITS, setting, draws=2, random_setting=drawn, store=store)
    assert counted() == 6
    with drawn.edit(RANKED, 4).on(tagger.model):
        edited = tagger.tag(test)
    assert edited != tagger.tag(test)
    assert (found.random_setting, found.random_chosen) == (drawn, evaluate(test, edited))
    gain = found.random_gain(4)
    assert gain is not None
    assert gain.f1 == evaluate(test, edited).total().f1 - found.baseline.total().f1
    counted()
    for other in (Setting("first", 3, 0.0, 0), None):
        again = confirm(tagger, test, EDITS, setting, draws=2, random_setting=other, store=store)
        assert (again.random_setting, again.random_chosen, counted()) == (drawn, found.random_chosen, 0)


def test_where_none_was_kept_test_is_not_scored_for_another(tiny_folder, tmp_path: Path, counted):
    """A store of an earlier version, or of a sweep without random neurons."""
    tagger, test = planted.untrained(tiny_folder("llama")), planted.planted(5, 2)
    setting, drawn = Setting("last", 40, 20.0), Setting("last", 40, 20.0, draw=0)
    store = Store(file_url(tmp_path / "s.db"), "sweep", "x")
    confirm(tagger, test, EDITS, setting, draws=2, store=store)
    store.set_fact(WHAT, {"setting": setting.to_json(), "draws": 2})  # as it was written
    counted()
    found = confirm(tagger, test, EDITS, setting, draws=2, random_setting=drawn, store=store)
    assert (found.random_setting, found.random_chosen, found.random_gain(4), counted()) == (None, None, None, 0)


def test_a_full_disk_is_one_line(tiny_folder, tmp_path: Path):
    """SQLite itself refuses to grow, as on a disk that is full."""
    tagger, test = planted.untrained(tiny_folder("llama")), planted.planted(5, 2)
    store = Store(file_url(tmp_path / "s.db"), "sweep", "x")
    event.listen(store.storage.engine, "connect", lambda one, _: one.execute("PRAGMA max_page_count = 1"))
    store.storage.engine.dispose()  # connections made before may grow
    with pytest.raises(UserError, match=r"s\.db: cannot be reached any more \(.*database or disk is full\)"):
        confirm(tagger, test, EDITS, Setting("last", 40, 20.0), draws=60, store=store)  # more than the last pages hold


class Stopping(Reporter):
    """Stands for someone who presses Ctrl-C after two random draws."""

    def track(self, items: Iterable[Any], what: str, total: int | None = None, every: float = 20.0) -> Iterator[Any]:
        for done, item in enumerate(items):
            if done == 2:
                raise KeyboardInterrupt
            yield item


def test_a_stopped_confirmation_goes_on(tiny_folder, tmp_path: Path, counted):
    tagger, test = planted.untrained(tiny_folder("mistral")), planted.planted(5, 2)
    store = Store(file_url(tmp_path / "s.db"), "sweep", "x")
    setting = Setting("last", 40, 20.0)
    with pytest.raises(KeyboardInterrupt):
        confirm(tagger, test, EDITS, setting, draws=4, store=store, reporter=Stopping(quiet=True))
    assert counted() == 5
    found = confirm(tagger, test, EDITS, setting, draws=9, store=store)
    assert counted() == 2, "four draws were begun with, and two were missing"
    assert found.controls == confirm(tagger, test, EDITS, setting, draws=4).controls
