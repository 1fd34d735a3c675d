"""The frozen transformer and the loop over its layers, with or without adapters.

The loop is ours, over the modules that transformers built, so layers can be run in parts: from
given hidden states, up to a boundary, with adapters from some depth on. What an adapter computes
is left to `adapter_lib.modules.bottleneck` and `adapter_lib.modules.fusion`.

Legend for shapes: b batch, s tokens, d hidden, L layers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from adapter_lib.cpu_kernels import fast_kernels
from adapter_lib.errors import ConfigurationError
from adapter_lib.transformer.activations import Activations, ActivationsAt, Block, CutPoint
from adapter_lib.transformer.architectures import (
    Pooler,
    describe_model,
    norm_eps_of,
    norms_of,
    read_tokens,
    token_embedding,
)
from adapter_lib.transformer.base_weights import hash_state
from adapter_lib.transformer.batch import Batch as Batch
from adapter_lib.transformer.layer_run import BatchByBatch, LayerAdapter, LayerRun
from adapter_lib.transformer.loading import load_transformer
from adapter_lib.transformer.ragged_batch import RaggedBatch, laid_out

_FILLED_ON_CPU = 32
"""Tokens come in multiples of it there: oneDNN compiles its products for every number of rows, and
those of 943 take as long as those of 1,000."""
_WORTH = 0.97
"""Share of the padded batch above which leaving padding out costs more than it saves."""


@dataclass(frozen=True)
class BaseIdentity:
    """Which base model an adapter belongs to. All but the name decide whether two are the same."""

    name: str
    model_type: str
    layers: int
    hidden_size: int
    weights_sha256: str


class Backbone(nn.Module):
    """A transformer without head, frozen until one of the `unfreeze` methods is called.

    Attributes:
        causal: whether tokens see no later ones, so that heads read the last one.
        frozen: whether no weight is trained.
        trained_from: the lowest layer that is trained, L if frozen, None for the embeddings.
        counts_padding: count learned positions from the left edge of a batch, padding included, as
            transformers and AdapterHub do where no positions are given; False, as it is at first,
            counts them from each row's first real token, so that padding changes nothing.
        own_kernels: whether `adapter_lib.cpu_kernels` stands in for torch's on a CPU, and padding
            is left out where that is cheaper.
        dropout_from: the lowest layer with dropout, -1 if the embeddings have it too, and None if
            nothing has.
    """

    dropout_from: int | None

    def __init__(self, model: nn.Module, identity: BaseIdentity) -> None:
        """Wrap a transformers model; use `from_folder` or `from_model`.

        Raises:
            UnsupportedArchitectureError: no file in `adapter_lib.transformer.architectures`
                describes it.
        """
        super().__init__()
        self.model = model
        self.identity = identity
        parts = describe_model(model)
        self._parts = parts  # no module itself: its modules are already part of `model`
        self.layers_count = len(parts.layers)
        self.hidden_size = parts.hidden_size
        self.causal = parts.causal
        self.own_kernels = True
        self.counts_padding = False
        # Where layers share weights, what switches one of them is no part of the model.
        inside = set(model.modules())
        switches = [layer.module for layer in parts.layers if layer.module not in inside]
        self._switches = nn.ModuleList(switches)
        self.trained_from: int | None
        self._freeze()
        self.eval()

    @classmethod
    def from_folder(cls, folder: Path | str, *, name: str | None = None) -> Self:
        """Load a downloaded Hugging Face model in float32, with its pooler if that was saved.

        Args:
            name: how adapters call this base; by default the folder's name.

        Raises:
            BaseModelError: configuration or weights are missing or unreadable.
            UnsupportedArchitectureError: the architecture is not described.
        """
        folder = Path(folder)
        model, weights_sha256 = load_transformer(folder)
        return cls.from_model(model, name=name or folder.name, weights_sha256=weights_sha256)

    @classmethod
    def from_model(cls, model: Any, *, name: str, weights_sha256: str | None = None) -> Self:
        """Wrap a transformers model in memory; without a hash, its state is hashed."""
        identity = BaseIdentity(
            name=name,
            model_type=model.config.model_type,
            layers=model.config.num_hidden_layers,
            hidden_size=model.config.hidden_size,
            weights_sha256=weights_sha256 or hash_state(model.state_dict()),
        )
        return cls(model, identity)

    def embed(self, batch: Batch) -> Tensor:
        """Return the hidden states below layer 0, (b, s, d).

        Raises:
            BatchError: a row has more tokens than the base has positions, or, where the CPU can
                see it, a token is not of its vocabulary.
        """
        batch.check_fits(
            self.identity.name,
            vocabulary=self.token_embedding.shape[0],
            most_tokens=self._parts.embed.most_tokens,
        )
        positions = None if self.counts_padding else batch.positions()
        with self.kernels(batch.input_ids.device):
            return self._parts.embed(
                batch.input_ids, batch.token_type_ids, batch.token_mask, positions
            )

    def begin(self, batch: Batch) -> ActivationsAt:
        """Return the cut point in front of layer 0."""
        return ActivationsAt(CutPoint(0), Activations(None, self.embed(batch)))

    def run(
        self,
        h: Tensor,
        batch: Batch,
        *,
        start: int = 0,
        stop: int | None = None,
        adapter: LayerAdapter | None = None,
        drop_depth: int = 0,
    ) -> Tensor:
        """Run layers [start, stop) on h, (b, s, d), and return the hidden states above them.

        A norm above the highest layer is part of it.

        Args:
            stop: L by default.
            adapter: applied in layers from `drop_depth` and its own lowest layer on.
        """
        run = LayerRun(adapter, drop_depth=drop_depth)
        end = CutPoint(self.layers_count if stop is None else stop)
        return self.run_between(
            ActivationsAt(CutPoint(start), Activations(None, h)), batch, run, stop=end
        ).activations.residual

    def run_between(
        self, start: ActivationsAt, batch: Batch, run: LayerRun, *, stop: CutPoint | None = None
    ) -> ActivationsAt:
        """Run from `start` to `stop`, by default above the highest layer; return what is there."""
        stop = stop or CutPoint(self.layers_count)
        start = self._run_unpadded(start, batch, run, stop)
        for reached in self.walk(start, batch, run, stop=stop):
            start = reached
        return start

    def _run_unpadded(
        self, start: ActivationsAt, batch: Batch, run: LayerRun, stop: CutPoint
    ) -> ActivationsAt:
        """Run without padding as far as that goes; return the activations there, with padding."""
        alone = CutPoint(self.layers_count - 1, Block.ATTENTION)
        if run.token_index is not None:  # behind that, one token of each row is left
            stop = min(stop.unsummed, alone)
        layout = self._layout(batch) if start.cut_point.unsummed < stop.unsummed else None
        if layout is None:
            return start
        start = ActivationsAt(
            start.cut_point,
            Activations.of(tuple(layout.join([x]) for x in start.activations.parts)),
        )
        context = self.joint_context(layout, [self.context_of(batch)])
        with laid_out(layout):
            while start.cut_point.unsummed < stop.unsummed:
                start = self.advance(start, context, run, token_mask=layout.token_mask)
        if run.token_index is not None and start.cut_point == alone:
            return start
        return ActivationsAt(
            start.cut_point,
            Activations.of(tuple(layout.apart(x)[0] for x in start.activations.parts)),
        )

    def _layout(self, batch: Batch) -> RaggedBatch | None:
        """Return where tokens stand without padding; None where leaving it out gains little."""
        if not self.own_kernels:
            return None
        on_cpu = batch.input_ids.device.type == "cpu"
        layout = RaggedBatch.of([batch], multiple=_FILLED_ON_CPU if on_cpu else 1)
        return layout if layout.tokens <= _WORTH * batch.input_ids.numel() else None

    def walk(
        self, start: ActivationsAt, batch: Batch, run: LayerRun, *, stop: CutPoint
    ) -> Iterator[ActivationsAt]:
        """Go from one cut point to the next, from behind `start` up to `stop`, if that is further.

        Yields:
            Each cut point that was reached, and the activations there.
        """
        context = self._parts.context(start.activations.residual, batch.token_mask)
        while start.cut_point.unsummed < stop.unsummed:
            start = self.advance(start, context, run, token_mask=batch.token_mask)
            yield start

    def context_of(self, batch: Batch) -> Callable[[Tensor], Any]:
        """Return what makes, of a batch's hidden states, (b, s, d), what attention needs of it."""
        context, token_mask = self._parts.context, batch.token_mask
        return lambda h: context(h, token_mask)

    def joint_context(
        self, layout: RaggedBatch, contexts: Sequence[Callable[[Tensor], Any]]
    ) -> Any:
        """Return what every layer's attention needs of batches without padding.

        Args:
            contexts: of each batch, as `context_of` returns it; used where the architecture's
                attention takes one batch after the other, with padding.
        """
        joint = self._parts.joint
        return BatchByBatch(layout, contexts) if joint is None else joint(layout)

    def attend(
        self, layer: int, h: Tensor, context: Any, token_index: Tensor | None = None
    ) -> Tensor:
        """Return a layer's attention up to its projection, (b, s, d); (b, 1, d) for `token_index`.

        Args:
            h: at the layer's entry, (b, s, d).
            context: of the batch, or of several, whose tokens h holds then, (1, n, d).
            token_index: the position of one token in each row, (b,).
        """
        with self.kernels(h.device):
            return self._attend(layer, h, context, token_index)

    def _attend(self, layer: int, h: Tensor, context: Any, token_index: Tensor | None) -> Tensor:
        attend = self._parts.layers[layer].attend
        if isinstance(context, BatchByBatch):
            return context.attended(attend, h, token_index)
        return attend(h, context, token_index)

    def advance(
        self, start: ActivationsAt, context: Any, run: LayerRun, *, token_mask: Tensor
    ) -> ActivationsAt:
        """Run one block, and return the next cut point and the activations there.

        Behind the attention of the highest layer that is `run.token_index`'s tokens only, (b, 1,
        d).

        Args:
            context: of the batch, or of several, as `joint_context` returns it.
            token_mask: (b, s), True where a token is real.
        """
        with self.kernels(start.activations.residual.device):
            return self._advance(start, context, run, token_mask)

    def kernels(self, device: torch.device) -> AbstractContextManager[Any]:
        """Return the context in which layers are run on `device`."""
        return fast_kernels(device) if self.own_kernels else nullcontext()

    def _advance(
        self, start: ActivationsAt, context: Any, run: LayerRun, token_mask: Tensor
    ) -> ActivationsAt:
        cut_point, activations = start.cut_point, start.activations
        layer, top = self._parts.layers[cut_point.layer], cut_point.layer == self.layers_count - 1
        token_index = run.token_index if top else None
        if cut_point.block is Block.ENTRY:
            h = activations.residual
            x = self._attend(cut_point.layer, h, context, token_index)
            return ActivationsAt(cut_point.next, Activations(x, read_tokens(h, token_index)))
        x, residual = activations.apart()
        token_mask = token_mask if token_index is None else token_mask.new_ones(x.shape[:2])
        adapter = run.adapter_in(cut_point.layer)
        if cut_point.block is Block.ATTENTION:
            norm = layer.attention_norm
            if adapter is None:
                h = norm(x + residual)
            else:
                h = adapter.after_attention(cut_point.layer, x, residual, norm, token_mask)
            return ActivationsAt(cut_point.next, Activations(layer.feed_forward(h), h))
        norm = layer.feed_forward_norm
        if adapter is None:
            h = norm(x + residual)
        else:
            h = adapter.after_feed_forward(cut_point.layer, x, residual, norm, token_mask)
        if top and self._parts.final_norm is not None:
            h = self._parts.final_norm(h)
        return ActivationsAt(cut_point.next, Activations(None, h))

    def forward(
        self, batch: Batch, adapter: LayerAdapter | None = None, drop_depth: int = 0
    ) -> Tensor:
        """Return the last hidden states, (b, s, d)."""
        return self.run(self.embed(batch), batch, adapter=adapter, drop_depth=drop_depth)

    @property
    def pooler(self) -> Pooler | None:
        """What the base was trained with on its first token, None where it has none."""
        return self._parts.pooler

    @property
    def token_embedding(self) -> Tensor:
        """The embedding of every token of the vocabulary, (V, e)."""
        return token_embedding(self.model)

    @property
    def embedding_size(self) -> int:
        """The size of a token's embedding, e, which may differ from d."""
        return self.token_embedding.shape[1]

    @property
    def norm_eps(self) -> float:
        """What norms add to a variance."""
        return norm_eps_of(self.model)

    def unfreeze(self) -> None:
        """Train every weight but the pooler's, for full fine-tuning.

        From then on the identity is void, as after the next two methods.
        """
        self._freeze()
        self.frozen, self.trained_from = False, None
        self.model.requires_grad_(True)
        if self.pooler is not None:
            self.pooler.module.requires_grad_(False)

    def unfreeze_top(self, layers: int) -> None:
        """Train only the highest layers, and the norm above them; no gradient goes below.

        Raises:
            ConfigurationError: `layers` is not 1…L, or one of them shares its weights with a
                layer below.
        """
        if not 1 <= layers <= self.layers_count:
            raise ConfigurationError(
                f"expected 1…{self.layers_count} highest layers of {self.identity.name} to train, "
                f"found {layers}; to train the head alone, leave the base frozen"
            )
        if len(self._switches):
            raise ConfigurationError(
                f"the layers of {self.identity.name} share their weights, so the highest "
                f"{layers} cannot be trained alone; train all or none"
            )
        self._freeze()
        self.frozen, self.trained_from = False, self.layers_count - layers
        for layer in self._parts.layers[self.trained_from :]:
            layer.module.requires_grad_(True)
        if isinstance(self._parts.final_norm, nn.Module):
            self._parts.final_norm.requires_grad_(True)

    def unfreeze_norms(self) -> None:
        """Train only the weights of norms, the embeddings' too (Houlsby et al. 2019, §3.6)."""
        self._freeze()
        self.frozen, self.trained_from = False, None
        for norm in norms_of(self.model):
            norm.requires_grad_(True)

    def _freeze(self) -> None:
        self.frozen = True
        self.trained_from = self.layers_count
        self.model.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Switch dropout on everywhere, or off."""
        super().train(mode)
        self.dropout_from = -1 if mode else None
        return self

    def set_dropout_from(self, layer: int | None) -> None:
        """Switch dropout on from `layer` upwards; below, and for None everywhere, it is off."""
        self.eval()
        if layer is not None:
            for parts in self._parts.layers[layer:]:
                parts.module.train()
            self.dropout_from = layer
