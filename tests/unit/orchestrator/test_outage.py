"""A catalog that does not answer for minutes: the submission says so, waits, and goes on."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orchestrator.catalog.records import Control
from orchestrator.errors import CatalogUnavailableError
from orchestrator.running import heartbeat as module
from orchestrator.running.board import Board
from orchestrator.running.heartbeat import Heartbeat
from tests.unit.orchestrator.test_board import Scene
from tests.unit.orchestrator.test_board import scene as scene

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def until() -> Until:
    def wait(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return wait


@pytest.fixture
def away(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Let the catalog take no heartbeat while what is given says so; hurry everything."""
    down = [False]
    real = scene.catalog.heartbeat

    def heartbeat(submission_id: int, **told: Any) -> Control:
        if down[0]:
            raise CatalogUnavailableError("made for a test")
        return real(submission_id, **told)

    monkeypatch.setattr(scene.catalog, "heartbeat", heartbeat)
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(module, "OUTAGE_S", 0.5)
    yield down
    down[0] = False


def board_with(scene: Scene, heartbeat: Heartbeat) -> Board:
    board = scene.board()
    board.heartbeat = heartbeat
    return board


def test_an_outage_is_said_and_over_when_the_catalog_is_back(
    scene: Scene, away: list[bool], until: Until
) -> None:
    submission = scene.board()._submission
    with Heartbeat(scene.catalog, submission) as heartbeat:
        board = board_with(scene, heartbeat)
        assert board.held is None
        (running,) = board.next_bundle(size=1, workers=1)
        claim = scene.stores.workspace.trial(running.trial_id).claim.read_bytes()
        away[0] = True
        until(lambda: board.held)
        assert "the catalog has not answered" in (board.held or "")
        assert board.next_bundle(size=1, workers=1) == []
        assert board.waits, "its run is not over"
        assert not board.over
        kept = scene.stores.workspace.trial(running.trial_id).claim.read_bytes()
        assert kept == claim, "what was handed out goes on"
        away[0] = False
        until(lambda: board.held is None)
        assert board.next_bundle(size=1, workers=1)


def test_an_outage_that_does_not_end_ends_the_submission(
    scene: Scene, away: list[bool], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OUTAGE_LIMIT_S", 1.0)
    away[0] = True
    with Heartbeat(scene.catalog, scene.board()._submission) as heartbeat:
        board = board_with(scene, heartbeat)
        until(lambda: board.stopping)
        board.obey()
        assert board.over
        assert "submit again once the catalog is back" in (board.stopped or "")


def test_nobody_waits_for_a_heartbeat_that_does_not_beat(scene: Scene) -> None:
    assert Heartbeat(scene.catalog, scene.board()._submission).outage is None
