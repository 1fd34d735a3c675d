"""Every error that workers raise on purpose."""


class WorkerError(Exception):
    """Root of this package's errors. A message says expected, found, where, and the next step."""


class TaskError(WorkerError):
    """A task that cannot be loaded: unknown, missing column, empty split, label off the card."""


class BaseModelSourceError(WorkerError):
    """A base model that cannot be found, or whose files differ from what was planned."""


class TrialFailedError(WorkerError):
    """A trial that cannot finish, such as a loss that is not a number. Carries a short reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ResultFileError(WorkerError):
    """A committed result that cannot be read back."""


class ClaimLostError(WorkerError):
    """A trial that another attempt has taken over meanwhile; this one may commit nothing more."""


class PreemptedError(WorkerError):
    """A trial that is given back because its node is being taken away; it has not failed."""


class MeasuringError(WorkerError):
    """Times that cannot be measured, such as of models that memory does not hold."""


class CheckpointError(WorkerError):
    """A checkpoint that is damaged, or not of the trial that wants to go on from it."""


class NameRefusedError(WorkerError):
    """A name that is to be a file or folder, and could lead out of where it belongs."""


class StorageError(WorkerError):
    """Object storage that does not answer or refuses, or an address of none.

    Attributes:
        final: whether asking again would give the same answer.
    """

    def __init__(self, message: str, *, final: bool = True) -> None:
        super().__init__(message)
        self.final = final


class DamagedObjectError(StorageError):
    """An object that differs from the checksum that was written with it, however often read."""
