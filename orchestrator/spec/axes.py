"""The axes of a sweep: what each setting may be, and conditions on them. A list makes a grid."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from adapter_lib.config.arrangement import Arrangement, NormAfter, Reading, Residual
from adapter_lib.config.configuration import Initialisation, NonLinearity, Placement, Sharing
from orchestrator.spec.values import (
    NULL_IS_A_VALUE,
    Count,
    Depth,
    Factor,
    Fraction,
    Length,
    Name,
    NotNegative,
    Number,
    OneOrMany,
    Positive,
    Section,
    Seed,
    Sizes,
)
from workers.contract.trial import (
    Batching,
    CacheDtype,
    DropMode,
    MeasuredDepths,
    Method,
    Optimiser,
    Precision,
    PruningOrder,
    Schedule,
)

Group = Annotated[Count, Field(ge=2)]


class ArrangementSetting(Section):
    """Residuals and norms around a bottleneck; `{}` is what the placement means."""

    reads: Reading | None = None
    residual: Residual = Residual.PROJECTION
    norm_before: bool = False
    norm_after: NormAfter = NormAfter.NONE
    base_norm_after: bool = True

    @classmethod
    def of(cls, value: Arrangement) -> Self:
        """Return the setting that stands for an arrangement."""
        return cls(**vars(value))

    @property
    def value(self) -> Arrangement:
        """The arrangement that this setting stands for."""
        return Arrangement(**dict(self))

    def __str__(self) -> str:
        return str(self.value)


class AdapterAxes(Section):
    """`layer_sizes` is a list of sizes, one per layer from the lowest, or a list of such lists."""

    placement: OneOrMany[Placement] | None = None
    bottleneck_size: OneOrMany[Count] | None = None
    reduction_factor: OneOrMany[Factor] | None = None
    non_linearity: OneOrMany[NonLinearity] | None = None
    initialisation: OneOrMany[Initialisation] | None = None
    layer_sizes: Sizes | None = None
    sharing: OneOrMany[Sharing] | None = None
    group_layers: OneOrMany[Group] | None = None
    scaling: OneOrMany[Positive] | None = None
    dropout: OneOrMany[Fraction] | None = None
    trained_norm: OneOrMany[bool] | None = None
    arrangement: OneOrMany[ArrangementSetting] | None = None
    start_from: OneOrMany[Name] | None = None

    @model_validator(mode="after")
    def _one_way_to_give_the_size(self) -> Self:
        sizes = ("bottleneck_size", "reduction_factor", "layer_sizes")
        given = [name for name in sizes if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of {', '.join(sizes)}, found {' and '.join(given)}")
        return self


class HeadAxes(Section):
    layers: OneOrMany[Annotated[Count, Field(le=2)]] | None = None
    use_pooler: OneOrMany[bool] | None = None
    dropout: OneOrMany[Fraction] | None = None


class FusionAxes(Section):
    """How a fusion attends. `value_off_diagonal: random` draws all of value."""

    query: OneOrMany[bool] | None = None
    key: OneOrMany[bool] | None = None
    value: OneOrMany[bool] | None = None
    query_before_norm: OneOrMany[bool] | None = None
    value_off_diagonal: OneOrMany[Number | Literal["random"]] | None = None
    regularisation: OneOrMany[NotNegative] | None = None
    dropout: OneOrMany[Fraction] | None = None


class DropAxes(Section):
    """`depth` belongs to `specialised`: numbers of lowest layers, or `all` for 0…L-1."""

    mode: OneOrMany[DropMode] | None = None
    depth: Literal["all"] | OneOrMany[Depth] | None = None
    measure: MeasuredDepths | None = None


class TrainingAxes(Section):
    optimiser: OneOrMany[Optimiser] | None = None
    learning_rate: OneOrMany[Positive] | None = None
    weight_decay: OneOrMany[NotNegative] | None = None
    schedule: OneOrMany[Schedule] | None = None
    warmup_fraction: OneOrMany[Fraction] | None = None
    batch_size: OneOrMany[Count] | None = None
    batching: OneOrMany[Batching] | None = None
    max_length: OneOrMany[Length] | None = None
    epochs: OneOrMany[Count] | None = None
    patience: Annotated[OneOrMany[Count | None] | None, NULL_IS_A_VALUE] = None
    gradient_clip: Annotated[OneOrMany[Positive | None] | None, NULL_IS_A_VALUE] = None
    frozen_dropout: OneOrMany[bool] | None = None
    cache_dtype: OneOrMany[CacheDtype] | None = None
    accumulate: OneOrMany[Count] | None = None
    precision: OneOrMany[Precision | Literal["auto"]] | None = None


class Condition(Section):
    """What a trial must be: every key given must hold, and a list holds when one value does.

    `null` stands for trials that do not have the axis, such as `keep: null`.
    """

    base_model: OneOrMany[Name] = ()
    task: OneOrMany[Name] = ()
    method: OneOrMany[Method] = ()
    seed: OneOrMany[Seed] = ()
    placement: OneOrMany[Placement | None] = ()
    bottleneck_size: OneOrMany[Count | None] = ()
    reduction_factor: OneOrMany[Positive | None] = ()
    non_linearity: OneOrMany[NonLinearity | None] = ()
    initialisation: OneOrMany[Initialisation | None] = ()
    layer_sizes: Sizes = ()
    sharing: OneOrMany[Sharing | None] = ()
    group_layers: OneOrMany[Group | None] = ()
    scaling: OneOrMany[Positive | None] = ()
    dropout: OneOrMany[Fraction | None] = ()
    trained_norm: OneOrMany[bool | None] = ()
    arrangement: OneOrMany[ArrangementSetting | None] = ()
    pretrained: OneOrMany[bool | None] = ()
    layers: OneOrMany[Count | None] = ()
    head_layers: OneOrMany[Count] = ()
    use_pooler: OneOrMany[bool] = ()
    head_dropout: OneOrMany[Fraction] = ()
    drop_mode: OneOrMany[DropMode] = ()
    drop_depth: OneOrMany[Depth] = ()
    drop_measure: OneOrMany[MeasuredDepths] = ()
    sources: OneOrMany[Count | None] = ()
    fusion_query: OneOrMany[bool | None] = ()
    fusion_key: OneOrMany[bool | None] = ()
    fusion_value: OneOrMany[bool | None] = ()
    query_before_norm: OneOrMany[bool | None] = ()
    value_off_diagonal: OneOrMany[Number | Literal["random"] | None] = ()
    regularisation: OneOrMany[NotNegative | None] = ()
    fusion_dropout: OneOrMany[Fraction | None] = ()
    keep: OneOrMany[Count | None] = ()
    pruning_order: OneOrMany[PruningOrder | None] = ()
    optimiser: OneOrMany[Optimiser] = ()
    learning_rate: OneOrMany[Positive] = ()
    weight_decay: OneOrMany[NotNegative] = ()
    schedule: OneOrMany[Schedule] = ()
    warmup_fraction: OneOrMany[Fraction] = ()
    batch_size: OneOrMany[Count] = ()
    batching: OneOrMany[Batching] = ()
    max_length: OneOrMany[Length] = ()
    epochs: OneOrMany[Count] = ()
    patience: OneOrMany[Count | None] = ()
    gradient_clip: OneOrMany[Positive | None] = ()
    frozen_dropout: OneOrMany[bool] = ()
    cache_dtype: OneOrMany[CacheDtype] = ()
    accumulate: OneOrMany[Count] = ()
    precision: OneOrMany[Precision] = ()

    @cached_property
    def given(self) -> Mapping[str, tuple[Any, ...]]:
        """Return axis → values that hold, for the keys that were given."""
        values = {key: getattr(self, key) for key in type(self).model_fields}
        return {key: chosen for key, chosen in values.items() if chosen}
