"""Label inventories, and label numbers of documents."""

from __future__ import annotations

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.ner.labels import check_types, inventory, label_ids
from ocr_neurons.text.document import Document, Token


def document(*labels: str) -> Document:
    return Document("d", tuple(Token(f"w{i}", label=label) for i, label in enumerate(labels)))


def test_inventory_is_fixed_whatever_the_order_of_the_documents():
    documents = [document("B-pers", "I-pers", "O"), document("O", "I-Loc"), document("_", "B-time")]
    labels = ["O", "B-Loc", "I-Loc", "B-pers", "I-pers", "B-time", "I-time"]
    assert inventory(documents) == inventory(documents[::-1]) == labels


@pytest.mark.parametrize("documents", [[], [document("O", "_", "")]])
def test_no_entity_is_an_error(documents):
    with pytest.raises(UserError, match="no entity in the training documents; wanted at least one") as caught:
        inventory(documents)
    assert "\n" not in str(caught.value)


def test_stray_inside_labels_become_beginnings():
    labels = ["O", "B-loc", "I-loc", "B-pers", "I-pers"]
    cases = {
        ("I-loc", "I-loc", "O"): [1, 2, 0],
        ("B-loc", "I-pers", "I-pers"): [1, 3, 4],
        ("O", "I-pers", "B-pers", "I-loc"): [0, 3, 3, 1],
        ("B-loc", "_", "I-loc", ""): [1, 0, 1, 0],
        ("S-loc", "B-pers", "E-pers"): [1, 3, 4],
    }
    for given, wanted in cases.items():
        assert label_ids(document(*given), labels) == wanted


def test_unknown_types_are_one_line():
    labels = ["O", "B-loc", "I-loc"]
    with pytest.raises(UserError) as caught:
        label_ids(document("B-loc", "B-prod"), labels)
    message = str(caught.value)
    assert message.startswith("d: entity types prod are unknown to the tagger (it knows loc); ")
    assert "\n" not in message
    with pytest.raises(UserError, match=r"dev: entity types prod, time are unknown"):
        check_types([document("B-loc"), document("B-time", "B-prod")], labels, "dev")
    check_types([document("I-loc", "O"), document("O")], labels, "dev")


def test_types_keep_their_case():
    with pytest.raises(UserError, match="entity types LOC are unknown"):
        check_types([document("B-LOC")], ["O", "B-loc", "I-loc"], "test")
