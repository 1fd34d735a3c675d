"""Which head a task needs, and what a sweep may set of it. No torch: the planner reads this."""

from typing import Annotated

from annotated_types import Ge, Le

from adapter_lib.config.configuration import HeadConfig, HeadKind, Pooling
from adapter_lib.config.settings import Fraction, Said, unusual_words
from workers.contract.frozen import Frozen
from workers.contract.task_card import TaskCard


class HeadSettings(Frozen):
    """What a sweep may set of a prediction head."""

    layers: Annotated[Annotated[int, Ge(1), Le(2)] | None, Said("{} layers")] = None
    """Linear layers: 2 where the head reads one token (classification, regression, multiple
    choice), 1 where it reads every one (spans, tags)."""
    use_pooler: Annotated[bool, Said("pooler")] = False
    """Read the first token through the base's own, frozen pooler; for heads on one token, over
    bases that have one."""
    pooling: Annotated[Pooling, Said("{} pooling")] = Pooling.TOKEN
    """What is read where a row has one prediction: `token`, the first real token, of a causal base
    the last; `mean`, the mean of all real ones, as sentence encoders are trained, and not through a
    pooler."""
    dropout: Fraction = 0.1
    """Before each linear layer."""

    def __str__(self) -> str:
        return " ".join(unusual_words(self))

    def over(self, card: TaskCard) -> "HeadSettings":
        """Return the same head said in one way only, so that a trial has one identity."""
        usual = self.layers == usual_layers(card)
        return self.model_copy(update={"layers": None}) if usual else self


def usual_layers(card: TaskCard) -> int:
    """Return 2 where a row has one prediction, 1 where every token has one, as AdapterHub's do."""
    return 2 if HeadKind(card.kind.value).answers_by_row else 1


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
        pooling=settings.pooling,
    )
