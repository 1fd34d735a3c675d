"""Submit a sweep: plan, run what is not done, record, publish, register. Reads top to bottom.

What a person sees of it is left to the command line.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Submission, SubmissionOutcome, TrialFilter
from orchestrator.errors import OrchestratorError
from orchestrator.interruption import asked, ending_in_time
from orchestrator.mlflow.mirror import Publisher
from orchestrator.mlflow.runs import prepare_store
from orchestrator.planning.plan import Plan
from orchestrator.planning.planner import make_plan
from orchestrator.planning.resolve import pin
from orchestrator.planning.selection import Winner, choose
from orchestrator.registry.registered import RegisteredAdapter
from orchestrator.registry.registration import AliasStayed, register_winner
from orchestrator.running.board import Board
from orchestrator.running.cluster_address import listen_on_loopback
from orchestrator.running.cluster_watch import ClusterWatch, watching
from orchestrator.running.heartbeat import Heartbeat
from orchestrator.running.leftovers import leave_nothing_behind
from orchestrator.running.missing_files import Missing, find_missing
from orchestrator.running.work_queue import WorkQueue, WorkState
from orchestrator.spec.read import SpecSource, read_spec
from orchestrator.stores import Stores
from workers.contract.paths import Workspace

if TYPE_CHECKING:
    from orchestrator.running.scheduling import WorkerShape

log = logging.getLogger(__name__)

PUBLISH_LIMIT_S = 120.0
INTERRUPTED_LIMIT_S = 5.0
"""Twice at most: who sends SIGTERM often kills half a minute later."""
MOST_RESTARTS = 3


class Phase(StrEnum):
    """What a submission is doing, for whoever watches."""

    STARTING = "starting the cluster"
    RUNNING = "running trials"
    PUBLISHING = "publishing to MLflow"
    REGISTERING = "registering winners"


@dataclass
class Registered:
    """What became of the winners."""

    registered: list[tuple[Winner, RegisteredAdapter]] = field(default_factory=list)
    stayed: list[AliasStayed] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


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

    @property
    def complete(self) -> bool:
        return not (self.interrupted or self.failed or self.blocked or self.unregistered)


@dataclass(frozen=True)
class Watch:
    """How a submission tells what happens: the phase, and the board once there is one."""

    phase: Callable[[Phase], None] = lambda _: None
    board: Callable[[Board, int], None] = lambda _board, _workers: None


def plan_sweep(path: Path) -> tuple[Plan, SpecSource]:
    """Read, pin and expand the sweep YAML at `path`.

    Raises:
        SpecError: anything in it that cannot be read, found or combined.
    """
    spec, source = read_spec(path)
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
) -> Outcome:
    """Run everything of `plan` that is not finished, and register the winners.

    Args:
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
        missing = _settle_missing(plan, catalog, stores, workers, retrain=retrain_missing)
        with (
            _submission(plan, source, catalog) as submission,
            Heartbeat(catalog, submission) as heartbeat,
            _publishing(catalog, stores, plan.spec.name) as publisher,
        ):
            board = _open_board(plan, catalog, stores, submission, heartbeat)
            reused = board.queue.counts()[WorkState.FINISHED]
            if not board.over:
                watch.board(board, workers())
            leave = partial(_leave, board, catalog, submission)
            with ending_in_time(leave):
                _run(board, plan, stores, cluster, watch=watch, start=start, leave=leave)
            queue = board.queue
            limit_s = PUBLISH_LIMIT_S if queue.ended else INTERRUPTED_LIMIT_S
            try:
                watch.phase(Phase.PUBLISHING)
                publisher.drain(limit_s)  # so that a version can name its run
                watch.phase(Phase.REGISTERING)
                entered = Registered()
                if queue.ended:
                    entered = _register(plan, catalog, stores, force=force)
            finally:
                catalog.end_submission(submission.id, _how_it_ended(board))
            unpublished = publisher.drain(limit_s)
    return _outcome(plan, board, entered, reused=reused, unpublished=unpublished, missing=missing)


def _settle_missing(
    plan: Plan, catalog: Catalog, stores: Stores, workers: Callable[[], int], *, retrain: bool
) -> int:
    """Let finished trials whose files are gone run again, or return how many stay as they are.

    Raises:
        OrchestratorError: they stay, but trials to come are built on them.
        SchedulingError: there is something to run, but no worker fits the cluster.
    """
    missing = find_missing(plan, catalog.finished(plan.trials), stores.workspace)
    retrain = retrain and bool(missing.trials)
    if not retrain:
        missing.check(plan, stores.workspace)
    # The cluster comes first: a sweep that cannot run leaves nothing in the catalog.
    if retrain or not _all_done(plan, catalog, stores):
        workers()
    if not retrain:
        return len(missing.trials)
    _forget(missing, catalog, stores.workspace)
    return 0


