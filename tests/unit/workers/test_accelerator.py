"""A pass of a pack on a device that is not the CPU: it computes there, and waits for nothing.

No GPU is needed: torch's "meta" device has shapes and no numbers. What would read a number back, as
`item()`, `nonzero()` or a copy to the host, raises there, as does most of what mixes devices.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sweeping import write_sweep

from orchestrator.driver import plan_sweep
from workers.fast_path import FastPath
from workers.fitting import Fit
from workers.layout import Workspace
from workers.member import Member
from workers.pack import run_pack
from workers.packing import Pack, packable
from workers.running import begin_fit
from workers.trial import Method
from workers.warm import WarmState

CPU, ELSEWHERE = torch.device("cpu"), torch.device("meta")

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


@pytest.fixture
def meta_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what torch lacks there: autocast and the fused Adam of trials outside of banks."""
    real, enabled = torch.autocast, torch.is_autocast_enabled

    def autocast(kind: str, **settings: Any) -> AbstractContextManager[Any]:
        return nullcontext() if kind == "meta" else real(kind, **settings)

    monkeypatch.setattr(torch, "autocast", autocast)
    monkeypatch.setattr(
        torch, "is_autocast_enabled", lambda kind="cpu": kind != "meta" and enabled(kind)
    )
    step = torch.optim.AdamW.step

    def fused(self: torch.optim.AdamW) -> None:
        if self.param_groups[0]["params"][0].device != ELSEWHERE:
            step(self)

    monkeypatch.setattr(torch.optim.AdamW, "step", fused)


@pytest.mark.usefixtures("meta_device")
@pytest.mark.parametrize("cache_gib", [0.0, 1.0])
def test_a_pass_waits_for_nothing(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path, cache_gib: float
) -> None:
    tasks = [make_task(name, seed=i, train=40) for i, name in enumerate(("one", "two"))]
    trials = list(
        plan_sweep(write_sweep(tmp_path, toy_base, *tasks, body=KINDS))[0].trials.values()
    )
    workspace = Workspace(tmp_path / "run")
    settings = FastPath(cache_gib=cache_gib, cache_folder=str(tmp_path / "cache"))
    warm = WarmState(CPU, settings)
    sources = {parent for trial in trials for parent in trial.parents}
    list(run_pack([trial for trial in trials if trial.trial_id in sources], workspace, warm))
    trials = [trial for trial in trials if trial.task.name == "one" and packable(trial)]
    assert sum(trial.method is Method.FUSION for trial in trials) == 4
    begun = [begin_fit(trial, workspace, warm)[0] for trial in trials]
    pack = Pack(len(trials))
    for running in begun:
        assert bool(running.prefix) == (cache_gib > 0)
        feeds = {split: replace(feed, device=ELSEWHERE) for split, feed in running.feeds.items()}
        model = running.model.to(ELSEWHERE)
        pack.join(Member(Fit(running.trial, model, running.examples, feeds)))
    for _ in range(6):
        pack.run_pass()
    assert all(not member.epoch_ended for member in pack.members)
