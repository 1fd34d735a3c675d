"""Torch's "meta" device in place of a GPU: it has shapes and no numbers.

What would read a number back, as `item()`, `nonzero()` or a copy to the host, raises there, as does
most of what mixes devices.
"""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from adapter_lib.transformer.batch import to_device
from workers.batches.feeding import Feeds
from workers.joint.packed_trial import PackedTrial
from workers.running.one_trial import Running
from workers.training.trainer import Trainer

META = torch.device("meta")


@contextmanager
def meta_device() -> Iterator[None]:
    """Leave out what torch lacks there: autocast and the fused Adam of trials outside of stacks."""
    autocast, enabled, step = torch.autocast, torch.is_autocast_enabled, torch.optim.AdamW.step

    def cast(kind: str, **settings: Any) -> AbstractContextManager[Any]:
        return nullcontext() if kind == META.type else autocast(kind, **settings)

    def is_enabled(kind: str = "cpu") -> bool:
        return kind != META.type and enabled(kind)

    def stepped(self: torch.optim.AdamW) -> None:
        if self.param_groups[0]["params"][0].device != META:
            step(self)

    with (
        patch.object(torch, "autocast", cast),
        patch.object(torch, "is_autocast_enabled", is_enabled),
        patch.object(torch.optim.AdamW, "step", stepped),
    ):
        yield


class MixedDevices(TorchDispatchMode):
    """Notes what a GPU would wait for: operations on it with a tensor of the host.

    Copies by `to_device` are meant. Numbers, tensors without a dimension, are handed over as such.

    Attributes:
        found: each operation, with its tensors' shapes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, found)) if isinstance(x, Tensor)]
        there = any(x.device == META for x in tensors)
        if there and any(x.device != META and x.ndim for x in tensors) and not _is_meant():
            self.found.append(f"{func} of {[tuple(x.shape) for x in tensors]}")
        return found


def _is_meant() -> bool:
    frame = sys._getframe()
    while frame.f_back is not None:
        if frame.f_code is to_device.__code__:
            return True
        frame = frame.f_back
    return False


def feeds_there(running: Running) -> Feeds:
    """Return the splits of a trial that was begun on the CPU on their way into a model there."""
    return {split: replace(feed, device=META) for split, feed in running.feeds.items()}


def packed_there(running: Running) -> PackedTrial:
    """Return a trial that was begun on the CPU in a pack there."""
    return PackedTrial(trainer_there(running))


def trainer_there(running: Running) -> Trainer:
    """Return what trains it alone, there."""
    model = running.model.to(META)
    return Trainer(running.trial, model, running.examples, feeds_there(running))
