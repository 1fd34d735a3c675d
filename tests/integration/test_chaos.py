"""Short real trials under faults drawn from a seed end as they do without; see `chaos`."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from orchestrator.running.driver import plan_sweep
from tests.integration.chaos import Chaos, finished_attempts, scores
from workers.contract.paths import Workspace
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

pytestmark = pytest.mark.slow


def test_faults_at_random_change_nothing_that_is_measured(
    adaptersweep: Callable[..., Any],
    environment: dict[str, str],
    toy_sweep: Callable[..., Path],
    one_thread: None,
    tmp_path: Path,
) -> None:
    sweep, whole, cut = toy_sweep(epochs=12), tmp_path / "whole", tmp_path / "cut"
    undisturbed = list(plan_sweep(sweep)[0].trials.values())
    list(run_bundle(undisturbed, Workspace(whole), WarmState(torch.device("cpu"))))
    with sweep.open("a") as stream:
        stream.write("limits: { silent_s: 4 }\n")
    draw = random.Random(3)
    plan = ["worker hangs", "head killed"]
    draw.shuffle(plan)
    chaos = Chaos(sweep, cut, ["-w", str(cut)], draw, environment, pause_s=(0.5, 2.0))
    chaos.run(plan, limit_s=400)
    assert chaos.done.total() == 2
    assert len(scores(whole)) == len(undisturbed)
    assert scores(cut) == scores(whole)
    assert set(finished_attempts(cut / "catalog.sqlite").values()) == {1}
    agreed = adaptersweep("repair", "--dry-run", "-w", cut)
    assert agreed.code == 0, agreed.out
    assert chaos.left_over() == []
