"""What a catalog of many trials costs: planning, beginning a submission, and what people ask.

The trials are planned as a sweep's are; what they resulted in is made up and written as rows, ten
scores a trial. Runs on SQLite, or on the PostgreSQL database that `--catalog` names, which must be
empty and on this machine. Questions are told in CPU time, of the database's server too, which other
work on the machine changes least.

    python -m tests.benchmarks.scale
    python -m tests.benchmarks.scale --seeds 5
    python -m tests.benchmarks.scale --trials 10000 --catalog postgresql+psycopg://…
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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

SIZES, TASKS, DEPTHS = 10, 4, 5
USUAL_SEEDS = 250
ASKED = 15
"""How often each question is asked: a server's time is counted in hundredths of a second."""


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


def sweep(number: int, root: Path, seeds: int = USUAL_SEEDS) -> Path:
    """Write a sweep of so many trials: tasks, bottleneck sizes, learning rates and seeds."""
    rates = number // (SIZES * TASKS * seeds)
    base = random_bert(root / "tiny", layers=1, hidden_size=16)
    task = word_task(root, rows=8, tokens=(8, 8))
    specification = {
        "name": "scale",
        "base_models": {"tiny": {"source": f"folder:{base}"}},
        "tasks": {f"words{i}": {"folder": str(task)} for i in range(TASKS)},
        "seeds": list(range(seeds)),
        "adapter": {"bottleneck_size": list(range(1, SIZES + 1))},
        "training": {"learning_rate": [i * 1e-4 for i in range(1, rates + 1)]},
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
    """Return what the commands ask of the catalog, and then what pages ask beside that."""
    every = TrialFilter(sweep="scale")
    one = TrialFilter(sweep="scale", task="words1")
    scored = TrialFilter(sweep="scale", min_score=0.1)
    pending = TrialFilter(sweep="scale", state=TrialState.PENDING)
    sized = TrialFilter(sweep="scale", bottleneck_size=4)
    return {
        "status": lambda: catalog.time_left(catalog.sweeps()),
        "trials": lambda: catalog.trials(limit=50),
        "trials, of a sweep": lambda: catalog.trials(every, limit=50),
        "trials, of a task": lambda: catalog.trials(one, limit=50),
        "trials, of some scores": lambda: catalog.trials(scored, limit=50),
        "trials, pending": lambda: catalog.trials(pending, "trial_id", limit=50),
        "best": lambda: catalog.leaderboard(limit=5),
        "best, of a sweep": lambda: catalog.leaderboard("scale", limit=5),
        "best, of a task": lambda: catalog.leaderboard("scale", "words1", limit=5),
        "best, of some scores": lambda: catalog.leaderboard(limit=5, where=scored),
        "best, of a size": lambda: catalog.leaderboard(limit=5, where=sized),
        "page: a sweep's progress": lambda: catalog.overviews("scale"),
        "page: what there is to choose": lambda: catalog.facets("scale"),
        "page: how many": lambda: catalog.count(scored),
        "page: grid": lambda: catalog.grid(scored),
        "page: groups": lambda: catalog.grouped(scored, ("bottleneck_size", "learning_rate")),
    }


def ask(url: str) -> dict[str, float]:
    """Ask each question several times; return the mean CPU ms of each, here and in the server."""
    found: dict[str, float] = {}
    with Catalog.open(url, create=False) as catalog:
        server = server_of(catalog)
        for name, question in questions(catalog).items():
            took = []
            for _ in range(ASKED):
                started = time.process_time() + server()
                question()
                took.append(time.process_time() + server() - started)
            found[name] = statistics.mean(took) * 1e3
    return found


def server_of(catalog: Catalog) -> Callable[[], float]:
    """Return what tells the CPU seconds of PostgreSQL with all that it started; 0 for SQLite."""
    if catalog._engine.dialect.name != "postgresql":
        return lambda: 0.0
    with catalog._reading() as connection:
        server = psutil.Process(connection.scalar(text("SELECT pg_backend_pid()"))).parent()
    assert server is not None

    def spent_s() -> float:
        total = sum(server.cpu_times()[:4])  # with those of its processes that have ended
        for process in server.children():
            with suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:2])
        return total

    return spent_s


def run(number: int, url: str | None, root: Path, seeds: int = USUAL_SEEDS) -> dict[str, Any]:
    path = sweep(number, root, seeds)
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
    } | {f"{name}, CPU ms": took for name, took in ask(where).items()}


def main() -> None:
    made = parser("What a catalog of many trials costs.", name="scale")
    made.add_argument("--trials", type=int, default=100_000)
    made.add_argument("--seeds", type=int, default=USUAL_SEEDS, help="of each configuration")
    made.add_argument("--catalog", help="an empty PostgreSQL database, instead of SQLite")
    made.add_argument("--scratch", type=Path, default=None, help="where the catalog is made")
    arguments: argparse.Namespace = made.parse_args()
    ledger = Ledger(arguments.out)
    kind = "postgresql" if arguments.catalog else "sqlite"
    unit = f"{kind}/{arguments.trials}/{arguments.seeds}"
    if ledger.get(unit) is None:
        console.print(environment_line(environment()))
        with tempfile.TemporaryDirectory(prefix="scale-", dir=arguments.scratch) as root:
            found = run(arguments.trials, arguments.catalog, Path(root), arguments.seeds)
        ledger.put(unit, found | {"environment": environment()})
    rows = [[name, value] for name, value in ledger.get(unit).items() if name != "environment"]
    show(f"{arguments.trials:,} trials on {kind}", ("what", "took"), rows)


if __name__ == "__main__":
    main()
