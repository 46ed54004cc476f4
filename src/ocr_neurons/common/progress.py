"""Progress of long work: a bar with a time estimate on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TextIO, TypeVar

Item = TypeVar("Item")


class Reporter:
    """Says what is going on, on standard error; ``quiet`` says nothing."""

    def __init__(self, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.quiet = quiet
        self.stream = stream or sys.stderr

    def say(self, line: str) -> None:
        """Print one line."""
        if not self.quiet:
            print(line, file=self.stream, flush=True)

    def warn(self, line: str) -> None:
        """Print one line, also when quiet: something that goes on but may not be what was meant."""
        print(f"warning: {line}", file=self.stream, flush=True)

    def track(self, items: Iterable[Item], what: str, total: int | None = None, every: float = 20.0) -> Iterator[Item]:
        """Yield ``items``; show how far it is, as a bar on a terminal or a line each ``every`` seconds."""
        if total is None and isinstance(items, Sized):
            total = len(items)
        if self.quiet:
            yield from items
            return
        if self.stream.isatty():
            from tqdm import tqdm

            yield from tqdm(items, desc=what, total=total, file=self.stream, leave=False)
            return
        start = spoken = time.monotonic()
        for done, item in enumerate(items):
            now = time.monotonic()
            if now - spoken >= every and done:
                # a total may be an estimate, and too low
                left = f", about {(now - start) / done * (total - done):.0f} s left" if total and done < total else ""
                self.say(f"  {what}: {done}/{total or '?'}{left}")
                spoken = now
            yield item


QUIET = Reporter(quiet=True)
