"""The axes of a sweep: each setting of a trial, as a key of the YAML, of conditions and of tables.

They are found where they are declared: a field of `Training`, `Drop`, `Pruning`, `Removal`,
`HeadSettings`, `AdapterConfig` or `FusionConfig` is an axis. Said here is what is no field of
these, and where sweeps take other values than a field does. A list makes a grid.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Le
from pydantic import AfterValidator, Field, model_validator

from adapter_lib.config.configuration import AdapterConfig, FusionConfig
from adapter_lib.config.settings import REQUIRED, annotations, usual_values
from orchestrator.spec.values import (
    Count,
    Depth,
    Factor,
    Name,
    Number,
    OneOrMany,
    Positive,
    Section,
    Seed,
    as_written,
    one_or_many,
    or_left_out,
    with_fields,
)
from workers.contract.head_settings import HeadSettings, usual_layers
from workers.contract.removal import Removal
from workers.contract.trial import (
    Drop,
    MeasuredDepths,
    Method,
    Precision,
    Pruning,
    Training,
    Trial,
)


@dataclass(frozen=True)
class Axis:
    """One setting of a trial.

    Attributes:
        name: in conditions and tables; in its section of the YAML it may have a shorter one.
        accepts: what it may be, as the type of a value in the YAML.
        read: its value in a trial; None where the trial has none.
        missing: whether there are trials without it.
        usual: its value where a sweep says nothing; `REQUIRED` for what is always said.
    """

    name: str
    accepts: Any
    read: Callable[[Trial], Any]
    missing: bool = False
    usual: Any = REQUIRED


_ACCEPTED: Mapping[str, Any] = {
    "group_layers": Annotated[Count, Ge(2)],
    "head_layers": Annotated[Count, Le(2)],
    "scaling": Positive,
    "value_off_diagonal": Number | Literal["random"],
}
"""What sweeps may say of a setting where that is not what its field may be."""
_READ_AS: Mapping[str, Mapping[Any, Any]] = {
    "group_layers": {1: None},
    "layer_sizes": {(): None},
    "value_off_diagonal": {None: "random"},
}
"""What a field's value is called where that is not the value itself; None for no such axis."""


def _fields(
    kind: type,
    part_of: Callable[[Trial], Any],
    *,
    prefix: str = "",
    bare: tuple[str, ...] = (),
    apart: tuple[str, ...] = (),
    missing: bool = False,
) -> dict[str, Axis]:
    """Return field → axis of a class.

    Args:
        part_of: what a trial has of it; None where there is none.
        prefix: of the axes' names, but for those that are `bare`.
        apart: fields that are no axes.
    """

    def axis(field: str, kind_of_value: Any, usual: Any) -> Axis:
        name = field if field in bare else f"{prefix}{field}"
        read_as = _READ_AS.get(name, {})

        def read(trial: Trial) -> Any:
            part = part_of(trial)
            if part is None:
                return None
            value = getattr(part, field)
            return read_as.get(value, value) if read_as else value

        accepts = _ACCEPTED.get(name) or as_written(kind_of_value)
        return Axis(name, accepts, read, missing, read_as.get(usual, usual))

    kinds, usual = annotations(kind), usual_values(kind)
    return {name: axis(name, kinds[name], usual[name]) for name in usual if name not in apart}


def _head_layers(trial: Trial) -> int:
    return trial.head.layers or usual_layers(trial.task.card)


ADAPTER = _fields(
    AdapterConfig, lambda trial: trial.adapter, apart=("drop_depth", "leave_out"), missing=True
)
HEAD = _fields(
    HeadSettings, lambda trial: trial.head, prefix="head_", bare=("use_pooler", "pooling")
)
HEAD["layers"] = replace(HEAD["layers"], read=_head_layers)
DROP = _fields(Drop, lambda trial: trial.drop, prefix="drop_")
FUSION = _fields(
    FusionConfig,
    lambda trial: trial.fusion.config if trial.fusion else None,
    prefix="fusion_",
    bare=("query_before_norm", "value_off_diagonal", "regularisation"),
    apart=("drop_depth",),
    missing=True,
)
PRUNING = _fields(
    Pruning,
    lambda trial: trial.pruning,
    prefix="pruning_",
    bare=("keep",),
    apart=("fusion_trial",),
    missing=True,
)
REMOVAL = _fields(
    Removal,
    lambda trial: trial.removal,
    prefix="removed_",
    apart=("adapter_trial",),
    missing=True,
)
TRAINING = _fields(Training, lambda trial: trial.training)


def _pretrained(trial: Trial) -> bool | None:
    return trial.start_from is not None if trial.adapter else None


def _sources(trial: Trial) -> int | None:
    return len(trial.fusion.sources) if trial.fusion else None


def _random_sources(trial: Trial) -> bool | None:
    return trial.fusion.random_sources if trial.fusion else None


