"""Two sweeps on one real Ray cluster: the one of higher priority gets the workers first."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialFilter, TrialState
from tests.integration.test_cluster import Cluster
from workers.contract.paths import Workspace

pytestmark = pytest.mark.slow

Until = Callable[[Callable[[], bool], float, str], None]
PATIENT, URGENT = 60, 30
"""Trials of each sweep."""


@pytest.fixture
def cluster(
    tmp_path: Path, environment: dict[str, str], free_port: Callable[[], int]
) -> Iterator[Cluster]:
    """A cluster with room for two workers, which commands find by its token."""
    port = free_port()
    made = Cluster(tmp_path, environment, port)
    environment.update(made.environment)
    try:
        made.add("--head", "--port", str(port), "--num-cpus", "2", "--include-dashboard", "false")
        yield made
    finally:
        for node in made.nodes:
            made.kill(node)


def started(catalog: Catalog, sweep: str) -> list[datetime]:
    """Return when trials of a sweep were given to workers, in order."""
    rows = catalog.trials(TrialFilter(sweep=sweep), "trial_id", limit=None)
    return sorted(a.started_at for row in rows for a in catalog.attempts(row.trial_id))


def test_workers_go_to_the_sweep_of_higher_priority_first(
    cluster: Cluster,
    adaptersweep: Callable[..., Any],
    background: Callable[..., Any],
    toy_sweep: Callable[..., Path],
    until: Until,
    tmp_path: Path,
) -> None:
    workspace = tmp_path / "workspace"
    stores = ("-w", workspace, "--address", cluster.address)
    patient = toy_sweep(seeds="[0, 1]", epochs=18)
    urgent = toy_sweep(epochs=12, name="urgent.yaml")
    urgent.write_text(urgent.read_text().replace("name: toy", "name: urgent"))

    first = background("submit", patient, *stores)
    until(lambda: len(list(workspace.glob("trials/*/*/result.json"))) >= 2, 180, "it has begun")
    with Catalog.open(Workspace(workspace).catalog_url, create=False) as catalog:
        second = background("submit", urgent, *stores)
        names = lambda: {row.name for row in catalog.sweeps()}  # noqa: E731
        until(lambda: "urgent" in names(), 120, "the other is submitted")
        assert adaptersweep("limit", "urgent", "--priority", "5", "-w", workspace).code == 0
        said = tmp_path / "background-0.log"
        held = "sweep urgent has a higher priority and waits for workers"
        until(lambda: held in said.read_text(), 60, "the first sweep is told so")
        since = datetime.now(UTC)

        assert second.wait(timeout=240) == 0, (tmp_path / "background-1.log").read_text()
        counts = catalog.counts("toy")
        assert counts[TrialState.FINISHED] < PATIENT, "the sweep that began first is not done"
        of_urgent, of_patient = started(catalog, "urgent"), started(catalog, "toy")
        assert len(of_urgent) == URGENT
        assert since < of_urgent[-1], "the urgent one had trials to hand out then"
        between = [moment for moment in of_patient if since < moment < of_urgent[-1]]
        assert between == [], "while it had more to run, the other was given nothing new"

        assert first.wait(timeout=240) == 0, said.read_text()
        assert catalog.counts("toy")[TrialState.FINISHED] == PATIENT
