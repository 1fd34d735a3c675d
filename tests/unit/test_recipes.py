"""docs/adapter_lib.md: every recipe runs, offline and in the order of the page."""

import re
from pathlib import Path

import pytest
import torch

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
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        # As many empty lines in front as make a traceback name the page's own line.
        exec(compile("\n" * line + block[1], str(PAGE), "exec"), names)
    assert {path.name for path in Path("adapters").iterdir()} >= {"mine", "pruned", "words"}
    model, batch, labels = names["model"], names["batch"], names["labels"]
    accuracy = (model(batch).argmax(dim=-1) == labels).float().mean()  # type: ignore[operator]
    assert isinstance(accuracy, torch.Tensor)
    assert accuracy > 0.9  # the training loop of the page does train
