"""What a sweep YAML may say. Every axis is a value or a list; a list makes a grid.

What the words mean together (which combinations there are, which are impossible) is left to
`orchestrator.planning.planner`.
"""

import math
import os.path
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchestrator.spec.axes import AdapterAxes, Condition, DropAxes, HeadAxes, TrainingAxes
from orchestrator.spec.blocks import FusionGrid, TrialGrid
from orchestrator.spec.termination import Budget, EarlyTermination
from orchestrator.spec.values import (
    LARGEST,
    Count,
    Depth,
    Name,
    NotNegative,
    Number,
    OneOrMany,
    Positive,
    Section,
    Seed,
    SpecName,
    no_booleans_within,
    spelled,
)
from workers.contract.decision_points import DecisionPoints
from workers.contract.fast_path import FastPath
from workers.contract.limits import Limits
from workers.contract.task_card import Columns, Metric, RowLimits, Split
from workers.contract.trial import Method


class BaseModelSpec(Section):
    """A base model: `hub:REPO`, `folder:PATH` (relative to the YAML) or `package:DISTRIBUTION`.

    `layers` and `hidden_size` let a Hub model be planned without reaching the Hub; a worker
    refuses a model that differs from them.
    """

    source: Annotated[
        str,
        spelled(r"(hub|folder|package):.+", "`hub:REPO`, `folder:PATH` or `package:DISTRIBUTION`"),
    ]
    revision: str | None = None
    sha256: Annotated[str, spelled(r"[0-9a-f]{64}", "64 hexadecimal digits")] | None = None
    layers: Count | None = None
    hidden_size: Count | None = None

    @model_validator(mode="after")
    def _one_way_to_pin(self) -> Self:
        hub = self.source.startswith("hub:")
        if hub and self.sha256 is not None:
            raise ValueError("a Hub model is pinned by `revision`, the full commit; drop `sha256`")
        if not hub and self.revision is not None:
            raise ValueError("only a Hub model has a revision; drop it, or pin with `sha256`")
        return self


def _countable(rows: RowLimits) -> RowLimits:
    if any(limit is not None and limit > LARGEST for limit in dict(rows).values()):
        raise ValueError(f"expected at most {LARGEST} rows of a split; leave it out to take all")
    return rows


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
    rows: Annotated[RowLimits, BeforeValidator(no_booleans_within), AfterValidator(_countable)] = (
        RowLimits()
    )
    validation_fraction: Annotated[Number, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [k for k in ("hub", "folder", "builtin") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                "a task has exactly one of hub, folder and builtin, found "
                + (" and ".join(given) or "none")
            )
        return self

    @model_validator(mode="after")
    def _nothing_that_would_be_ignored(self) -> Self:
        glue = self.hub is not None and self.hub.startswith("glue/")
        ignored = ["config", "splits"] if glue else []
        if self.hub is None:
            ignored = ["config", "revision", "splits"]
        for key in ignored:
            if getattr(self, key) is not None:
                where = "GLUE's own are built in" if glue else "only a task from the Hub has it"
                raise ValueError(f"`{key}` has no meaning here: {where}; drop it")
        return self


class PretrainingSpec(Section):
    """How adapters are pre-trained by masked language modelling before they learn a task.

    `texts` is the task whose texts are read, or `same` for the one that is learnt afterwards.
    """

    texts: Name = "same"
    training: TrainingAxes = TrainingAxes()


LEAST_SHARE = 0.01
"""Of a processor or GPU; Ray rounds to ten-thousandths."""
MOST_OF_A_NODE = 10_000


def _share(amount: float) -> float:
    if 0 < amount < LEAST_SHARE:
        raise ValueError(f"expected {LEAST_SHARE} or more")
    return amount


def _whole_above_one(gpus: float) -> float:
    if gpus > 1 and gpus != int(gpus):
        raise ValueError("expected a share of one GPU, or a whole number of them")
    return gpus


Processors = Annotated[Positive, Field(le=MOST_OF_A_NODE), AfterValidator(_share)]
Gpus = Annotated[
    NotNegative,
    Field(le=MOST_OF_A_NODE),
    AfterValidator(_share),
    AfterValidator(_whole_above_one),
]
_OWN_WORDS = ("CPU", "GPU", "memory", "object_store_memory")
"""What Ray calls resources of its own."""


def _custom_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,79}", name):
        raise ValueError("expected a letter, then up to 79 letters, digits or any of _ . : -")
    if name in _OWN_WORDS:
        raise ValueError("expected a name that is not one of Ray's own; give `cpus` or `gpus`")
    return name


def _custom_amount(amount: float) -> float:
    if amount > 1 and amount != int(amount):
        raise ValueError("expected a share of one, or a whole number")
    return amount


Custom = dict[
    Annotated[str, AfterValidator(_custom_name)],
    Annotated[
        Positive,
        Field(le=MOST_OF_A_NODE),
        AfterValidator(_share),
        AfterValidator(_custom_amount),
    ],
]
"""Resources that nodes were started with under these names, such as `a100`."""

BundleSize = Count | Literal["auto"]


class WorkerKind(Section):
    """A kind of workers, for the trials that meet `where`. What it leaves out is as for the others,
    and `custom` replaces theirs.
    """

    where: Condition
    cpus: Processors | None = None
    gpus: Gpus | None = None
    custom: Custom | None = None
    bundle_size: BundleSize | None = None


