"""When a worker tells what happened: at once where more comes late, together where it is soon."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from orchestrator.running import bundle_trainable as module
from orchestrator.running.bundle_trainable import BundleTrainable
from workers.contract.events import EventKind, TrialEvent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(s=0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now.s))
    return now


def bundle(clock: SimpleNamespace, *, events: int, apart_s: float) -> Iterator[TrialEvent]:
    for _ in range(events):
        clock.s += apart_s
        yield TrialEvent(kind=EventKind.STARTED, trial_id="a")


def told(worker: BundleTrainable, events: Iterator[TrialEvent]) -> list[int]:
    """Let a worker run a bundle; return how many events each of its reports has."""
    counts, ended = [], worker._bundles
    while worker._bundles == ended:
        report: list[TrialEvent] = []
        worker._listen(events, report)
        counts.append(len(report))
    return counts


@pytest.fixture
def worker() -> BundleTrainable:
    made = BundleTrainable.__new__(BundleTrainable)
    made._bundles = 0
    made._silent, made._longest_s = True, 0.0
    return made


def test_what_comes_slowly_is_told_at_once(worker: BundleTrainable, clock: SimpleNamespace) -> None:
    for _ in range(2):
        assert told(worker, bundle(clock, events=3, apart_s=60)) == [1, 1, 1, 0]


def test_what_comes_fast_is_told_together(worker: BundleTrainable, clock: SimpleNamespace) -> None:
    reports = told(worker, bundle(clock, events=1000, apart_s=0.01))
    assert sum(reports) == 1000
    assert reports[0] == 1
    assert len(reports) <= 1000 * 0.01 / module.TELL_S + 2


def test_a_slow_bundle_after_a_fast_one_is_told_at_once(
    worker: BundleTrainable, clock: SimpleNamespace
) -> None:
    told(worker, bundle(clock, events=3, apart_s=0.01))
    starts_at_once = iter([*bundle(clock, events=1, apart_s=0.01)])

    def begun_and_trained() -> Iterator[TrialEvent]:
        yield from starts_at_once
        yield from bundle(clock, events=2, apart_s=60)

    assert told(worker, begun_and_trained()) == [1, 1, 1, 0]
