"""Which head a task needs, and what a sweep may set of it. No torch: the planner reads this."""

from typing import Literal

from pydantic import Field

from adapter_lib.config.configuration import HeadConfig, HeadKind
from workers.contract.frozen import Frozen
from workers.contract.task_card import TaskCard


class HeadSettings(Frozen):
    """What a sweep may set of a prediction head.

    Attributes:
        layers: linear layers; None is the usual number of the kind, see `usual_layers`.
        use_pooler: read the token through the base's own, frozen pooler.
    """

    layers: Literal[1, 2] | None = None
    use_pooler: bool = False
    dropout: float = Field(default=0.1, ge=0, lt=1)

    def __str__(self) -> str:
        parts = [] if self.layers is None else [f"{self.layers} layers"]
        if self.use_pooler:
            parts.append("pooler")
        if self.dropout != HeadSettings.model_fields["dropout"].default:
            parts.append(f"dropout {self.dropout:g}")
        return " ".join(parts)

    def over(self, card: TaskCard) -> "HeadSettings":
        """Return the same head said in one way only, so that a trial has one identity."""
        usual = self.layers == usual_layers(card)
        return self.model_copy(update={"layers": None}) if usual else self


def usual_layers(card: TaskCard) -> int:
    """Return 2 where a head reads one token and 1 where it reads every one, as AdapterHub's do."""
    return 2 if HeadKind(card.kind.value).reads_one_token else 1


def head_config(card: TaskCard, settings: HeadSettings) -> HeadConfig:
    """Return the configuration of a task's head.

    Raises:
        ConfigurationError: the kind of task has no such head.
    """
    kind = HeadKind(card.kind.value)
    fixed = {HeadKind.REGRESSION: 1, HeadKind.SPAN: 2, HeadKind.MULTIPLE_CHOICE: card.choices or 0}
    labels = fixed.get(kind, len(card.label_names))
    return HeadConfig(
        kind=kind,
        labels=labels,
        layers=settings.layers or usual_layers(card),
        dropout=settings.dropout,
        use_pooler=settings.use_pooler,
    )
