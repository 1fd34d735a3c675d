"""A block's projection, residual and norm: what an adapter reads, and what the output becomes.

Legend for shapes: b batch, s tokens, d hidden.
"""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from adapter_lib.config.arrangement import Arrangement, NormAfter, Reading, Residual
from adapter_lib.transformer.architectures import Norm


@dataclass(frozen=True)
class BlockOutput:
    """Attributes:
    x: the block's projection f, (b, s, d).
    residual: what it adds to, a, (b, s, d).
    norm: that follows; the identity in pre-norm architectures.
    """

    x: Tensor
    residual: Tensor
    norm: Norm

    @cached_property
    def total(self) -> Tensor:
        """f + a, (b, s, d)."""
        return self.x + self.residual

    @cached_property
    def normed(self) -> Tensor:
        """LN(f + a), (b, s, d): the output without adapter."""
        return self.norm(self.total)

    def read(self, reads: Reading) -> Tensor:
        """Return what a bottleneck reads, z, (b, s, d)."""
        match reads:
            case Reading.RESIDUAL:
                return self.residual
            case Reading.PROJECTION:
                return self.x
            case Reading.NORMED:
                return self.normed

    def finish(
        self, added: Tensor, arrangement: Arrangement, norm_after: Norm | None = None
    ) -> Tensor:
        """Return the output y, (b, s, d), from what a bottleneck gives, u, (b, s, d).

        Args:
            norm_after: the adapter's own, where the arrangement has one.
        """
        if norm_after is not None and arrangement.norm_after is NormAfter.BOTTLENECK:
            added = norm_after(added)
        if arrangement.adds_to_sum:
            return self.norm(added + self.total)
        output = added + self._around(arrangement.residual)
        if norm_after is not None and arrangement.norm_after is NormAfter.OUTPUT:
            output = norm_after(output)
        if not arrangement.base_norm_after:
            return output
        return self.norm(output + self.residual)

    def _around(self, residual: Residual) -> Tensor:
        match residual:
            case Residual.PROJECTION:
                return self.x
            case Residual.SUM:
                return self.total
            case Residual.NORMED:
                return self.normed
