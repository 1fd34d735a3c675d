"""`make chaos`: the long version of the chaos suite, with all servers, and its table."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import write_toy_base, write_toy_sweep
from tests.integration.chaos import COMMAND, Chaos, planned_faults, possible
from tests.integration.chaos_grounds import Grounds
from tests.integration.chaos_verdict import problems, trials_in
from tests.object_storage import KEYS
from tests.ports import free_port
from workers.contract.paths import Workspace


class GrowingSweep:
    """A sweep of 30 trials a seed, which takes up one seed more as often as that is wanted."""

    def __init__(self, folder: Path, *, seeds: int, epochs: int) -> None:
        self._folder, self._base = folder, write_toy_base(folder / "base")
        self._seeds, self._epochs = seeds, epochs
        self.path = self._write()

    def _write(self) -> Path:
        seeds = str(list(range(self._seeds)))
        path = write_toy_sweep(self._folder, self._base, seeds=seeds, epochs=self._epochs)
        with path.open("a") as stream:
            stream.write("limits: { silent_s: 12 }\n")
        return path

    def grow(self) -> None:
        self._seeds += 1
        self._write()


def undisturbed(sweep: Path, folder: Path, environment: dict[str, str]) -> Path:
    """Run a sweep on a workspace of its own, and return that."""
    workspace = folder / "whole"
    command = [*COMMAND, "submit", str(sweep), "-w", str(workspace)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return workspace


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def run(folder: Path, chosen: argparse.Namespace) -> list[str]:
    """Run one chaos in `folder`, print its table, and return what is wrong."""
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    environment |= {"HF_HUB_OFFLINE": "1", "XDG_CACHE_HOME": str(folder / "cache")}
    sweep = GrowingSweep(folder, seeds=chosen.seeds, epochs=chosen.epochs)
    with Grounds(folder, environment) as grounds:
        if chosen.objects:
            url = grounds.add_object_storage()
            os.environ |= KEYS | {"AWS_ENDPOINT_URL": grounds.environment["AWS_ENDPOINT_URL"]}
            workspace = Workspace.at(url)
        else:
            workspace = Workspace(grounds.add_disk() / "workspace")
        catalog = grounds.add_postgresql(free_port())
        options = ["--catalog", catalog, "--tracking", grounds.add_mlflow(free_port())]
        address = ["--address", grounds.add_ray(free_port())] if chosen.nodes else []
        draw = random.Random(chosen.seed)
        chaos = Chaos(
            sweep.path, workspace, options, grounds, draw, sweep.grow, address=address, say=say
        )
        kinds = possible(grounds)
        began = time.monotonic()
        chaos.run(planned_faults(draw, chosen.faults, kinds), chosen.limit_s)
        took_s = time.monotonic() - began
        say("all is done; the same without faults")
        whole = undisturbed(sweep.path, folder, environment)
        wrong = list(problems(chaos, catalog, undisturbed=whole))
        shown = (took_s, len(trials_in(whole)))
        _print_table(chaos, chosen, shown, wrong)
        if grounds.disk is None and not chosen.objects:
            say("no disk was filled, since this user may not mount one")
    return wrong


def _print_table(
    chaos: Chaos, chosen: argparse.Namespace, shown: tuple[float, int], wrong: list[str]
) -> None:
    where = "three nodes" if chosen.nodes else "embedded"
    where += ", object storage" if chosen.objects else ""
    out = sys.stdout.write
    out(f"\nseed {chosen.seed}, {where}: {chaos.done.total()} faults, {shown[1]} trials, ")
    out(f"{chaos.submissions} submissions, {shown[0]:.0f} s; exit codes {dict(chaos.codes)}\n\n")
    out("| fault | times |\n|---|--:|\n")
    for name, times in sorted(chaos.done.items()):
        out(f"| {name} | {times} |\n")
    lines = "\n".join(wrong)
    out(f"\nwrong: {lines or 'nothing'}\n")


def main() -> None:
    """Run the long version and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument(
        "--seeds", type=int, default=2, help="of the sweep at first, 30 trials each"
    )
    parser.add_argument("--epochs", type=int, default=16, help="of each trial")
    parser.add_argument("--nodes", action="store_true", help="a head and two nodes, not embedded")
    parser.add_argument(
        "--objects", action="store_true", help="a workspace in object storage, not on a small disk"
    )
    parser.add_argument("--limit-s", type=float, default=2 * 3600)
    parser.add_argument("--keep", action="store_true", help="the folder, whatever comes of it")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="adaptersweep-chaos-"))
    say(f"logs are in {folder}")
    wrong = run(folder, chosen)
    if not (wrong or chosen.keep):
        shutil.rmtree(folder)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
