"""Look over workspace, catalog and MLflow, say what does not agree, and mend it.

What is whole in one place is put right in the others; a finished trial whose adapter is gone or
damaged is pending again, so that the next submission trains it. How it is shown is left to the
command line.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialState
from orchestrator.errors import CatalogError, OrchestratorError
from orchestrator.mlflow.agreement import compare
from orchestrator.mlflow.mirror import PUBLISH_LIMIT_S, publishing
from orchestrator.mlflow.runs import prepare_store
from orchestrator.stores import Stores
from workers.contract.paths import TrialPaths
from workers.contract.results import TrialResult, commit, read_result
from workers.contract.trial import Trial
from workers.errors import DamagedObjectError, ResultFileError

log = logging.getLogger(__name__)

_AT_ONCE = 500


@dataclass(frozen=True)
class Finding:
    """Something that does not agree.

    Attributes:
        what: a line for people; `trials` says which.
        mend: puts it right.
        done: what that comes to, a line for people.
    """

    what: str
    trials: Sequence[str]
    done: str
    mend: Callable[[], None]


def look_over(catalog: Catalog, stores: Stores, *, lost_for_good: bool) -> list[Finding]:
    """Compare what is committed in the workspace with the catalog.

    Args:
        lost_for_good: whether it is meant that not one finished trial has its files.

    Raises:
        CatalogError: none has, which rather means another workspace.
    """
    states = catalog.asked_for()
    finished = [i for i, (state, _) in states.items() if state is TrialState.FINISHED]
    found = _of_finished(catalog, stores, finished, lost_for_good=lost_for_good)
    others = {i: sweep for i, (state, sweep) in states.items() if state is not TrialState.FINISHED}
    found = [each for each in found + _of_others(catalog, stores, others) if each.trials]
    _, dead = catalog.open_submissions()
    if dead:
        held = [i for i, (state, _) in states.items() if state is TrialState.RUNNING]
        what = f"{len(dead)} submissions that nobody works on have not ended"
        done = "ended; what they held is pending"
        found.append(Finding(what, held, done, lambda: catalog.end_dead(s.id for s in dead)))
    return found


def _of_finished(
    catalog: Catalog, stores: Stores, finished: Sequence[str], *, lost_for_good: bool
) -> list[Finding]:
    brought = catalog.brought(finished)  # without files, as is right
    finished = [i for i in finished if i not in brought]
    gone, unsaid = _against_files(catalog, stores, finished)
    if finished and len(gone) == len(finished) and not lost_for_good:
        raise CatalogError(
            f"not one of {len(finished)} finished trials has its files in "
            f"{stores.workspace.address}, which rather is the workspace of another catalog; give "
            "the right --workspace and --catalog, or --all-lost if they are lost indeed"
        )

    def forget() -> None:
        for trial_id in catalog.forget_results(gone):
            stores.workspace.trial(trial_id).files.clear()

    def say_again() -> None:
        for trial_id, result in unsaid.items():
            commit(stores.workspace.trial(trial_id), result)

    lost = "finished in the catalog, and the adapter is gone or damaged"
    unread = "finished in the catalog, and result.json is gone or damaged"
    return [
        Finding(lost, gone, "pending again", forget),
        Finding(unread, list(unsaid), "written again from the catalog", say_again),
    ]


def _of_others(catalog: Catalog, stores: Stores, others: Mapping[str, str]) -> list[Finding]:
    """Look at what is not finished in the catalog: trial → a sweep that asks for it."""
    unrecorded, unusable = _committed(stores, list(others))

    def record() -> None:
        for trial_id, result in unrecorded.items():
            catalog.record_result(others[trial_id], result)

    def clear() -> None:
        for trial_id in unusable:
            stores.workspace.trial(trial_id).files.clear()

    whole = "finished in the workspace, and not in the catalog"
    broken = "a result in the workspace that cannot be used, and none in the catalog"
    return [
        Finding(whole, list(unrecorded), "recorded", record),
        Finding(broken, unusable, "removed; the trials stay pending", clear),
    ]


def look_at_mlflow(catalog: Catalog, stores: Stores) -> list[Finding]:
    """Compare MLflow with the catalog.

    Raises:
        TrackingError: MLflow does not answer.
    """
    found = []
    for sweep in catalog.sweeps():
        name = sweep.name
        waiting = catalog.count_undelivered(name)
        differing = compare(catalog, stores, name)
        trials = [*differing.missing, *differing.different]
        if not trials and not waiting:
            continue

        def tell(
            name: str = name,
            missing: Sequence[str] = differing.missing,
            trials: Sequence[str] = tuple(trials),
        ) -> None:
            catalog.forget_runs(name, missing)
            catalog.tell_again(name, trials)
            _publish(catalog, stores, name)

        what = f"MLflow has {len(differing.missing)} finished trials of {name} not, "
        what += f"{len(differing.different)} otherwise, and {waiting} entries wait for it"
        found.append(Finding(what, trials, "told again", tell))
    return found


def _against_files(
    catalog: Catalog, stores: Stores, finished: Sequence[str]
) -> tuple[list[str], dict[str, TrialResult]]:
    """Return the finished trials without a whole adapter, and those without their result alone."""
    gone: list[str] = []
    unsaid: dict[str, TrialResult] = {}
    for start in range(0, len(finished), _AT_ONCE):
        part = finished[start : start + _AT_ONCE]
        results, planned = catalog.results(part), catalog.planned(part)
        for trial_id in part:
            paths = stores.workspace.trial(trial_id)
            if not (_has_adapter(paths, planned[trial_id], results[trial_id]) or _pruned(paths)):
                gone.append(trial_id)
            elif _readable(paths) is None:
                unsaid[trial_id] = results[trial_id]
    return gone, unsaid


def _committed(stores: Stores, open_: Sequence[str]) -> tuple[dict[str, TrialResult], list[str]]:
    """Return what is committed of trials that are not finished in the catalog, and cannot count."""
    whole: dict[str, TrialResult] = {}
    unusable: list[str] = []
    there = stores.workspace.found(open_)
    for trial_id in open_:
        paths = stores.workspace.trial(trial_id)
        if not there[trial_id].result:
            continue
        result = _readable(paths)
        trial = _trial(paths)
        if result is not None and trial is not None and _has_adapter(paths, trial, result):
            whole[trial_id] = result
        else:
            unusable.append(trial_id)
    return whole, unusable


def _trial(paths: TrialPaths) -> Trial | None:
    try:
        return Trial.model_validate_json(paths.files.read(paths.trial.name))
    except (OSError, ValueError, DamagedObjectError):
        return None


def _readable(paths: TrialPaths) -> TrialResult | None:
    try:
        return read_result(paths)
    except ResultFileError as error:
        log.warning("%s", error)
        return None


def _has_adapter(paths: TrialPaths, trial: Trial, result: TrialResult) -> bool:
    """Tell whether every byte of the adapter is there, where the trial leaves one."""
    if result.left is None and not trial.method.leaves_files:
        return True
    # In earlier versions nobody counted what a pre-training leaves.
    return paths.files.has_adapter(None if result.left is None else result.left.files)


def _pruned(paths: TrialPaths) -> bool:
    """Tell whether its adapter was let go on purpose."""
    return paths.files.exists(paths.pruned.name)


def _publish(catalog: Catalog, stores: Stores, sweep: str) -> None:
    prepare_store(stores.tracking_uri)
    with publishing(catalog, stores, sweep) as publisher:
        left = publisher.drain(PUBLISH_LIMIT_S, while_told=True)
    if left:
        raise OrchestratorError(
            f"{left} entries of {sweep} still wait for MLflow at {stores.shown_tracking}; the log "
            "says why, and the next submission sends them"
        )
