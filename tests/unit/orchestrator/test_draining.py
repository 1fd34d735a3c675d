"""How long a submission waits for MLflow, and what it says meanwhile."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestrator.catalog.catalog import Catalog
from orchestrator.mlflow import mirror
from orchestrator.mlflow.mirror import Publisher
from orchestrator.stores import Stores

LIMIT_S, LOOK_S = 120.0, 50.0


@pytest.fixture
def drained(
    sqlite_catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, list[str]]]:
    """Drain while so much is left at each look, of which there is one in 50 seconds."""

    def drain(lefts: Sequence[int], *, while_told: bool) -> tuple[int, list[str]]:
        publisher = Publisher(sqlite_catalog, Stores.at(tmp_path / "workspace"), "s")
        publisher._thread = threading.current_thread()
        publisher._summary_stale = False
        looks, now_s, said = iter(lefts), 0.0, list[str]()

        def sleep(_: float) -> None:
            nonlocal now_s
            now_s += LOOK_S

        with monkeypatch.context() as patched:
            clock = SimpleNamespace(sleep=sleep, monotonic=lambda: now_s)
            patched.setattr(mirror, "time", clock)  # other threads keep theirs
            patched.setattr(sqlite_catalog, "count_undelivered", lambda _: next(looks))
            left = publisher.drain(LIMIT_S, while_told=while_told, say=said.append)
        return left, said

    return drain


def test_a_large_sweep_is_waited_for_as_long_as_mlflow_takes_something(
    drained: Callable[..., tuple[int, list[str]]],
) -> None:
    lefts = [9_000, 8_000, 8_000, 5_000, 5_500, 3_000, 1_200, 0]
    left, said = drained(lefts, while_told=True)
    assert left == 0
    assert len(said) == len(lefts) - 2
    assert "8,000" in said[0]
    assert drained(lefts, while_told=False)[0] == 5_000, "an interrupted one is not"


def test_who_takes_nothing_any_more_is_not_waited_for(
    drained: Callable[..., tuple[int, list[str]]],
) -> None:
    assert drained([9, 8, 8, 8, 8, 7, 0], while_told=True)[0] == 8
