"""What the seeds of each configuration come to, summed up by the database.

A sweep mostly has all trials of a configuration or none. Those that it has whole are summed up as
they stand in an index; only for the others is each trial looked up among those of the sweep.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Subquery,
    and_,
    cast,
    func,
    or_,
    select,
    tuple_,
    union_all,
)

from orchestrator.catalog.filtering import conditions, of_sweep
from orchestrator.catalog.read_order import (
    among,
    from_columns,
    from_compared,
    implied,
    read_first,
)
from orchestrator.catalog.records import TrialFilter, TrialState
from orchestrator.catalog.tables import sweep_trials, sweeps, trials

_OF_TRIALS = ("seed", "state", "min_score", "max_score")
"""What a filter may ask of single trials so that `from_compared` answers it."""
_OF_TABLES = ("task", "metric", "configuration")
"""What it may ask that is the same for all trials of a row of the sums, and in that index too."""
_OF_CONFIGURATIONS = (
    *("method", "drop_mode", "drop_depth", "placement", "bottleneck_size", "sharing"),
    *("non_linearity", "keep", "learning_rate"),
)
"""What it may ask that is the same for all seeds, so that one of them answers for the others."""

Join = Callable[[Select[Any], str], Select[Any]]


def summed(chosen: TrialFilter, *, archived: bool, with_one: bool = False) -> Subquery:
    """Select for each configuration with a trial that counts what its trials come to.

    A trial counts that the filter chooses and that is finished, or that a sweep still asks for; of
    all sweeps, those that only archived ones asked for count with `archived` alone.

    The columns are the key of its table (`configuration`, `task`, `fingerprint`, `metric`), how
    many `trials` count, how many of them `finished` with a score, the `mean` of these, the
    `unsaid_hash` of the trials, and `with_one` also `one` of them, which takes a fifth longer.
    """
    if chosen.sweep is not None and _is_compared(chosen):
        return _of_sweep(chosen, chosen.sweep, with_one=with_one)
    query = _of_trials(with_one=with_one)
    if not _is_compared(chosen):
        return _sums(from_columns(counting(query, chosen, archived=archived)))
    return _sums(_compared(counting(query, _own(chosen), archived=archived), chosen))


def _sums(query: Select[Any]) -> Subquery:
    """Sum up trials; the key is in the order of the index, or it takes long.

    What is unsaid belongs to it, since the largest of many texts takes PostgreSQL as long as all
    else. Trials of earlier versions may say less, so what is alike but for that is summed up again.
    """
    t = trials.c
    key = (t.configuration, t.task, t.fingerprint, t.metric)
    parts = query.group_by(*key, t.unsaid_hash).subquery("parts")
    same = [parts.c[column.name] for column in key]
    finished = cast(func.sum(parts.c.finished), Integer)
    merged = {
        "unsaid_hash": func.max(parts.c.unsaid_hash),
        "trials": cast(func.sum(parts.c.trials), Integer),
        "finished": finished,
        "mean": func.sum(parts.c.total) / func.nullif(finished, 0),
    }
    if "one" in parts.c:
        merged["one"] = func.max(parts.c.one)
    if "every" in parts.c:
        merged["every"] = cast(func.sum(parts.c.every), Integer)
    sums = select(*same, *(each.label(name) for name, each in merged.items()))
    return sums.group_by(*same).subquery("sums")


def _of_trials(which: ColumnElement[bool] | None = None, *, with_one: bool) -> Select[Any]:
    """Select what `_sums` groups, of all trials of a row or of those that are meant."""
    t = trials.c
    sums = {
        **({"one": func.max(t.trial_id)} if with_one else {}),
        "trials": func.count(),
        "finished": func.count(t.score),
        "total": func.sum(t.score),
    }
    meant = sums if which is None else {name: each.filter(which) for name, each in sums.items()}
    key = t.configuration, t.task, t.fingerprint, t.metric, t.unsaid_hash
    return select(*key, *(each.label(name) for name, each in meant.items()))


def _of_sweep(chosen: TrialFilter, sweep: str, *, with_one: bool) -> Subquery:
    """Sum up the trials of a sweep: whole configurations as they stand, others one by one."""
    links = sweep_trials.c
    asked = select(links.configuration, func.count().label("number"))
    asked_for = asked.where(links.sweep == sweep).group_by(links.configuration).cte("asked")
    which = conditions(_part(chosen, _OF_TRIALS))
    every = _of_trials(and_(*which) if which else None, with_one=with_one)
    every = every.add_columns(func.count().label("every"))
    # The metric may differ between seeds, so all of them are counted before it is asked.
    here = among(trials.c.configuration, select(asked_for.c.configuration))
    every = every.where(here, *conditions(_part(chosen, ("task", "configuration"))))
    rows = _sums(_compared(every, chosen))
    has = func.sum(rows.c.every).over(partition_by=rows.c.configuration).label("has")
    known = select(rows, has).cte("known")
    # Looked up as a list, since SQLite would compare each of two unindexed tables with each.
    all_there = select(asked_for.c.configuration, asked_for.c.number)
    is_whole = tuple_(known.c.configuration, known.c.has).in_(all_there)
    names = [column.name for column in rows.c if column.name != "every"]
    whole = select(*(known.c[name] for name in names)).where(is_whole, known.c.trials > 0)
    if chosen.metric is not None:
        whole = whole.where(known.c.metric == chosen.metric)
    parts = select(known.c.configuration).where(~is_whole)
    rest = _one_by_one(chosen, sweep, parts, with_one=with_one)
    return union_all(whole, select(*rest.c)).subquery("of_sweep")


def _one_by_one(chosen: TrialFilter, sweep: str, parts: Select[Any], *, with_one: bool) -> Subquery:
    """Sum up those trials that a sweep has of configurations that it does not have whole."""
    query = _of_trials(with_one=with_one).where(
        trials.c.configuration.in_(parts), *conditions(_own(chosen))
    )
    return _sums(from_compared(of_sweep_by_configuration(query, sweep)))


def _part(chosen: TrialFilter, names: Sequence[str]) -> TrialFilter:
    return TrialFilter.model_validate({name: getattr(chosen, name) for name in names})


def _own(chosen: TrialFilter) -> TrialFilter:
    """Return what `from_compared` answers of a filter by itself."""
    return _part(chosen, ("sweep", *_OF_TRIALS, *_OF_TABLES))


def _is_compared(chosen: TrialFilter) -> bool:
    known = ("sweep", *_OF_TRIALS, *_OF_TABLES, *_OF_CONFIGURATIONS)
    return all(value is None or name in known for name, value in chosen)


def _compared(query: Select[Any], chosen: TrialFilter) -> Select[Any]:
    """Read a query over configurations from its index, those alone that the filter chooses."""
    asked = conditions(_part(chosen, _OF_CONFIGURATIONS))
    if asked:
        query = query.where(trials.c.configuration.in_(_like(asked)))
    return from_compared(query)


def _like(asked: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Select the configurations of which one trial, and so each, is as asked."""
    t = trials.c
    return from_columns(select(t.configuration).where(t.trial_id.in_(one_of_each(None)), *asked))


