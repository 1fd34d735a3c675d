"""A trial: one configuration with one seed, named by a hash of all that determines its result.

No torch here: the planner builds a hundred thousand of these in seconds. How a trial is run is
left to `workers.running.bundle`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

from pydantic import Field, model_validator

from adapter_lib.config.arrangement import USUAL
from adapter_lib.config.configuration import AdapterConfig, FusionConfig, NonLinearity, Sharing
from workers.contract.frozen import Frozen, renamed
from workers.contract.head_settings import HeadSettings
from workers.contract.task_card import Metric, TaskRef

RECIPE_VERSION = 6
"""Raised by one whenever a change in the code changes what a trial results in."""


class Method(StrEnum):
    PRETRAINING = "pretraining"  # an adapter by masked language modelling, to start others from
    ADAPTER = "adapter"
    FULL_FINE_TUNING = "full_fine_tuning"
    TOP_LAYERS = "top_layers"  # full fine-tuning of the highest layers alone
    LAYER_NORM = "layer_norm"  # the weights of every norm of the base, and nothing else
    HEAD_ONLY = "head_only"
    FUSION = "fusion"
    PRUNED_FUSION = "pruned_fusion"

    @property
    def trains_base(self) -> bool:
        """Whether weights of the base change, so that no adapter files are left."""
        return self in (self.FULL_FINE_TUNING, self.TOP_LAYERS, self.LAYER_NORM)


class DropMode(StrEnum):
    """How AdapterDrop is trained (Rücklé et al. 2021, §3)."""

    NONE = "none"  # adapters in every layer; measured at every depth without training for it
    SPECIALISED = "specialised"  # one fixed depth
    ROBUST = "robust"  # a depth drawn for every batch


class MeasuredDepths(StrEnum):
    """Where adapters that were trained in every layer are measured on validation."""

    ALL = "all"  # at every depth
    OWN = "own"  # with no layer dropped, as they were trained


class Optimiser(StrEnum):
    ADAMW = "adamw"
    ADAM = "adam"
    SGD = "sgd"


class Schedule(StrEnum):
    LINEAR = "linear"
    COSINE = "cosine"
    CONSTANT = "constant"


class Precision(StrEnum):
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"  # autocast; parameters and optimiser stay in float32


class Batching(StrEnum):
    """Which rows make up a training batch."""

    RANDOM = "random"  # any rows, as a plain data loader draws them
    BY_LENGTH = "by_length"  # rows of similar lengths: little padding, and less random batches


class CacheDtype(StrEnum):
    """As what the frozen part of the base is stored between trials."""

    FLOAT32 = "float32"  # exactly as it is computed
    FLOAT16 = "float16"  # in half the space, rounded to about 0.03 %


class BaseModelRef(Frozen):
    """A frozen transformer, pinned.

    Attributes:
        name: the sweep's short word for it; not part of its identity.
        source: `hub:REPO`, `folder:PATH` or `package:DISTRIBUTION`.
        revision: the full commit for a Hub repository, otherwise None.
        identity: `hub:REPO@COMMIT`, or `sha256:…` over weights and tokenizer.
        longest_sequence: for how many tokens it has positions; None for any number or not known.
        norms_follow_blocks: whether there are norms that `trained_norm` can train; None: not known.
        has_pooler: whether there is one that `use_pooler` can read; None: not known.
    """

    name: str
    source: str
    revision: str | None = None
    identity: str
    layers: int
    hidden_size: int
    longest_sequence: int | None = None
    norms_follow_blocks: bool | None = None
    has_pooler: bool | None = None


class Drop(Frozen):
    mode: DropMode = DropMode.NONE
    depth: int = 0
    """The fixed depth of specialised training; 0 otherwise."""
    measure: MeasuredDepths = MeasuredDepths.ALL
    """Of mode `none` alone: a specialised adapter is measured at its depth, a robust one at all."""


class Training(Frozen):
    """How parameters are fitted; everything in it changes the result."""

    optimiser: Optimiser = Optimiser.ADAMW
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Schedule = Schedule.LINEAR
    warmup_fraction: float = Field(default=0.0, ge=0, lt=1)
    batch_size: int = Field(default=32, ge=1)
    batching: Batching = Batching.RANDOM
    max_length: int = Field(default=128, ge=8)
    epochs: int = Field(default=10, ge=1)
    patience: int | None = Field(default=None, ge=1)
    gradient_clip: float | None = Field(default=1.0, gt=0)
    frozen_dropout: bool = False
    """Whether what lies below the lowest adapter keeps dropout on, as AdapterHub does."""
    cache_dtype: CacheDtype = CacheDtype.FLOAT32
    precision: Precision = Precision.FLOAT32
    accumulate: int = Field(default=1, ge=1)
    """Batches whose gradients are averaged before each step of the optimiser."""

    @model_validator(mode="before")
    @classmethod
    def _earlier_names(cls, data: Any) -> Any:
        return renamed(data, prefix_dropout="frozen_dropout", prefix_type="cache_dtype")


class PruningOrder(StrEnum):
    """How adapters leave a fusion."""

    AT_ONCE = "at_once"  # by the attention of the whole fusion, as AdapterDrop does
    ONE_BY_ONE = "one_by_one"  # the least attended of each layer, then attention is measured anew


class FusionSource(Frozen):
    """The trials that may stand for one task in a fusion; the best finished one is taken."""

    task: str
    candidates: tuple[str, ...] = Field(min_length=1)


class Fusion(Frozen):
    sources: tuple[FusionSource, ...]
    config: FusionConfig = FusionConfig()


class Pruning(Frozen):
    fusion_trial: str
    keep: int = Field(ge=1)
    order: PruningOrder = PruningOrder.AT_ONCE


class Trial(Frozen):
    """One configuration with one seed.

    Attributes:
        top_layers: how many of the highest layers are trained, for that method only.
        start_from: the trial that pre-trained the adapter; None starts from random weights.
        reduction_factor: by which the bottleneck's size was asked for; None where the size itself
            was. Only the size changes the result, so it is no part of the identity.
        fast_path: whether workers share what they compute, as the sweep says. Without, dropout is
            drawn in another way, from which other results follow.
    """

    method: Method
    base: BaseModelRef
    task: TaskRef
    seed: int = Field(ge=0)
    training: Training
    adapter: AdapterConfig | None = None
    drop: Drop = Drop()
    fusion: Fusion | None = None
    pruning: Pruning | None = None
    top_layers: int | None = Field(default=None, ge=1)
    head: HeadSettings = HeadSettings()
    start_from: str | None = None
    reduction_factor: float | None = Field(default=None, gt=0)
    fast_path: bool = True

    @model_validator(mode="after")
    def _parts_fit_the_method(self) -> Self:
        wanted = {
            "adapter": self.method in (Method.ADAPTER, Method.PRETRAINING),
            "fusion": self.method is Method.FUSION,
            "pruning": self.method is Method.PRUNED_FUSION,
            "top_layers": self.method is Method.TOP_LAYERS,
        }
        for part, expected in wanted.items():
            if (getattr(self, part) is not None) != expected:
                raise ValueError(
                    f"a trial of method {self.method} {'needs' if expected else 'has no'} {part}"
                )
        if self.start_from is not None and self.method is not Method.ADAPTER:
            raise ValueError(f"a trial of method {self.method} has no start_from")
        return self

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that determines the result, and nothing else: no names, no paths."""
        # A setting that came later stays out at its default: it must rename no old trial.
        later = {name for name, default in _LATER.items() if getattr(self, name) == default}
        apart = {"base", "task", "adapter", "reduction_factor"}
        content = self.model_dump(mode="json", exclude=apart | later)
        content["adapter"] = self.adapter and self.adapter.as_fields()
        if self.fusion is not None:
            content["fusion"]["config"] = self.fusion.config.as_fields()
        if "head" in content:
            content["head"] = self.head.model_dump(mode="json", exclude_defaults=True)
        for part, name in _LATER_IN_PARTS:
            value = getattr(self, part)
            if value is not None and getattr(value, name) == type(value).model_fields[name].default:
                del content[part][name]
        content["recipe"] = RECIPE_VERSION
        content["base"] = self.base.identity
        content["task"] = {"name": self.task.name, "fingerprint": self.task.fingerprint}
        return content

    @cached_property
    def trial_id(self) -> str:
        """Return the hash that names this trial everywhere, 20 hexadecimal digits."""
        return content_hash(self.identity)

    @property
    def parents(self) -> tuple[str, ...]:
        """Return the trials that must be done before this one can start."""
        if self.fusion is not None:
            ids: Iterable[str] = (c for s in self.fusion.sources for c in s.candidates)
            return tuple(dict.fromkeys(ids))
        if self.start_from is not None:
            return (self.start_from,)
        return (self.pruning.fusion_trial,) if self.pruning is not None else ()

    @property
    def metric(self) -> Metric:
        """Return what selects and ranks: the task's primary metric, or pre-training's own."""
        pretraining = self.method is Method.PRETRAINING
        return Metric.MASKED_ACCURACY if pretraining else self.task.card.metric

    @property
    def label(self) -> str:
        """Return a short line that says what this trial is, but not how it is trained.

        What else tells it from its neighbours is said by `orchestrator.planning.settings`, which
        knows them.
        """
        words = [self.task.name, self.method.value.replace("_", " ")]
        if self.adapter is not None:
            words += adapter_words(self.adapter, self.reduction_factor)
        if self.start_from is not None:
            words.append("pre-trained")
        if self.top_layers is not None:
            words.append(f"of {self.top_layers}")
        if self.fusion is not None:
            words.append(f"of {len(self.fusion.sources)}")
            words += fusion_words(self.fusion.config)
        if self.pruning is not None:
            words.append(f"keep {self.pruning.keep}")
            if self.pruning.order is PruningOrder.ONE_BY_ONE:
                words.append("one by one")
        if self.drop.mode is DropMode.SPECIALISED:
            words.append(f"drop {self.drop.depth}")
        elif self.drop.mode is DropMode.ROBUST:
            words.append("drop robust")
        elif self.drop.measure is MeasuredDepths.OWN:
            words.append("measured at depth 0")
        if self.head != HeadSettings():
            words.append(f"head {self.head}")
        if not self.fast_path:
            words.append("plain path")
        return " · ".join([*words, f"seed {self.seed}"])


