"""Linear layers that draw their weights from a given generator instead of torch's global one."""

import torch
from torch import nn

BERT_STD = 0.02


def empty_linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a linear layer on the CPU, weights not initialised, zero biases."""
    linear: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)  # type: ignore[no-untyped-call]
    nn.init.zeros_(linear.bias)
    return linear


def normal_linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a linear layer on the CPU with weights ~ N(0, 0.02²), as in BERT, and zero biases.

    Args:
        generator: of the CPU; None draws from torch's global one.
    """
    linear = empty_linear(inputs, outputs)
    nn.init.normal_(linear.weight, std=BERT_STD, generator=generator)
    return linear
