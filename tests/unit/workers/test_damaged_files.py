"""What a crash, a full disk or a bad disk leaves of a trial's files is noticed and done again."""

import errno
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from sweeping import write_sweep

from adapter_lib.storage.atomic_write import remove_leftovers, replacing
from orchestrator.running.driver import plan_sweep
from workers.contract.events import EventKind
from workers.contract.fast_path import FastPath
from workers.contract.paths import TrialPaths, Workspace
from workers.contract.results import (
    FailureReason,
    TrialFailure,
    TrialResult,
    commit,
    read_failure,
    read_result,
)
from workers.contract.trial import Trial
from workers.errors import CheckpointError, ResultFileError
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState
from workers.training.checkpoint import read_checkpoint, write_checkpoint

BODY = """\
adapter: { bottleneck_size: 4 }
training: { learning_rate: 1e-2, batch_size: 8, max_length: 16, epochs: 4 }
seeds: [0, 1]
"""


@pytest.fixture
def trials(tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]) -> list[Trial]:
    path = write_sweep(tmp_path, toy_base, make_task("one"), body=BODY)
    return list(plan_sweep(path)[0].trials.values())


def warm_state(width: int = 1) -> WarmState:
    fast_path = FastPath(checkpoint_share=1, cache_gib=0, pack_width=width)
    return WarmState(torch.device("cpu"), fast_path)


def run(trial: Trial, folder: Path) -> TrialResult:
    workspace = Workspace(folder)
    assert list(run_bundle([trial], workspace, warm_state()))[-1].kind is EventKind.FINISHED
    result = read_result(workspace.trial(trial.trial_id))
    assert result is not None
    return result


def stop_after(epochs: int, trials: list[Trial], folder: Path, width: int = 1) -> None:
    """Run until each trial has told of so many epochs, and stop as a killed worker does."""
    events = cast(Any, run_bundle(trials, Workspace(folder), warm_state(width)))
    told = 0
    while told < epochs * len(trials):
        told += next(events).kind is EventKind.EPOCH
    events.close()


def same(one: TrialResult, other: TrialResult) -> bool:
    """Compare all scores, and losses as far as a pack rounds as one alone does."""
    curves = [[e.train_loss for e in result.curve] for result in (one, other)]
    return one.scores == other.scores and curves[0] == pytest.approx(curves[1], rel=1e-5)


def damages(content: bytes, draw: random.Random) -> Iterator[bytes]:
    """Give cuts and flipped bits, everywhere and where the file is described."""
    ends = [*range(200), *range(len(content) - 400, len(content))]
    for at in [*draw.sample(range(len(content)), 300), *ends]:
        flipped = bytearray(content)
        flipped[at] ^= 1 << draw.randrange(8)
        yield bytes(flipped)
    for cut in (0, 1, 31, 32, 33, 100, len(content) // 2, len(content) - 32, len(content) - 1):
        yield content[:cut]
    yield content + b"\0"
    yield bytes(len(content))


def test_no_damage_to_a_checkpoint_is_read(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    state = {"model": {"w": torch.randn(40)}, "curve": [{"epoch": 1, "loss": 0.5}]}
    write_checkpoint(path, state)
    whole = path.read_bytes()
    found = read_checkpoint(path)
    assert torch.equal(found["model"]["w"], state["model"]["w"])  # type: ignore[index]
    assert found["curve"] == state["curve"]
    for content in damages(whole, random.Random(0)):
        path.write_bytes(content)
        with pytest.raises(CheckpointError):
            read_checkpoint(path)
    path.unlink()
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


def test_a_whole_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, [1, 2])  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="list"):
        read_checkpoint(path)


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize(
    "damage", ["one bit of a weight", "cut", "of another kind", "other device"]
)
def test_a_trial_whose_checkpoint_is_damaged_starts_over(
    trials: list[Trial], tmp_path: Path, damage: str, width: int
) -> None:
    for folder in (tmp_path / "whole", tmp_path / "stopped"):
        for together in [trials] if width > 1 else [[trial] for trial in trials]:
            stop_after(2, together, folder, width)
    # What starts over does so alone; the other one goes on as it would have without the damage.
    Workspace(tmp_path / "whole").trial(trials[0].trial_id).checkpoint.unlink()
    expected = [run(trial, tmp_path / "whole") for trial in trials]
    path = Workspace(tmp_path / "stopped").trial(trials[0].trial_id).checkpoint
    content = bytearray(path.read_bytes())
    state = read_checkpoint(path)
    match damage:
        case "one bit of a weight":
            at = content.find(state["model"]["head.output.weight"].numpy().tobytes())
            content[at + 3] ^= 0x40  # the exponent's highest bit: it is 1e38 times as much then
            path.write_bytes(content)
        case "cut":
            path.write_bytes(content[:-3])
        case "of another kind":
            write_checkpoint(path, {"model": state["model"]})
        case _:
            write_checkpoint(path, state | {"device": "cuda"})
    again = [run(trial, tmp_path / "stopped") for trial in trials]
    assert all(map(same, again, expected))
    logs = [Workspace(tmp_path / "stopped").trial(t.trial_id).log.read_text() for t in trials]
    assert ["starting over" in log for log in logs] == [True, False]
    assert "resumed after epoch" in logs[1]


