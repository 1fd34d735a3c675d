"""What MLflow shows of a sweep, and that nothing is lost or told twice when it is down."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select, update

from orchestrator.catalog import Catalog, SubmissionOutcome, tables
from orchestrator.catalog.store import now
from orchestrator.mlflow.mirror import publishing
from orchestrator.mlflow.run_content import description, parameters, result_points, result_tags
from orchestrator.mlflow.runs import connect
from orchestrator.planning.selection import Standing, Winner
from orchestrator.registry.lookup import pull
from orchestrator.registry.registration import register_winner
from orchestrator.stores import Stores
from tests.unit.orchestrator.halved_sweeps import made_stop
from workers.contract.checksums import folder_digest
from workers.contract.results import FailureReason, PrefixUse, TrialFailure
from workers.contract.task_card import Split
from workers.contract.trial import Training, Trial


@pytest.fixture
def catalog(stores):
    with Catalog.open(stores.catalog_url) as opened:
        yield opened


def runs_of(stores, sweep="s"):
    """Return the parent run, and each trial's run by its trial id, each one once."""
    client = connect(stores.tracking_uri)
    experiment = client.get_experiment_by_name(f"adaptersweep/{sweep}")
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    counts = Counter(r.data.tags.get("trial_id") for r in runs)
    assert set(counts.values()) == {1}, counts
    by_trial = {r.data.tags.get("trial_id"): r for r in runs}
    return by_trial.pop(None), by_trial


def curve(stores, run, name):
    history = connect(stores.tracking_uri).get_metric_history(run.info.run_id, name)
    return sorted((m.step, m.timestamp, m.value) for m in history)


def test_a_finished_trial_is_a_run_with_its_curves_and_files(catalog, stores, samples):
    trial = samples.trial(depth=2)
    result = samples.result(trial, adapter=samples.adapter(stores, trial))
    catalog.begin_submission("s", "", [trial])
    with publishing(catalog, stores, "s") as publisher:
        catalog.record_epoch("s", trial.trial_id, result.curve[0])
        assert publisher.drain(60) == 0
        _, live = runs_of(stores)
        assert live[trial.trial_id].info.status == "RUNNING"
        assert live[trial.trial_id].data.metrics["train_loss"] == 1.0

        catalog.record_result("s", result)
        assert publisher.drain(60) == 0

    parent, runs = runs_of(stores)
    run = runs[trial.trial_id]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == trial.label == "rte · adapter · pfeiffer r24 · drop 2 · seed 1"
    assert run.info.end_time == result.finished_at_unix_ms
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert run.data.tags["adapter_digest"] == result.adapter.digest
    wanted = {
        "task": "rte",
        "base": "minilm",
        "method": "adapter",
        "placement": "pfeiffer",
        "bottleneck_size": "24",
        "non_linearity": "relu",
        "sharing": "none",
        "drop_mode": "specialised",
        "drop_depth": "2",
        "seed": "1",
        "learning_rate": "0.0001",
        "epochs": "3",
        "batch_size": "32",
        "precision": "float32",
        "trial_id": trial.trial_id,
    }
    assert wanted.items() <= run.data.params.items()
    # A setting without a value, such as no patience, is no parameter.
    assert set(run.data.params) >= set(Training.model_fields) - {"patience"}
    assert "None" not in run.data.params.values()
    assert run.data.metrics["score"] == 0.7
    epochs = [(e.epoch, e.at_unix_ms, e.selection_score) for e in result.curve]
    assert curve(stores, run, "validation_score") == epochs
    assert curve(stores, run, "validation/accuracy") == epochs
    depths = [(d, result.finished_at_unix_ms, s) for d, s in result.by_depth.items()]
    assert curve(stores, run, "score_at_depth") == depths
    artifacts = {
        a.path for a in connect(stores.tracking_uri).list_artifacts(run.info.run_id, "adapter")
    }
    assert artifacts == {"adapter/adapter.json", "adapter/adapter.safetensors"}
    assert list(stores.workspace.mlflow_artifacts.rglob("adapter.json"))


