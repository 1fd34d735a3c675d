"""What a worker tells while it runs a bundle. No torch here: the driver reads these too."""

from enum import StrEnum

from workers.contract.frozen import Frozen
from workers.contract.results import Epoch


class EventKind(StrEnum):
    STARTED = "started"
    EPOCH = "epoch"
    FINISHED = "finished"
    FAILED = "failed"
    ABANDONED = "abandoned"  # another attempt has taken the trial over


class TrialEvent(Frozen):
    """One thing that happened to one trial; results and failures are read from its files."""

    kind: EventKind
    trial_id: str
    epoch: Epoch | None = None
