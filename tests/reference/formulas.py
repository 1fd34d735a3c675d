"""The published formulas, written out step by step with plain tensor operations.

Nothing here is taken from adapter_lib but the names of the weights. Layers are explicit loops,
attention is an explicit softmax, and AdapterFusion computes every adapter at full width.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Weights = Mapping[str, Tensor]
Block = Callable[[int, Tensor, Tensor, Callable[[Tensor], Tensor]], Tensor]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda x: x.clamp(min=0),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
    "gelu_new": lambda x: (
        x * 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    ),
    "swish": lambda x: x / (1 + torch.exp(-x)),
    "tanh": lambda x: (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x)),
}


def attention_projection(layer: Any, h: Tensor, mask: Tensor) -> Tensor:
    """Multi-head attention up to the output projection; padding gets a score of -inf."""
    own = layer.attention.self
    size = own.attention_head_size
    heads = []
    for head in range(own.num_attention_heads):
        columns = slice(head * size, (head + 1) * size)
        query, key, value = (linear(h)[..., columns] for linear in (own.query, own.key, own.value))
        scores = query @ key.transpose(1, 2) / math.sqrt(size)
        scores = scores.masked_fill(mask[:, None, :] == 0, -math.inf)
        heads.append(scores.softmax(-1) @ value)
    projected: Tensor = layer.attention.output.dense(torch.cat(heads, dim=-1))
    return projected


def encoder(model: Any, batch: Any, *, after_attention: Block, after_feed_forward: Block) -> Tensor:
    """All layers of a post-norm encoder; each block is finished by the given function."""
    h: Tensor = model.embeddings(
        input_ids=batch.input_ids,
        token_type_ids=batch.token_type_ids,
        position_ids=(batch.attention_mask.long().cumsum(1) - 1).clamp(min=0),
    )
    for index, layer in enumerate(model.encoder.layer):
        f = attention_projection(layer, h, batch.attention_mask)
        h = after_attention(index, f, h, layer.attention.output.LayerNorm)
        f = layer.output.dense(ACTIVATIONS["gelu"](layer.intermediate.dense(h)))
        h = after_feed_forward(index, f, h, layer.output.LayerNorm)
    return h


def plain(index: int, f: Tensor, a: Tensor, norm: Callable[[Tensor], Tensor]) -> Tensor:
    """A block without adapter: LN(f + a)."""
    return norm(f + a)


def bottleneck(x: Tensor, weights: Weights, prefix: str, activation: str) -> Tensor:
    """up(φ(down(x)))."""
    inner = x @ weights[f"{prefix}.down.weight"].T + weights[f"{prefix}.down.bias"]
    outer = ACTIVATIONS[activation](inner) @ weights[f"{prefix}.up.weight"].T
    return outer + weights[f"{prefix}.up.bias"]


def adapter_forward(
    model: Any, batch: Any, weights: Weights, *, config: Any, drop_depth: int
) -> Tensor:
    """Houlsby et al. 2019 and Pfeiffer et al. 2021, with dropped and shared layers."""
    first = max(config.drop_depth, drop_depth)

    def name(index: int) -> str:
        groups = {"none": index, "all_layers": "shared"}
        return str(groups.get(config.sharing, f"group{index // config.group_layers}"))

    def own_norm(where: str, index: int, norm: Any) -> Callable[[Tensor], Tensor]:
        """The base's norm, or a trained one."""
        if not config.trained_norm:
            return norm
        weight = norm.weight + weights[f"{where}_norm.{index}.weight"]
        bias = norm.bias + weights[f"{where}_norm.{index}.bias"]

        def trained(x: Tensor) -> Tensor:
            centred = x - x.mean(-1, keepdim=True)
            spread = (centred.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt()
            return centred / spread * weight + bias

        return trained

    def layer_norm(x: Tensor, prefix: str) -> Tensor:
        """A norm of the adapter's own, with torch's epsilon."""
        centred = x - x.mean(-1, keepdim=True)
        spread = (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
        return centred / spread * weights[f"{prefix}.weight"] + weights[f"{prefix}.bias"]

    def adapted(f: Tensor, a: Tensor, norm: Any, prefix: str) -> Tensor:
        """LN(o + a), o = u + r, with whatever the arrangement changes in it."""
        arrangement = config.arrangement
        own = {"pfeiffer": "normed", "houlsby": "projection", "parallel": "residual"}
        known = {"residual": a, "projection": f, "sum": f + a, "normed": norm(f + a)}
        z = known[arrangement.reads or own[config.placement]]
        if arrangement.norm_before:
            z = layer_norm(z, f"{prefix}.norm_before")
        u = config.scaling * bottleneck(z, weights, prefix, config.non_linearity)
        if arrangement.norm_after == "bottleneck":
            u = layer_norm(u, f"{prefix}.norm_after")
        o = u + known[arrangement.residual]
        if arrangement.norm_after == "output":
            o = layer_norm(o, f"{prefix}.norm_after")
        return norm(o + a) if arrangement.base_norm_after else o

    def after_attention(index: int, f: Tensor, a: Tensor, norm: Any) -> Tensor:
        if index < first:
            return norm(f + a)
        norm = own_norm("attention", index, norm)
        if config.placement != "houlsby":
            return norm(f + a)
        return adapted(f, a, norm, f"attention.{name(index)}")

    def after_feed_forward(index: int, f: Tensor, a: Tensor, norm: Any) -> Tensor:
        if index < first:
            return norm(f + a)
        norm = own_norm("feed_forward", index, norm)
        return adapted(f, a, norm, f"feed_forward.{name(index)}")

    return encoder(
        model, batch, after_attention=after_attention, after_feed_forward=after_feed_forward
    )


def fusion_weights(
    z: Tensor, outputs: list[Tensor], weights: Weights, prefix: str, dropout: float = 0.0
) -> Tensor:
    """p = softmax over the sources of (Q z + b_q)·(K u_n + b_k), with dropout on the scores.

    A matrix without weights is the identity, here and in `fuse`.
    """

    def apply(matrix: str, x: Tensor) -> Tensor:
        name = f"{prefix}.{matrix}"
        if f"{name}.weight" not in weights:
            return x
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    query = apply("query", z)
    scores = [(query * apply("key", u)).sum(-1) for u in outputs]
    return functional.dropout(torch.stack(scores, dim=-1), dropout).softmax(-1)


def fuse(
    z: Tensor, outputs: list[Tensor], weights: Weights, prefix: str, dropout: float = 0.0
) -> Tensor:
    """Σ p_n V u_n, the published form of AdapterFusion; Q reads z."""
    p = fusion_weights(z, outputs, weights, prefix, dropout)
    total = torch.zeros_like(z)
    for n, u in enumerate(outputs):
        value = u @ weights[f"{prefix}.value"].T if f"{prefix}.value" in weights else u
        total = total + p[..., n : n + 1] * value
    return total


def source_outputs(
    z: Tensor, sources: Mapping[str, tuple[Any, Weights]], names: list[str], index: int
) -> list[Tensor]:
    """u_n of the named sources in layer `index`."""
    outputs = []
    for name in names:
        config, weights = sources[name]
        layer = "shared" if config.sharing == "all_layers" else str(index)
        u = bottleneck(z, weights, f"feed_forward.{layer}", config.non_linearity)
        outputs.append(config.scaling * u)
    return outputs


def fusion_forward(
    model: Any,
    batch: Any,
    weights: Weights,
    *,
    sources: Mapping[str, tuple[Any, Weights]],
    drop_depth: int = 0,
    seen: dict[int, Tensor] | None = None,
    kept: Mapping[int, list[str]] | None = None,
    query_before_norm: bool = False,
) -> Tensor:
    """A whole model with AdapterFusion. `seen` collects each layer's weights, (b, s, n)."""

    def after_feed_forward(index: int, f: Tensor, a: Tensor, norm: Any) -> Tensor:
        names = [name for name, (config, _) in sources.items() if index >= config.drop_depth]
        if kept is not None:
            names = [name for name in names if name in kept[index]]
        if index < drop_depth or not names:
            return norm(f + a)
        z = norm(f + a)
        outputs = source_outputs(z, sources, names, index)
        if seen is not None:
            seen[index] = fusion_weights(z, outputs, weights, f"fused.{index}")
        query = f if query_before_norm else z
        return norm(fuse(query, outputs, weights, f"fused.{index}") + f + a)

    return encoder(model, batch, after_attention=plain, after_feed_forward=after_feed_forward)
