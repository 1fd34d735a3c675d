"""A fusion of several adapters against the fully fine-tuned model, in training and in use.

One training step (forward, backward, clipping, fused AdamW) and one inference pass over the same
batch of a randomly initialised BERT: fully fine-tuned, with a fusion of N Pfeiffer adapters of
reduction factor 16 in every layer, and with AdapterHub's. One thread, float32, dropout on in
training; the sides take turns. Speeds are relative to the fully fine-tuned model: above 1 is
faster.

    python -m tests.benchmarks.fusion
    python -m tests.benchmarks.fusion --sources 8 --rows 32 --tokens 10 --no-peer
"""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from dashboards.paper_values import FUSION
from orchestrator.spec.measure_model import Against
from tests.benchmarks.harness import (
    ONE_THREAD,
    Ledger,
    alternate,
    check_peer,
    console,
    environment,
    environment_line,
    parser,
    ratios,
    show,
    spread,
)
from tests.benchmarks.serving import Server
from workers.contract.measurement import Action, Cell, Conditions, FusionForm, MeasuredBase
from workers.contract.trial import Method
from workers.running.measuring.stopwatch import timed
from workers.running.measuring.timed_cells import TimedCell, TimedCells

FULL = "full fine-tuning"
CPU = torch.device("cpu")


def cpu_seconds(cell: TimedCell) -> float:
    """Return the CPU seconds of one step or pass."""
    return timed(cell.once, CPU)[1]


def own_sides(
    settings: dict[str, Any], sources: int, action: Action
) -> dict[str, Callable[[], float]]:
    """Return what times one step or pass of each of our sides."""
    config = {"model_type": "bert", **settings["base"]}
    base = MeasuredBase(
        config=config, layers=config["num_hidden_layers"], hidden_size=config["hidden_size"]
    )
    cells = TimedCells(Conditions(base=base), CPU)
    alike = {"action": action, "batch_size": settings["rows"], "length": settings["tokens"]}
    fused = {
        form: Cell(method=Method.FUSION, adapters=sources, form=form, **alike)
        for form in FusionForm
    }
    sides = {
        FULL: Cell(method=Method.FULL_FINE_TUNING, **alike),
        "fusion": fused[FusionForm.FOLDED],
        "published form": fused[FusionForm.PUBLISHED],
    }
    return {name: partial(cpu_seconds, cells.prepare(cell)) for name, cell in sides.items()}


def measure_unit(
    settings: dict[str, Any], sources: int, arguments: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    """Return action → side → the CPU seconds of each round; a first round is not counted."""
    command = [str(arguments.peer_python), "-m", "tests.benchmarks.peer.fusion"]
    peer = Server(command, environment=ONE_THREAD) if arguments.peer else None
    if peer is not None:
        peer.ask("prepare", settings=settings, sources=sources)
    found = {}
    for action in Action:
        sides = own_sides(settings, sources, action)
        if peer is not None:
            sides["adapterhub"] = partial(_asked, peer, action.value)
        alternate(sides, rounds=1)
        found[action.value] = alternate(sides, rounds=arguments.rounds)
    if peer is not None:
        peer.close()
    return found


def _asked(peer: Server, action: str) -> float:
    return float(peer.ask(action))


def report(ledger: Ledger, units: dict[str, int]) -> None:
    """Print what the results file holds of these units, unit → number of adapters."""
    rows: list[list[object]] = []
    for unit, sources in units.items():
        found = ledger.get(unit)
        for action in Action:
            paper = FUSION.get((Against.FULL_FINE_TUNING, action, sources))
            for side, seconds in (found or {}).get(action, {}).items():
                rows.append(
                    [
                        f"{sources} adapters, {action}",
                        side,
                        spread(s * 1e3 for s in seconds),
                        ratios(found[action][FULL], seconds),
                        paper if side in ("adapterhub", "published form") else None,
                    ]
                )
    columns = ("step", "side", "CPU ms", "× full fine-tuning", "paper")
    show("Fusion, median (lowest–highest) over rounds", columns, rows)


def main() -> None:
    made = parser("A fusion against the fully fine-tuned model.", name="fusion")
    made.add_argument("--sources", nargs="+", type=int, default=[8, 16])
    made.add_argument("--layers", type=int, default=12)
    made.add_argument("--hidden", type=int, default=768)
    made.add_argument("--rows", type=int, default=32)
    made.add_argument("--tokens", type=int, default=32, help="of every row")
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True)
    arguments = made.parse_args()
    if arguments.peer:
        check_peer(arguments.peer_python)
    torch.set_num_threads(1)
    settings = {
        "base": {
            "num_hidden_layers": arguments.layers,
            "hidden_size": arguments.hidden,
            "num_attention_heads": arguments.hidden // 64,
            "intermediate_size": 4 * arguments.hidden,
        },
        "rows": arguments.rows,
        "tokens": arguments.tokens,
    }
    size = f"{arguments.layers}x{arguments.hidden}/{arguments.rows}x{arguments.tokens}"
    units = {f"{size}/{sources}": sources for sources in arguments.sources}
    ledger = Ledger(arguments.out)
    console.print(environment_line(environment()))
    ledger.put("environment", environment())
    for unit, sources in units.items():
        if ledger.get(unit) is None:
            ledger.put(unit, measure_unit(settings, sources, arguments))
    report(ledger, units)


if __name__ == "__main__":
    main()
