"""A trial in object storage is what it is in a folder, whoever is killed or wakes up again."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sweeping import run_sweep, write_sweep

from adapter_lib.storage.atomic_write import creating
from orchestrator.running.driver import plan_sweep
from workers.contract import claims, results
from workers.contract.claims import write_claim
from workers.contract.events import EventKind, TrialEvent
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import TrialResult, commit, read_result
from workers.contract.storage import log_parts, scratch
from workers.contract.storage.object_storage import ObjectStorage
from workers.contract.storage.scratch import scratch_folder
from workers.contract.storage.trial_files import FolderFiles
from workers.contract.trial import Trial
from workers.errors import ClaimLostError, DamagedObjectError, StorageError
from workers.running.bundle import run_bundle
from workers.running.sent_sources import send_sources, with_sources_here
from workers.running.warm_state import WarmState

BODY = """\
pretraining: { mlm: { texts: same, training: { epochs: 1 } } }
adapter: { bottleneck_size: 8, start_from: [none, mlm] }
trials:
  - {}
  - method: head_only
  - method: full_fine_tuning
fusion:
  - targets: one
    sources: { tasks: all }
    pruning: { keep: [1] }
"""
SMALL = "adapter: { bottleneck_size: 8 }\n"


@pytest.fixture
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStorage:
    return ObjectStorage.open(f"memory://{tmp_path.name}-{request.node.name}/w").patient(0)


@pytest.fixture
def node(storage: ObjectStorage, tmp_path: Path) -> Callable[[str], Workspace]:
    """The workspace as one node sees it."""
    return lambda name: Workspace(tmp_path / name, storage=storage)


@pytest.fixture
def one_trial(tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]) -> Trial:
    path = write_sweep(tmp_path, toy_base, make_task("one"), body=SMALL)
    (trial,) = plan_sweep(path)[0].trials.values()
    return trial


def warm_state() -> WarmState:
    return WarmState(torch.device("cpu"), FastPath(checkpoint_share=1))


def test_every_kind_of_trial_is_the_same_as_in_a_folder(
    tmp_path: Path,
    toy_base: Path,
    make_task: Callable[..., Path],
    storage: ObjectStorage,
    node: Callable[[str], Workspace],
) -> None:
    path = write_sweep(tmp_path, toy_base, make_task("one"), make_task("two", seed=1), body=BODY)
    in_folder = run_sweep(path, Workspace(tmp_path / "folder"))
    in_storage = run_sweep(path, node("node"))
    assert len({trial.method for trial, _ in in_storage}) == 6
    for (trial, mine), (_, theirs) in zip(in_storage, in_folder, strict=True):
        same = {"scores", "adapter", "pretrained", "sources", "kept", "attention"}
        assert mine.model_dump(include=same) == theirs.model_dump(include=same), trial.label
        files = node("elsewhere").trial(trial.trial_id).files
        assert (mine.left is None) == trial.method.trains_base
        if mine.left is not None:
            assert files.has_adapter(mine.left.files)
        assert b"finished: " in files.log_reader().new()
    kinds = {name.split("/")[3] for name in storage.names("trials")}
    assert kinds == {"result.json", "adapter", "kept", "logs"}, "no checkpoint, no failure"
    assert not any((tmp_path / "node").glob("trials/*/*")), "nothing stays on the node"
    found = node("elsewhere").found([t.trial_id for t, _ in in_storage] + ["f" * 20])
    assert [f.result for f in found.values()] == [True] * len(in_storage) + [False]
    assert sum(f.adapter for f in found.values()) == len(in_storage) - 2


def stop_after_an_epoch(trial: Trial, workspace: Workspace) -> None:
    events = run_bundle([trial], workspace, warm_state())
    assert next(e for e in events if e.kind is EventKind.EPOCH).epoch is not None
    events.close()  # as a worker that is lost in the second epoch


def finish(trial: Trial, workspace: Workspace) -> list[TrialEvent]:
    return list(run_bundle([trial], workspace, warm_state()))


def test_another_node_goes_on_from_the_last_checkpoint_that_is_whole(
    one_trial: Trial, storage: ObjectStorage, node: Callable[[str], Workspace], tmp_path: Path
) -> None:
    undisturbed = Workspace(tmp_path / "undisturbed")
    finish(one_trial, undisturbed)
    stop_after_an_epoch(one_trial, node("first"))
    assert not (tmp_path / "first").exists() or not any((tmp_path / "first").glob("trials/*/*"))
    place = f"trials/{one_trial.trial_id[:2]}/{one_trial.trial_id}"
    (kept,) = storage.names(f"{place}/checkpoints")
    storage.write(f"{place}/checkpoints/99999999999999999999-later.pt", storage.read(kept)[:100])
    shutil.rmtree(tmp_path / "first", ignore_errors=True)

    events = finish(one_trial, node("second"))
    log = node("third").trial(one_trial.trial_id).files.log_reader().new().decode()
    assert events[-1].kind is EventKind.FINISHED
    assert "the checkpoint cannot be used, starting over" in log, "the later one was cut"
    assert storage.names(f"{place}/checkpoints") == []

    ours = read_result(node("third").trial(one_trial.trial_id))
    theirs = read_result(undisturbed.trial(one_trial.trial_id))
    assert ours is not None
    assert theirs is not None
    assert (ours.scores, ours.adapter) == (theirs.scores, theirs.adapter)


def test_a_whole_checkpoint_is_gone_on_from(
    one_trial: Trial, node: Callable[[str], Workspace]
) -> None:
    stop_after_an_epoch(one_trial, node("first"))
    finish(one_trial, node("second"))
    log = node("third").trial(one_trial.trial_id).files.log_reader().new().decode()
    assert "resumed after epoch 1" in log
    assert log.index("start: ") < log.index("resumed") < log.index("finished"), "in their order"


def test_an_owner_that_wakes_up_late_changes_nothing(
    one_trial: Trial,
    storage: ObjectStorage,
    node: Callable[[str], Workspace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even where it was stopped between looking at its claim and writing."""
    first = replace(node("first"), attempts={one_trial.trial_id: 1})
    second = replace(node("second"), attempts={one_trial.trial_id: 2})
    write_claim(first.trial(one_trial.trial_id), 1)
    events = run_bundle([one_trial], first, warm_state())
    assert next(e for e in events if e.kind is EventKind.EPOCH)
    write_claim(second.trial(one_trial.trial_id), 2)
    finish(one_trial, second)
    before = {n: storage.read(n) for n in storage.names("trials") if "/logs/" not in n}

    for where in (claims, results):
        monkeypatch.setattr(where, "check_claim", lambda _: None)
    monkeypatch.setattr("workers.running.one_trial.check_claim", lambda _: None)
    monkeypatch.setattr("workers.running.bundle.check_claim", lambda _: None)
    assert [e.kind for e in events][-1] is EventKind.ABANDONED
    after = {n: storage.read(n) for n in storage.names("trials") if "/logs/" not in n}
    changed = {n for n in before if after.get(n) != before[n]}
    assert changed == set(), "what the second committed is as it was"


