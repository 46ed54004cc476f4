"""The store: trials outlive the process, each is made once, strangers are kept out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.sweep.database import file_url, reachable
from ocr_neurons.sweep.grid import EditMaker, Setting, grid
from ocr_neurons.sweep.queue import Queue
from ocr_neurons.sweep.store import Store
from ocr_neurons.sweep.sweep import sweep

NUMBERS = st.integers(0, 10**6)
TABLES = st.dictionaries(st.sampled_from(["LOC", "PERS", "ŒUVRE"]), st.builds(Counts, NUMBERS, NUMBERS, NUMBERS))
SETTINGS = st.builds(
    Setting,
    st.sampled_from(["first", "middle", "last", "all", "band-early", "band-middle", "band-late"]),
    st.integers(1, 10**7),
    st.floats(0, 1e5),
    st.integers(-1, 2000),
)


def add(store: Store, setting: Setting, found: Scores) -> None:
    """What a worker does, in one go."""
    queue = Queue(store, [setting], 32)
    queue.refill()
    claim = queue.claim(lambda setting: setting)
    assert claim
    assert claim.setting == setting
    assert queue.complete(claim, found)


def scores(tables: list[dict[str, Counts]]) -> Scores:
    return Scores(tuple(f"d {i}" for i in range(len(tables))), tuple(tables), tuple(tables))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    trials=st.dictionaries(SETTINGS, st.lists(TABLES, max_size=4).map(scores), max_size=4), baseline=st.lists(TABLES)
)
def test_scores_survive_exactly(tmp_path_factory, trials, baseline):
    url = file_url(tmp_path_factory.mktemp("store") / "s.db")
    first = Store(url, "sweep", "identity")
    assert first.baseline() is None
    first.set_baseline(scores(baseline))
    for setting, found in trials.items():
        add(first, setting, found)
    second = Store(url, "sweep", "identity")
    assert second.baseline() == scores(baseline)
    assert [(trial.setting, trial.scores) for trial in second.trials()] == [(s, trials[s]) for s in sorted(trials)]


def test_another_process_sees_the_trials_and_so_does_optuna(tmp_path):
    url = file_url(tmp_path / "s.db")
    code = (
        "from ocr_neurons.score.counts import Counts; from ocr_neurons.score.evaluate import Scores\n"
        "from ocr_neurons.sweep.grid import Setting; from ocr_neurons.sweep.store import Store\n"
        "from ocr_neurons.sweep.queue import Queue\n"
        "import os, signal, sys\n"
        "one = ({'LOC': Counts(3, 1, 2)},)\n"
        "queue = Queue(Store(sys.argv[1], 'sweep', 'x'), [Setting('last', 5, 0.1)], 30)\n"
        "queue.refill()\n"
        "queue.complete(queue.claim(lambda setting: setting), Scores(('d',), one, one))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, url], check=False)
    assert killed.returncode == -9
    (trial,) = Store(url, "sweep", "x").trials()
    assert trial.setting == Setting("last", 5, 0.1)
    assert trial.scores.total() == Counts(3, 1, 2)
    (plain,) = optuna.load_study(study_name="sweep", storage=url).trials
    assert plain.value == trial.scores.total().f1
    assert plain.params == {"first_layer": 20, "last_layer": 29, "count": 5, "factor": 0.1, "draw": -1}


def test_another_identity_is_refused(tmp_path):
    url = file_url(tmp_path / "s.db")
    add(Store(url, "sweep", "mine"), Setting("last", 5, 0.1), scores([{}]))
    with pytest.raises(UserError, match="holds trials of another model, neuron set, data set or seed") as caught:
        Store(url, "sweep", "yours")
    assert "\n" not in str(caught.value)
    assert len(Store(url, "sweep", "mine").trials()) == 1
    assert Store(url, "another study", "yours").trials() == []


@pytest.mark.parametrize("url", ["nonsense://x", "not a url", "sqlite:////no/such/folder/s.db"])
def test_urls_that_do_not_open(url):
    with pytest.raises(UserError, match="cannot be opened") as caught:
        Store(url, "sweep", "x")
    assert "\n" not in str(caught.value)


def test_passwords_are_not_shown():
    with pytest.raises(UserError) as caught:
        Store("postgresql+psycopg://me:open-sesame@127.0.0.1:1/sweeps", "sweep", "x")
    assert "me:***@127.0.0.1" in str(caught.value) or "install ocr-neurons[postgres]" in str(caught.value)
    assert "open-sesame" not in str(caught.value)


def test_weights_of_another_precision_are_refused(tiny_folder, tmp_path: Path):
    tagger, dev, ranked = planted.untrained(tiny_folder("mistral")), planted.planted(2, 1), planted.everything_ranked()
    store, edits = Store(file_url(tmp_path / "s.db"), "sweep", "x"), EditMaker(ranked, 1)
    sweep(tagger, dev, edits, [Setting("last", 5, 0.5)], store)
    tagger.model.to(torch.bfloat16)
    with pytest.raises(UserError, match="holds trials of weights of another precision"):
        sweep(tagger, dev, edits, [Setting("last", 6, 0.5)], store)


def test_a_database_that_goes_away(tmp_path: Path):
    store = Store(file_url(tmp_path / "s.db"), "sweep", "x")
    store.storage.engine.dispose()
    (tmp_path / "s.db").unlink()
    (tmp_path / "s.db").mkdir()
    message = r"cannot be reached any more .*the same command goes on"
    with pytest.raises(UserError, match=message) as caught, reachable(store.url):
        store.entries()
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "s.db").write_text("shipping news\n" * 200)
    with pytest.raises(UserError, match="cannot be opened"):
        Store(file_url(tmp_path / "s.db"), "sweep", "x")
    assert (tmp_path / "s.db").read_text().startswith("shipping news")


@pytest.mark.parametrize("name", ["a b.db", "50%20.db", "what?.db", "é#&.db", "{x}.db"])
def test_file_names_that_mean_something_in_urls(tmp_path, name):
    add(Store(file_url(tmp_path / name), "sweep", "x"), Setting("last", 1, 0.0), scores([{}]))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(Store(file_url(tmp_path / name), "sweep", "x").trials()) == 1


class Stopping(Reporter):
    """Stands for someone who presses Ctrl-C after some trials."""

    def __init__(self, after: int) -> None:
        super().__init__(quiet=True)
        self.after = after

    def track(self, items: Iterable[Any], what: str, total: int | None = None, every: float = 20.0) -> Iterator[Any]:
        for done, item in enumerate(items):
            if done == self.after:
                raise KeyboardInterrupt
            yield item


def test_a_stopped_sweep_goes_on_and_scores_nothing_twice(tiny_folder, tmp_path: Path):
    tagger, dev, ranked = planted.untrained(tiny_folder("mistral")), planted.planted(4, 1), planted.everything_ranked()
    edits, todo = EditMaker(ranked, 1), grid(ranked, ["last", "first"], [0.5], [0.0, 2.0], draws=1)
    url = file_url(tmp_path / "s.db")
    with pytest.raises(KeyboardInterrupt):
        sweep(tagger, dev, edits, todo, Store(url, "sweep", "x"), reporter=Stopping(3))
    assert not planted.hooks(tagger.model)
    kept = Store(url, "sweep", "x")
    assert len(kept.trials()) == 4, "three reported, one just done"
    numbers = {trial.number: trial.datetime_complete for trial in kept.study.trials if trial.state.is_finished()}
    baseline = sweep(tagger, dev, edits, todo, Store(url, "sweep", "x"))
    again = sweep(tagger, dev, edits, todo, Store(url, "sweep", "x"))
    final = Store(url, "sweep", "x")
    assert again == baseline == final.baseline()
    assert len(final.study.trials) == len(todo) == len(final.trials()) == 8
    assert numbers.items() <= {trial.number: trial.datetime_complete for trial in final.study.trials}.items()
    # the oracle: every setting by full evaluation, one after the other
    assert baseline == evaluate(dev, tagger.tag(dev))
    found = {trial.setting: trial.scores for trial in final.trials()}
    for setting in todo:
        with setting.edit(ranked, 1).on(tagger.model):
            assert found[setting] == evaluate(dev, tagger.tag(dev))
    assert len({str(trial.scores) for trial in final.trials()}) > 1, "edits change nothing, so this shows nothing"
