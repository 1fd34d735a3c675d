"""Tokens of several batches one after another: what is where, and where gradients go."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from adapter_lib.spans import ByModel, Spans, joined

SHAPES = [(2, 5), (1, 3), (3, 4)]


def mask_of(shape: tuple[int, int]) -> Tensor:
    lengths = torch.arange(shape[0]) % shape[1] + 1
    return torch.arange(shape[1]) < lengths[:, None]


def pieces(*behind: int) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(*shape, *behind, requires_grad=True) for shape in SHAPES]


@pytest.fixture
def spans() -> Spans:
    return Spans.of([mask_of(shape) for shape in SHAPES], lambda _: nullcontext())


def test_batches_are_joined_and_taken_apart(spans: Spans) -> None:
    given = pieces(6)
    flat = joined(given)
    assert flat.shape == (1, sum(spans.sizes), 6) == (1, 25, 6)
    for found, expected in zip(spans.apart(flat), given, strict=True):
        assert torch.equal(found, expected)
        assert found._base is not None  # a view
    assert torch.equal(joined(given[:1]), given[0].view(1, 10, 6))
    for found, mask in zip(spans.apart(spans.token_mask), spans.masks, strict=True):
        assert torch.equal(found, mask)


def test_one_token_of_each_row_is_read(spans: Spans) -> None:
    given = pieces(6)
    positions = [torch.arange(b) % s for b, s in SHAPES]
    found = spans.read(joined(given), torch.cat(positions))
    expected = [x[torch.arange(len(x)), at] for x, at in zip(given, positions, strict=True)]
    assert torch.equal(found, torch.cat(expected)[None])
    alone = spans.of_one_token()
    assert [x.shape for x in alone.apart(found)] == [(2, 1, 6), (1, 1, 6), (3, 1, 6)]
    assert bool(alone.token_mask.all())


@pytest.mark.parametrize("alike", [False, True])
def test_rows_are_padded_to_the_longest_of_all(spans: Spans, alike: bool) -> None:
    given = pieces(6)
    if alike:
        spans = Spans.of([spans.masks[0], spans.masks[0]], spans.alone)
        given = [given[0], given[0]]
    padded = spans.pad(joined(given))
    expected = torch.cat([functional.pad(x, (0, 0, 0, 5 - x.shape[1])) for x in given])
    assert torch.equal(padded, expected)
    real = [functional.pad(mask, (0, 5 - mask.shape[1])) for mask in spans.masks]
    assert torch.equal(spans.mask, torch.cat(real)[:, None, None])
    upstream = torch.randn_like(padded)
    for found, wanted in zip(
        torch.autograd.grad(padded, given, upstream),
        torch.autograd.grad(expected, given, upstream),
        strict=True,
    ):
        assert torch.equal(found, wanted)


def test_each_token_sees_the_real_ones_of_its_row(spans: Spans) -> None:
    flat = [joined(pieces(2, 3)).detach() + i for i in range(3)]
    heads = [x.transpose(1, 2).requires_grad_() for x in flat]
    found = spans.attend(*heads, 0.0, None)
    expected = []
    for q, k, v, mask in zip(*map(spans.apart, flat), spans.masks, strict=True):
        x = functional.scaled_dot_product_attention(
            *(part.transpose(1, 2) for part in (q, k, v)), attn_mask=mask[:, None, None]
        )
        expected.append(x.transpose(1, 2))
    torch.testing.assert_close(found, joined(expected).transpose(1, 2))


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
