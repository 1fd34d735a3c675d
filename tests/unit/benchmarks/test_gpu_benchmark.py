"""The benchmark on a GPU, tried on a processor: its sides, its steps and its table."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import gpu
from tests.benchmarks.gpu import PEER, Processes, Side, measure, sides_of
from tests.benchmarks.own_gpu import GpuSteps, matrix_peak_tflops
from tests.benchmarks.peer.gpu import GpuSteps as PeerSteps
from workers.running.gpu_check.made_base import write_base, write_task

ARGUMENTS = argparse.Namespace(
    without_peer=False, processes=[1, 2], widths=[1, 4], trial_steps=96, seconds=0.1, rounds=2
)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    base = write_base(tmp_path / "base", layers=2, hidden_size=32, dropout=0.1)
    task = write_task(tmp_path / "task", rows=16, held_out=4, tokens=(4, 8))
    training = {"learning_rate": 1e-3, "batch_size": 4, "max_length": 8, "precision": "float32"}
    places = {"folder": str(tmp_path / "run"), "base": str(base), "task": str(task)}
    return places | {"device": "cpu", "sources": 2, "training": training}


def test_adapterhub_stands_where_it_can_train() -> None:
    assert [side.name for side in sides_of(ARGUMENTS, "0", cached=False)] == [
        PEER,
        *("1 eager process", "2 eager processes", "pack of 1", "pack of 4"),
    ]
    for kind, cached in (("robust", False), ("fusion", False), ("6", True)):
        assert not any(side.is_peer for side in sides_of(ARGUMENTS, kind, cached=cached))


@pytest.mark.parametrize(
    ("kind", "width", "cached"),
    [("0", 0, False), ("1", 2, True), ("robust", 2, False), ("fusion", 2, True)],
)
def test_trials_of_every_kind_do_steps(
    settings: dict[str, Any], kind: str, width: int, cached: bool
) -> None:
    server = GpuSteps()
    server.prepare(settings, kind=kind, width=width, cached=cached)
    found = server.run(seconds=0.05)
    assert found["steps"] >= max(1, width)
    assert found["steps"] % max(1, width) == 0
    assert found["seconds"] >= 0.05
    assert server.flops(passes=2) > 0
    assert server.used_bytes() is None
    server.release()
    assert server.passes is None


def test_the_peak_is_that_of_a_product() -> None:
    assert 0 < matrix_peak_tflops("cpu", "float32", size=64) < 1000


class Answers:
    """Stands for a process that measures."""

    def __init__(self, steps: int) -> None:
        self.steps, self.asked = steps, list[str]()

    def ask(self, operation: str, **_: Any) -> Any:
        self.asked.append(operation)
        run = {"steps": self.steps, "seconds": 2.0, "host_s": 1.0}
        return {"run": run, "flops": 5e9, "used_bytes": 2**30}.get(operation)


def test_the_steps_of_all_processes_count(settings: dict[str, Any]) -> None:
    servers: list[Any] = [Answers(10), Answers(30)]
    found = measure(ARGUMENTS, settings, servers, {"kind": "0", "width": 0, "cached": False})
    assert found == {
        "steps_per_s": [20.0, 20.0],
        "host_ms": [50.0, 50.0],
        "used_bytes": 2**30,
        "gflop": 5.0,
    }
    assert servers[1].asked == ["prepare", "run", "run", "run"]  # the first warms up
    row = gpu._row(ARGUMENTS, Side("x", 2, 0), found, 10.0)
    assert row[2:] == [20 * 3600 / 96, 50.0, 1.0, 5.0 * 20 / 1e3 / 10.0]
    assert gpu._row(ARGUMENTS, Side("x", 1, 64), {"failed": "no memory"}, None)[1] == "no memory"


def test_processes_are_used_again_and_hold_nothing_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Any] = []

    class Started(Answers):
        def __init__(self, command: list[str], **_: Any) -> None:
            super().__init__(1)
            self.command, self.closed = command, False
            started.append(self)

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr(gpu, "Server", Started)
    processes = Processes(Path("peer-python"))
    assert len(processes.of(Side("two", 2, 0))) == 2
    assert len(processes.of(Side("one", 1, 4))) == 1
    (peer,) = processes.of(Side(PEER, 1, 0))
    assert peer.command[0] == "peer-python"  # type: ignore[attr-defined]
    assert len(started) == 3
    assert [len(s.asked) for s in started] == [3, 3, 1]
    processes.close()
    assert all(s.closed for s in started)


def test_the_peers_steps_are_those_of_its_own_training(settings: dict[str, Any]) -> None:
    class Run:
        device = "cpu"
        steps = 0

        def step(self, _: Any) -> None:
            self.steps += 1

    server = PeerSteps()
    server.run_, server.batches = Run(), iter(range(10**9))  # type: ignore[assignment]
    found = server.run(seconds=0.01)
    assert found["steps"] == server.run_.steps > 0  # type: ignore[union-attr]
    assert server.used_bytes() is None
    server.release()


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["gpu", "--without-peer", "--out", str(tmp_path / "r.json")])
    with pytest.raises(SystemExit, match="expected a GPU that torch can use, found none"):
        gpu.main()
    monkeypatch.setattr(
        "sys.argv", ["gpu", "--device", "cpu", "--report", "--out", str(tmp_path / "r.json")]
    )
    gpu.main()
    assert "are no results" in capsys.readouterr().out
