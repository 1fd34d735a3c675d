"""The tables of `sweep`: what each unit cost, and how its scores compare with the peer's."""

import statistics
from typing import Any

from tests.benchmarks.harness import Ledger, show

REFERENCE = "peer float32"

Trials = list[dict[str, Any]]


def report(groups: list[str], sides: list[str], ledger: Ledger) -> None:
    """Print what the results file holds of groups that are complete."""
    complete = [g for g in groups if all(ledger.get(f"{s}/{g}") for s in sides)]
    _show_cost(complete, sides, ledger)
    _show_scores(complete, sides, ledger)


def _show_cost(groups: list[str], sides: list[str], ledger: Ledger) -> None:
    """Print each unit's cost; ratios are the peer's over its own."""
    rows: list[list[object]] = []
    for group in groups:
        base = REFERENCE in sides and ledger.get(f"{REFERENCE}/{group}")["usage"]
        for side in sides:
            usage = ledger.get(f"{side}/{group}")["usage"]
            rows.append(
                [
                    group,
                    side,
                    *_against(usage, base),
                    f"{usage['peak_bytes'] / 2**30:.2f}",
                    _tera(ledger.get(f"{side}/{group}/flops")),
                    f"{usage['machine_busy_s'] - usage['cpu_s']:.0f}",
                ]
            )
    if len(groups) > 1:
        totals = {side: _total(side, groups, ledger) for side in sides}
        for side, total in totals.items():
            counts = [ledger.get(f"{side}/{group}/flops") for group in groups]
            flops = None if None in counts else sum(counts)
            row = ["all", side, *_against(total, totals.get(REFERENCE)), None, _tera(flops), None]
            rows.append(row)
    columns = ("tasks", "side", "wall s", "CPU s", "wall ×", "CPU ×")
    columns += ("peak GiB", "TFLOP", "others' CPU s")
    show("A whole sweep; × is the peer's cost over a side's own", columns, rows)


def _total(side: str, groups: list[str], ledger: Ledger) -> dict[str, float]:
    units = [ledger.get(f"{side}/{group}")["usage"] for group in groups]
    return {name: sum(unit[name] for unit in units) for name in ("wall_s", "cpu_s")}


def _against(own: dict[str, float], base: dict[str, float] | None) -> list[object]:
    shown: list[object] = [f"{own['wall_s']:.1f}", f"{own['cpu_s']:.1f}"]
    if not base:
        return [*shown, None, None]
    return [*shown, *(f"{base[name] / own[name]:.2f}" for name in ("wall_s", "cpu_s"))]


def _tera(flops: float | None) -> str | None:
    return None if flops is None else f"{flops / 1e12:.1f}"


def _show_scores(groups: list[str], sides: list[str], ledger: Ledger) -> None:
    trials = {
        side: [t for g in groups for t in ledger.get(f"{side}/{g}")["trials"]] for side in sides
    }
    rows: list[list[object]] = []
    for task in dict.fromkeys(t["task"] for found in trials.values() for t in found):
        base = _of_task(trials.get(REFERENCE, []), task)
        for side, found in trials.items():
            own = _of_task(found, task)
            tested = [t["scores"]["test"] for t in own if "test" in t["scores"]]
            test = statistics.mean(tested) if tested else None
            rows.append([task, side, len(own), summary(own), difference(own, base), test])
    columns = ("task", "side", "trials", "validation", "− peer's", "test")
    show("Mean score (lowest–highest mean of a seed), and the mean difference", columns, rows)


def _of_task(trials: Trials, task: str) -> Trials:
    return [t for t in trials if t["task"] == task]


def summary(trials: Trials) -> str:
    """Return the mean validation score over all trials, with its seeds' lowest and highest."""
    seeds = sorted({t["seed"] for t in trials})
    by_seed = [
        statistics.mean(t["scores"]["validation"] for t in trials if t["seed"] == seed)
        for seed in seeds
    ]
    mean = statistics.mean(t["scores"]["validation"] for t in trials)
    return f"{mean:.4f} ({min(by_seed):.4f}–{max(by_seed):.4f})"


def difference(trials: Trials, base: Trials) -> str | None:
    """Return how much higher trials score than base's of the same depth and seed.

    The mean, with its standard error; None without base.
    """
    other = {(t["depth"], t["seed"]): t["scores"]["validation"] for t in base}
    if not other:
        return None
    pairs = [t["scores"]["validation"] - other[t["depth"], t["seed"]] for t in trials]
    mean = f"{statistics.mean(pairs):+.4f}"
    if len(pairs) < 2:
        return mean
    return f"{mean} ± {statistics.stdev(pairs) / len(pairs) ** 0.5:.4f}"
