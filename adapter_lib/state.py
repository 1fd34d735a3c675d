"""Compare named tensors with those that a module expects, and copy them over if all agree."""

from collections.abc import Mapping

import torch
from torch import Tensor


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