def test_a_run_says_what_was_taken_from_the_cache(samples):
    prefix = PrefixUse(
        cut_points={Split.TRAIN: ("1-feed-forward-sum",), Split.TEST: ()},
        computed=1,
        bytes=4096,
        prepare_s=0.5,
    )
    result = samples.result(samples.trial(), 0.7).model_copy(update={"prefix": prefix})
    assert result_tags(result)["prefix"] == "train at 1-feed-forward-sum"
    points = {point.name: point.value for point in result_points(result)}
    assert (points["prefix_bytes"], points["prefix_computed"]) == (4096, 1)
    plain = samples.result(samples.trial(), 0.7)
    assert "prefix" not in result_tags(plain)


def test_the_test_score_is_at_the_trials_own_depth(catalog, stores, samples):
    trial = samples.trial()
    catalog.begin_submission("s", "", [trial])
    catalog.record_result("s", samples.result(trial, 0.7))
    with publishing(catalog, stores, "s") as publisher:
        assert publisher.drain(60) == 0
    _, runs = runs_of(stores)
    assert runs[trial.trial_id].data.metrics["test_score"] == pytest.approx(0.65)


def test_a_person_finds_the_best_run_from_the_description(catalog, stores, samples):
    better, worse = samples.trial(seed=1, size=24), samples.trial(seed=1, size=48)
    cola = samples.trial(task="cola")
    catalog.begin_submission("s", "", [better, worse, cola])
    for trial, score in ((better, 0.8), (worse, 0.6), (cola, 0.4)):
        catalog.record_result("s", samples.result(trial, score))
    with publishing(catalog, stores, "s") as publisher:
        assert publisher.drain(60) == 0
    parent, runs = runs_of(stores)
    client = connect(stores.tracking_uri)
    note = client.get_experiment(parent.info.experiment_id).tags["mlflow.note.content"]
    assert note == parent.data.tags["mlflow.note.content"]
    runs_page = f"#/experiments/{parent.info.experiment_id}/runs"
    scores = [
        f"[{score}]({runs_page}/{runs[trial.trial_id].info.run_id})"
        for trial, score in ((cola, "0.4000"), (better, "0.8000"), (worse, "0.6000"))
    ]
    first, _, rest = note.partition("\n")
    by_score = f"[trials by score]({runs_page}?viewStateShareKey=trials)"
    assert first == f"**s**: 3 finished. Best: cola {scores[0]} · rte {scores[1]} · {by_score}"
    rows = [line for line in rest.splitlines() if line.startswith("| [")]
    assert rows == [
        f"| {scores[0]} | 1 | 0.3500 | adapter · pfeiffer r24 |",
        f"| {scores[1]} | 1 | 0.7500 | adapter · pfeiffer r24 |",
        f"| {scores[2]} | 1 | 0.5500 | adapter · pfeiffer r48 |",
    ]
    assert parent.data.metrics == {
        "trials_finished": 3,
        "best_mean/rte": 0.8,
        "best_mean/cola": 0.4,
    }


def test_a_description_of_many_tasks_fits_what_mlflow_keeps(catalog, samples):
    trials = [samples.trial(task=f"task {n:03}", size=size) for n in range(80) for size in (8, 16)]
    catalog.begin_submission("s", "", trials)
    for trial in trials:
        catalog.record_result("s", samples.result(trial))
    counts, board = catalog.counts("s"), catalog.leaderboard("s")
    texts = {
        limit: description("s", counts, board, run_link=lambda t: f"#/{t}", limit_chars=limit)
        for limit in (100_000, 19_000, 3_000)
    }
    assert [len(text) <= limit for limit, text in texts.items()] == [True] * 3
    tables_ = [text.count("\n###") for text in texts.values()]
    rows = [text.count("\n| [") for text in texts.values()]
    assert tables_ == [80, 80, 20]
    assert rows == [160, 80, 20]
    assert texts[3_000].endswith("`adaptersweep best`.)")


