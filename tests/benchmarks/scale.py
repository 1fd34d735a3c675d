"""What a catalog of many trials costs: planning, beginning a submission, and what people ask.

The trials are planned as a sweep's are; what they resulted in is made up and written as rows, ten
scores a trial. Runs on SQLite, or on the PostgreSQL database that `--catalog` names, which must be
empty.

    python -m tests.benchmarks.scale
    python -m tests.benchmarks.scale --trials 10000 --catalog postgresql+psycopg://…
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml
from sqlalchemy import bindparam, text, update

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Submission, TrialFilter, TrialState
from orchestrator.catalog.rows import result_columns, score_rows
from orchestrator.catalog.store import insert_new, now
from orchestrator.catalog.tables import scores, trials
from orchestrator.planning.plan import Plan
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkQueue
from tests.benchmarks.harness import Ledger, console, environment, environment_line, parser, show
from tests.benchmarks.tasks import random_bert, word_task
from workers.contract.results import ParameterCounts, Score, SelectionRecord, TrialResult
from workers.contract.task_card import Split
from workers.contract.trial import Trial

SIZES, RATES, TASKS, DEPTHS = 10, 10, 4, 5
ASKED = 15
"""How often each question is asked; the median counts."""


@dataclass
class Cost:
    """What something took: CPU and wall seconds, and how much memory was added, bytes."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    added_bytes: int = 0


@contextmanager
def costing() -> Iterator[Cost]:
    found, process = Cost(), psutil.Process()
    memory, cpu_s, wall_s = process.memory_info().rss, time.process_time(), time.perf_counter()
    yield found
    found.cpu_s, found.wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    found.added_bytes = process.memory_info().rss - memory


