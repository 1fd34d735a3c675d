"""Put the winners of a sweep into the registry, as its `select` rules choose them."""

import logging
from dataclasses import dataclass, field

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialFilter
from orchestrator.errors import OrchestratorError
from orchestrator.planning.plan import Plan
from orchestrator.planning.selection import Winner, choose
from orchestrator.registry.registered import RegisteredAdapter
from orchestrator.registry.registration import AliasStayed, register_winner
from orchestrator.running.board import Board
from orchestrator.running.work_queue import WorkState
from orchestrator.stores import Stores

log = logging.getLogger(__name__)


@dataclass
class Registered:
    """What became of the winners."""

    registered: list[tuple[Winner, RegisteredAdapter]] = field(default_factory=list)
    stayed: list[AliasStayed] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def register_winners(
    plan: Plan, catalog: Catalog, stores: Stores, board: Board, *, force: bool
) -> Registered:
    """Put the winner of every rule into the registry, if no trial is to come any more.

    A sweep that has reached its budget is over, though a larger one may go on.
    """
    queue = board.queue
    if not queue.ended or (queue.number(WorkState.LEFT_OUT) and board.stops.ended_by is None):
        return Registered()
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
