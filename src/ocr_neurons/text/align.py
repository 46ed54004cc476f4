"""Character alignment of a clean and a noisy text of any length, as a script of changed segments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from rapidfuzz.distance import Levenshtein, Opcode

Edit = tuple[int, int, int, int]
"""``(clean start, clean end, noisy start, noisy end)`` of a changed segment, character offsets, ends exclusive."""

DIRECT = 20_000
"""Texts up to this many characters are aligned in one piece; longer ones are cut at anchors first."""
PIECE = 4_000
"""Wanted distance of two cuts, in characters of the clean text."""
LONGEST = 100_000
"""A piece between anchors is aligned in one go up to this length."""
STEADY = 16
"""Equal characters in a row after which a window may be cut."""
WINDOWS = (24, 12)
"""Lengths of the strings that may serve as anchors; the shorter one is tried where the longer finds nothing."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """A clean and a noisy text, and what turns the one into the other.

    ``edits`` are maximal changed segments in order, at least one unchanged character apart. A segment of n clean and m
    noisy characters (``n:m``, either may be 0) costs ``max(n, m)`` unit edits: substitutions, and insertions or
    deletions for the rest.
    """

    clean: str
    noisy: str
    edits: tuple[Edit, ...]

    @property
    def distance(self) -> int:
        """Unit edits of the script; the Levenshtein distance where the text was aligned in one piece."""
        return sum(max(b - a, d - c) for a, b, c, d in self.edits)

    @property
    def cer(self) -> float:
        """Character error rate: unit edits / characters of the clean text (of 1 when it is empty)."""
        return self.distance / max(1, len(self.clean))

    @property
    def similarity(self) -> float:
        """1 - unit edits / length of the longer text; 1 for two empty texts."""
        longer = max(len(self.clean), len(self.noisy))
        return 1 - self.distance / longer if longer else 1.0

    def rebuild(self) -> str:
        """The noisy text, from the clean one and the script."""
        pieces: list[str] = []
        position = 0
        for start, end, noisy_start, noisy_end in self.edits:
            pieces += [self.clean[position:start], self.noisy[noisy_start:noisy_end]]
            position = end
        return "".join([*pieces, self.clean[position:]])

    def inverse(self) -> Alignment:
        """The same alignment, read from noisy to clean."""
        return Alignment(self.noisy, self.clean, tuple((c, d, a, b) for a, b, c, d in self.edits))

    def to_noisy(self, start: int, end: int) -> tuple[int, int]:
        """The noisy span of the clean span ``[start, end)``, ``start < end``.

        What was inserted at either edge stays outside. Inside a changed segment positions are mapped in proportion. The
        span is empty when all its characters were deleted.
        """
        first, last = self._position(start, after=True), self._position(end, after=False)
        return first, max(first, last)

    def to_clean(self, start: int, end: int) -> tuple[int, int]:
        """The clean span of the noisy span ``[start, end)``; see :meth:`to_noisy`."""
        return self.inverse().to_noisy(start, end)

    def pages(self, size: int) -> list[Alignment]:
        """The alignment cut into pages of at least ``size`` clean characters, at unchanged spaces.

        The last may be shorter. Together they are the whole; a text without such spaces stays one page.
        """
        pages: list[Alignment] = []
        start = noisy_start = index = 0
        while True:
            end, noisy_end = self._page_end(start + size)
            edits = []
            while index < len(self.edits) and self.edits[index][1] <= end and self.edits[index][3] <= noisy_end:
                a, b, c, d = self.edits[index]
                edits.append((a - start, b - start, c - noisy_start, d - noisy_start))
                index += 1
            pages.append(Alignment(self.clean[start:end], self.noisy[noisy_start:noisy_end], tuple(edits)))
            if end == len(self.clean):
                return pages
            start, noisy_start = end, noisy_end

    def _page_end(self, position: int) -> tuple[int, int]:
        """The next place from ``position`` on where an unchanged space begins, in both texts; else the ends."""
        while (position := self.clean.find(" ", position)) >= 0:
            index = bisect_right(self.edits, position, key=lambda edit: edit[0]) - 1
            if index < 0 or self.edits[index][1] < position:
                return position, self._position(position, after=True)
            position += 1
        return len(self.clean), len(self.noisy)

    def _position(self, position: int, after: bool) -> int:
        """Where the boundary before clean character ``position`` lies; ``after`` what was inserted there, or before."""
        index = bisect_right(self.edits, position, key=lambda edit: edit[0]) - 1
        if index < 0:
            return position
        start, end, noisy_start, noisy_end = self.edits[index]
        if position > end or (position == end and (after or start < end)):
            return noisy_end + position - end
        if position == start:
            return noisy_start
        return noisy_start + round((position - start) * (noisy_end - noisy_start) / (end - start))


def align(clean: str, noisy: str) -> Alignment:
    """Align two texts character by character.

    The script is a shortest one (rapidfuzz); among equal ones, insertions and deletions are moved next to other
    changes, so that a block that only one text holds stays one block. Texts above ``DIRECT`` characters are cut where
    both hold the same string, once each and in the same order, and aligned window by window where there are no such
    strings; time then grows with length and not with its square, and the script may be longer than the shortest.
    """
    edits: list[Edit] = []
    for clean_start, clean_end, noisy_start, noisy_end in _pieces(clean, noisy):
        part = _edits(clean[clean_start:clean_end], noisy[noisy_start:noisy_end])
        edits += [(clean_start + a, clean_start + b, noisy_start + c, noisy_start + d) for a, b, c, d in part]
    return Alignment(clean, noisy, tuple(_tidied(_joined(edits), clean, noisy)))


def _edits(clean: str, noisy: str) -> list[Edit]:
    """The script of one piece. A piece without anchors that is too long for one go is aligned window by window.

    Each window is aligned whole, and its first part kept, up to a run of ``STEADY`` equal characters or more.
    """
    edits: list[Edit] = []
    start = noisy_start = 0
    while True:
        last = max(len(clean) - start, len(noisy) - noisy_start) <= LONGEST
        window = None if last else DIRECT
        left, right = (text[at:][:window] for text, at in ((clean, start), (noisy, noisy_start)))
        ops = Levenshtein.opcodes(left, right)
        end = (len(left), len(right)) if last else _steady_end(ops, len(left), len(right))
        edits += [
            (start + op.src_start, start + op.src_end, noisy_start + op.dest_start, noisy_start + op.dest_end)
            for op in ops
            if op.tag != "equal" and op.src_end <= end[0] and op.dest_end <= end[1]
        ]
        start, noisy_start = start + end[0], noisy_start + end[1]
        if last:
            return edits


def _steady_end(ops: Iterable[Opcode], left: int, right: int) -> tuple[int, int]:
    """Where to cut a window: in the last steady run that begins in its first three quarters, else after an edit."""
    steady = change = (0, 0)
    for op in ops:
        room = min(0.75 * left - op.src_start, 0.75 * right - op.dest_start)
        if room < 0:
            break
        length = op.src_end - op.src_start
        if op.tag == "equal" and length >= STEADY:
            kept = min(length, max(STEADY, int(room)))
            steady = (op.src_start + kept, op.dest_start + kept)
        change = (op.src_end, op.dest_end)
    return steady if sum(steady) else change


def _joined(edits: list[Edit]) -> list[Edit]:
    """Touching changes as one segment."""
    joined: list[Edit] = []
    for edit in edits:
        if joined and joined[-1][1] == edit[0] and joined[-1][3] == edit[2]:
            before = joined.pop()
            edit = (before[0], edit[1], before[2], edit[3])
        joined.append(edit)
    return joined


def _tidied(edits: list[Edit], clean: str, noisy: str) -> list[Edit]:
    """Pure insertions and deletions slid along equal text to the change before or after them, where they reach it."""
    done: list[Edit] = []
    for edit in edits:
        while done and (moved := _slid_left(edit, done[-1], clean, noisy)):
            done.pop()
            edit = moved
        done.append(edit)
    return done


def _slid_left(edit: Edit, before: Edit, clean: str, noisy: str) -> Edit | None:
    """The two as one segment, if one of them is pure and the equal text between them lets it slide to the other."""
    gap = edit[0] - before[1]
    start, end, noisy_start, noisy_end = edit
    if start == end and _repeats(noisy, noisy_start - gap, noisy_end - gap, gap):
        return before[0], before[1], before[2], noisy_end - gap
    if noisy_start == noisy_end and _repeats(clean, start - gap, end - gap, gap):
        return before[0], end - gap, before[2], before[3]
    start, end, noisy_start, noisy_end = before
    if start == end and _repeats(noisy, noisy_start, noisy_end, gap):
        return edit[0], edit[1], noisy_start + gap, edit[3]
    if noisy_start == noisy_end and _repeats(clean, start, end, gap):
        return start + gap, edit[1], edit[2], edit[3]
    return None


def _repeats(text: str, start: int, end: int, gap: int) -> bool:
    """Whether the block ``[start, end)`` may slide ``gap`` characters to the right without changing the text."""
    return text[start : start + gap] == text[end : end + gap]


def _pieces(clean: str, noisy: str) -> list[Edit]:
    """Spans to be aligned one by one; together they cover both texts."""
    cuts = [(0, 0)]
    if max(len(clean), len(noisy)) > DIRECT:
        for position, other in _anchors(clean, noisy):
            if position - cuts[-1][0] >= PIECE and other > cuts[-1][1]:
                cuts.append((position, other))
    cuts.append((len(clean), len(noisy)))
    return [(a, b, c, d) for (a, c), (b, d) in pairwise(cuts)]


def _anchors(clean: str, noisy: str) -> list[tuple[int, int]]:
    """Positions of strings that both texts hold once, increasing in both; isolated ones are left out."""
    for window in WINDOWS:
        found = _increasing(*_shared_once(clean, noisy, window))
        # a string that is shared by chance stands alone; one in shared text has a neighbour at the same distance
        steady = [b for a, b in pairwise(found) if b[0] - a[0] == b[1] - a[1] <= window]
        if steady:
            return steady
    return []


def _shared_once(clean: str, noisy: str, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the strings of ``window`` characters stand that occur once in each text; ordered by clean position."""
    (left, left_at), (right, right_at) = _once(clean, window), _once(noisy, window)
    _, left_index, right_index = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    positions, others = left_at[left_index], right_at[right_index]
    order = np.argsort(positions)
    positions, others = positions[order], others[order]
    same = [clean[p : p + window] == noisy[q : q + window] for p, q in zip(positions, others, strict=True)]
    return positions[same], others[same]


def _once(text: str, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the strings of ``window`` characters that occur once, and their positions."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    count = max(0, len(codes) - window + 1)
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(window):
        hashes = hashes * np.uint64(6364136223846793005) + codes[offset : offset + count] + np.uint64(1)
    values, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    return values[counts == 1], first[counts == 1]


def _increasing(positions: np.ndarray, others: np.ndarray) -> list[tuple[int, int]]:
    """The longest chain of pairs that increases on both sides."""
    tails: list[int] = []  # the smallest end of a chain of each length
    last: list[int] = []  # its index
    previous = [-1] * len(others)
    for index, other in enumerate(others.tolist()):
        length = bisect_right(tails, other)
        previous[index] = last[length - 1] if length else -1
        if length == len(tails):
            tails.append(other)
            last.append(index)
        else:
            tails[length], last[length] = other, index
    chain: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        chain.append((int(positions[index]), int(others[index])))
        index = previous[index]
    return chain[::-1]