def sweep(number: int, root: Path) -> Path:
    """Write a sweep of so many trials: tasks, bottleneck sizes, learning rates and seeds."""
    base = random_bert(root / "tiny", layers=1, hidden_size=16)
    task = word_task(root, rows=8, tokens=(8, 8))
    specification = {
        "name": "scale",
        "base_models": {"tiny": {"source": f"folder:{base}"}},
        "tasks": {f"words{i}": {"folder": str(task)} for i in range(TASKS)},
        "seeds": list(range(number // (SIZES * RATES * TASKS))),
        "adapter": {"bottleneck_size": list(range(1, SIZES + 1))},
        "training": {"learning_rate": [i * 1e-4 for i in range(1, RATES + 1)]},
    }
    path = root / "sweep.yaml"
    path.write_text(yaml.safe_dump(specification), encoding="utf-8")
    return path


def hand_out_all(plan: Plan) -> tuple[float, float]:
    """Hand out and finish every trial; return the ms of each in the first and the last tenth."""
    queue = WorkQueue(plan.trials)
    took: list[float] = []
    while not queue.ended:
        started = time.perf_counter()
        bundle = queue.next_bundle(size=8, workers=2)
        for trial in bundle:
            queue.finish(trial.trial_id)
        took += [(time.perf_counter() - started) / len(bundle)] * len(bundle)
    tenth = len(took) // 10
    return statistics.mean(took[:tenth]) * 1e3, statistics.mean(took[-tenth:]) * 1e3


def begin(plan: Plan, url: str) -> tuple[Cost, float]:
    """Begin a submission, and return the longest that another writer waited meanwhile, seconds."""
    waits: list[float] = []
    over = threading.Event()
    with Catalog.open(url) as catalog, Catalog.open(url) as other:
        theirs = other.begin_submission("other", "", [])

        def write() -> None:
            while not over.is_set():
                started = time.perf_counter()
                other.heartbeat(theirs.id)
                waits.append(time.perf_counter() - started)
                over.wait(0.01)

        writer = threading.Thread(target=write)
        writer.start()
        with costing() as cost:
            submission: Submission = catalog.begin_submission(
                "scale", "", list(plan.trials.values())
            )
        over.set()
        writer.join()
        fill(catalog, list(plan.trials.values()), submission)
    return cost, max(waits)


def fill(catalog: Catalog, planned: list[Trial], submission: Submission) -> None:
    """Finish nine trials of ten as a sweep would have; the others stay as they are."""
    draw = random.Random(0)
    finish = update(trials).where(trials.c.trial_id == bindparam("of"))
    for start in range(0, len(planned), 2000):
        results = [result(t, draw) for t in planned[start : start + 2000] if draw.random() < 0.9]
        rows = [{"of": r.trial_id, "ended_at": now()} | result_columns(r) for r in results]
        with catalog._writing() as connection:
            connection.execute(finish.values({k: bindparam(k) for k in rows[0] if k != "of"}), rows)
            insert_new(connection, scores, [row for r in results for row in score_rows(r)])
    with catalog._writing() as connection:
        connection.execute(text("ANALYZE"))


def result(trial: Trial, draw: random.Random) -> TrialResult:
    """Make a result up, with the same metric measured on two splits at several depths."""
    metric = trial.metric.value
    return TrialResult(
        trial_id=trial.trial_id,
        metric=metric,
        score=draw.random(),
        depth=0,
        scores=tuple(
            Score(split=split, depth=depth, rows=8, metrics={metric: draw.random()})
            for split in (Split.VALIDATION, Split.TEST)
            for depth in range(DEPTHS)
        ),
        majority=0.5,
        selection=SelectionRecord(
            checkpoint="last epoch",
            selected_on=Split.VALIDATION,
            reported_on=(Split.TEST,),
            validation_from_train=False,
        ),
        parameters=ParameterCounts(trained=100, stored=100, adapter=90),
        duration_s=1.0,
        finished_at_unix_ms=time.time_ns() // 1_000_000,
        environment={"torch": "2", "transformers": "5", "device": "cpu"},
    )


def questions(catalog: Catalog) -> dict[str, Callable[[], Any]]:
    """Return what the commands ask of the catalog."""
    one = TrialFilter(sweep="scale", task="words1")
    running = TrialFilter(sweep="scale", state=TrialState.PENDING)
    return {
        "status": catalog.sweeps,
        "trials": lambda: catalog.trials(limit=50),
        "trials, of a sweep": lambda: catalog.trials(TrialFilter(sweep="scale"), limit=50),
        "trials, of a task": lambda: catalog.trials(one, limit=50),
        "trials, pending": lambda: catalog.trials(running, "trial_id", limit=50),
        "best": lambda: catalog.leaderboard(limit=5),
        "best, of a sweep": lambda: catalog.leaderboard("scale", limit=5),
        "best, of a task": lambda: catalog.leaderboard("scale", "words1", limit=5),
    }


def ask(url: str) -> dict[str, float]:
    """Ask each question several times; return the median of each in ms."""
    found: dict[str, float] = {}
    with Catalog.open(url, create=False) as catalog:
        for name, question in questions(catalog).items():
            took = []
            for _ in range(ASKED):
                started = time.perf_counter()
                question()
                took.append(time.perf_counter() - started)
            found[name] = statistics.median(took) * 1e3
    return found


def run(number: int, url: str | None, root: Path) -> dict[str, Any]:
    path = sweep(number, root)
    with costing() as planning:
        plan, _ = plan_sweep(path)
    first, last = hand_out_all(plan)
    where = url or f"sqlite:///{root / 'catalog.sqlite'}"
    beginning, waited_s = begin(plan, where)
    return {
        "planning, CPU s": planning.cpu_s,
        "planning, MiB": planning.added_bytes / 2**20,
        "handing out, ms, first tenth": first,
        "handing out, ms, last tenth": last,
        "begin_submission, CPU s": beginning.cpu_s,
        "begin_submission, wall s": beginning.wall_s,
        "another writer waited at most, s": waited_s,
    } | {f"{name}, ms": took for name, took in ask(where).items()}


def main() -> None:
    made = parser("What a catalog of many trials costs.", name="scale")
    made.add_argument("--trials", type=int, default=100_000)
    made.add_argument("--catalog", help="an empty PostgreSQL database, instead of SQLite")
    made.add_argument("--scratch", type=Path, default=None, help="where the catalog is made")
    arguments: argparse.Namespace = made.parse_args()
    ledger = Ledger(arguments.out)
    kind = "postgresql" if arguments.catalog else "sqlite"
    unit = f"{kind}/{arguments.trials}"
    if ledger.get(unit) is None:
        console.print(environment_line(environment()))
        with tempfile.TemporaryDirectory(prefix="scale-", dir=arguments.scratch) as root:
            found = run(arguments.trials, arguments.catalog, Path(root))
        ledger.put(unit, found | {"environment": environment()})
    rows = [[name, value] for name, value in ledger.get(unit).items() if name != "environment"]
    show(f"{arguments.trials:,} trials on {kind}", ("what", "took"), rows)


if __name__ == "__main__":
    main()
