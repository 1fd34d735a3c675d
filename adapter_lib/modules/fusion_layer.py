"""The arithmetic of one AdapterFusion layer, folded into two products.

As published, every adapter's output u_n = U_n a_n + c_n is computed at full width and multiplied
with K and V. All of that is linear in a_n, so the matrices are multiplied with each other instead:

- score of n: (Q z + b_q)·(K u_n + b_k) = a_n·(G_n z + g_n) + (G'_n z + g'_n), where
  G_n = (K U_n)ᵀ Q, g_n = (K U_n)ᵀ b_q, and G'_n, g'_n the same with K c_n + b_k for K U_n;
- Σ p_n V u_n = Σ p_n (V U_n a_n + V c_n).

The term q·b_k is kept: without it dropout, which sets raw scores to zero, would not act as it does
on the published form.

For inference the products G and V U are made once. A training step makes them anew and takes
gradients through them, which a batch of few tokens does not earn back: there the same products are
taken in the other order, token by token (`folding_pays`). Nothing is multiplied with K or V per
adapter in either order. Legend for shapes: b batch, s tokens, d hidden, n adapters, R the sum of
their bottleneck sizes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.config.configuration import FusionConfig
from adapter_lib.errors import ConfigurationError
from adapter_lib.modules.bottleneck import NON_LINEARITIES, Bottleneck
from adapter_lib.modules.linear import BERT_STD, normal_linear
from adapter_lib.transformer.batch import to_device


@dataclass(frozen=True)
class Stack:
    """The frozen weights of a layer's sources, one after another.

    Attributes:
        down: (R, d), with `down_bias`, (R,).
        up: (R + n, d): the transposed up-projections, then one bias per source.
        owner: (R, n), 1 where a bottleneck unit belongs to a source.
    """

    down: Tensor
    down_bias: Tensor
    up: Tensor
    owner: Tensor


@dataclass(frozen=True)
class Fold:
    """Products of one layer's matrices.

    Attributes:
        query: (R + n, d), with `query_bias`: z to the bottlenecks' queries and to score biases.
        outward: (d, R + n): weighted bottlenecks and fusion weights to the layer's addend.
    """

    query: Tensor
    query_bias: Tensor
    outward: Tensor


class FusionLayer(nn.Module):
    """Query, key and value of one layer, over bottlenecks that belong to someone else."""

    def __init__(
        self,
        bottlenecks: Sequence[Bottleneck],
        *,
        config: FusionConfig,
        hidden_size: int,
        generator: torch.Generator | None,
    ) -> None:
        """Build on the CPU: query and key ~ N(0, 0.02²), drawn in this order, value near I.

        Those that are not learned are None, and stand for the identity.
        """
        super().__init__()
        self.query, self.key = (
            normal_linear(hidden_size, hidden_size, generator) if learned else None
            for learned in (config.query, config.key)
        )
        self.value = _start_value(config, hidden_size, generator) if config.value else None
        self._bottlenecks = tuple(bottlenecks)  # a tuple: the sources' modules are not ours
        self._sizes = [bottleneck.size for bottleneck in bottlenecks]
        self._units = sum(self._sizes)
        self._hidden_size = hidden_size
        self._dropout = config.dropout
        self._activations = [
            NON_LINEARITIES[bottleneck.config.non_linearity] for bottleneck in bottlenecks
        ]
        self._counting = False
        self._weight_sum: Tensor | None = None
        self._token_sum: Tensor | None = None
        self._forget()

    def forward(self, z: Tensor, token_mask: Tensor, query: Tensor | None = None) -> Tensor:
        """Return Σ_n p_n V u_n, (b, s, d), for what the sources read, z, (b, s, d).

        Args:
            token_mask: (b, s), True where a token is real; decides what statistics count.
            query: what Q is multiplied with, (b, s, d); z by default.
        """
        stack = self._stack.get(self._theirs(), self._compute_stack)
        fold = self.fold(z.shape[:-1].numel())
        a = self._activate(functional.linear(z, stack.down, stack.down_bias))
        x = z if query is None else query
        g, bias = self._queries(x, stack) if fold is None else self._folded_queries(x, fold)
        scores = (a * g) @ stack.owner + bias
        p = functional.dropout(scores, self._dropout, self.training).softmax(dim=-1)
        if self._counting:
            self._count(p.detach(), token_mask)
        p = p.to(a.dtype)  # autocast computes a softmax in float32
        weighted = torch.cat([a * (p @ stack.owner.T), p], dim=-1)
        if fold is None:
            together = functional.linear(weighted, stack.up.T)
            return together if self.value is None else functional.linear(together, self.value)
        return functional.linear(weighted, fold.outward)

    def _folded_queries(self, x: Tensor, fold: Fold) -> tuple[Tensor, Tensor]:
        """Return the queries of bottlenecks, (b, s, R), and what scores add to them, (b, s, n)."""
        g, bias = functional.linear(x, fold.query, fold.query_bias).tensor_split(
            (self._units,), dim=-1
        )
        return g, bias

    def _queries(self, x: Tensor, stack: Stack) -> tuple[Tensor, Tensor]:
        """Return the same in the other order: a token's query first, and never a fold."""
        q = x if self.query is None else self.query(x)
        keyed = q if self.key is None else functional.linear(q, self.key.weight.T)
        g, bias = functional.linear(keyed, stack.up).tensor_split((self._units,), dim=-1)
        return g, bias if self.key is None else bias + (q @ self.key.bias)[..., None]

    def _activate(self, x: Tensor) -> Tensor:
        if len(set(self._activations)) == 1:
            return self._activations[0](x)
        parts = zip(self._activations, torch.split(x, self._sizes, dim=-1), strict=True)
        return torch.cat([activate(part) for activate, part in parts], dim=-1)

    def fold(self, tokens: int) -> Fold | None:
        """Return the products of the matrices, memoised where no gradient is wanted.

        In training mode, None where they do not pay for one batch of so many tokens.
        """
        if self.training or torch.is_grad_enabled():
            # A step may follow, and fused optimisers leave no trace in a tensor's version.
            self._fold = _Memo[Fold]()
            pays = folding_pays(tokens, units=self._units, hidden_size=self._hidden_size)
            return self._compute_fold() if pays or not self.training else None
        return self._fold.get([*self.parameters(), *self._theirs()], self._compute_fold)

    def _compute_fold(self) -> Fold:
        stack = self._stack.get(self._theirs(), self._compute_stack)
        units = self._units
        # Once per step, and everything after depends on it: not in half precision.
        with torch.autocast(stack.up.device.type, enabled=False):
            keys = stack.up
            if self.key is not None:
                keys = functional.linear(keys, self.key.weight)
                keys = torch.cat([keys[:units], keys[units:] + self.key.bias])
            if self.query is None:
                queries, biases = keys, keys.new_zeros(len(keys))
            else:
                queries = functional.linear(keys, self.query.weight.T)
                biases = keys @ self.query.bias
            outward = stack.up.T if self.value is None else functional.linear(self.value, stack.up)
            return Fold(query=queries, query_bias=biases, outward=outward)

    @torch.no_grad()
    def _compute_stack(self) -> Stack:
        up = [b.up.weight.T * b.config.scaling for b in self._bottlenecks]
        biases = torch.stack([b.up.bias * b.config.scaling for b in self._bottlenecks])
        owner = to_device(_owner(self._sizes), biases.device)
        return Stack(
            down=torch.cat([bottleneck.down.weight for bottleneck in self._bottlenecks]),
            down_bias=torch.cat([bottleneck.down.bias for bottleneck in self._bottlenecks]),
            up=torch.cat([*up, biases]),
            owner=owner.to(biases.dtype),
        )

    def _theirs(self) -> list[Tensor]:
        if not self._source_tensors:
            self._source_tensors.extend(p for b in self._bottlenecks for p in b.parameters())
        return self._source_tensors

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a change drops memoised products, in case `.data` was written to."""
        if mode != self.training:
            self._forget()
        return super().train(mode)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        self._forget()  # parameters may be replaced when they move
        moved: Self = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return moved

    def _forget(self) -> None:
        self._source_tensors: list[Tensor] = []
        self._stack = _Memo[Stack]()
        self._fold = _Memo[Fold]()

    def start_statistics(self) -> None:
        """Sum up fusion weights over real tokens from now on."""
        device = self._theirs()[0].device
        self._weight_sum = torch.zeros(len(self._sizes), dtype=torch.float64, device=device)
        self._token_sum = torch.zeros((), dtype=torch.float64, device=device)
        self._counting = True

    def stop_statistics(self) -> list[float] | None:
        """Return the mean weight of each source, None if no token was seen, and stop."""
        if self._weight_sum is None or self._token_sum is None:
            raise ConfigurationError(
                "no attention statistics were started; call start_attention_statistics before "
                "the batches"
            )
        self._counting = False
        if self._token_sum == 0:
            return None
        means: list[float] = (self._weight_sum / self._token_sum).tolist()
        return means

    def _count(self, p: Tensor, token_mask: Tensor) -> None:
        assert self._weight_sum is not None
        assert self._token_sum is not None
        self._weight_sum += (p * token_mask[..., None]).sum(dim=(0, 1), dtype=torch.float64)
        self._token_sum += token_mask.sum()


def folding_pays(tokens: int, *, units: int, hidden_size: int) -> bool:
    """Say whether a training step multiplies less with folded matrices than token by token.

    With T tokens, R units and hidden size d, forward and backward: folded 7·R·d² for the fold and
    8·T·R·d with it; token by token 9·T·d² for query, key and value and 6·T·R·d.
    """
    return units * (7 * hidden_size + 2 * tokens) <= 9 * tokens * hidden_size


def _start_value(
    config: FusionConfig, hidden_size: int, generator: torch.Generator | None
) -> nn.Parameter:
    value = torch.empty(hidden_size, hidden_size)
    if config.value_off_diagonal is None:
        nn.init.normal_(value, std=BERT_STD, generator=generator)
    else:
        value.fill_(float(config.value_off_diagonal)).fill_diagonal_(1.0)
    return nn.Parameter(value)


def _owner(sizes: Sequence[int]) -> Tensor:
    sources = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return functional.one_hot(sources, len(sizes))


T = TypeVar("T")


class _Memo(Generic[T]):
    """Keep a value until one of the tensors that it was computed from is written to or moves."""

    def __init__(self) -> None:
        self._stamp: list[tuple[int, int]] = []
        self._value: T | None = None

    def get(self, tensors: Sequence[Tensor], compute: Callable[[], T]) -> T:
        """Return the kept value, or what `compute` returns now."""
        stamp = [(tensor._version, tensor.data_ptr()) for tensor in tensors]
        if self._value is None or stamp != self._stamp:
            self._value, self._stamp = compute(), stamp
        return self._value