@pytest.fixture(params=["folder", "storage"])
def either(
    request: pytest.FixtureRequest, tmp_path: Path, node: Callable[[str], Workspace]
) -> Workspace:
    return Workspace(tmp_path / "folder") if request.param == "folder" else node("node")


def test_a_result_is_committed_once(either: Workspace, one_trial: Trial, tmp_path: Path) -> None:
    finish(one_trial, Workspace(tmp_path / "elsewhere"))
    result = read_result(Workspace(tmp_path / "elsewhere").trial(one_trial.trial_id))
    assert result is not None
    paths = either.trial(one_trial.trial_id)
    commit(paths, result)
    commit(paths, result)  # the same says nothing new
    other: TrialResult = result.model_copy(update={"score": 0.25})
    with pytest.raises(ClaimLostError, match="another attempt has finished the trial"):
        commit(paths, other)
    assert read_result(paths) == result
    paths.files.write("result.json", b'{\n "sha256": "cut')
    assert read_result(paths) is None
    commit(paths, other)  # what is damaged says nothing, and is replaced
    assert read_result(paths) == other


def test_a_folder_without_hard_links_takes_results_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    files = FolderFiles(tmp_path)
    assert files.create("result.json", b"one")
    assert not files.create("result.json", b"two")
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]
    with pytest.raises(FileExistsError), creating(tmp_path / "result.json") as draft:
        draft.write_bytes(b"three")
    assert files.read("result.json") == b"one"


