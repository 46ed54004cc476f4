"""XML read safely: no entity is declared or expanded, nothing is fetched, names lose their namespaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from ocr_neurons.common.errors import UserError

DEEPEST = 200
"""Nesting beyond this is no page of text."""


@dataclass(slots=True)
class Node:
    """An element: its local name, attributes by local name, children, and the characters directly in it."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def get(self, attribute: str) -> str:
        """The value of an attribute, empty when it is absent."""
        return self.attributes.get(attribute, "")

    def all(self, *names: str) -> Iterator[Node]:
        """The children of these names, in order."""
        return (child for child in self.children if child.name in names)

    def first(self, name: str) -> Node | None:
        """The first child of a name."""
        return next(self.all(name), None)

    def walk(self) -> Iterator[Node]:
        """Yield this element and all below it, in document order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)


def parse_xml(data: bytes, name: str, wanted: str) -> Node:
    """The root element of an XML file. ``name`` and ``wanted`` stand in messages.

    Raises:
        UserError: no well-formed XML, an encoding that cannot be read, an entity declaration, nesting beyond
            ``DEEPEST``.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    root = Node("", {}, 0)
    path = [root]

    def refuse(what: str) -> UserError:
        return UserError(f"{name}, line {parser.CurrentLineNumber}: {what}; wanted {wanted}")

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(path) > DEEPEST:
            raise refuse(f"elements nested more than {DEEPEST} deep")
        node = Node(_local(tag), {_local(key): value for key, value in attributes.items()}, parser.CurrentLineNumber)
        path[-1].children.append(node)
        path.append(node)

    def end(_: str) -> None:
        path.pop()

    def characters(text: str) -> None:
        path[-1].text += text

    def entity(*_: object) -> None:
        raise refuse("an entity declaration, which is not read for safety; remove the DOCTYPE")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code)
        raise UserError(f"{name}, line {error.lineno}: broken XML ({what}); wanted {wanted}") from None
    except (LookupError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise refuse(f"an encoding that cannot be read ({error})") from None
    return root.children[0]


def in_order(root: Node, names: Sequence[str], identity: str, references: Iterable[str]) -> list[Node]:
    """The elements of these names below ``root``, in the order of ``references`` to their ``identity`` attributes.

    One that is not referred to goes with the element it is in; what nothing refers to comes last, as it stands.
    """
    ranks: dict[str, int] = {}
    for reference in references:
        ranks.setdefault(reference, len(ranks))

    def ranked(node: Node, rank: int) -> Iterator[tuple[int, Node]]:
        for child in node.children:
            own = ranks.get(child.get(identity), rank)
            if child.name in names:
                yield own, child
            yield from ranked(child, own)

    return [node for _, node in sorted(ranked(root, len(ranks)), key=lambda pair: pair[0])]


def number(text: str, name: str, line: int) -> float | None:
    """A coordinate; ``None`` for an empty one.

    Raises:
        UserError: something else than a finite number.
    """
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if abs(value) < 1e9:
        return value
    raise UserError(f"{name}, line {line}: coordinate {text!r}; wanted a number; correct or remove it")


def _local(name: str) -> str:
    return name.rpartition(" ")[2].rpartition(":")[2]
