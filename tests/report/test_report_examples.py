from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.report.examples import CONTEXT, LONG, Shown, show
from ocr_neurons.report.inputs_examples import Example, Word

LABELS = st.sampled_from(["O", "O", "B-pers", "I-pers", "B-loc", "I-loc", "B-LOC"])
WORDS = st.builds(Word, st.sampled_from(["Paris", ",", "d'", "9", "M."]), st.booleans(), LABELS, LABELS, LABELS)


def made(gold: str, baseline: str, chosen: str, text: str = "") -> Example:
    names = {"p": "B-pers", "q": "I-pers", "l": "B-loc", "m": "I-loc", ".": "O"}
    words = text.split() or [f"w{i}" for i in range(len(gold))]
    rows = zip(words, gold, baseline, chosen, strict=True)
    return Example("d", tuple(Word(t, True, names[g], names[b], names[c]) for t, g, b, c in rows))


def marks(shown: Shown, line: int) -> list[tuple[str, str, str]]:
    return [(piece.text, piece.label, piece.mark) for piece in shown.lines[line].pieces if piece.label]


def test_right_wrong_missed_and_the_balance() -> None:
    #               pers pers . loc . loc
    shown = show([made("pq.l.l", "p..l..", "pq.p..")])[0]
    assert marks(shown, 0) == [("w0 w1", "pers", ""), ("w3", "loc", ""), ("w5", "loc", "")]
    assert marks(shown, 1) == [("w0", "pers", "wrong"), ("w3", "loc", "right"), ("w5", "loc", "missed")]
    assert marks(shown, 2) == [("w0 w1", "pers", "right"), ("w3", "pers", "wrong"), ("w5", "loc", "missed")]
    assert (shown.repaired, shown.broken, shown.removed, shown.added) == (1, 1, 1, 1)
    assert shown.balance == "repaired 1, broke 1, removed 1 false, added 1 false"


def test_types_compare_without_case_as_the_scorer_does() -> None:
    example = Example("d", (Word("Paris", True, "B-LOC", "B-loc", "O"),))
    shown = show([example])[0]
    assert marks(shown, 1) == [("Paris", "loc", "right")]
    assert shown.broken == 1


@given(st.lists(WORDS, min_size=1, max_size=LONG))
def test_short_sentences_are_shown_whole_and_the_balance_adds_up(words: list[Word]) -> None:
    shown = show([Example("d", tuple(words))])[0]
    texts = {"".join(piece.text for piece in line.pieces).replace(" ", "") for line in shown.lines}
    assert texts == {"".join(word.text for word in words)}

    def naive(labels: list[str]) -> set[tuple[str, int, int]]:
        found, i = set(), 0
        while i < len(labels):
            if labels[i] == "O":
                i += 1
                continue
            kind, start = labels[i][2:], i
            i += 1
            while i < len(labels) and labels[i] == f"I-{kind}":
                i += 1
            found.add((kind.lower(), start, i))
        return found

    gold, before, after = (naive([getattr(w, name) for w in words]) for name in ("gold", "baseline", "chosen"))
    assert shown.repaired - shown.broken == len(after & gold) - len(before & gold)
    assert shown.added - shown.removed == len(after - gold) - len(before - gold)
    assert [sum(p.mark == "right" for p in line.pieces) for line in shown.lines[1:]] == [
        len(before & gold),
        len(after & gold),
    ]


def test_long_sentences_are_cut_around_the_change_and_never_inside_an_entity() -> None:
    n = 200
    gold = ["."] * n
    gold[100] = "p"
    entity = range(100 + CONTEXT, 100 + CONTEXT + 6)  # begins where the context would end
    for i in entity:
        gold[i] = "m" if i > entity.start else "l"
    gold[entity.start - 1 : entity.start] = ["l"]
    gold[entity.start] = "m"
    plain = ["."] * n
    shown = show([made("".join(gold), "".join(plain), "".join([*plain[:100], "p", *plain[101:]]))])[0]
    text = "".join(piece.text for piece in shown.lines[0].pieces)
    assert text.startswith("… w88 ")
    assert text.endswith(f"w{entity.stop - 1} …")
    assert [piece.text.split()[0] for piece in shown.lines[0].pieces if piece.label] == ["w100", "w111"]