def test_a_description_has_a_column_where_something_stands_in_it(catalog, samples):
    trials = [samples.trial(seed=seed) for seed in (1, 2)]
    catalog.begin_submission("s", "", trials)
    for trial, score in zip(trials, (0.6, 0.8), strict=True):
        catalog.record_result("s", samples.result(trial, score))
    counts, (row,) = catalog.counts("s"), catalog.leaderboard("s")
    other = row.model_copy(update={"best": row.best.model_copy(update={"base_name": "other"})})
    one, two = (
        description("s", counts, board, run_link=lambda t: None, limit_chars=9_000).splitlines()
        for board in ([row], [row, other])
    )
    assert one[3:5] == ["| accuracy | std | seeds | test | configuration |", "--|--|--|--|--"]
    assert two[3] == "| accuracy | std | seeds | test | configuration | base |"
    spread = "| 0.7000 | 0.1414 | 2 | 0.6500 ± 0.1414 | adapter · pfeiffer r24 |"
    assert (one[5], two[5]) == (spread, f"{spread} minilm |")


def test_runs_are_named_by_what_the_sweep_sweeps(catalog, stores, samples):
    """Also those that were there before it swept that; a sweep's columns hold every setting."""
    slow = samples.trial(rate=1e-4)
    fields = {name: getattr(slow, name) for name in Trial.model_fields}
    fast = Trial(**fields | {"training": Training(learning_rate=1e-2, epochs=3)})
    fast = fast.model_copy(update={"reduction_factor": 16.0})
    catalog.begin_submission("s", "", [slow])
    with publishing(catalog, stores, "s") as publisher:
        catalog.record_result("s", samples.result(slow))
        assert publisher.drain(60) == 0
        _, runs = runs_of(stores)
        before = runs[slow.trial_id].info.run_name
        catalog.begin_submission("s", "", [slow, fast])
        catalog.record_result("s", samples.result(fast))
        assert publisher.drain(60) == 0
    _, runs = runs_of(stores)
    assert before == "rte · adapter · pfeiffer r24 · seed 1"
    assert {t: runs[t.trial_id].info.run_name for t in (slow, fast)} == {
        slow: "rte · adapter · pfeiffer r24 · learning rate 0.0001 · seed 1",
        fast: "rte · adapter · pfeiffer r24 (d/16) · learning rate 0.01 · seed 1",
    }
    assert runs[slow.trial_id].info.status == "FINISHED"
    params = runs[fast.trial_id].data.params
    assert (params["learning_rate"], params["reduction_factor"]) == ("0.01", "16.0")


def test_a_fusions_columns_say_what_it_joins(samples):
    sources = [samples.trial(task=task, size=8) for task in ("rte", "cola")]
    fusion = samples.fusion(*sources)
    found = parameters(fusion, {t.trial_id: t for t in sources})
    assert found["sources"] == "rte, cola"
    assert found["source_bottleneck_size"] == "8"
    assert len(found) > len(parameters(fusion, {}))


def test_publishing_twice_changes_nothing(catalog, stores, samples):
    trial = samples.trial()
    result = samples.result(trial, adapter=samples.adapter(stores, trial))
    catalog.begin_submission("s", "", [trial])
    for epoch in result.curve:
        catalog.record_epoch("s", trial.trial_id, epoch)
    catalog.record_result("s", result)

    def published():
        with publishing(catalog, stores, "s") as publisher:
            assert publisher.drain(60) == 0
        parent, runs = runs_of(stores)
        run = runs[trial.trial_id]
        curves = {n: curve(stores, run, n) for n in run.data.metrics}
        curves |= {n: curve(stores, parent, n) for n in parent.data.metrics}
        return curves, run.data.to_dictionary(), run.info, parent.data.tags

    first = published()
    with catalog._writing() as connection:  # as if the driver died before it noted any delivery
        connection.execute(update(tables.outbox).values(delivered_at=None))
        connection.execute(tables.mlflow_runs.delete())
    assert str(published()) == str(first)


