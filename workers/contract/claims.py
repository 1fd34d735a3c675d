"""Which attempt at a trial may commit it: the one whose number stands in the trial's folder.

A driver writes the number there when it has claimed the trial in the catalog. Whoever was taken
over finds another one, at the latest when it commits, and leaves the trial alone. Behind the number
may stand that the attempt is to stop: it does so between two epochs, with a checkpoint. Claiming
itself is left to the catalog.
"""

from workers.contract.paths import TrialPaths
from workers.errors import ClaimLostError

_STOP = b"stop"


def current_claim(paths: TrialPaths) -> int | None:
    """Return the number of the attempt that may commit here, None where nobody claimed."""
    return _read(paths)[0]


def _read(paths: TrialPaths) -> tuple[int | None, bool]:
    """Return the number, and whether that attempt is to stop."""
    try:
        number, *more = paths.files.read(paths.claim.name).split() or (b"",)
    except FileNotFoundError:
        return None, False
    return int(number) if number.isdigit() else None, more == [_STOP]


def write_claim(paths: TrialPaths, attempt: int) -> None:
    """Let an attempt commit from now on, and no other one."""
    paths.files.write(paths.claim.name, f"{attempt}\n".encode())


def ask_to_stop(paths: TrialPaths, attempt: int) -> None:
    """Let an attempt stop after the epoch that it is at, if nothing has taken it over."""
    if current_claim(paths) == attempt:
        paths.files.write(paths.claim.name, f"{attempt} {_STOP.decode()}\n".encode())


def is_to_stop(paths: TrialPaths) -> bool:
    """Tell whether the attempt that works here is to stop now.

    Raises:
        ClaimLostError: as for `check_claim`.
    """
    if paths.attempt is None:
        return False
    found, stop = _read(paths)
    _check(paths, found)
    return stop


def check_claim(paths: TrialPaths) -> None:
    """Return if the attempt that works here may go on, or may at least commit what it has.

    Raises:
        ClaimLostError: another one has taken the trial over; or its folder is gone, as when the
            workspace was moved away.
    """
    if paths.attempt is not None:
        _check(paths, current_claim(paths))


def _check(paths: TrialPaths, found: int | None) -> None:
    if found is None:
        raise ClaimLostError(
            f"expected the claim of attempt {paths.attempt} in {paths.place()}, found none: the "
            "workspace was moved, deleted or unmounted; nothing is made anew in its place"
        )
    if found != paths.attempt:
        raise ClaimLostError(
            f"attempt {paths.attempt} at the trial in {paths.place()} was taken over by attempt "
            f"{found}, which goes on with it; nothing to do here"
        )