_EVERY = (
    Axis("base_model", Name, lambda trial: trial.base.name),
    Axis("task", Name, lambda trial: trial.task.name),
    Axis("method", Method, lambda trial: trial.method),
    Axis("seed", Seed, lambda trial: trial.seed),
    *ADAPTER.values(),
    Axis("reduction_factor", Positive, lambda trial: trial.reduction_factor, missing=True),
    Axis("pretrained", bool, _pretrained, missing=True, usual=False),
    Axis("layers", Count, lambda trial: trial.top_layers, missing=True),
    *HEAD.values(),
    *DROP.values(),
    Axis("sources", Count, _sources, missing=True),
    Axis("random_sources", bool, _random_sources, missing=True, usual=False),
    *FUSION.values(),
    *PRUNING.values(),
    *REMOVAL.values(),
    *TRAINING.values(),
)
AXES: Mapping[str, Axis] = {axis.name: axis for axis in _EVERY}
"""A trial's coordinates, by the keys of `Condition`."""
assert len(AXES) == len(_EVERY), "two settings have one name; give those of one part a prefix"


SIZES = ("bottleneck_size", "reduction_factor", "layer_sizes")
"""Keys of an adapter that give its size, of which it has one."""


def _keys(axes: Mapping[str, Axis]) -> dict[str, Any]:
    """Return the keys of a section that may give each of these axes."""
    return {key: (or_left_out(axis.accepts), None) for key, axis in axes.items()}


class Axes(Section):
    """A section whose keys are axes."""

    @cached_property
    def given(self) -> Mapping[str, Any]:
        """Return axis → values, for the keys that were given."""
        values = {key: getattr(self, key) for key in type(self).model_fields}
        return {key: chosen for key, chosen in values.items() if chosen not in (None, ())}


@with_fields(_keys(ADAPTER))
class AdapterAxes(Axes):
    """`layer_sizes` is a list of sizes, one per layer from the lowest, or a list of such lists."""

    reduction_factor: OneOrMany[Factor] | None = None
    """Size = hidden size / factor, rounded down, at least 1; 16 where no size is given."""
    start_from: OneOrMany[Name] | None = None
    """`none`, as by default: random weights, as `initialisation` draws them; or a pre-training."""

    @model_validator(mode="after")
    def _one_way_to_give_the_size(self) -> Self:
        given = [name for name in SIZES if name in self.given]
        if len(given) > 1:
            raise ValueError(f"give one of {', '.join(SIZES)}, found {' and '.join(given)}")
        return self


@with_fields(_keys(HEAD))
class HeadAxes(Axes):
    """Settings of the prediction head."""


@with_fields(_keys(FUSION))
class FusionAxes(Axes):
    """How a fusion attends. `value_off_diagonal: random` draws all of value."""


@with_fields(_keys(DROP))
class DropAxes(Axes):
    """`depth` belongs to `specialised`: numbers of lowest layers, or `all` for 0…L-1."""

    depth: Literal["all"] | OneOrMany[Depth] | None = None
    measure: MeasuredDepths | None = None


@with_fields({key: (one_or_many(axis.accepts), ()) for key, axis in PRUNING.items()})
class PruningAxes(Axes):
    """How many sources of a fusion stay."""

    keep: OneOrMany[Count]


def _in_order(span: tuple[int, int]) -> tuple[int, int]:
    if span[0] > span[1]:
        raise ValueError("expected the lowest layer of a span and then its highest")
    return span


Span = Annotated[tuple[Depth, Depth], AfterValidator(_in_order)]


class RemovalAxes(Axes):
    """What leaves finished adapters: those of spans of layers, of layers drawn at random, or both,
    each by itself.
    """

    spans: Literal["all"] | Annotated[tuple[Span, ...], Field(min_length=1)] | None = None
    """The lowest and the highest layer of each span, `[[0, 4], [3, 3]]`, or `all` spans there are;
    one in which no layer has an adapter is left out."""
    at_random: OneOrMany[Count] | None = None
    """How many layers, drawn by the seed; what fewer draw is among what more draw."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.given:
            raise ValueError("expected `spans` or `at_random`")
        return self

    def of(self, layers: int) -> Iterator[dict[str, int]]:
        """Yield the fields of each `Removal` over a base of so many layers."""
        every = [(a, b) for a in range(layers) for b in range(a, layers)]
        for first, last in every if self.spans == "all" else self.spans or ():
            yield {"first": first, "last": last}
        for number in self.at_random or ():
            yield {"at_random": number}


@with_fields(_keys(TRAINING))
class TrainingAxes(Axes):
    """Settings of training. `precision: auto` is chosen when planning."""

    precision: OneOrMany[Precision | Literal["auto"]] | None = None


@with_fields(
    {
        name: (one_or_many(axis.accepts | None if axis.missing else axis.accepts), ())
        for name, axis in AXES.items()
    }
)
class Condition(Axes):
    """What a trial must be: every key given must hold, and a list holds when one value does.

    `null` stands for trials that do not have the axis, such as `keep: null`.
    """
