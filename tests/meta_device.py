"""Torch's "meta" device in place of a GPU: it has shapes and no numbers.

What would read a number back, as `item()`, `nonzero()` or a copy to the host, raises there, as does
most of what mixes devices.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch

from workers.joint.packed_trial import Member
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


def member_there(running: Running) -> Member:
    """Return a trial that was begun on the CPU as a member of a pack there."""
    feeds = {split: replace(feed, device=META) for split, feed in running.feeds.items()}
    return Member(Trainer(running.trial, running.model.to(META), running.examples, feeds))
