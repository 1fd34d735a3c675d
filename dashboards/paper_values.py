"""What papers say of speed, as values with their source, to stand beside measured ones.

Only what a primary source says, or is quoted by others and marked so. The single cells of
AdapterDrop's table 1 are not here: only its bounds could be verified.
"""

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.spec.measure_model import Against
from workers.contract.measurement import ROBUST, Action, Cell
from workers.contract.trial import Method


class Quantity(StrEnum):
    """What a value is of; papers say "faster" of both."""

    SPEED = "speed"  # the baseline's time divided by this one's
    SAVED = "saved"  # the share of the baseline's time that is saved
    SAVED_A_LAYER = "saved_a_layer"  # the same for each dropped layer


@dataclass(frozen=True)
class PaperValue:
    """One number of a paper.

    Attributes:
        low, high: the same for a single number; `low` is None of an "up to".
        source: paper, table and column.
        quoted: whether it was read in another text about the paper, not in the paper.
    """

    quantity: Quantity
    low: float | None
    high: float
    source: str
    quoted: bool = False

    def __str__(self) -> str:
        of = share if self.quantity is not Quantity.SPEED else _ratio
        if self.low is None:
            return f"up to {of(self.high)}"
        text = of(self.high) if self.low == self.high else f"{of(self.low)}–{of(self.high)}"
        return f"{text} (quoted)" if self.quoted else text


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def share(value: float) -> str:
    """Return a share in percent."""
    return f"{value:.1%}".replace("%", " %").replace("-", "−")


_ADAPTERDROP = "Rücklé et al. 2021 (AdapterDrop)"

AGAINST_FULL = {
    Action.TRAIN: PaperValue(
        Quantity.SPEED, None, 1.60, f"{_ADAPTERDROP}, table 1, training: up to 60 % faster"
    ),
    Action.INFER: PaperValue(
        Quantity.SPEED, 0.94, 0.96, f"{_ADAPTERDROP}, table 1, inference: 94 to 96 % of the speed"
    ),
}
"""Adapters in every layer against full fine-tuning."""

LAYER_SHARED = {
    tasks: PaperValue(
        Quantity.SAVED_A_LAYER,
        saved,
        saved,
        f"{_ADAPTERDROP}, table 2, speedup (each layer), {tasks} simultaneous tasks",
    )
    for tasks, saved in {2: 0.043, 4: 0.066, 8: 0.078, 16: 0.084}.items()
}
"""Tasks at once → time saved for each layer that they share; of a base of 12 layers."""

_FUSION_COLUMNS = {
    (Against.FULL_FINE_TUNING, Action.TRAIN): ("AF/FullFT train", (0.92, 0.53, 0.33)),
    (Against.FULL_FINE_TUNING, Action.INFER): ("AF/FullFT infer", (0.64, 0.38, 0.24)),
    (Against.ADAPTER, Action.TRAIN): ("AF/Adapter train", (0.57, 0.33, 0.21)),
    (Against.ADAPTER, Action.INFER): ("AF/Adapter infer", (0.68, 0.40, 0.26)),
}
FUSION = {
    (against, action, adapters): PaperValue(
        Quantity.SPEED, value, value, f"{_ADAPTERDROP}, table 3, {column}, {adapters} adapters"
    )
    for (against, action), (column, values) in _FUSION_COLUMNS.items()
    for adapters, value in zip((2, 8, 16), values, strict=True)
}
"""A fusion of so many adapters, in the published form."""

ROBUST_TRAINING = PaperValue(
    Quantity.SAVED, 0.26, 0.26, f"{_ADAPTERDROP}: robust training steps 26 % faster", quoted=True
)
FUSION_WITHOUT_FIVE = PaperValue(
    Quantity.SAVED,
    0.26,
    0.26,
    f"{_ADAPTERDROP}, §5: a fusion of 8 without its five lowest layers, inference",
    quoted=True,
)


def paper_value(cell: Cell, against: Against) -> PaperValue | None:
    """Return what a paper says of a cell against a baseline; None where none is known to."""
    match cell.method, against:
        case Method.ADAPTER, Against.FULL_FINE_TUNING:
            plain = not cell.drop_depth and not cell.stored_prefix and cell.tasks == 1
            return AGAINST_FULL[cell.action] if plain else None
        case Method.ADAPTER, Against.NO_DROP if cell.tasks > 1:
            return LAYER_SHARED.get(cell.tasks) if cell.drop_depth else None
        case Method.ADAPTER, Against.NO_DROP:
            return ROBUST_TRAINING if cell.drop_depth == ROBUST else None
        case Method.FUSION, Against.NO_DROP:
            asked = (cell.adapters, cell.drop_depth, cell.action)
            return FUSION_WITHOUT_FIVE if asked == (8, 5, Action.INFER) else None
        case Method.FUSION, _ if not cell.drop_depth:
            return FUSION.get((against, cell.action, cell.adapters))
    return None
