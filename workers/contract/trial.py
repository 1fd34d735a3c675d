"""A trial: one configuration with one seed, named by a hash of all that determines its result.

No torch here: the planner builds a hundred thousand of these in seconds. How a trial is run is
left to `workers.running.bundle`.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Self

from annotated_types import Ge, Le
from pydantic import Field, model_validator

from adapter_lib.config.configuration import AdapterConfig, FusionConfig, Sharing
from adapter_lib.config.fields import LARGEST
from adapter_lib.config.settings import (
    Count,
    Depth,
    Fraction,
    NotNegative,
    Positive,
    Said,
    unusual_words,
    usual_values,
)
from workers.contract.frozen import Frozen, renamed
from workers.contract.head_settings import HeadSettings
from workers.contract.removal import Removal
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
    PRUNED_ADAPTER = "pruned_adapter"  # without the adapters of some layers, not trained again

    @property
    def trains_base(self) -> bool:
        """Whether weights of the base change."""
        return self in (self.FULL_FINE_TUNING, self.TOP_LAYERS, self.LAYER_NORM)

    @property
    def trains_nothing(self) -> bool:
        """Whether a part of a finished trial is measured as it is."""
        return self in (self.PRUNED_FUSION, self.PRUNED_ADAPTER)

    @property
    def leaves_files(self) -> bool:
        """Whether an adapter's files are left."""
        return not self.trains_base and self is not self.PRUNED_ADAPTER


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
    """`none`: adapters in every layer; `specialised`: none in a fixed number of lowest layers;
    `robust`: a number drawn for every batch."""
    depth: Depth = 0
    """For `specialised`: the numbers of lowest layers without adapters; `all` is 0…L−1; depth 0 is
    the same trial as mode `none`."""
    measure: MeasuredDepths = MeasuredDepths.ALL
    """For `none`: measured on validation at every depth, or without dropping alone; by the layers
    that are run, all depths of a 6-layer base cost one and a half times as much again."""


class Training(Frozen):
    """How parameters are fitted; everything in it changes the result.

    A new setting is one field with the text below it: sweeps, labels, tables and the documentation
    find it here. At its default it renames no trial.
    """

    optimiser: Optimiser = Optimiser.ADAMW
    """`sgd` has momentum 0.9."""
    learning_rate: Positive = 1e-4
    """The highest one."""
    weight_decay: NotNegative = 0.0
    """Not applied to biases, norms and fusion's value matrices."""
    schedule: Schedule = Schedule.LINEAR
    """After warm-up: `linear` or `cosine` down to 0, or `constant`."""
    warmup_fraction: Fraction = 0.0
    """Share of all steps."""
    batch_size: Count = 32
    """Examples."""
    batching: Batching = Batching.RANDOM
    """Which rows make up a batch: `random`, any, as a plain data loader draws them; `by_length`,
    rows of similar lengths, which are quicker but are not the same training."""
    max_length: Annotated[int, Ge(8), Le(LARGEST)] = 128
    """Tokens of an example; of a pair, the longer text loses tokens first, from its end."""
    epochs: Count = 10
    """At most."""
    patience: Count | None = None
    """Stop when so many epochs brought nothing better; `null` never stops. The best epoch's weights
    are kept in any case."""
    gradient_clip: Positive | None = 1.0
    """The largest norm of the gradient; `null` clips nothing."""
    frozen_dropout: bool = False
    """Whether dropout stays on below the lowest adapter, as AdapterHub leaves it. With `false` the
    embeddings and all layers up to and with the lowest adapted one are computed without dropout (of
    that layer, whatever precedes its adapter), so they are the same for every trial and are
    computed once; with `true` only measuring profits."""
    cache_dtype: CacheDtype = CacheDtype.FLOAT32
    """As what that frozen part is stored; `float16` takes half the space and rounds to about
    0.03 %."""
    precision: Precision = Precision.FLOAT32
    """`bfloat16`: autocast, with parameters in float32; `auto`: chosen when planning, `bfloat16`
    for GPUs (unless this machine has only older ones than Ampere) and for processors with
    `avx512_bf16` or `amx_bf16`, otherwise `float32`; the trial records what it was."""
    accumulate: Count = 1
    """Batches whose gradients are averaged before each step of the optimiser; robust AdapterDrop
    draws a depth for each of them."""

    @model_validator(mode="before")
    @classmethod
    def _earlier_names(cls, data: Any) -> Any:
        return renamed(data, prefix_dropout="frozen_dropout", prefix_type="cache_dtype")


class PruningOrder(StrEnum):
    """How adapters leave a fusion."""

    AT_ONCE = "at_once"  # by the attention of the whole fusion, as AdapterDrop does
    ONE_BY_ONE = "one_by_one"  # the least attended of each layer, then attention is measured anew
    RANDOM = "random"  # by the seed alone: what measuring attention is worth shows beside it


