"""Expand a block's settings into the values they stand for, over what the top of the YAML gives.

Which of them become trials together is left to `orchestrator.planning.planner`.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from adapter_lib.config.arrangement import USUAL
from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    Sharing,
    bottleneck_from_reduction,
)
from adapter_lib.errors import ConfigurationError
from orchestrator.errors import SpecError
from orchestrator.spec.axes import (
    SIZES,
    AdapterAxes,
    Axes,
    DropAxes,
    FusionAxes,
    HeadAxes,
    TrainingAxes,
)
from orchestrator.spec.model import SweepSpec
from orchestrator.spec.source import KeyPath, SpecSource
from workers.contract.head_settings import HeadSettings, head_config
from workers.contract.task_card import TaskRef
from workers.contract.trial import BaseModelRef, Drop, DropMode, MeasuredDepths, Precision, Training

RANDOM = "none"
"""The starting point of an adapter that is not pre-trained."""
USUAL_REDUCTION = 16
"""What gives an adapter its size where a sweep says nothing about it."""
COUNTED_APART = (*SIZES, "sharing", "group_layers", "start_from")
"""Axes of an adapter that are not simply multiplied with all others."""
DROPS_APART = ("mode", "depth", "measure")
"""Likewise, of drop settings."""


@dataclass(frozen=True)
class _Size:
    """An adapter's size: of its largest layer, and of single layers where they differ."""

    largest: int
    of_layers: tuple[int, ...] = ()
    reduction_factor: float | None = None