def test_what_is_told_is_noted_together_and_artifacts_are_not_asked_for(
    catalog, stores, samples, monkeypatch
):
    from mlflow import MlflowClient

    every = [samples.trial(seed=n) for n in range(1, 9)]
    catalog.begin_submission("s", "", every)
    for trial in every:
        adapter = samples.adapter(stores, trial)
        catalog.record_result("s", samples.result(trial, adapter=adapter))
    noted, asked = [], []
    mark, get = Catalog.mark_delivered, MlflowClient.get_run
    monkeypatch.setattr(
        Catalog, "mark_delivered", lambda self, ids: (noted.append(list(ids)), mark(self, ids))
    )
    monkeypatch.setattr(
        MlflowClient, "get_run", lambda self, run_id: (asked.append(run_id), get(self, run_id))[1]
    )
    monkeypatch.setattr("orchestrator.mlflow.mirror._NOTE_S", 60.0)
    with publishing(catalog, stores, "s") as publisher:
        assert publisher.drain(60) == 0
    assert max(map(len, noted)) >= len(every), "one transaction for all that a round tells"
    parent, runs = runs_of(stores)
    assert set(asked) <= {parent.info.run_id}
    client = connect(stores.tracking_uri)
    for run in runs.values():
        assert len(client.list_artifacts(run.info.run_id, "adapter")) == 2
    known = catalog.mlflow_runs("s", stores.tracking_identity)
    assert known == {i: run.info.run_id for i, run in runs.items()} | {None: parent.info.run_id}


def test_a_reused_trial_is_published_in_the_new_sweep_too(catalog, stores, samples):
    trial = samples.trial()
    catalog.begin_submission("first", "", [trial])
    catalog.record_result("first", samples.result(trial))
    catalog.begin_submission("second", "", [trial])
    for sweep in ("first", "second"):
        with publishing(catalog, stores, sweep) as publisher:
            assert publisher.drain(60) == 0
        _, runs = runs_of(stores, sweep)
        assert runs[trial.trial_id].data.metrics["score"] == 0.7


def test_states_are_mirrored(catalog, stores, samples):
    failed, open_ = samples.trial(seed=1), samples.trial(seed=2)
    submission = catalog.begin_submission("s", "", [failed, open_])
    catalog.claim([failed.trial_id, open_.trial_id], submission.id)
    with publishing(catalog, stores, "s") as publisher:
        catalog.record_epoch("s", open_.trial_id, samples.epoch(1))
        failure = TrialFailure(
            trial_id=failed.trial_id,
            reason=FailureReason.DIVERGED,
            message="the loss is nan",
            at_unix_ms=1,
        )
        catalog.record_failure("s", failure)
        catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)
        assert publisher.drain(60) == 0
    parent, runs = runs_of(stores)
    assert parent.info.status == "KILLED"
    assert runs[open_.trial_id].info.status == "KILLED"
    assert runs[failed.trial_id].info.status == "FAILED"
    assert runs[failed.trial_id].data.tags["failure_message"] == "the loss is nan"

    again = catalog.begin_submission("s", "", [failed, open_])
    catalog.claim([failed.trial_id, open_.trial_id], again.id)
    with publishing(catalog, stores, "s") as publisher:
        catalog.record_epoch("s", open_.trial_id, samples.epoch(2))
        assert publisher.drain(60) == 0
        parent, runs = runs_of(stores)
        assert parent.info.status == runs[open_.trial_id].info.status == "RUNNING"
        for trial in (failed, open_):
            catalog.record_result("s", samples.result(trial))
        catalog.end_submission(again.id, SubmissionOutcome.COMPLETED)
        assert publisher.drain(60) == 0
    parent, runs = runs_of(stores)
    assert {parent.info.status, *(r.info.status for r in runs.values())} == {"FINISHED"}
    assert "failure_message" not in runs[failed.trial_id].data.tags


