"""Which layers a finished adapter is measured without. Measuring is left to `workers.training`."""

from typing import Self

from pydantic import model_validator

from adapter_lib.config.settings import Count, Depth
from workers.contract.frozen import Frozen


class Removal(Frozen):
    """Which adapters leave a finished adapter: of one span of layers, or of layers drawn at random.

    Attributes:
        adapter_trial: which left it.
        first, last: of the span, both of them among what is removed.
        at_random: of so many layers with an adapter, drawn by the trial's seed; the ones that a
            smaller number draws are among them.
    """

    adapter_trial: str
    first: Depth | None = None
    last: Depth | None = None
    at_random: Count | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        span = self.first is not None and self.last is not None and self.first <= self.last
        alone = self.first is None and self.last is None
        if (self.at_random is None and not span) or (self.at_random is not None and not alone):
            raise ValueError("expected first and last of a span, or at_random")
        return self

    def __str__(self) -> str:
        if self.at_random is not None:
            return f"without {self.at_random} layer{'s' * (self.at_random > 1)} at random"
        one = self.first == self.last
        return f"without layer {self.first}" if one else f"without layers {self.first}-{self.last}"
