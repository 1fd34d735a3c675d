"""Who gets which bundle, how many workers are called, and what follows a lost one."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from types import SimpleNamespace
from typing import cast

import pytest

from orchestrator.errors import CatalogUnavailableError
from orchestrator.running import dispatch as module
from orchestrator.running.board import Board
from orchestrator.running.dispatch import Dispatch, Report, WorkerKind
from orchestrator.running.work_queue import USUAL, WorkQueue, WorkState
from workers.contract.events import EventKind, TrialEvent
from workers.contract.trial import Trial

GONE = "the node is gone"


class Played:
    """A board whose trials are names, over a real queue; `a-1` waits for `a`."""

    def __init__(self, *names: str, kinds: Mapping[str, int] | None = None) -> None:
        self.queue = WorkQueue({name: self._trial(name) for name in names}, kinds=kinds)
        self.attempts: dict[str, int] = {}
        self.stopped: str | None = None
        self.waits = False
        self.held: str | None = None
        self.most_workers: int | None = None
        self.heartbeat = SimpleNamespace(wants_workers=False)
        self.lost: dict[str, str] = {}
        self.retries: Counter[str] = Counter()
        self.reconciled = 0

    @staticmethod
    def _trial(name: str) -> Trial:
        parent = name.rpartition("-")[0]
        made = SimpleNamespace(
            trial_id=name,
            parents=(parent,) if parent else (),
            base=SimpleNamespace(identity=""),
            task=SimpleNamespace(fingerprint=""),
            training=SimpleNamespace(max_length=1),
        )
        return cast(Trial, made)

    @property
    def over(self) -> bool:
        return self.stopped is not None or self.queue.ended

    def heed(self) -> None:
        pass

    def hold(self, workers: Mapping[int, int]) -> None:
        pass

    def worker_limit(self, usual: int | None) -> int | None:
        return self.most_workers or usual

    def next_bundle(self, *, size: int, workers: int, kind: int = USUAL) -> list[Trial]:
        bundle = self.queue.next_bundle(size=size, workers=workers, kind=kind)
        self.attempts |= {t.trial_id: 7 for t in bundle}
        return bundle

    def take(self, *events: TrialEvent) -> None:
        for event in events:
            if event.kind is EventKind.FINISHED:
                self.queue.finish(event.trial_id)

    def lose(self, trial_ids: list[str], why: str) -> None:
        for trial_id in trial_ids:
            if self.queue.states[trial_id] is WorkState.RUNNING:
                self.lost[trial_id] = why
                self.queue.fail(trial_id)

    def reconcile(self) -> int:
        self.reconciled += 1
        return 0


class Crew:
    """Workers that a dispatch calls, and what each was given."""

    def __init__(self, dispatch: Dispatch) -> None:
        self.dispatch = dispatch
        self.given: dict[str, list[dict[str, int]]] = {}
        self._names = map("worker-{}".format, count())

    def call(self) -> list[str]:
        """Let as many workers be called as are wanted; none has started yet."""
        called = []
        while (kind := self.dispatch.wanted()) is not None:
            called.append(next(self._names))
            self.dispatch.call(called[-1], kind)
        return called

    def start(self, *workers: str) -> None:
        for worker in workers:
            self.given[worker] = []
            self.dispatch.meet(worker, self.given[worker].append)
            self.dispatch.hear(worker, Report([], 0))

    def finish(self, worker: str) -> None:
        """Let a worker end the bundle that it was given last."""
        events = [TrialEvent(kind=EventKind.FINISHED, trial_id=i) for i in self.given[worker][-1]]
        self.dispatch.hear(worker, Report(events, len(self.given[worker])))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now.s))
    return now


@pytest.fixture
def crew() -> Callable[..., Crew]:
    def make(
        board: Played,
        *,
        size: int = 1,
        retries: int = 1,
        most_workers: int | None = None,
        room: Callable[[], int] = lambda: 2,
        rooms: Sequence[Callable[[], int]] = (),
    ) -> Crew:
        kinds = {n: WorkerKind(size, each) for n, each in enumerate(rooms or [room])}
        made = cast(Board, board)
        return Crew(Dispatch(made, kinds=kinds, max_retries=retries, most_workers=most_workers))

    return make


def test_a_worker_is_given_one_bundle_after_another(crew: Callable[..., Crew]) -> None:
    board = Played(*"abcdefg")
    made = crew(board, size=3, most_workers=1)
    (worker,) = made.call()
    made.start(worker)
    while not made.dispatch.over:
        made.finish(worker)
    assert [set(bundle) for bundle in made.given[worker]] == [set("abc"), set("def"), set("g")]
    assert set(made.given[worker][0].values()) == {7}, "with the attempts of its trials"
    assert not made.call()


def test_there_are_workers_for_the_room_and_one_that_waits_for_more(
    crew: Callable[..., Crew],
) -> None:
    room = SimpleNamespace(workers=2)
    made = crew(Played(*"abcdefghijkl"), room=lambda: room.workers)
    made.start(*made.call()[:2])
    assert not made.call(), "the third still waits"
    room.workers = 8
    assert len(made.call()) == 7, "a node has come: eight have room, two wait"


def test_no_more_workers_are_called_than_there_may_be(crew: Callable[..., Crew]) -> None:
    made = crew(Played(*"abcdef"), most_workers=1, room=lambda: 9)
    assert len(made.call()) == 1
    made.dispatch.most_workers = 3
    assert len(made.call()) == 2


def test_no_worker_is_called_for_what_others_will_do(crew: Callable[..., Crew]) -> None:
    made = crew(Played("a", "b", "a-1", "b-1"), room=lambda: 9)
    called = made.call()
    assert len(called) == 2, "two are ready"
    made.start(*called)
    assert not made.call()
    made.finish(called[0])
    assert made.given[called[0]] == [{"a": 7}, {"a-1": 7}], "a child as soon as it is ready"


def test_an_idle_worker_is_given_what_becomes_ready(crew: Callable[..., Crew]) -> None:
    made = crew(Played("a", "a-1", "a-2"))
    (busy,) = made.call()
    made.start(busy)
    idle = "idle"
    made.dispatch.call(idle)
    made.start(idle)
    assert made.given[idle] == []
    made.finish(busy)
    assert made.given[idle] != []


def test_what_a_lost_worker_was_at_is_given_to_the_next(crew: Callable[..., Crew]) -> None:
    board = Played(*"ab")
    made = crew(board, size=2, room=lambda: 1)
    first, second = made.call()
    made.start(first)
    made.dispatch.lose(first, GONE)
    made.start(second)
    assert made.given[second] == made.given[first]
    made.finish(second)
    assert made.dispatch.over
    assert board.lost == {}


def test_a_bundle_that_loses_too_many_workers_fails(crew: Callable[..., Crew]) -> None:
    board = Played("a", "b", "a-1")
    made = crew(board, size=1, retries=2, most_workers=1)
    worker = ""
    for _ in range(3):
        (worker,) = made.call()
        made.start(worker)
        assert made.given[worker] == [{"a": 7}]
        made.dispatch.lose(worker, GONE)
    assert board.lost == {"a": f"its worker was lost 3 times, at last so: {GONE}; see `ray status`"}
    (worker,) = made.call()
    made.start(worker)
    assert made.given[worker] == [{"b": 7}]


def test_what_a_worker_ends_without_a_word_has_failed(crew: Callable[..., Crew]) -> None:
    board = Played("a")
    made = crew(board)
    (worker,) = made.call()
    made.start(worker)
    made.dispatch.hear(worker, Report([], 1))
    assert board.lost == {"a": "it ended without a word"}


def test_what_a_catalog_that_is_away_could_not_be_told_is_told_later(
    crew: Callable[..., Crew], clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = Played("a", "b")
    made = crew(board, room=lambda: 1, most_workers=1)
    (worker,) = made.call()
    made.start(worker)

    def away(*_: object) -> None:
        raise CatalogUnavailableError("made for a test")

    with monkeypatch.context() as outage:
        outage.setattr(board, "take", away)
        outage.setattr(board, "lose", away)
        made.finish(worker)
        clock.s += module.CLOSE_AGAIN_S
        made.dispatch.pump()
    assert board.lost == {}
    made.dispatch.pump()
    assert board.lost == {}, "not at once again"
    clock.s += module.CLOSE_AGAIN_S
    made.dispatch.pump()
    made.dispatch.pump()
    assert list(board.lost) == ["a"]
    assert made.given[worker] == [{"a": 7}, {"b": 7}], "it went on meanwhile"


def test_a_report_from_before_a_bundle_arrived_ends_nothing(crew: Callable[..., Crew]) -> None:
    board = Played("a")
    made = crew(board)
    (worker,) = made.call()
    made.start(worker)
    made.dispatch.hear(worker, Report([], 0))
    assert board.lost == {}
    assert made.given[worker] == [{"a": 7}]


def test_workers_that_never_start_end_the_run_with_the_cause(crew: Callable[..., Crew]) -> None:
    made = crew(Played("a"))
    for _ in range(module.STILLBORN_LIMIT):
        assert not made.dispatch.over
        (worker,) = made.call()
        made.dispatch.lose(worker, "no module named torch")
    assert made.dispatch.over
    assert "did not start: no module named torch" in (made.dispatch.broken or "")


def test_a_worker_that_was_idle_for_long_gives_its_place_back(
    crew: Callable[..., Crew], clock: SimpleNamespace
) -> None:
    made = crew(Played("a", "a-1"), room=lambda: 2)
    (busy,) = made.call()
    made.start(busy)
    made.dispatch.call("idle")
    made.start("idle")
    clock.s += module.IDLE_LIMIT_S + 1
    made.dispatch.hear("idle", Report([], 0))
    assert made.given["idle"] == [{}]
    made.dispatch.leave("idle")
    made.finish(busy)
    assert made.given[busy][-1] == {"a-1": 7}


def test_a_run_in_which_nothing_can_happen_any_more_ends(
    crew: Callable[..., Crew], clock: SimpleNamespace
) -> None:
    board = Played("a", "a-1")
    made = crew(board)
    board.queue.defer("a")
    board.waits = True
    for _ in range(200):
        clock.s += 1
        assert not made.call()
    assert not made.dispatch.over, "another submission may take as long as it likes"
    board.waits = False
    waited = 0
    while not made.dispatch.over:
        clock.s += 1
        waited += 1
        assert not made.call()
    assert module.STALLED_LIMIT_S <= waited <= module.STALLED_LIMIT_S + 3
    assert board.reconciled >= module.STALLED_LIMIT_S - 1


def test_a_run_that_was_stopped_ends_when_its_workers_have(crew: Callable[..., Crew]) -> None:
    board = Played(*"abc")
    made = crew(board)
    worker, *_ = made.call()
    made.start(worker)
    board.stopped = "somebody took it over"
    assert not made.dispatch.over
    made.finish(worker)
    assert made.dispatch.over
    assert len(made.given[worker]) == 1


def test_a_held_sweep_gives_its_workers_back_and_calls_them_again(
    crew: Callable[..., Crew],
) -> None:
    board = Played(*"abcd")
    made = crew(board, most_workers=2)
    first, second = made.call()
    made.start(first, second)
    board.held = "paused"
    made.finish(first)
    assert made.given[first][1:] == [{}], "it is sent home"
    made.dispatch.leave(first)
    assert made.call() == []
    made.finish(second)
    made.dispatch.leave(second)
    assert not made.dispatch.over
    board.held = None
    (third, fourth) = made.call()
    made.start(third, fourth)
    made.finish(third)
    made.finish(fourth)
    assert made.dispatch.over


def test_a_run_whose_workers_have_all_gone_gives_their_room_back(
    crew: Callable[..., Crew],
) -> None:
    board = Played("a", "b")
    made = crew(board, room=lambda: 1, most_workers=1)
    assert not made.dispatch.deserted, "none was there yet"
    (worker,) = made.call()
    assert not made.dispatch.deserted, "it is waited for"
    made.start(worker)
    board.held = "paused"
    made.finish(worker)
    assert made.given[worker][-1] == {}
    assert not made.dispatch.deserted
    made.dispatch.leave(worker)
    assert made.dispatch.deserted
    assert made.dispatch.wanted() is None
    board.held = None
    assert made.dispatch.wanted() is not None, "then another one is called before the run ends"


def test_a_lower_limit_sends_home_who_has_ended_its_bundle(crew: Callable[..., Crew]) -> None:
    board = Played(*"abcdef")
    made = crew(board)
    first, second, *waiting = made.call()
    for worker in waiting:  # more than the cluster has room for
        made.dispatch.leave(worker)
    made.start(first, second)
    assert board.heartbeat.wants_workers is False, "it has all that there is room for"
    board.most_workers = 1
    made.finish(first)
    assert made.given[first][-1] == {}
    made.dispatch.leave(first)
    assert made.call() == []
    while not made.dispatch.over:
        made.finish(second)
    assert len(made.given[second]) == 5


def test_a_sweep_wants_workers_while_it_has_more_to_run(crew: Callable[..., Crew]) -> None:
    board = Played(*"abc")
    made = crew(board, most_workers=2)
    first, second = made.call()
    made.start(first)
    assert board.heartbeat.wants_workers
    made.start(second)
    assert not board.heartbeat.wants_workers, "two are all that it may have"
    made.finish(first)
    made.finish(second)
    assert not board.heartbeat.wants_workers, "the last trial has a worker"


def test_workers_of_a_kind_are_given_its_trials_alone(crew: Callable[..., Crew]) -> None:
    board = Played(*"abcd", "a-1", kinds={"a-1": 1, "d": 1})
    made = crew(board, rooms=[lambda: 1, lambda: 1])
    called = made.call()
    kinds = [made.dispatch._workers[worker].kind for worker in called]
    assert sorted(kinds) == [0, 0, 1], "for the room of each kind, and one that waits for more"
    usual, other = called[kinds.index(0)], called[kinds.index(1)]
    made.start(usual, other)
    assert set(made.given[other][0]) == {"d"}
    made.finish(other)
    for _ in "abc":
        made.finish(usual)
    assert [set(bundle) for bundle in made.given[usual]] == [{"a"}, {"b"}, {"c"}]
    assert set(made.given[other][1]) == {"a-1"}, "which was ready as soon as `a` was there"
    made.finish(other)
    assert made.dispatch.over


def test_what_a_lost_worker_was_at_goes_to_one_of_its_kind(crew: Callable[..., Crew]) -> None:
    made = crew(Played("a", "b", kinds={"b": 1}), rooms=[lambda: 1, lambda: 1])
    usual, other = made.call()
    made.start(usual, other)
    made.finish(usual)
    made.dispatch.lose(other, GONE)
    assert made.given[usual][1:] == []
    (another,) = made.call()
    made.start(another)
    assert made.given[another] == [{"b": 7}]


def test_idle_workers_leave_their_places_to_a_kind_that_waits_for_room(
    crew: Callable[..., Crew], clock: SimpleNamespace
) -> None:
    made = crew(Played("a", "b", "a-1", kinds={"a-1": 1}), rooms=[lambda: 2, lambda: 1])
    first, second = made.call()
    made.start(first, second)
    made.finish(first)
    made.finish(second)
    (waiting,) = made.call()
    made.dispatch.pump()
    assert {} not in made.given[first], "there may be room for the other one"
    clock.s += module.ROOM_LIMIT_S + 1
    made.dispatch.pump()
    assert made.given[first][-1] == made.given[second][-1] == {}
    made.dispatch.leave(first)
    made.dispatch.leave(second)
    assert not made.dispatch.deserted
    made.start(waiting)
    made.finish(waiting)
    assert made.dispatch.over


def test_where_there_may_be_one_worker_kinds_take_turns(crew: Callable[..., Crew]) -> None:
    board = Played("a", "a-1", kinds={"a-1": 1})
    made = crew(board, most_workers=1, rooms=[lambda: 1, lambda: 1])
    (first,) = made.call()
    made.start(first)
    made.finish(first)
    assert made.given[first][-1] == {}, "it has nothing to do and is in the way"
    (second,) = made.call()
    made.dispatch.leave(first)
    made.start(second)
    made.finish(second)
    assert made.dispatch.over