@pytest.mark.parametrize("seen_running", [True, False])
def test_a_trial_that_went_on_after_a_stop_is_not_shown_as_stopped(
    catalog, stores, samples, seen_running
):
    trial = samples.trial()
    submission = catalog.begin_submission("s", "", [trial])
    with publishing(catalog, stores, "s") as publisher:
        catalog.record_stopped("s", {trial.trial_id: made_stop(trial.trial_id)})
        catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)
        assert publisher.drain(60) == 0
    _, runs = runs_of(stores)
    assert runs[trial.trial_id].data.tags["stopped_by"] == "halving"

    again = catalog.begin_submission("s", "", [trial])
    catalog.claim([trial.trial_id], again.id)
    with publishing(catalog, stores, "s") as publisher:
        catalog.record_epoch("s", trial.trial_id, samples.epoch(1))
        if seen_running:
            assert publisher.drain(60) == 0
        catalog.record_result("s", samples.result(trial))
        catalog.end_submission(again.id, SubmissionOutcome.COMPLETED)
        assert publisher.drain(60) == 0
    _, runs = runs_of(stores)
    tags = runs[trial.trial_id].data.tags
    assert tags["state"] == "finished"
    assert [name for name in tags if name.startswith("stopped_")] == []


def test_one_trial_without_its_files_does_not_hold_up_the_others(catalog, stores, samples):
    broken, fine = samples.trial(seed=1), samples.trial(seed=2)
    catalog.begin_submission("s", "", [broken, fine])
    adapter = samples.adapter(stores, broken)
    catalog.record_result("s", samples.result(broken, adapter=adapter))
    catalog.record_result("s", samples.result(fine))
    shutil.rmtree(stores.workspace.trial(broken.trial_id).adapter)
    with publishing(catalog, stores, "s") as publisher:
        deadline = time.monotonic() + 60
        while catalog.count_undelivered("s") > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert publisher.drain(0.5) == 1
        (entry,) = catalog.undelivered("s", early=True)
        assert entry.trial_id == broken.trial_id
        assert entry.tries > 0
        assert "expected adapter files in" in entry.last_error
        samples.adapter(stores, broken)
        assert publisher.drain(60) == 0
    _, runs = runs_of(stores)
    assert runs[broken.trial_id].info.status == runs[fine.trial_id].info.status == "FINISHED"


def test_a_fresh_mlflow_store_is_told_everything_again(catalog, stores, samples, empty_mlflow):
    trial = samples.trial()
    catalog.begin_submission("s", "", [trial])
    catalog.record_result("s", samples.result(trial))
    for _ in range(2):
        with publishing(catalog, stores, "s") as publisher:
            assert publisher.drain(60) == 0
        _, runs = runs_of(stores)
        assert runs[trial.trial_id].data.metrics["score"] == 0.7
        stores = Stores(stores.workspace, stores.catalog_url, stores.tracking_uri + ".new")
        shutil.copy(empty_mlflow, stores.tracking_uri.removeprefix("sqlite:///"))


def test_a_sweep_that_another_process_publishes_is_left_to_it(catalog, stores, samples):
    catalog.begin_submission("s", "", [samples.trial()])
    assert catalog.take_publishing("s")
    with catalog._writing() as connection:
        other = connection.scalar(select(tables.sweeps.c.publisher)).replace('"pid":', '"pid":1')
        other = other.replace('"host":"', '"host":"not-')
        connection.execute(update(tables.sweeps).values(publisher=other, publisher_until=now()))
        held = tables.sweeps.c.publisher_until
        connection.execute(update(tables.sweeps).values({held: now().replace(year=9999)}))
    with publishing(catalog, stores, "s") as publisher:
        assert publisher.drain(0.5) == 1


@pytest.mark.slow
def test_a_fresh_store_may_be_opened_by_many_at_once(tmp_path):
    uri = f"sqlite:///{tmp_path / 'new' / 'mlflow.sqlite'}"
    code = (
        "import sys; from orchestrator.mlflow.runs import prepare_store; prepare_store(sys.argv[1])"
    )
    opening = [
        subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, uri]) for _ in range(2)
    ]
    assert [p.wait(timeout=120) for p in opening] == [0, 0]


