"""What an adapter, a fusion or a head looks like, as plain frozen values without torch.

Legend for shapes: d hidden size, r bottleneck size, L layers of the base model.
"""

from dataclasses import dataclass
from enum import StrEnum

from adapter_lib.errors import ConfigurationError


class Placement(StrEnum):
    """Where in a layer the bottleneck sits."""

    PFEIFFER = "pfeiffer"  # after the feed-forward block only
    HOULSBY = "houlsby"  # after the attention block and after the feed-forward block


class NonLinearity(StrEnum):
    RELU = "relu"
    GELU = "gelu"
    SWISH = "swish"
    TANH = "tanh"


class Sharing(StrEnum):
    """Which layers use the same parameters (AdapterDrop, appendix on cross-layer sharing)."""

    NONE = "none"
    ALL_LAYERS = "all_layers"


class Initialisation(StrEnum):
    BERT = "bert"  # N(0, 0.02²), zero biases: AdapterHub's default
    HOULSBY = "houlsby"  # N(0, 0.01²) truncated at two standard deviations, zero biases


class HeadKind(StrEnum):
    CLASSIFICATION = "classification"
    REGRESSION = "regression"


@dataclass(frozen=True)
class AdapterConfig:
    """One bottleneck adapter per chosen layer: `down` d→r, a non-linearity, `up` r→d.

    Attributes:
        bottleneck_size: r, at least 1.
        drop_depth: number of lowest layers without adapter, 0…L-1 (specialised AdapterDrop).
    """

    bottleneck_size: int
    placement: Placement = Placement.PFEIFFER
    non_linearity: NonLinearity = NonLinearity.RELU
    sharing: Sharing = Sharing.NONE
    initialisation: Initialisation = Initialisation.BERT
    drop_depth: int = 0

    def __post_init__(self) -> None:
        if self.bottleneck_size < 1:
            raise ConfigurationError(
                f"bottleneck_size must be at least 1, found {self.bottleneck_size}; "
                "give a positive size or a smaller reduction factor"
            )
        if self.drop_depth < 0:
            raise ConfigurationError(
                f"drop_depth must be 0 or more, found {self.drop_depth}; 0 keeps every layer"
            )

    def parameter_sets(self, layers: int) -> int:
        """Count the distinct bottlenecks over a base of `layers` layers."""
        if self.drop_depth >= layers:
            return 0
        kept = 1 if self.sharing is Sharing.ALL_LAYERS else layers - self.drop_depth
        return kept * (2 if self.placement is Placement.HOULSBY else 1)

    def parameter_count(self, *, layers: int, hidden_size: int) -> int:
        """Count all weights and biases: 2·d·r + r + d for each parameter set (Houlsby, §2.1)."""
        per_set = 2 * hidden_size * self.bottleneck_size + self.bottleneck_size + hidden_size
        return self.parameter_sets(layers) * per_set


def bottleneck_from_reduction(hidden_size: int, reduction_factor: float) -> int:
    """Return ⌊d / factor⌋, at least 1, as AdapterHub computes it."""
    if reduction_factor <= 0:
        raise ConfigurationError(
            f"reduction_factor must be above 0, found {reduction_factor}; 16 is the usual choice"
        )
    return max(1, int(hidden_size // reduction_factor))


@dataclass(frozen=True)
class FusionConfig:
    """AdapterFusion (Pfeiffer et al. 2021): per token, attention over the sources' outputs.

    Attributes:
        value_off_diagonal: V starts as the identity with this value off the diagonal.
        regularisation: weight of ‖I − V‖²_F, summed over layers.
        dropout: on the raw scores before the softmax, while training.
        drop_depth: number of lowest layers without fusion.
    """

    value_off_diagonal: float = 1e-6
    regularisation: float = 0.01
    dropout: float = 0.1
    drop_depth: int = 0


@dataclass(frozen=True)
class HeadConfig:
    """Prediction head on token 0: two layers are dropout, d→d, tanh, dropout, d→labels.

    Attributes:
        labels: number of classes; 1 for regression.
        layers: 1 or 2 linear layers.
    """

    kind: HeadKind
    labels: int
    layers: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.layers not in (1, 2):
            raise ConfigurationError(f"a head has 1 or 2 layers, found {self.layers}")
        least = 1 if self.kind is HeadKind.REGRESSION else 2
        if self.labels < least or (self.kind is HeadKind.REGRESSION and self.labels != 1):
            raise ConfigurationError(
                f"a {self.kind} head needs {'exactly 1' if least == 1 else 'at least 2'} labels, "
                f"found {self.labels}; check the task's card"
            )
