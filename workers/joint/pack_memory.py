"""Count the memory that a pack takes of a GPU, without one, and say how many trials fit.

A pass over trials and a step of their optimiser are run on torch's "meta" device, where tensors
have shapes and no numbers, by the code that trains them; what is alive there at once is counted.
Attention counts as one operation each way, as a GPU's fused kernels do it, and bfloat16 is cast as
autocast does it on a GPU. What CUDA itself takes, and what its allocator cannot use for its pieces
being apart, is not in it. How many trials pay is measured while they train: see `pack_width`.

Legend for shapes: b batch, h heads, s tokens, k size of a head.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from transformers import BertConfig, BertModel

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind
from adapter_lib.joint.joint_pass import run_together
from adapter_lib.joint.part import Part
from adapter_lib.joint.row_dropout import RandomStream
from adapter_lib.joint.stacked_parameters import StackedParameters
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.activations import Activations, ActivationsAt, CutPoint
from adapter_lib.transformer.backbone import Backbone, Batch
from workers.contract.trial import Optimiser, Precision
from workers.joint.pack_width import USABLE_MEMORY, PackWidth
from workers.joint.stacked_optimiser import Change, StackedOptimiser

_META = torch.device("meta")
_PIECE_BYTES = 512
"""What CUDA's allocator rounds every tensor up to."""
_STATES = 5
"""Copies of a trial's parameters beside those that are trained: of the best epoch, and of what a
checkpoint would hold (parameters, best epoch, two moments of Adam)."""
_COUNTED_WIDTHS = 2, 4


@dataclass(frozen=True)
class PassSize:
    """What decides how much memory a trial takes in a pass.

    Attributes:
        layers, hidden_size: of the base, a BERT with heads of 64.
        rows, tokens: of a batch, all rows being as long as this.
        depth: layers below the adapters; what they give is taken from storage.
        reduction_factor: hidden size by bottleneck size.
    """

    layers: int
    hidden_size: int
    rows: int = 32
    tokens: int = 128
    depth: int = 0
    reduction_factor: int = 16
    precision: Precision = Precision.BFLOAT16
    vocabulary: int = 30_522


