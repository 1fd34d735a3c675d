import pytest
import torch

from adapter_lib.config.configuration import HeadConfig, HeadKind, Pooling
from adapter_lib.modules.heads import Head, first_position, last_position
from adapter_lib.transformer.backbone import Batch


def head(layers: int, dropout: float = 0.0, labels: int = 3) -> Head:
    config = HeadConfig(HeadKind.CLASSIFICATION, labels, layers=layers, dropout=dropout)
    return Head(config, hidden_size=8, generator=torch.Generator().manual_seed(0))


MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]])


def test_token_0_is_the_first_real_token() -> None:
    assert first_position(MASK).tolist() == [0, 0, 2]
    assert first_position(MASK.bool()).tolist() == [0, 0, 2]


def test_a_causal_model_is_read_at_its_last_real_token() -> None:
    assert last_position(MASK).tolist() == [3, 1, 3]
    assert last_position(MASK.bool()).tolist() == [3, 1, 3]


@pytest.mark.parametrize("causal", [False, True])
def test_the_token_that_is_read_gives_the_logits_alone(causal: bool) -> None:
    tested = head(1).eval()
    h, batch = torch.randn(3, 4, 8), Batch(MASK, MASK)
    position = tested.token_index(batch, causal=causal)
    assert position is not None
    alone = h[torch.arange(3), position][:, None]
    assert torch.equal(tested(alone, batch, causal=causal), tested(h, batch, causal=causal))


@pytest.mark.parametrize("layers", [1, 2])
def test_logits_equal_the_formula(layers: int) -> None:
    tested = head(layers).double().eval()
    h = torch.randn(2, 4, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 1]])
    x = torch.stack([h[0, 0], h[1, 1]])
    weights = tested.state_dict()
    if layers == 2:
        x = torch.tanh(x @ weights["dense.weight"].T + weights["dense.bias"])
    expected = x @ weights["output.weight"].T + weights["output.bias"]
    torch.testing.assert_close(tested(h, Batch(mask, mask)), expected)


def test_padding_on_the_other_side_changes_nothing() -> None:
    tested = head(2).eval()
    real = torch.randn(1, 3, 8)
    noise = torch.randn(1, 2, 8)
    right, left = torch.tensor([[1, 1, 1, 0, 0]]), torch.tensor([[0, 0, 1, 1, 1]])
    assert torch.equal(
        tested(torch.cat([real, noise], 1), Batch(right, right)),
        tested(torch.cat([noise, real], 1), Batch(left, left)),
    )


@pytest.mark.parametrize("causal", [False, True])
def test_the_mean_is_over_real_tokens_whatever_padding_holds(causal: bool) -> None:
    config = HeadConfig(HeadKind.REGRESSION, 1, layers=1, pooling=Pooling.MEAN)
    tested = Head(config, hidden_size=2).double().eval()
    h = torch.tensor([[[1.0, 2], [3, 6], [0, 0], [0, 0]]] * 3, dtype=torch.float64)
    h[1, 2:], h[2, :2] = torch.nan, torch.inf
    h[2, 2:] = torch.tensor([[1.0, 2], [3, 6]])
    h.requires_grad_(True)
    batch = Batch(MASK, MASK)
    assert tested.token_index(batch, causal=causal) is None
    found = tested(h, batch, causal=causal)
    mean = torch.tensor([[1.0, 2], [2, 4], [2, 4]], dtype=torch.float64)
    torch.testing.assert_close(found, mean @ tested.output.weight.T + tested.output.bias)
    (gradient,) = torch.autograd.grad(found.sum(), h)
    share = tested.output.weight * MASK[..., None] / MASK.sum(1)[:, None, None]
    torch.testing.assert_close(gradient, share)


def test_regression_gives_one_value_per_example() -> None:
    tested = Head(HeadConfig(HeadKind.REGRESSION, 1), hidden_size=8)
    mask = torch.ones(5, 4, dtype=torch.long)
    assert tested(torch.randn(5, 4, 8), Batch(mask, mask)).shape == (5, 1)


def test_dropout_is_on_while_training_only() -> None:
    tested = head(2, dropout=0.5)
    mask = torch.ones(1, 4, dtype=torch.long)
    h, batch = torch.randn(1, 4, 8), Batch(mask, mask)
    assert not torch.equal(tested.train()(h, batch), tested(h, batch))
    assert torch.equal(tested.eval()(h, batch), tested(h, batch))


def test_a_generator_decides_every_weight() -> None:
    one, two = head(2).state_dict(), head(2).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert one["dense.weight"].std() > 0.01
