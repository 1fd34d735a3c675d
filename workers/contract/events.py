"""What a worker tells while it runs a bundle. No torch here: the driver reads these too."""

from enum import StrEnum

from workers.contract.frozen import Frozen
from workers.contract.results import Epoch


class EventKind(StrEnum):
    STARTED = "started"
    EPOCH = "epoch"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"  # as it was asked to, after an epoch; a checkpoint goes on from there
    ABANDONED = "abandoned"  # another attempt has taken the trial over
    PREEMPTED = "preempted"  # its node is being taken away; it goes on elsewhere


GIVEN_BACK = (EventKind.ABANDONED, EventKind.PREEMPTED)
"""The trial has not failed, and its worker leaves it to others."""


class WorkerFigures(Frozen):
    """What a worker takes at the moment.

    Attributes:
        bundle_trials: how many trials it was given at once.
        memory_bytes: of the process.
        gpu_allocated_bytes: by its tensors; None without a GPU, as the others.
        gpu_used_bytes: of the device, by all who use it.
        gpu_total_bytes: that the device has.
    """

    host: str
    pid: int
    bundle_trials: int
    memory_bytes: int
    gpu_allocated_bytes: int | None = None
    gpu_used_bytes: int | None = None
    gpu_total_bytes: int | None = None


class TrialEvent(Frozen):
    """One thing that happened to one trial; results and failures are read from its files.

    Attributes:
        worker: how the worker was when it told this; None for what no worker told.
        waits: whether the worker goes on only when this was heard, since it may be asked to stop.
    """

    kind: EventKind
    trial_id: str
    epoch: Epoch | None = None
    worker: WorkerFigures | None = None
    waits: bool = False
