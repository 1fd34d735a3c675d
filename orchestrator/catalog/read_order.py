"""Say how databases read trials: from which index, and before or after another table.

Unless it was asked to count, SQLite does not know how many rows a table has. It takes any unique
key to be the best way to a row, though an index may hold all that is asked: then a hundred thousand
wide rows are read where a narrow index would do. PostgreSQL counts by itself, but gives
up the order of an index for values from another table, and takes two tables for independent.
"""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from orchestrator.catalog.tables import (
    COMPARED_TRIALS,
    SUBMITTED_TRIALS,
    TRIAL_COLUMNS,
    TRIAL_STATES,
    TRIALS_TOLD,
    outbox,
    sweep_trials,
    trials,
)


class HintingCompiler(SQLiteCompiler):
    """Writes a hint behind the table that it is of, as SQLAlchemy does for other databases."""

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        return text


def from_columns(query: Select[Any], *, sweep_first: bool = True) -> Select[Any]:
    """Read trials from the index that has every short column.

    Args:
        sweep_first: read those of a sweep in the order of that index, and look up each; otherwise
            read all trials, and look up whether the sweep has those that are wanted.
    """
    if sweep_first:
        query = query.with_hint(sweep_trials, f"INDEXED BY {SUBMITTED_TRIALS}", "sqlite")
    return query.with_hint(trials, f"INDEXED BY {TRIAL_COLUMNS}", "sqlite")


def from_compared(query: Select[Any]) -> Select[Any]:
    """Read trials from the index that is in the order of configurations."""
    return query.with_hint(trials, f"INDEXED BY {COMPARED_TRIALS}", "sqlite")


def from_states(query: Select[Any]) -> Select[Any]:
    """Read trials from the index that is in the order of their states."""
    return query.with_hint(trials, f"INDEXED BY {TRIAL_STATES}", "sqlite")


def from_trials_told(query: Select[Any]) -> Select[Any]:
    """Look up what was told of some trials, not all that was told of their sweep."""
    return query.with_hint(outbox, f"INDEXED BY {TRIALS_TOLD}", "sqlite")


class read_first(FunctionElement[Any]):  # noqa: N801, a function of SQL
    """A column by which SQLite looks nothing up, so that its table is the one read first."""

    inherit_cache = True


@compiles(read_first)
def _column(element: read_first, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(read_first, "sqlite")
def _no_key(element: read_first, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


class among(FunctionElement[bool]):  # noqa: N801
    """Whether a column has one of the values that are selected.

    PostgreSQL selects them first and then follows an index of the column, in whose order it can
    group; for a subquery it looks up each and has to hash all rows, which takes longer.
    """

    inherit_cache = True
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], values: Select[Any]) -> None:
        super().__init__(column, values.scalar_subquery())


@compiles(among)
def _in(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN {values}"


@compiles(among, "postgresql")
def _in_array(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY (ARRAY{values})"


class implied(FunctionElement[bool]):  # noqa: N801
    """A condition that follows from the others, though PostgreSQL does not conclude it."""

    inherit_cache = True
    type = Boolean()


@compiles(implied)
def _nothing(element: implied, compiler: SQLCompiler, **options: Any) -> str:
    return "1 = 1"


@compiles(implied, "postgresql")
def _condition(element: implied, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)
