"""What an adapter, a fusion or a head looks like, as plain frozen values without torch.

Each class checks all of its fields when it is made; an enumeration may be given by its word. A new
setting of an adapter or a fusion is one field with the text below it: sweeps, labels, tables and
the documentation find it there.

Legend for shapes: d hidden size, r bottleneck size, L layers of the base model.
"""

from dataclasses import dataclass
from enum import StrEnum
from numbers import Real
from typing import Annotated, Any

from annotated_types import Gt

from adapter_lib.config.arrangement import USUAL, Arrangement, Reading, Residual
from adapter_lib.config.arrangement import Placement as Placement
from adapter_lib.config.cut_points import Block, CutPoint
from adapter_lib.config.fields import LARGEST, refuse, settle
from adapter_lib.config.settings import Count, Depth, Fraction, NotNegative, Said, written
from adapter_lib.errors import ConfigurationError


class NonLinearity(StrEnum):
    RELU = "relu"
    GELU = "gelu"
    GELU_NEW = "gelu_new"  # its approximation by tanh, which old AdapterHub files mean by gelu
    SWISH = "swish"
    TANH = "tanh"


class Sharing(StrEnum):
    """Which layers use the same parameters (AdapterDrop, appendix on cross-layer sharing)."""

    NONE = "none"
    ALL_LAYERS = "all_layers"
    GROUPS = "groups"  # of consecutive layers, `group_layers` each


class Initialisation(StrEnum):
    BERT = "bert"  # N(0, 0.02²), zero biases: AdapterHub's default
    HOULSBY = "houlsby"  # N(0, 0.01²) truncated at two standard deviations, zero biases
    MAM = "mam"  # down as torch draws a linear layer, up and biases zero (He et al. 2022)


