"""What a block asks for beside its grid: rows of a zip, points, and random draws, one step each.

A step says which values it puts into the block, and where each of them stands in the YAML.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from orchestrator.spec.axes import SIZES, Axes, PruningAxes
from orchestrator.spec.blocks import FusionChoice, FusionGrid, TrialChoice, TrialGrid
from orchestrator.spec.document import shown
from orchestrator.spec.draws import Distribution, Sampled, share
from orchestrator.spec.read import problem_of
from orchestrator.spec.source import KeyPath, SpecSource
from orchestrator.spec.values import Section

Block = TypeVar("Block", TrialGrid, FusionGrid)

_KEYS = tuple(dict.fromkeys((*TrialChoice.model_fields, *FusionChoice.model_fields)))
"""Keys of a block, or of a part of one, that give axes."""


@dataclass(frozen=True)
class Step:
    """One of the alternatives that a way of asking multiplies a block with.

    Attributes:
        name: for people, such as `draw 3 of 20`; empty where it has a place of its own.
        place: where it stands, below the block.
        gives: values by key path in the block.
        stands: where each of them stands, below the block; of those that are not here, below
            `place`.
    """

    name: str
    place: KeyPath
    gives: Mapping[KeyPath, Any]
    stands: Mapping[KeyPath, KeyPath] = field(default_factory=dict)

    def moved(self, at: KeyPath) -> Iterator[tuple[KeyPath, KeyPath]]:
        """Yield key path and place of each value, for a block at `at`."""
        for keys in self.gives:
            yield (*at, *keys), (*at, *self.stands.get(keys, (*self.place, *keys)))


def given_in(part: Section) -> Iterator[tuple[KeyPath, Any]]:
    """Yield key path and values of each axis that a block, or a part of one, gives."""
    for key in _KEYS:
        if key not in part.model_fields_set:
            continue
        value = getattr(part, key)
        if isinstance(value, Axes):
            for name, values in value.given.items():
                yield (key, name), values
        elif value is not None:
            yield (key,), value


def ways_of(block: TrialGrid | FusionGrid, at: KeyPath, source: SpecSource) -> list[list[Step]]:
    """Return the steps of each way in which a block asks; their product is what it asks for.

    Raises:
        SpecError: lists of different lengths that should move together, a draw that its axis
            cannot be, or an axis that is given in two ways.
    """
    zips = [_rows(zipped, at, ("zip", n), source) for n, zipped in enumerate(block.zip)]
    points = [Step("", ("points", n), dict(given_in(p))) for n, p in enumerate(block.points)]
    sampled = block.sample
    draws = list(_draws(sampled, block, at, source)) if sampled is not None else []
    _check_once(block, at, source, apart=[*zips, draws], points=points)
    return [steps for steps in (*zips, points, draws) if steps]


def laid_over(block: Block, gives: Mapping[KeyPath, Any]) -> Block:
    """Return a block with these values in place of its own; one size of an adapter replaces any."""
    values: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = defaultdict(dict)
    for keys, value in gives.items():
        if len(keys) == 1:
            values[str(keys[0])] = value
        else:
            inner[str(keys[0])][str(keys[1])] = value
    for key, given in inner.items():
        values[key] = _section_over(getattr(block, key), given)
    return block.model_copy(update=values)


def _section_over(section: Section | None, given: dict[str, Any]) -> Section:
    if section is None:
        return PruningAxes(**given)
    if not given.keys().isdisjoint(SIZES):
        given = dict.fromkeys(SIZES) | given
    made = section.model_copy(update=given)
    made.__dict__.pop("given", None)  # which the other one has cached
    return made


def _rows(zipped: Section, at: KeyPath, place: KeyPath, source: SpecSource) -> list[Step]:
    """Return a step for each row of a zip.

    Raises:
        SpecError: there is no axis in it, one is no list, or lists differ in length.
    """
    given = dict(given_in(zipped))
    if not given:
        raise source.error(
            (*at, *place), "expected axes that move together, such as `adapter` and `training`"
        )
    for keys, values in given.items():
        if not isinstance(values, tuple):
            raise source.error(
                (*at, *place, *keys),
                "expected a list, a value for each row of the zip; give one value for all of them "
                "in the block itself",
            )
    (first, values), *others = given.items()
    for keys, more in others:
        if len(more) != len(values):
            raise source.error(
                (*at, *place, *keys),
                f"expected {len(values)} values as {_words(first)} has, since both move together, "
                f"found {len(more)}; a list that is multiplied with them belongs into the block "
                "itself",
            )
    return [
        Step(
            f"zip row {row + 1} of {len(values)}",
            place,
            {keys: (chosen[row],) for keys, chosen in given.items()},
            {keys: (*place, *keys, row) for keys in given},
        )
        for row in range(len(values))
    ]


def _draws(
    sample: Sampled, block: TrialGrid | FusionGrid, at: KeyPath, source: SpecSource
) -> Iterator[Step]:
    """Yield a step for each draw.

    Raises:
        SpecError: a distribution has values that its axis cannot be.
    """
    drawn = {
        keys: _drawn(keys, distribution, sample, block, (*at, "sample"), source)
        for keys, distribution in sample.drawn
    }
    for number in range(sample.count):
        gives: dict[KeyPath, Any] = {keys: (values[number],) for keys, values in drawn.items()}
        yield Step(f"draw {number + 1} of {sample.count}", ("sample",), gives)


def _drawn(
    keys: tuple[str, ...],
    distribution: Distribution,
    sample: Sampled,
    block: TrialGrid | FusionGrid,
    at: KeyPath,
    source: SpecSource,
) -> Sequence[Any]:
    """Return the values of one axis, one for each draw, as the axis has them."""
    shares = (share(sample.seed, ".".join(keys), n) for n in range(sample.count))
    found = [distribution.at(s) for s in shares]
    by_choice = distribution.choice is not None
    tried = [*distribution.ends, *(() if by_choice else found)]
    section: type[Section] = type(block)
    for key in keys[:-1]:
        annotation: Any = section.model_fields[key].annotation
        section = annotation
    try:
        checked = getattr(section.model_validate({keys[-1]: tried}), keys[-1])
    except ValidationError as error:
        (problem, *_) = error.errors(include_url=False)
        raise source.error(
            (*at, *keys),
            f"{problem_of(problem)} among what `{distribution.kind}` may draw, found "
            f"{shown(str(problem['input']))}; correct it",
        ) from error
    return [checked[place] for place in found] if by_choice else checked[len(distribution.ends) :]


def _check_once(
    block: TrialGrid | FusionGrid,
    at: KeyPath,
    source: SpecSource,
    *,
    apart: Iterable[Sequence[Step]],
    points: Sequence[Step],
) -> None:
    """Refuse axes that a zip or a sample gives, and that something else of the block gives too.

    Raises:
        SpecError: which axis, and both places.
    """
    seen: dict[KeyPath, str] = {_axis(keys): "the block itself" for keys, _ in given_in(block)}
    for steps in apart:
        for keys in steps[0].gives if steps else ():
            if (before := seen.get(_axis(keys))) is not None:
                raise source.error(
                    (*at, *steps[0].place, *keys),
                    f"{_words(keys)} is given by {before} too; give it once",
                )
            seen[_axis(keys)] = f"`{steps[0].place[0]}`"
    for point in points:
        for keys in point.gives:
            before = seen.get(_axis(keys), "the block itself")
            if before != "the block itself":
                raise source.error(
                    (*at, *point.place, *keys),
                    f"{_words(keys)} is given by {before} too; give it once",
                )


def _axis(keys: KeyPath) -> KeyPath:
    """Return a key path, one and the same for all ways to give an adapter's size."""
    return (*keys[:-1], "size") if keys[-1] in SIZES else keys


def _words(keys: KeyPath) -> str:
    return "`" + ".".join(map(str, keys)) + "`"