@contextmanager
def _submission(plan: Plan, source: SpecSource, catalog: Catalog) -> Iterator[Submission]:
    """Open a submission; where nothing has ended it by the end, it was interrupted."""
    planned = list(plan.trials.values())
    submission = catalog.begin_submission(plan.spec.name, source.text, planned)
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
) -> Board:
    """Build the queue from what is finished, after taking over what a crash left unrecorded."""
    queue = WorkQueue(plan.trials, catalog.finished(plan.trials))
    board = Board(queue, catalog, stores.workspace, submission, heartbeat)
    board.most_failures = plan.spec.limits.most_failures(len(plan.trials))
    board.recall()
    found = board.reconcile()
    if found:
        log.info("took over %d results that an earlier driver had not recorded", found)
    return board


def _how_it_ended(board: Board) -> SubmissionOutcome:
    queue = board.queue
    if not (queue.ended or board.gave_up):
        return SubmissionOutcome.INTERRUPTED
    failed = queue.having(WorkState.FAILED) or queue.having(WorkState.BLOCKED)
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
    )


def _forget(missing: Missing, catalog: Catalog, workspace: Workspace) -> None:
    """Let finished trials whose files are gone run again."""
    for trial_id in catalog.forget_results(missing.trials):
        workspace.trial(trial_id).result.unlink(
            missing_ok=True
        )  # it may be the adapter that is gone


def _all_done(plan: Plan, catalog: Catalog, stores: Stores) -> bool:
    finished = catalog.finished(plan.trials)
    return all(i in finished or stores.workspace.trial(i).result.exists() for i in plan.trials)


def _start_workers(plan: Plan, address: str | None, cluster: ExitStack, *, watch: Watch) -> int:
    """Connect to the cluster, until the stack closes, and return how many workers fit it.

    Raises:
        SchedulingError: the cluster does not answer, or not even one worker fits it.
    """
    if address is None:
        listen_on_loopback()
    from orchestrator.running import scheduling

    watch.phase(Phase.STARTING)
    if address is None:
        leave_nothing_behind()
    with ending_in_time():
        nodes = cluster.enter_context(scheduling.cluster(address))
    return scheduling.worker_count(_shape(plan), nodes)


def _shape(plan: Plan) -> "WorkerShape":
    from orchestrator.running.scheduling import WorkerShape

    wanted = plan.spec.resources
    return WorkerShape(
        cpus=wanted.cpus,
        gpus=wanted.gpus,
        max_workers=wanted.max_workers,
        bundle_size=wanted.trials_per_bundle,
        max_retries=wanted.max_retries,
        fast_path=plan.spec.fast_path.settings,
        limits=plan.spec.limits.of_workers,
    )


def _run(
    board: Board,
    plan: Plan,
    stores: Stores,
    cluster: ExitStack,
    *,
    watch: Watch,
    start: Callable[[], int],
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
                    run_bundles(board, stores.workspace, _shape(plan))
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


def _leave(board: Board, catalog: Catalog, submission: Submission) -> None:
    """Leave nothing open; for an end that no `finally` sees."""
    _settle(board)
    catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)


def _register(plan: Plan, catalog: Catalog, stores: Stores, *, force: bool) -> Registered:
    """Put the winner of every rule into the registry; what is there already stays as it is."""
    results = catalog.results(plan.trials)
    rows = catalog.trials(TrialFilter(sweep=plan.spec.name), limit=None)
    configurations = {row.trial_id: row.configuration for row in rows}
    winners = choose(plan.spec.select, plan.trials.values(), results, configurations)
    done = Registered()
    for winner in winners:
        try:
            entry = register_winner(catalog, stores, winner, sweep=plan.spec.name, force=force)
        except OrchestratorError as error:
            log.exception("could not register %s", winner.standing.best.label)
            done.problems.append(f"{winner.standing.best.task.name}@{winner.alias}: {error}")
            continue
        if isinstance(entry, AliasStayed):
            log.info("%s", entry.message)
            done.stayed.append(entry)
        else:
            done.registered.append((winner, entry))
    return done


@contextmanager
def _publishing(catalog: Catalog, stores: Stores, sweep: str) -> Iterator[Publisher]:
    publisher = Publisher(catalog, stores, sweep)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()
