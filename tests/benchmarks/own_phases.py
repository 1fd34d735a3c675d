"""Run a planned sweep's trials in this process, phase by phase; `profile` starts it.

python -m tests.benchmarks.own_phases SWEEP_YAML WORKSPACE PHASES_JSON [--flops]
"""

import json
import sys
from pathlib import Path

from tests.benchmarks.phases import PhaseClock, phases_of

PHASES = {
    "workers.running.warm_state:load_task": "read rows",
    "workers.running.warm_state:tokenizer_for": "load tokeniser",
    "workers.objectives.base:Objective.encode": "tokenise",
    "workers.running.warm_state:base_model_folder": "verify base",
    "adapter_lib.transformer.backbone:Backbone.from_folder": "load base",
    "workers.running.one_trial:build": "build model",
    "workers.training.trainer:Trainer._loss": "forward",
    "torch.autograd:backward": "backward",
    "workers.training.trainer:Trainer.train_on": "optimiser and clipping",
    "workers.training.trainer:training_batches": "draw batches",
    "workers.running.warm_state:WarmState.feeds": "find prefixes",
    "workers.prefix.cache:PrefixCache._make": "compute prefixes",
    "workers.prefix.store:_checksum": "check prefixes",
    "workers.batches.feeding:Feed.start": "gather prefixes",
    "workers.batches.feeding:collate": "collate",
    "workers.training.trainer:evaluate": "evaluate",
    "workers.training.trainer:Trainer.save": "checkpoint",
    "workers.running.one_trial:save_adapter": "save adapter",
    "workers.running.one_trial:commit": "commit",
}
"""Function → phase. What a step does beside its losses and gradients is the optimiser's."""


def main(sweep: Path, workspace: Path, target: Path, *, with_flops: bool) -> None:
    clock = PhaseClock("the rest of a bundle")
    with clock.phase("import"):
        import torch

        from orchestrator.running.driver import plan_sweep
        from tests.benchmarks.flops import counted
        from workers.contract.paths import Workspace
        from workers.running.bundle import run_bundle
        from workers.running.warm_state import WarmState
    torch.set_num_threads(1)
    with clock.phase("plan"):
        trials = list(plan_sweep(sweep)[0].trials.values())

    def work() -> None:
        for _ in run_bundle(trials, Workspace(workspace), WarmState(torch.device("cpu"))):
            pass

    flops = 0
    with phases_of(clock, PHASES):
        if with_flops:
            flops = counted(work)
        else:
            work()
    clock.settle()
    content = {
        "wall_s": clock.wall_s,
        "cpu_s": clock.cpu_s,
        "calls": clock.calls,
        "flops": flops,
    }
    target.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main(*(Path(p) for p in sys.argv[1:4]), with_flops="--flops" in sys.argv)
