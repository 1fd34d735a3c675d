"""Prune one finished fusion or adapter in several ways, and measure all in one pass.

What stays of a fusion is left to `pruning`, of an adapter to `removed_layers`.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from workers.batches.feeding import Feeds
from workers.contract.events import EventKind, TrialEvent
from workers.contract.paths import Workspace
from workers.contract.spending import Phase, Stopwatch
from workers.contract.trial import Trial
from workers.running.one_trial import Running, begin, conclude, logging_to, record_failure
from workers.running.warm_state import WarmState
from workers.training.pruning import prune
from workers.training.trainer import measure_finished

log = logging.getLogger(__name__)

RunAlone = Callable[[Trial, Workspace, WarmState], Iterator[TrialEvent]]


def begin_pruned(trial: Trial, workspace: Workspace, warm: WarmState) -> Running:
    """Load the finished fusion or adapter of a trial without what leaves it."""
    running = begin(trial, workspace, warm)
    if trial.removal is not None:  # it was built without
        return running
    with running.stopwatch.during(Phase.BUILD):
        running.model = prune(
            trial, running.model, running.feeds, workspace=workspace, memo=warm.attention
        )
    return running


def _joined(pruned: Sequence[Running]) -> Feeds:
    """Return feeds with all that is stored for any of them: their frozen parts may differ."""
    return {
        split: replace(
            feed,
            stored={t: s for each in pruned for t, s in each.feeds[split].stored.items()},
        )
        for split, feed in pruned[0].feeds.items()
    }


def run_prunings(
    trials: Sequence[Trial], workspace: Workspace, warm: WarmState, *, alone: RunAlone
) -> Iterator[TrialEvent]:
    """Run trials that differ in their pruning only to their results or failures.

    Args:
        alone: runs one trial; what cannot be measured together is left to it.
    """
    if len(trials) == 1:
        yield from alone(trials[0], workspace, warm)
        return
    started = time.perf_counter()
    pruned: list[Running] = []
    for trial in trials:
        yield TrialEvent(kind=EventKind.STARTED, trial_id=trial.trial_id)
        with logging_to(workspace.trial(trial.trial_id)):
            try:
                pruned.append(begin_pruned(trial, workspace, warm))
            except Exception as error:  # a trial fails alone, whatever the cause
                log.exception("trial %s failed", trial.trial_id)
                yield record_failure(trial, workspace, error)
    if not pruned:
        return
    together = Stopwatch()
    try:
        with together.during(Phase.MEASURING):
            measured = measure_finished(pruned[0].trial, [r.model for r in pruned], _joined(pruned))
    except Exception:  # whose fault it is shows when each is run alone
        log.exception("could not measure %d prunings together", len(pruned))
        for running in pruned:
            yield from alone(running.trial, workspace, warm)
        return
    duration_s = (time.perf_counter() - started) / len(pruned)
    for running, own in zip(pruned, measured, strict=True):
        share = together.spent[Phase.MEASURING] * (1 / len(pruned))
        running.stopwatch.add(Phase.MEASURING, share)
        with logging_to(running.paths):
            try:
                conclude(running, None, measured=own, workspace=workspace, duration_s=duration_s)
            except Exception as error:  # likewise
                log.exception("trial %s failed", running.trial.trial_id)
                yield record_failure(running.trial, workspace, error)
                continue
        yield TrialEvent(kind=EventKind.FINISHED, trial_id=running.trial.trial_id)
