"""Random draws of settings: what a `sample` may say of an axis, and the values that come out.

A draw depends on the seed, the axis and its own number alone. So an axis more changes no draw of
another, and a larger count keeps all draws that there were.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, create_model, model_validator

from orchestrator.spec.axes import Axes
from orchestrator.spec.values import Count, Number, Positive, Section, Seed, Whole

_DIGITS = 4
"""Significant digits of a drawn number: enough to try, and the same on every machine."""


def _ascending(ends: tuple[float, ...]) -> tuple[float, ...]:
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise ValueError("expected two numbers, the smaller one first, such as [1, 8]")
    return ends


class Distribution(Section):
    """Where the values of one axis are drawn from: exactly one of these."""

    uniform: Annotated[tuple[Number, ...], AfterValidator(_ascending)] | None = None
    log_uniform: Annotated[tuple[Positive, ...], AfterValidator(_ascending)] | None = None
    integers: Annotated[tuple[Whole, ...], AfterValidator(_ascending)] | None = None
    choice: Annotated[tuple[Any, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = tuple(type(self).model_fields)
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(
                f"expected one of {', '.join(kinds)}, such as `uniform: [0, 0.5]`, found "
                f"{' and '.join(given) or 'none'}"
            )
        return self

    @property
    def kind(self) -> str:
        """Return which of them it is."""
        return next(k for k in type(self).model_fields if getattr(self, k) is not None)

    @property
    def ends(self) -> tuple[Any, ...]:
        """Return the smallest and the largest value, or all choices."""
        values: tuple[Any, ...] = getattr(self, self.kind)
        return values

    def at(self, share: float) -> Any:
        """Return the value below which this share of the distribution lies; of choices, its place.

        Args:
            share: from 0 to below 1.
        """
        if self.choice is not None:
            return int(share * len(self.choice))
        low, high = self.ends
        if self.integers is not None:
            return min(low + int(share * (high - low + 1)), high)
        if self.log_uniform is not None:
            found = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        else:
            found = low + share * (high - low)
        return min(max(float(f"{found:.{_DIGITS}g}"), low), high)


class Sampled(Section):
    """Configurations that are drawn at random, each of which has all of the block's seeds."""

    count: Count
    seed: Seed = 0

    @property
    def drawn(self) -> Iterator[tuple[tuple[str, ...], Distribution]]:
        """Yield key path and distribution of every axis that is drawn."""
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, Distribution):
                yield (key,), value
            elif isinstance(value, Section):
                for name in type(value).model_fields:
                    if (inner := getattr(value, name)) is not None:
                        yield (key, name), inner

    @model_validator(mode="after")
    def _something_is_drawn(self) -> Self:
        if next(self.drawn, None) is None:
            raise ValueError(
                "expected axes to draw, such as `training: {learning_rate: {log_uniform: [1e-5, "
                "1e-3]}}`"
            )
        return self


def share(seed: int, axis: str, number: int) -> float:
    """Return a random number from 0 to below 1, the same one everywhere."""
    digest = hashlib.sha256(f"{seed} {axis} {number}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def distributions(
    *sections: tuple[str, type[Axes]], plain: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    """Return keys of a `sample`: a distribution for every axis of these sections.

    Args:
        plain: axes that are in no section.
    """
    found: dict[str, Any] = dict.fromkeys(plain, (Distribution | None, None))
    for name, section in sections:
        keys: dict[str, Any] = dict.fromkeys(section.model_fields, (Distribution | None, None))
        found[name] = (
            create_model(f"Drawn{section.__name__}", __base__=Section, **keys) | None,
            None,
        )
    return found
