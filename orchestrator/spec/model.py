"""What a sweep YAML may say. Every axis is a value or a list; a list makes a grid.

What the words mean together (which combinations there are, which are impossible) is left to
`orchestrator.planner`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from adapter_lib.configuration import Initialisation, NonLinearity, Placement, Sharing
from workers.tasks.card import Columns, Metric, RowLimits, Split
from workers.trial import DropMode, Method, Optimiser, Precision, Schedule

T = TypeVar("T")


def _as_tuple(value: Any) -> Any:
    """Turn a single value into a grid of one; an empty list is caught by the length check."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"expected a number, found {str(value).lower()}")
    return value


OneOrMany = Annotated[tuple[T, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
Whole = Annotated[int, BeforeValidator(_no_boolean)]
Number = Annotated[float, BeforeValidator(_no_boolean)]
Positive = Annotated[Number, Field(gt=0)]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Count = Annotated[Whole, Field(ge=1)]
Depth = Annotated[Whole, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*$", max_length=80)]


class Section(BaseModel):
    """A part of the YAML: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BaseModelSpec(Section):
    """A base model: `hub:REPO`, `folder:PATH` (relative to the YAML) or `package:DISTRIBUTION`.

    `layers` and `hidden_size` let a Hub model be planned without reaching the Hub; a worker
    refuses a model that differs from them.
    """

    source: Annotated[str, Field(pattern=r"^(hub|folder|package):.+$")]
    revision: str | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    layers: Count | None = None
    hidden_size: Count | None = None


class TaskSpec(Section):
    """A task: exactly one of `hub` (a GLUE name such as `glue/rte`, or a dataset), `folder` or
    `builtin`.
    """

    hub: str | None = None
    folder: str | None = None
    builtin: str | None = None
    config: str | None = None
    revision: str | None = None
    splits: dict[Split, str] | None = None
    columns: Columns | None = None
    metric: Metric | None = None
    rows: RowLimits = RowLimits()
    validation_fraction: Annotated[Number, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [k for k in ("hub", "folder", "builtin") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a task has exactly one of hub, folder and builtin, found {given or 'none'}"
            )
        return self


class AdapterAxes(Section):
    placement: OneOrMany[Placement] | None = None
    bottleneck_size: OneOrMany[Count] | None = None
    reduction_factor: OneOrMany[Positive] | None = None
    non_linearity: OneOrMany[NonLinearity] | None = None
    initialisation: OneOrMany[Initialisation] | None = None
    sharing: OneOrMany[Sharing] | None = None

    @model_validator(mode="after")
    def _one_way_to_give_the_size(self) -> Self:
        if self.bottleneck_size is not None and self.reduction_factor is not None:
            raise ValueError("give bottleneck_size or reduction_factor, not both")
        return self


class DropAxes(Section):
    """`depth` belongs to `specialised`: numbers of lowest layers, or `all` for 0…L-1."""

    mode: OneOrMany[DropMode] | None = None
    depth: OneOrMany[Depth] | Literal["all"] | None = None


class TrainingAxes(Section):
    optimiser: OneOrMany[Optimiser] | None = None
    learning_rate: OneOrMany[Positive] | None = None
    weight_decay: OneOrMany[Annotated[Number, Field(ge=0)]] | None = None
    schedule: OneOrMany[Schedule] | None = None
    warmup_fraction: OneOrMany[Fraction] | None = None
    batch_size: OneOrMany[Count] | None = None
    max_length: OneOrMany[Annotated[Whole, Field(ge=8)]] | None = None
    epochs: OneOrMany[Count] | None = None
    patience: OneOrMany[Count | None] | None = None
    gradient_clip: OneOrMany[Positive | None] | None = None
    prefix_dropout: OneOrMany[bool] | None = None
    precision: OneOrMany[Precision] | None = None


class TrialGrid(Section):
    """One block of `trials`; what it leaves out is taken from the top of the YAML."""

    base_models: OneOrMany[Name] | None = None
    tasks: OneOrMany[Name] | None = None
    seeds: OneOrMany[Depth] | None = None
    method: OneOrMany[Method] | None = None
    adapter: AdapterAxes = AdapterAxes()
    drop: DropAxes = DropAxes()
    training: TrainingAxes = TrainingAxes()


class SourceSeed(StrEnum):
    SAME = "same"
    ANY = "any"


class SourceSelection(Section):
    """Which adapters of this sweep a fusion joins: the best finished one of each task among those
    that match `where`. `tasks` are names, or `all`, or `others` for all but the target.
    """

    tasks: OneOrMany[Name] = ("all",)
    where: Mapping[str, Any] = {}
    seed: SourceSeed = SourceSeed.SAME


class PruningAxes(Section):
    keep: OneOrMany[Count]


class FusionGrid(Section):
    """One block of `fusion`: an AdapterFusion for each target task, drop setting and seed."""

    base_models: OneOrMany[Name] | None = None
    targets: OneOrMany[Name] | None = None
    seeds: OneOrMany[Depth] | None = None
    sources: SourceSelection = SourceSelection()
    drop: DropAxes = DropAxes()
    training: TrainingAxes = TrainingAxes()
    pruning: PruningAxes | None = None


class Resources(Section):
    """What one worker takes. `gpus` may be a fraction; `pack_size` bounds the trials it runs in a
    row before it reports back to the scheduler.
    """

    cpus: Annotated[Number, Field(gt=0)] = 1
    gpus: Annotated[Number, Field(ge=0)] = 0
    max_workers: Count | None = None
    pack_size: Count = 4
    max_retries: Depth = 3


class Ranking(StrEnum):
    MEAN_OVER_SEEDS = "mean_over_seeds"  # the best configuration, then its best seed
    BEST_TRIAL = "best_trial"


class SelectRule(Section):
    """Which trial of a task becomes a version in the registry, under which alias.

    `metric` is `primary` or a metric's name; it is always read on validation.
    """

    alias: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")] = "champion"
    metric: Literal["primary"] | Metric = "primary"
    rank: Ranking = Ranking.MEAN_OVER_SEEDS
    tasks: OneOrMany[Name] | None = None
    where: Mapping[str, Any] = {}


class SweepSpec(Section):
    """One sweep YAML, checked part by part."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    description: str = ""
    base_models: Annotated[Mapping[Name, BaseModelSpec], Field(min_length=1)]
    tasks: Annotated[Mapping[Name, TaskSpec], Field(min_length=1)]
    seeds: OneOrMany[Depth] = (0,)
    method: OneOrMany[Method] = (Method.ADAPTER,)
    adapter: AdapterAxes = AdapterAxes()
    drop: DropAxes = DropAxes()
    training: TrainingAxes = TrainingAxes()
    trials: Annotated[tuple[TrialGrid, ...], Field(min_length=1)] = (TrialGrid(),)
    fusion: tuple[FusionGrid, ...] = ()
    exclude: tuple[Mapping[str, Any], ...] = ()
    resources: Resources = Resources()
    select: OneOrMany[SelectRule] = (SelectRule(),)
