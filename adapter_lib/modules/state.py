"""Compare named tensors with those that a module expects, and copy them over if all agree."""

from collections.abc import Mapping

import torch
from torch import Tensor

from adapter_lib.errors import AdapterFileError

_SLACK_FACTOR, _SLACK_NUMBERS = 4, 1 << 22
"""How much more a configuration may say before anything is built from it, and compared by name."""


def check_claim(claimed: int, found: Mapping[str, Tensor], where: object) -> None:
    """Check that a file holds about as many numbers as its configuration says.

    Raises:
        AdapterFileError: it holds far less, so that building what is said would take memory for
            nothing.
    """
    held = sum(tensor.numel() for tensor in found.values())
    if claimed > _SLACK_FACTOR * held + _SLACK_NUMBERS:
        raise AdapterFileError(
            f"the configuration in {where} describes {claimed} numbers, found {held} in its "
            "weights; fetch the adapter again"
        )


def describe_mismatch(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Say which names are missing, left over, of another shape or type; "" if all agree."""
    problems = [f"missing {name}" for name in sorted(set(expected) - set(found))]
    problems += [f"left over {name}" for name in sorted(set(found) - set(expected))]
    for name in sorted(set(expected) & set(found)):
        wanted, given = expected[name], found[name]
        if wanted.shape != given.shape:
            problems.append(
                f"{name} has shape {tuple(given.shape)} instead of {tuple(wanted.shape)}"
            )
        elif wanted.dtype != given.dtype:
            problems.append(f"{name} is {given.dtype} instead of {wanted.dtype}")
    return "; ".join(problems)


@torch.no_grad()
def copy_state(target: Mapping[str, Tensor], source: Mapping[str, Tensor]) -> None:
    """Copy every tensor of `source` into the one of the same name; compare them first."""
    for name, tensor in target.items():
        tensor.copy_(source[name])
