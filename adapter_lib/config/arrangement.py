"""Where an adapter sits, what it reads and is added to, and its norms, as values without torch.

With f the block's projection, a its residual and LN the layer's own norm, an adapter computes

    z = what it reads,  u = s·up(φ(down(z))),  o = u + r,  y = LN(o + a).

The defaults are what a placement means; the others are the variants that AdapterHub's
configurations have. The computation is in `adapter_lib.modules.block_output`.
"""

from dataclasses import dataclass
from enum import StrEnum

from adapter_lib.config.fields import settle
from adapter_lib.errors import ConfigurationError


class Reading(StrEnum):
    """What the bottleneck reads, z."""

    RESIDUAL = "residual"  # a: the adapter sits beside the block
    PROJECTION = "projection"  # f
    NORMED = "normed"  # LN(f + a)


class Placement(StrEnum):
    """Where in a layer the bottleneck sits."""

    PFEIFFER = "pfeiffer"  # after the feed-forward block only
    HOULSBY = "houlsby"  # after the attention block and after the feed-forward block
    PARALLEL = "parallel"  # beside the feed-forward block (He et al. 2022)

    @property
    def reads(self) -> Reading:
        """What a bottleneck there reads, unless its arrangement says otherwise."""
        match self:
            case Placement.PFEIFFER:
                return Reading.NORMED
            case Placement.HOULSBY:
                return Reading.PROJECTION
            case Placement.PARALLEL:
                return Reading.RESIDUAL


class Residual(StrEnum):
    """What is added to what the bottleneck gives, r."""

    PROJECTION = "projection"  # f
    SUM = "sum"  # f + a, for adapters that read `normed`
    NORMED = "normed"  # LN(f + a), for those too


class NormAfter(StrEnum):
    """Where a LayerNorm of the adapter's own follows."""

    NONE = "none"
    BOTTLENECK = "bottleneck"  # o = N(u) + r
    OUTPUT = "output"  # o = N(u + r), for adapters that do not read `residual`


@dataclass(frozen=True)
class Arrangement:
    """Residuals and norms around a bottleneck."""

    reads: Reading | None = None
    """z: a as `parallel` has it, f as `houlsby`, or LN(f + a) as `pfeiffer`; by default the
    placement's."""
    residual: Residual = Residual.PROJECTION
    """r: f, or f + a or LN(f + a) for adapters that read `normed`."""
    norm_before: bool = False
    """Whether a new LayerNorm precedes `down`."""
    norm_after: NormAfter = NormAfter.NONE
    """Whether a new LayerNorm follows u, or else o."""
    base_norm_after: bool = True
    """Whether LN(o + a) follows; otherwise y = o."""

    def __post_init__(self) -> None:
        settle(self)

    @property
    def own_norms(self) -> int:
        """How many LayerNorms each bottleneck has of its own."""
        return self.norm_before + (self.norm_after is not NormAfter.NONE)

    @property
    def adds_to_sum(self) -> bool:
        """Whether y = LN(u + (f + a)), so that f and a are needed as their sum alone for it."""
        return (
            self.residual is Residual.PROJECTION
            and self.norm_after is not NormAfter.OUTPUT
            and self.base_norm_after
        )

    def check(self, placement: Placement) -> None:
        """Check that a placement can have it, and that no other one means the same.

        Raises:
            ConfigurationError: it cannot, or one does.
        """
        reads = self.reads or placement.reads
        if self.reads is placement.reads:
            raise ConfigurationError(
                f"arrangement.reads={reads} is what placement {placement} reads anyway; leave it "
                "out"
            )
        one_block = placement is not Placement.HOULSBY
        if one_block and self.reads and Reading.RESIDUAL in (self.reads, placement.reads):
            other = Placement.PARALLEL if reads is Reading.RESIDUAL else Placement.PFEIFFER
            raise ConfigurationError(
                f"placement {placement} never reads {reads}, found arrangement.reads={reads}; "
                f"give placement {other} for it"
            )
        if self.residual is not Residual.PROJECTION and reads is not Reading.NORMED:
            raise ConfigurationError(
                f"arrangement.residual={self.residual} is for adapters that read "
                f"{Reading.NORMED}, found one of placement {placement} that reads {reads}"
            )
        if self.norm_after is NormAfter.OUTPUT and reads is Reading.RESIDUAL:
            raise ConfigurationError(
                f"arrangement.norm_after={NormAfter.OUTPUT} is for adapters behind their block, "
                f"found placement {placement} that reads {reads}; give {NormAfter.BOTTLENECK}"
            )

    def __str__(self) -> str:
        """Say what differs from the defaults, in few words."""
        words = [
            f"{name}={str(value).lower()}"
            for name, value in vars(self).items()
            if value != getattr(USUAL, name)
        ]
        return " ".join(words) or "usual"


USUAL = Arrangement()
"""What each placement means."""
