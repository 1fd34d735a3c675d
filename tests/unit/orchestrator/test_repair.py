"""`repair` puts right what does not agree between workspace, catalog and MLflow, and only that."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialState
from orchestrator.command_line import app
from orchestrator.errors import CatalogError
from orchestrator.mlflow.mirror import Publisher
from orchestrator.mlflow.runs import prepare_store
from orchestrator.running.board import Board
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkQueue
from orchestrator.stores import Stores
from workers.contract.results import read_result
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

SWEEP = """\
name: small
base_models: {{ toy: {{ source: "folder:{base}" }} }}
tasks: {{ one: {{ folder: "{tasks}/one" }} }}
seeds: [0, 1, 2, 3]
adapter: {{ bottleneck_size: 4 }}
training: {{ learning_rate: 1e-2, batch_size: 8, max_length: 16, epochs: 1 }}
"""


class Installation:
    """A small sweep that was run, with MLflow's store."""

    def __init__(self, sweep: Path, folder: Path) -> None:
        self.folder = folder
        self.stores = Stores.at(folder)
        self.stores.prepare()
        prepare_store(self.stores.tracking_uri)
        self.catalog = Catalog.open(self.stores.catalog_url)
        self.plan = plan_sweep(sweep)[0]
        self.ids = list(self.plan.trials)
        submission = self.catalog.begin_submission("small", "", list(self.plan.trials.values()))
        queue = WorkQueue(self.plan.trials)
        board = Board(queue, self.catalog, self.stores.workspace, submission)
        warm = WarmState(torch.device("cpu"))
        while bundle := board.next_bundle(size=8, workers=1):
            for event in run_bundle(bundle, self.stores.workspace, warm):
                board.take(event)
        self.submission = submission
        publisher = Publisher(self.catalog, self.stores, "small")
        publisher.start()
        assert publisher.drain(60) == 0
        publisher.stop()

    def repair(self, *options: str) -> Result:
        return CliRunner().invoke(app, ["repair", "-w", str(self.folder), "--json", *options])

    def found(self, *options: str) -> dict[str, list[str]]:
        said = self.repair(*options)
        assert said.exception is None or isinstance(said.exception, SystemExit), said.output
        answer = json.loads(said.stdout)
        assert answer["problems"] == []
        return {row["what"]: row["trials"] for row in answer["found"]}

    def end(self) -> None:
        from orchestrator.catalog.records import SubmissionOutcome

        self.catalog.end_submission(self.submission.id, SubmissionOutcome.COMPLETED)


@pytest.fixture
def installation(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> Iterator[Installation]:
    make_task("one")
    sweep = tmp_path / "small.yaml"
    sweep.write_text(SWEEP.format(base=toy_base, tasks=tmp_path / "tasks"))
    made = Installation(sweep, tmp_path / "workspace")
    yield made
    made.catalog.close()


def test_every_disagreement_is_found_said_and_mended(installation: Installation) -> None:
    here = installation
    here.end()
    here.found()  # tells MLflow of the end
    assert here.found("--dry-run") == {}
    damaged, cut, unrecorded, untold = here.ids
    paths = here.stores.workspace.trial
    (weights,) = paths(damaged).adapter.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    os.truncate(paths(cut).result, 100)
    with sqlite3.connect(here.folder / "catalog.sqlite") as catalog:
        catalog.execute(
            "UPDATE trials SET state = 'pending', result = NULL WHERE trial_id = ?", (unrecorded,)
        )
    with sqlite3.connect(here.folder / "mlflow.sqlite") as store:
        run = here.catalog.mlflow_runs("small", here.stores.tracking_identity)[untold]
        store.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (run,))

    seen = here.found("--dry-run")
    assert list(seen.values()) == [[damaged], [cut], [unrecorded], [untold]]
    assert here.repair("--dry-run").exit_code == 1
    assert read_result(paths(cut)) is None, "looking changes nothing"

    assert list(here.found().values()) == [[damaged], [cut], [unrecorded], [untold]]
    assert here.found() == {}
    states = here.catalog.states("small")
    assert states[damaged] is TrialState.PENDING
    assert not paths(damaged).adapter.exists()
    assert [states[i] for i in (cut, unrecorded, untold)] == [TrialState.FINISHED] * 3
    assert read_result(paths(cut)) == here.catalog.results([cut])[cut]
    again = here.catalog.mlflow_runs("small", here.stores.tracking_identity)[untold]
    assert again != run


def test_what_a_dead_submission_held_is_pending(installation: Installation) -> None:
    here = installation
    refused = here.repair()
    assert isinstance(refused.exception, CatalogError)
    assert "works on sweep small; stop it first" in str(refused.exception)
    with sqlite3.connect(here.folder / "catalog.sqlite") as catalog:
        catalog.execute("UPDATE submissions SET heartbeat_at = '2020-01-01 00:00:00.000000'")
        catalog.execute(
            "UPDATE trials SET state = 'running', result = NULL, claimed_by = 1 WHERE trial_id = ?",
            (here.ids[0],),
        )
    here.stores.workspace.trial(here.ids[0]).result.unlink()
    found = here.found()
    assert found.pop("1 submissions that nobody works on have not ended") == [here.ids[0]]
    assert found == {
        "MLflow has 0 finished trials of small not, 0 otherwise, and 1 entries wait for it": []
    }
    assert here.catalog.states("small")[here.ids[0]] is TrialState.PENDING
    assert here.catalog.open_submissions() == ([], [])


def test_a_workspace_of_another_catalog_is_left_alone(installation: Installation) -> None:
    here = installation
    here.end()
    (here.folder / "trials").rename(here.folder / "moved")
    refused = here.repair()
    assert isinstance(refused.exception, CatalogError)
    assert "not one of 4 finished trials has its files" in str(refused.exception)
    assert here.catalog.counts("small")[TrialState.FINISHED] == 4
    here.found("--all-lost")
    assert here.catalog.counts("small")[TrialState.PENDING] == 4
