"""Trials per GPU-hour: packs of each width against one and several processes, and AdapterHub's.

A base of 12 layers of 768 with random weights learns real tasks at 128 tokens in batches of 32.
Sides: AdapterHub in one eager process; ours alone in 1, 2, 4 and 8 processes side by side on the
same GPU; ours in packs. Each does steps for some seconds, all its processes at once.

    python -m tests.benchmarks.gpu
    python -m tests.benchmarks.gpu --device cpu --without-peer      # tries the code, in a tiny form
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tests.benchmarks.harness import (
    ONE_THREAD,
    Ledger,
    check_peer,
    console,
    environment,
    environment_line,
    parser,
    peer_versions,
    show,
    spread,
)
from tests.benchmarks.serving import Server, ServerError
from tests.benchmarks.tasks import cut_task, random_bert, word_task
from workers.running.gpu_check.finding import describe

PEER = "AdapterHub"
NO_RESULTS = (
    "These are numbers of a CPU in a tiny form. They show that this runs, and are no results."
)
WARM_UP_S = 1.0


@dataclass(frozen=True)
class Side:
    """One way to train trials: so many processes, each with a pack or, for width 0, one alone."""

    name: str
    processes: int
    width: int

    @property
    def is_peer(self) -> bool:
        return self.name == PEER


def sides_of(arguments: argparse.Namespace, kind: str, *, cached: bool) -> list[Side]:
    """Return the sides that can train such trials; AdapterHub has no stored activations."""
    found = []
    if not (arguments.without_peer or cached) and kind.isdigit():
        found.append(Side(PEER, 1, 0))
    found += [Side(f"{n} eager process{'es' * (n > 1)}", n, 0) for n in arguments.processes]
    return found + [Side(f"pack of {w}", 1, w) for w in arguments.widths]


class Processes:
    """Processes that measure, kept between units: starting one takes longer than measuring."""

    def __init__(self, peer_python: Path) -> None:
        own, peer = [sys.executable, "-m", "tests.benchmarks.own_gpu"], "tests.benchmarks.peer.gpu"
        self._commands = {False: own, True: [str(peer_python), "-m", peer]}
        self._servers: dict[bool, list[Server]] = {False: [], True: []}

    def of(self, side: Side) -> list[Server]:
        """Return as many as a side has; all others hold nothing on the device meanwhile."""
        servers = self._servers[side.is_peer]
        while len(servers) < side.processes:
            servers.append(Server(self._commands[side.is_peer], environment=ONE_THREAD))
        for server in (*self._servers[False], *self._servers[True]):
            server.ask("release")
        return servers[: side.processes]

    def close(self) -> None:
        """Let all end."""
        for servers in self._servers.values():
            while servers:
                servers.pop().close()


def measure(
    arguments: argparse.Namespace, settings: dict[str, Any], servers: list[Server], what: Any
) -> dict[str, Any]:
    """Let all processes of a side do steps at once, several times.

    Args:
        what: kind of trials, width, and whether they read stored activations.
    """
    with ThreadPoolExecutor(len(servers)) as pool:

        def all_of(operation: str, *given: dict[str, Any]) -> list[Any]:
            return list(pool.map(lambda s, g: s.ask(operation, **g), servers, given))

        own = [settings | {"folder": f"{settings['folder']}/{i}"} for i in range(len(servers))]
        all_of("prepare", *({"settings": each} | what for each in own))
        seconds = (WARM_UP_S, *[arguments.seconds] * arguments.rounds)
        rounds = [all_of("run", *[{"seconds": s}] * len(servers)) for s in seconds][1:]
    return {
        "steps_per_s": [sum(r["steps"] / r["seconds"] for r in done) for done in rounds],
        "host_ms": [
            1e3 * sum(r["host_s"] for r in done) / sum(r["steps"] for r in done) for done in rounds
        ],
        "used_bytes": servers[0].ask("used_bytes"),
        "gflop": servers[0].ask("flops", passes=4) / 1e9,
    }


def run(arguments: argparse.Namespace, ledger: Ledger, root: Path, processes: Processes) -> None:
    """Measure every unit that the results file lacks; a side that fails is noted as such."""
    tiny = arguments.device == "cpu"
    layers, hidden_size = (2, 64) if tiny else (12, 768)
    base = random_bert(root / "base", layers=layers, hidden_size=hidden_size)
    rows = 32 * arguments.batch_size
    if ledger.get("matrix peak, TFLOP/s") is None:
        (server,) = processes.of(Side("peak", 1, 0))
        asked = {"device": arguments.device, "precision": arguments.precision}
        peak = server.ask("matrix_peak_tflops", size=256 if tiny else 8192, **asked)
        ledger.put("matrix peak, TFLOP/s", peak)
    for name in arguments.tasks:
        if name == "words":
            task = word_task(root, rows=rows, tokens=(8, arguments.tokens))
        else:
            task = cut_task(name, root / "data", rows=rows)
        for kind in arguments.kinds:
            for cached in (False, True) if kind != "0" else (False,):
                for side in sides_of(arguments, kind, cached=cached):
                    unit = unit_name(name, kind, cached, side)
                    if ledger.get(unit) is not None:
                        continue
                    settings = _settings(arguments, root / unit.replace("/", "-"), base, task)
                    what = {"kind": kind, "width": side.width, "cached": cached}
                    try:
                        found = measure(arguments, settings, processes.of(side), what)
                    except ServerError as error:  # such as no memory for so many
                        found = {"failed": str(error)}
                        processes.close()
                    ledger.put(unit, found)
                    console.print(unit, found.get("failed") or spread(found["steps_per_s"]))


def _settings(
    arguments: argparse.Namespace, folder: Path, base: Path, task: Path
) -> dict[str, Any]:
    training = {
        "learning_rate": 1e-4,
        "batch_size": arguments.batch_size,
        "max_length": max(arguments.tokens, 8),
        "precision": arguments.precision,
    }
    own = {"device": arguments.device, "sources": arguments.sources, "training": training}
    places = {"folder": str(folder), "base": str(base), "task": str(task)}
    return places | own | training | {"epochs": 10_000}


def unit_name(task: str, kind: str, cached: bool, side: Side) -> str:
    how = kind if kind in ("robust", "fusion") else f"n={kind}"
    return f"{task}/{how}/{'cached' if cached else 'plain'}/{side.name}"


def report(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Print what the results file holds, a table for each task and kind of trial."""
    peak = ledger.get("matrix peak, TFLOP/s")
    for name in arguments.tasks:
        for kind in arguments.kinds:
            for cached in (False, True) if kind != "0" else (False,):
                rows = [
                    _row(arguments, side, found, peak)
                    for side in sides_of(arguments, kind, cached=cached)
                    if (found := ledger.get(unit_name(name, kind, cached, side))) is not None
                ]
                title = f"{name}, {kind}, {'stored' if cached else 'nothing stored'}"
                columns = ("side", "steps/s", "trials per GPU-hour", "host ms a step", "GiB in use")
                show(title, (*columns, "share of matrix peak"), rows)
    if arguments.device == "cpu":
        console.print(NO_RESULTS)


