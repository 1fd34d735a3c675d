"""Refuse logits, attention and parameters that are not finite: such a trial has diverged.

Legend for shapes: b batch, s tokens.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from adapter_lib.model import AdapterModel
from adapter_lib.transformer.batch import Batch
from workers.errors import TrialFailedError

_NEXT_STEP = "try a lower learning rate"


def finite_logits(model: AdapterModel, logits: Tensor, batch: Batch) -> Tensor:
    """Return a model's logits for a batch as they are, in float32.

    Raises:
        TrialFailedError: one of a real token is not finite; `argmax` would make it class 0.
    """
    logits = logits.float()
    per_token = not model.head.config.kind.answers_by_row
    read = logits[batch.token_mask] if per_token else logits  # padding holds anything
    check_finite([read], "the model's output")
    return logits


def check_parameters(model: AdapterModel) -> None:
    """Look at all that is trained, scored or stored of a model.

    Raises:
        TrialFailedError: a parameter is not finite.
    """
    own = [
        p
        for name, p in model.named_parameters()
        if p.requires_grad or not name.startswith("backbone.")
    ]
    check_finite(own, "a trained parameter")


def check_finite(found: Iterable[Tensor], what: str) -> None:
    """Compare all numbers with infinity, and wait for the device once.

    Raises:
        TrialFailedError: one is not finite.
    """
    finite = [tensor.isfinite().all() for tensor in found]
    if finite and not bool(torch.stack(finite).all()):
        raise TrialFailedError("diverged", f"{what} is not a finite number; {_NEXT_STEP}")
