"""Telling synthetic noise from real: planted truth, no leak between twins, what it says it goes by."""

from __future__ import annotations

import json
import sys
from collections import Counter

import numpy as np
import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.noise.measured import tell_apart as module
from ocr_neurons.noise.measured.tell_apart import document_key, features, tell_apart, wilson_interval
from ocr_neurons.text.align import align
from ocr_neurons.text.pairs import TextPair

WORDS = ["the", "barque", "came", "from", "liverpool", "with", "corn", "and", "sheets", "of", "iron", "on", "march"]
REAL = {"c": ["o", "e"], "h": ["li", "b"], "m": ["rn"], "e": ["c"], " ": ["", "  "]}
PRESET = {"o": ["u", "0"], "r": ["k"], "l": ["1"], "s": ["8"]}

sklearn = pytest.importorskip("sklearn", reason="needs scikit-learn: pip install 'ocr-neurons[noise]'")


def texts(count: int, words: int = 200) -> list[str]:
    rng = np.random.default_rng(7)
    return [" ".join(WORDS[index] for index in rng.integers(0, len(WORDS), words)) for _ in range(count)]


def noisy(cleans: list[str], table: dict[str, list[str]], suffix: str, seed: int, rate: float = 0.06) -> list[TextPair]:
    rng = np.random.default_rng(seed)
    pairs = []
    for number, clean in enumerate(cleans):
        hits = rng.random(len(clean)) < rate
        out = "".join(
            table[c][int(rng.integers(len(table[c])))] if c in table and hit else c
            for c, hit in zip(clean, hits, strict=True)
        )
        pairs.append(TextPair(clean, out, "x", f"set/{number}{suffix}"))
    return pairs


def test_the_same_generator_cannot_be_told_apart():
    cleans = texts(60)
    result = tell_apart(noisy(cleans, REAL, "", 1), noisy(cleans, REAL, "#again", 2), seed=0)
    assert abs(result.accuracy - 0.5) < 0.07
    assert result.interval[0] < 0.5 < result.interval[1]
    assert result.documents == 60
    assert result.windows > 300


def test_another_generator_is_told_apart_and_its_signs_are_named():
    cleans = texts(40)
    result = tell_apart(noisy(cleans, REAL, "", 1), noisy(cleans, PRESET, "#preset", 2), seed=0, top=100)
    assert result.accuracy > 0.97
    assert result.interval[0] > 0.9
    by_name = {feature.name: feature for feature in result.features}
    assert by_name["edit r→k"].weight > 0
    assert by_name["edit r→k"].real == 0 < by_name["edit r→k"].synthetic
    assert by_name["edit m→rn"].weight < 0
    assert abs(result.features[0].weight) == max(abs(feature.weight) for feature in result.features)


def test_bursts_alone_give_it_away():
    """Equal confusions, equally many, but in clusters on one side."""
    rng = np.random.default_rng(3)
    sides = []
    for clustered in (False, True):
        pairs = []
        for number, clean in enumerate(texts(40)):
            places = [i for i, c in enumerate(clean) if c.isalpha()]
            flags = set()
            for start in range(0, len(places) - 200, 200):  # six a stretch
                first = int(rng.integers(0, 180))
                chosen = range(first, first + 18, 3) if clustered else rng.permutation(200)[:6]
                flags |= {places[start + int(offset)] for offset in chosen}
            out = "".join("x" if i in flags else c for i, c in enumerate(clean))
            pairs.append(TextPair(clean, out, "x", f"set/{number}"))
        sides.append(pairs)
    assert tell_apart(*sides, seed=0).accuracy > 0.9
    blind = tell_apart(*sides, seed=0, leave_out=("gap", "count", "shape", "kind"))
    assert blind.accuracy < 0.75


def test_clean_text_alone_tells_nothing():
    """Texts of wholly different words with the same noise on the letters they share."""
    ours = [text.replace("liverpool", "barque").replace("sheets", "corn") for text in texts(40)]
    table = {" ": ["", "-"]}
    result = tell_apart(
        noisy(ours, table, "", 1, 0.2), noisy(texts(40), table, "", 2, 0.2), seed=0, leave_out=("context",)
    )
    assert result.accuracy < 0.65


