"""The benchmarks' own arithmetic and accounting, which their numbers rest on."""

import json
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks.accounting import measure
from tests.benchmarks.harness import Ledger, alternate, ratios, spread
from tests.benchmarks.serving import Server, ServerError

BURN = """
import time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
"""


def test_spread_is_median_lowest_and_highest() -> None:
    found = spread([3.0, 1.0, 2.0, 10.0])
    assert (found.median, found.low, found.high, found.count) == (2.5, 1.0, 10.0, 4)
    with pytest.raises(ValueError, match="at least one"):
        spread([])


def test_ratios_compare_the_sides_of_each_round() -> None:
    # The third round was twice as slow for both.
    assert ratios([4.0, 4.0, 8.0], [2.0, 2.0, 4.0]) == spread([2.0, 2.0, 2.0])
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


def test_sides_take_turns_and_swap_who_goes_first() -> None:
    calls: list[str] = []
    sides = {name: lambda name=name: calls.append(name) for name in "ab"}
    assert {n: len(r) for n, r in alternate(sides, rounds=3).items()} == {"a": 3, "b": 3}
    assert calls == ["a", "b", "b", "a", "a", "b"]


def test_a_ledger_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "results" / "ledger.json"
    Ledger(path, settings={"rows": 10}).put("ours/rte", spread([1.0]))
    again = Ledger(path, settings={"rows": 10})
    assert again.get("ours/rte") == {"median": 1.0, "low": 1.0, "high": 1.0, "count": 1}
    assert again.get("peer/rte") is None
    again.put("peer/rte", {"cpu_s": 2})
    assert set(json.loads(path.read_text())["units"]) == {"ours/rte", "peer/rte"}
    with pytest.raises(SystemExit, match="other settings"):
        Ledger(path, settings={"rows": 20})


def test_cpu_time_of_children_that_nobody_waits_for_is_counted() -> None:
    """As Ray does it: a daemon in a session of its own, and children that the kernel reaps."""
    daemon = BURN + "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    daemon += (
        "if os.fork() == 0:\n    burn(0.4); os._exit(0)\nburn(0.3)\nimport time; time.sleep(2.5)"
    )
    command = BURN + (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {daemon!r}], start_new_session=True)\n"
        "burn(0.3)"
    )
    started = time.perf_counter()
    usage = measure([sys.executable, "-c", command])
    elapsed = time.perf_counter() - started
    assert usage.exit_code == 0
    assert usage.processes == 3
    assert not usage.stragglers
    # 1.0 and the start of three interpreters; a busy machine hides the end of the last child.
    assert 0.8 < usage.cpu_s < 1.3
    assert usage.wall_s < elapsed - 1.0  # the daemon outlives the command


def test_a_command_that_takes_too_long_is_ended_with_all_it_started() -> None:
    child = "import time; time.sleep(60)"
    command = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    usage = measure([sys.executable, "-c", command], limit_s=0.5)
    assert usage.timed_out
    assert usage.exit_code != 0
    assert usage.wall_s < 30


def test_memory_is_of_the_whole_tree() -> None:
    hold = "x = b'1' * 80_000_000; import time; time.sleep(0.4)"
    command = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    usage = measure([sys.executable, "-c", command])
    (largest,) = {max(usage.peak_bytes_by_name.values())}
    assert 80_000_000 < largest < usage.peak_bytes < 200_000_000


def test_a_server_answers_fails_alone_and_ends(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(
        "from tests.benchmarks.serving import serve\n"
        "serve({'add': lambda a, b: print('chatter') or a + b, 'fail': lambda: 1 / 0})\n"
    )
    root = str(Path(__file__).parents[3])
    with Server([sys.executable, str(script)], environment={"PYTHONPATH": root}) as server:
        assert server.ask("add", a=1, b=2) == 3
        with pytest.raises(ServerError, match="ZeroDivisionError"):
            server.ask("fail")
        assert server.ask("add", a=3, b=4) == 7
