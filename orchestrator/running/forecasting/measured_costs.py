"""What is known of what a plan's trials take: from the catalog, and from a calibration."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from orchestrator.catalog.catalog import Catalog
from orchestrator.errors import CatalogMissingError, OrchestratorError
from orchestrator.planning.forecasting.observations import observe
from orchestrator.planning.plan import Plan
from orchestrator.running.early_stopping import kept_stopped
from orchestrator.running.forecasting.calibration_file import read_calibration
from orchestrator.running.forecasting.forecast_values import Known, Pool, Workers
from orchestrator.running.forecasting.task_lengths import known_sizes, sizes_of
from orchestrator.running.node_room import fits, this_machine
from orchestrator.running.work_queue import USUAL
from orchestrator.stores import Stores
from workers.contract.results import TrialResult
from workers.contract.trial import Trial


def known_costs(plan: Plan, stores: Stores) -> Known:
    """Read what was measured on the plan's bases; nothing is written."""
    with suppress(CatalogMissingError), Catalog.open(stores.catalog_url, create=False) as opened:
        return costs_in(opened, plan, stores)
    return _known(plan, [], stores, [], [])


def settled_trials(plan: Plan, stores: Stores) -> set[str]:
    """Return of which of a plan's trials nothing is left to run; nothing is written.

    They are finished as the catalog says, or the plan's rule keeps them stopped.
    """
    with suppress(CatalogMissingError), Catalog.open(stores.catalog_url, create=False) as opened:
        return opened.finished(plan.trials) | kept_stopped(plan, opened)
    return set()


def costs_in(catalog: Catalog, plan: Plan, stores: Stores) -> Known:
    """Read it of a catalog that is open."""
    bases = {trial.base.identity for trial in plan.trials.values()}
    overheads = catalog.overheads()
    starts, ends = [o.start_s for o in overheads], [o.end_s for o in overheads]
    return _known(plan, catalog.costs(bases), stores, starts, ends)


def _known(
    plan: Plan,
    found: list[tuple[Trial, TrialResult]],
    stores: Stores,
    starts: list[float],
    ends: list[float],
) -> Known:
    calibration = read_calibration(stores.workspace).observations
    bases = {trial.base.identity for trial in plan.trials.values()}
    calibrated = [o for o in calibration if o.trial.base.identity in bases]
    finished = [seen for pair in found if (seen := observe(*pair)) is not None]
    observations = [*finished, *calibrated]
    measured = {o.trial.base.identity for o in observations}
    sizes = sizes_of(plan.trials.values(), known_sizes(observations), measured)
    return Known(observations, len(calibrated), sizes, starts, ends)


def workers_here(plan: Plan, asked: Sequence[int] = ()) -> Workers:
    """Return how many workers of each kind fit this machine, or that were asked for.

    Args:
        asked: how many a cluster has room for, of the usual ones and then of each of
            `resources.kinds`; the last one stands for those that are not named. Each kind has
            nodes of its own then.

    Raises:
        OrchestratorError: there are more of these than kinds.
    """
    wanted, node = plan.spec.resources, this_machine()
    if len(asked) > 1 + len(wanted.kinds):
        raise OrchestratorError(
            f"--workers: expected a number for `resources` and one for each of its "
            f"{len(wanted.kinds)} kinds at most, found {len(asked)}"
        )
    pools, why = {}, "as --workers says" if asked else "as fit this machine"
    for kind in (USUAL, *sorted(set(plan.kinds().values()))):
        each = wanted.of_kind(kind)
        if asked:
            count = asked[min(kind, len(asked) - 1)]
        else:
            count = fits(node, cpus=each.cpus, gpus=each.gpus, custom=each.custom)
        pools[kind] = Pool(count, each.cpus, each.gpus, each.trials_per_bundle)
    shared = None if asked or any(pool.count < 1 for pool in pools.values()) else node
    if any(pool.count < 1 for pool in pools.values()):
        why = "none fits this machine" if len(pools) == 1 else "not all fit this machine"
    most = wanted.max_workers
    if most is not None and most < sum(pool.count for pool in pools.values()):
        why = "as resources.max_workers says"
    pools = {
        kind: replace(pool, count=max(1, min(pool.count, most or pool.count)))
        for kind, pool in pools.items()
    }
    usual = vars(pools.pop(USUAL))
    return Workers(**usual, why=why, others=pools, node=shared, most=most)
