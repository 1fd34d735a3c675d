"""One look for each kind of trial, everywhere: its name for people, colour, dash and shape.

Colours are those of Okabe and Ito (2008), which people of every kind of colour vision tell apart;
yellow is darkened, because the original one cannot be seen on white. Baselines are grey, and told
apart by dash and shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workers.contract.trial import DropMode, Method

BLUE, ORANGE, GREEN, SKY = "#0072B2", "#E69F00", "#009E73", "#56B4E9"
PURPLE, VERMILLION, YELLOW, GREY = "#CC79A7", "#D55E00", "#B8A200", "#7F7F7F"


@dataclass(frozen=True)
class Style:
    """How a kind of trial is drawn: dash as lengths of stroke and gap, shape as Vega names it."""

    title: str
    colour: str
    dash: tuple[int, ...] = (1, 0)
    shape: str = "circle"


class Look(StrEnum):
    """A kind of trial, as figures tell them apart."""

    STANDARD = "standard"  # adapters in every layer, trained without dropping
    SPECIALISED = "specialised"
    ROBUST = "robust"
    SHARED = "shared"  # one adapter for several layers
    FUSION = "fusion"
    ROBUST_FUSION = "robust_fusion"
    RANDOM_FUSION = "random_fusion"  # of adapters that no task has trained, as a control
    PRUNED_FUSION = "pruned_fusion"
    PRUNED_ADAPTER = "pruned_adapter"
    TOP_LAYERS = "top_layers"
    LAYER_NORM = "layer_norm"
    FULL_FINE_TUNING = "full_fine_tuning"
    HEAD_ONLY = "head_only"
    PRETRAINING = "pretraining"
    MAJORITY = "majority"

    @classmethod
    def of(cls, method: Method, mode: DropMode, sharing: object = None) -> "Look":
        """Return the look of a trial."""
        if method is Method.FUSION:
            return cls.FUSION if mode is DropMode.NONE else cls.ROBUST_FUSION
        if method is not Method.ADAPTER:
            return cls(method.value)
        if mode is DropMode.NONE:
            return cls.STANDARD if sharing in (None, "none") else cls.SHARED
        return cls.SPECIALISED if mode is DropMode.SPECIALISED else cls.ROBUST

    @property
    def style(self) -> Style:
        return STYLES[self]

    @property
    def shown(self) -> str:
        """Return its name for people."""
        return STYLES[self].title


STYLES: Mapping[Look, Style] = {
    Look.STANDARD: Style("standard", BLUE),
    Look.SPECIALISED: Style("specialised", ORANGE, shape="square"),
    Look.ROBUST: Style("robust", GREEN, shape="triangle-up"),
    Look.SHARED: Style("shared across layers", SKY, shape="diamond"),
    Look.FUSION: Style("fusion", PURPLE, shape="cross"),
    Look.ROBUST_FUSION: Style("fusion with AdapterDrop", VERMILLION, shape="triangle-down"),
    Look.RANDOM_FUSION: Style("fusion of random adapters", GREY, (8, 3, 2, 3), "cross"),
    Look.PRUNED_FUSION: Style("pruned fusion", PURPLE, shape="triangle-right"),
    Look.PRUNED_ADAPTER: Style("pruned adapter", BLUE, (2, 2), "triangle-down"),
    Look.TOP_LAYERS: Style("top layers", YELLOW, shape="square"),
    Look.LAYER_NORM: Style("norms only", GREY, (2, 2), "triangle-down"),
    Look.FULL_FINE_TUNING: Style("full fine-tuning", GREY, (6, 3), "square"),
    Look.HEAD_ONLY: Style("head only", GREY, (1, 3), "triangle-up"),
    Look.PRETRAINING: Style("pre-training", GREY, shape="diamond"),
    Look.MAJORITY: Style("majority", "#B0B0B0"),
}
COLOURS: Mapping[str, str] = {look.value: style.colour for look, style in STYLES.items()}
"""Kind of trial → its colour, for who draws without Vega."""
