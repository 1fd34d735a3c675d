"""Batches: what is checked when one is made, and where its tokens stand."""

from typing import Any

import numpy as np
import pytest
import torch

from adapter_lib.errors import BatchError
from adapter_lib.transformer.backbone import Batch

IDS = torch.tensor([[5, 6, 7], [8, 9, 10]])
MASK = torch.ones_like(IDS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input_ids": IDS[0]}, "input_ids of"),
        ({"input_ids": IDS[:, :0], "attention_mask": MASK[:, :0]}, "input_ids of"),
        ({"input_ids": IDS[:0], "attention_mask": MASK[:0]}, "input_ids of"),
        ({"input_ids": IDS.float()}, "input_ids as a tensor of int64, found torch.float32"),
        ({"input_ids": IDS.tolist()}, "input_ids as a tensor of int64, found list"),
        ({"input_ids": None}, "found NoneType"),
        ({"attention_mask": MASK[:, :2]}, r"attention_mask of .* \(2, 2\)"),
        ({"attention_mask": MASK[:1]}, r"attention_mask of .* \(1, 3\)"),
        ({"attention_mask": MASK[None]}, "attention_mask of"),
        ({"attention_mask": MASK.float()}, "found torch.float32"),
        ({"attention_mask": None}, "found NoneType"),
        ({"token_type_ids": MASK[:, :1]}, "token_type_ids of"),
        ({"token_type_ids": MASK.bool()}, "found torch.bool"),
        ({"attention_mask": torch.tensor([[1, 1, 0], [0, 0, 0]])}, "a token in every row"),
        ({"lengths": np.array([3, 0])}, "a token in every row"),
        ({"lengths": np.array([3])}, "a token in every row"),
    ],
)
def test_what_no_base_can_read_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(BatchError, match=message):
        Batch(**{"input_ids": IDS, "attention_mask": MASK} | changed)


def test_nothing_is_asked_of_a_device() -> None:
    """A tensor without numbers stands for one whose numbers are elsewhere."""
    ids = IDS.to("meta")
    batch = Batch(ids, ids.bool(), ids)
    positions = batch.positions()
    assert positions is not None
    assert positions.shape == (2, 3)


def test_positions_are_counted_from_the_first_real_token() -> None:
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1]])
    batch = Batch(torch.ones_like(mask), mask)
    positions = batch.positions()
    assert positions is not None
    assert positions.tolist() == [[0, 0, 0, 1], [0, 1, 2, 3], [0, 0, 1, 2], [0, 1, 2, 3]]
    assert batch.rows(torch.tensor([1, 3])).positions() is None
    assert Batch(IDS, MASK.bool()).positions() is None
    assert Batch(IDS, MASK, lengths=np.array([3, 3])).to("meta").positions() is None


@pytest.mark.parametrize("as_tensors", [False, True])
def test_an_encoding_becomes_a_batch(as_tensors: bool) -> None:
    encoding: dict[str, Any] = {"input_ids": IDS.tolist(), "attention_mask": MASK.tolist()}
    if as_tensors:
        encoding = {name: torch.tensor(rows) for name, rows in encoding.items()}
    batch = Batch.from_encoding(encoding | {"offset_mapping": [[(0, 1)]]})
    assert torch.equal(batch.input_ids, IDS)
    assert torch.equal(batch.attention_mask, MASK)
    assert batch.token_type_ids is None
    choices = {name: [rows, rows] for name, rows in encoding.items() if not as_tensors}
    if choices:
        assert Batch.from_encoding(choices).input_ids.shape == (4, 3)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ({"input_ids": [[1, 2]]}, "expected attention_mask"),
        ({"input_ids": [[1, 2], [3]], "attention_mask": [[1, 1], [1]]}, "padding=True"),
        ({"input_ids": [1, 2], "attention_mask": [1, 1]}, "with a list of texts"),
        ({"input_ids": "text", "attention_mask": [[1]]}, "padding=True"),
        ({}, "found nothing"),
    ],
)
def test_what_is_no_batch_is_refused(encoding: dict[str, Any], message: str) -> None:
    with pytest.raises(BatchError, match=message):
        Batch.from_encoding(encoding)
