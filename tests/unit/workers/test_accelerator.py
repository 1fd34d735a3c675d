"""A pass of a pack on a device that is not the CPU: it computes there, and waits for nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sweeping import write_sweep

from orchestrator.running.driver import plan_sweep
from tests.meta_device import meta_device, packed_there
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.trial import Method
from workers.joint.joint_training import Pack, packable
from workers.running.bundle import run_bundle
from workers.running.one_trial import begin_training
from workers.running.warm_state import WarmState

KINDS = """\
adapter: { bottleneck_size: 6 }
training: { learning_rate: 1e-2, batch_size: 4, max_length: 16, epochs: 2, weight_decay: 0.1 }
seeds: [0, 1]
trials:
  - drop: { mode: [none, specialised, robust], depth: [1, 2] }
  - adapter: { sharing: all_layers, placement: [pfeiffer, houlsby, parallel] }
  - method: head_only
fusion:
  - targets: one
    sources: { tasks: all, where: { sharing: none, placement: pfeiffer } }
    drop: { mode: [none, robust] }
"""


@pytest.mark.parametrize("cache_gib", [0.0, 1.0])
def test_a_pass_waits_for_nothing(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path, cache_gib: float
) -> None:
    tasks = [make_task(name, seed=i, train=40) for i, name in enumerate(("one", "two"))]
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, *tasks, body=KINDS))
    trials, workspace = list(plan.trials.values()), Workspace(tmp_path / "run")
    settings = FastPath(cache_gib=cache_gib, cache_folder=str(tmp_path / "cache"))
    warm = WarmState(torch.device("cpu"), settings)
    sources = {parent for trial in trials for parent in trial.parents}
    list(run_bundle([trial for trial in trials if trial.trial_id in sources], workspace, warm))
    trials = [trial for trial in trials if trial.task.name == "one" and packable(trial)]
    assert sum(trial.method is Method.FUSION for trial in trials) == 4
    begun = [begin_training(trial, workspace, warm)[0] for trial in trials]
    assert all(bool(running.prefix) == (cache_gib > 0) for running in begun)
    pack = Pack(len(trials))
    with meta_device():
        for running in begun:
            pack.join(packed_there(running))
        for _ in range(6):
            pack.run_pass()
    assert all(not packed.epoch_ended for packed in pack.packed_trials)
