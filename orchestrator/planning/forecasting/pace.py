"""How long a sweep has still to go, from its counts alone: at the pace so far, dear trials apart.

For whoever reads the catalog and has no plan at hand; with one,
`orchestrator.running.forecasting.time_left` knows more.
"""

import statistics
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TrialGroup:
    """Trials of a sweep that cost about the same.

    Attributes:
        line: what they are beside their drop depth.
        method: what tells most where nothing of the line is finished.
        finished, seconds: how many are finished, by whoever, and what those took together.
        own_s: what those took that the submission finished itself.
        open: how many are still to come.
    """

    line: Hashable
    method: str
    depth: int
    finished: int
    seconds: float
    own_s: float
    open: int

    @property
    def mean_s(self) -> float:
        return self.seconds / self.finished


def seconds_left(groups: Sequence[TrialGroup], elapsed_s: float) -> float | None:
    """Return what the open trials will take; None while nothing has been finished.

    Args:
        elapsed_s: since the submission began; with what it finished meanwhile, that is its pace.
    """
    own = sum(group.own_s for group in groups)
    open_ = [group for group in groups if group.open]
    if own <= 0 or not open_:
        return None
    known = [group for group in groups if group.finished and group.seconds > 0]
    return elapsed_s / own * sum(group.open * _mean_s(group, known) for group in open_)


def _mean_s(group: TrialGroup, known: Sequence[TrialGroup]) -> float:
    """Return what a trial of a group takes: as measured, between depths, or as its method does."""
    if group in known:
        return group.mean_s
    line = sorted((g.depth, g.mean_s) for g in known if g.line == group.line)
    below = [found for found in line if found[0] < group.depth][-1:]
    above = [found for found in line if found[0] > group.depth][:1]
    if below and above:
        (low, first), (high, second) = below[0], above[0]
        return first + (second - first) * (group.depth - low) / (high - low)
    if line:
        return (below or above)[0][1]
    same = [g for g in known if g.method == group.method]
    return statistics.fmean(g.mean_s for g in same or known)
