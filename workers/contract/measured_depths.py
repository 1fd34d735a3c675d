"""The drop depths that a trial is measured at; all who count or compute them read it here."""

from workers.contract.trial import DropMode, MeasuredDepths, Method, Trial


def measured_depths(trial: Trial) -> list[int]:
    """Return the drop depths that the finished trial is measured at on validation.

    Robust adapters are measured at every depth 0…L-1, and so are those trained in every layer
    unless the trial says otherwise; a specialised one at its own, and what has no adapter at 0.
    """
    if trial.method not in (Method.ADAPTER, Method.FUSION, Method.PRUNED_FUSION):
        return [trial.drop.depth]
    match trial.drop.mode:
        case DropMode.ROBUST:
            everywhere = True
        case DropMode.SPECIALISED:
            everywhere = False
        case DropMode.NONE:
            everywhere = trial.drop.measure is MeasuredDepths.ALL
    return list(range(trial.base.layers)) if everywhere else [trial.drop.depth]


def selection_depths(trial: Trial) -> list[int]:
    """Return the depths whose mean score early stopping compares."""
    return measured_depths(trial) if trial.drop.mode is DropMode.ROBUST else [trial.drop.depth]