def planned_trials(chosen: TrialFilter, wanted: Sequence[str], *, archived: bool) -> Select[Any]:
    """Select the trials of some configurations that the filter chooses, as far as they count.

    Each as `orchestrator.planning.ranking.Planned` has it, with its score on test.
    """
    t = trials.c
    query = select(t.configuration, t.trial_id, t.seed, t.score, t.test_score)
    query = query.where(t.configuration.in_(wanted))
    if not _is_compared(chosen):
        return from_columns(counting(query, chosen, archived=archived))
    if chosen.sweep is not None:
        query = query.where(implied(sweep_trials.c.configuration.in_(wanted)))
    join = of_sweep_by_configuration
    return from_compared(counting(query, _own(chosen), archived=archived, join=join))


def counting(
    query: Select[Any], chosen: TrialFilter, *, archived: bool, join: Join = of_sweep
) -> Select[Any]:
    """Narrow a query over trials to those that count in a leaderboard.

    Args:
        join: narrows it to those of one sweep.
    """
    query = query.where(*conditions(chosen))
    if chosen.sweep is not None:
        return join(query, chosen.sweep)
    links, asking = sweep_trials.c, select(sweep_trials.c.trial_id)
    # With an offset PostgreSQL looks each up, and does not read all that anybody asks for.
    asked = asking.where(links.trial_id == trials.c.trial_id).offset(0)
    finished = trials.c.state == TrialState.FINISHED
    if archived:
        return query.where(or_(finished, asked.exists()))
    archives = select(sweeps.c.name).where(sweeps.c.archived_at.is_not(None))
    hidden = asking.where(links.sweep.in_(archives))
    seen = asked.join(sweeps).where(sweeps.c.archived_at.is_(None))
    # What archived sweeps ask for is found once; who asks for a trial, for each of them anew.
    return query.where(or_(and_(finished, trials.c.trial_id.not_in(hidden)), seen.exists()))


def any_archived(connection: Connection) -> bool:
    """Tell whether any sweep is archived; if none is, `archived` costs less and says the same."""
    query = select(sweeps.c.name).where(sweeps.c.archived_at.is_not(None)).limit(1)
    return connection.scalar(query) is not None


def of_sweep_by_configuration(query: Select[Any], sweep: str) -> Select[Any]:
    """Narrow a query over configurations to one sweep: both tables are read in their order."""
    links = sweep_trials.c
    linked = and_(
        links.configuration == read_first(trials.c.configuration),
        links.trial_id == read_first(trials.c.trial_id),
    )
    return query.join(sweep_trials, linked).where(links.sweep == sweep)


def one_of_each(sweep: str | None) -> Select[Any]:
    """Select a trial of each configuration, of a sweep or of all there are."""
    if sweep is None:
        one = select(func.max(trials.c.trial_id)).group_by(trials.c.configuration)
        return from_compared(one)
    links = sweep_trials.c
    one = select(func.max(links.trial_id)).where(links.sweep == sweep)
    return one.group_by(links.configuration)
