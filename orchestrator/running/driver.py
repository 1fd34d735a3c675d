"""Submit a sweep: plan, run what is not done, record, publish, register. Reads top to bottom.

What a person sees of it is left to the command line.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from pathlib import Path

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Submission, SubmissionOutcome
from orchestrator.interruption import asked, ending_in_time
from orchestrator.mlflow.mirror import PUBLISH_LIMIT_S, Publisher, publishing
from orchestrator.mlflow.runs import prepare_store
from orchestrator.planning.plan import Plan
from orchestrator.planning.planner import make_plan
from orchestrator.planning.resolve import pin
from orchestrator.planning.selection import Winner
from orchestrator.registry.registered import RegisteredAdapter
from orchestrator.registry.registration import AliasStayed
from orchestrator.running.board import Board
from orchestrator.running.budget import Spending
from orchestrator.running.cluster_address import listen_on_loopback
from orchestrator.running.cluster_watch import ClusterWatch, watching
from orchestrator.running.early_stopping import EarlyStopping, kept_stopped
from orchestrator.running.heartbeat import Heartbeat
from orchestrator.running.leftovers import leave_nothing_behind
from orchestrator.running.missing_files import Missing, find_missing
from orchestrator.running.only import Only, left_out
from orchestrator.running.registering import Registered, register_winners
from orchestrator.running.stopping import Stopping
from orchestrator.running.work_queue import WorkQueue, WorkState
from orchestrator.running.worker_shapes import WorkerRoom, shapes_of
from orchestrator.spec.read import read_spec
from orchestrator.spec.source import SpecSource
from orchestrator.stores import Stores
from workers.contract.paths import Workspace
from workers.running.sent_sources import send_sources

log = logging.getLogger(__name__)

INTERRUPTED_LIMIT_S = 5.0
"""Twice at most: who sends SIGTERM often kills half a minute later."""
MOST_RESTARTS = 3


class Phase(StrEnum):
    """What a submission is doing, for whoever watches."""

    STARTING = "starting the cluster"
    RUNNING = "running trials"
    PUBLISHING = "publishing to MLflow"
    REGISTERING = "registering winners"
    DRAWING = "drawing figures and the report"


@dataclass(frozen=True)
class Outcome:
    """How a submission ended.

    Attributes:
        reused: trials that were finished before, in this sweep or another.
        trained: trials that this submission finished.
        taken: trials that other submissions finished while this one waited for them.
        stayed: winners that are no better than what their alias names.
        unregistered: why a winner is not in the registry, a line each.
        unpublished: entries that MLflow has not taken yet; the next submission sends them.
        missing: finished trials whose files are gone, which nothing needed.
        left_out: trials that are not finished, and that this submission was not to run.
        stopped_early: trials that the sweep's rule of early termination keeps from being trained.
        ended_by: the budget that was reached, in words; what is left out comes with a larger one.
        interrupted: whether it ended before all was done, by a person or as `stopped` says.
    """

    plan: Plan
    reused: int
    trained: int
    taken: int
    failed: Sequence[str]
    blocked: Sequence[str]
    registered: Sequence[tuple[Winner, RegisteredAdapter]]
    stayed: Sequence[AliasStayed]
    unregistered: Sequence[str]
    unpublished: int
    interrupted: bool = False
    stopped: str | None = None
    missing: int = 0
    left_out: int = 0
    stopped_early: int = 0
    ended_by: str | None = None

    @property
    def complete(self) -> bool:
        return not (self.interrupted or self.failed or self.blocked or self.unregistered)


@dataclass(frozen=True)
class Watch:
    """How a submission tells what happens: the phase, and the board once there is one.

    Attributes:
        waits: is told what it waits for.
    """

    phase: Callable[[Phase], None] = lambda _: None
    waits: Callable[[str], None] = lambda _: None
    board: Callable[[Board, WorkerRoom], None] = lambda _board, _room: None


def plan_sweep(path: Path, given: Sequence[str] = ()) -> tuple[Plan, SpecSource]:
    """Read, pin and expand the sweep YAML at `path`.

    Args:
        given: values of its variables, `name=value` each.

    Raises:
        SpecError: anything in it that cannot be read, found or combined.
    """
    spec, source = read_spec(path, given)
    return make_plan(spec, source, pin(spec, source)), source


def submit(
    plan: Plan,
    source: SpecSource,
    stores: Stores,
    *,
    address: str | None,
    watch: Watch,
    force: bool = False,
    retrain_missing: bool = False,
    only: Only | None = None,
) -> Outcome:
    """Run everything of `plan` that is not finished, and register the winners.

    Args:
        only: run these alone; winners are registered if that leaves nothing to come.
        force: let aliases name the winners even where they are no better.
        retrain_missing: run finished trials again whose files are gone.

    Raises:
        OrchestratorError: a store or the cluster cannot be used; what is finished stays finished.
    """
    stores.prepare()
    prepare_store(stores.tracking_uri)
    with Catalog.open(stores.catalog_url) as catalog, ExitStack() as cluster:
        start = partial(_start_workers, plan, address, cluster, watch=watch)
        workers = cache(start)
        missing = _settle_missing(plan, catalog, stores, workers, only, retrain=retrain_missing)
        rule = _early_stopping(plan, catalog, only)
        with (
            _submission(plan, source, catalog, rule) as submission,
            Heartbeat(catalog, submission) as heartbeat,
            publishing(catalog, stores, plan.spec.name) as publisher,
        ):
            board = _open_board(plan, catalog, stores, submission, heartbeat, only, rule)
            reused = board.queue.counts()[WorkState.FINISHED]
            if not board.over:
                watch.board(board, workers())
            leave = partial(_leave, board, catalog, submission)
            with ending_in_time(leave):
                _run(board, plan, stores, cluster, watch=watch, start=start, leave=leave)
            try:
                watch.phase(Phase.PUBLISHING)
                _drain(publisher, board, watch)  # so that a version can name its run
                watch.phase(Phase.REGISTERING)
                entered = register_winners(plan, catalog, stores, board, force=force)
            finally:
                _end(board, catalog, submission)
            unpublished = _drain(publisher, board, watch)
    return _outcome(plan, board, entered, reused=reused, unpublished=unpublished, missing=missing)


def _settle_missing(
    plan: Plan,
    catalog: Catalog,
    stores: Stores,
    workers: Callable[[], object],
    only: Only | None,
    *,
    retrain: bool,
) -> int:
    """Let finished trials whose files are gone run again, or return how many stay as they are.

    Raises:
        OrchestratorError: they stay, but trials to come are built on them.
        SchedulingError: there is something to run, but no worker fits the cluster.
    """
    finished = catalog.finished(plan.trials)
    brought = catalog.brought(finished)
    missing = find_missing(plan, finished, stores.workspace, brought=brought)
    retrain = retrain and bool(missing.trials)
    if not retrain:
        missing.check(plan, stores.workspace)
    # The cluster comes first: a sweep that cannot run leaves nothing in the catalog.
    if retrain or not _nothing_to_run(plan, catalog, stores, only):
        workers()
    if not retrain:
        return len(missing.trials)
    _forget(missing, catalog, stores.workspace)
    return 0


def _early_stopping(plan: Plan, catalog: Catalog, only: Only | None) -> EarlyStopping:
    """Return the sweep's rule; what was stopped and is asked for again is wanted in full."""
    in_full = set(plan.trials) - left_out(plan, catalog, only) if only is Only.STOPPED else ()
    settings, name = plan.spec.early_termination, plan.spec.name
    return EarlyStopping(settings, plan.trials, sweep=name, exempt=in_full)