class FusionSource(Frozen):
    """The trials that may stand for one task in a fusion; the best finished one is taken."""

    task: str
    candidates: tuple[str, ...] = Field(min_length=1)


class Fusion(Frozen):
    """With `random_sources`, adapters of the same configurations that no task has trained."""

    sources: tuple[FusionSource, ...]
    config: FusionConfig = FusionConfig()
    random_sources: bool = False


class Pruning(Frozen):
    fusion_trial: str
    keep: Annotated[Count, Said("keep {}")]
    """How many sources stay in each layer, less than there are; one pruned fusion each."""
    order: Annotated[PruningOrder, Said("{}", spaced=True)] = PruningOrder.AT_ONCE
    """Rank all sources by the fusion's attention at once; let the least attended of each layer go
    and measure attention again before the next; or draw by the seed which stay, as a control."""


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
    removal: Removal | None = None
    top_layers: int | None = Field(default=None, ge=1)
    head: HeadSettings = HeadSettings()
    start_from: str | None = None
    reduction_factor: float | None = Field(default=None, gt=0)
    fast_path: bool = True

    @model_validator(mode="after")
    def _parts_fit_the_method(self) -> Self:
        wanted = {
            "adapter": self.method in (Method.ADAPTER, Method.PRETRAINING, Method.PRUNED_ADAPTER),
            "fusion": self.method is Method.FUSION,
            "pruning": self.method is Method.PRUNED_FUSION,
            "removal": self.method is Method.PRUNED_ADAPTER,
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
        left_out = {"base", "task", "adapter", "reduction_factor"}
        content = _written(self, left_out=left_out)
        content["adapter"] = self.adapter and self.adapter.as_fields()
        if self.fusion is not None:
            content["fusion"]["config"] = self.fusion.config.as_fields()
            if not self.fusion.random_sources:  # which came later
                del content["fusion"]["random_sources"]
        for name in content.keys() & {"training", "drop", "pruning", "removal", "head"}:
            part = getattr(self, name)
            content[name] = part and _written(part)
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
        if self.removal is not None:
            return (self.removal.adapter_trial,)
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
            untrained = " random" if self.fusion.random_sources else ""
            words.append(f"of {len(self.fusion.sources)}{untrained}")
            words += unusual_words(self.fusion.config, apart=("drop_depth",))
        if self.pruning is not None:
            words += unusual_words(self.pruning, apart=("fusion_trial",))
        if self.removal is not None:
            words.append(str(self.removal))
        if self.drop.mode is DropMode.SPECIALISED:
            words.append(f"drop {self.drop.depth}")
        elif self.drop.mode is DropMode.ROBUST:
            words.append("drop robust")
        elif self.drop.measure is MeasuredDepths.OWN:
            words.append("measured at depth 0")
        words += unusual_words(self.drop, apart=("mode", "depth", "measure"))
        if self.head != HeadSettings():
            words.append(f"head {self.head}")
        if not self.fast_path:
            words.append("plain path")
        return " · ".join([*words, f"seed {self.seed}"])


_ALWAYS_WRITTEN: Mapping[type, Collection[str]] = {
    Trial: ("adapter", "drop", "fusion", "pruning"),
    Drop: ("mode", "depth"),
    Training: (
        *("optimiser", "learning_rate", "weight_decay", "schedule", "warmup_fraction"),
        *("batch_size", "batching", "max_length", "epochs", "patience", "gradient_clip"),
        *("frozen_dropout", "precision"),
    ),
}


def _written(part: Frozen, left_out: Collection[str] = ()) -> dict[str, Any]:
    """Return what a part of a trial adds to its identity.

    A setting that came later stays out at its default: it must rename no old trial.
    """
    always = _ALWAYS_WRITTEN.get(type(part), ())
    usual = usual_values(type(part))
    later = {name for name in usual.keys() - always if getattr(part, name) == usual[name]}
    return part.model_dump(mode="json", exclude={*left_out, *later})


def adapter_words(adapter: AdapterConfig, reduction_factor: float | None = None) -> Iterator[str]:
    """Say what an adapter is, in short, as far as it is not the usual."""
    size = "-".join(map(str, adapter.layer_sizes)) or str(adapter.bottleneck_size)
    asked = "" if reduction_factor is None else f" (d/{reduction_factor:g})"
    yield f"{adapter.placement} r{size}{asked}"
    if adapter.sharing is not Sharing.NONE:
        groups = f" by {adapter.group_layers}" if adapter.sharing is Sharing.GROUPS else ""
        yield f"shared{groups}"
    yield from unusual_words(adapter, apart=_SAID_APART)


_SAID_APART = (
    *("bottleneck_size", "layer_sizes", "placement", "sharing", "group_layers"),
    *("drop_depth", "leave_out", "initialisation"),
)
"""Settings of an adapter that its label says in words of their own, or not at all."""


def content_hash(content: Any) -> str:
    """Return 20 hexadecimal digits of SHA-256 over canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
