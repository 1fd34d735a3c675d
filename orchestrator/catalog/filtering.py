"""What a `TrialFilter` means in SQL, for every question that takes one."""

from typing import Any

from sqlalchemy import ColumnElement, Select

from orchestrator.catalog.read_order import read_first
from orchestrator.catalog.records import TrialFilter
from orchestrator.catalog.tables import sweep_trials, trials


def of_sweep(query: Select[Any], sweep: str, *, sweep_first: bool = True) -> Select[Any]:
    """Narrow a query over trials to those of one sweep; see `from_columns`."""
    trial_id = trials.c.trial_id
    linked = sweep_trials.c.trial_id == (trial_id if sweep_first else read_first(trial_id))
    return query.join(sweep_trials, linked).where(sweep_trials.c.sweep == sweep)


def conditions(
    chosen: TrialFilter, state: ColumnElement[str] | None = None
) -> list[ColumnElement[bool]]:
    """Return what trials must fulfil, but for the sweep, which `of_sweep` joins.

    Args:
        state: the trial's state as it is now; None for the column.
    """
    t = trials.c
    wanted: dict[ColumnElement[Any], Any] = {
        t.state if state is None else state: chosen.state,
        t.base_name: chosen.base,
        t.failure_reason: chosen.reason,
    }
    same = (
        *("task", "method", "drop_mode", "drop_depth", "seed", "placement", "bottleneck_size"),
        *("sharing", "non_linearity", "keep", "learning_rate", "metric", "configuration"),
    )
    wanted |= {t[name]: getattr(chosen, name) for name in same}
    found = [column == value for column, value in wanted.items() if value is not None]
    if chosen.min_score is not None:
        found.append(t.score >= chosen.min_score)
    if chosen.max_score is not None:
        found.append(t.score <= chosen.max_score)
    if chosen.text is not None:
        found.append(t.label.icontains(chosen.text, autoescape=True))
    return found


def filtered(
    query: Select[Any],
    chosen: TrialFilter,
    state: ColumnElement[str] | None = None,
    *,
    sweep_first: bool | None = None,
) -> Select[Any]:
    """Narrow a query over trials to those that a filter chooses.

    Args:
        sweep_first: see `from_columns`; None for what `is_sweep_first` says.
    """
    query = query.where(*conditions(chosen, state))
    if chosen.sweep is None:
        return query
    if sweep_first is None:
        sweep_first = is_sweep_first(chosen)
    return of_sweep(query, chosen.sweep, sweep_first=sweep_first)


def is_sweep_first(chosen: TrialFilter) -> bool:
    """Tell whether a sweep's trials are looked up, not those that the filter chooses in its sweep.

    Few trials are in one state but for the one that most are in.
    """
    return chosen.state is None and chosen.reason is None