@contextmanager
def _submission(
    plan: Plan, source: SpecSource, catalog: Catalog, rule: EarlyStopping
) -> Iterator[Submission]:
    """Open a submission; where nothing has ended it by the end, it was interrupted."""
    planned = list(plan.trials.values())
    name, text = plan.spec.name, source.text
    submission = catalog.begin_submission(name, text, planned, stoppable=rule.stoppable)
    try:
        yield submission
    finally:
        catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)


def _open_board(
    plan: Plan,
    catalog: Catalog,
    stores: Stores,
    submission: Submission,
    heartbeat: Heartbeat,
    only: Only | None,
    rule: EarlyStopping,
) -> Board:
    """Build the queue from what is finished, and see that workers will find what is left to run.

    What a crash left unrecorded is taken over.
    """
    done = catalog.finished(plan.trials)
    queue = WorkQueue(plan.trials, done, plan.kinds(), rule.turns)
    spending = Spending.of(plan, catalog, submission)
    stops = Stopping(rule, queue, catalog, stores.workspace, submission, spending=spending)
    board = Board(queue, catalog, stores.workspace, submission, heartbeat, stops)
    board.most_failures = plan.spec.limits.most_failures(len(plan.trials))
    board.recall()
    found = board.reconcile()
    if found:
        log.info("took over %d results that an earlier driver had not recorded", found)
    if only is not None:
        queue.leave_out(left_out(plan, catalog, only))
    board.obey()  # what is finished may be all that the budget asks for
    send_sources((t for i, t in plan.trials.items() if not queue.is_finished(i)), stores.workspace)
    return board


def _end(board: Board, catalog: Catalog, submission: Submission) -> None:
    """Write down how a submission ended."""
    why, spent = board.stops.ended_by, board.stops.spending.gpu_s
    catalog.end_submission(submission.id, _how_it_ended(board), ended_by=why, gpu_s=spent)


