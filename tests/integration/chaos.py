"""Disturb a sweep with faults drawn at random from a seed, and compare what it comes to.

`make chaos` runs the long version and prints a table of it; `test_chaos.py` runs a short one.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

COMMAND = [sys.executable, "-m", "orchestrator.command_line"]
ENDED = 130, -signal.SIGKILL, -signal.SIGTERM, 1


@dataclass
class Disturbance:
    """A process that is disturbed, how, and for how long it stays so (0: for good)."""

    name: str
    who: str
    how: signal.Signals
    for_s: float = 0.0


OF_RAY = (
    Disturbance("worker killed", "ray::", signal.SIGKILL),
    Disturbance("worker hangs", "ray::", signal.SIGSTOP),
    Disturbance("worker is slow", "ray::", signal.SIGSTOP, 2.0),
    Disturbance("worker preempted", "ray::", signal.SIGTERM),
    Disturbance("node killed", "raylet/raylet", signal.SIGKILL),
    Disturbance("node is slow", "raylet/raylet", signal.SIGSTOP, 3.0),
    Disturbance("head killed", "gcs/gcs_server", signal.SIGKILL),
    Disturbance("head is slow", "gcs/gcs_server", signal.SIGSTOP, 3.0),
    Disturbance("agent killed", "Agent", signal.SIGKILL),
)
OF_DRIVER = (
    Disturbance("driver killed", "driver", signal.SIGKILL),
    Disturbance("driver terminated", "driver", signal.SIGTERM),
    Disturbance("all terminated", "all", signal.SIGTERM),
    Disturbance("driver is slow", "driver", signal.SIGSTOP, 3.0),
)


@dataclass
class Chaos:
    """A sweep under faults.

    Attributes:
        options: of `submit`, such as a workspace and where the stores are.
        done: what was done how often.
    """

    sweep: Path
    workspace: Path
    options: list[str]
    draw: random.Random
    environment: Mapping[str, str]
    pause_s: tuple[float, float] = (1.0, 4.0)
    done: Counter[str] = field(default_factory=Counter)
    submissions: int = 0
    seen: set[psutil.Process] = field(default_factory=set)
    driver: "subprocess.Popen[bytes] | None" = None

    def run(self, plan: list[str], limit_s: float) -> None:
        """Do what is planned, one after another; then let the sweep end."""
        deadline = time.monotonic() + limit_s
        for name in plan:
            self._be_under_way(deadline)
            time.sleep(self.draw.uniform(*self.pause_s))
            self._disturb(name)
        while True:
            assert self.driver is not None
            code = self.driver.wait(timeout=max(1.0, deadline - time.monotonic()))
            if code == 0:
                return
            assert code in ENDED, f"{code}: {self.log.read_text()[-3000:]}"
            self._submit()

    @property
    def log(self) -> Path:
        return self.workspace.with_suffix(f".{self.submissions}.log")

    def _submit(self) -> None:
        self.submissions += 1
        with self.log.open("wb") as log:
            self.driver = subprocess.Popen(
                [*COMMAND, "submit", str(self.sweep), *self.options],
                stdout=log,
                stderr=log,
                env=dict(self.environment),
                start_new_session=True,
            )

    def _be_under_way(self, deadline: float) -> None:
        """Wait until a worker works, submitting again where the driver has ended."""
        while True:
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            if self.driver is None or (code := self.driver.poll()) is not None:
                if self.driver is not None:
                    assert code in (0, *ENDED), f"{code}: {self.log.read_text()[-3000:]}"
                    if code == 0:
                        return
                self._submit()
            if self._below("ray::"):
                return
            time.sleep(0.2)

    def _below(self, who: str) -> list[psutil.Process]:
        assert self.driver is not None
        found = []
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.driver.pid).children(recursive=True):
                self.seen.add(process)
                with suppress(psutil.NoSuchProcess):
                    words = " ".join(process.cmdline()) or process.name()
                    is_worker = words.startswith("ray::") and "Trainable" in words
                    if is_worker if who == "ray::" else (who == "all" or who in words[:200]):
                        found.append(process)
        return found

    def _disturb(self, name: str) -> None:
        what = next(d for d in (*OF_RAY, *OF_DRIVER) if d.name == name)
        assert self.driver is not None
        if self.driver.poll() is not None:
            return
        self._below("all")
        driver = psutil.Process(self.driver.pid)
        if what.who in ("driver", "all"):
            hit = [driver, *(self._below("all") if what.who == "all" else [])]
        else:
            hit = self._below(what.who)
            hit = [self.draw.choice(hit)] if hit else []
        for process in hit:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(what.how)
        if what.for_s:
            time.sleep(what.for_s)
            for process in hit:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)
        self.done[name] += bool(hit)

    def left_over(self, limit_s: float = 60.0) -> list[str]:
        """Return what is left after a while of all that was ever started."""
        _, left = psutil.wait_procs(self.seen, timeout=limit_s)
        return [" ".join(process.cmdline())[:100] for process in left]


def scores(workspace: Path) -> dict[str, Any]:
    """Return everything that was measured, without times."""
    found = {}
    for path in sorted(workspace.glob("trials/*/*/result.json")):
        result = json.loads(path.read_text())
        kept = ("metric", "score", "depth", "scores", "best_epoch", "parameters", "adapter", "kept")
        losses = [epoch["train_loss"] for epoch in result["curve"]]
        found[result["trial_id"]] = {k: result[k] for k in kept} | {"losses": losses}
    return found


def finished_attempts(catalog: Path) -> dict[str, int]:
    """Return for each trial how many attempts at it finished."""
    with sqlite3.connect(catalog) as connection:
        rows = connection.execute(
            "SELECT t.trial_id, count(a.id) FROM trials t LEFT JOIN attempts a "
            "ON a.trial_id = t.trial_id AND a.outcome = 'finished' GROUP BY 1"
        ).fetchall()
    return dict(rows)


def planned_faults(draw: random.Random, faults: int, names: list[str]) -> list[str]:
    """Return each kind as often as any other, in random order."""
    plan = [names[i % len(names)] for i in range(faults)]
    draw.shuffle(plan)
    return plan


def main() -> None:
    """Run the long version and print its table."""
    from tests.conftest import write_toy_base, write_toy_sweep

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--limit-s", type=float, default=3600)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="adaptersweep-chaos-"))
    base = write_toy_base(folder / "base")
    sweep = write_toy_sweep(folder, base, seeds="[0, 1]", epochs=40)
    with sweep.open("a") as stream:
        stream.write("limits: { silent_s: 8 }\n")
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    environment |= {"HF_HUB_OFFLINE": "1", "XDG_CACHE_HOME": str(folder / "cache")}
    whole, cut = folder / "whole", folder / "cut"
    undisturbed = [*COMMAND, "submit", str(sweep), "-w", str(whole)]
    subprocess.run(undisturbed, env=environment, check=True, stdout=subprocess.DEVNULL)
    draw = random.Random(chosen.seed)
    chaos = Chaos(sweep, cut, ["-w", str(cut)], draw, environment)
    names = [each.name for each in (*OF_RAY, *OF_DRIVER)]
    began = time.monotonic()
    chaos.run(planned_faults(draw, chosen.faults, names), chosen.limit_s)
    took_s = time.monotonic() - began
    left = chaos.left_over()
    once = set(finished_attempts(cut / "catalog.sqlite").values()) == {1}
    agree = subprocess.run([*COMMAND, "repair", "--dry-run", "-w", str(cut)], env=environment)
    out = sys.stdout.write
    out(f"seed {chosen.seed}: {chaos.done.total()} faults, {chaos.submissions} submissions, ")
    out(f"{took_s:.0f} s, {len(scores(cut))} trials\n\n| fault | times |\n|---|--:|\n")
    for name, times in sorted(chaos.done.items()):
        out(f"| {name} | {times} |\n")
    out(f"\nscores as undisturbed: {scores(cut) == scores(whole)}; finished once each: {once}; ")
    out(f"MLflow agrees: {agree.returncode == 0}; left over: {left or 'nothing'}\n")
    sys.exit(
        0 if scores(cut) == scores(whole) and once and not agree.returncode and not left else 1
    )


if __name__ == "__main__":
    main()
