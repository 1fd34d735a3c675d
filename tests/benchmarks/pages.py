"""What every page costs over a catalog of many trials: on the server, in a browser, and in bytes.

The catalog is that of `tests.benchmarks.scale`, ten scores a trial: in SQLite, and in a PostgreSQL
that is started for it where `initdb` and `pg_ctl` are on PATH. Each page is asked for with a new
filter that nothing was kept for, and then again; CPU time is that of the first, of the process that
makes the pages and of PostgreSQL's. A browser counts a page as ready when its script has run; what
it loads is counted as it is sent, compressed.

    python -m tests.benchmarks.pages
    python -m tests.benchmarks.pages --trials 10000 --catalog postgresql+psycopg://…
"""

import argparse
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, text

from dashboards.web.trial_panels import ROWS_OF_A_PAGE
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialFilter
from orchestrator.running.driver import plan_sweep
from tests.benchmarks.harness import Ledger, console, environment, environment_line, parser, show
from tests.benchmarks.scale import begin, server_of, sweep
from tests.own_postgres import NoPostgresError, running_postgres
from tests.ports import free_port

ASKED = 5
COLUMNS = (
    *("fresh, ms", "slowest, ms", "CPU, ms", "again, ms", "kB"),
    *("ready, ms", "loaded, kB"),
)


def addresses(url: str) -> dict[str, str]:
    """Return name → address of a page, with a `%d` for a score that no trial is below."""
    with Catalog.open(url, create=False, read_only=True) as catalog:
        trial = catalog.trials(limit=1)[0]
        board = catalog.leaderboard("scale", limit=4)
        scored = catalog.count(TrialFilter(sweep="scale", min_score=-1))
    chosen = "&".join(f"c={row.configuration}" for row in board[:8:2])
    last = math.ceil(scored / ROWS_OF_A_PAGE)
    any_score = "min_score=-%d"
    return {
        "sweeps": "/",
        "sweep": f"/sweep?sweep=scale&{any_score}",
        "sweep, of a task": f"/sweep?sweep=scale&task=words1&{any_score}",
        "grid": f"/grid?sweep=scale&{any_score}",
        "group by": f"/group?sweep=scale&by=bottleneck_size,learning_rate&{any_score}",
        "group by epochs": f"/group?sweep=scale&by=epochs&{any_score}",
        "trials": f"/trials?sweep=scale&{any_score}",
        "trials, middle page": f"/trials?sweep=scale&sort=score&page={last // 2}&{any_score}",
        "trials, last page": f"/trials?sweep=scale&sort=score&page={last}&{any_score}",
        "trials, pending": f"/trials?sweep=scale&state=pending&sort=trial_id&seed=1&{any_score}",
        "trial": f"/trial/{trial.trial_id}",
        "compare 4": f"/compare?{chosen}",
        "adapters": "/adapters",
        "changes": "/changes?sweep=scale",
        "figure: drop curves": f"/figure/drop_curves.json?sweep=scale&{any_score}",
        "figure: Pareto": f"/figure/pareto.json?sweep=scale&{any_score}",
    }


