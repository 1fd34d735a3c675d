"""Commands over a workspace in object storage, and what cannot be one."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import obstore
import pytest
import torch
from typer.testing import CliRunner

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import SubmissionOutcome, TrialState
from orchestrator.command_line import app
from orchestrator.errors import OrchestratorError
from orchestrator.mlflow.mirror import Publisher
from orchestrator.mlflow.runs import prepare_store
from orchestrator.planning.selection import choose
from orchestrator.registry.registered import RegisteredAdapter
from orchestrator.registry.registration import register_winner
from orchestrator.running.board import Board
from orchestrator.running.driver import plan_sweep
from orchestrator.running.missing_files import find_missing
from orchestrator.running.work_queue import WorkQueue, WorkState
from orchestrator.stores import Stores, check_storage
from workers.contract.paths import Workspace
from workers.contract.storage.object_storage import ObjectStorage
from workers.errors import StorageError
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

PRUNABLE = ("adapter", "checkpoints")
SWEEP = """\
name: small
base_models: {{ toy: {{ source: "folder:{base}" }} }}
tasks: {{ one: {{ folder: "{tasks}/one" }} }}
seeds: [0, 1, 2, 3]
adapter: {{ bottleneck_size: 4 }}
training: {{ learning_rate: 1e-2, batch_size: 8, max_length: 16, epochs: 1 }}
"""


class Installation:
    """A small sweep whose driver and worker ran in this process, over one object storage."""

    def __init__(self, sweep: Path, folder: Path) -> None:
        self.url = f"memory://{folder.name}/sweeps"
        self.storage = ObjectStorage.open(self.url)
        self.catalog_url = f"sqlite:///{folder / 'catalog.sqlite'}"
        self.tracking = f"sqlite:///{folder / 'mlflow.sqlite'}"
        self.stores = Stores.at(self.url, catalog=self.catalog_url, tracking=self.tracking)
        self.stores.prepare()
        prepare_store(self.tracking)
        self.catalog = Catalog.open(self.catalog_url)
        self.plan = plan_sweep(sweep)[0]
        self.ids = list(self.plan.trials)
        submission = self.catalog.begin_submission("small", "", list(self.plan.trials.values()))
        queue = WorkQueue(self.plan.trials)
        self.board = Board(queue, self.catalog, self.stores.workspace, submission)
        warm = WarmState(torch.device("cpu"))
        while bundle := self.board.next_bundle(size=8, workers=1):
            attempts = {t.trial_id: self.board.attempts[t.trial_id] for t in bundle}
            workspace = replace(Workspace.at(self.url), attempts=attempts)
            self.board.take(*run_bundle(bundle, workspace, warm))
        self.catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)
        publisher = Publisher(self.catalog, self.stores, "small")
        publisher.start()
        assert publisher.drain(60) == 0
        publisher.stop()

    @property
    def environment(self) -> dict[str, str]:
        places = {"ADAPTERSWEEP_WORKSPACE": self.url, "ADAPTERSWEEP_CATALOG": self.catalog_url}
        return places | {"MLFLOW_TRACKING_URI": self.tracking}

    def run(self, *command: str, code: int = 0) -> str:
        said = CliRunner().invoke(app, command, env=self.environment)
        assert said.exit_code == code, (said.output, said.exception)
        return said.stdout

    def found(self, *options: str, code: int = 0) -> dict[str, list[str]]:
        said = json.loads(self.run("repair", "--json", *options, code=code))
        return {row["what"]: row["trials"] for row in said["found"]}

    def names(self, trial_id: str, below: str = "") -> list[str]:
        return self.storage.names(f"trials/{trial_id[:2]}/{trial_id}/{below}".rstrip("/"))

    def register(self) -> RegisteredAdapter:
        results = self.catalog.results(self.ids)
        rules = self.plan.spec.select
        (winner,) = choose(rules, self.plan.trials.values(), results, dict.fromkeys(self.ids, "c"))
        entry = register_winner(self.catalog, self.stores, winner, sweep="small")
        assert isinstance(entry, RegisteredAdapter)
        return entry


@pytest.fixture
def installation(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> Iterator[Installation]:
    make_task("one")
    sweep = tmp_path / "small.yaml"
    sweep.write_text(SWEEP.format(base=toy_base, tasks=tmp_path / "tasks"))
    made = Installation(sweep, tmp_path)
    yield made
    made.catalog.close()


def test_commands_read_what_is_in_the_storage_and_the_registry_takes_it(
    installation: Installation, tmp_path: Path
) -> None:
    here = installation
    assert here.board.counts() == {TrialState.FINISHED: 4}
    trial = here.ids[0]
    assert "finished: accuracy" in here.run("logs", trial)
    assert here.run("logs", trial, "--lines", "1").count("\n") == 1
    assert "finished: accuracy" in here.run("logs", trial, "--follow")
    shown = json.loads(here.run("show", trial, "--json"))
    assert shown["adapter_folder"] == f"{here.url}/trials/{trial[:2]}/{trial}/adapter"
    assert f"{here.url}/trials/" in "".join(here.run("show", trial).split())
    planned = json.loads(here.run("plan", str(tmp_path / "small.yaml"), "--json"))
    assert planned["to_run"] == 0
    checks = {row["what"]: row for row in json.loads(here.run("doctor", "--json"))}
    assert checks["workspace"]["found"] == f"{here.url}, writable, keeps to put-if-absent"

    entry = here.register()
    assert any((tmp_path / "mlflow-artifacts" / "small").rglob("adapter.safetensors"))
    target = tmp_path / "pulled"
    here.run("pull", "one@champion", "--to", str(target))
    assert here.run("predict", str(target), "good film").split()[0] in ("good", "bad")
    assert here.run("predict", "one@champion", "good film").split()[0] in ("good", "bad")
    (weights,) = (n for n in here.names(entry.trial_id) if n.endswith("adapter.safetensors"))
    here.storage.write(weights, b"damaged")
    with pytest.raises(OrchestratorError, match=r"is damaged.*; the adapter is not registered"):
        here.register()


def test_what_does_not_agree_is_mended_and_what_is_removed_is_gone(
    installation: Installation,
) -> None:
    here = installation
    here.found()  # tells MLflow of the end
    assert here.found("--dry-run") == {}
    damaged, cut, gone, whole = here.ids
    (weights,) = (n for n in here.names(damaged) if n.endswith("adapter.safetensors"))
    here.storage.write(weights, b"damaged")
    (result,) = (n for n in here.names(cut) if n.endswith("result.json"))
    here.storage.write(result, here.storage.read(result)[:200])
    here.storage.delete(here.names(gone, "adapter"))
    assert list(here.found("--dry-run", code=1).values()) == [[damaged, gone], [cut]]
    assert list(here.found().values()) == [[damaged, gone], [cut]]
    assert here.found() == {}
    states = here.catalog.states("small")
    assert [states[i] for i in here.ids] == [
        TrialState.PENDING,
        TrialState.FINISHED,
        TrialState.PENDING,
        TrialState.FINISHED,
    ]
    left = {name.split("/")[3] for name in here.names(damaged)}
    assert left == {"claim", "trial.json", "logs"}
    missing = find_missing(here.plan, [cut, whole], here.stores.workspace)
    assert (missing.trials, missing.everything) == ([], False)
    here.storage.delete([result])
    assert find_missing(here.plan, [cut, whole], here.stores.workspace).trials == [cut]
    assert "Removed 4 trials" in here.run("remove", "small", "--yes")
    assert here.storage.names("trials") == []


def test_what_nothing_needs_is_pruned_and_everything_agrees_afterwards(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = installation
    here.found()  # tells MLflow of the end
    winner = here.register().trial_id
    others = sorted(i for i in here.ids if i != winner)
    here.storage.write(f"trials/{others[0][:2]}/{others[0]}/checkpoints/1-a.pt", b"left over")
    kept = [n for i in others for n in here.names(i) if n.split("/")[3] not in PRUNABLE]
    sizes = here.storage.sizes("trials")
    expected = sum(size for n, size in sizes.items() if n.split("/")[2] in others and n not in kept)
    shown = json.loads(here.run("prune", "--json"))
    assert (shown["finished"], shown["size_bytes"]) == (others, expected)
    assert here.storage.sizes("trials") == sizes, "it was only shown"

    def refuse(self: ObjectStorage, names: Any) -> None:
        raise StorageError("cannot delete: no answer")

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStorage, "delete", refuse)
        said = CliRunner().invoke(app, ["prune", "-w", here.url, "--yes"], env=here.environment)
        assert "no answer" in str(said.exception)
        assert "prune again" in str(said.exception)
    assert here.found("--dry-run") == {}, "what was marked is not taken for lost"

    assert "Pruned 3 trials." in here.run("prune", "--yes")
    left = sorted(n for i in others for n in here.names(i))
    assert left == sorted([*kept, *(f"trials/{i[:2]}/{i}/pruned" for i in others)])
    assert any(n.split("/")[3] == "adapter" for n in here.names(winner))
    assert here.found("--dry-run") == {}
    missing = find_missing(here.plan, here.ids, here.stores.workspace)
    assert (missing.trials, missing.everything) == ([], False)
    assert json.loads(here.run("prune", "--json"))["size_bytes"] == 0


def test_files_of_trials_that_no_sweep_asks_for_go_whole(installation: Installation) -> None:
    here = installation
    chosen = here.ids[0]
    here.catalog.forget_results([chosen])
    rest = [t for i, t in here.plan.trials.items() if i != chosen]
    submission = here.catalog.begin_submission("small", "", rest)
    here.catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)
    assert here.names(chosen)
    assert json.loads(here.run("prune", "--json"))["abandoned"] == [chosen]
    here.run("prune", "--yes")
    assert here.names(chosen) == []


def test_trials_whose_files_cannot_be_written_are_given_back(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = installation

    def refuse(self: ObjectStorage, name: str, content: bytes) -> None:
        raise StorageError(f"cannot write {name}: no room")

    here.storage.delete(n for n in here.storage.names("trials") if n.endswith("result.json"))
    here.catalog.forget_results(here.ids)
    submission = here.catalog.begin_submission("small", "", list(here.plan.trials.values()))
    queue = WorkQueue(here.plan.trials)
    board = Board(queue, here.catalog, here.stores.workspace, submission)
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStorage, "write", refuse)
        assert board.next_bundle(size=8, workers=1) == []
    assert queue.counts() == {WorkState.ELSEWHERE: 4}
    assert set(here.catalog.states("small").values()) == {TrialState.PENDING}
    monkeypatch.setattr("orchestrator.running.board.CATALOG_POLL_S", 0.0)
    board.heed()
    assert len(board.next_bundle(size=8, workers=1)) == 4


def test_a_storage_that_writes_over_what_is_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = obstore.put

    def careless(*arguments: Any, mode: str | None = None, **more: Any) -> Any:
        return put(*arguments, **more)

    monkeypatch.setattr(obstore, "put", careless)
    with pytest.raises(StorageError, match=r"writes over objects .*\(If-None-Match: \*\)"):
        check_storage(ObjectStorage.open(f"memory://{tmp_path.name}"))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("s3://bucket/group/one/", "s3://bucket/group/one"),
        (Path("s3://bucket/group/one"), "s3://bucket/group/one"),
        (Path("gs://bucket"), "gs://bucket"),
        ("file:///shared/sweeps", "/shared/sweeps"),
        (Path("file:///shared/a%20b"), "/shared/a b"),
        ("/shared/sweeps", "/shared/sweeps"),
    ],
)
def test_a_workspace_is_named_by_a_folder_or_a_url(given: str | Path, address: str) -> None:
    assert Stores.at(given).workspace.address == address
    assert Workspace.at(address).address == address, "a node is told the same"


def test_databases_of_sqlite_are_not_in_object_storage() -> None:
    stores = Stores.at("s3://bucket/sweeps")
    with pytest.raises(OrchestratorError, match="--catalog: expected an address such as postgres"):
        _ = stores.catalog_url
    with pytest.raises(OrchestratorError, match="--tracking: expected an address such as http"):
        _ = stores.tracking_uri
    with pytest.raises(OrchestratorError, match="expected a folder that every node sees, or the"):
        Stores.at(Path("ftp://user:secret@host/x"))
