"""Which trials of a plan a calibration should try: few, and as different as the plan has them."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from orchestrator.planning.forecasting.observations import Family, family_of
from orchestrator.planning.forecasting.trial_work import size_key
from workers.contract.trial import DropMode, Method, Trial

MOST_TASKS = 4
"""On so many tasks of a plan the first kind is tried; costs of others are told by their tokens."""

_ORDER = (
    Method.ADAPTER,
    Method.FULL_FINE_TUNING,
    Method.FUSION,
    Method.PRUNED_FUSION,
    Method.PRUNED_ADAPTER,
    Method.PRETRAINING,
    Method.TOP_LAYERS,
    Method.LAYER_NORM,
    Method.HEAD_ONLY,
)


def kinds(trials: Iterable[Trial], device: str) -> list[Trial]:
    """Return a trial of each kind, those first without which least is known.

    Of adapters with each placement: no dropped layer, the deepest drop, a robust one. Of every
    other method one. The first kind on some more tasks.
    """
    families: dict[Family, list[Trial]] = defaultdict(list)
    for trial in trials:
        families[family_of(trial, device)].append(trial)
    chosen = [_of_family(found) for found in families.values()]
    rounds = max(map(len, chosen), default=0)
    return [of[i] for i in range(rounds) for of in chosen if i < len(of)]


def _of_family(trials: Sequence[Trial]) -> list[Trial]:
    found: dict[Hashable, Trial] = {}
    for method in _ORDER:
        own = [trial for trial in trials if trial.method is method]
        if method is Method.ADAPTER:
            for trial in _adapters(own):
                found.setdefault(trial.trial_id, trial)
        elif own:
            largest = max(own, key=_size)
            found.setdefault(largest.trial_id, largest)
    first = next(iter(found.values()))
    tasks = {size_key(first)}
    for trial in trials:
        if (
            len(tasks) < MOST_TASKS
            and trial.method is first.method
            and size_key(trial) not in tasks
        ):
            tasks.add(size_key(trial))
            found.setdefault(trial.trial_id, trial)
    return list(found.values())


def _adapters(trials: Sequence[Trial]) -> list[Trial]:
    places: dict[Hashable, list[Trial]] = defaultdict(list)
    for trial in trials:
        assert trial.adapter is not None
        places[trial.adapter.placement].append(trial)
    found = []
    for of in places.values():
        fixed = [trial for trial in of if trial.drop.mode is not DropMode.ROBUST]
        if fixed:
            # Of one task, so that nothing but the depth differs.
            shallow = min(fixed, key=lambda trial: trial.drop.depth)
            same = [trial for trial in fixed if size_key(trial) == size_key(shallow)]
            found += [shallow, max(same, key=lambda trial: trial.drop.depth)]
        found += [trial for trial in of if trial.drop.mode is DropMode.ROBUST][:1]
    return found


def _size(trial: Trial) -> int:
    """Return how much there is of what a method can have more or less of."""
    if trial.fusion is not None:
        return len(trial.fusion.sources)
    if trial.pruning is not None:
        return trial.pruning.keep
    return trial.top_layers or 0
