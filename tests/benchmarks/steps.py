"""One training step: full fine-tuning, plain and cached adapters at each depth, and AdapterHub's.

Both sides train the same rows in batches of 32 with the same padding and precision, one thread
each, in turns. Times are CPU times of the process; the operation count of a step stands beside.

    python -m tests.benchmarks.steps
    python -m tests.benchmarks.steps --models minilm --depths 0 5 --precisions float32 --rounds 3
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import (
    ONE_THREAD,
    Ledger,
    alternate,
    check_peer,
    console,
    environment,
    environment_line,
    parser,
    peer_versions,
    ratios,
    show,
    spread,
)
from tests.benchmarks.serving import Server
from tests.benchmarks.tasks import minilm_folder, random_bert, word_task

MODELS: dict[str, tuple[int, Callable[[Path], Path]]] = {
    "minilm": (6, lambda _: minilm_folder()),
    "bert12": (12, lambda root: random_bert(root / "bert12", layers=12, hidden_size=768)),
}
"""Name → layers, and what makes its folder."""


def measure_unit(
    servers: dict[str, Server], settings: dict[str, Any], depth: int | None, *, rounds: int
) -> dict[str, Any]:
    """Prepare one configuration on every side and time its steps in turns."""
    flops, timed, once_s = {}, {}, {}
    for side, server in servers.items():
        own = {} if side == "peer" else {"mode": side}
        once_s[side] = server.ask("prepare", settings=settings, depth=depth, **own)
        server.ask("time", steps=settings["steps"])
        flops[side] = server.ask("flops", steps=settings["steps"])

        def one_round(server: Server = server) -> float:
            return float(server.ask("time", steps=settings["steps"]))

        timed[side] = one_round
    seconds = alternate(timed, rounds=rounds)
    return {
        side: {
            "ms": [s * 1e3 for s in seconds[side]],
            "gflop": flops[side] / 1e9,
            "once_s": once_s[side],
        }
        for side in servers
    }


def run(arguments: argparse.Namespace, ledger: Ledger, root: Path) -> None:
    """Measure every unit that the results file lacks."""
    low, high = arguments.tokens - 7, arguments.tokens
    task = word_task(root, rows=arguments.steps * arguments.batch_size, tokens=(low, high))
    for name in arguments.models:
        layers, make = MODELS[name]
        base = make(root)
        for precision in arguments.precisions:
            for depth in [None, *(n for n in arguments.depths if n < layers)]:
                unit = unit_name(name, precision, depth)
                if ledger.get(unit) is not None:
                    continue
                settings = {
                    "folder": str(root / unit.replace("/", "-")),
                    "base": str(base),
                    "task": str(task),
                    "precision": precision,
                    "batch_size": arguments.batch_size,
                    "max_length": max(arguments.tokens, 8),
                    "learning_rate": 1e-4,
                    "epochs": 1000,
                    "steps": arguments.steps,
                }
                modes = ["plain"] if depth is None else arguments.modes
                with _Sides(arguments, modes) as servers:
                    found = measure_unit(servers, settings, depth, rounds=arguments.rounds)
                ledger.put(unit, found)
                console.print(unit, {s: round(spread(r["ms"]).median, 1) for s, r in found.items()})


class _Sides:
    """The servers of one unit, fresh so that no unit leaves another its memory."""

    def __init__(self, arguments: argparse.Namespace, modes: list[str]) -> None:
        own = [sys.executable, "-m", "tests.benchmarks.own_steps"]
        peer = [str(arguments.peer_python), "-m", "tests.benchmarks.peer.steps"]
        self.servers = {mode: Server(own, environment=ONE_THREAD) for mode in modes}
        self.servers["peer"] = Server(peer, environment=ONE_THREAD)

    def __enter__(self) -> dict[str, Server]:
        return self.servers

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.close()


def unit_name(model: str, precision: str, depth: int | None) -> str:
    return f"{model}/{precision}/{'full' if depth is None else depth}"


def report(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Print what the results file holds."""
    rows: list[list[object]] = []
    for name in arguments.models:
        for precision in arguments.precisions:
            for depth in [None, *range(MODELS[name][0])]:
                found = ledger.get(unit_name(name, precision, depth))
                for side, result in (found or {}).items():
                    rows.append(
                        [
                            f"{name} {precision}",
                            "full fine-tuning" if depth is None else f"n = {depth}",
                            side,
                            spread(result["ms"]),
                            ratios(found["peer"]["ms"], result["ms"]),
                            result["gflop"],
                            result["gflop"] / spread(result["ms"]).median * 1e3,
                        ]
                    )
    columns = ("model", "step", "side", "CPU ms", "× peer", "GFLOP", "GFLOP/s")
    show("One training step, median (lowest–highest) over rounds", columns, rows)


def main() -> None:
    made = parser("One training step on both sides, in turns.", name="steps")
    made.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    made.add_argument("--depths", nargs="+", type=int, default=list(range(12)))
    made.add_argument(
        "--precisions",
        nargs="+",
        default=["float32", "bfloat16"],
        choices=["float32", "bfloat16"],
    )
    made.add_argument("--modes", nargs="+", default=["plain", "fast"], choices=["plain", "fast"])
    made.add_argument("--tokens", type=int, default=32, help="of the longest rows; others lose ≤ 7")
    made.add_argument("--batch-size", type=int, default=32)
    made.add_argument("--steps", type=int, default=4, help="batches in each round, each once")
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--scratch", type=Path, default=None, help="where models are written")
    made.add_argument("--report", action="store_true", help="only print what was measured")
    arguments = made.parse_args()
    shared = {name: getattr(arguments, name) for name in ("tokens", "batch_size", "steps")}
    ledger = Ledger(arguments.out, settings=shared)
    if not arguments.report:
        check_peer(arguments.peer_python)
        console.print(environment_line(environment()))
        versions = {"peer": peer_versions(arguments.peer_python)}
        ledger.put("environment", environment() | versions)
        with tempfile.TemporaryDirectory(prefix="steps-", dir=arguments.scratch) as temporary:
            run(arguments, ledger, Path(temporary))
    report(arguments, ledger)


if __name__ == "__main__":
    main()
