"""What an address asks for: every state of a page is in its URL, and nowhere else."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Self
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.datastructures import QueryParams

from dashboards.errors import DashboardError
from orchestrator.catalog.records import TrialFilter
from workers.contract.frozen import Frozen

LONGEST_VALUE = 200
"""Characters; names in a sweep have at most 80."""
MOST_VALUES = 60
MOST_COMPARED = 8

FILTERS = tuple(TrialFilter.model_fields)
_MANY = ("by", "columns", "c")
_ONE = ("sort", "page", "limit", "archived", "turned", "since", "theme")
_WHOLE = re.compile(r"[1-9]\d{0,8}")


class AskedError(DashboardError):
    """An address that asks for something that cannot be."""


class Asked(Frozen):
    """The state of a page.

    Attributes:
        where: which trials; every panel of a page shows those alone.
        by: the axes to group by.
        columns: of the list of trials.
        c: how the ids of chosen configurations begin.
        limit: rows of each leaderboard.
        archived: whether archived sweeps are shown.
        turned: whether a grid has its tasks as rows.
        since: a cursor of the changes.
    """

    where: TrialFilter = TrialFilter()
    by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    c: tuple[str, ...] = ()
    sort: str = ""
    page: int = 1
    limit: int | None = None
    archived: bool = False
    turned: bool = False
    since: str = ""
    theme: str = "light"

    @classmethod
    def of(cls, query: QueryParams) -> Self:
        """Read the query of an address; what is empty counts as not given.

        Raises:
            AskedError: says what was expected, and what was found.
        """
        pairs = [(name, value) for name, value in query.multi_items() if value.strip()]
        _check_size(pairs)
        given: dict[str, Any] = {}
        where: dict[str, str] = {}
        for name, value in pairs:
            if name in _MANY:
                values = [part.strip() for part in value.split(",") if part.strip()]
                given[name] = tuple(dict.fromkeys((*given.get(name, ()), *values)))
            elif name in FILTERS:
                where[name] = value
            elif name in _ONE:
                given[name] = value
            else:
                known = ", ".join((*FILTERS, *_MANY, *_ONE))
                raise AskedError(f"{_cut(name)!r} is nothing that can be asked for; try {known}")
        for name in ("page", "limit"):
            if name in given and not _WHOLE.fullmatch(given[name]):
                raise AskedError(f"{name}: expected a number from 1, found {_cut(given[name])!r}")
        try:
            return cls(where=TrialFilter.model_validate(where), **given)
        except ValidationError as error:
            raise AskedError(_in_words(error)) from error

    @property
    def sweep(self) -> str | None:
        return self.where.sweep

    @property
    def filters(self) -> dict[str, Any]:
        """Return what the filter asks for, the sweep left out."""
        found = self.where.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in found.items() if name != "sweep"}

    def link(self, path: str, **changes: Any) -> str:
        """Return the address of a page with this state, but for some changes; None leaves out."""
        found: dict[str, Any] = self.where.model_dump(mode="json", exclude_none=True)
        own = self.model_dump(mode="json", exclude={"where"}, exclude_defaults=True)
        own.pop("since", None)
        found |= own | changes
        pairs = [
            (name, _written(one))
            for name, value in found.items()
            for one in (value if isinstance(value, list | tuple) else [value])
            if one is not None and one is not False
        ]
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def only(self) -> Self:
        """Return the filter's state alone, for a page that shows something else of it."""
        return self.model_copy(
            update={
                name: field.default
                for name, field in type(self).model_fields.items()
                if name != "where"
            }
        )


def _check_size(pairs: Sequence[tuple[str, str]]) -> None:
    if len(pairs) > MOST_VALUES:
        raise AskedError(f"expected at most {MOST_VALUES} values in an address; found {len(pairs)}")
    for name, value in pairs:
        if len(value) > LONGEST_VALUE:
            raise AskedError(
                f"{_cut(name)}: expected at most {LONGEST_VALUE} characters, found {len(value):,}; "
                "shorten it"
            )
        if "\0" in value:  # which no database takes
            raise AskedError(f"{_cut(name)}: expected text, found a NUL character; remove it")


def _in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    place = str(first["loc"][-1])
    expected = first["msg"].removeprefix("Input should be ").replace("'", "")
    return f"{place}: expected {expected}; found {_cut(str(first['input']))!r}"


def _written(value: Any) -> str:
    return "1" if value is True else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}…"


def chips(asked: Asked, path: str) -> list[Mapping[str, str]]:
    """Return each part of the filter, with the address of the page without it."""
    return [
        {
            "name": name.replace("_", " "),
            "value": str(value),
            "without": asked.link(path, **{name: None, "page": None}),
        }
        for name, value in asked.filters.items()
    ]
