"""Finished trials whose files are gone or damaged: which they are, and whether anything needs them.

Scores are in the catalog and stay valid. Files are needed by what is built on them: fusions,
prunings, trials that start from another one.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from orchestrator.errors import CatalogError
from orchestrator.planning.plan import Plan
from workers.contract.paths import Workspace
from workers.contract.results import read_result
from workers.contract.storage.found import Found


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
        lost = len(self.needed) or len(self.trials)
        what = (
            f"{lost} finished trials have lost their files, were pruned, or were imported without "
            "them"
        )
        if self.needed:
            what += ", and trials that are to run are built on them"
        raise CatalogError(
            f"{what}: of {first} ({plan.trials[first].label}) nothing is in "
            f"{workspace.trial(first).place()}. If the workspace does not belong to this catalog, "
            "give the right --workspace and --catalog; otherwise --retrain-missing trains them "
            "again"
        )


def find_missing(
    plan: Plan,
    finished: Iterable[str],
    workspace: Workspace,
    *,
    brought: Collection[str] = (),
) -> Missing:
    """Look for the files of the trials that the catalog calls finished.

    Args:
        brought: those whose results were imported: that their files are elsewhere says nothing of
            the workspace.
    """
    done, there = set(finished), workspace.found(plan.trials)
    gone = [i for i in plan.trials if i in done and not _is_there(plan, i, there[i])]
    open_ = [t for i, t in plan.trials.items() if i not in done and not there[i].result]
    parents = {p for t in open_ for p in t.parents} & done
    # Reading a result takes longer than looking for it, so only those are read that will be.
    damaged = {p for p in parents - set(gone) if read_result(workspace.trial(p)) is None}
    gone += [i for i in plan.trials if i in damaged]
    gone += [i for i in parents - set(gone) if there[i].pruned]
    needed = parents & set(gone)
    own = done - set(brought)
    everything = bool(own) and own <= set(gone) and bool(open_)
    return Missing(gone, [i for i in gone if i in needed], everything)


def _is_there(plan: Plan, trial_id: str, found: Found) -> bool:
    leaves_adapter = plan.trials[trial_id].method.leaves_files
    return found.result and (not leaves_adapter or found.adapter or found.pruned)
