"""Short real trials under faults drawn from a seed end as they do without; see `chaos`."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from orchestrator.running.driver import plan_sweep
from tests.integration.chaos import Chaos, Fault, How
from tests.integration.chaos_grounds import Grounds
from tests.integration.chaos_verdict import problems, trials_in
from workers.contract.paths import Workspace
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

pytestmark = pytest.mark.slow


def test_faults_at_random_change_nothing_that_is_measured(
    environment: dict[str, str],
    toy_sweep: Callable[..., Path],
    free_port: Callable[[], int],
    one_thread: None,
    tmp_path: Path,
) -> None:
    seeds = [0]

    def grow() -> Path:
        """Write the sweep, the next time with more trials, if faults are left then."""
        path = toy_sweep(seeds=str(seeds), epochs=12)
        with path.open("a") as stream:
            stream.write("limits: { silent_s: 4 }\n")
        seeds.append(len(seeds))
        return path

    sweep, whole, draw = grow(), tmp_path / "whole", random.Random(3)
    plan = [Fault("worker", How.STOPPED), Fault("head", How.KILLED)]
    with Grounds(tmp_path, environment) as grounds:
        workspace = Workspace(grounds.add_disk() / "workspace")
        catalog, options = workspace.catalog_url, list[str]()
        if shutil.which("postgres"):
            plan.append(Fault("PostgreSQL", How.KILLED))
            catalog = grounds.add_postgresql(free_port())
            options += ["--catalog", catalog]
        if grounds.disk is not None:
            plan.append(Fault("disk", How.FULL))
        draw.shuffle(plan)
        chaos = Chaos(sweep, workspace, options, grounds, draw, grow, pause_s=(0.5, 2.0))
        chaos.run(plan, limit_s=400)
        assert chaos.done.total() == len(plan)

        undisturbed = list(plan_sweep(sweep)[0].trials.values())
        list(run_bundle(undisturbed, Workspace(whole), WarmState(torch.device("cpu"))))
        assert len(trials_in(whole)) == len(undisturbed) >= 30
        assert problems(chaos, catalog, undisturbed=whole) == []
