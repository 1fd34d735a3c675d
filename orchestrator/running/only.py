"""Which trials `submit --only` runs, by what became of them when they were last tried."""

from enum import StrEnum

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import AttemptOutcome
from orchestrator.planning.plan import Plan


class Only(StrEnum):
    """What a submission keeps to, of all that is not finished."""

    FAILED = "failed"  # when it was last tried; with all that waits for such trials
    STOPPED = "stopped"  # by a rule; or begun, and neither finished nor failed
    NEW = "new"  # never tried


def left_out(plan: Plan, catalog: Catalog, only: Only) -> set[str]:
    """Return the trials that are not finished and not to be run.

    One that waits for another that is left out is left out too.
    """
    finished = catalog.finished(plan.trials)
    open_ = [i for i in plan.trials if i not in finished]
    outcomes, stops = catalog.last_attempts(open_), catalog.stops(open_)
    chosen: set[str] = set()
    run: set[str] = set()
    for trial_id in open_:  # parents stand before their children
        parents = plan.trials[trial_id].parents
        waits_for_failed = only is Only.FAILED and not chosen.isdisjoint(parents)
        kind = Only.STOPPED if trial_id in stops else _kind(trial_id, outcomes)
        if kind is only or waits_for_failed:
            chosen.add(trial_id)
            if all(p in finished or p in run for p in parents):
                run.add(trial_id)
    return set(open_) - run


def _kind(trial_id: str, outcomes: dict[str, AttemptOutcome | None]) -> Only:
    if trial_id not in outcomes:
        return Only.NEW
    return Only.FAILED if outcomes[trial_id] is AttemptOutcome.FAILED else Only.STOPPED
