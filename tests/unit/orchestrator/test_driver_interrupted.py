"""An interrupted submission ends soon, whether MLflow answers or not."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from orchestrator.running import driver
from orchestrator.stores import Stores


class DeafPublisher:
    """Stands for a publisher to which MLflow does not answer."""

    def __init__(self) -> None:
        self.limits_s: list[float] = []
        self.patient = False

    def drain(self, limit_s: float, *, while_told: bool, say: Callable[[str], None]) -> int:
        self.limits_s.append(limit_s)
        self.patient |= while_told
        return 1


def test_an_interrupted_submission_waits_little_for_mlflow(
    toy_sweep: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, source = driver.plan_sweep(toy_sweep())
    publisher = DeafPublisher()
    monkeypatch.setattr(driver, "publishing", lambda *_: nullcontext(publisher))
    monkeypatch.setattr(driver, "prepare_store", lambda _: None)
    monkeypatch.setattr(driver, "_start_workers", lambda *_, **__: 1)
    monkeypatch.setattr(driver, "_run", lambda *_, **__: None)  # as if Ctrl-C came at once
    outcome = driver.submit(
        plan, source, Stores.at(tmp_path / "workspace"), address=None, watch=driver.Watch()
    )
    assert outcome.interrupted
    assert outcome.unpublished == 1
    assert 0 < sum(publisher.limits_s) <= 15, "SIGKILL comes half a minute after SIGTERM"
    assert not publisher.patient, "a limit that each thing told stretches is none"