@contextmanager
def served(url: str, root: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve the pages in a process of their own; give their address, and it."""
    port = free_port()
    command = [sys.executable, "-m", "orchestrator.command_line", "dashboard"]
    options = ["--catalog", url, "--workspace", str(root), "--port", str(port)]
    with subprocess.Popen([*command, *options]) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"{address}/static/icon.svg", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.2)
            yield address, psutil.Process(process.pid)
        finally:
            process.terminate()


def asked(address: str) -> tuple[float, int]:
    """Return how many ms an answer took, and its bytes as they were sent."""
    request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:
        size = len(answer.read())
    return (time.perf_counter() - started) * 1e3, size


def on_server(
    base: str, pages: dict[str, str], spent_s: Callable[[], float]
) -> dict[str, dict[str, float]]:
    """Ask for every page; `spent_s` tells the CPU seconds that answering has taken so far."""
    found, number = {}, 10
    for name, page in pages.items():
        fresh, size, before_s = [], 0, spent_s()
        for _ in range(ASKED):
            number += 1
            took, size = asked(base + page.replace("%d", str(number)))
            fresh.append(took)
        cpu_s = (spent_s() - before_s) / ASKED
        again = [asked(base + page.replace("%d", str(number)))[0] for _ in range(ASKED)]
        found[name] = {
            "fresh, ms": statistics.median(fresh),
            "slowest, ms": max(fresh),
            "CPU, ms": cpu_s * 1e3,
            "again, ms": statistics.median(again),
            "kB": size / 1e3,
        }
    return found


_MEASURE = """
const mark = performance.getEntriesByName("ready")[0];
const kinds = ["navigation", "resource"];
const every = kinds.flatMap((kind) => performance.getEntriesByType(kind));
return [mark ? mark.startTime : null, every.reduce((sum, one) => sum + one.transferSize, 0)];
"""


def in_browser(base: str, pages: dict[str, str]) -> dict[str, tuple[float, float]]:
    """Return page → ms until it is ready and kB that it loads, with an empty cache."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in ("--headless=new", "--no-sandbox", "--disable-background-networking"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(str(shutil.which("chromedriver"))))
    found = {}
    try:
        for name, page in pages.items():
            if page.startswith(("/figure", "/changes")):
                continue
            ready, size = [], 0.0
            for number in range(2):
                driver.execute_cdp_cmd("Network.clearBrowserCache", {})
                driver.get(base + page.replace("%d", str(900 + number)))
                for _ in range(100):
                    if driver.execute_script("return document.documentElement.dataset.ready"):
                        break
                    time.sleep(0.05)
                time.sleep(2 if name.startswith(("sweep,", "compare")) else 0.2)  # Vega loads
                at, size = driver.execute_script(_MEASURE)
                ready.append(at)
            found[name] = statistics.median(ready), size / 1e3
    finally:
        driver.quit()
    return found


def run(number: int, url: str | None, root: Path) -> dict[str, Any]:
    plan, _ = plan_sweep(sweep(number, root))
    where = url or f"sqlite:///{root / 'catalog.sqlite'}"
    begin(plan, where)
    if where.startswith("postgresql"):  # does so by itself, within minutes of a sweep's end
        with create_engine(where, isolation_level="AUTOCOMMIT").connect() as at:
            at.execute(text("VACUUM (ANALYZE)"))
    pages = addresses(where)
    with served(where, root) as (base, process), Catalog.open(where, create=False) as catalog:
        database_s = server_of(catalog)
        found: dict[str, Any] = on_server(
            base, pages, lambda: sum(process.cpu_times()[:2]) + database_s()
        )
        if shutil.which("chromium") and shutil.which("chromedriver"):
            for name, (ready, size) in in_browser(base, pages).items():
                found[name] |= {"ready, ms": ready, "loaded, kB": size}
    return found


def databases(given: str | None) -> Iterator[tuple[str, str | None]]:
    """Give each kind of database to measure, and its address; None for a new SQLite file."""
    if given is not None:
        yield "postgresql", given
        return
    yield "sqlite", None
    try:
        with running_postgres(free_port()) as server:
            with create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT").connect() as at:
                at.execute(text("CREATE DATABASE pages"))
            yield "postgresql", f"{server}/pages"
    except NoPostgresError as error:
        console.print(str(error))


def main() -> None:
    made = parser("What every page costs over many trials.", name="pages")
    made.add_argument("--trials", type=int, default=100_000)
    made.add_argument("--catalog", help="an empty PostgreSQL database, instead of both kinds")
    made.add_argument("--scratch", type=Path, default=None, help="where catalogs are made")
    arguments: argparse.Namespace = made.parse_args()
    ledger = Ledger(arguments.out)
    for kind, url in databases(arguments.catalog):
        unit = f"{kind}/{arguments.trials}"
        if ledger.get(unit) is None:
            console.print(environment_line(environment()))
            with tempfile.TemporaryDirectory(prefix="pages-", dir=arguments.scratch) as root:
                found = run(arguments.trials, url, Path(root))
            ledger.put(unit, found | {"environment": environment()})
        rows = [
            [name, *(values.get(column) for column in COLUMNS)]
            for name, values in ledger.get(unit).items()
            if name != "environment"
        ]
        show(f"{arguments.trials:,} trials on {kind}", ("page", *COLUMNS), rows)


if __name__ == "__main__":
    main()
