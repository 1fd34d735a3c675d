"""For how long a trial, or a worker, may go on. No result depends on it.

No torch here: a sweep's YAML is checked against this.
"""

from pydantic import Field

from workers.contract.frozen import Frozen


class Limits(Frozen):
    """How long things may take.

    Attributes:
        trial_s: of one attempt at a trial, seconds from its start to its end, what it waits for
            others in its pack included; None for any time.
        silent_s: for how long a worker may give no sign of life before it is replaced, seconds.
    """

    trial_s: float | None = Field(default=None, gt=0)
    silent_s: float = Field(default=60.0, ge=1)
