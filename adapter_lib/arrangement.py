"""What an adapter reads, what it is added to and which norms it has, as plain values without torch.

With f the block's projection, a its residual and LN the layer's own norm, an adapter computes

    z = what it reads,  u = s·up(φ(down(z))),  o = u + r,  y = LN(o + a).

The defaults are what a placement means; the others are the variants that AdapterHub's
configurations have. The computation is in `adapter_lib.site`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reading(StrEnum):
    """What the bottleneck reads, z."""

    RESIDUAL = "residual"  # a: the adapter sits beside the block
    PROJECTION = "projection"  # f
    NORMED = "normed"  # LN(f + a)


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
    """Residuals and norms around a bottleneck.

    Attributes:
        reads: what the bottleneck reads; None for what its placement reads.
        norm_before: a LayerNorm of the adapter's own, in front of `down`.
        base_norm_after: whether the base's residual and norm follow; without, y = o.
    """

    reads: Reading | None = None
    residual: Residual = Residual.PROJECTION
    norm_before: bool = False
    norm_after: NormAfter = NormAfter.NONE
    base_norm_after: bool = True

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
