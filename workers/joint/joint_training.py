"""Train the fits of several trials together, one batch of each in a pass.

What a trial ends with does not depend on who else is in its pack, beyond rounding: data order,
drawn depths, dropout, learning rate, clipping and the state of the optimiser are its own. Who
joins and leaves, and what is done between epochs, is left to `workers.running.joint_trials`.
"""

import math
import time
from collections.abc import Hashable
from itertools import compress
from pathlib import Path

import torch
from torch import Tensor

from adapter_lib.joint.joint_pass import run_together
from adapter_lib.joint.part import Part
from adapter_lib.joint.stacked_parameters import Bank, BankShape
from adapter_lib.modules.fusion import Fusion
from adapter_lib.transformer.backbone import Batch
from workers.contract.task_card import Split
from workers.contract.trial import Method, Trial
from workers.joint.packed_trial import Draw, Member
from workers.joint.stacked_optimiser import BankOptimiser, Change
from workers.training.trainer import autocast_type

_UNREAD_PASSES = 16
"""So many passes' losses wait on a GPU before they are read, since reading waits for the GPU."""


def packable(trial: Trial) -> bool:
    """Say whether a trial can be trained with others: its base stays frozen and reads its task."""
    return trial.method in (Method.ADAPTER, Method.HEAD_ONLY, Method.FUSION)


def pack_key(trial: Trial) -> Hashable:
    """Return what trials must have in common to be trained together."""
    training = trial.training
    settings = (training.batch_size, training.max_length, training.precision)
    return trial.base.identity, trial.task.fingerprint, settings


