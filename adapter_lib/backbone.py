"""The frozen transformer and the loop over its layers, with or without adapters.

The loop is ours, over the modules that transformers built, so layers can be run in parts: from
given hidden states, up to a boundary, with adapters from some depth on. What an adapter computes
is left to `adapter_lib.bottleneck` and `adapter_lib.fusion`.

Legend for shapes: b batch, s tokens, d hidden, L layers.
"""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import MODEL_MAPPING, AutoConfig

from adapter_lib.architectures import (
    Norm,
    Pooler,
    check_supported,
    describe_model,
    norm_eps_of,
    norms_of,
    token_embedding,
)
from adapter_lib.base_weights import find_weight_files, hash_files, hash_state, weight_names
from adapter_lib.batch import Batch as Batch
from adapter_lib.errors import BaseModelError, ConfigurationError


@dataclass(frozen=True)
class BaseIdentity:
    """Which base model an adapter belongs to. All but the name decide whether two are the same."""

    name: str
    model_type: str
    layers: int
    hidden_size: int
    weights_sha256: str


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
    """A transformer without head, frozen until one of the `unfreeze` methods is called.

    Attributes:
        causal: whether tokens see no later ones, so that heads read the last one.
        frozen: whether no weight is trained.
        trained_from: the lowest layer that is trained, L if frozen, None for the embeddings.
    """

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
        self.causal = parts.causal
        # Where layers share weights, what switches one of them is no part of the model.
        inside = set(model.modules())
        switches = [layer.module for layer in parts.layers if layer.module not in inside]
        self._switches = nn.ModuleList(switches)
        self.trained_from: int | None
        self._freeze()
        self.eval()

    @classmethod
    def from_folder(cls, folder: Path, *, name: str | None = None) -> Self:
        """Load a downloaded Hugging Face model in float32, with its pooler if that was saved.

        Args:
            name: how adapters call this base; by default the folder's name.

        Raises:
            BaseModelError: configuration or weights are missing or unreadable.
            UnsupportedArchitectureError: the architecture is not described.
        """
        files = find_weight_files(folder)
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            check_supported(config.model_type)
            model_class = MODEL_MAPPING[type(config)]
            options = inspect.signature(model_class).parameters
            pooled = any(".pooler." in f".{weight}" for weight in weight_names(files))
            model, found = model_class.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                dtype=torch.float32,
                output_loading_info=True,
                **({"add_pooling_layer": pooled} if "add_pooling_layer" in options else {}),
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
        return self._parts.embed(batch.input_ids, batch.token_type_ids, batch.token_mask)

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
        stop = self.layers_count if stop is None else stop
        lowest = stop if adapter is None else max(drop_depth, adapter.lowest_layer)
        token_mask = batch.token_mask
        context = self._parts.context(h, token_mask)
        for index in range(start, stop):
            layer = self._parts.layers[index]
            x = layer.attend(h, context)
            if adapter is None or index < lowest:
                h = layer.attention_norm(x + h)
                h = layer.feed_forward_norm(layer.feed_forward(h) + h)
                continue
            h = adapter.after_attention(index, x, h, layer.attention_norm, token_mask)
            x = layer.feed_forward(h)
            h = adapter.after_feed_forward(index, x, h, layer.feed_forward_norm, token_mask)
        if self._parts.final_norm is not None and start < stop == self.layers_count:
            h = self._parts.final_norm(h)
        return h

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

    def set_dropout_from(self, layer: int | None) -> None:
        """Switch dropout on from `layer` upwards; below, and for None everywhere, it is off."""
        self.eval()
        if layer is not None:
            for parts in self._parts.layers[layer:]:
                parts.module.train()