class Resources(Section):
    """What one worker takes. `gpus` may be a fraction; `bundle_size` bounds the trials it runs in a
    row before it reports back to the scheduler.
    """

    cpus: Processors = 1
    gpus: Gpus = 0
    custom: Custom | None = None
    max_workers: Count | None = None
    bundle_size: BundleSize = "auto"
    max_retries: Depth = 3
    kinds: tuple[WorkerKind, ...] = ()

    @property
    def trials_per_bundle(self) -> int:
        """Return `bundle_size`; by default enough for a GPU to train many in one pass."""
        if self.bundle_size != "auto":
            return self.bundle_size
        return 64 if self.gpus else 4

    def of_kind(self, number: int) -> "Resources":
        """Return what workers take of the kind that stands there in `kinds`; 0 for all others."""
        if not number:
            return self
        kind = self.kinds[number - 1]
        given = {name: value for name, value in kind if name != "where" and value is not None}
        return self.model_copy(update={**given, "kinds": ()})


def _of_a_known_user(folder: str) -> str:
    if os.path.expanduser(folder).startswith("~"):  # noqa: PTH111 - Path raises on unknown users
        raise ValueError("expected a folder, or `~` and a user of this machine")
    return folder


def _share_or_count(failures: float) -> float:
    if failures > 1 and failures != int(failures):
        raise ValueError("expected a whole number of trials, or a share of them below 1")
    return failures


class FastPathSpec(Section):
    """How much work is shared between trials; it changes no result beyond rounding and dropout.

    Dropout is drawn in another way where it is not `enabled`, so those are trials of their own.

    `cache_folder` is on a disk of each node's own.
    """

    enabled: bool = True
    cache_gib: Annotated[Number, Field(ge=0, le=1_000_000)] = 8.0
    cache_folder: Annotated[str, AfterValidator(_of_a_known_user)] | None = None
    pack_width: Count | Literal["auto"] = "auto"
    checkpoint_share: Annotated[Number, Field(ge=0, le=1)] = 0.01

    @property
    def settings(self) -> FastPath:
        """Return it as workers take it."""
        width = None if self.pack_width == "auto" else self.pack_width
        return FastPath.model_validate(self.model_dump() | {"pack_width": width})


class LimitsSpec(Section):
    """How long things may take, and how much may fail, before somebody should look.

    `failures` is a number of trials, or a share of all of them where it is below 1.
    """

    trial_s: Positive | None = None
    silent_s: Annotated[Number, Field(ge=1, le=86_400)] = 60.0
    nodes_s: Annotated[Number, Field(ge=0, le=86_400)] = 600.0
    failures: Annotated[NotNegative, Field(le=LARGEST), AfterValidator(_share_or_count)] | None = (
        None
    )

    @property
    def of_workers(self) -> Limits:
        """Return what workers keep to."""
        return Limits(trial_s=self.trial_s, silent_s=self.silent_s)

    def most_failures(self, trials: int) -> float:
        """Return how many of so many trials may fail."""
        if self.failures is None:
            return math.inf
        return self.failures * trials if 0 < self.failures < 1 else self.failures


class Ranking(StrEnum):
    MEAN_OVER_SEEDS = "mean_over_seeds"  # the best configuration, then its best seed
    BEST_TRIAL = "best_trial"


def _not_reserved(alias: str) -> str:
    if alias == "latest" or re.fullmatch(r"v[0-9]+", alias):
        raise ValueError(
            "expected an alias that MLflow does not keep for itself, as `latest` and `v1`"
        )
    return alias


class SelectRule(Section):
    """Which trial of a task becomes a version in the registry, under which alias.

    `metric` is `primary` or a metric's name; it is always read on validation.
    """

    alias: Annotated[
        str,
        spelled(r"[a-z][a-z0-9_-]*", "a lower-case letter, then letters, digits, `_` and `-`"),
        AfterValidator(_not_reserved),
        Field(max_length=80),
    ] = "champion"
    metric: Literal["primary"] | Metric = "primary"
    rank: Ranking = Ranking.MEAN_OVER_SEEDS
    tasks: OneOrMany[Name] | None = None
    where: Condition = Condition()


class SweepSpec(Section):
    """One sweep YAML, checked part by part."""

    name: SpecName
    description: str = ""
    base_models: Annotated[Mapping[Name, BaseModelSpec], Field(min_length=1)]
    tasks: Annotated[Mapping[Name, TaskSpec], Field(min_length=1)]
    seeds: OneOrMany[Seed] = (0,)
    method: OneOrMany[Method] = (Method.ADAPTER,)
    layers: OneOrMany[Count] | None = None
    adapter: AdapterAxes = AdapterAxes()
    drop: DropAxes = DropAxes()
    head: HeadAxes = HeadAxes()
    training: TrainingAxes = TrainingAxes()
    pretraining: Mapping[Name, PretrainingSpec] = {}
    trials: Annotated[tuple[TrialGrid, ...], Field(min_length=1)] = (TrialGrid(),)
    fusion: tuple[FusionGrid, ...] = ()
    exclude: tuple[Condition, ...] = ()
    resources: Resources = Resources()
    limits: LimitsSpec = LimitsSpec()
    early_termination: EarlyTermination | None = None
    stop: Budget | None = None
    fast_path: FastPathSpec = FastPathSpec()
    keep_predictions: bool = True
    select: OneOrMany[SelectRule] = (SelectRule(),)

    @property
    def decision_points(self) -> DecisionPoints | None:
        """Return when workers look whether a trial is to stop; None where nobody asks them to."""
        if self.early_termination is not None:
            return self.early_termination.decision_points
        return DecisionPoints() if self.stop is not None and self.stop.cuts_short else None