class Pack:
    """The trials that are trained together; `run_pass` does one batch of each.

    Attributes:
        intact: whether all members can go on, also after a pass that failed: not if that was while
            parameters were changed.
    """

    def __init__(self, slots: int) -> None:
        """Begin with nobody.

        Args:
            slots: for so many members of one shape there is room side by side.
        """
        self.members: list[Member] = []
        self._slots = slots
        self._banks: dict[Hashable, list[tuple[Bank, BankOptimiser, set[int]]]] = {}
        self._unread: list[tuple[list[tuple[Member, Draw]], Tensor]] = []
        self.intact = True

    def join(self, member: Member) -> None:
        """Take in a member at the start of an epoch."""
        model = member.fit.model
        if (shape := BankShape.of(model)) is not None:
            kind = member.fit.trial.training.optimiser
            banks = self._banks.setdefault((shape, kind), [])
            if not any(free for *_, free in banks):
                bank = Bank(model, self._slots)
                banks.append((bank, BankOptimiser(bank, kind), set(range(self._slots))))
            bank, optimiser, free = next(found for found in banks if found[-1])
            member.bank, member.optimiser, member.slot = bank, optimiser, min(free)
            free.remove(member.slot)
            bank.put(member.slot, model)
            optimiser.put(member.slot, model, member.fit.optimiser)
            member.fit.optimiser.state.clear()  # it is in the bank's from now on
        self.members.append(member)

    def leave(self, member: Member) -> None:
        """Let a member go, with parameters and optimiser of its own, to join again or not.

        A step of the optimiser that was under way is begun anew then.
        """
        member.rewind()
        if member not in self.members:
            return
        self.members.remove(member)
        bank, optimiser = member.bank, member.optimiser
        if bank is None or optimiser is None:
            return
        optimiser.hand_back(member.slot, member.fit.model, member.fit.optimiser)
        bank.take(member.slot, member.fit.model)
        for key, banks in list(self._banks.items()):
            for found in banks:
                if found[0] is bank:
                    found[-1].add(member.slot)
            self._banks[key] = [found for found in banks if len(found[-1]) < found[0].slots]
        member.bank = member.optimiser = None

    def resize(self, slots: int) -> None:
        """Give all members places in banks of another size."""
        members = list(self.members)
        for member in members:
            self.leave(member)
        self._slots = slots
        for member in members:
            self.join(member)

    def save(self, member: Member, checkpoint: Path) -> None:
        """Write a member's checkpoint, from which it can go on here or alone."""
        fit = member.fit
        if member.optimiser is not None:
            member.optimiser.hand_back(member.slot, fit.model, fit.optimiser)
        with member.stream:  # whose state is saved too
            fit.save(checkpoint)
        if member.optimiser is not None:
            fit.optimiser.state.clear()

    def run_pass(self) -> None:
        """Train one batch of every member; each must have one left.

        Raises:
            torch.OutOfMemoryError: see `intact`.
        """
        started = time.perf_counter()
        members = self.members
        losses, weighted = self._losses()
        torch.autograd.backward(torch.stack(weighted).sum())
        self.intact = False
        self._step()
        drawn = [(member, member.draw) for member in members]
        news = [member.end_batch() for member in members]
        self.intact = True
        if any(news):
            new_losses = torch.stack(list(compress(losses, news)))
            self._unread.append((list(compress(drawn, news)), new_losses))
        on_cpu = members[0].fit.device.type == "cpu"
        if on_cpu or len(self._unread) >= _UNREAD_PASSES or any(m.epoch_ended for m in members):
            self._read_losses()
        share = (time.perf_counter() - started) / len(members)
        for member in members:
            member.train_s += share
            member.pack_width = max(member.pack_width, len(members))

    def _losses(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return each member's loss, and what of it counts in its optimiser's step."""
        members = self.members
        batches: dict[Hashable, Batch] = {}
        parts = [_part(member, batches) for member in members]
        precision, device = autocast_type(members[0].fit.trial), members[0].fit.device
        with torch.autocast(device.type, dtype=precision, enabled=precision is not None):
            logits = run_together(parts)
        losses, weighted = [], []
        for member, own in zip(members, logits, strict=True):
            fit, draw = member.fit, member.draw
            examples = fit.examples.splits[Split.TRAIN]
            with torch.autocast(device.type, dtype=precision, enabled=precision is not None):
                loss = fit.objective.logits_loss(own.float(), examples, draw.indices)
            losses.append(loss.detach())
            loss = loss * (len(draw.indices) / draw.step_rows)
            if draw.last and isinstance(fit.model.adapter, Fusion):
                loss = loss + fit.model.adapter.regularisation_loss()
            weighted.append(loss)
        return losses, weighted

    def _step(self) -> None:
        """Let the optimisers of those whose batch was the last of its group do a step."""
        changes: dict[BankOptimiser, dict[int, Change]] = {}
        for member in self.members:
            if not member.draw.last:
                continue
            change = member.change()
            if member.optimiser is None:
                member.fit.update(member.draw.step)
            else:
                changes.setdefault(member.optimiser, {})[member.slot] = change
        for optimiser, slots in changes.items():
            optimiser.step(slots)

    def _read_losses(self) -> None:
        """Add up what waits to be read, and find out who has diverged."""
        if not self._unread:
            return
        values = torch.cat([losses for _, losses in self._unread]).tolist()
        drawn = [each for of_pass, _ in self._unread for each in of_pass]
        self._unread.clear()
        for (member, draw), value in zip(drawn, values, strict=True):
            if member.failure is None and not math.isfinite(value):
                member.failure = member.fit.divergence(value, draw.step)
            member.total += value * len(draw.indices)


def _part(member: Member, batches: dict[Hashable, Batch]) -> Part:
    """Return a member's next batch, which is the same object for all that read the same rows."""
    fit, indices = member.fit, member.draw.indices
    trial, model, feed = fit.trial, fit.model, fit.feeds[Split.TRAIN]
    depth = member.draw.depth
    member.begin_batch()
    key = id(feed.examples), indices.tobytes()
    if key not in batches:
        batches[key] = feed.batch(indices)
    prefix_dropout = trial.training.prefix_dropout
    for part in (model.backbone, model.head, model.adapter):
        if part is not None and not part.training:
            part.train()
    return Part(
        model,
        batches[key],
        member.stream,
        depth,
        bank=member.bank,
        slot=member.slot,
        start=None if prefix_dropout else feed.start(indices, model.entry(depth)),
        prefix_dropout=prefix_dropout,
    )
