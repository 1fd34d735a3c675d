"""What the YAML of `adaptersweep measure` may say: a base of some sizes, and blocks of cells.

Every axis of a block is a value or a list; lists make a grid. What cells come of it, and which of
them take turns, is left to `orchestrator.planning.measure_plan`.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from annotated_types import Ge
from pydantic import AfterValidator, Field, model_validator

from adapter_lib.config.configuration import Placement
from orchestrator.spec.values import (
    Count,
    Depth,
    Factor,
    NotNegative,
    OneOrMany,
    Section,
    Seed,
    SpecName,
    spelled,
)
from workers.contract.measurement import Action, FusionForm
from workers.contract.trial import Method, Precision

Device = Annotated[str, spelled(r"cpu|cuda(:[0-9]{1,3})?", "`cpu`, `cuda` or `cuda:N`")]
MEASURABLE = (Method.FULL_FINE_TUNING, Method.ADAPTER, Method.FUSION)


def _measurable(method: Method) -> Method:
    if method not in MEASURABLE:
        raise ValueError(f"expected one of {', '.join(MEASURABLE)}")
    return method


Measurable = Annotated[Method, AfterValidator(_measurable)]


class Against(StrEnum):
    """What a cell is compared with, at the same batch, length, device and precision."""

    FULL_FINE_TUNING = "full_fine_tuning"
    ADAPTER = "adapter"  # one in every layer, Pfeiffer's placement
    NO_DROP = "no_drop"  # the same with no layer dropped
    ONE_BY_ONE = "one_by_one"  # as many tasks, each in a pass of its own


class BaseSizes(Section):
    """The base model: a BERT of these sizes, or whatever a folder's `config.json` says.

    `source` is `folder:PATH`, relative to the YAML, or `package:DISTRIBUTION`. Weights are drawn at
    random in any case.
    """

    source: (
        Annotated[str, spelled(r"(folder|package):.+", "`folder:PATH` or `package:DISTRIBUTION`")]
        | None
    ) = None
    layers: Count | None = None
    hidden_size: Count | None = None
    heads: Count | None = None
    intermediate_size: Count | None = None
    vocabulary: Count = 30522
    positions: Count = 512

    @model_validator(mode="after")
    def _sizes_or_source(self) -> Self:
        sizes = [self.layers, self.hidden_size, self.heads, self.intermediate_size]
        if self.source is not None:
            if self.model_fields_set != {"source"}:
                raise ValueError("expected sizes or a `source`, which has them; drop one")
        elif self.layers is None or self.hidden_size is None:
            raise ValueError("expected `layers` and `hidden_size`, or a `source`; add them")
        elif self.hidden_size % (sizes[2] or max(1, self.hidden_size // 64)):
            raise ValueError(
                f"expected a number of `heads` that divides hidden_size {self.hidden_size}; add it"
            )
        return self


class MeasureBlock(Section):
    """A grid of cells, and what each is compared with."""

    title: str = ""
    method: OneOrMany[Measurable] = (Method.ADAPTER,)
    action: OneOrMany[Action] = (Action.TRAIN, Action.INFER)
    batch_size: OneOrMany[Count] = (32,)
    length: OneOrMany[Annotated[Count, Ge(2)]] = (128,)
    placement: OneOrMany[Placement] = (Placement.PFEIFFER,)
    drop_depth: OneOrMany[Depth | Literal["all", "robust"]] = (0,)
    tasks: OneOrMany[Count] = (1,)
    adapters: OneOrMany[Annotated[Count, Ge(2)]] | None = None
    form: OneOrMany[FusionForm] = (FusionForm.FOLDED, FusionForm.PUBLISHED)
    prefix: OneOrMany[Literal["computed", "stored"]] = ("computed",)
    against: OneOrMany[Against] = (Against.FULL_FINE_TUNING,)
    micro_batch_size: Count | None = None
    rounds: Annotated[Count, Field(le=1000)] | None = None

    @model_validator(mode="after")
    def _what_belongs_together(self) -> Self:
        given = self.model_fields_set
        for condition, problem in (
            (
                (Method.FUSION in self.method) != (self.adapters is not None),
                "`adapters` says how many a fusion joins; expected it with `method: fusion` alone",
            ),
            ("form" in given and Method.FUSION not in self.method, "`form` is of fusions alone"),
            (
                max(self.tasks) > 1
                and (self.action != (Action.INFER,) or self.method != (Method.ADAPTER,)),
                "several `tasks` at once are `method: adapter` with `action: infer`",
            ),
            (
                "stored" in self.prefix and self.method != (Method.ADAPTER,),
                "`prefix: stored` is of `method: adapter` alone",
            ),
            (
                "stored" in self.prefix and "robust" in self.drop_depth,
                "`prefix: stored` needs a drop depth, and `robust` has all of them",
            ),
            (
                "stored" in self.prefix and self.action != (Action.TRAIN,),
                "`prefix: stored` is of `action: train` alone",
            ),
            (
                Against.ONE_BY_ONE in self.against and max(self.tasks) == 1,
                "`against: one_by_one` needs several `tasks`",
            ),
        ):
            if condition:
                raise ValueError(problem)
        return self


class MeasureSpec(Section):
    """One YAML of `adaptersweep measure`, checked part by part."""

    name: SpecName
    description: str = ""
    base: BaseSizes
    device: OneOrMany[Device] = ("cpu",)
    precision: OneOrMany[Precision | Literal["auto"]] = (Precision.FLOAT32,)
    threads: Count = 1
    clock: Literal["auto", "wall", "cpu"] = "auto"
    reduction_factor: Factor = 16.0
    frozen_dropout: bool = True
    rounds: Annotated[Count, Field(le=1000)] = 5
    at_least_s: Annotated[NotNegative, Field(le=3600)] = 0.2
    seed: Seed = 0
    measure: Annotated[tuple[MeasureBlock, ...], Field(min_length=1)]
