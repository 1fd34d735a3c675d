import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel

from adapter_lib import cpu_kernels
from adapter_lib.config.configuration import AdapterConfig, Placement
from adapter_lib.cpu_kernels import attention, fast_kernels, plain_kernels, products
from adapter_lib.model import AdapterModel
from adapter_lib.transformer.backbone import Backbone, Batch

ModelFactory = Callable[..., AdapterModel]
CPU = torch.device("cpu")
onednn = pytest.mark.skipif(not cpu_kernels.has_fast_products(), reason="needs AVX-512")


def gradients(model: AdapterModel, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    output = model(batch)
    output.square().sum().backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return output.detach(), copy.deepcopy(found)


def assert_close(found: Tensor, expected: Tensor, *, tolerance: float = 1e-6) -> None:
    """Compare relative to the largest element."""
    largest = float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * largest)


@pytest.mark.parametrize("placement", list(Placement))
def test_frozen_models_have_the_same_outputs_and_gradients(
    make_model: ModelFactory, batch: Batch, placement: Placement
) -> None:
    model = make_model(AdapterConfig(3, placement=placement))
    for parameter in model.adapter.parameters() if model.adapter else ():
        nn.init.normal_(parameter, std=0.3)
    output, found = gradients(model, batch)
    with plain_kernels():
        expected_output, expected = gradients(model, batch)
    assert_close(output, expected_output)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert_close(found[name], gradient, tolerance=1e-5)  # rounding, through four layers


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("biased", [True, False])
def test_a_linear_layer_has_the_same_output_and_gradients(trained: bool, biased: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(384, 96, bias=biased).requires_grad_(trained)
    x = torch.randn(3, 11, 384, requires_grad=True)
    inputs = [x, *(p for p in layer.parameters() if trained)]
    expected = layer(x)
    with fast_kernels(CPU):
        found = layer(x)
    assert_close(found.detach(), expected.detach())
    upstream = torch.randn_like(expected)
    gradients = (torch.autograd.grad(y, inputs, upstream) for y in (found, expected))
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other)


def test_a_base_that_is_trained_has_the_same_gradients(
    make_model: ModelFactory, batch: Batch
) -> None:
    model = make_model()
    model.backbone.unfreeze()
    _, found = gradients(model, batch)
    with plain_kernels():
        _, expected = gradients(model, batch)
    assert found.keys() == expected.keys()
    largest = max(float(g.abs().max()) for g in expected.values())
    for name, gradient in expected.items():
        # A key's bias has no influence: softmax drops it, and what is left is rounding.
        torch.testing.assert_close(found[name], gradient, rtol=1e-6, atol=1e-6 * largest)


@onednn
def test_weights_that_change_are_read_anew(
    make_transformer: Callable[..., BertModel], batch: Batch
) -> None:
    backbone = Backbone.from_model(make_transformer(), name="tiny")
    before = backbone(batch)
    twin = copy.deepcopy(backbone)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(1.5)
    with plain_kernels():
        expected = twin(batch)
    assert_close(twin(batch), expected)
    assert torch.equal(backbone(batch), before)
    assert twin.double()(batch).dtype == torch.float64


@onednn
def test_only_float32_products_and_those_of_frozen_weights_are_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[torch.Size] = []
    own = products._product

    def product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        taken.append(x.shape)
        return own(x, weight, bias)

    monkeypatch.setattr(products, "_product", product)
    layer = nn.Linear(4, 2).requires_grad_(False)
    x = torch.ones(3, 4)
    layer(x)
    with fast_kernels(CPU):
        layer(x[0])
        layer(x[:0])
        layer.double()(x.double())
        trained = nn.Linear(4, 2)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            trained(x)
        assert not taken
        with torch.autocast("cpu", dtype=torch.bfloat16):
            layer.float()(x)
        layer(x)
        trained(x)
    assert taken == [x.shape] * 3


@onednn
@pytest.mark.parametrize("rows", [2, 33, 128])
def test_a_row_does_not_depend_on_its_batch(rows: int) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(384, 96).requires_grad_(False)
    x = torch.randn(200, 384)
    strided = torch.randn(384, 200).t()
    with fast_kernels(CPU):
        assert torch.equal(layer(x[:rows]), layer(x)[:rows])
        assert_close(layer(strided[:rows]), layer(strided[:rows].contiguous()))
        assert_close(layer(x.view(50, 4, 384)[:, 1]), layer(x[1::4]))


@pytest.mark.parametrize("p", [0.001, 0.1, 0.25, 0.5, 0.999])
def test_dropout_drops_independently_and_keeps_the_mean(p: float) -> None:
    """In the shares that 8 bits can say, and in those that they cannot."""
    torch.manual_seed(0)
    x = torch.ones(4_000_003, requires_grad=True)
    with fast_kernels(CPU):
        y = functional.dropout(x, p, training=True)
        again = functional.dropout(x, p, training=True)
    dropped = (y == 0).double()
    deviation = (p * (1 - p) / x.numel()) ** 0.5
    assert abs(float(dropped.mean()) - p) < 4 * deviation
    assert y.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)], rel=1e-5)
    mean = float(y.detach().double().mean())
    assert mean == pytest.approx(1.0, abs=5 * deviation / (1 - p))
    for other in (dropped.roll(1), dropped.roll(4), dropped.roll(8), (again == 0).double()):
        both = float((dropped * other).mean())
        assert both == pytest.approx(p**2, abs=5 * (p**2 * (1 - p**2) / x.numel()) ** 0.5)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


