"""The plain grids that a block stands for: one for each row, point, draw and set of conditions.

A plain grid knows where its values stand in the YAML, so that errors name the line, and its origin,
which `plan` shows. Which trials a grid makes is left to `orchestrator.planning.planner`.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from orchestrator.errors import SpecError
from orchestrator.planning.plan import Origin, matches
from orchestrator.planning.ways import Step, given_in, laid_over, ways_of
from orchestrator.spec.axes import ADAPTER, DROP, FUSION, HEAD, PRUNING, SIZES, TRAINING, Condition
from orchestrator.spec.blocks import FusionGrid, FusionWhen, TrialGrid, TrialWhen
from orchestrator.spec.model import SweepSpec
from orchestrator.spec.source import KeyPath, Place, SpecSource
from workers.contract.trial import Method, Trial

MOST_VARIANTS = 20_000
"""Rows, points and draws of all blocks, each counted for every set of conditions that may hold."""

B = TypeVar("B", TrialGrid, FusionGrid)

_AXES: Mapping[str, str] = {
    f"{section}.{key}": axis.name
    for section, axes in {
        "adapter": ADAPTER,
        "drop": DROP,
        "head": HEAD,
        "training": TRAINING,
        "config": FUSION,
        "pruning": PRUNING,
    }.items()
    for key, axis in axes.items()
} | {"seeds": "seed", "layers": "layers", "adapter.start_from": "pretrained"}
"""Key path in a block → the axis that it gives, by its name in conditions."""
_TOGETHER = ({*SIZES}, {"sharing", "group_layers"}, {"drop_mode", "drop_depth", "drop_measure"})
"""Axes of which one may change what another one is."""


@dataclass(frozen=True)
class Variant(Generic[B]):
    """One plain grid of a block.

    Attributes:
        block: without zips, points, draws and conditional axes.
        at: the block's key path.
        source: finds the keys of `block` where they stand.
        clauses: which entries of `when` hold for its trials.
        holding: the conditions of these.
        failing: those of the others.
    """

    block: B
    at: KeyPath
    source: SpecSource
    origin: Origin
    clauses: tuple[int, ...] = ()
    holding: tuple[Condition, ...] = ()
    failing: tuple[Condition, ...] = ()

    def allowed(self, axis: str, values: Sequence[Any]) -> list[Any]:
        """Return those values of an axis that its trials may have, by its conditions."""
        return [value for value in values if self._may_be(axis, value)]

    def takes(self, trial: Trial) -> bool:
        """Tell whether a trial of the grid meets the conditions that hold, and no others."""
        return all(matches(trial, c) for c in self.holding) and not any(
            matches(trial, c) for c in self.failing
        )

    def _may_be(self, axis: str, value: Any) -> bool:
        if any(value not in c.given.get(axis, (value,)) for c in self.holding):
            return False
        return not any(c.given.keys() == {axis} and value in c.given[axis] for c in self.failing)


@dataclass(frozen=True)
class Variants:
    """All plain grids of a sweep; they are made anew whenever they are gone through."""

    spec: SweepSpec
    source: SpecSource
    bases: Sequence[str]
    _places: dict[KeyPath, Place] = field(default_factory=dict)

    def of_trials(self) -> Iterator[Variant[TrialGrid]]:
        """Yield the plain grids of `trials`."""
        for index, block in enumerate(self.spec.trials):
            yield from self._of(block, ("trials", index))

    def of_fusions(self) -> Iterator[Variant[FusionGrid]]:
        """Yield the plain grids of `fusion`."""
        for index, block in enumerate(self.spec.fusion):
            yield from self._of(block, ("fusion", index))

    def check(self) -> None:
        """Count what blocks ask for before any of it is made.

        Raises:
            SpecError: more than can be planned, or a conditional axis that cannot be one.
        """
        total = 0
        blocks: list[tuple[KeyPath, TrialGrid | FusionGrid]] = [
            *((("trials", n), block) for n, block in enumerate(self.spec.trials)),
            *((("fusion", n), block) for n, block in enumerate(self.spec.fusion)),
        ]
        for at, block in blocks:
            rows = math.prod(map(_length, block.zip)) * max(len(block.points), 1)
            total += rows * (block.sample.count if block.sample else 1)
            if total > MOST_VARIANTS:
                raise self.too_many(total, at)
            for number in range(len(block.when)):
                _check_clause(block, number, at, self.source)

    def too_many(self, found: int, at: KeyPath) -> SpecError:
        """Build the error for more of them than can be planned."""
        return self.source.error(
            at,
            f"expected at most {MOST_VARIANTS:,} rows, points and draws in a sweep, each counted "
            f"for every set of conditions of `when`, found {found:,} up to this block; ask for "
            "fewer or split the sweep",
        )

    def _of(self, block: B, at: KeyPath) -> Iterator[Variant[B]]:
        for steps in itertools.product(*ways_of(block, at, self.source)):
            gives: dict[KeyPath, Any] = {}
            moved: dict[KeyPath, KeyPath] = {}
            for step in steps:
                gives |= step.gives
                moved |= dict(step.moved(at))
            asked = laid_over(block, gives) if steps else block
            source = self.source.moving(moved) if steps else self.source
            plain = Variant(asked, at, source, self._origin(at, steps))
            yield from self._branches(plain, 0)

    def _branches(self, variant: Variant[B], number: int) -> Iterator[Variant[B]]:
        """Yield a variant for each set of the conditions from `number` on that may hold."""
        clauses: Sequence[TrialWhen | FusionWhen] = variant.block.when
        if number == len(clauses):
            yield variant
            return
        where = clauses[number].where
        without = replace(variant, failing=(*variant.failing, where))
        if not self._is_empty(without):
            yield from self._branches(without, number + 1)
        step = Step("", ("when", number), dict(given_in(clauses[number])))
        moved = {**variant.source.moved, **dict(step.moved(variant.at))}
        having = replace(
            variant,
            block=laid_over(variant.block, step.gives),
            source=variant.source.moving(moved),
            origin=self._origin(variant.at, (step,), variant.origin),
            clauses=(*variant.clauses, number),
            holding=(*variant.holding, where),
        )
        if not self._is_empty(having):
            yield from self._branches(having, number + 1)

    def _is_empty(self, variant: Variant[Any]) -> bool:
        """Tell whether its conditions leave no base model, task, seed or method."""
        block, spec = variant.block, self.spec
        tasks = block.targets if isinstance(block, FusionGrid) else block.tasks
        method = (Method.FUSION,) if isinstance(block, FusionGrid) else block.method
        lists = {
            "base_model": block.base_models or self.bases,
            "task": tasks or tuple(spec.tasks),
            "seed": block.seeds or spec.seeds,
            "method": method or spec.method,
        }
        return not all(variant.allowed(axis, values) for axis, values in lists.items())

    def _origin(self, at: KeyPath, steps: Sequence[Step], before: Origin | None = None) -> Origin:
        names = before.steps if before else ()
        place = self._place(at)
        file, line = (before.file, before.line) if before else (place.file, place.line)
        for step in steps:
            inner = self._place((*at, *step.place))
            file, line = inner.file, inner.line
            names = (*names, step.name or f"{step.place[0]}[{step.place[1]}]")
        return Origin(file, line, place.words, names)

    def _place(self, keys: KeyPath) -> Place:
        if keys not in self._places:
            self._places[keys] = self.source.locate(keys)
        return self._places[keys]


def _length(zipped: Any) -> int:
    return max((len(v) for _, v in given_in(zipped) if isinstance(v, tuple)), default=1)


def _check_clause(
    block: TrialGrid | FusionGrid, number: int, at: KeyPath, source: SpecSource
) -> None:
    """Refuse a clause of `when` whose axes are looked at by its own condition or an earlier one.

    Raises:
        SpecError: such an axis, or one that no trial that meets the condition has.
    """
    clauses: Sequence[TrialWhen | FusionWhen] = block.when
    clause = clauses[number]
    looked_at = {axis for earlier in clauses[: number + 1] for axis in earlier.where.given}
    methods = clause.where.given.get("method")
    for keys, _ in given_in(clause):
        name = _AXES[".".join(map(str, keys))]
        changed = next((group for group in _TOGETHER if name in group), {name})
        if changed & looked_at:
            raise source.error(
                (*at, "when", number, *keys),
                f"expected an axis that no `where` up to here looks at, found {name}, which is "
                f"with {', '.join(sorted(changed & looked_at))}; write blocks of their own instead",
            )
        needed = {"adapter": Method.ADAPTER, "drop": Method.ADAPTER, "layers": Method.TOP_LAYERS}
        method = needed.get(str(keys[0])) if isinstance(block, TrialGrid) else None
        if methods is not None and method is not None and method not in methods:
            raise source.error(
                (*at, "when", number, *keys),
                f"a trial of method {', '.join(methods)} has no {keys[0]}; drop it",
            )
