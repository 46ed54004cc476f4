"""Which predicted entity answers which gold entity, by the rule of the HIPE scorer.

The rule: predicted entities are taken from left to right; each takes the first gold entity that it shares a token with
and that no earlier one took, *whatever its type*. Taken with the same type it is a fuzzy match, with the same type and
the same span a strict match, with another type an error that is charged to the gold entity's type. So a prediction that
first touches an entity of another type uses it up, and cannot answer a later one: fuzzy scores are a little lower than
"overlaps some entity of its type" would give. Source: hipe-eval/HIPE-scorer, scenario ``ent_type``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ocr_neurons.score.counts import Counts
from ocr_neurons.score.reading import COARSE, Reading
from ocr_neurons.text.document import Document, Entity, spans


class Match(NamedTuple):
    """A gold entity and the prediction that took it; ``None`` on one side: missed, or predicted in vain."""

    gold: Entity | None
    predicted: Entity | None

    @property
    def strict(self) -> bool:
        """Same type, same span."""
        return self.gold is not None and self.gold == self.predicted

    @property
    def fuzzy(self) -> bool:
        """Same type, at least one token in common."""
        return self.gold is not None and self.predicted is not None and self.gold.type == self.predicted.type


def scored_positions(document: Document) -> list[int]:
    """Positions of the tokens that count: the HIPE scorer drops every token with a ``#`` in it (an OCR gap mark)."""
    return [index for index, token in enumerate(document.tokens) if "#" not in token.text]


def scored_entities(document: Document, positions: Sequence[int], reading: Reading = COARSE) -> list[Entity]:
    """Entities in the labels at ``positions``, types in upper case and mapped.

    Labels are compared without case, as the HIPE scorer does (``Pers`` = ``PERS``). Spans are in the numbering of
    ``positions``, so that an entity goes on across a token that does not count.
    """
    found = spans(reading.labels(document, positions))
    if not reading.mapping:
        return found
    mapped = (Entity(reading.mapping.get(entity.type, entity.type), entity.start, entity.end) for entity in found)
    return [entity for entity in mapped if entity.type]


def entity_led(document: Document, positions: Sequence[int], entity: Entity) -> float | None:
    """The LED of an entity at ``positions``: that of its first token that has one, ``None`` where none has."""
    leds = (document.tokens[positions[place]].led for place in range(entity.start, entity.end))
    return next((led for led in leds if led is not None), None)


def match(gold: Sequence[Entity], predicted: Sequence[Entity]) -> list[Match]:
    """Pair gold and predicted entities, both in reading order and without overlaps among themselves.

    Every entity of either side is in exactly one match.
    """
    matches: list[Match] = []
    following = 0
    for entity in predicted:
        while following < len(gold) and gold[following].end <= entity.start:
            matches.append(Match(gold[following], None))
            following += 1
        if following < len(gold) and gold[following].start < entity.end:
            matches.append(Match(gold[following], entity))
            following += 1
        else:
            matches.append(Match(None, entity))
    matches.extend(Match(entity, None) for entity in gold[following:])
    return matches


def tally(matches: Iterable[Match]) -> tuple[dict[str, Counts], dict[str, Counts]]:
    """Strict and fuzzy counts by type; a match of two types is a false positive and a miss of the *gold* type."""
    strict: dict[str, list[int]] = {}
    fuzzy: dict[str, list[int]] = {}
    for pair in matches:
        gold, predicted = pair
        charged = gold if gold is not None else predicted
        assert charged is not None  # noqa: S101 - a match has at least one side
        for table, right in ((strict, pair.strict), (fuzzy, pair.fuzzy)):
            row = table.setdefault(charged.type, [0, 0, 0])
            if right:
                row[0] += 1
            else:
                row[1] += predicted is not None
                row[2] += gold is not None
    return _frozen(strict), _frozen(fuzzy)


def _frozen(table: dict[str, list[int]]) -> dict[str, Counts]:
    return {kind: Counts(*table[kind]) for kind in sorted(table)}
