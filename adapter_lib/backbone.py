"""The frozen transformer and the loop over its layers, with or without adapters.

The loop is ours, over the modules that transformers built, so layers can be run in parts: from
given hidden states, up to a boundary, with adapters from some depth on. What an adapter computes
is left to `adapter_lib.bottleneck` and `adapter_lib.fusion`.

Legend for shapes: b batch, s tokens, d hidden, L layers.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModel

from adapter_lib.architectures import Norm, describe_model
from adapter_lib.base_weights import find_weight_files, hash_files, hash_state
from adapter_lib.errors import BaseModelError


@dataclass(frozen=True)
class BaseIdentity:
    """Which base model an adapter belongs to. All but the name decide whether two are the same."""

    name: str
    model_type: str
    layers: int
    hidden_size: int
    weights_sha256: str


@dataclass
class Batch:
    """Tokenised examples, padded on either side.

    Attributes:
        input_ids: (b, s), int64.
        attention_mask: (b, s), int64 or bool, 1 where a token is real. Every row has one.
        token_type_ids: (b, s), int64, or None for zeros.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on `device`."""
        types = self.token_type_ids
        return replace(
            self,
            input_ids=self.input_ids.to(device, non_blocking=True),
            attention_mask=self.attention_mask.to(device, non_blocking=True),
            token_type_ids=None if types is None else types.to(device, non_blocking=True),
        )

    @property
    def token_mask(self) -> Tensor:
        """True where a token is real, (b, s)."""
        return self.attention_mask.bool()


class LayerAdapter(Protocol):
    """What changes the two blocks of a layer. Layers below `lowest_layer` are left alone."""

    lowest_layer: int

    def after_attention(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the attention block's output, (b, s, d), from its projection x, (b, s, d)."""

    def after_feed_forward(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the layer's output, (b, s, d), from the feed-forward projection x, (b, s, d)."""


class Backbone(nn.Module):
    """A transformer encoder without head, frozen until `unfreeze` is called."""

    def __init__(self, model: nn.Module, identity: BaseIdentity) -> None:
        """Wrap a transformers model; use `from_folder` or `from_model`.

        Raises:
            UnsupportedArchitectureError: no file in `adapter_lib.architectures` describes it.
        """
        super().__init__()
        self.model = model
        self.identity = identity
        parts = describe_model(model)
        self._parts = parts  # no module itself: its modules are already part of `model`
        self.layers_count = len(parts.layers)
        self.hidden_size = parts.hidden_size
        self.frozen = True
        self.model.requires_grad_(False)
        self.eval()

    @classmethod
    def from_folder(cls, folder: Path, *, name: str | None = None) -> Self:
        """Load a downloaded Hugging Face model in float32.

        Args:
            name: how adapters call this base; by default the folder's name.

        Raises:
            BaseModelError: configuration or weights are missing or unreadable.
            UnsupportedArchitectureError: the architecture is not described.
        """
        files = find_weight_files(folder)
        try:
            model, found = AutoModel.from_pretrained(
                folder,
                add_pooling_layer=False,
                local_files_only=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise BaseModelError(f"cannot load the base model in {folder}: {error}") from error
        if absent := sorted({*found["missing_keys"], *map(str, found["mismatched_keys"])}):
            raise BaseModelError(
                f"the weights in {folder} do not fit its config.json: {', '.join(absent)} would "
                "stay random; download the model again"
            )
        return cls.from_model(model, name=name or folder.name, weights_sha256=hash_files(files))

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
        """Return the hidden states below layer 0, (b, s, d)."""
        h: Tensor = self._parts.embeddings(batch.input_ids, token_type_ids=batch.token_type_ids)
        return h

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

        Args:
            stop: L by default.
            adapter: applied in layers from `drop_depth` and its own lowest layer on.
        """
        stop = self.layers_count if stop is None else stop
        lowest = stop if adapter is None else max(drop_depth, adapter.lowest_layer)
        token_mask = batch.token_mask
        attention_mask = _attention_mask(token_mask)
        for index in range(start, stop):
            layer = self._parts.layers[index]
            x = layer.attend(h, attention_mask)
            if adapter is None or index < lowest:
                h = layer.attention_norm(x + h)
                h = layer.feed_forward_norm(layer.feed_forward(h) + h)
                continue
            h = adapter.after_attention(index, x, h, layer.attention_norm, token_mask)
            x = layer.feed_forward(h)
            h = adapter.after_feed_forward(index, x, h, layer.feed_forward_norm, token_mask)
        return h

    def forward(
        self, batch: Batch, adapter: LayerAdapter | None = None, drop_depth: int = 0
    ) -> Tensor:
        """Return the last hidden states, (b, s, d)."""
        return self.run(self.embed(batch), batch, adapter=adapter, drop_depth=drop_depth)

    def unfreeze(self) -> None:
        """Make every weight trainable, for full fine-tuning. The identity is void from then on."""
        self.frozen = False
        self.model.requires_grad_(True)

    def set_dropout_from(self, layer: int | None) -> None:
        """Switch dropout on from `layer` upwards; below, and for None everywhere, it is off."""
        self.eval()
        if layer is not None:
            for parts in self._parts.layers[layer:]:
                parts.module.train()


def _attention_mask(token_mask: Tensor) -> Tensor | None:
    """Return (b, 1, 1, s), or None where no token is padding, which is faster.

    Asking a GPU would make it wait, so there the mask is always given.
    """
    if token_mask.device.type == "cpu" and bool(token_mask.all()):
        return None
    return token_mask[:, None, None, :]
