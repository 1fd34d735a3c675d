"""What trials keep of every row they were measured on: the same numbers, whatever happened."""

import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from sweeping import run_sweep, write_sweep
from test_task_kinds import make

from orchestrator.running.driver import plan_sweep
from workers.contract.paths import Workspace
from workers.contract.predictions import (
    Place,
    Predictions,
    PredictionsFile,
    read_predictions,
    write_predictions,
)
from workers.contract.results import TrialResult, read_result
from workers.contract.task_card import Split, TaskKind
from workers.contract.trial import Trial
from workers.errors import PreemptedError, ResultFileError
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState
from workers.tasks.load import load_task
from workers.tasks.metrics import score_rows
from workers.training import trainer as training

TAGS = st.lists(st.integers(0, 300), max_size=4).map(tuple)
ROWS = st.one_of(
    st.lists(st.integers(0, 70_000)).map(np.array),
    st.lists(st.floats(allow_nan=False, width=64)).map(np.array),
    st.lists(st.text()),
    st.lists(TAGS),
)


@given(
    found=st.dictionaries(st.tuples(st.sampled_from(Split), st.integers(0, 40)), ROWS, max_size=4)
)
@settings(deadline=None)  # every file is flushed to the disk
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, found: dict[Place, Sequence[Any]]
) -> None:
    path = tmp_path_factory.mktemp("kept") / "predictions.safetensors"
    kept = {place: Predictions(rows) for place, rows in found.items()}
    again = read_predictions(path, write_predictions(path, kept))
    assert again.keys() == found.keys()
    for place, rows in found.items():
        assert list(again[place].answers) == list(rows)
        assert again[place].logits is None


BODY = """\
adapter: { bottleneck_size: 4 }
trials:
  - drop: { mode: [none, robust] }
  - method: [head_only, full_fine_tuning]
"""
FUSED = """\
adapter: { bottleneck_size: 4 }
fusion:
  - targets: one
    pruning: { keep: 1 }
"""


def check(trial: Trial, result: TrialResult, workspace: Workspace) -> None:
    """Score what was kept as the trial was scored; all that was measured must be there."""
    assert result.predictions is not None
    kept = read_predictions(workspace.trial(trial.trial_id).predictions, result.predictions)
    assert set(kept) == {(s.split, s.depth) for s in result.scores}
    rows = load_task(trial.task).splits
    for score in result.scores:
        found = kept[score.split, score.depth]
        assert score_rows(trial.task.card, found.answers, rows[score.split]) == score.metrics
        kind = trial.task.card.kind
        if kind in (TaskKind.SPAN, TaskKind.TOKEN_CLASSIFICATION):
            assert found.logits is None
            continue
        assert found.logits is not None
        assert found.logits.dtype == np.float16
        assert len(found.logits) == score.rows
        if kind is not TaskKind.REGRESSION:  # rounding may make two logits alike, but not swap them
            chosen = np.take_along_axis(
                found.logits, np.asarray(found.answers, np.int64)[:, None], axis=1
            )[:, 0]
            assert (chosen == found.logits.max(axis=1)).all()


@pytest.mark.parametrize("kind", ["choice", "span", "tags"])
def test_every_kind_of_task_keeps_what_its_scores_are_made_of(
    kind: str, tmp_path: Path, toy_base: Path
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    path = write_sweep(tmp_path, toy_base, make(tmp_path, kind, train=32), body=BODY)
    for trial, result in run_sweep(path, workspace):
        check(trial, result, workspace)


@pytest.mark.parametrize("body", [BODY, FUSED, "seeds: [0, 1, 2]\n" + BODY], ids=range(3))
@pytest.mark.parametrize("width", [1, 4])
def test_alone_and_in_packs_all_is_kept(
    body: str, width: int, tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    tasks = [make_task("one"), make_task("two", seed=1)]
    body += f"fast_path: {{ pack_width: {width} }}\n"
    plan = plan_sweep(write_sweep(tmp_path, toy_base, *tasks, body=body))[0]
    warm = WarmState(torch.device("cpu"), plan.spec.fast_path.settings)
    list(run_bundle(list(plan.trials.values()), workspace, warm))
    for trial in plan.trials.values():
        result = read_result(workspace.trial(trial.trial_id))
        assert result is not None
        check(trial, result, workspace)


def test_a_trial_that_goes_on_from_a_checkpoint_keeps_them_too(
    tmp_path: Path,
    toy_base: Path,
    make_task: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    body = BODY + "fast_path: { checkpoint_share: 1, pack_width: 1 }\n"
    plan = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=body))[0]
    trials = list(plan.trials.values())

    def warm() -> WarmState:
        return WarmState(torch.device("cpu"), plan.spec.fast_path.settings)

    def preempted(*_: object) -> None:
        raise PreemptedError("taken away")

    with monkeypatch.context() as patched:
        patched.setattr(training.Trainer, "final_evaluations", preempted)
        list(run_bundle(trials, workspace, warm()))
    assert all(workspace.trial(t.trial_id).checkpoint.exists() for t in trials)
    list(run_bundle(trials, workspace, warm()))
    for trial in trials:
        result = read_result(workspace.trial(trial.trial_id))
        assert result is not None
        check(trial, result, workspace)


def test_where_it_is_switched_off_there_is_no_file(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    path = write_sweep(tmp_path, toy_base, make_task("one"), body="keep_predictions: false\n")
    plan = plan_sweep(path)[0]
    warm = WarmState(torch.device("cpu"), keep_predictions=plan.spec.keep_predictions)
    list(run_bundle(list(plan.trials.values()), workspace, warm))
    (trial,) = plan.trials
    result = read_result(workspace.trial(trial))
    assert result is not None
    assert result.predictions is None
    assert not workspace.trial(trial).predictions.exists()


def test_switching_it_off_makes_no_other_trial(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]
) -> None:
    task = make_task("one")
    plans = [
        plan_sweep(write_sweep(tmp_path, toy_base, task, body=f"keep_predictions: {keep}\n"))[0]
        for keep in ("true", "false")
    ]
    assert plans[0].trials.keys() == plans[1].trials.keys()


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.safetensors"
    rows = [random.Random(0).randrange(3) for _ in range(50)]
    written = write_predictions(path, {(Split.TEST, 0): Predictions(np.array(rows))})
    content = path.read_bytes()
    for damaged in (content[:-1], content[:-1] + bytes([content[-1] ^ 1]), b""):
        path.write_bytes(damaged)
        with pytest.raises(ResultFileError, match="its checksum differs"):
            read_predictions(path, written)
    path.unlink()
    with pytest.raises(ResultFileError, match="cannot read"):
        read_predictions(path, written)
    for content in (b"no tensors", b"", save({"validation/x/answers": np.zeros(1)})):
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        with pytest.raises(ResultFileError, match="holds no predictions"):
            read_predictions(path, PredictionsFile(sha256=digest, size_bytes=len(content)))