_LATER_IN_PARTS = (
    ("drop", "measure"),
    ("training", "accumulate"),
    ("training", "cache_dtype"),
    ("pruning", "order"),
)
_LATER: dict[str, Any] = {
    "top_layers": None,
    "head": HeadSettings(),
    "start_from": None,
    "fast_path": True,
}


def adapter_words(adapter: AdapterConfig, reduction_factor: float | None = None) -> Iterator[str]:
    """Say what an adapter is, in short, as far as it is not the usual."""
    size = "-".join(map(str, adapter.layer_sizes)) or str(adapter.bottleneck_size)
    asked = "" if reduction_factor is None else f" (d/{reduction_factor:g})"
    yield f"{adapter.placement} r{size}{asked}"
    if adapter.sharing is not Sharing.NONE:
        groups = f" by {adapter.group_layers}" if adapter.sharing is Sharing.GROUPS else ""
        yield f"shared{groups}"
    if adapter.non_linearity is not NonLinearity.RELU:
        yield adapter.non_linearity.value
    if adapter.scaling != 1.0:
        yield f"scaled {adapter.scaling:g}"
    if adapter.dropout:
        yield f"dropout {adapter.dropout:g}"
    if adapter.trained_norm:
        yield "trained norms"
    if adapter.arrangement != USUAL:
        yield str(adapter.arrangement)


def fusion_words(config: FusionConfig) -> Iterator[str]:
    """Say how a fusion attends, in short, as far as it is not the usual."""
    usual = FusionConfig(drop_depth=config.drop_depth)
    for name, value in vars(config).items():
        if value != getattr(usual, name):
            words = name.replace("_", " ")
            yield {True: words, False: f"no {words}", None: f"random {words}"}.get(
                value, f"{words} {value:g}" if isinstance(value, float) else f"{words} {value}"
            )


def content_hash(content: Any) -> str:
    """Return 20 hexadecimal digits of SHA-256 over canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
