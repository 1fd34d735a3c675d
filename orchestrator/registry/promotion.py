"""Decide whether a new adapter may take an alias over. Pure.

Only what is better on the same rows, by the same metric, may. What then happens to the alias is
left to `orchestrator.registry.registration`.
"""

from orchestrator.spec.model import Ranking
from workers.contract.frozen import Frozen


class Measure(Frozen):
    """How good an adapter is, and on what that was measured.

    Attributes:
        fingerprint: of the task's rows; None where an early version did not write it down.
        metric: on validation.
        best: of the adapter itself; `mean` is over the `seeds` seeds of its configuration.
    """

    fingerprint: str | None
    metric: str
    best: float
    mean: float
    seeds: int

    def words(self, rank: Ranking) -> str:
        """Return the number that `rank` compares, with what it is."""
        if rank is Ranking.BEST_TRIAL:
            return f"{self.metric} {self.best:.6g}"
        seeds = "1 seed" if self.seeds == 1 else f"{self.seeds} seeds"
        return f"mean {self.metric} {self.mean:.6g} over {seeds}"


def objection(new: Measure, old: Measure, rank: Ranking) -> str | None:
    """Return why `new` must not replace `old`, None where it is better on the same data.

    By their means, the new one needs at least as many seeds: one lucky seed is no better than a
    mean over five. Of equals, the old one stays.
    """
    if old.fingerprint is None:
        return "it does not say which rows it was measured on, so that nothing can be compared"
    if old.fingerprint != new.fingerprint:
        return (
            f"it was measured on other data (fingerprint {old.fingerprint[:8]}…, here "
            f"{str(new.fingerprint)[:8]}…), so that its {old.words(rank)} and the new one's "
            f"{new.words(rank)} do not compare"
        )
    if old.metric != new.metric:
        return (
            f"it was chosen by {old.metric} and the new one by {new.metric}, which do not compare"
        )
    if rank is Ranking.MEAN_OVER_SEEDS and new.seeds < old.seeds:
        return f"the new one has {new.words(rank)}, which is fewer seeds than its {old.words(rank)}"
    ours, theirs = (new.best, old.best) if rank is Ranking.BEST_TRIAL else (new.mean, old.mean)
    if ours > theirs:
        return None
    return f"the new one has {new.words(rank)}, which is not better than its {old.words(rank)}"
