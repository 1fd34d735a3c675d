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
    h: Tensor = model.embeddings(input_ids=batch.input_ids, token_type_ids=batch.token_type_ids)
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

    def adapted(z: Tensor, prefix: str) -> Tensor:
        return config.scaling * bottleneck(z, weights, prefix, config.non_linearity)

    def after_attention(index: int, f: Tensor, a: Tensor, norm: Any) -> Tensor:
        if index < first:
            return norm(f + a)
        norm = own_norm("attention", index, norm)
        if config.placement != "houlsby":
            return norm(f + a)
        return norm(adapted(f, f"attention.{name(index)}") + f + a)

    def after_feed_forward(index: int, f: Tensor, a: Tensor, norm: Any) -> Tensor:
        if index < first:
            return norm(f + a)
        norm = own_norm("feed_forward", index, norm)
        z = {"pfeiffer": norm(f + a), "houlsby": f, "parallel": a}[config.placement]
        return norm(adapted(z, f"feed_forward.{name(index)}") + f + a)

    return encoder(
        model, batch, after_attention=after_attention, after_feed_forward=after_feed_forward
    )


def fusion_weights(
    z: Tensor, outputs: list[Tensor], weights: Weights, prefix: str, dropout: float = 0.0
) -> Tensor:
    """p = softmax over the sources of (Q z + b_q)·(K u_n + b_k), with dropout on the scores."""
    query = z @ weights[f"{prefix}.query.weight"].T + weights[f"{prefix}.query.bias"]
    scores = []
    for u in outputs:
        key = u @ weights[f"{prefix}.key.weight"].T + weights[f"{prefix}.key.bias"]
        scores.append((query * key).sum(-1))
    return functional.dropout(torch.stack(scores, dim=-1), dropout).softmax(-1)


def fuse(
    z: Tensor, outputs: list[Tensor], weights: Weights, prefix: str, dropout: float = 0.0
) -> Tensor:
    """Σ p_n V u_n, the published form of AdapterFusion."""
    p = fusion_weights(z, outputs, weights, prefix, dropout)
    total = torch.zeros_like(z)
    for n, u in enumerate(outputs):
        total = total + p[..., n : n + 1] * (u @ weights[f"{prefix}.value"].T)
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
        return norm(fuse(z, outputs, weights, f"fused.{index}") + f + a)

    return encoder(model, batch, after_attention=plain, after_feed_forward=after_feed_forward)
