"""Tokens without padding: what is where, and where gradients go."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from adapter_lib.transformer.batch import Batch
from adapter_lib.transformer.ragged_batch import (
    ByModel,
    DrawnAsPadded,
    RaggedBatch,
    current_layout,
    laid_out,
)

SHAPES = [(2, 5), (1, 3), (3, 4)]
LENGTHS = [[1, 5], [2], [4, 1, 3]]
KEPT = sum(map(sum, LENGTHS))


def mask_of(lengths: list[int], tokens: int) -> Tensor:
    return torch.arange(tokens) < torch.tensor(lengths)[:, None]


MASKS = [mask_of(lengths, s) for lengths, (_, s) in zip(LENGTHS, SHAPES, strict=True)]


def batch_of(mask: Tensor) -> Batch:
    return Batch(torch.ones(mask.shape, dtype=torch.int64), mask)


def pieces(*behind: int) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(*shape, *behind, requires_grad=True) for shape in SHAPES]


def real(given: list[Tensor]) -> Tensor:
    return torch.cat([x[mask] for x, mask in zip(given, MASKS, strict=True)])[None]


@pytest.fixture(params=[1, 8], ids=["as many as there are", "filled up"])
def layout(request: pytest.FixtureRequest) -> RaggedBatch:
    return RaggedBatch.of([batch_of(mask) for mask in MASKS], multiple=request.param)


def test_batches_are_joined_and_taken_apart(layout: RaggedBatch) -> None:
    given = pieces(6)
    flat = layout.join(given)
    assert flat.shape == (1, layout.tokens, 6)
    assert layout.tokens == -(-KEPT // layout.multiple) * layout.multiple
    assert torch.equal(flat[:, :KEPT], real(given))
    for found, expected, mask in zip(layout.apart(flat), given, MASKS, strict=True):
        assert torch.equal(found, expected * mask[..., None])
    for found, expected, mask in zip(layout.split(flat), given, MASKS, strict=True):
        assert torch.equal(found[0], expected[mask])
    assert layout.token_mask.tolist() == [[True] * KEPT + [False] * (layout.tokens - KEPT)]


def test_gradients_are_those_of_the_real_tokens(layout: RaggedBatch) -> None:
    """Also where something fills up: what is done to it goes nowhere."""
    given = pieces(6)
    padded = layout.apart(layout.join(given) * 2)
    upstream = [torch.randn_like(x) for x in padded]
    found = torch.autograd.grad(padded, given, upstream)
    for gradient, above, mask in zip(found, upstream, MASKS, strict=True):
        assert torch.equal(gradient, above * 2 * mask[..., None])


def test_nothing_is_moved_where_all_tokens_are_real() -> None:
    whole = RaggedBatch.of([batch_of(torch.ones_like(MASKS[0]))], multiple=8)
    x = pieces(6)[0]
    assert whole.tokens == 10
    assert whole.join([x])._base is x
    assert torch.equal(whole.apart(whole.join([x]))[0], x)


def test_lengths_that_the_host_knows_need_no_mask() -> None:
    """On a GPU a mask is never asked; without lengths every token is kept there."""
    batch = batch_of(MASKS[0])
    assert batch.kept_lengths.tolist() == [1, 5]
    assert batch_of(MASKS[0].flip(1)).kept_lengths.tolist() == [5, 5]
    there = batch.to("meta")
    assert there.kept_lengths.tolist() == [5, 5]
    there.lengths = np.array([1, 5])
    layout = RaggedBatch.of([there])
    assert layout.join([torch.empty(2, 5, 3, device="meta")]).shape == (1, 6, 3)


def test_one_token_of_each_row_is_read(layout: RaggedBatch) -> None:
    given = pieces(6)
    positions = [torch.tensor(lengths) - 1 for lengths in LENGTHS]
    found = layout.read(layout.join(given), torch.cat(positions))
    expected = [x[torch.arange(len(x)), at] for x, at in zip(given, positions, strict=True)]
    assert torch.equal(found, torch.cat(expected)[None])
    alone = layout.of_one_token()
    assert [x.shape for x in alone.apart(found)] == [(2, 1, 6), (1, 1, 6), (3, 1, 6)]
    assert bool(alone.token_mask.all())


def test_rows_are_padded_to_the_longest_of_all(layout: RaggedBatch) -> None:
    given = pieces(6)
    padded = layout.pad_rows(layout.join(given))
    expected = torch.cat(
        [
            functional.pad(x * mask[..., None], (0, 0, 0, 5 - x.shape[1]))
            for x, mask in zip(given, MASKS, strict=True)
        ]
    )
    assert torch.equal(padded, expected)
    masks = [functional.pad(mask, (0, 5 - mask.shape[1])) for mask in MASKS]
    assert torch.equal(layout.row_mask, torch.cat(masks)[:, None, None])
    upstream = torch.randn_like(padded)
    for found, wanted in zip(
        torch.autograd.grad(padded, given, upstream),
        torch.autograd.grad(expected, given, upstream),
        strict=True,
    ):
        assert torch.equal(found, wanted)


def test_each_token_sees_the_real_ones_of_its_row(layout: RaggedBatch) -> None:
    given = [pieces(2, 3) for _ in range(3)]
    flat = [(layout.join(x).detach() + i).requires_grad_() for i, x in enumerate(given)]
    found = layout.attend(*(x.transpose(1, 2) for x in flat), 0.0, None)
    expected = []
    for number, mask in enumerate(MASKS):
        q, k, v = (layout.apart(x)[number].transpose(1, 2) for x in flat)
        for row, length in enumerate(mask.sum(1).tolist()):
            alone = (x[row : row + 1, :, :length] for x in (q, k, v))
            expected.append(functional.scaled_dot_product_attention(*alone)[0].transpose(0, 1))
    wanted = torch.cat(expected)[None].transpose(1, 2)
    torch.testing.assert_close(found[:, :, :KEPT], wanted)
    upstream = torch.randn_like(wanted)
    for one, other in zip(
        torch.autograd.grad(found[:, :, :KEPT], flat, upstream),
        torch.autograd.grad(wanted, flat, upstream),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_tensors_are_known_by_their_shape_while_laid_out() -> None:
    layout = RaggedBatch.of([batch_of(MASKS[0])])
    flat = layout.join([pieces(6)[0]])
    with laid_out(layout):
        assert current_layout(flat) is layout
        assert current_layout(pieces(6)[0]) is None
        assert current_layout(flat[0]) is None
    assert current_layout(flat) is None


def test_dropout_is_drawn_for_padding_too() -> None:
    """So a trial drops the same with padding and without."""
    layout, x = RaggedBatch.of([batch_of(MASKS[0])], multiple=8), pieces(40)[0]
    torch.manual_seed(3)
    expected = functional.dropout(x, p=0.5, training=True)[MASKS[0]]
    torch.manual_seed(3)
    with laid_out(layout), DrawnAsPadded():
        found = functional.dropout(layout.join([x]), p=0.5, training=True)
        assert torch.equal(functional.dropout(found, p=0.5, training=False), found)
    assert found.shape == (1, 8, 40)
    torch.testing.assert_close(found[0, :6], expected)


@pytest.mark.parametrize("sizes", [(3, 5, 1), (4, 4)])
def test_tokens_of_models_get_as_many_places_each(sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, sum(sizes), 6, requires_grad=True)
    by_model = ByModel(sizes, torch.device("cpu"))
    apart = by_model.apart(x)
    assert apart.shape == (len(sizes), max(sizes), 6)
    for found, own, size in zip(apart, x[0].split(sizes), sizes, strict=True):
        assert torch.equal(found[:size], own)
        assert not found[size:].any()
    weights = torch.randn(len(sizes), 6, 2)
    y = by_model.together(torch.bmm(apart, weights))
    expected = torch.cat([own @ w for own, w in zip(x[0].split(sizes), weights, strict=True)])
    torch.testing.assert_close(y, expected)
    upstream = torch.randn_like(y)
    torch.testing.assert_close(
        torch.autograd.grad(y, x, upstream)[0], torch.autograd.grad(expected, x, upstream)[0]
    )
