"""What one token of each row gets is what it gets among all of them."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.transformer.architectures import attention
from adapter_lib.transformer.architectures.attention import Visible, self_attend

ROWS, TOKENS, HEADS, SIZE = 4, 7, 3, 5
HIDDEN = HEADS * SIZE
READ = torch.tensor([0, 3, 6, 2])


@pytest.fixture
def projections() -> list[nn.Linear]:
    torch.manual_seed(0)
    return [nn.Linear(HIDDEN, HIDDEN).double().requires_grad_(False) for _ in range(3)]


def states() -> Tensor:
    return torch.randn(ROWS, TOKENS, HIDDEN).double().requires_grad_()


def visible(kind: str) -> Visible:
    if kind == "all":
        return Visible(None)
    if kind == "causal":
        return Visible(None, causal=True)
    if kind == "boolean":
        mask = torch.rand(ROWS, 1, 1, TOKENS) > 0.4
        mask[..., 0] = True
        return Visible(mask)
    return Visible(torch.randn(ROWS, HEADS, TOKENS, TOKENS).double())


@pytest.mark.parametrize("kind", ["all", "causal", "boolean", "added"])
def test_outputs_and_gradients_are_those_of_all_tokens(
    projections: list[nn.Linear], kind: str
) -> None:
    h, seen = states(), visible(kind)
    rows = torch.arange(ROWS)

    def attend(token_index: Tensor | None) -> Tensor:
        return self_attend(
            h,
            *projections,
            heads=HEADS,
            visible=seen.by(token_index, TOKENS),
            dropout=0.0,
            token_index=token_index,
        )

    expected, found = attend(None)[rows, READ], attend(READ)[:, 0]
    torch.testing.assert_close(found, expected)
    upstream = torch.randn_like(expected)
    gradients = (torch.autograd.grad(y, h, upstream)[0] for y in (found, expected))
    torch.testing.assert_close(*gradients)


def test_dropout_falls_on_its_weights(
    projections: list[nn.Linear], monkeypatch: pytest.MonkeyPatch
) -> None:
    h = states()
    mask = (torch.rand(ROWS, HEADS, 1, TOKENS) < 0.5).double() * 2
    monkeypatch.setattr(attention.functional, "dropout", lambda weights, p: weights * mask)
    found = self_attend(
        h, *projections, heads=HEADS, visible=Visible(None), dropout=0.5, token_index=READ
    )
    monkeypatch.undo()
    query, key, value = (
        layer(h).view(ROWS, TOKENS, HEADS, SIZE).transpose(1, 2) for layer in projections
    )
    query = query[torch.arange(ROWS), :, READ][:, :, None]
    weights = functional.softmax(query @ key.transpose(-1, -2) / SIZE**0.5, -1) * mask
    torch.testing.assert_close(found, (weights @ value).transpose(1, 2).flatten(-2))


def test_keys_and_values_that_are_trained_are_computed(projections: list[nn.Linear]) -> None:
    """A key's bias has no gradient but rounding, which Adam would follow; so it stays as it was."""
    for layer in projections:
        layer.requires_grad_()
    y = self_attend(
        states(), *projections, heads=HEADS, visible=Visible(None), dropout=0.0, token_index=READ
    )
    y.square().sum().backward()
    assert all(layer.bias.grad is not None for layer in projections)
