"""In which numbers a trial's passes compute: float32, or bfloat16 by autocast."""

import torch

from workers.contract.trial import Precision


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Return the context for passes on `device`; parameters stay in float32 in any case."""
    reduced = precision is Precision.BFLOAT16
    return torch.autocast(device.type, dtype=torch.bfloat16 if reduced else None, enabled=reduced)