def _row(
    arguments: argparse.Namespace, side: Side, found: dict[str, Any], peak: float | None
) -> list[object]:
    if "failed" in found:
        return [side.name, found["failed"][:60], None, None, None, None]
    steps = spread(found["steps_per_s"])
    used, gflop = found["used_bytes"], found["gflop"]
    return [
        side.name,
        steps,
        steps.median * 3600 / arguments.trial_steps,
        spread(found["host_ms"]).median,
        None if used is None else used / 2**30,
        None if not (gflop and peak) else gflop * steps.median / 1e3 / peak,
    ]


def main() -> None:
    made = parser("Trials per GPU-hour, in packs and in processes.", name="gpu")
    made.add_argument("--device", default="cuda", help="`cpu` tries the code, in a tiny form")
    made.add_argument("--tasks", nargs="+", default=None, help="rte, cola and stsb by default")
    made.add_argument(
        "--kinds", nargs="+", default=None, help="drop depths, `robust`, `fusion`; all by default"
    )
    made.add_argument("--widths", nargs="+", type=int, default=None, help="1 to 64 by default")
    made.add_argument("--processes", nargs="+", type=int, default=None, help="1, 2, 4 and 8")
    made.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    made.add_argument("--sources", type=int, default=8, help="of a fusion")
    made.add_argument("--tokens", type=int, default=128, help="of the longest row, at most")
    made.add_argument("--batch-size", type=int, default=32)
    made.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--trial-steps", type=int, default=96, help="that make a trial, in the table")
    made.add_argument("--without-peer", action="store_true", help="leave AdapterHub out")
    made.add_argument("--report", action="store_true", help="only print what was measured")
    arguments = made.parse_args()
    tiny = arguments.device == "cpu"
    arguments.tasks = arguments.tasks or (["words"] if tiny else ["rte", "cola", "stsb"])
    kinds = ["0", "1"] if tiny else ["0", "6", "11"]
    arguments.kinds = arguments.kinds or [*kinds, "robust", "fusion"]
    arguments.widths = arguments.widths or ([1, 2] if tiny else [1, 2, 4, 8, 16, 32, 64])
    arguments.processes = arguments.processes or ([1, 2] if tiny else [1, 2, 4, 8])
    names = ("device", "precision", "tokens", "batch_size", "seconds", "sources")
    ledger = Ledger(arguments.out, settings={name: getattr(arguments, name) for name in names})
    if not arguments.report:
        begin(arguments, ledger)
        with tempfile.TemporaryDirectory(prefix="gpu-") as temporary:
            processes = Processes(arguments.peer_python)
            try:
                run(arguments, ledger, Path(temporary), processes)
            finally:
                processes.close()
    report(arguments, ledger)


def begin(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Note where this is measured.

    Raises:
        SystemExit: there is no such device, or no AdapterHub.
    """
    if arguments.device != "cpu" and not torch.cuda.is_available():
        raise SystemExit(
            "expected a GPU that torch can use, found none; `--device cpu` tries the code in a "
            "tiny form"
        )
    versions = {}
    if not arguments.without_peer:
        check_peer(arguments.peer_python)
        versions = {"peer": peer_versions(arguments.peer_python)}
    found = environment() | describe(torch.device(arguments.device)) | versions
    console.print(environment_line(found))
    ledger.put("environment", found)


if __name__ == "__main__":
    main()
