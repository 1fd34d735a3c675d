"""Finished trials whose files are gone or damaged: which they are, and whether anything needs them.

Scores are in the catalog and stay valid. Files are needed by what is built on them: fusions,
prunings, trials that start from another one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.errors import CatalogError
from orchestrator.planning.plan import Plan
from workers.contract.paths import Workspace
from workers.contract.results import read_result


@dataclass(frozen=True)
class Missing:
    """What is missing of a plan's finished trials.

    Attributes:
        trials: those without their files.
        needed: those of them that a trial which is not finished is built on.
        everything: whether no finished trial at all has its files, and something is left to run:
            then it is rather the wrong workspace.
    """

    trials: Sequence[str]
    needed: Sequence[str]
    everything: bool

    def check(self, plan: Plan, workspace: Workspace) -> None:
        """Return if the rest can run all the same.

        Raises:
            CatalogError: it cannot; says what to do.
        """
        if not (self.needed or self.everything):
            return
        first = (*self.needed, *self.trials)[0]
        what = f"{len(self.needed) or len(self.trials)} finished trials have lost their files"
        if self.needed:
            what += ", and trials that are to run are built on them"
        raise CatalogError(
            f"{what}: of {first} ({plan.trials[first].label}) nothing is in "
            f"{workspace.trial(first).folder}. If the workspace does not belong to this catalog, "
            "give the right --workspace and --catalog; otherwise --retrain-missing trains them "
            "again"
        )


def find_missing(plan: Plan, finished: Iterable[str], workspace: Workspace) -> Missing:
    """Look for the files of the trials that the catalog calls finished."""
    done = set(finished)
    gone = [i for i in plan.trials if i in done and not _is_there(plan, i, workspace)]
    open_ = [t for i, t in plan.trials.items() if i not in done]
    open_ = [t for t in open_ if not workspace.trial(t.trial_id).result.exists()]
    parents = {p for t in open_ for p in t.parents} & done
    # Reading a result takes longer than looking for it, so only those are read that will be.
    damaged = {p for p in parents - set(gone) if read_result(workspace.trial(p)) is None}
    gone += [i for i in plan.trials if i in damaged]
    needed = parents & set(gone)
    everything = bool(gone) and len(gone) == len(done) and bool(open_)
    return Missing(gone, [i for i in gone if i in needed], everything)


def _is_there(plan: Plan, trial_id: str, workspace: Workspace) -> bool:
    paths = workspace.trial(trial_id)
    leaves_adapter = not plan.trials[trial_id].method.trains_base
    return paths.result.exists() and (not leaves_adapter or paths.adapter.is_dir())
