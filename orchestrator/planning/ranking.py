"""Rank configurations by their mean over seeds. Pure.

The registry's choice and the catalog's leaderboard both rank here, so that they cannot disagree.
What may be ranked together is theirs to say: trials of one task, fingerprint and metric.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Planned(NamedTuple):
    """One planned trial; `score` is None while it has none, and where it failed or is blocked."""

    configuration: str
    trial_id: str
    seed: int
    score: float | None


@dataclass(frozen=True)
class Ranked:
    """One configuration over those of its seeds that have finished.

    Attributes:
        finished: trial_id and score of each, best first, of equals the one with the lowest seed.
        planned: how many seeds were asked for.
    """

    configuration: str
    finished: tuple[tuple[str, float], ...]
    planned: int
    mean: float

    @property
    def complete(self) -> bool:
        """Whether every seed that was asked for has a score.

        Otherwise the mean is one over survivors: seeds that diverged or are still to come would
        have pulled it down or up, so it is no estimate of what the configuration gives.
        """
        return len(self.finished) == self.planned

    @property
    def std(self) -> float | None:
        """The sample's standard deviation, None for a single seed."""
        return over_seeds([score for _, score in self.finished])[1]


def rank(trials: Iterable[Planned]) -> list[Ranked]:
    """Group trials by configuration: complete ones first, then by their mean, best first.

    Configurations without any score are left out.
    """
    groups: dict[str, list[Planned]] = defaultdict(list)
    for trial in trials:
        groups[trial.configuration].append(trial)
    rows = [row for group in groups.values() if (row := _ranked(group)) is not None]
    return sorted(rows, key=lambda row: (not row.complete, -row.mean, row.configuration))


def over_seeds(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean, and the sample's standard deviation, None for a single value."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return mean, None
    # Squares around the mean: `statistics.stdev` counts in fractions, fifty times as long.
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def _ranked(group: Sequence[Planned]) -> Ranked | None:
    scored = [(-score, seed, trial_id) for _, trial_id, seed, score in group if score is not None]
    if not scored:
        return None
    scored.sort()
    finished = tuple([(trial_id, -negative) for negative, _, trial_id in scored])
    mean = statistics.fmean([score for _, score in finished])
    return Ranked(group[0].configuration, finished, planned=len(group), mean=mean)
