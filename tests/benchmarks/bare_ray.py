"""Ray Tune with trials that do nothing, as the floor under any overhead.

python -m tests.benchmarks.bare_ray TRIALS CORES fresh|reused STORAGE_FOLDER
"""

import os
import sys
from typing import Any

os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"

import ray
from ray import tune


def return_at_once(config: dict[str, Any]) -> dict[str, int]:
    """Be a trial in a process of its own."""
    return {"done": 1}


class AtOnce(tune.Trainable):
    """A trial in a process that the next one takes over."""

    def step(self) -> dict[str, Any]:
        return {"done": True}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        return None


def main(trials: int, cores: int, how: str, storage: str) -> None:
    ray.init(address="local", num_cpus=cores, include_dashboard=False, log_to_driver=False)
    trainable = return_at_once if how == "fresh" else AtOnce
    results = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={"number": tune.grid_search(list(range(trials)))},
        tune_config=tune.TuneConfig(reuse_actors=how == "reused"),
        run_config=tune.RunConfig(name="bare", storage_path=storage, verbose=0),
    ).fit()
    ray.shutdown()
    if results.errors or len(results) != trials:
        raise SystemExit(f"{len(results.errors)} of {len(results)} trials failed")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