def test_an_adapter_is_refused_when_damaged_or_gone(
    one_trial: Trial, storage: ObjectStorage, node: Callable[[str], Workspace]
) -> None:
    finish(one_trial, node("first"))
    paths = node("second").trial(one_trial.trial_id)
    result = read_result(paths)
    assert result is not None
    assert result.left is not None
    files = result.left.files
    weights = next(n for n in storage.names("trials") if n.endswith("adapter.safetensors"))
    whole = storage.read(weights)
    storage.write(weights, whole[:-1] + bytes([whole[-1] ^ 1]))
    assert not paths.files.has_adapter(files)
    with pytest.raises(DamagedObjectError, match=r"is damaged: expected SHA-256"):
        paths.files.adapter(files).__enter__()
    storage.delete([weights])
    with pytest.raises(DamagedObjectError, match="is gone: `adaptersweep repair`"):
        paths.files.adapter(files).__enter__()
    top = weights.partition("/adapter/")[0]
    storage.write(f"{top}/adapter/adapter.safetensors", whole)
    assert paths.files.has_adapter(files), "as a copy of a folder has it"


def test_a_checkpoint_that_the_storage_does_not_take_costs_nothing(
    one_trial: Trial, node: Callable[[str], Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    send = ObjectStorage.send

    def without_checkpoints(self: ObjectStorage, name: str, file: Path, sha256: str) -> None:
        if name.startswith("checkpoints/"):
            raise StorageError("cannot write: no room")
        send(self, name, file, sha256)

    monkeypatch.setattr(ObjectStorage, "send", without_checkpoints)
    assert finish(one_trial, node("first"))[-1].kind is EventKind.FINISHED
    log = node("third").trial(one_trial.trial_id).files.log_reader().new().decode()
    assert "the checkpoint is not in the storage: cannot write: no room" in log


def test_parts_of_a_log_are_read_in_their_order_as_they_come(
    storage: ObjectStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_parts, "EVERY_S", 0.01)
    path, logs = tmp_path / "worker.log", storage.below("logs")
    reader = log_parts.PartsReader(logs)
    assert reader.new() == b""
    path.write_text("before\n")
    log_parts.ship(path, logs)
    with path.open("a") as log:
        log.write("one\n")
    log_parts.ship_now(path)
    assert reader.new() == b"one\n"
    log_parts.ship(path, logs)
    with path.open("a") as log:
        log.write("two\n")
    log_parts.ship_now(path)
    assert reader.new() == b"two\n"
    assert log_parts.PartsReader(logs).new() == b"one\ntwo\n"


def test_tasks_and_bases_travel_by_the_hash_of_their_content(
    one_trial: Trial,
    node: Callable[[str], Workspace],
    storage: ObjectStorage,
    tmp_path: Path,
    toy_base: Path,
) -> None:
    here = tmp_path / "a base of this machine"
    shutil.copytree(toy_base, here)
    base = one_trial.base.model_copy(update={"source": f"folder:{here}"})
    trial = one_trial.model_copy(update={"base": base})
    send_sources([trial], node("driver"))
    sent = storage.names("sent")
    send_sources([trial], node("driver"))
    assert storage.names("sent") == sent, "once"
    assert with_sources_here(trial, node("first")) == trial, "it is on this node"
    shutil.rmtree(here)
    shutil.rmtree(tmp_path / "tasks")
    fetched = with_sources_here(trial, node("second"))
    assert fetched.trial_id == trial.trial_id
    assert finish(fetched, node("second"))[-1].kind is EventKind.FINISHED
    storage.delete(storage.names("sent"))
    assert with_sources_here(trial, node("second")) == fetched, "a node keeps what it has"
    other = trial.model_copy(update={"base": base.model_copy(update={"identity": "sha256:1"})})
    with pytest.raises(StorageError, match=r"expected the files of .*base-1, found none"):
        with_sources_here(other, node("second"))
    listing = b'{"../outside": "' + hashlib.sha256(b"").hexdigest().encode() + b'"}'
    storage.write("sent/base-1/listing.json", listing)
    with pytest.raises(StorageError, match="leads elsewhere"):
        with_sources_here(other, node("second"))


def test_the_folder_of_a_dead_process_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / f"adaptersweep-{os.getuid()}"
    (home / "4000000-1" / "trials").mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    scratch._made_by.cache_clear()
    try:
        mine = scratch_folder()
        assert list(home.iterdir()) == [mine]
        scratch._made_by.cache_clear()
        assert scratch_folder() == mine, "one that lives stays"
    finally:
        scratch._made_by.cache_clear()
