"""Like forms are gathered under the most frequent, nothing is lost, and unlike ones stay apart."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.tagging.names import ALIKE, SHORTEST, Name, gathered


def name(form: str, times: int, kind: str = "loc") -> Name:
    return Name(kind, form, times, {"a.txt"}, 0.9)


def likeness(a: str, b: str) -> float:
    """By the textbook, with a full table."""
    rows = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            rows[i][j] = min(
                rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1])
            )  # fmt: skip
    return 1 - rows[-1][-1] / max(len(a), len(b))


def test_a_misread_form_stands_under_what_it_was_meant_to_be():
    some = [name("Liverpool", 9), name("Liverpoo1", 1), name("LIVERPOOL", 2), name("London", 4), name("Iondon", 2)]
    found = [(one.form, [other.form for other in one.perhaps]) for one in gathered(some)]
    assert found == [("Liverpool", ["LIVERPOOL", "Liverpoo1"]), ("London", ["Iondon"])]


def test_other_types_short_forms_and_equals_stay_apart():
    some = [name("Liverpool", 9), name("Liverpoo1", 1, "pers"), name("Bern", 5), name("Berm", 1)]
    some += [name("Jansen", 2), name("Jansem", 2)]
    assert all(not one.perhaps for one in gathered(some))


FORMS = st.text("abcAB ", min_size=1, max_size=8)


@given(st.dictionaries(st.tuples(FORMS, st.sampled_from(["loc", "pers"])), st.integers(1, 5), max_size=12))
def test_nothing_is_lost_and_only_likes_are_gathered(counts):
    heads = gathered(name(form, times, kind) for (form, kind), times in counts.items())
    every = [one for head in heads for one in (head, *head.perhaps)]
    assert Counter({(one.form, one.type): one.times for one in every}) == Counter(counts)
    assert len(every) == len(counts)
    for head in heads:
        for one in head.perhaps:
            assert one.type == head.type
            assert one.times < head.times
            assert not one.perhaps
            assert len(one.form) >= SHORTEST
            assert likeness(one.form.casefold(), head.form.casefold()) >= ALIKE
    for one in heads:  # a head resembles no more frequent head
        for other in heads:
            if other.type == one.type and other.times > one.times and len(one.form) >= SHORTEST:
                best = max(
                    likeness(one.form.casefold(), h.form.casefold())
                    for h in heads
                    if h.type == one.type and h.times >= one.times and h is not one
                )
                if likeness(one.form.casefold(), other.form.casefold()) >= ALIKE:
                    # then an equally frequent one resembles it more
                    assert best >= likeness(one.form.casefold(), other.form.casefold())
