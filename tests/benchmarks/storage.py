"""Where frozen prefixes are kept: memory-mapped files, or Ray's object store.

One process publishes an array of hidden states; another opens it and gathers batches of random
rows, as a worker of the same node does. The two ways take turns. Times are the clock's, since
waiting for the disk counts; both processes have one thread.

    python -m tests.benchmarks.storage
    python -m tests.benchmarks.storage --mib 64 --rounds 3
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from tests.benchmarks.harness import (
    ONE_THREAD,
    Ledger,
    alternate,
    console,
    environment,
    environment_line,
    parser,
    show,
    spread,
)
from workers.prefix.store import ArrayStore

HIDDEN = 384
BATCH_TOKENS = 2048
BATCHES = 200

Array = NDArray[Any]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


@ray.remote(num_cpus=1)
class Reader:
    """A worker: it opens what was published, and gathers from it twice."""

    def read_file(self, folder: str, name: str) -> dict[str, float]:
        return self._measure(lambda: ArrayStore(Path(folder), 1 << 40).read(name))

    def read_object(self, activations: list[Any]) -> dict[str, float]:
        return self._measure(lambda: ray.get(activations[0]))

    def _measure(self, open_it: Callable[[], Array | None]) -> dict[str, float]:
        open_s, array = timed(open_it)
        assert array is not None
        first_s, _ = timed(lambda: gather(array))
        again_s, _ = timed(lambda: gather(array))
        return {"open": open_s, "gather": first_s, "gather again": again_s}


def gather(array: Array) -> float:
    """Copy out the rows of all batches, at places that are the same for every call."""
    random = np.random.default_rng(0)
    total = 0.0
    for _ in range(BATCHES):
        total += float(array[random.integers(0, len(array), BATCH_TOKENS)][0, 0])
    return total


def run(arguments: argparse.Namespace, folder: Path) -> dict[str, list[dict[str, float]]]:
    """Publish and read in both ways, in turns."""
    tokens = arguments.mib * (1 << 20) // (4 * HIDDEN)
    values = np.random.default_rng(1).standard_normal((tokens, HIDDEN), np.float32)
    store = ArrayStore(folder, 1 << 40)
    size = int(arguments.mib * (1 << 20) * 1.5)
    ray.init(
        address="local",
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=max(size, 80 << 20),
        runtime_env={"env_vars": ONE_THREAD},
    )
    reader = Reader.remote()
    numbers = iter(range(1 << 20))

    def through_files() -> dict[str, float]:
        name = f"round-{next(numbers)}"

        def fill(arrays: Mapping[str, Array]) -> None:
            arrays[name][:] = values

        publish_s, kept = timed(
            lambda: store.write({name: values.shape}, np.dtype(np.float32), fill)
        )
        assert kept
        return {"publish": publish_s} | ray.get(reader.read_file.remote(str(folder), name))

    def through_ray() -> dict[str, float]:
        publish_s, activations = timed(lambda: ray.put(values))
        return {"publish": publish_s} | ray.get(reader.read_object.remote([activations]))

    try:
        sides = {"files": through_files, "Ray's object store": through_ray}
        alternate(sides, rounds=1)  # whatever the first of anything costs
        return alternate(sides, rounds=arguments.rounds)
    finally:
        ray.shutdown()


def main() -> None:
    made = parser("Memory-mapped files against Ray's object store.", name="storage")
    made.add_argument("--mib", type=int, default=256, help="size of the array")
    made.add_argument("--rounds", type=int, default=7)
    made.add_argument("--scratch", type=Path, default=None, help="where files are written")
    arguments = made.parse_args()
    unit = f"{arguments.mib} MiB"
    ledger = Ledger(arguments.out, settings={"rounds": arguments.rounds})
    if ledger.get(unit) is None:
        os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
        console.print(environment_line(environment()))
        with tempfile.TemporaryDirectory(prefix="storage-", dir=arguments.scratch) as temporary:
            ledger.put(unit, run(arguments, Path(temporary)))
    found = ledger.get(unit)
    actions = ["publish", "open", "gather", "gather again"]
    rows = [
        [side, *(str(spread(1000 * r[action] for r in rounds)) for action in actions)]
        for side, rounds in found.items()
    ]
    title = f"{unit}; {BATCHES} batches of {BATCH_TOKENS} tokens; ms, median (lowest–highest)"
    show(title, ("kept in", *actions), rows)


if __name__ == "__main__":
    main()
