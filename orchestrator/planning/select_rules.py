"""Refuse rules of `select` that could never choose anything, before a sweep is run for them.

Choosing is left to `orchestrator.planning.selection`.
"""

from collections.abc import Collection

from orchestrator.planning.plan import matches
from orchestrator.spec.model import SelectRule, SweepSpec
from orchestrator.spec.source import KeyPath, SpecSource
from workers.contract.trial import Method, Trial


def check_rules(spec: SweepSpec, source: SpecSource, trials: Collection[Trial]) -> None:
    """Check what each rule asks for against the trials of the plan.

    Raises:
        SpecError: no trial meets a rule's `where`, or none that leaves adapter files; or none of
            those measures its `metric`.
    """
    for i, rule in enumerate(spec.select):
        _check(rule, source, trials, at=("select", i))


def _check(rule: SelectRule, source: SpecSource, trials: Collection[Trial], *, at: KeyPath) -> None:
    of_tasks = [t for t in trials if rule.tasks is None or t.task.name in rule.tasks]
    wanted = [t for t in of_tasks if matches(t, rule.where)]
    able = [t for t in wanted if t.method.leaves_files and t.method is not Method.PRETRAINING]
    if rule.where.given and not able:
        given = ", ".join(f"{k}: {_either(v)}" for k, v in rule.where.given.items())
        if wanted:
            methods = ", ".join(sorted({t.method for t in wanted}))
            problem = f"only trials of method {methods} meet {given}, which leave no adapter files"
        else:
            problem = f"no trial of this sweep meets {given}"
        raise source.error(
            (*at, "where"), f"{problem}, so `{rule.alias}` would never be given; correct or drop it"
        )
    measured = {metric for t in able for metric in t.task.card.metrics}
    if able and rule.metric != "primary" and rule.metric not in measured:
        raise source.error(
            (*at, "metric"),
            f"expected primary or one of {', '.join(sorted(measured))}, which the tasks of this "
            f"rule measure, found {rule.metric}; correct it or drop it",
        )


def _either(values: tuple[object, ...]) -> str:
    return " or ".join("null" if value is None else str(value) for value in values)