class HeadKind(StrEnum):
    """What a head predicts."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    MULTIPLE_CHOICE = (
        "multiple_choice"  # one score per choice; rows b·choices, an example's together
    )
    SPAN = "span"  # per token, whether an answer starts or ends there
    TOKEN_CLASSIFICATION = "token_classification"
    MASKED_LM = "masked_lm"  # per token, scores over the vocabulary

    @property
    def answers_by_row(self) -> bool:
        """Whether a row has one prediction, not every token its own."""
        return self in (self.CLASSIFICATION, self.REGRESSION, self.MULTIPLE_CHOICE)


class Pooling(StrEnum):
    """What of a row a head reads that gives one prediction for it."""

    TOKEN = "token"  # the first real one, of a causal base the last, as AdapterHub's heads
    MEAN = "mean"  # over all real tokens, as sentence encoders are trained


@dataclass(frozen=True)
class AdapterConfig:
    """One bottleneck adapter per chosen layer: `down` d→r, a non-linearity, `up` r→d."""

    bottleneck_size: Count
    """The size of the bottleneck, r."""
    placement: Placement = Placement.PFEIFFER
    """`pfeiffer`: behind the feed-forward block; `houlsby`: behind the attention block too;
    `parallel`: beside the feed-forward block."""
    non_linearity: Annotated[NonLinearity, Said("{}")] = NonLinearity.RELU
    """`gelu_new` is the approximation of `gelu` by tanh."""
    sharing: Sharing = Sharing.NONE
    """`all_layers`: one parameter set for all layers; `groups`: one for each group of consecutive
    layers."""
    initialisation: Initialisation = Initialisation.BERT
    """`bert`: N(0, 0.02²); `houlsby`: N(0, 0.01²) truncated at two standard deviations; `mam`:
    zeros going up, as torch draws a linear layer going down."""
    drop_depth: Depth = 0
    """Number of lowest layers without adapter, 0…L-1 (specialised AdapterDrop)."""
    initial_std: Annotated[Annotated[float, Gt(0)] | None, Said("initial std {}")] = None
    """The standard deviation of initial weights in place of the 0.02 or 0.01 of `initialisation`
    (Houlsby et al. 2019, figure 6, have 1e-7 to 1); not for `mam`."""
    scaling: Annotated[float, Said("scaled {}")] = 1.0
    """Of what the bottleneck adds; He et al. 2022 use 4 with `parallel`."""
    dropout: Fraction = 0.0
    """On what the bottleneck adds, in training."""
    layer_sizes: tuple[Count, ...] = ()
    """The bottleneck size of each layer from the lowest, as many as the base has; not with layers
    that share."""
    group_layers: Count = 1
    """For `groups`, and needed there: the layers of a group, counted from the lowest layer of the
    base; less than the base has."""
    trained_norm: Annotated[bool, Said("trained norms")] = False
    """Whether each layer with an adapter also trains copies of its two norms, as Houlsby et al.
    2019 do, and never shares them; for post-norm bases such as BERT. Such adapters cannot be
    fused."""
    arrangement: Annotated[Arrangement, Said("{}")] = USUAL
    """Residuals and norms around the bottleneck, where they are not the placement's."""
    leave_out: tuple[Depth, ...] = ()
    """Further layers without adapter, in any order. They come back ascending, and those that follow
    on the lowest ones as part of the drop depth: one adapter, one spelling."""

    def __post_init__(self) -> None:
        settle(self)
        self._settle_left_out()
        if self.layer_sizes and self.sharing is not Sharing.NONE:
            raise ConfigurationError(
                f"layers that share parameters have one size, found sharing={self.sharing} with "
                "layer_sizes; leave one of them out"
            )
        if (self.group_layers > 1) != (self.sharing is Sharing.GROUPS):
            raise ConfigurationError(
                f"group_layers is above 1 for sharing=groups and 1 otherwise, found "
                f"{self.group_layers} with sharing={self.sharing}"
            )
        if self.initial_std is not None and self.initialisation is Initialisation.MAM:
            raise ConfigurationError(
                f"initialisation=mam draws no normal numbers, found initial_std={self.initial_std} "
                "with it; leave one of them out"
            )
        self.arrangement.check(self.placement)
        used = self.arrangement.base_norm_after or self.reads is Reading.NORMED
        if self.trained_norm and not used:
            raise ConfigurationError(
                f"trained_norm trains the norms behind the blocks, which arrangement "
                f"({self.arrangement}) of an adapter that reads {self.reads} never applies; leave "
                "one of them out"
            )

    def _settle_left_out(self) -> None:
        depth, left_out = self.drop_depth, set(self.leave_out)
        while depth in left_out:
            depth += 1
        object.__setattr__(self, "drop_depth", depth)
        object.__setattr__(self, "leave_out", tuple(sorted(i for i in left_out if i > depth)))

    @property
    def reads(self) -> Reading:
        """What the bottleneck reads."""
        return self.arrangement.reads or self.placement.reads

    @property
    def reads_sum(self) -> bool:
        """Whether the sum of a block's projection and residual is all that the adapter needs."""
        found = self.arrangement
        apart = found.base_norm_after or found.residual is Residual.PROJECTION
        return self.reads is Reading.NORMED and (found.adds_to_sum or not apart)

    def layers_of(self, layers: int) -> tuple[int, ...]:
        """Return the layers with an adapter over a base of `layers` layers, ascending."""
        return tuple(i for i in range(self.drop_depth, layers) if i not in self.leave_out)

    def size(self, layer: int) -> int:
        """Return r of a layer."""
        return self.layer_sizes[layer] if self.layer_sizes else self.bottleneck_size

    def entry(self, layer: int) -> CutPoint:
        """Return the first point in a layer behind which its adapter changes anything."""
        houlsby = self.placement is Placement.HOULSBY
        if houlsby or self.trained_norm:
            return CutPoint(layer, Block.ATTENTION, summed=not houlsby or self.reads_sum)
        return CutPoint(layer, Block.FEED_FORWARD, summed=self.reads_sum)

    def parameter_set(self, layer: int) -> str:
        """Name what holds the parameters of a layer; layers that share them get the same name."""
        if self.sharing is Sharing.ALL_LAYERS:
            return "shared"
        if self.sharing is Sharing.GROUPS:
            return f"group{layer // self.group_layers}"
        return str(layer)

    def parameter_count(self, *, layers: int, hidden_size: int) -> int:
        """Count all weights and biases: 2·d·r + r + d for each parameter set (Houlsby, §2.1).

        Trained norms add 2·2·d for each layer with an adapter, norms of the adapter's own 2·d for
        each parameter set.
        """
        own = 2 * hidden_size * self.arrangement.own_norms
        sizes = self._sizes(layers).values()
        total = sum(2 * hidden_size * r + r + hidden_size + own for r in sizes)
        total *= 2 if self.placement is Placement.HOULSBY else 1
        norms = 4 * hidden_size * len(self.layers_of(layers))
        return total + (norms if self.trained_norm else 0)

    def as_fields(self) -> dict[str, Any]:
        """Return the fields as plain values, those added since version 1 only where not usual."""
        return written(self, always=_ALWAYS_WRITTEN)

    def _sizes(self, layers: int) -> dict[str, int]:
        return {self.parameter_set(i): self.size(i) for i in self.layers_of(layers)}


_ALWAYS_WRITTEN = (
    *("bottleneck_size", "placement", "non_linearity", "sharing", "initialisation", "drop_depth"),
)


def bottleneck_from_reduction(hidden_size: int, reduction_factor: float) -> int:
    """Return ⌊d / factor⌋, at least 1, as AdapterHub computes it.

    Raises:
        ConfigurationError: the factor is no number above 0, or so small that the size is above
            `LARGEST`.
    """
    known = isinstance(reduction_factor, Real) and not isinstance(reduction_factor, bool)
    if not known or not reduction_factor > 0:
        raise ConfigurationError(
            f"reduction_factor must be above 0, found {reduction_factor!r}; 16 is the usual choice"
        )
    size = hidden_size // reduction_factor
    if not size <= LARGEST:
        refuse("reduction_factor", f"at least {hidden_size / LARGEST:.1e}", reduction_factor)
    return max(1, int(size))


