"""Settings of the fast path: what trials share instead of computing it again.

None of it changes a result beyond rounding, but without any of it (`enabled: false`) dropout draws
other numbers, so a trial says which it is.

No torch here: a sweep's YAML is checked against this.
"""

from pydantic import Field

from workers.contract.frozen import Frozen


class FastPath(Frozen):
    """How much work is shared between trials.

    Attributes:
        enabled: False computes everything anew for each trial, as the reference to compare with.
        cache_gib: size of the cache of frozen prefixes on each node, GiB; 0 keeps none.
        cache_folder: where it is, on a disk of the node's own; by default `adaptersweep/prefix` in
            the user's cache folder.
        pack_width: trials that are trained in one pass; None chooses by device and memory.
        checkpoint_share: of a trial's time, what writing its checkpoints may take; with 1 there is
            one after every epoch.
    """

    enabled: bool = True
    cache_gib: float = Field(default=8.0, ge=0)
    cache_folder: str | None = None
    pack_width: int | None = Field(default=None, ge=1)
    checkpoint_share: float = Field(default=0.01, ge=0, le=1)
