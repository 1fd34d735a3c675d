"""What a latency budget costs: p95 over a thousand requests, depths, and each task's score.

    python -m tests.benchmarks.budget --data data --adapters adapters/sst2 adapters/cola

Requests are rows of the first adapter's task, one by one, answered by all adapters in one pass;
rows are repeated in another order where there are too few. Scores are of each adapter on its own
task's rows at every depth that requests were served at, weighted by how many were.
"""

import argparse
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from tests.benchmarks.harness import Ledger, console, environment, environment_line, parser, show
from workers.contract.task_card import Split
from workers.predict import LatencyBudget, ManyTasks
from workers.tasks.files import read_records
from workers.tasks.metrics import score_rows

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def rows_of(data: Path, name: str) -> list[dict[str, Any]]:
    """Return the validation rows of a task's folder."""
    return [dict(row) for _, row in read_records(data / name / f"{Split.VALIDATION}.jsonl")]


def texts_for(many: ManyTasks, row: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return one row of any single-sentence task as each adapter reads it."""
    cards = {name: predictor.card for name, predictor in many.predictors.items()}
    return {name: [{card.columns.text: row["sentence1"]}] for name, card in cards.items()}


def serve(many: ManyTasks, rows: list[dict[str, Any]], budget: LatencyBudget, count: int) -> None:
    """Answer so many requests within a budget."""
    draw = random.Random(0)
    order = [
        i for _ in range(-(-count // len(rows))) for i in draw.sample(range(len(rows)), len(rows))
    ]
    for number in order[:count]:
        many.predict_rows(texts_for(many, rows[number]), places=["the row"], budget=budget)


def scores_at(
    many: ManyTasks, data: Path, depths: list[int], most: int
) -> dict[str, dict[str, float]]:
    """Return task → depth → its primary metric over its own validation rows."""
    found: dict[str, dict[str, float]] = {}
    for name, predictor in many.predictors.items():
        rows = rows_of(data, predictor.card.name)[:most]
        places = [f"row {number}" for number in range(len(rows))]
        labelled = predictor.objective.encode(
            predictor.tokenizer,
            _labelled(predictor.card, rows),
            max_length=predictor.max_length,
        )
        for depth in depths:
            answers = predictor.predict_rows(rows, places=places, drop_depth=depth)
            names = predictor.card.label_names
            said = [names.index(a.label) if a.label is not None else a.value for a in answers]
            score = score_rows(predictor.card, said, labelled.rows)[predictor.card.metric]
            found.setdefault(name, {})[str(depth)] = score
    return found


def _labelled(card: Any, rows: list[dict[str, Any]]) -> Any:
    from workers.tasks.checking import read_rows

    places = (f"row {number}" for number in range(len(rows)))
    return read_rows(zip(places, rows, strict=False), card, where="the rows", labelled=True)


def run(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Serve every budget that the results file lacks, then score the depths that were chosen."""
    many = ManyTasks.load({path.name: path for path in arguments.adapters})
    first = next(iter(many.predictors.values()))
    rows = rows_of(arguments.data, first.card.name)
    started = time.perf_counter()
    clock = CLOCKS[arguments.clock]
    calibration = many.calibrate(clock=clock)
    ledger.put("calibration_s", time.perf_counter() - started)
    ledger.put("calibration", calibration.model_dump(mode="json"))
    for ms in (*arguments.budgets, 1e6):
        unit = f"budget/{ms:g}"
        if ledger.get(unit) is not None:
            continue
        load = os.getloadavg()[0]
        budget = LatencyBudget(ms, calibration, clock=clock)
        serve(many, rows, budget, arguments.requests)
        report = budget.report()
        by_depth = {str(d): n for d, n in sorted(Counter(budget.depths).items())}
        found = {"p95": report.p95_ms, "p50": report.p50_ms, "in_time": report.in_time}
        found |= {"by_depth": by_depth, "hopeless": report.hopeless}
        ledger.put(unit, found | {"load": [load, os.getloadavg()[0]]})
        console.print(str(report))
    depths = list(range(calibration.depths))
    if ledger.get("scores") is None:
        ledger.put("scores", scores_at(many, arguments.data, depths, arguments.rows))


def report(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Print what the results file holds."""
    scores = ledger.get("scores") or {}
    rows: list[list[object]] = []
    for ms in (1e6, *arguments.budgets):
        found = ledger.get(f"budget/{ms:g}")
        if found is None:
            continue
        total = sum(found["by_depth"].values())
        mean = sum(int(d) * n for d, n in found["by_depth"].items()) / total
        means = {
            name: sum(of[d] * n for d, n in found["by_depth"].items()) / total
            for name, of in scores.items()
        }
        rows.append(
            [
                "none" if ms >= 1e6 else f"{ms:g} ms",
                found["p95"],
                found["p50"],
                f"{found['in_time']:.1%}" if ms < 1e6 else None,
                mean,
                *means.values(),
                f"{found['load'][0]:.1f}–{found['load'][1]:.1f}",
            ]
        )
    columns = ("budget", "p95 ms", "median ms", "in time", "mean depth", *scores, "load")
    show(f"{arguments.requests:,} requests, {arguments.clock} time", columns, rows)


def main() -> None:
    made = parser("A latency budget for robust adapters.", name="budget")
    made.add_argument("--adapters", nargs="+", type=Path, required=True, help="their folders")
    made.add_argument("--budgets", nargs="+", type=float, default=[10.0, 15.0, 20.0])
    made.add_argument("--requests", type=int, default=1000)
    made.add_argument("--rows", type=int, default=1000, help="of each task, that are scored")
    made.add_argument("--data", type=Path, required=True, help="folder of task folders")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="`cpu` times requests by the process's own time: what an idle machine would take",
    )
    made.add_argument("--report", action="store_true", help="only print what was measured")
    arguments = made.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(arguments.threads)
    ledger = Ledger(
        arguments.out, settings={"requests": arguments.requests, "clock": arguments.clock}
    )
    if not arguments.report:
        console.print(environment_line(environment()))
        ledger.put("environment", environment())
        run(arguments, ledger)
    report(arguments, ledger)


if __name__ == "__main__":
    main()
