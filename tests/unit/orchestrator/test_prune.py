"""`prune` deletes what nothing needs, says so first, and leaves a whole installation if killed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_repair import SWEEP, Installation
from typer.testing import CliRunner

from orchestrator.catalog import SubmissionOutcome, TrialState
from orchestrator.catalog.records import AliasMove, MoveKind
from orchestrator.catalog.store import now
from orchestrator.command_line import app
from orchestrator.errors import CatalogError, OrchestratorError
from orchestrator.running.board import Board
from orchestrator.running.missing_files import find_missing
from orchestrator.running.work_queue import WorkQueue
from workers.contract.storage import trial_files


def finish(catalog, samples, sweep, trials, others=()):
    submission = catalog.begin_submission(sweep, "", [*trials, *others])
    catalog.claim([t.trial_id for t in trials], submission.id)
    for trial in trials:
        catalog.record_result(sweep, samples.result(trial))
    catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)


def ids(*trials):
    return tuple(sorted(t.trial_id for t in trials))


def move(trial, kind):
    return AliasMove(
        name="n",
        task="rte",
        base="minilm",
        alias="champion",
        kind=kind,
        from_version=None,
        to_version="1",
        trial_id=trial.trial_id,
        score=0.7,
        why="for a test",
        moved_by="me@here",
        moved_at=now(),
    )


def test_what_nothing_needs_is_spare(catalog, samples):
    winner, weighed, loser, shared = (samples.trial(seed=n) for n in range(4))
    finish(catalog, samples, "s", [winner, weighed, loser, shared])
    finish(catalog, samples, "t", [shared])
    catalog.record_move(move(winner, MoveKind.REGISTERED))
    catalog.record_move(move(weighed, MoveKind.STAYED))
    spare = catalog.spare()
    assert (spare.finished, spare.abandoned) == (ids(loser, shared), ())
    assert (spare.registered, spare.built_on, spare.to_come) == (2, 0, 0)
    assert catalog.spare("s").finished == ids(loser)
    assert catalog.spare("t").finished == ()
    with pytest.raises(CatalogError, match="no sweep 'u'"):
        catalog.spare("u")


def test_what_is_to_come_keeps_what_it_is_built_on_and_its_sweep(catalog, samples):
    first, second = samples.trial(seed=1), samples.trial(seed=1, task="cola")
    fusion, other = samples.fusion(first, second), samples.trial(seed=5)
    finish(catalog, samples, "s", [first, second, other])
    assert catalog.spare().finished == ids(first, second, other)
    submission = catalog.begin_submission("t", "", [fusion])
    assert catalog.spare().finished == ids(other)
    assert catalog.spare().built_on == 2
    catalog.claim([fusion.trial_id], submission.id)
    catalog.record_result("t", samples.result(fusion))
    assert catalog.spare().finished == ids(first, second, other), "t runs, and asks for fusion"
    assert catalog.spare().to_come == 1
    catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)
    assert catalog.spare().finished == ids(first, second, other, fusion)
    pending = samples.trial(seed=9)
    submission = catalog.begin_submission("s", "", [first, pending])
    catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)
    spare = catalog.spare()
    assert spare.finished == ids(fusion), "nobody works on s, and its winner is not chosen yet"
    assert spare.to_come == 3
    submission = catalog.begin_submission("s", "", [first])  # no longer asks for the other one
    catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)
    assert catalog.spare().abandoned == ids(pending)


def test_what_comes_to_be_needed_meanwhile_stays(catalog, samples):
    first, second = samples.trial(seed=1), samples.trial(seed=1, task="cola")
    finish(catalog, samples, "s", [first, second])
    spare = catalog.spare()
    catalog.begin_submission("t", "", [samples.fusion(first, second)])
    gone: list[str] = []
    assert catalog.let_go(spare.finished, gone.extend) == 0
    assert gone == []


@pytest.fixture
def here(toy_base: Path, make_task: Callable[..., Path], tmp_path: Path) -> Iterator[Installation]:
    make_task("one")
    sweep = tmp_path / "small.yaml"
    sweep.write_text(SWEEP.format(base=toy_base, tasks=tmp_path / "tasks"))
    made = Installation(sweep, tmp_path / "workspace")
    made.catalog.record_move(move(made.plan.trials[made.ids[0]], MoveKind.REGISTERED))
    yield made
    made.catalog.close()


def call(here: Installation, *options: str) -> str:
    result = CliRunner().invoke(app, ["prune", "-w", str(here.folder), *options])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_files_go_once_they_were_shown_and_everything_agrees_afterwards(
    here: Installation,
) -> None:
    assert "kept: 3 of sweeps that run" in call(here, "--yes")
    here.end()
    here.found()
    paths = [here.stores.workspace.trial(i) for i in here.ids]
    expected = sum(f.stat().st_size for p in paths[1:] for f in p.adapter.rglob("*") if f.is_file())
    shown = json.loads(call(here, "--json"))
    assert (shown["finished"], shown["size_bytes"]) == (sorted(here.ids[1:]), expected)
    assert shown["pruned"] == 0
    assert "Nothing was deleted; --yes does it." in call(here)
    assert all(p.adapter.is_dir() for p in paths)

    assert "Pruned 3 trials." in call(here, "small", "--yes")
    assert [p.adapter.exists() for p in paths] == [True, False, False, False]
    assert all(p.result.exists() for p in paths)
    assert here.found("--dry-run") == {}
    states = here.catalog.states("small").values()
    assert set(states) == {TrialState.FINISHED}
    missing = find_missing(here.plan, here.ids, here.stores.workspace)
    assert (missing.trials, missing.needed, missing.everything) == ([], [], False)
    assert json.loads(call(here, "--json"))["size_bytes"] == 0

    paths[1].pruned.unlink()  # as the registry says where such a one wins
    assert list(here.found().values()) == [[here.ids[1]]]
    assert here.catalog.states("small")[here.ids[1]] is TrialState.PENDING


def test_who_is_killed_halfway_leaves_nothing_that_is_lost(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.end()
    here.found()
    deleted: list[Path] = []
    delete = trial_files.shutil.rmtree

    def die_at_the_second(path: Path) -> None:
        if len(deleted) == 1:
            next(path.glob("*")).unlink()  # half of an adapter
            raise OSError("killed")
        deleted.append(path)
        delete(path)

    monkeypatch.setattr(trial_files.shutil, "rmtree", die_at_the_second)
    with pytest.raises(OrchestratorError, match="prune again"):
        call(here, "--yes")
    monkeypatch.undo()
    assert here.found("--dry-run") == {}, "half an adapter is no damage where it is pruned"
    assert len(json.loads(call(here, "--json"))["finished"]) == 2
    assert "Pruned 2 trials." in call(here, "--yes")
    assert here.found("--dry-run") == {}


def test_what_is_tried_again_is_not_pruned_any_more(here: Installation) -> None:
    here.end()
    call(here, "--yes")
    chosen = here.ids[2]
    paths = here.stores.workspace.trial(chosen)
    assert paths.pruned.exists()
    here.catalog.forget_results([chosen])
    paths.result.unlink()
    submission = here.catalog.begin_submission("small", "", list(here.plan.trials.values()))
    queue = WorkQueue(here.plan.trials, here.catalog.finished(here.plan.trials))
    board = Board(queue, here.catalog, here.stores.workspace, submission)
    assert [t.trial_id for t in board.next_bundle(size=8, workers=1)] == [chosen]
    assert not paths.pruned.exists()
