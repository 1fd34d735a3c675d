"""From the YAML of `measure` to groups of cells that take turns, and what is compared in each."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from adapter_lib.config.architecture_facts import ARCHITECTURES, longest_sequence
from adapter_lib.config.base_files import read_sizes
from adapter_lib.errors import BaseModelError
from orchestrator.planning.resolve import auto_precision
from orchestrator.spec.measure_model import Against, BaseSizes, MeasureBlock, MeasureSpec
from orchestrator.spec.source import KeyPath, SpecSource
from workers.bases.base_models import read_base_config
from workers.contract.measurement import (
    Cell,
    Clock,
    Conditions,
    Group,
    MeasuredBase,
)
from workers.contract.trial import Method, Precision
from workers.errors import BaseModelSourceError


@dataclass(frozen=True)
class Comparison:
    """A cell of a block, and the cells of its group that it is compared with."""

    block: int
    group: int
    cell: Cell
    against: Mapping[Against, Cell] = field(default_factory=dict)


@dataclass(frozen=True)
class MeasurePlan:
    """What is to be measured.

    Attributes:
        groups: each once.
        comparisons: in the order of the YAML.
    """

    spec: MeasureSpec
    groups: tuple[Group, ...]
    comparisons: tuple[Comparison, ...]

    @cached_property
    def cells(self) -> int:
        return sum(len(group.cells) for group in self.groups)

    def clock(self, group: Group) -> Clock:
        """Return by which clock a group is judged: on a processor by its time in this process."""
        if self.spec.clock != "auto":
            return Clock(self.spec.clock)
        alone = group.conditions.device == "cpu" and group.conditions.threads == 1
        return Clock.CPU if alone else Clock.WALL


def plan_measurement(spec: MeasureSpec, source: SpecSource) -> MeasurePlan:
    """Expand every block.

    Raises:
        SpecError: the base cannot be had, or a block asks for what it does not have.
    """
    base = _base(spec.base, source)
    groups: dict[str, Group] = {}
    found: list[tuple[int, str, Cell, dict[Against, Cell]]] = []
    for number, block in enumerate(spec.measure):
        _check_block(block, base, source, ("measure", number))
        for conditions, cells in _turns(spec, block, base):
            compared = {cell: _against(block, cell) for cell in cells}
            alone = dict.fromkeys((*cells, *(c for own in compared.values() for c in own.values())))
            group = Group(conditions=conditions, cells=tuple(alone))
            groups.setdefault(group.content, group)
            found += [(number, group.content, c, own) for c, own in compared.items()]
    places = {content: place for place, content in enumerate(groups)}
    comparisons = [Comparison(n, places[of], cell, own) for n, of, cell, own in found]
    return MeasurePlan(spec, tuple(groups.values()), tuple(comparisons))


def _base(sizes: BaseSizes, source: SpecSource) -> MeasuredBase:
    at: KeyPath = ("base",)
    try:
        if sizes.source is None:
            config = _bert(sizes)
            layers, hidden_size = read_sizes(config, where=source.path)
        else:
            at = ("base", "source")
            config, layers, hidden_size = read_base_config(
                sizes.source, relative_to=source.path.parent
            )
    except (BaseModelError, BaseModelSourceError) as error:
        raise source.error(at, str(error)) from error
    if (kind := config.get("model_type")) not in ARCHITECTURES:
        raise source.error(
            at,
            f"expected a base model of type {', '.join(ARCHITECTURES)}, found {kind!r}; take "
            "another one",
        )
    return MeasuredBase(config=config, layers=layers, hidden_size=hidden_size)


def _bert(sizes: BaseSizes) -> dict[str, Any]:
    assert sizes.hidden_size is not None
    return {
        "model_type": "bert",
        "num_hidden_layers": sizes.layers,
        "hidden_size": sizes.hidden_size,
        "num_attention_heads": sizes.heads or max(1, sizes.hidden_size // 64),
        "intermediate_size": sizes.intermediate_size or 4 * sizes.hidden_size,
        "vocab_size": sizes.vocabulary,
        "max_position_embeddings": sizes.positions,
    }


def _check_block(block: MeasureBlock, base: MeasuredBase, source: SpecSource, at: KeyPath) -> None:
    for depth in block.drop_depth:
        if isinstance(depth, int) and depth >= base.layers:
            raise source.error(
                (*at, "drop_depth"),
                f"expected 0…{base.layers - 1} for a base of {base.layers} layers, found {depth}",
            )
    longest = longest_sequence(base.config)
    if longest is not None and max(block.length) > longest:
        raise source.error(
            (*at, "length"),
            f"expected at most {longest} tokens, for which the base has positions, found "
            f"{max(block.length)}",
        )


def _turns(
    spec: MeasureSpec, block: MeasureBlock, base: MeasuredBase
) -> Iterator[tuple[Conditions, list[Cell]]]:
    """Yield the cells of a block that differ in nothing that would make them hard to compare."""
    shared = itertools.product(
        spec.device, spec.precision, block.action, block.tasks, block.length, block.batch_size
    )
    for device, precision, action, tasks, length, batch_size in shared:
        if precision == "auto":
            precision = auto_precision(gpus=float(device != "cpu"))
        micro = block.micro_batch_size
        conditions = Conditions(
            base=base,
            device=device,
            precision=Precision(precision),
            threads=spec.threads,
            reduction_factor=spec.reduction_factor,
            micro_batch_size=micro if micro and micro < batch_size else None,
            frozen_dropout=spec.frozen_dropout,
            rounds=block.rounds or spec.rounds,
            at_least_s=spec.at_least_s,
            seed=spec.seed,
        )
        alike = {"action": action, "tasks": tasks, "length": length, "batch_size": batch_size}
        yield conditions, list(dict.fromkeys(_cells(block, base, alike)))


def _cells(block: MeasureBlock, base: MeasuredBase, alike: dict[str, Any]) -> Iterator[Cell]:
    depths = [
        depth
        for given in block.drop_depth
        for depth in (range(base.layers) if given == "all" else [given])
    ]
    for method in block.method:
        if method is Method.FULL_FINE_TUNING:
            yield Cell(method=method, **alike)
        elif method is Method.FUSION:
            for adapters, form, depth in itertools.product(
                block.adapters or (), block.form, depths
            ):
                yield Cell(method=method, adapters=adapters, form=form, drop_depth=depth, **alike)
        else:
            for placement, depth, prefix in itertools.product(
                block.placement, depths, block.prefix
            ):
                yield Cell(
                    method=method,
                    placement=placement,
                    drop_depth=depth,
                    stored_prefix=prefix == "stored",
                    **alike,
                )


def _against(block: MeasureBlock, cell: Cell) -> dict[Against, Cell]:
    """Return what a cell is compared with, itself left out."""
    plain = {"action": cell.action, "batch_size": cell.batch_size, "length": cell.length}
    single = Cell(method=Method.ADAPTER, **plain)
    found = {
        Against.FULL_FINE_TUNING: Cell(method=Method.FULL_FINE_TUNING, **plain),
        Against.ADAPTER: single,
        Against.NO_DROP: cell.model_copy(update={"drop_depth": 0, "stored_prefix": False}),
        Against.ONE_BY_ONE: cell.model_copy(update={"drop_depth": 0, "one_by_one": True}),
    }
    return {name: found[name] for name in block.against if found[name] != cell}