def _how_it_ended(board: Board) -> SubmissionOutcome:
    queue = board.queue
    if not (queue.ended or board.gave_up):
        return SubmissionOutcome.INTERRUPTED
    failed = queue.having(WorkState.FAILED) or queue.having(WorkState.BLOCKED)
    if queue.number(WorkState.LEFT_OUT) and not failed:
        reached = board.stops.ended_by is not None
        # Otherwise there is more to run.
        return SubmissionOutcome.BUDGET_REACHED if reached else SubmissionOutcome.INTERRUPTED
    return SubmissionOutcome.FAILED if failed else SubmissionOutcome.COMPLETED


def _outcome(
    plan: Plan, board: Board, entered: Registered, *, reused: int, unpublished: int, missing: int
) -> Outcome:
    queue = board.queue
    return Outcome(
        plan=plan,
        reused=reused,
        trained=len(board.trained),
        taken=queue.counts()[WorkState.FINISHED] - reused - len(board.trained),
        failed=queue.having(WorkState.FAILED),
        blocked=queue.having(WorkState.BLOCKED),
        registered=entered.registered,
        stayed=entered.stayed,
        unregistered=entered.problems,
        unpublished=unpublished,
        interrupted=not (queue.ended or board.gave_up),
        stopped=None if queue.ended else board.stopped,
        missing=missing,
        left_out=queue.number(WorkState.LEFT_OUT),
        stopped_early=queue.number(WorkState.STOPPED),
        ended_by=board.stops.ended_by,
    )


def _forget(missing: Missing, catalog: Catalog, workspace: Workspace) -> None:
    """Let finished trials whose files are gone run again."""
    for trial_id in catalog.forget_results(missing.trials):
        workspace.trial(trial_id).files.delete("result.json")  # the adapter may be what is gone


def _nothing_to_run(plan: Plan, catalog: Catalog, stores: Stores, only: Only | None) -> bool:
    """Tell whether every trial is finished, stays stopped, or is left out: no worker is needed."""
    settled = catalog.finished(plan.trials)
    settled |= left_out(plan, catalog, only) if only is not None else set()
    if only is not Only.STOPPED:  # which wants them in full
        settled |= kept_stopped(plan, catalog)
    there = stores.workspace.found(i for i in plan.trials if i not in settled)
    return all(found.result for found in there.values())


def _start_workers(
    plan: Plan, address: str | None, cluster: ExitStack, *, watch: Watch
) -> WorkerRoom:
    """Connect to the cluster, until the stack closes, and return how many workers fit it.

    Raises:
        SchedulingError: the cluster does not answer, or not even one worker fits it, for as long
            as the sweep waits for nodes of a cluster that others have started.
    """
    if address is None:
        listen_on_loopback()
    from orchestrator.running import scheduling

    watch.phase(Phase.STARTING)
    if address is None:
        leave_nothing_behind()
    with ending_in_time():
        nodes = cluster.enter_context(scheduling.cluster(address))
        wait_s = 0.0 if address is None else plan.spec.limits.nodes_s
        return scheduling.room_for(shapes_of(plan), nodes, wait_s, watch.waits)


def _run(
    board: Board,
    plan: Plan,
    stores: Stores,
    cluster: ExitStack,
    *,
    watch: Watch,
    start: Callable[[], object],
    leave: Callable[[], None],
) -> None:
    """Run the queue until nothing is left to hand out, or somebody interrupts; end the cluster."""
    try:
        restarts, health = 0, ClusterWatch()
        while not board.over and restarts <= MOST_RESTARTS:
            from orchestrator.running.scheduling import probe, run_bundles

            if health.lost is not None:
                start()
            watch.phase(Phase.RUNNING)
            health = ClusterWatch()
            try:
                with watching(probe(), health, leave):
                    run_bundles(board, stores.workspace, shapes_of(plan))
            except KeyboardInterrupt:
                if health.lost is None or asked():
                    raise
                cluster.close()
            board.reconcile()
            # Ray Tune also ends when a lost node leaves an actor "unavailable", and when
            # nothing is handed out for ten minutes: others run what is left, or it is paused.
            restarts += not board.waits
            board.release()
    except KeyboardInterrupt:
        board.obey()  # if that was how it was cancelled
        log.warning("interrupted; finished trials are kept")
    finally:
        cluster.close()  # before anybody else may take what its workers were at
        _settle(board)


def _settle(board: Board) -> None:
    """Record what workers have committed, and let the rest go."""
    board.reconcile()
    board.release()


def _drain(publisher: Publisher, board: Board, watch: Watch) -> int:
    """Wait for MLflow, only for moments where interrupted; return how much is still to tell."""
    ended = board.queue.ended
    limit_s = PUBLISH_LIMIT_S if ended else INTERRUPTED_LIMIT_S
    return publisher.drain(limit_s, while_told=ended, say=watch.waits)


def _leave(board: Board, catalog: Catalog, submission: Submission) -> None:
    """Leave nothing open; for an end that no `finally` sees."""
    _settle(board)
    catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)