def test_no_document_is_learned_by_heart():
    """Each document has a mark of its own for either side: known by heart it is told apart, unseen it is not."""
    real, synthetic = [], []
    for number, clean in enumerate(texts(40)):
        for side, pairs in enumerate((real, synthetic)):
            mark = chr(0x4E00 + 2 * number + side)
            pairs.append(TextPair(clean, clean.replace("c", mark), "x", f"set/{number}" + "#twin" * side))
    assert tell_apart(real, synthetic, seed=0).accuracy < 0.6
    # told to take every twin for a document of its own, nothing changes: no document is in two folds either way
    assert tell_apart(real, synthetic, seed=0, document=str).accuracy < 0.6


def test_twins_share_their_fold(monkeypatch):
    seen = []
    fit = module._fit

    def spy(matrix, truth, seed):
        seen.append(len(truth))
        return fit(matrix, truth, seed)

    monkeypatch.setattr(module, "_fit", spy)
    groups = np.repeat(np.arange(20), 6)
    truth = np.tile([True, False], 60)
    from scipy.sparse import csr_matrix

    # a feature that names the group and the class: useless unless the group is in the training fold
    matrix = csr_matrix(np.eye(40)[groups * 2 + truth])
    taken = module._cross_validated(matrix, truth, groups, 0)
    assert len(seen) == 5
    assert all(size == 96 for size in seen)
    assert (taken == truth).mean() == 0.5


@pytest.mark.parametrize(
    ("source", "document"),
    [("icdar/12.txt", "icdar/12.txt"), ("icdar/12.txt#learned", "icdar/12.txt"), ("a#b#c", "a#b"), ("#x", "#x")],
)
def test_the_document_of_a_source(source, document):
    assert document_key(source) == document


def test_features_by_hand():
    alignment = align("The modern of clay", "Tbe modem ofclay")
    # h→b, six characters on rn→m, three on a space dropped
    assert features(alignment, alignment.edits) == Counter(
        {
            "shape 1:1": 1,
            "shape 2:1": 1,
            "shape 1:0": 1,
            "edit h→b": 1,
            "edit rn→m": 1,
            "edit ␣→∅": 1,
            "context T[h→b]e": 1,
            "context e[rn→m]␣": 1,
            "context f[␣→∅]c": 1,
            "kind substitution": 2,
            "kind deletion": 2,
            "mark missing space": 1,
            "count segments 3": 1,
            "count units 4": 1,
            "gap 5-6": 1,
            "gap 3": 1,
        }
    )


def test_equal_seeds_equal_results_whatever_came_before():
    cleans = texts(12)
    sides = noisy(cleans, REAL, "", 1), noisy(cleans, PRESET, "", 2)
    first = tell_apart(*sides, seed=3)
    np.random.default_rng().random(10)
    assert tell_apart(*sides, seed=3) == first
    json.dumps(first.to_json(), allow_nan=False)
    assert f"accuracy {first.accuracy:.3f}" in first.table()


def test_classes_are_balanced_and_windows_without_edits_left_out():
    cleans = texts(10)
    few = noisy(cleans, REAL, "", 1, 0.004)
    many = noisy(cleans, REAL, "", 2)
    touched = sum(len({edit[0] // 200 for edit in align(p.clean, p.noisy).edits}) for p in few)
    assert tell_apart(few, many, seed=0).windows == 2 * touched


def test_wilson_against_published_values():
    # Newcombe (1998), 81 of 263: .2553 to .3662; 15 of 148: .0624 to .1605; 0 of 20: .0000 to .1611
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_what_cannot_be_told_apart_is_refused(monkeypatch):
    cleans = texts(3)
    good = noisy(cleans, REAL, "", 1)
    with pytest.raises(UserError, match="the synthetic pairs hold edits in fewer than 2 documents"):
        tell_apart(good, good[:1], seed=0)
    with pytest.raises(UserError, match="the real pairs"):
        tell_apart([TextPair(c, c, "x", c[:9]) for c in cleans], good, seed=0)
    with pytest.raises(UserError, match="feature family 'gaps' is unknown; nearest: gap"):
        tell_apart(good, good, seed=0, leave_out=("gaps",))
    with pytest.raises(UserError, match="window 0"):
        tell_apart(good, good, seed=0, window=0)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(UserError, match=r"pip install 'ocr-neurons\[noise\]'"):
        tell_apart(good, good, seed=0)
