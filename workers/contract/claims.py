"""Which attempt at a trial may commit it: the one whose number stands in the trial's folder.

A driver writes the number there when it has claimed the trial in the catalog. Whoever was taken
over finds another one, at the latest when it commits, and leaves the trial alone. Claiming itself
is left to the catalog.
"""

from workers.contract.paths import TrialPaths
from workers.errors import ClaimLostError


def current_claim(paths: TrialPaths) -> int | None:
    """Return the number of the attempt that may commit here, None where nobody claimed."""
    try:
        text = paths.claim.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    return int(text) if text.strip().isdigit() else None


def check_claim(paths: TrialPaths) -> None:
    """Return if the attempt that works here may go on.

    Raises:
        ClaimLostError: another one has taken the trial over; or its folder is gone, as when the
            workspace was moved away.
    """
    if paths.attempt is None:
        return
    found = current_claim(paths)
    if found is None:
        raise ClaimLostError(
            f"expected the claim of attempt {paths.attempt} in {paths.folder}, found none: the "
            "workspace was moved, deleted or unmounted; nothing is made anew in its place"
        )
    if found != paths.attempt:
        raise ClaimLostError(
            f"attempt {paths.attempt} at the trial in {paths.folder} was taken over by attempt "
            f"{found}, which goes on with it; nothing to do here"
        )