def test_importing_the_publisher_does_not_import_mlflow():
    code = (
        "import sys, orchestrator.mlflow.mirror, orchestrator.registry.lookup\n"
        "print('mlflow' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"


def test_a_submission_imports_mlflow_before_anything_else_runs(stores):
    """An import in one thread while another builds SQL finds modules that are half there."""
    code = """if True:
        import sys
        from pathlib import Path
        from orchestrator.running import driver
        from orchestrator.stores import Stores

        def opened(*_, **__):
            print([name in sys.modules for name in ("mlflow.artifacts", "mlflow.models")])
            raise SystemExit

        assert "mlflow" not in sys.modules
        driver.Catalog.open = opened
        stores = Stores.at(Path(sys.argv[1]))
        driver.submit(None, None, stores, address=None, watch=driver.Watch())
    """
    command = [sys.executable, "-W", "ignore", "-c", code, str(stores.workspace.root)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert answer.stdout == "[True, True]\n"


class Server:
    """A real MLflow server on loopback that can be stopped and started again."""

    def __init__(self, folder: Path, store: Path, port: int) -> None:
        self.uri = f"http://127.0.0.1:{port}"
        folder.mkdir()
        shutil.copy(store, folder / "server.sqlite")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder / 'server.sqlite'}"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ]

    def start(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True, cwd=self._folder
            )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError((self._folder / "server.log").read_text())

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)  # the session that it leads, and no other
            self._process.wait(timeout=30)
            self._process = None


@pytest.fixture
def server(tmp_path, empty_mlflow, free_port):
    made = Server(tmp_path / "server", empty_mlflow, free_port())
    yield made
    made.stop()


@pytest.mark.slow
def test_a_server_that_is_late_and_then_killed_ends_up_knowing_everything_once(
    catalog, stores, samples, server, tmp_path
):
    stores = Stores(stores.workspace, stores.catalog_url, server.uri)
    trials = [samples.trial(seed=n) for n in range(12)]
    catalog.begin_submission("s", "", trials)

    def finish(some):
        for trial in some:
            result = samples.result(trial, adapter=samples.adapter(stores, trial))
            for epoch in result.curve[:2]:
                catalog.record_epoch("s", trial.trial_id, epoch)
            catalog.record_result("s", result)

    with publishing(catalog, stores, "s") as publisher:
        finish(trials[:4])
        assert publisher.drain(1) > 0  # nobody there yet
        assert all(e.last_error for e in catalog.undelivered("s", early=True) if e.tries)
        server.start()
        assert publisher.drain(90) == 0

        finish(trials[4:8])
        time.sleep(0.3)  # somewhere in the middle of telling
        server.stop()
        finish(trials[8:])
        assert publisher.drain(1) > 0
        server.start()
        assert publisher.drain(90) == 0

    parent, runs = runs_of(stores)
    assert set(runs) == {t.trial_id for t in trials}
    assert {r.info.status for r in runs.values()} == {"FINISHED"}
    assert parent.data.metrics["trials_finished"] == 12
    for trial in trials:
        steps = [step for step, _, _ in curve(stores, runs[trial.trial_id], "train_loss")]
        assert steps == [1, 2, 3]
    artifacts = connect(stores.tracking_uri).list_artifacts(
        runs[trials[0].trial_id].info.run_id, "adapter"
    )
    assert len(artifacts) == 2
    assert not stores.workspace.mlflow_artifacts.exists()  # a server keeps its artifacts itself

    result = catalog.results([trials[3].trial_id])[trials[3].trial_id]
    standing = Standing(trials[3], result, "accuracy", 0.7, mean=0.7, std=None, seeds=1, planned=1)
    made = register_winner(catalog, stores, Winner("champion", standing))
    assert register_winner(catalog, stores, Winner("champion", standing)) == made
    folder = pull("rte@champion", tmp_path / "pulled", tracking_uri=server.uri)
    assert folder_digest(folder)[1] == result.adapter.digest
