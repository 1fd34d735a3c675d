"""What every benchmark shares: results, tables, options, and what `measure` knows of turns.

A benchmark compares sides in one run, in turns, so that a machine that slows down slows all of
them. CPU and memory of whole process trees are left to `accounting`, servers to `serving`.
"""

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from workers.contract.machine import this_machine
from workers.contract.measurement import Spread as Spread
from workers.contract.measurement import alternate as alternate
from workers.contract.measurement import ratios as ratios
from workers.contract.measurement import spread as spread

REPOSITORY = Path(__file__).parents[2]
RESULTS = REPOSITORY / "benchmark-results"
PEER_PYTHON = REPOSITORY / ".venv-peer" / "bin" / "python"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "PYTHONPATH": str(REPOSITORY),
}
"""Environment of every measured process: one thread each, no network, and this checkout's code."""

console = Console(width=None if os.isatty(1) else 140)


def environment() -> dict[str, Any]:
    """Describe where a measurement is made: commit, machine, versions, and how busy it was."""
    machine = this_machine()
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": _commit(),
        "cpu": machine.cpu,
        "cores": machine.cores,
        "python": machine.python,
        "torch": machine.torch,
        "transformers": machine.transformers,
        "load_before": round(os.getloadavg()[0], 2),
    }


def peer_versions(python: Path) -> dict[str, str]:
    """Return what the peer's environment holds of what matters."""
    script = (
        "import json; from importlib.metadata import version; "
        "print(json.dumps({n: version(n) for n in ('adapters', 'transformers', 'torch', 'ray')}))"
    )
    found = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(found.stdout)
    return versions


def environment_line(found: Mapping[str, Any]) -> str:
    """Return `environment` in one line, for tables."""
    return (
        f"{found['at']}, commit {found['commit']}, {found['cores']} cores of {found['cpu']}, "
        f"Python {found['python']}, torch {found['torch']}, transformers {found['transformers']}, "
        f"load before {found['load_before']}"
    )


def _commit() -> str:
    commands = (["rev-parse", "--short=10", "HEAD"], ["status", "--porcelain"])
    head, changes = (
        subprocess.run(["git", *c], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        for c in commands
    )
    return (head.stdout.strip() or "unknown") + ("+changes" if changes.stdout.strip() else "")


class Ledger:
    """Results by unit in one JSON file, written after each, so that a long run can go on."""

    def __init__(self, path: Path, *, settings: Mapping[str, Any] | None = None) -> None:
        """Open the file of an earlier run, or start one.

        Args:
            settings: what results must share to be compared.

        Raises:
            SystemExit: the file holds results of other settings.
        """
        self.path = path
        self._content: dict[str, Any] = {"settings": dict(settings or {}), "units": {}}
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            wanted = json.loads(json.dumps(self._content["settings"]))
            if found["settings"] != wanted:
                raise SystemExit(
                    f"{path} holds results of other settings: expected {wanted}, found "
                    f"{found['settings']}; name another file with --out"
                )
            self._content = found

    def get(self, unit: str) -> Any | None:
        """Return what was recorded for a unit, or None."""
        return self._content["units"].get(unit)

    def put(self, unit: str, result: Any) -> None:
        """Record a unit's result and write the file anew, atomically."""
        text = json.dumps(result, default=_plain)
        self._content["units"][unit] = json.loads(text)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".part")
        temporary.write_text(json.dumps(self._content, indent=1), encoding="utf-8")
        temporary.replace(self.path)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a result must be JSON, found {type(value).__name__}")


def parser(description: str, *, name: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark: where results and the peer are."""
    made = argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks.{name}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument(
        "--out", type=Path, default=RESULTS / f"{name}.json", help="results; units there are kept"
    )
    made.add_argument(
        "--peer-python",
        type=Path,
        default=Path(os.environ.get("PEER_PYTHON", PEER_PYTHON)),
        help="the interpreter that `make bench` installs AdapterHub for",
    )
    return made


def check_peer(python: Path) -> None:
    """Refuse to start without the peer's environment.

    Raises:
        SystemExit: there is no such interpreter.
    """
    if not python.exists():
        raise SystemExit(
            f"expected the peer's interpreter, found nothing at {python}; run `make bench`, or "
            "name one with --peer-python"
        )


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; the first column is to the left, all others to the right."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