@dataclass(frozen=True)
class PackMemory:
    """Bytes of a GPU's memory that tensors take at once.

    Attributes:
        fixed: whoever is in the pack: the base, mostly.
        per_trial: for each trial in it.
    """

    fixed: int
    per_trial: int

    def of(self, width: int) -> int:
        """Return the bytes that a pack of so many trials takes at once."""
        return self.fixed + width * self.per_trial

    def most(self, memory_bytes: int) -> int:
        """Return how many trials fit together into what a worker may use; 0 if not even one."""
        return max(0, int(memory_bytes * USABLE_MEMORY - self.fixed) // self.per_trial)

    def chosen_width(self, memory_bytes: int) -> int:
        """Return the width that `pack_width: auto` comes to where every doubling pays."""
        width = PackWidth(None, torch.device("cuda"), memory_bytes=memory_bytes)
        step_s = 1.0
        while width.measured(step_s, peak_share=self.of(width.current) / memory_bytes):
            step_s /= 2
        chosen, most = width.current, max(1, self.most(memory_bytes))
        while chosen > most:  # memory runs out, which halves it
            chosen //= 2
        return chosen


@cache
def memory_of(size: PassSize) -> PackMemory:
    """Count what a pack takes, from passes of two widths."""
    narrow, wide = _COUNTED_WIDTHS
    first, second = (counted_bytes(size, width) for width in _COUNTED_WIDTHS)
    per_trial = (second - first) // (wide - narrow)
    return PackMemory(first - narrow * per_trial, per_trial)


def counted_bytes(size: PassSize, width: int) -> int:
    """Return the most bytes that are alive at once in a pass of so many trials and their step."""
    with MemoryCount() as memory, _AsOnGpu(size.precision):
        backbone = _base(size)
        memory.note(*backbone.parameters(), *backbone.buffers())
        models = [_model(backbone, size) for _ in range(width)]
        stack = StackedParameters(models[0], width)
        optimiser = StackedOptimiser(stack, Optimiser.ADAMW)
        kept = []
        for row, model in enumerate(models):
            own = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
            stack.put(row, model)
            optimiser.put(row, model, own)
            kept += [model.trainable_state() for _ in range(_STATES)]
            model.train()
        parts = [_part(model, row, stack, size) for row, model in enumerate(models)]
        labels = torch.zeros(size.rows, dtype=torch.long, device=_META)
        logits = run_together(parts)
        losses = [functional.cross_entropy(own.float(), labels) for own in logits]
        torch.autograd.backward(torch.stack(losses).sum())
        used = stack.used(models[0], size.depth)
        optimiser.step({row: Change(1e-4, 1.0, used) for row in range(width)})
    most: int = memory.most
    return most


def _base(size: PassSize) -> Backbone:
    config = BertConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden_size,
        num_hidden_layers=size.layers,
        num_attention_heads=max(1, size.hidden_size // 64),
        intermediate_size=4 * size.hidden_size,
        max_position_embeddings=max(512, size.tokens),
    )
    with _META:
        model = BertModel(config, add_pooling_layer=False)
    return Backbone.from_model(model, name="counted", weights_sha256="counted")


def _model(backbone: Backbone, size: PassSize) -> AdapterModel:
    config = AdapterConfig(size.hidden_size // size.reduction_factor, drop_depth=size.depth)
    head = Head.over(backbone, HeadConfig(HeadKind.CLASSIFICATION, labels=2))
    return AdapterModel(backbone, head, Adapter.over(backbone, config)).to(_META)


def _part(model: AdapterModel, row: int, stack: StackedParameters, size: PassSize) -> Part:
    shape, start = (size.rows, size.tokens), None
    ids = torch.zeros(shape, dtype=torch.long, device=_META)
    batch = Batch(ids, torch.ones_like(ids), None, np.full(size.rows, size.tokens))
    entry = model.entry(size.depth)
    if size.depth and entry is not None:
        tokens = 1 if entry.unsummed > CutPoint(size.layers - 1) else size.tokens
        stored = torch.zeros(size.rows, tokens, size.hidden_size, device=_META)
        start = ActivationsAt(entry, Activations(None, stored))
    stream = RandomStream(_META)
    return Part(model, batch, stream, size.depth, stack=stack, row=row, start=start)


class MemoryCount(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the tensors on the meta device that are alive.

    Attributes:
        now, most: their bytes, and the most there were at once.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self._known: set[int] = set()

    def note(self, *tensors: Tensor) -> None:
        """Count tensors from now on until nobody has them any more."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            key = storage._cdata
            if tensor.device == _META and key not in self._known:
                size = -(-storage.nbytes() // _PIECE_BYTES) * _PIECE_BYTES
                self._known.add(key)
                self.now += size
                self.most = max(self.most, self.now)
                weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Count what an operation gives."""
        found = func(*args, **(kwargs or {}))
        self.note(*(x for x in tree_leaves(found) if isinstance(x, Tensor)))
        return found


class _FusedAttention(torch.autograd.Function):
    """The shapes of fused attention: it keeps its arguments, its output and a number a query."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        output = query.transpose(1, 2).contiguous().transpose(1, 2)
        sums = query.new_empty(query.shape[:-1], dtype=torch.float32)
        ctx.save_for_backward(query, key, value, output, sums)
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        query, key, value, *_ = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


_LOW: tuple[Callable[..., Any], ...] = (
    *(functional.linear, torch.matmul, torch.baddbmm),
    functional.scaled_dot_product_attention,
)
_HIGH: tuple[Callable[..., Any], ...] = (
    *(functional.layer_norm, torch.softmax, functional.cross_entropy),
)


class _AsOnGpu(TorchFunctionMode):
    """Casts as autocast does on a GPU, and has attention in one operation."""

    def __init__(self, precision: Precision) -> None:
        super().__init__()
        self._low = precision is Precision.BFLOAT16

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._low and func in (*_LOW, *_HIGH):
            wanted = torch.bfloat16 if func in _LOW else torch.float32
            args, kwargs = tree_map(lambda x: _cast(x, wanted), (args, kwargs))
        if func is functional.scaled_dot_product_attention:
            return _FusedAttention.apply(*args[:3])  # type: ignore[no-untyped-call]
        return func(*args, **kwargs)


def _cast(x: Any, wanted: torch.dtype) -> Any:
    return x.to(wanted) if isinstance(x, Tensor) and x.is_floating_point() else x