@dataclass(frozen=True)
class Grids:
    """The grids of one specification.

    Attributes:
        auto_precision: what `precision: auto` stands for.
    """

    spec: SweepSpec
    source: SpecSource
    auto_precision: Precision

    def standing_in(self, source: SpecSource) -> Self:
        """Return the same grids, of a block whose keys another source finds."""
        return self if source is self.source else replace(self, source=source)

    def trainings(self, own: TrainingAxes) -> Iterator[Training]:
        """Expand training settings; `precision: auto` becomes what was pinned."""
        grid = merged(self.spec.training, own)
        if "precision" in grid:
            auto = self.auto_precision
            grid["precision"] = [auto if p == "auto" else p for p in grid["precision"]]
        yield from (Training(**values) for values in product_of(grid))

    def heads(self, own: HeadAxes, task: TaskRef, at: KeyPath) -> Iterator[HeadSettings]:
        """Expand head settings for a task.

        Raises:
            SpecError: the kind of task has no such head.
        """
        for values in product_of(merged(self.spec.head, own)):
            settings = HeadSettings(**values)
            try:
                head_config(task.card, settings)
            except ConfigurationError as error:
                raise self.source.error(
                    self.where_stands(at, "head"), f"task {task.name}: {error}"
                ) from error
            yield settings.over(task.card)

    def adapters(
        self, own: AdapterAxes, base: BaseModelRef, at: KeyPath
    ) -> list[tuple[AdapterConfig, float | None]]:
        """Expand adapter settings, without a drop depth, each with the reduction factor asked for.

        Raises:
            SpecError: settings that cannot be together or not on this base model.
        """
        grid = merged(self.spec.adapter, own)
        shared = list(self._sharings(grid, base, at))
        sizes = self._sizes(own, base, at)
        if any(size.of_layers for size in sizes) and any(
            how is not Sharing.NONE for how, _ in shared
        ):
            raise self.source.error(
                self.where_stands(at, "adapter", "layer_sizes"),
                "layers that share parameters have one size, found `layer_sizes` with sharing "
                f"{', '.join(how for how, _ in shared)}; drop one",
            )
        plain = {name: values for name, values in grid.items() if name not in COUNTED_APART}
        found = []
        for chosen in product_of({"size": sizes, "shared": shared} | plain):
            size, (sharing, group) = chosen.pop("size"), chosen.pop("shared")
            chosen |= {"bottleneck_size": size.largest, "layer_sizes": size.of_layers}
            chosen |= {"sharing": sharing, "group_layers": group}
            found.append((self._adapter(at, chosen), size.reduction_factor))
        return found

    def _adapter(self, at: KeyPath, fields: Mapping[str, Any]) -> AdapterConfig:
        try:
            return AdapterConfig(**fields)
        except ConfigurationError as error:
            key = () if fields.get("arrangement", USUAL) == USUAL else ("arrangement",)
            raise self.source.error(self.where_stands(at, "adapter", *key), str(error)) from error

    def fusions(self, own: FusionAxes, at: KeyPath) -> list[FusionConfig]:
        """Expand a fusion's settings, without a drop depth.

        Raises:
            SpecError: settings that cannot be together.
        """
        grid = dict(own.given)
        if "value_off_diagonal" in grid:
            starts = grid["value_off_diagonal"]
            grid["value_off_diagonal"] = [None if s == "random" else s for s in starts]
        try:
            return [FusionConfig(**values) for values in product_of(grid)]
        except ConfigurationError as error:
            raise self.source.error((*at, "config"), str(error)) from error

    def drops(self, drop: DropAxes, base: BaseModelRef, at: KeyPath) -> Iterator[Drop]:
        """Expand drop settings; depth 0 is the standard adapter.

        Raises:
            SpecError: a depth beyond the model, none where one is needed, or one without use.
        """
        modes = modes_of(drop)
        if DropMode.SPECIALISED not in modes and self.source.has((*at, "drop", "depth")):
            raise self.idle_depth(at, modes)
        if self.source.has((*at, "drop", "measure")) and not has_standard(drop):
            raise self.idle_measure(at)
        others = {name: v for name, v in drop.given.items() if name not in DROPS_APART}
        for more in product_of(others):
            standard = Drop(measure=drop.measure or MeasuredDepths.ALL, **more)
            for mode in modes:
                if mode is DropMode.SPECIALISED:
                    for depth in self._depths(drop, base, at):
                        yield Drop(mode=mode, depth=depth, **more) if depth else standard
                else:
                    yield standard if mode is DropMode.NONE else Drop(mode=mode, **more)

    def _depths(self, drop: DropAxes, base: BaseModelRef, at: KeyPath) -> Iterator[int]:
        """Yield the depths of mode `specialised`.

        Raises:
            SpecError: there are none, or one is beyond the model.
        """
        if drop.depth is None:
            raise self.source.error(
                self.where_stands(at, "drop", "mode"),
                "mode `specialised` needs `depth`, a number, a list of numbers or `all`",
            )
        for depth in range(base.layers) if drop.depth == "all" else drop.depth:
            if depth >= base.layers:
                raise self.source.error(
                    self.where_stands(at, "drop", "depth"),
                    f"expected a drop depth of 0…{base.layers - 1} for {base.name}, which has "
                    f"{base.layers} layers, found {depth}"
                    + ("; method `head_only` trains no adapter" * (depth == base.layers)),
                )
            yield depth

    def idle_depth(self, at: KeyPath, modes: Sequence[DropMode]) -> SpecError:
        return self.source.error(
            (*at, "drop", "depth"),
            f"`depth` belongs to mode `specialised`, found mode {', '.join(modes)}; drop one",
        )

    def idle_measure(self, at: KeyPath) -> SpecError:
        return self.source.error(
            (*at, "drop", "measure"),
            "`measure` is for adapters in every layer, mode `none`, and there are none; robust "
            "ones are measured at every depth, specialised ones at their own; drop it",
        )

    def idle_group(self, at: KeyPath) -> SpecError:
        return self.source.error(
            (*at, "adapter", "group_layers"),
            "`group_layers` belongs to sharing `groups`, which is not asked for; drop one",
        )

    def where_stands(self, at: KeyPath, *keys: str) -> KeyPath:
        """Return the path of `keys` in the block at `at`, or at the top if it stands only there."""
        return (*at, *keys) if self.source.has((*at, *keys)) else keys

    def declared(
        self, names: Sequence[str] | None, known: Mapping[str, Any], at: KeyPath
    ) -> list[Any]:
        """Return what each name stands for, or everything where none is given.

        Raises:
            SpecError: a name that the sweep does not declare.
        """
        if names is None:
            return list(known.values())
        for i, name in enumerate(names):
            if name not in known:
                raise self.source.error(
                    (*at, i),
                    f"expected one of {', '.join(known)}, found `{name}`; correct it or declare "
                    "it at the top",
                )
        return [known[name] for name in names]

    def _sharings(
        self, grid: Mapping[str, Sequence[Any]], base: BaseModelRef, at: KeyPath
    ) -> Iterator[tuple[Sharing, int]]:
        """Pair each way of sharing with its number of layers, 1 but for groups."""
        wanted, groups = grid.get("sharing", (Sharing.NONE,)), grid.get("group_layers", ())
        if Sharing.GROUPS not in wanted and self.source.has((*at, "adapter", "group_layers")):
            raise self.idle_group(at)
        for sharing in wanted:
            if sharing is not Sharing.GROUPS:
                yield sharing, 1
                continue
            if not groups:
                raise self.source.error(
                    self.where_stands(at, "adapter", "sharing"),
                    "sharing `groups` needs `group_layers`, how many consecutive layers share",
                )
            for layers in groups:
                if layers >= base.layers:
                    raise self.source.error(
                        self.where_stands(at, "adapter", "group_layers"),
                        f"expected groups of 2…{base.layers - 1} layers for {base.name}, which has "
                        f"{base.layers}, found {layers}; sharing `all_layers` makes one of all",
                    )
                yield sharing, layers

    def _sizes(self, own: AdapterAxes, base: BaseModelRef, at: KeyPath) -> Sequence[_Size]:
        hidden_size = base.hidden_size
        for given in (own.given, self.spec.adapter.given):
            if "bottleneck_size" in given:
                return [_Size(size) for size in given["bottleneck_size"]]
            if "reduction_factor" in given:
                return [
                    _Size(bottleneck_from_reduction(hidden_size, factor), reduction_factor=factor)
                    for factor in given["reduction_factor"]
                ]
            if "layer_sizes" in given:
                return [self._layer_sizes(sizes, base, at) for sizes in given["layer_sizes"]]
        return [_Size(bottleneck_from_reduction(hidden_size, USUAL_REDUCTION))]

    def _layer_sizes(self, sizes: tuple[int, ...], base: BaseModelRef, at: KeyPath) -> _Size:
        if len(sizes) != base.layers:
            raise self.source.error(
                self.where_stands(at, "adapter", "layer_sizes"),
                f"expected {base.layers} sizes, one for each layer of {base.name}, found "
                f"{len(sizes)}",
            )
        return _Size(max(sizes), sizes if len(set(sizes)) > 1 else ())


def modes_of(drop: DropAxes) -> tuple[DropMode, ...]:
    """Return the modes of drop settings."""
    modes: tuple[DropMode, ...] = drop.given.get("mode", (DropMode.NONE,))
    return modes


def has_standard(drop: DropAxes) -> bool:
    """Say whether adapters in every layer are among these."""
    modes = modes_of(drop)
    depths = (0,) if drop.depth == "all" else drop.depth or ()
    return DropMode.NONE in modes or (DropMode.SPECIALISED in modes and 0 in depths)


def merge_drop(top: DropAxes, own: DropAxes) -> DropAxes:
    """Let a block that names modes stand alone: depths of the top belong to the top's modes."""
    return DropAxes.model_validate(merged(top, own))


def merged(top: Axes, own: Axes) -> dict[str, Any]:
    """Return axis → values, a block's own or else the top's, for the axes that either gives."""
    either = {**top.given, **own.given}
    return {name: either[name] for name in type(own).model_fields if name in either}


def product_of(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield axis → value for each combination of the axes' values."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))
