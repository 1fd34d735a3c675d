"""What `kernels.c` computes, against the same in torch's operations and in float64."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from adapter_lib.backbone import Backbone, Batch
from adapter_lib.bottleneck import Adapter
from adapter_lib.configuration import AdapterConfig
from adapter_lib.cpu_kernels import compiled as compiled_module
from adapter_lib.cpu_kernels import compiled_attention, fast_kernels, norms, plain_kernels
from adapter_lib.cpu_kernels.compiled import _module, compiled, nothing_compiled
from adapter_lib.cpu_kernels.dropout import random_levels
from adapter_lib.heads import Head, HeadConfig, HeadKind
from adapter_lib.model import AdapterModel
from adapter_lib.residual import normed, normed_sum, sum_and_normed

CPU = torch.device("cpu")
TYPES = [torch.float32, torch.bfloat16]
ROUNDING = {torch.float32: 2.0**-20, torch.bfloat16: 2.0**-7}
"""What a result may be off, relative to the largest one, after two roundings or so."""

pytestmark = [
    pytest.mark.skipif(
        _module is None, reason="needs AVX-512, and a C compiler when adaptersweep is installed"
    ),
    pytest.mark.usefixtures("one_thread"),
]


def assert_close(found: Tensor, expected: Tensor, *, within: float) -> None:
    """Compare relative to the largest element."""
    assert found.shape == expected.shape
    error = float((found.detach().double() - expected.detach().double()).abs().max())
    assert error <= within * float(expected.detach().abs().max()), error


def gradients(y: Tensor, inputs: list[Tensor], upstream: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(y, inputs, upstream.to(y.dtype))


def doubled(x: Tensor) -> Tensor:
    return x.detach().double().requires_grad_()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("elements", [3, 16, 333])
def test_dropout_drops_what_torchs_operations_drop(dtype: torch.dtype, elements: int) -> None:
    x = torch.randn(elements).to(dtype).requires_grad_()
    found = []
    for context in (fast_kernels(CPU), nothing_compiled()):
        torch.manual_seed(3)
        with context, fast_kernels(CPU):
            y = functional.dropout(x, 0.3)
        found.append((y, *gradients(y, [x], torch.ones(elements))))
    for one, other in zip(*found, strict=True):
        assert_close(one, other, within=ROUNDING[dtype])
        assert torch.equal(one == 0, other == 0)


def layer_norm(d: int) -> nn.LayerNorm:
    norm = nn.LayerNorm(d, eps=1e-12).requires_grad_(False)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


@pytest.mark.parametrize("with_sum", [True, False])
@pytest.mark.parametrize("with_residual", [True, False])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("d", [16, 384, 2048])
def test_a_sum_and_its_norm(
    d: int, dtype: torch.dtype, lower: bool, with_residual: bool, with_sum: bool
) -> None:
    """Also its gradients, from each of what it gives and from all of them together."""
    torch.manual_seed(0)
    norm = layer_norm(d)
    x = torch.randn(3, 5, d).to(dtype).requires_grad_()
    residual = torch.randn(3, 5, d, requires_grad=True) if with_residual else torch.zeros(())
    inputs = [x, residual] if with_residual else [x]
    with fast_kernels(CPU), torch.autocast("cpu", dtype=torch.bfloat16, enabled=lower):
        assert norms.can_fuse(x, residual, norm)
        total, y = norms.sum_and_norm(x, residual, norm, with_sum=with_sum)
        twin = norms.lowered(y)
    assert (twin is not None) == lower
    assert (total is not None) == with_sum
    exact = [doubled(x) for x in inputs]
    expected_total = exact[0] + exact[1] if with_residual else exact[0] * 1
    expected = functional.layer_norm(
        expected_total, (d,), norm.weight.double(), norm.bias.double(), norm.eps
    )
    assert_close(y, expected, within=1e-6)
    pairs = [(y, expected)]
    if total is not None:
        assert_close(total, expected_total, within=1e-6)
        pairs.append((total, expected_total))
    if twin is not None:
        assert torch.equal(twin, y.bfloat16())
        pairs.append((twin, expected))
    upstreams = [torch.randn(3, 5, d).to(made.dtype) for made, _ in pairs]
    single = [(i,) for i in range(len(pairs))]
    for chosen in (*single, tuple(range(len(pairs)))):
        found = torch.autograd.grad(
            [pairs[i][0] for i in chosen], inputs, [upstreams[i] for i in chosen], retain_graph=True
        )
        wanted = torch.autograd.grad(
            [pairs[i][1] for i in chosen],
            exact,
            [upstreams[i].double() for i in chosen],
            retain_graph=True,
        )
        for one, other, given in zip(found, wanted, inputs, strict=True):
            assert one.dtype == given.dtype
            assert_close(one, other, within=max(4e-6, ROUNDING[one.dtype] / 2))


def test_a_norm_that_is_trained_or_of_another_size_is_left_to_torch() -> None:
    x, residual = torch.randn(2, 3, 16), torch.randn(2, 3, 16)
    assert norms.can_fuse(x, residual, layer_norm(16))
    assert not norms.can_fuse(x, residual, nn.LayerNorm(16))
    assert not norms.can_fuse(x, residual, nn.Identity())
    assert not norms.can_fuse(x, residual, nn.LayerNorm(16, bias=False).requires_grad_(False))
    assert not norms.can_fuse(x[..., :8], residual[..., :8], layer_norm(8))
    assert not norms.can_fuse(x, residual[:1], layer_norm(16))
    assert not norms.can_fuse(x, torch.ones(()), layer_norm(16))
    assert not norms.can_fuse(x.double(), residual, layer_norm(16))
    assert not norms.can_fuse(x.transpose(0, 1), residual.transpose(0, 1), layer_norm(16))
    wide = torch.randn(2, 4096)
    assert not norms.can_fuse(wide, wide, layer_norm(4096))


def test_the_three_ways_to_a_norm_agree_to_the_last_bit() -> None:
    norm, x, residual = layer_norm(48), torch.randn(7, 48), torch.randn(7, 48)
    with fast_kernels(CPU):
        total, one = sum_and_normed(x, residual, norm)
        assert torch.equal(one, normed_sum(x, residual, norm))
        assert torch.equal(one, normed(total, norm))
    assert torch.equal(total, x + residual)
    assert_close(one, norm(total), within=1e-6)


def attention_by_hand(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, kept: Tensor, p: float
) -> Tensor:
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return (torch.softmax(scores, -1) * kept / (1 - p)) @ value


def first_tokens(lengths: list[int], tokens: int) -> Tensor:
    return (torch.arange(tokens) < torch.tensor(lengths)[:, None])[:, None, None, :]


def levels_of(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Return the list to which each attention's levels will be added."""
    drawn: list[Tensor] = []

    def draw(shape: torch.Size, p: float) -> Tensor:
        drawn.append(random_levels(shape, p))
        return drawn[-1]

    monkeypatch.setattr(compiled_attention, "random_levels", draw)
    return drawn


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("size", [16, 48, 64])
@pytest.mark.parametrize(
    ("queries", "lengths"),
    [
        (1, [5, 1, 3]),
        (5, [5, 1, 3]),
        (33, [33, 33, 33]),
        (71, [71, 40, 2]),
        (8, [16, 20, 3]),
    ],
)
@pytest.mark.parametrize("p", [0.0, 0.25])
def test_attention(
    p: float,
    queries: int,
    lengths: list[int],
    size: int,
    dtype: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Outputs and gradients of what is real; padding gets zeros where it also asks."""
    torch.manual_seed(0)
    drawn = levels_of(monkeypatch)
    heads, tokens = 3, max(lengths)
    padded = min(lengths) < tokens
    mask = first_tokens(lengths, tokens) if padded else None
    flat = [
        torch.randn(3, n, heads * size).to(dtype).requires_grad_()
        for n in (queries, tokens, tokens)
    ]
    query, key, value = (x.unflatten(-1, (heads, size)).transpose(1, 2) for x in flat)
    with fast_kernels(CPU):
        y = functional.scaled_dot_product_attention(query, key, value, mask, dropout_p=p)
    assert type(y.grad_fn).__name__ == "_AttentionBackward"
    exact = [doubled(x) for x in (query, key, value)]
    kept = drawn[0] >= -128 + 64 if p else torch.ones(())
    expected = attention_by_hand(*exact, mask, kept, p)
    upstream = torch.randn(expected.shape).to(dtype)
    if padded and queries == tokens:
        real = mask.transpose(2, 3)  # type: ignore[union-attr]
        assert not y.masked_select(~real).any()
        expected, upstream = expected * real, upstream * real
    within = 2 * ROUNDING[dtype]
    assert_close(y, expected, within=within)
    found = torch.autograd.grad(y, flat, upstream)
    for one, other in zip(found, gradients(expected, exact, upstream.double()), strict=True):
        assert_close(one, other.transpose(1, 2).flatten(2), within=within)


@pytest.mark.parametrize("dtype", TYPES)
def test_queries_keys_and_values_may_lie_side_by_side(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    states = torch.randn(4, 9, 3 * 2 * 16).to(dtype).requires_grad_()
    mask = first_tokens([9, 4, 1, 8], 9)
    found, expected = [], []
    for p in (0.0, 0.2):
        upstream = torch.randn(4, 9, 32).to(dtype)
        torch.manual_seed(1)
        y = compiled_attention.self_attend(states, 2, mask, p)
        found += [y, *gradients(y, [states], upstream)]
        torch.manual_seed(1)
        with fast_kernels(CPU):
            apart = (x.unflatten(-1, (2, 16)).transpose(1, 2) for x in states.chunk(3, -1))
            y = functional.scaled_dot_product_attention(
                *(x.contiguous().transpose(1, 2).contiguous().transpose(1, 2) for x in apart),
                mask,
                dropout_p=p,
            )
        y = y.transpose(1, 2).flatten(2)
        expected += [y, *gradients(y, [states], upstream)]
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_a_row_that_diverged_leaves_the_others_alone() -> None:
    torch.manual_seed(0)
    flat = [torch.randn(2, 21, 32, requires_grad=True) for _ in range(3)]

    def run() -> list[Tensor]:
        states = [x.unflatten(-1, (2, 16)).transpose(1, 2) for x in flat]
        y = compiled_attention.attend(*states, None, 0.0, None)
        return [y.transpose(1, 2), *torch.autograd.grad(y, flat, torch.ones_like(y))]

    before = run()
    with torch.no_grad():
        flat[1][0, 3] = math.nan
    for one, other in zip(run(), before, strict=True):
        assert one[0].isnan().any()
        assert torch.equal(one[1], other[1])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("size", [1e3, 1e8, 1e15, -1e15, 1e30])
def test_scores_far_apart_saturate(size: float, dtype: torch.dtype) -> None:
    """What is left of e^x far below the smallest number is nothing, and not what rounding gives."""
    torch.manual_seed(0)
    flat = [torch.randn(2, 21, 32).to(dtype) for _ in range(3)]
    flat[1][0, 3] *= size
    query, key, value = (x.unflatten(-1, (2, 16)).transpose(1, 2).requires_grad_() for x in flat)
    y = compiled_attention.attend(query, key, value, None, 0.0, None)
    exact = [doubled(x) for x in (query, key, value)]
    expected = attention_by_hand(*exact, None, torch.ones(()), 0.0)
    assert_close(y, expected, within=2 * ROUNDING[dtype])
    upstream = torch.randn(y.shape).to(dtype)
    found = gradients(y, [key, value], upstream)
    for one, other in zip(found, gradients(expected, exact[1:], upstream.double()), strict=True):
        assert_close(one, other, within=2 * ROUNDING[dtype])


@pytest.mark.parametrize("bad", [math.nan, -math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", [0, 1, 2])
@pytest.mark.parametrize("p", [0.0, 0.25])
def test_what_is_not_finite_shows_where_it_shows_with_torch(
    p: float, where: int, bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where dropout hits it: zero times NaN is NaN."""
    torch.manual_seed(0)
    drawn = levels_of(monkeypatch)
    flat = [torch.randn(2, 21, 32) for _ in range(3)]
    flat[where][0, 3, 5] = bad
    inputs = [x.unflatten(-1, (2, 16)).transpose(1, 2).requires_grad_() for x in flat]
    y = compiled_attention.attend(*inputs, None, p, None)
    kept = (drawn[0] >= -128 + 64).float() if p else torch.ones(())
    expected = attention_by_hand(*inputs, None, kept, p)
    found, wanted = [y], [expected]
    for made, into in ((y, found), (expected, wanted)):
        into += torch.autograd.grad(made, inputs, torch.ones_like(made))
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one.isnan(), other.isnan())
        torch.testing.assert_close(one, other, equal_nan=True, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", TYPES)
def test_dropout_hides_nothing_that_is_not_finite(dtype: torch.dtype) -> None:
    x = torch.full((4096,), math.inf).to(dtype)
    with fast_kernels(CPU):
        y = functional.dropout(x, 0.5)
    assert 1000 < int(y.isnan().sum()) < 3000
    assert bool((y.isnan() | y.isinf()).all())


def test_what_the_kernels_cannot_read_is_left_to_torch() -> None:
    def can(*shapes: tuple[int, ...], mask: Tensor | None = None, **options: object) -> bool:
        states = [torch.randn(shape, **options).transpose(1, 2) for shape in shapes]  # type: ignore[arg-type]
        return compiled_attention.can_attend(*states, mask)

    good = (2, 5, 3, 16)
    assert can(good, good, good)
    assert can((2, 1, 3, 16), good, good, mask=first_tokens([5, 2], 5))
    assert not can(good, (2, 5, 1, 16), (2, 5, 1, 16))  # fewer heads of keys
    assert not can(*[(2, 5, 3, 8)] * 3)
    assert not can(good, good, good, dtype=torch.float64)
    assert not can(good, good, good, mask=first_tokens([5, 2], 5).flip(-1))  # padded on the left
    assert not can(good, good, good, mask=first_tokens([5, 0], 5))  # a row sees nothing
    assert not can(good, good, good, mask=torch.zeros(2, 1, 1, 5))
    assert not can(good, good, good, mask=torch.ones(2, 1, 5, 5, dtype=torch.bool))
    states = [torch.randn(2, 3, 5, 16) for _ in range(3)]  # heads before tokens
    assert not compiled_attention.can_attend(states[0], states[1], states[2], None)


def test_more_threads_are_left_to_torch() -> None:
    assert compiled() is not None
    torch.set_num_threads(2)
    assert compiled() is None
    torch.set_num_threads(1)
    with nothing_compiled():
        assert compiled() is None


def test_what_was_compiled_from_other_sources_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert compiled_module._load() is _module
    monkeypatch.setattr(compiled_module, "_VERSION", -1)
    assert compiled_module._load() is None
    assert "install adaptersweep again" in caplog.text


def test_a_machine_without_them_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled_module.describe().startswith("compiled")
    monkeypatch.setattr(compiled_module, "_module", None)
    assert "with a C compiler" in compiled_module.describe()
    monkeypatch.setattr(compiled_module, "_is_recent", lambda: False)
    assert "AVX-512" in compiled_module.describe()
    assert compiled_module._load() is None


@pytest.fixture
def bert() -> Backbone:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=16,
    )
    return Backbone.from_model(BertModel(config), name="wide-enough")


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_a_whole_model_uses_them_and_gives_the_same(
    bert: Backbone, training: bool, lower: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = Adapter(AdapterConfig(8), layers=3, hidden_size=32)
    for parameter in adapter.parameters():
        nn.init.normal_(parameter, std=0.1)
    model = AdapterModel(
        bert, Head(HeadConfig(HeadKind.CLASSIFICATION, 3), hidden_size=32), adapter
    )
    ids = torch.randint(1, 50, (4, 11))
    mask = first_tokens([11, 3, 7, 11], 11)[:, 0, 0]
    batch = Batch(ids, mask.long())
    used: set[str] = set()

    class Watched:
        def __getattr__(self, name: str) -> Callable[..., None]:
            used.add(name)
            kernel: Callable[..., None] = getattr(_module, name)
            return kernel

    monkeypatch.setattr("adapter_lib.cpu_kernels.compiled._module", Watched())
    model.train(training)

    def run() -> list[Tensor]:
        model.zero_grad()
        torch.manual_seed(0)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=lower):
            y = model(batch).float()
        y.square().sum().backward()
        trained = [p for p in model.parameters() if p.requires_grad]
        assert all(p.grad is not None for p in trained)
        return [y, *(p.grad.clone() for p in trained if p.grad is not None)]

    found = run()
    wanted = {"attention", "attention_backward", "normed_sum", "normed_sum_backward"}
    assert used >= wanted
    assert (used >= {"dropout"}) == training
    with nothing_compiled():
        expected = run()
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other, within=0.05 if lower else 1e-5)
    if not training:
        with plain_kernels():
            expected = run()
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, within=0.05 if lower else 1e-5)


def test_the_sources_are_where_an_installation_finds_them() -> None:
    folder = Path(norms.__file__).parent
    assert {"kernels.c", "attention.h"} <= {path.name for path in folder.iterdir()}
