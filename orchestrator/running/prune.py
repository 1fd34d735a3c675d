"""Delete files of trials that nothing needs: adapters and checkpoints go, results and logs stay.

A finished trial that was pruned says so in a file that is written first. So whoever is killed in
between leaves a trial that is being pruned, and nobody takes it for one that lost its files.
Whose files are needed is left to `orchestrator.catalog.sparing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.sparing import Spare
from workers.contract.paths import Workspace

_PATIENCE_S = 15.0
"""For a storage that does not answer, since others wait to write the catalog meanwhile."""


@dataclass(frozen=True)
class Pruning:
    """What pruning takes.

    Attributes:
        finished: trials whose adapters and checkpoints go.
        abandoned: trials that no sweep asks for, of which everything goes.
        size_bytes: of all these files.
        spare: what was asked of the catalog, with the numbers of what stays.
    """

    finished: tuple[str, ...]
    abandoned: tuple[str, ...]
    size_bytes: int
    spare: Spare


def prunable(catalog: Catalog, workspace: Workspace, sweep: str | None) -> Pruning:
    """Say what of the files nothing needs, and how much it is.

    Args:
        sweep: only what this sweep alone asks for.

    Raises:
        CatalogError: there is no such sweep.
        StorageError: object storage does not answer.
    """
    spare = catalog.spare(sweep)
    sizes = workspace.sizes((*spare.finished, *spare.abandoned))
    goes = {i: sizes[i].model_bytes for i in spare.finished}
    goes |= {i: sizes[i].total_bytes for i in spare.abandoned}
    finished = tuple(i for i in spare.finished if goes[i])
    abandoned = tuple(i for i in spare.abandoned if goes[i])
    return Pruning(finished, abandoned, sum(goes.values()), spare)


def prune(catalog: Catalog, workspace: Workspace, chosen: Pruning) -> int:
    """Delete it, but for what has come to be needed meanwhile; return of how many trials.

    Raises:
        OSError, StorageError: a file cannot be deleted; what went before is marked.
    """
    impatient = workspace.patient(_PATIENCE_S)

    def dispose_models(trial_ids: Sequence[str]) -> None:
        impatient.each(lambda trial_id: impatient.trial(trial_id).files.prune(), trial_ids)

    def dispose_all(trial_ids: Sequence[str]) -> None:
        impatient.each(lambda trial_id: impatient.trial(trial_id).files.remove(), trial_ids)

    gone = catalog.let_go(chosen.finished, dispose_models)
    return gone + catalog.let_go(chosen.abandoned, dispose_all)
