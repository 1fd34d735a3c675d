"""Train several trials together, one micro-batch of each in a pass.

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
from adapter_lib.joint.stacked_parameters import StackedParameters, StackShape
from adapter_lib.transformer.backbone import Batch
from workers.batches.precision import autocast
from workers.contract.spending import Phase, Spent
from workers.contract.task_card import Split
from workers.contract.trial import Method, Trial
from workers.joint.packed_trial import PackedTrial
from workers.joint.stacked_optimiser import Change, StackedOptimiser
from workers.training.micro_batch import MicroBatch

_UNREAD_PASSES = 16
"""So many passes' losses wait on a GPU before they are read, since reading waits for the GPU."""


def packable(trial: Trial) -> bool:
    """Say whether a trial can be trained with others: its base stays frozen and reads its task."""
    return trial.method in (Method.ADAPTER, Method.HEAD_ONLY, Method.FUSION)


def pack_key(trial: Trial) -> Hashable:
    """Return what trials must have in common to be trained together."""
    training = trial.training
    settings = (training.batch_size, training.max_length, training.precision)
    return trial.base.identity, trial.task.fingerprint, settings, trial.head.pooling


class Pack:
    """The trials that are trained together; `run_pass` does one batch of each.

    Attributes:
        intact: whether all packed trials can go on, also after a pass that failed: not if that was
            while parameters were changed.
    """

    def __init__(self, rows: int) -> None:
        """Begin with nobody.

        Args:
            rows: for so many packed trials of one shape there is room side by side.
        """
        self.packed_trials: list[PackedTrial] = []
        self._rows = rows
        self._stacks: dict[
            Hashable, list[tuple[StackedParameters, StackedOptimiser, set[int]]]
        ] = {}
        self._unread: list[tuple[list[tuple[PackedTrial, MicroBatch]], Tensor]] = []
        self.intact = True

    def join(self, packed: PackedTrial) -> None:
        """Take in a packed trial at the start of an epoch."""
        model = packed.trainer.model
        if (shape := StackShape.of(model)) is not None:
            kind = packed.trainer.trial.training.optimiser
            stacks = self._stacks.setdefault((shape, kind), [])
            if not any(free for *_, free in stacks):
                stack = StackedParameters(model, self._rows)
                stacks.append((stack, StackedOptimiser(stack, kind), set(range(self._rows))))
            stack, optimiser, free = next(found for found in stacks if found[-1])
            packed.stack, packed.optimiser, packed.row = stack, optimiser, min(free)
            free.remove(packed.row)
            stack.put(packed.row, model)
            optimiser.put(packed.row, model, packed.trainer.optimiser)
            packed.trainer.optimiser.state.clear()  # it is in the stack's from now on
        self.packed_trials.append(packed)

    def leave(self, packed: PackedTrial) -> None:
        """Let a packed trial go, with parameters and optimiser of its own, to join again or not.

        A step of the optimiser that was under way is begun anew then.
        """
        packed.rewind()
        if packed not in self.packed_trials:
            return
        self.packed_trials.remove(packed)
        stack, optimiser = packed.stack, packed.optimiser
        if stack is None or optimiser is None:
            return
        optimiser.hand_back(packed.row, packed.trainer.model, packed.trainer.optimiser)
        stack.take(packed.row, packed.trainer.model)
        for key, stacks in list(self._stacks.items()):
            for found in stacks:
                if found[0] is stack:
                    found[-1].add(packed.row)
            self._stacks[key] = [found for found in stacks if len(found[-1]) < found[0].rows]
        packed.stack = packed.optimiser = None

    def resize(self, rows: int) -> None:
        """Give all packed trials places in stacks of another size."""
        packed_trials = list(self.packed_trials)
        for packed in packed_trials:
            self.leave(packed)
        self._rows = rows
        for packed in packed_trials:
            self.join(packed)

    def save(self, packed: PackedTrial, checkpoint: Path | None) -> None:
        """Write a packed trial's checkpoint, from which it can go on here or alone.

        Args:
            checkpoint: None to keep it in memory, see `Trainer.keep`.
        """
        trainer = packed.trainer
        if packed.optimiser is not None:
            packed.optimiser.hand_back(packed.row, trainer.model, trainer.optimiser)
        with packed.stream:  # whose state is saved too
            if checkpoint is None:
                trainer.keep()
            else:
                trainer.save(checkpoint)
        if packed.optimiser is not None:
            trainer.optimiser.state.clear()

    def run_pass(self) -> None:
        """Train one batch of every packed trial; each must have one left.

        Raises:
            torch.OutOfMemoryError: see `intact`.
        """
        started, cpu_started = time.perf_counter(), time.process_time()
        packed_trials = self.packed_trials
        losses, weighted = self._losses()
        torch.autograd.backward(torch.stack(weighted).sum())
        self.intact = False
        self._step()
        drawn = [(packed, packed.micro_batch) for packed in packed_trials]
        news = [packed.end_batch() for packed in packed_trials]
        self.intact = True
        if any(news):
            new_losses = torch.stack(list(compress(losses, news)))
            self._unread.append((list(compress(drawn, news)), new_losses))
        on_cpu = packed_trials[0].trainer.device.type == "cpu"
        if (
            on_cpu
            or len(self._unread) >= _UNREAD_PASSES
            or any(m.epoch_ended for m in packed_trials)
        ):
            self._read_losses()
        share = (time.perf_counter() - started) / len(packed_trials)
        cpu_share = max(0.0, time.process_time() - cpu_started) / len(packed_trials)
        for packed in packed_trials:
            packed.train_s += share
            spent = Spent(wall_s=share, cpu_s=cpu_share)
            packed.trainer.stopwatch.add(Phase.TRAINING, spent)
            packed.pack_width = max(packed.pack_width, len(packed_trials))

    def _losses(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return each packed trial's loss, and what of it counts in its optimiser's step."""
        packed_trials = self.packed_trials
        batches: dict[Hashable, Batch] = {}
        parts = [_part(packed, batches) for packed in packed_trials]
        losses, weighted = [], []
        first = packed_trials[0].trainer
        with autocast(first.trial.training.precision, first.device):
            logits = run_together(parts)
            for packed, own in zip(packed_trials, logits, strict=True):
                trainer, micro_batch = packed.trainer, packed.micro_batch
                examples = trainer.examples.splits[Split.TRAIN]
                loss = trainer.objective.logits_loss(own.float(), examples, micro_batch.indices)
                losses.append(loss.detach())
                weighted.append(trainer.weighted(loss, micro_batch))
        return losses, weighted

    def _step(self) -> None:
        """Let the optimisers of those whose batch was the last of its group do a step."""
        changes: dict[StackedOptimiser, dict[int, Change]] = {}
        for packed in self.packed_trials:
            if not packed.micro_batch.last:
                continue
            change = packed.change()
            if packed.optimiser is None:
                packed.trainer.update(packed.micro_batch.step)
            else:
                changes.setdefault(packed.optimiser, {})[packed.row] = change
        for optimiser, rows in changes.items():
            optimiser.step(rows)

    def _read_losses(self) -> None:
        """Add up what waits to be read, and find out who has diverged."""
        if not self._unread:
            return
        values = torch.cat([losses for _, losses in self._unread]).tolist()
        drawn = [each for of_pass, _ in self._unread for each in of_pass]
        self._unread.clear()
        for (packed, micro_batch), value in zip(drawn, values, strict=True):
            if packed.failure is None and not math.isfinite(value):
                packed.failure = packed.trainer.divergence(value, micro_batch.step)
            packed.total += value * len(micro_batch.indices)


def _part(packed: PackedTrial, batches: dict[Hashable, Batch]) -> Part:
    """Return a trial's next batch, which is the same object for all that read the same rows."""
    trainer, indices = packed.trainer, packed.micro_batch.indices
    trial, model, feed = trainer.trial, trainer.model, trainer.feeds[Split.TRAIN]
    depth = packed.micro_batch.depth
    packed.begin_batch()
    key = id(feed.examples), indices.tobytes()
    if key not in batches:
        batches[key] = feed.batch(indices)
    frozen_dropout = trial.training.frozen_dropout
    for part in (model.backbone, model.head, model.adapter):
        if part is not None and not part.training:
            part.train()
    return Part(
        model,
        batches[key],
        packed.stream,
        depth,
        stack=packed.stack,
        row=packed.row,
        start=None if frozen_dropout else feed.start(indices, model.entry(depth)),
        frozen_dropout=frozen_dropout,
    )