@dataclass(frozen=True)
class FusionConfig:
    """AdapterFusion (Pfeiffer et al. 2021): per token, attention over the sources' outputs."""

    value_off_diagonal: Annotated[
        float | None, Said("value off diagonal {}", none="random value off diagonal")
    ] = 1e-6
    """The matrix V starts as the identity with this off the diagonal; `random` (None in Python)
    draws all of it from N(0, 0.02²)."""
    regularisation: NotNegative = 0.01
    """Weight in the loss of ‖I − V‖²_F, the squared distance of V from the identity, summed over
    layers."""
    dropout: Fraction = 0.1
    """On the raw scores before the softmax, in training."""
    drop_depth: Depth = 0
    """Number of lowest layers without fusion."""
    query: bool = True
    """Whether the matrix Q is learned, or else the identity."""
    key: bool = True
    """Likewise K."""
    value: bool = True
    """Likewise V; without it, it is AdapterHub's static fusion."""
    query_before_norm: bool = False
    """Whether Q reads the feed-forward projection instead of what the adapters read."""

    def __post_init__(self) -> None:
        settle(self)
        if not (self.query or self.key or self.value):
            raise ConfigurationError(
                "a fusion learns at least one of query, key and value, found none of them"
            )

    def as_fields(self) -> dict[str, Any]:
        """Return the fields as plain values, as `AdapterConfig.as_fields` does."""
        first = ("value_off_diagonal", "regularisation", "dropout", "drop_depth")
        return written(self, always=first)


@dataclass(frozen=True)
class HeadConfig:
    """Prediction head: two layers are dropout, d→d, tanh, dropout, d→labels.

    Attributes:
        labels: number of classes or of choices; 1 for regression, 2 for spans (start and end),
            the vocabulary's size for masked language modelling.
        layers: 1 or 2 linear layers; of masked language modelling's two, the second is tied.
        use_pooler: read the token through the base's own, frozen pooler.
        pooling: read one token of a row, or the mean of all real ones.
    """

    kind: HeadKind
    labels: int
    layers: int = 2
    dropout: Fraction = 0.1
    use_pooler: bool = False
    pooling: Pooling = Pooling.TOKEN

    def __post_init__(self) -> None:
        settle(self)
        masked_lm = self.kind is HeadKind.MASKED_LM
        if self.layers not in ((2,) if masked_lm else (1, 2)):
            raise ConfigurationError(
                f"a {self.kind} head has {'' if masked_lm else '1 or '}2 layers, found "
                f"{self.layers}"
            )
        exactly = {HeadKind.REGRESSION: 1, HeadKind.SPAN: 2}.get(self.kind)
        if self.labels != exactly if exactly else self.labels < 2:
            raise ConfigurationError(
                f"a {self.kind} head needs {f'exactly {exactly}' if exactly else 'at least 2'} "
                f"labels, found {self.labels}; check the task's card"
            )
        by_row = self.kind.answers_by_row
        if self.use_pooler and not by_row:
            raise ConfigurationError(
                f"a pooler reads one token of a row, but a {self.kind} head reads every one; "
                "leave use_pooler out"
            )
        if self.pooling is not Pooling.TOKEN and not by_row:
            raise ConfigurationError(
                f"a {self.kind} head gives each token a prediction of its own, found "
                f"pooling={self.pooling}; leave pooling out"
            )
        if self.use_pooler and self.pooling is not Pooling.TOKEN:
            raise ConfigurationError(
                f"a pooler reads one token of a row, found use_pooler with pooling={self.pooling}; "
                "leave one of them out"
            )

    @property
    def reads_one_token(self) -> bool:
        """Whether a row's prediction is read from one of its tokens, not from every token."""
        return self.kind.answers_by_row and self.pooling is Pooling.TOKEN

    @property
    def outputs(self) -> int:
        """How many numbers the last layer gives for a token: one per label, or per choice."""
        return 1 if self.kind is HeadKind.MULTIPLE_CHOICE else self.labels

    def parameter_count(self, *, hidden_size: int, embedding_size: int | None = None) -> int:
        """Count the head's own weights and biases, without the base's pooler and embeddings.

        Args:
            embedding_size: of the base's tokens, for masked language modelling; d by default.
        """
        if self.kind is HeadKind.MASKED_LM:
            e = embedding_size or hidden_size
            return hidden_size * e + e + 2 * e + self.labels
        dense = hidden_size * hidden_size + hidden_size if self.layers == 2 else 0
        return dense + hidden_size * self.outputs + self.outputs

    def as_fields(self) -> dict[str, Any]:
        """Return the fields as plain values, as `AdapterConfig.as_fields` does."""
        return written(self, always=("kind", "labels", "layers", "dropout"))
