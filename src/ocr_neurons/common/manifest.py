"""What a run was made with and which of its steps are done: ``manifest.json``."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import read_json, write_json

PACKAGES = ("ocr-neurons", "torch", "transformers", "peft", "numpy", "optuna", "tokenizers", "safetensors")


class Manifest:
    """A run folder's record. A step is done when its key, made from all it depends on, is the one written down."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "manifest.json"
        self.value: dict[str, Any] = read_json(self.path, "a run's manifest") if self.path.exists() else {}
        if not isinstance(self.value, dict) or not isinstance(self.value.setdefault("steps", {}), dict):
            raise UserError(f"{self.path}: not a run's manifest; wanted an object with steps; choose another folder")

    def describe(self, **facts: Any) -> None:  # noqa: ANN401 - whatever json can write
        """Write down command, time, versions, hardware and ``facts``."""
        self.value |= {
            "command": shlex.join(["ocr-neurons", *sys.argv[1:]]),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"python": platform.python_version()} | versions(),
            "hardware": hardware(),
        }
        self.note(**facts)

    def note(self, **facts: Any) -> None:  # noqa: ANN401 - whatever json can write
        """Write down more ``facts``, as they become known."""
        self.value |= facts
        self.save()

    def done(self, step: str, key: str, files: Sequence[Path]) -> bool:
        """Whether the step was finished with this key and its files are still there."""
        known = self.value["steps"].get(step, {})
        return known.get("key") == key and all(path.exists() for path in files)

    def otherwise(self, step: str, key: str) -> bool:
        """Whether the step was finished with another key."""
        return step in self.value["steps"] and self.value["steps"][step].get("key") != key

    @contextmanager
    def step(self, name: str, key: str) -> Iterator[None]:
        """Time a step; write it down as done unless it fails.

        Where it was begun before with this key and not finished, its time is not known: it goes on with what is there.
        """
        start = time.monotonic()
        begun: list[str] = self.value.setdefault("begun", [])
        this = f"{name} {key}"
        resumed = this in begun
        if not resumed:
            begun.append(this)
        self.value["steps"].pop(name, None)  # its files may be half replaced when it fails
        self.save()
        yield
        begun.remove(this)
        self.record(name, key, None if resumed else time.monotonic() - start)

    def record(self, name: str, key: str, seconds: float | None) -> None:
        """Write down a step as done, in so many seconds or nobody knows how many."""
        self.value["steps"][name] = {"key": key, "seconds": None if seconds is None else round(seconds, 2)}
        self.save()

    def timings(self) -> dict[str, float]:
        """Seconds of each step, as measured when it was last really done; only of those that were done in one go."""
        return {name: s["seconds"] for name, s in self.value["steps"].items() if s["seconds"] is not None}

    def save(self) -> None:
        """Write the file."""
        write_json(self.path, self.value)


def digest(*parts: Any) -> str:  # noqa: ANN401 - whatever json can write
    """A short hash of JSON values."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def versions() -> dict[str, str]:
    """Installed versions of the packages that decide numbers."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor, cores, memory, operating system: what decides speed, and bits in low precision."""
    facts: dict[str, Any] = {"machine": platform.machine(), "system": platform.system(), "cores": os.cpu_count()}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        if names:
            facts["processor"] = names[0].partition(":")[2].strip()
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        facts["memory_gib"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    return facts
