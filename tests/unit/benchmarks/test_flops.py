"""Operation counts against products counted by hand."""

import torch
from torch.nn import functional

from adapter_lib.cpu_kernels import fast_kernels
from tests.benchmarks.flops import counted


def test_a_product_counts_two_operations_for_each_multiplication() -> None:
    x, w = torch.randn(4, 8), torch.randn(16, 8, requires_grad=True)
    assert counted(lambda: functional.linear(x, w)) == 2 * 4 * 8 * 16
    # Backward, the gradient of w alone: as much again.
    assert counted(lambda: functional.linear(x, w).sum().backward()) == 2 * 2 * 4 * 8 * 16


def test_attention_on_the_cpu_is_counted_fused_or_not() -> None:
    """Without gradients it is one fused operation, with dropout several products."""
    q = torch.randn(2, 3, 5, 8, requires_grad=True)  # rows, heads, tokens, size
    products = 2 * (2 * 3 * 5 * 5 * 8) * 2  # queries with keys, weights with values
    with torch.inference_mode():
        attend = functional.scaled_dot_product_attention
        assert counted(lambda: attend(q, q, q)) == products
    assert counted(lambda: attend(q, q, q, dropout_p=0.5)) == products
    backward = counted(lambda: attend(q, q, q, dropout_p=0.5).sum().backward()) - products
    assert backward == 2 * products
    fused = counted(lambda: attend(q, q, q).sum().backward()) - products
    assert fused >= 2 * products  # it computes the weights again


def test_our_own_products_count_as_torchs() -> None:
    layer = torch.nn.Linear(64, 128)
    x = torch.randn(4, 10, 64, requires_grad=True)

    def step() -> None:
        with fast_kernels(x.device):
            layer(x).sum().backward()

    assert counted(step) == 3 * 2 * 40 * 64 * 128  # forward, and the gradients of both
