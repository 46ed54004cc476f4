"""The learned noise model: counts in one readable JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError, nearest
from ocr_neurons.common.files import read_text, write_text
from ocr_neurons.noise.learned.check import check_style
from ocr_neurons.noise.learned.gaps import Burstiness

PER_LINE = 16
"""Counts in one line of the file."""
FORMAT = "ocr-neurons noise model 1"
Counts = dict[str, dict[str, dict[str, int]]]
"""``{context: {source: {target: count}}}``; a context is the characters before, at and after the change's place."""


@dataclass(frozen=True)
class Style:
    """What one kind of OCR does: counts over the aligned text of one source.

    ``seen`` and ``hit`` count, for each context (three characters: before, at, after; a space beyond the edges), how
    often it stands in clean text and how often a changed segment begins at its middle character; an insertion begins
    at the character it stands before. ``changes`` counts the first units of segments by context, source and target;
    ``chain[j][k][s]`` what follows unit j (the last row for all later ones) of kind k, before a space (s = 1) or not:
    the end of the segment, a substitution, an insertion, a deletion; ``later`` counts the units that follow, by source
    and target.

    ``burst`` says how segments follow one another.
    ``rates`` are the deciles of the character error rate of documents, from the lowest to the highest.
    """

    documents: int
    characters: int
    cer: float
    seen: dict[str, int]
    hit: dict[str, int]
    changes: Counts
    chain: list[list[list[list[int]]]]
    later: dict[str, dict[str, int]]
    burst: Burstiness
    rates: list[float]
    weight: float = 1.0


@dataclass(frozen=True)
class NoiseModel:
    """Noise learned from aligned texts: one :class:`Style` for each source of them; a document draws one by weight.

    ``source`` and ``licence`` name the data the counts were taken from; ``normalised`` the rules of
    :mod:`ocr_neurons.text.normalise` under which they were.
    """

    language: str
    styles: dict[str, Style]
    source: str = ""
    licence: str = ""
    normalised: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def cer(self) -> float:
        """The character error rate the model was learned at: the mean of its styles by weight."""
        total = sum(style.weight for style in self.styles.values())
        return sum(style.cer * style.weight for style in self.styles.values()) / total

    def style(self, name: str) -> Style:
        """The style called ``name``; a UserError for another name."""
        if name not in self.styles:
            raise UserError(f"noise style {name!r} is unknown{nearest(name, self.styles)}")
        return self.styles[name]

    def confusions(self, count: int = 100) -> list[tuple[str, str, int]]:
        """The most frequent first units of segments over all styles: source, target, how often."""
        total: dict[tuple[str, str], int] = {}
        for style in self.styles.values():
            for sources in style.changes.values():
                for source, targets in sources.items():
                    for target, number in targets.items():
                        total[source, target] = total.get((source, target), 0) + number
        best = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:count]
        return [(source, target, number) for (source, target), number in best]

    def save(self, path: Path) -> None:
        """Write the model as JSON: what it is first, then the most frequent confusions, then the counts."""
        head: dict[str, Any] = {
            "format": FORMAT,
            "language": self.language,
            "source": self.source,
            "licence": self.licence,
            "normalised": list(self.normalised),
            "left_out": self.left_out,
            "cer": round(self.cer, 5),
            "frequent": [
                f"{source or '∅'} → {target or '∅'}: {number}" for source, target, number in self.confusions()
            ],
        }
        lines = [f'"{key}": {_json(value)}' for key, value in head.items()]
        styles = [f"{_json(name)}: {_style_json(style)}" for name, style in self.styles.items()]
        lines.append('"styles": {\n' + ",\n".join(styles) + "\n}")
        write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")

    @classmethod
    def load(cls, path: Path) -> NoiseModel:
        """Read a model.

        Raises:
            UserError: the file is no noise model.
        """
        wanted = "a noise model, as `ocr-neurons noise learn` writes it"
        return cls.from_json(read_text(path, wanted), str(path))

    @classmethod
    def from_json(cls, text: str, name: str) -> NoiseModel:
        """A model from the text of its file; ``name`` stands in messages."""
        wanted = "a noise model, as `ocr-neurons noise learn` writes it"
        try:
            data = json.loads(text)
            if data["format"] != FORMAT:
                raise ValueError(f"format {data['format']!r}")
            styles = {
                key: Style(**value | {"burst": Burstiness(**{k: _tuple(v) for k, v in value["burst"].items()})})
                for key, value in data["styles"].items()
            }
            if not styles:
                raise ValueError("no style")
            for key, style in styles.items():
                check_style(key, style)
            return cls(
                data["language"], styles, data["source"], data["licence"], tuple(data["normalised"]), data["left_out"]
            )
        except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{name}: not a noise model ({error}); wanted {wanted}") from None


def _tuple(value: Any) -> Any:  # noqa: ANN401 - JSON
    return tuple(value) if isinstance(value, list) else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _style_json(style: Style) -> str:
    """A style with one line for each entry, and for each context of ``changes``."""
    parts = []
    for key, value in asdict(style).items():
        if key == "changes":
            rows = [f"{_json(context)}: {_json(found)}" for context, found in value.items()]
            parts.append('"changes": {\n' + ",\n".join(rows) + "}")
        elif isinstance(value, dict) and key != "burst":
            entries = [f"{_json(name)}: {_json(count)}" for name, count in value.items()]
            rows = [", ".join(entries[at : at + PER_LINE]) for at in range(0, len(entries), PER_LINE)]
            parts.append(f'"{key}": {{\n' + ",\n".join(rows) + "}")
        else:
            parts.append(f'"{key}": {_json(value)}')
    return "{\n" + ",\n".join(parts) + "}"
