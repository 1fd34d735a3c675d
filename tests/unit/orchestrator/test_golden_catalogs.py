"""Catalogs that earlier versions wrote, with data, are brought up to date and lose nothing.

`golden_catalogs/` has a dump for each schema that was ever in use and each database, made by the
code of that time (see its README). What they hold is read out of the dump itself by plain SQL
before anything of ours opens it.
"""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from orchestrator.catalog import Catalog, tables
from orchestrator.catalog.records import TrialState
from tests.unit.orchestrator.halved_sweeps import made_stop

FOLDER = Path(__file__).parent / "golden_catalogs"
SCHEMAS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")

HELD = {
    "states": "SELECT trial_id, state FROM trials",
    "scores": "SELECT trial_id, split, depth, metric, value FROM scores",
    "epochs": "SELECT trial_id, epoch, train_loss FROM epochs",
    "parents": "SELECT trial_id, parent_id FROM dependencies",
    "runs": "SELECT trial_id, run_id FROM mlflow_runs",
    "told": "SELECT key FROM outbox WHERE delivered_at IS NOT NULL",
    "attempts": "SELECT trial_id, outcome FROM attempts",
}
MOVES = {
    "0001": "SELECT alias, version, trial_id, score FROM registrations",
    "0002": "SELECT alias, version, trial_id, score FROM registrations",
}
MOVES_NOW = "SELECT alias, to_version, trial_id, score FROM alias_moves"


def restored(schema: str, kind: str, folder: Path, database: Callable[[], str]) -> str:
    """Make a database of a dump; return its URL."""
    dump = (FOLDER / f"{schema}.{kind}.sql").read_text(encoding="utf-8")
    if kind == "sqlite":
        path = folder / "catalog.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(dump)
        return f"sqlite:///{path}"
    import psycopg

    url = database()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(dump.encode())
    return url


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query, sorted; nothing of ours is in between."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            rows = connection.execute(query).fetchall()
    else:
        import psycopg

        with psycopg.connect(url.replace("+psycopg", "")) as other:
            rows = other.execute(query.encode()).fetchall()
    return sorted(rows, key=repr)


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_earlier_catalog_keeps_all_that_was_in_it(
    kind: str, schema: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = None if kind == "sqlite" else request.getfixturevalue("postgres_database")
    url = restored(schema, kind, tmp_path, database)
    assert asked(url, "SELECT version_num FROM alembic_version") == [(schema,)]
    held = {name: asked(url, query) for name, query in HELD.items()}
    moves = asked(url, MOVES.get(schema, MOVES_NOW))
    assert len(held["states"]) == 7
    assert all(held.values())
    assert moves

    with Catalog.open(url) as catalog:
        with catalog._reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            assert compare_metadata(context, tables.metadata) == []
        check_derived(catalog, dict(held["states"]))
        check_reading(catalog, dict(held["states"]))
        check_going_on(catalog, dict(held["states"]))

    with Catalog.open(url) as catalog:
        assert catalog.counts("golden")[TrialState.FINISHED] == 4
    for name in ("scores", "epochs", "parents", "runs", "told"):
        assert set(held[name]) <= set(asked(url, HELD[name])), name
    assert asked(url, MOVES_NOW) == moves


def check_derived(catalog: Catalog, states: dict[str, str]) -> None:
    """What an index repeats of other columns is what today's code would write."""
    results = catalog.results(states)
    t = tables.trials.c
    with catalog._reading() as connection:
        rows = connection.execute(
            select(t.trial_id, t.unsaid, t.unsaid_hash, t.test_score, t.configuration)
        ).all()
        links = tables.sweep_trials.c
        linked = connection.execute(select(links.trial_id, links.configuration)).all()
    for row in rows:
        found = results.get(row.trial_id)
        assert row.test_score == (found.test_score if found else None)
        assert row.unsaid_hash == hashlib.sha256(row.unsaid.encode()).hexdigest()[:20]
    assert any(row.test_score is not None for row in rows)
    own = {row.trial_id: row.configuration for row in rows}
    assert {row.trial_id: row.configuration for row in linked} == own


def check_reading(catalog: Catalog, states: dict[str, str]) -> None:
    """Everything can be read with today's classes: results, configurations, leaderboards."""
    finished = [i for i, state in states.items() if state == "finished"]
    results = catalog.results(states)
    assert sorted(results) == sorted(finished)
    assert all(results[i].trial_id == i for i in finished)
    assert sorted(catalog.with_parents(states)) == sorted(states)
    rows = {row.trial_id: row for row in catalog.trials(limit=None)}
    assert {i: row.state.value for i, row in rows.items()} == states
    assert {row.task for row in catalog.leaderboard("golden")} == {
        "docs/library",
        "docs/same_docstring",
    }
    reasons = sorted(str(f.reason or f.state) for f in catalog.failures("golden"))
    assert reasons == ["blocked", "diverged", "diverged"]
    assert [s.name for s in catalog.sweeps()] == ["golden"]
    assert catalog.count_undelivered("golden") == 0
    assert {m.alias for m in catalog.alias_moves()} == {"champion"}


def check_going_on(catalog: Catalog, states: dict[str, str]) -> None:
    """Today's driver goes on with it: what is finished stays, all else can be claimed.

    A recipe that has changed since gives the same configurations other ids, so those are all new.
    """
    planned = catalog.planned(states)
    submission = catalog.begin_submission("golden", "", list(planned.values()))
    finished = {i for i, state in states.items() if state == "finished"}
    assert set(catalog.finished(states)) == finished
    wanted = {trial.trial_id for trial in planned.values()}
    claimed = catalog.claim(wanted, submission.id)
    assert set(claimed) == wanted - finished
    again = [claimed[i] for i, state in states.items() if state == "failed" and i in claimed]
    assert all(attempt > 1 for attempt in again)
    check_stopping(catalog, sorted(claimed)[0], submission.id)


def check_stopping(catalog: Catalog, trial_id: str, submission_id: int) -> None:
    """The database takes the state that came with schema 0008."""
    stop = made_stop(trial_id)
    assert catalog.record_stopped("golden", {trial_id: stop}, by=submission_id) == {trial_id}
    assert catalog.trial(trial_id).state is TrialState.STOPPED
    assert trial_id in catalog.claim([trial_id], submission_id)
