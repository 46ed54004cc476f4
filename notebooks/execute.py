"""Execute the notebooks: everything runs on this machine, and nothing listens on a network.

    python notebooks/execute.py --out results/notebooks Data NoisyTextExperiments Llama-MistralNEREvaluation --full

A notebook's first code cell holds its settings; ``--set NAME=VALUE`` changes one in those notebooks that have it, and
the line that does so stands in the executed notebook. Needs ``pip install 'ocr-neurons[notebooks]'``.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NAMES = ("Data", "NoisyTextExperiments", "Llama-MistralNEREvaluation")
SETTINGS = "settings"
"""The tag of the cell that settings are changed after."""
SMALL = "OCR_NEURONS_SMALL"


def execute(name: str, out: Path, settings: Mapping[str, Any], *, small: bool, timeout: int = 3600) -> Path:
    """Execute one notebook with some settings changed; write it to ``out``; return its path.

    The kernel runs in the current folder, talks through sockets of a temporary folder, and leaves nothing in the
    user's own.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the notebook so far is written all the same.
        KeyError: a setting that the notebook does not have.
    """
    import nbformat

    notebook = nbformat.read(HERE / f"{name}.ipynb", as_version=4)
    set_values(notebook, settings)
    path = out / f"{name}.ipynb"
    with _own_folder(small) as folder:
        client = client_of(notebook, timeout, folder)
        try:
            client.execute()
        finally:
            for cell in notebook.cells:  # when a cell ran is of no use, and differs each time
                cell.metadata.pop("execution", None)
            out.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, path)
    return path


def client_of(notebook: Any, timeout: int, folder: Path) -> Any:
    """What executes a notebook: its kernel is spoken to through files in ``folder``, not through ports."""
    from nbclient import NotebookClient
    from traitlets.config import Config

    where = {"metadata": {"path": str(Path.cwd())}}
    sockets = Config({"KernelManager": {"transport": "ipc", "connection_file": str(folder / "kernel.json")}})
    return NotebookClient(notebook, timeout=timeout, kernel_name="python3", resources=where, config=sockets)


def set_values(notebook: Any, settings: Mapping[str, Any]) -> None:
    """Put a cell that changes settings after the one that is tagged ``settings``."""
    import nbformat

    place = _settings_cell(notebook)
    known = settings_of(notebook)
    for key in settings:
        if key not in known:
            raise KeyError(f"setting {key!r} given; the notebook has {', '.join(known)}")
    if settings:
        lines = ["# set by notebooks/execute.py", *(f"{key} = {value!r}" for key, value in settings.items())]
        notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("\n".join(lines), id="settings-changed"))


def settings_of(notebook: Any) -> list[str]:
    """The names that the settings cell gives values to."""
    tree = ast.parse(notebook.cells[_settings_cell(notebook)].source)
    targets = [target for one in tree.body if isinstance(one, ast.Assign) for target in one.targets]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _settings_cell(notebook: Any) -> int:
    return next(i for i, cell in enumerate(notebook.cells) if SETTINGS in cell.metadata.get("tags", ()))


@contextmanager
def _own_folder(small: bool) -> Iterator[Path]:
    """A temporary folder in the place of Jupyter's and IPython's own; the kernel is told whether to be quick."""
    with tempfile.TemporaryDirectory(prefix="nb") as folder:
        own = dict.fromkeys(("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"), folder)
        changed = own | {SMALL: str(int(small)), "MPLBACKEND": "agg", "PYTHONWARNINGS": "ignore:IProgress not found"}
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="notebook", help=f"some of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the executed notebooks")
    parser.add_argument("--full", action="store_true", help="full settings (default: small ones, minutes in all)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting; repeatable")
    args = parser.parse_args(arguments)
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        print(f"notebook {unknown[0]!r} given; wanted some of {', '.join(NAMES)}", file=sys.stderr)
        return 2
    settings = dict(_setting(given) for given in args.set)
    known = {name: _known(name) for name in args.names or NAMES}
    unknown = [key for key in settings if not any(key in names for names in known.values())]
    if unknown:
        names = ", ".join(dict.fromkeys(key for keys in known.values() for key in keys))
        print(f"setting {unknown[0]!r} given; wanted some of {names}", file=sys.stderr)
        return 2
    for name, own_names in known.items():
        start = time.monotonic()
        own = {key: value for key, value in settings.items() if key in own_names}
        path = execute(name, args.out, own, small=not args.full)
        print(f"{path}: {time.monotonic() - start:.0f} s, {path.stat().st_size / 1000:.0f} kB", flush=True)
    return 0


def _known(name: str) -> list[str]:
    import nbformat

    return settings_of(nbformat.read(HERE / f"{name}.ipynb", as_version=4))


def _setting(given: str) -> tuple[str, Any]:
    name, _, value = given.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):  # a name without quotes
        return name, value


if __name__ == "__main__":
    sys.exit(main())
