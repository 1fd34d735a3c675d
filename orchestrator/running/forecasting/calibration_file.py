"""Calibrate for a plan, and keep what was measured in the workspace, for the next plan too.

What is run is left to `calibration`.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from pydantic import ValidationError

from adapter_lib.storage.atomic_write import write_atomically
from orchestrator.errors import OrchestratorError
from orchestrator.planning.forecasting.observations import Observation
from orchestrator.planning.plan import Plan
from orchestrator.running.forecasting.calibration import Calibrated, calibrate
from orchestrator.running.forecasting.forecast_values import Workers
from orchestrator.stores import Stores
from workers.contract.frozen import Frozen
from workers.contract.paths import Workspace
from workers.errors import StorageError

log = logging.getLogger(__name__)

NAME = "calibration.json"
_MOST_KEPT = 300


class Calibration(Frozen):
    """All that calibrations measured for one workspace, the latest last."""

    format: int = 1
    observations: tuple[Observation, ...] = ()

    def with_more(self, found: Sequence[Observation]) -> "Calibration":
        """Return it with more; what was measured again takes the place of what was before."""
        new = {_key(each) for each in found}
        kept = [each for each in self.observations if _key(each) not in new]
        return Calibration(observations=tuple([*kept, *found][-_MOST_KEPT:]))


def _key(observation: Observation) -> tuple[str, int, bool]:
    return observation.trial.trial_id, observation.machine.threads, observation.whole


def read_calibration(workspace: Workspace) -> Calibration:
    """Return what was kept; nothing where that cannot be read, which costs a calibration alone."""
    try:
        if workspace.storage is not None:
            content = workspace.storage.read(NAME)
        else:
            content = (workspace.root / NAME).read_bytes()
        return Calibration.model_validate_json(content)
    except FileNotFoundError:
        return Calibration()
    except (OSError, StorageError, ValidationError) as error:
        log.warning("what was calibrated cannot be read, calibrate again: %s", error)
        return Calibration()


def keep_calibration(workspace: Workspace, calibration: Calibration) -> Path | str:
    """Write it, and return where.

    Raises:
        OSError: it cannot be written.
        StorageError: object storage does not take it.
    """
    content = calibration.model_dump_json().encode()
    if workspace.storage is not None:
        workspace.storage.write(NAME, content)
        return f"{workspace.storage.url}/{NAME}"
    path = workspace.root / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return path


def calibrate_here(
    plan: Plan,
    done: Collection[str],
    workers: Workers,
    stores: Stores,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Calibrated:
    """Run small trials of what is left of a plan on this machine, and keep what they took.

    Raises:
        OrchestratorError: this machine has no such device, or the workspace cannot be written.
    """
    found = calibrate(plan, done, workers, tell=tell)
    try:
        kept = read_calibration(stores.workspace).with_more(found.observations)
        keep_calibration(stores.workspace, kept)
    except (OSError, StorageError) as error:
        raise OrchestratorError(
            f"cannot write the workspace {stores.workspace.address}: {error}; give another with "
            "--workspace"
        ) from error
    return found