def test_memory_that_runs_out_costs_no_checkpoint(
    trials: list[Trial], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(2, trials[:1], tmp_path)
    paths = Workspace(tmp_path).trial(trials[0].trial_id)

    def no_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", no_memory)
        list(run_bundle(trials[:1], Workspace(tmp_path), warm_state()))
    failure = read_failure(paths)
    assert failure is not None
    assert failure.reason is FailureReason.OUT_OF_MEMORY
    run(trials[0], tmp_path)
    assert "resumed after epoch 2" in paths.log.read_text()


@pytest.mark.parametrize("width", [1, 2])
def test_a_disk_too_full_for_checkpoints_costs_no_trial(
    trials: list[Trial], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    expected = [run(trial, tmp_path / "whole") for trial in trials]
    workspace = Workspace(tmp_path / "full")

    class Full:
        def __init__(self, of: object) -> None:
            self._of, self._room = of, 3000

        def write(self, data: bytes) -> int:
            self._room -= len(data)
            if self._room < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(self._of.write(data))  # type: ignore[attr-defined]

        def flush(self) -> None: ...

    save = torch.save
    monkeypatch.setattr(torch, "save", lambda state, stream: save(state, cast(Any, Full(stream))))
    list(run_bundle(trials, workspace, warm_state(width)))
    for trial, wanted in zip(trials, expected, strict=True):
        paths = workspace.trial(trial.trial_id)
        result = read_result(paths)
        assert result is not None, read_failure(paths)
        assert [s.metrics for s in result.scores] == [s.metrics for s in wanted.scores]
        assert "No space left" in paths.log.read_text()
        assert sorted(p.name for p in paths.folder.iterdir()) == [
            "adapter",
            "predictions.safetensors",
            "result.json",
            "worker.log",
        ]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    with replacing(path) as temporary:
        temporary.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_what_is_written_is_on_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, done = tmp_path / "file", []
    flush, rename = os.fsync, Path.replace

    def spied_flush(opened: int) -> None:
        done.append("file" if os.path.isfile(f"/proc/self/fd/{opened}") else "folder")  # noqa: PTH113
        flush(opened)

    def spied_rename(one: Path, other: Path) -> Path:
        done.append("rename")
        return rename(one, other)

    monkeypatch.setattr(os, "fsync", spied_flush)
    monkeypatch.setattr(Path, "replace", spied_rename)
    write_checkpoint(path, {})
    assert done == ["file", "rename", "folder"]
    failure = TrialFailure(trial_id="a", reason="error", message="", at_unix_ms=0)
    commit(TrialPaths(tmp_path), failure)
    assert done[3:] == done[:3]


def test_what_killed_writers_left_is_removed(trials: list[Trial], tmp_path: Path) -> None:
    (trial, _), workspace = trials, Workspace(tmp_path)
    paths = workspace.trial(trial.trial_id)
    left = [".failure.json.12", ".checkpoint.pt.12.abcd", ".adapter.xyz"]
    paths.folder.mkdir(parents=True)
    for name in left[:2]:
        (paths.folder / name).write_text("cut of")
    (paths.folder / left[2] / "new").mkdir(parents=True)
    for name, age_s in zip(left, (7200, 0, 0), strict=True):
        then = time.time() - age_s
        os.utime(paths.folder / name, (then, then))
    stop_after(1, [trial], tmp_path)
    assert [(paths.folder / name).exists() for name in left] == [False, True, True]
    run(trial, tmp_path)  # and now nobody writes there any more
    assert sorted(p.name for p in paths.folder.iterdir()) == [
        "adapter",
        "predictions.safetensors",
        "result.json",
        "worker.log",
    ]


def test_leftovers_that_are_still_written_to_stay(tmp_path: Path) -> None:
    (tmp_path / ".new").touch()
    (tmp_path / "file").touch()
    remove_leftovers(tmp_path, older_than_s=60)
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(tmp_path, older_than_s=0)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_damaged_result_is_no_result_and_is_made_again(
    trials: list[Trial], tmp_path: Path
) -> None:
    trial = trials[0]
    paths = Workspace(tmp_path).trial(trial.trial_id)
    expected = run(trial, tmp_path)
    whole = paths.result.read_bytes()
    score = whole.index(b'"score":') + len(b'"score":')
    digit = next(i for i in range(score, score + 9) if whole[i : i + 1].isdigit())
    other = bytearray(whole)
    other[digit] ^= 1  # still JSON, still a number
    json.loads(bytes(other))
    for content in [bytes(other), *damages(whole, random.Random(1))]:
        paths.result.write_bytes(content)
        found = read_result(paths)
        assert found is None, content
    paths.result.write_bytes(whole)
    assert read_result(paths) == expected
    for content in (bytes(other), whole[:-1], b"", b"\xff", b"null"):
        paths.result.write_bytes(content)
        assert same(run(trial, tmp_path), expected)


def test_a_damaged_failure_says_nothing(tmp_path: Path) -> None:
    paths = TrialPaths(tmp_path)
    failure = TrialFailure(trial_id="a", reason="diverged", message="it ö", at_unix_ms=0)
    commit(paths, failure)
    whole = paths.failure.read_bytes()
    assert read_failure(paths) == failure
    for content in damages(whole + b" " * 400, random.Random(2)):
        paths.failure.write_bytes(content[:-400])
        assert read_failure(paths) in (None, failure)
    paths.failure.write_bytes(whole.replace(b"diverged", b"worker_lost"))
    assert read_failure(paths) is None


def test_a_result_of_another_version_fails_its_trial_alone(
    trials: list[Trial], tmp_path: Path
) -> None:
    """It is whole: what another version says is not thrown away, and not taken for damage."""
    (one, other), workspace = trials, Workspace(tmp_path)
    failure = TrialFailure(trial_id="a", reason="error", message="", at_unix_ms=0)
    paths = workspace.trial(one.trial_id)
    commit(paths, failure)
    paths.failure.rename(paths.result)
    with pytest.raises(ResultFileError, match="of this version"):
        read_result(paths)
    list(run_bundle(trials, workspace, warm_state()))
    found = read_failure(paths)
    assert found is not None
    assert found.reason is FailureReason.BAD_INPUT
    assert read_result(workspace.trial(other.trial_id)) is not None


@pytest.mark.parametrize("gone", [False, True])
def test_a_trial_that_builds_on_damaged_files_says_what_to_do(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], gone: bool
) -> None:
    body = (
        "pretraining: { mlm: { texts: same } }\nadapter: { bottleneck_size: 4, start_from: mlm }\n"
    )
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one", train=8), body=body))
    pretraining, started = plan.trials.values()
    run(pretraining, tmp_path)
    paths = Workspace(tmp_path).trial(pretraining.trial_id)
    weights = paths.adapter / "adapter.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    if not gone:
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    list(run_bundle([started], Workspace(tmp_path), warm_state()))
    failure = read_failure(Workspace(tmp_path).trial(started.trial_id))
    assert failure is not None
    assert failure.reason is FailureReason.BAD_INPUT
    assert f"remove {paths.adapter} and submit with --retrain-missing" in failure.message
