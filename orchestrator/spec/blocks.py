"""The blocks of `trials` and `fusion`: a grid each, and what else may be asked for in one.

What `zip`, `points`, `sample` and `when` come to is left to `orchestrator.planning.variants`.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from orchestrator.spec.axes import (
    AdapterAxes,
    Condition,
    DropAxes,
    FusionAxes,
    HeadAxes,
    PruningAxes,
    RemovalAxes,
    TrainingAxes,
)
from orchestrator.spec.draws import Sampled, distributions
from orchestrator.spec.values import Count, Name, OneOrMany, Section, Seed, with_fields
from workers.contract.trial import Method


class Conditional(Section):
    """Axes that the trials of a block have where they meet a condition."""

    where: Condition

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.where.given:
            raise ValueError("expected a condition, such as `where: {task: rte}`, found none")
        if self.model_fields_set <= {"where"}:
            raise ValueError("expected axes beside `where`, such as `training: {epochs: 5}`")
        return self


class TrialChoice(Section):
    """What a block of `trials`, or a part of one, may say of trials."""

    base_models: OneOrMany[Name] | None = None
    tasks: OneOrMany[Name] | None = None
    seeds: OneOrMany[Seed] | None = None
    method: OneOrMany[Method] | None = None
    layers: OneOrMany[Count] | None = None
    adapter: AdapterAxes = AdapterAxes()
    drop: DropAxes = DropAxes()
    head: HeadAxes = HeadAxes()
    training: TrainingAxes = TrainingAxes()


@with_fields(
    dict(
        distributions(
            ("adapter", AdapterAxes),
            ("drop", DropAxes),
            ("head", HeadAxes),
            ("training", TrainingAxes),
            plain=("method", "layers"),
        )
    )
)
class TrialSample(Sampled):
    """Draws of trials; bases, tasks and seeds are the block's own for every draw."""


class TrialWhen(Conditional):
    """Conditional axes of trials. What else a block is about takes a block of its own."""

    seeds: OneOrMany[Seed] | None = None
    layers: OneOrMany[Count] | None = None
    adapter: AdapterAxes = AdapterAxes()
    drop: DropAxes = DropAxes()
    head: HeadAxes = HeadAxes()
    training: TrainingAxes = TrainingAxes()


class TrialGrid(TrialChoice):
    """One block of `trials`; what it leaves out is taken from the top of the YAML."""

    removal: RemovalAxes | None = None
    zip: OneOrMany[TrialChoice] = ()
    points: Annotated[tuple[TrialChoice, ...], Field(min_length=1)] = ()
    sample: TrialSample | None = None
    when: Annotated[tuple[TrialWhen, ...], Field(min_length=1)] = ()


class SourceSeed(StrEnum):
    SAME = "same"
    ANY = "any"


class SourceSelection(Section):
    """Which adapters of this sweep a fusion joins: the best finished one of each task among those
    that match `where`. `tasks` are names, or `all`, or `others` for all but the target. `random`
    joins adapters like these with random weights.
    """

    tasks: OneOrMany[Name] = ("all",)
    where: Condition = Condition()
    seed: SourceSeed = SourceSeed.SAME
    random: OneOrMany[bool] = (False,)


class FusionChoice(Section):
    """What a block of `fusion`, or a part of one, may say of fusions."""

    base_models: OneOrMany[Name] | None = None
    targets: OneOrMany[Name] | None = None
    seeds: OneOrMany[Seed] | None = None
    sources: SourceSelection = SourceSelection()
    config: FusionAxes = FusionAxes()
    drop: DropAxes = DropAxes()
    head: HeadAxes = HeadAxes()
    training: TrainingAxes = TrainingAxes()
    pruning: PruningAxes | None = None


@with_fields(
    dict(
        distributions(
            ("config", FusionAxes),
            ("drop", DropAxes),
            ("head", HeadAxes),
            ("training", TrainingAxes),
        )
    )
)
class FusionSample(Sampled):
    """Draws of fusions; bases, targets, seeds and sources are the block's own for every draw."""


class FusionWhen(Conditional):
    """Conditional axes of fusions."""

    seeds: OneOrMany[Seed] | None = None
    config: FusionAxes = FusionAxes()
    drop: DropAxes = DropAxes()
    head: HeadAxes = HeadAxes()
    training: TrainingAxes = TrainingAxes()
    pruning: PruningAxes | None = None


class FusionGrid(FusionChoice):
    """One block of `fusion`: an AdapterFusion for each target task, drop setting and seed."""

    zip: OneOrMany[FusionChoice] = ()
    points: Annotated[tuple[FusionChoice, ...], Field(min_length=1)] = ()
    sample: FusionSample | None = None
    when: Annotated[tuple[FusionWhen, ...], Field(min_length=1)] = ()
