"""A backbone, a head and optionally an adapter or a fusion: what is trained, measured and served.

Losses, optimisers and drop schedules are left to the caller. Legend for shapes: b batch,
s tokens, d hidden, L layers.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from torch import Tensor, nn

from adapter_lib.config.configuration import HeadKind
from adapter_lib.errors import ConfigurationError, shortened
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.modules.state import copy_state, describe_mismatch
from adapter_lib.transformer.activations import Activations, ActivationsAt, Block, CutPoint
from adapter_lib.transformer.backbone import Backbone, Batch
from adapter_lib.transformer.layer_run import LayerRun


class AdapterModel(nn.Module):
    """Logits from token ids. Several models may share one frozen backbone.

    Attributes:
        labels: the names of what the head tells apart, in the order of its logits; empty where they
            are not known. They are saved and loaded with the model.
        all_tokens_in_top_layer: compute every token in the highest layer, also those that the head
            does not read; slower, with the same logits.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Head,
        adapter: Adapter | Fusion | None = None,
        *,
        labels: Sequence[str] = (),
    ) -> None:
        """Put the parts together, in evaluation mode until `train_from` is called.

        Raises:
            ConfigurationError: the adapter was built for another number of layers or hidden size,
                the head needs what the base has not, or there are other than as many different
                labels as the head has.
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
        self.labels = _checked_labels(labels, head)
        self.all_tokens_in_top_layer = False
        self.training = False
        for part in (head, adapter):  # not the backbone: another model may be training on it
            if part is not None:
                part.eval()

    def entry(self, drop_depth: int = 0) -> CutPoint | None:
        """Return where the frozen part ends: up to there nothing but the input decides.

        None where the base is trained from its embeddings on.
        """
        trained_from = self.backbone.trained_from
        if trained_from is None:
            return None
        layers = self.backbone.layers_count
        adapted = CutPoint(layers) if self.adapter is None else self.adapter.entry(drop_depth)
        return min(CutPoint(trained_from), adapted, key=lambda cut_point: cut_point.unsummed)

    def forward(
        self, batch: Batch, *, drop_depth: int = 0, start: ActivationsAt | None = None
    ) -> Tensor:
        """Return logits, (b, labels), or as `Head.forward` says for other kinds of heads.

        Args:
            drop_depth: skip the adapters in this many lowest layers, 0…L (Rücklé et al. 2021).
            start: what `frozen` returned for this batch, at `entry` or below it, so that nothing
                below is run.

        Raises:
            ConfigurationError: `drop_depth` is out of range.
        """
        self._check_depth(drop_depth)
        run = LayerRun(self.adapter, drop_depth, self.token_index(batch))
        end = self.backbone.run_between(start or self.backbone.begin(batch), batch, run)
        return self.logits(end.activations.residual, batch)

    @property
    def reads_one_token(self) -> bool:
        """Whether the highest layer computes the only token of each row that the head reads."""
        return self.head.config.reads_one_token and not self.all_tokens_in_top_layer

    def token_index(self, batch: Batch) -> Tensor | None:
        """Return the position of the only token in each row that the head reads, (b,).

        None if it reads all, or if the highest layer shall compute all (`all_tokens_in_top_layer`).
        """
        if not self.reads_one_token:
            return None
        return self.head.token_index(batch, causal=self.backbone.causal)

    def hidden(
        self, batch: Batch, *, drop_depth: int = 0, start: ActivationsAt | None = None
    ) -> Tensor:
        """Return the last hidden states of all tokens, (b, s, d).

        Args:
            drop_depth: as for `forward`.
            start: as for `forward`, and not behind the attention of the highest layer.

        Raises:
            ConfigurationError: `drop_depth` is out of range.
        """
        self._check_depth(drop_depth)
        run = LayerRun(self.adapter, drop_depth)
        return self.backbone.run_between(
            start or self.backbone.begin(batch), batch, run
        ).activations.residual

    def at_depths(
        self,
        batch: Batch,
        depths: Sequence[int],
        *,
        start_at: Callable[[CutPoint], ActivationsAt | None] | None = None,
    ) -> dict[int, Tensor]:
        """Return the logits of `forward` at each depth, for less than their sum.

        The layers without adapters are run once; a branch leaves them at each depth.

        Args:
            start_at: gives what is stored of the frozen part at a cut point, or at the nearest
                below.

        Raises:
            ConfigurationError: a depth is out of range.
        """
        cut_points = self.entries(depths)
        by_cut_point: dict[CutPoint, Tensor] = {}
        for cut_point, start in self.starts(batch, cut_points.values(), start_at=start_at).items():
            run = LayerRun(self.adapter, cut_point.layer, self.token_index(batch))
            end = self.backbone.run_between(start, batch, run)
            by_cut_point[cut_point] = self.logits(end.activations.residual, batch)
        return {depth: by_cut_point[cut_point] for depth, cut_point in cut_points.items()}

    def entries(self, depths: Iterable[int]) -> dict[int, CutPoint]:
        """Return `entry` of each depth, the embeddings for a base that is trained from there on.

        Raises:
            ConfigurationError: a depth is out of range.
        """
        found = {}
        for depth in depths:
            self._check_depth(depth)
            found[depth] = self.entry(depth) or CutPoint(0)
        return found

    def starts(
        self,
        batch: Batch,
        cut_points: Iterable[CutPoint],
        *,
        start_at: Callable[[CutPoint], ActivationsAt | None] | None = None,
    ) -> dict[CutPoint, ActivationsAt]:
        """Return where to take up a run at each cut point, lowest first, from one run of the base.

        Args:
            start_at: as for `at_depths`.
        """
        plain = LayerRun(token_index=self.token_index(batch))
        found: dict[CutPoint, ActivationsAt] = {}
        trunk: ActivationsAt | None = None
        for cut_point in sorted(set(cut_points)):
            stored = start_at(cut_point) if start_at is not None else None
            if stored is not None and (
                trunk is None or trunk.cut_point.unsummed < stored.cut_point.unsummed
            ):
                trunk = stored
            trunk = trunk or self.backbone.begin(batch)
            trunk = self.backbone.run_between(trunk, batch, plain, stop=cut_point)
            found[cut_point] = trunk
        return found

    def frozen(
        self, batch: Batch, cut_points: Collection[CutPoint], *, start: ActivationsAt | None = None
    ) -> dict[CutPoint, Activations]:
        """Return the activations at each cut point of the frozen part, in one run without adapters.

        Behind the attention of the highest layer that is the tokens only that the head reads,
        (b, 1, d) each; otherwise (b, s, d). Call it in evaluation mode.

        Args:
            start: what this returned before for the lowest of them or below, of all tokens.
        """
        run = LayerRun(token_index=self.token_index(batch))
        found: dict[CutPoint, Activations] = {}
        reached = start or self.backbone.begin(batch)
        for cut_point in sorted(cut_points):
            reached = self.backbone.run_between(reached, batch, run, stop=cut_point)
            found[cut_point] = reached.activations.at(cut_point)
        return found

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

    def train_from(self, drop_depth: int, *, frozen_dropout: bool) -> None:
        """Switch to training mode for batches that drop `drop_depth` layers.

        Args:
            frozen_dropout: False switches dropout off in the embeddings and in all layers up to
                the lowest with an adapter, in which it would precede the adapter's input; so
                `entry` sees a pure function of the input. True leaves it on everywhere, as
                AdapterHub does. A backbone that is trained from the embeddings on has no such
                prefix.

        Raises:
            ConfigurationError: `drop_depth` is out of range.
        """
        self._check_depth(drop_depth)
        entry, dropout_from = self.entry(drop_depth), -1
        if not frozen_dropout and entry is not None:
            dropout_from = entry.layer + (entry.block is not Block.ENTRY)
        if self.training and self.backbone.dropout_from == dropout_from:
            return  # switching a hundred modules twice takes half a millisecond
        self.train()
        if dropout_from >= 0:
            self.backbone.set_dropout_from(dropout_from)

    def logits(self, h: Tensor, batch: Batch) -> Tensor:
        """Return the head's logits from last hidden states, (b, s, d) or (b, 1, d)."""
        backbone = self.backbone
        masked_lm = self.head.config.kind is HeadKind.MASKED_LM
        logits: Tensor = self.head(
            h,
            batch,
            causal=backbone.causal,
            pooler=backbone.pooler,
            embedding=backbone.token_embedding if masked_lm else None,
        )
        return logits

    def _trainable(self) -> dict[str, Tensor]:
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def _check_depth(self, drop_depth: int) -> None:
        if not 0 <= drop_depth <= self.backbone.layers_count:
            raise ConfigurationError(
                f"drop_depth must be 0…{self.backbone.layers_count} for "
                f"{self.backbone.identity.name}, found {drop_depth}"
            )


def _checked_labels(labels: Sequence[str], head: Head) -> tuple[str, ...]:
    names, count = tuple(labels), head.config.labels
    plain = not isinstance(labels, str) and all(isinstance(name, str) for name in names)
    if names and not (plain and len(set(names)) == len(names) == count):
        raise ConfigurationError(
            f"expected {count} different names as labels of this head or none, found "
            f"{shortened(labels)}"
        )
    return names


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