def test_dropout_is_repeated_from_the_state_of_torchs_generator() -> None:
    x = torch.randn(5, 7)
    with fast_kernels(CPU):
        torch.manual_seed(0)
        first = functional.dropout(x, 0.5)
        state = torch.get_rng_state()
        second = functional.dropout(x, 0.5)
        torch.set_rng_state(state)
        assert torch.equal(functional.dropout(x, 0.5), second)
        assert not torch.equal(first, second)
        assert torch.equal(functional.dropout(x, 0.5, training=False), x)
        assert torch.equal(functional.dropout(x, 0.0), x)
        assert not functional.dropout(x, 1.0).any()


def attention_by_hand(
    query: Tensor, key: Tensor, value: Tensor, added: Tensor, kept: Tensor
) -> Tensor:
    """Half of the weights are kept, the others doubled."""
    scores = 0.3 * query @ key.transpose(-1, -2) + added
    return (2 * kept * torch.softmax(scores, -1)) @ value


@pytest.mark.parametrize("rows_bytes", [1, 4 * 3 * 5 * 5 * 2, 1 << 20])
@pytest.mark.parametrize("keys", [5, 16, 37])
@pytest.mark.parametrize("mask", ["none", "boolean", "added", "shared", "causal"])
def test_attention_with_dropout_has_the_outputs_and_gradients_of_its_formula(
    mask: str, keys: int, rows_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(7, 3, n, 4).double().requires_grad_() for n in (5, keys, keys))
    options: dict[str, Tensor | bool] = {}
    added = torch.zeros(5, keys).double()
    if mask == "boolean":
        seen = options["attn_mask"] = torch.rand(7, 1, 1, keys) > 0.4
        seen[..., 0] = True
        added = torch.zeros(7, 1, 1, keys).double().masked_fill(~seen, -torch.inf)
    elif mask == "added":
        added = options["attn_mask"] = torch.randn(7, 3, 5, keys).double()
    elif mask == "shared":
        added = options["attn_mask"] = torch.randn(5, keys).double()
    elif mask == "causal":
        options["is_causal"] = True
        added = torch.full((5, keys), -torch.inf).double().triu(1)
    levels = torch.randint(-128, 128, (7, 3, 5, keys)).to(torch.int8)
    expected = attention_by_hand(query, key, value, added, (levels >= 0).double())
    monkeypatch.setattr(attention, "_ROWS_BYTES", rows_bytes)
    monkeypatch.setattr(attention, "random_levels", lambda shape, p: levels.view(shape))
    attend = functional.scaled_dot_product_attention
    with fast_kernels(CPU):
        found = attend(query, key, value, dropout_p=0.5, scale=0.3, **options)  # type: ignore[arg-type]
    assert_close(found.detach(), expected.detach())
    upstream, inputs = torch.randn_like(expected), (query, key, value)
    gradients = (torch.autograd.grad(y, inputs, upstream) for y in (found, expected))
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("keys", [5, 20, 40])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_attention_in_bfloat16_is_right_to_rounding(dropout: float, keys: int) -> None:
    torch.manual_seed(0)
    exact = [torch.randn(3, 2, keys, 8) for _ in range(3)]
    lowered = [x.bfloat16().requires_grad_() for x in exact]
    attend = functional.scaled_dot_product_attention
    upstream = torch.randn(3, 2, keys, 8)

    def run(inputs: list[Tensor]) -> list[Tensor]:
        with fast_kernels(CPU):
            torch.manual_seed(1)
            y = attend(*inputs, dropout_p=dropout)
        return [y, *torch.autograd.grad(y, inputs, upstream.to(y.dtype))]

    expected = run([x.clone().requires_grad_() for x in exact])
    for one, other in zip(run(lowered), expected, strict=True):
        assert one.dtype == torch.bfloat16
        error = (one - other).detach().norm() / other.detach().norm()
        assert float(error) < 0.01  # a rounding is 2 ** -9


def test_a_mask_that_is_learnt_gets_its_gradient() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 5, 4) for _ in range(3))
    mask = torch.randn(2, 3, 5, 5, requires_grad=True)
    with fast_kernels(CPU):
        y = functional.scaled_dot_product_attention(query, key, value, mask, dropout_p=0.1)
    y.square().sum().backward()
    assert mask.grad is not None
    assert mask.grad.abs().min() > 0


def test_a_frozen_weight_is_lowered_once_and_anew_when_it_was_written_to() -> None:
    layer = torch.nn.Linear(8, 4).requires_grad_(False)
    x = torch.randn(3, 8, requires_grad=True)

    def run() -> torch.Tensor:
        with fast_kernels(x.device), torch.autocast("cpu", dtype=torch.bfloat16):
            return layer(x)

    with torch.inference_mode():  # what it leaves must serve training too
        run()
    with plain_kernels(), torch.autocast("cpu", dtype=torch.bfloat16):
        expected = layer(x)
    first = run()
    assert torch.equal(first, expected)
    first.sum().backward()
    assert x.grad is not None
    with torch.no_grad():
        layer.weight.mul_(2)
    assert not torch.equal(run(), first)
    layer.requires_grad_(True)
    run().sum().backward()
    assert layer.weight.grad is not None


def test_what_was_made_in_inference_mode_is_no_weight_to_keep() -> None:
    """As the folded matrices of a fusion."""
    x = torch.randn(3, 8)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        made = torch.randn(4, 8)
        with fast_kernels(x.device):
            found = torch.nn.functional.linear(x, made)
        with plain_kernels():
            assert torch.equal(found, torch.nn.functional.linear(x, made))
