"""A backbone, a head and optionally an adapter or a fusion: what is trained, measured and served.

Losses, optimisers and drop schedules are left to the caller. Legend for shapes: b batch,
s tokens, d hidden, L layers.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from adapter_lib.backbone import Backbone, Batch
from adapter_lib.bottleneck import Adapter
from adapter_lib.configuration import HeadKind
from adapter_lib.errors import ConfigurationError
from adapter_lib.fusion import Fusion
from adapter_lib.heads import Head
from adapter_lib.state import copy_state, describe_mismatch


class AdapterModel(nn.Module):
    """Logits from token ids. Several models may share one frozen backbone."""

    def __init__(
        self, backbone: Backbone, head: Head, adapter: Adapter | Fusion | None = None
    ) -> None:
        """Put the parts together, in evaluation mode until `train_from` is called.

        Raises:
            ConfigurationError: the adapter was built for another number of layers or hidden size,
                or the head needs what the base has not.
        """
        super().__init__()
        _check_head(head, backbone)
        if adapter is not None:
            expected = (backbone.layers_count, backbone.hidden_size)
            found = (adapter.layers, adapter.hidden_size)
            if expected != found:
                raise ConfigurationError(
                    f"expected an adapter for (layers, hidden size) {expected} of "
                    f"{backbone.identity.name}, found {found}; build it with the base's sizes"
                )
        self.backbone = backbone
        self.head = head
        self.adapter = adapter
        self.training = False
        for part in (head, adapter):  # not the backbone: another model may be training on it
            if part is not None:
                part.eval()

    @property
    def lowest_adapter_layer(self) -> int:
        """The lowest layer that has adapter weights; L without adapter."""
        return self.backbone.layers_count if self.adapter is None else self.adapter.lowest_layer

    def forward(self, batch: Batch, *, drop_depth: int = 0) -> Tensor:
        """Return logits, (b, labels), or as `Head.forward` says for other kinds of heads.

        Args:
            drop_depth: skip the adapters in this many lowest layers, 0…L (Rücklé et al. 2021).

        Raises:
            ConfigurationError: `drop_depth` is out of range.
        """
        return self.logits(self.hidden(batch, drop_depth=drop_depth), batch)

    def hidden(self, batch: Batch, *, drop_depth: int = 0) -> Tensor:
        """Return the last hidden states, (b, s, d), that `forward` gives to the head.

        Raises:
            ConfigurationError: `drop_depth` is out of range.
        """
        self._check_depth(drop_depth)
        h: Tensor = self.backbone(batch, self.adapter, drop_depth)
        return h

    def at_depths(self, batch: Batch, depths: Sequence[int]) -> dict[int, Tensor]:
        """Return the logits of `forward` at each depth, for less than their sum.

        The layers without adapters are run once; a branch leaves them at each depth.

        Raises:
            ConfigurationError: a depth is out of range.
        """
        for depth in depths:
            self._check_depth(depth)
        lowest = self.lowest_adapter_layer
        by_start: dict[int, Tensor] = {}
        trunk, reached = self.backbone.embed(batch), 0
        for start in sorted({max(depth, lowest) for depth in depths}):
            trunk = self.backbone.run(trunk, batch, start=reached, stop=start)
            reached = start
            h = self.backbone.run(trunk, batch, start=start, adapter=self.adapter)
            by_start[start] = self.logits(h, batch)
        return {depth: by_start[max(depth, lowest)] for depth in depths}

    def trainable_state(self) -> dict[str, Tensor]:
        """Return a copy of everything that training changes, on its device.

        That is the adapter, or the fusion without its frozen sources, and the head; and the
        backbone once it is unfrozen.
        """
        return {name: tensor.detach().clone() for name, tensor in self._trainable().items()}

    def load_trainable_state(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `trainable_state` returned.

        Raises:
            ConfigurationError: names, shapes or types differ; nothing is changed then.
        """
        target = self._trainable()
        if mismatch := describe_mismatch(target, state):
            raise ConfigurationError(
                f"this state is of a differently configured model: {mismatch}; build the model "
                "from the configuration the state was saved with"
            )
        copy_state(target, state)

    def train_from(self, drop_depth: int, *, prefix_dropout: bool) -> None:
        """Switch to training mode for batches that drop `drop_depth` layers.

        Args:
            prefix_dropout: False switches dropout off in the embeddings and in the layers below
                the lowest adapter or trained layer, so that their output is a pure function of
                the input. True leaves it on everywhere, as AdapterHub does. A backbone that is
                trained from the embeddings on has no such prefix.

        Raises:
            ConfigurationError: `drop_depth` is out of range.
        """
        self._check_depth(drop_depth)
        self.train()
        trained_from = self.backbone.trained_from
        if not prefix_dropout and trained_from is not None:
            adapted_from = max(drop_depth, self.lowest_adapter_layer)
            self.backbone.set_dropout_from(min(trained_from, adapted_from))

    def logits(self, h: Tensor, batch: Batch) -> Tensor:
        """Return the head's logits from last hidden states, (b, s, d)."""
        return apply_head(self.head, h, batch, self.backbone)

    def _trainable(self) -> dict[str, Tensor]:
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def _check_depth(self, drop_depth: int) -> None:
        if not 0 <= drop_depth <= self.backbone.layers_count:
            raise ConfigurationError(
                f"drop_depth must be 0…{self.backbone.layers_count} for "
                f"{self.backbone.identity.name}, found {drop_depth}"
            )


def apply_head(head: Head, h: Tensor, batch: Batch, backbone: Backbone) -> Tensor:
    """Return a head's logits from the last hidden states, (b, s, d), of `backbone`."""
    masked_lm = head.config.kind is HeadKind.MASKED_LM
    logits: Tensor = head(
        h,
        batch,
        causal=backbone.causal,
        pooler=backbone.pooler,
        embedding=backbone.token_embedding if masked_lm else None,
    )
    return logits


def _check_head(head: Head, backbone: Backbone) -> None:
    name = backbone.identity.name
    if head.config.use_pooler and (backbone.pooler is None or backbone.causal):
        raise ConfigurationError(
            f"expected a base with a pooler for this head, found {name} without; leave use_pooler "
            "out"
        )
    if head.config.kind is not HeadKind.MASKED_LM:
        return
    if backbone.causal:
        raise ConfigurationError(
            f"expected an encoder for a masked_lm head, found the causal {name}; it cannot see "
            "what follows a mask"
        )
    expected = (*backbone.token_embedding.shape, backbone.norm_eps)
    found = (head.config.labels, head.size, head.norm.eps)
    if expected != found:
        raise ConfigurationError(
            f"expected a masked_lm head for (vocabulary, embedding size, norm's eps) {expected} "
            f"of {name}, found {found}; build it with Head.over"
        )
