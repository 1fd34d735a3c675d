import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers import BertModel

from adapter_lib import cpu_kernels
from adapter_lib.config.configuration import AdapterConfig, Placement
from adapter_lib.cpu_kernels import fast_kernels, products
from adapter_lib.model import AdapterModel
from adapter_lib.transformer.backbone import Backbone, Batch
from tests.own_kernels import own_kernels_off

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
    with own_kernels_off(model.backbone):
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
    with own_kernels_off(model.backbone):
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
    with own_kernels_off(twin):
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


def test_a_frozen_weight_is_lowered_once_and_anew_when_it_was_written_to() -> None:
    layer = torch.nn.Linear(8, 4).requires_grad_(False)
    x = torch.randn(3, 8, requires_grad=True)

    def run() -> torch.Tensor:
        with fast_kernels(x.device), torch.autocast("cpu", dtype=torch.bfloat16):
            return layer(x)

    with torch.inference_mode():  # what it leaves must serve training too
        run()
    with torch.autocast("cpu", dtype=torch.bfloat16):
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
        assert torch.equal(found, torch.nn.functional.linear(x, made))
