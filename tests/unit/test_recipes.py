"""docs/adapter_lib.md: every recipe runs, offline and in the order of the page."""

import random
import re
from pathlib import Path

import pytest
import torch

from adapter_lib import Batch
from tests.conftest import BAD, GOOD, REST

PAGE = Path(__file__).parents[2] / "docs" / "adapter_lib.md"
SECTIONS = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_there_are_ten_recipes_with_code() -> None:
    titles = [section.partition("\n")[0] for section in SECTIONS[1:]]
    assert [title.partition(".")[0] for title in titles] == [str(n) for n in range(1, 11)]
    assert all(BLOCK.search(section) for section in SECTIONS)


def test_every_recipe_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "recipes"}
    _, *blocks = BLOCK.finditer(text)  # the first has a test of its own
    for block in blocks:
        line = text.count("\n", 0, block.start(1))
        # As many empty lines in front as make a traceback name the page's own line.
        exec(compile("\n" * line + block[1], str(PAGE), "exec"), names)
    assert {path.name for path in Path("adapters").iterdir()} >= {"mine", "pruned", "words"}
    model, batch, labels = names["model"], names["batch"], names["labels"]
    accuracy = (model(batch).argmax(dim=-1) == labels).float().mean()  # type: ignore[operator]
    assert isinstance(accuracy, torch.Tensor)
    assert accuracy > 0.9  # the training loop of the page does train


def test_the_first_lines_train_save_load_and_predict(
    toy_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By transformers' own `Trainer`, and with a real tokenizer."""
    pytest.importorskip("accelerate")
    from transformers import AutoTokenizer

    monkeypatch.chdir(tmp_path)
    Path("base").symlink_to(toy_base)
    tokenizer = AutoTokenizer.from_pretrained("base")
    draw = random.Random(0)
    texts = [
        " ".join([*draw.choices(words, k=3), *draw.choices(REST, k=2)])
        for words in (BAD, GOOD)
        for _ in range(32)
    ]
    encoded = tokenizer(texts, padding=True)
    names = {
        "tokenizer": tokenizer,
        "rows": [
            {name: encoded[name][row] for name in ("input_ids", "attention_mask")}
            | {"labels": int(row >= len(texts) // 2)}
            for row in range(len(texts))
        ],
        "quiet": {
            "report_to": "none",
            "save_strategy": "no",
            "disable_tqdm": True,
            "use_cpu": True,
            "seed": 0,
            "dataloader_pin_memory": False,
        },
    }
    block = BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert block is not None
    lines = [line for line in block[1].splitlines() if line and "import" not in line]
    assert len(lines) <= 10
    exec(compile(block[1], str(PAGE), "exec"), names)
    model, loaded = names["model"], names["loaded"]
    batch = Batch.from_encoding(encoded)
    assert torch.equal(model(batch), loaded(batch))  # type: ignore[operator]
    right = loaded(batch).argmax(1) == torch.tensor([row["labels"] for row in names["rows"]])  # type: ignore[operator, index, union-attr]
    assert right.float().mean() > 0.9
