"""Train the parameters of one trial, epoch by epoch; it can stop and go on after any epoch.

The loop knows nothing of where trials come from; `workers.running.bundle` drives it.
"""

import copy
import logging
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from adapter_lib.errors import AdapterLibError
from adapter_lib.joint.row_dropout import default_generator
from adapter_lib.model import AdapterModel
from adapter_lib.modules.fusion import Fusion
from workers.batches.batching import training_batches
from workers.batches.examples import TaskExamples
from workers.batches.feeding import Feeds, plain_feeds
from workers.batches.precision import autocast
from workers.contract.measured_depths import measured_depths, selection_depths
from workers.contract.results import Epoch, FailureReason
from workers.contract.spending import Stopwatch
from workers.contract.task_card import Split
from workers.contract.trial import (
    DropMode,
    Optimiser,
    Schedule,
    Trial,
)
from workers.errors import CheckpointError, PreemptedError, TrialFailedError
from workers.objectives import objective_of
from workers.training.checkpoint import read_checkpoint, write_checkpoint
from workers.training.evaluation import Evaluation, evaluate
from workers.training.micro_batch import MicroBatch, micro_batches_of
from workers.training.seeds import generator_for, seed_for

log = logging.getLogger(__name__)


class Trainer:
    """The training state of one trial: parameters, optimiser, random numbers, learning curve.

    `restore` brings back all of it, so that a run that was interrupted after any epoch ends with
    the same parameters as one that was not.

    Attributes:
        ends_at: the time by `time.monotonic` at which the trial fails if it is not done.
        taken_away: set once the node is being taken away.
        stopwatch: what it took, as whoever drives it adds up; checkpoints keep it.
    """

    def __init__(
        self, trial: Trial, model: AdapterModel, examples: TaskExamples, feeds: Feeds | None = None
    ) -> None:
        """Prepare the first step.

        Args:
            feeds: of the splits; by default all of the base is run for every batch.
        """
        device = self.device = next(model.parameters()).device
        self.trial = trial
        self.model = model
        self.examples = examples
        self.feeds = feeds or plain_feeds(examples.splits, device)
        self.objective = objective_of(trial)
        self.curve: list[Epoch] = []
        self.best_state: dict[str, torch.Tensor] = {}
        self._order = generator_for(trial.seed, "order")
        self._depths = generator_for(trial.seed, "drop")
        self._at_best: list[Evaluation] = []
        self._kept: dict[str, Any] | None = None
        self.ends_at = math.inf
        self.taken_away = threading.Event()
        self.stopwatch = Stopwatch()
        self.optimiser = _optimiser(trial, model)
        rows = len(examples.splits[Split.TRAIN])
        batches = math.ceil(rows / trial.training.batch_size)
        self._steps_per_epoch = math.ceil(batches / trial.training.accumulate)
        torch.manual_seed(seed_for(trial.seed, "dropout"))

    @property
    def best(self) -> Epoch:
        """Return the epoch with the best selection score, the earliest of equals."""
        return max(self.curve, key=lambda e: (e.selection_score, -e.epoch))

    @property
    def stopped_early(self) -> bool:
        patience = self.trial.training.patience
        return patience is not None and self.curve[-1].epoch - self.best.epoch >= patience

    @property
    def done(self) -> bool:
        return bool(self.curve) and (
            len(self.curve) == self.trial.training.epochs or self.stopped_early
        )

    def run_epoch(self) -> Epoch:
        """Train one epoch, measure it on validation, and keep the parameters if it is the best.

        Raises:
            TrialFailedError: the loss is not a finite number.
        """
        started = time.perf_counter()
        total = sum(map(self.train_on, self.draw_epoch()))
        return self.close_epoch(total, train_s=time.perf_counter() - started)

    @property
    def next_step(self) -> int:
        """The number of the coming epoch's first step, from 0."""
        return len(self.curve) * self._steps_per_epoch

    def draw_epoch(self) -> list[MicroBatch]:
        """Draw the coming epoch: rows, and in robust training a depth for each of its batches."""
        train = self.examples.splits[Split.TRAIN]
        batches = training_batches(
            train.tokens,
            train.labels,
            batch_size=self.trial.training.batch_size,
            batching=self.trial.training.batching,
            generator=self._order,
        )
        drawn = [(indices, self._draw_depth()) for indices in batches]
        size, first = self.trial.training.accumulate, self.next_step
        steps = [drawn[i : i + size] for i in range(0, len(drawn), size)]
        return [each for i, step in enumerate(steps) for each in micro_batches_of(first + i, step)]

    def _draw_depth(self) -> int:
        """Return how many layers the next batch drops: fixed, or drawn in robust training."""
        if self.trial.drop.mode is not DropMode.ROBUST:
            return self.trial.drop.depth
        return int(torch.randint(self.trial.base.layers, (), generator=self._depths))

    def close_epoch(self, total: float, *, train_s: float) -> Epoch:
        """Measure an epoch that was trained, and keep the parameters if it is the best.

        Args:
            total: the sum of all rows' losses.
        """
        started = time.perf_counter()
        measured = self._measure(Split.VALIDATION, selection_depths(self.trial))
        scores = [each.score for each in measured]
        metric = self.trial.metric
        epoch = Epoch(
            epoch=len(self.curve) + 1,
            train_loss=total / len(self.examples.splits[Split.TRAIN]),
            selection_score=sum(s.metrics[metric] for s in scores) / len(scores),
            metrics=scores[0].metrics,
            learning_rate=self.learning_rate(self.next_step),
            steps=self._steps_per_epoch,
            train_s=train_s,
            evaluate_s=time.perf_counter() - started,
            at_unix_ms=time.time_ns() // 1_000_000,
        )
        self.curve.append(epoch)
        if self.best is epoch:
            self.best_state, self._at_best = self.model.trainable_state(), measured
        log.info("epoch %d: loss %.4f, %s", epoch.epoch, epoch.train_loss, epoch.metrics)
        return epoch

    def final_evaluations(self) -> list[Evaluation]:
        """Take the best epoch's parameters and measure every split they are reported on.

        What was measured after that epoch is not measured again.
        """
        self.model.load_trainable_state(self.best_state)
        return measure_finished(self.trial, [self.model], self.feeds, known=self._at_best)[0]

    def save(self, path: Path) -> None:
        """Write everything needed to go on after this epoch; the old file stays until then.

        Where the disk is full the old one stays for good: that costs epochs and not the trial.
        """
        self._kept = None
        self._write(path, self._state())

    def keep(self) -> None:
        """Keep the same in memory, for `save_kept` in the middle of a later epoch."""
        self._kept = copy.deepcopy(self._state())

    def save_kept(self, path: Path) -> None:
        """Write what was kept since the last `save`, if anything was."""
        if self._kept is not None:
            self._write(path, self._kept)

    def _write(self, path: Path, state: dict[str, Any]) -> None:
        try:
            write_checkpoint(path, state)
        except OSError as error:
            log.warning("the checkpoint cannot be written, going on without: %s", error)

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.trainable_state(),
            "best": self.best_state,
            "at_best": [each.as_state() for each in self._at_best],
            "optimiser": self.optimiser.state_dict(),
            "curve": [e.model_dump(mode="json") for e in self.curve],
            "order": self._order.get_state(),
            "depths": self._depths.get_state(),
            "device": self.device.type,
            "spent": self.stopwatch.as_state(),
            "random": [generator.get_state() for generator in self._generators],
        }

    def restore(self, path: Path) -> None:
        """Go on from `save`'s file.

        Raises:
            CheckpointError: it is damaged, of another trial, or of another kind of device, which
                draws other random numbers; this trainer cannot be used any more.
        """
        state = read_checkpoint(path)
        try:
            self._take_over(state)
        except (AdapterLibError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} is of another trial: {error!r}") from error

    def _take_over(self, state: dict[str, Any]) -> None:
        if state["device"] != self.device.type:
            raise ValueError(f"of a {state['device']}, and this is a {self.device.type}")
        self.model.load_trainable_state(state["model"])
        self.best_state = {name: t.to(self.device) for name, t in state["best"].items()}
        self._at_best = [Evaluation.of_state(each) for each in state["at_best"]]
        self.optimiser.load_state_dict(state["optimiser"])
        self.curve = [Epoch.model_validate(e) for e in state["curve"]]
        self._order.set_state(state["order"])
        self._depths.set_state(state["depths"])
        for generator, saved in zip(self._generators, state["random"], strict=True):
            generator.set_state(saved)
        self.stopwatch.add_state(state.get("spent", {}))

    @property
    def _generators(self) -> list[torch.Generator]:
        """All that torch draws from by itself: masks on the CPU, dropout on the device."""
        return [torch.default_generator, default_generator(self.device)]

    def check_time(self) -> None:
        """Return if the trial may go on.

        Raises:
            PreemptedError: its node is being taken away.
            TrialFailedError: its time is over.
        """
        if self.taken_away.is_set():
            raise PreemptedError("this node is being taken away; the trial goes on elsewhere")
        if time.monotonic() > self.ends_at:
            raise TrialFailedError(
                FailureReason.TIME_LIMIT,
                "it took longer than limits.trial_s allows; raise that, or train less in it",
            )

    def train_on(self, micro_batch: MicroBatch) -> float:
        """Do one pass, and the optimiser's step if it ends here; return the sum of rows' losses.

        Raises:
            TrialFailedError: the loss is not a finite number.
        """
        self.check_time()
        if micro_batch.first:
            self.optimiser.zero_grad(set_to_none=True)
        loss = self._loss(micro_batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise self.divergence(value, micro_batch.step)
        torch.autograd.backward(self.weighted(loss, micro_batch))
        if micro_batch.last:
            self.update(micro_batch.step)
        return value * len(micro_batch.indices)

    def weighted(self, loss: torch.Tensor, micro_batch: MicroBatch) -> torch.Tensor:
        """Return what of a mean loss counts in its step, so that all rows of the step weigh alike.

        A fusion's regularisation is added once a step.
        """
        loss = loss * micro_batch.weight
        if micro_batch.last and isinstance(self.model.adapter, Fusion):
            loss = loss + self.model.adapter.regularisation_loss()
        return loss

    def update(self, step: int) -> None:
        """Let the optimiser do a step (from 0) along the gradients that are there."""
        if (clip := self.trial.training.gradient_clip) is not None:
            parameters = [p for g in self.optimiser.param_groups for p in g["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate(step)
        self.optimiser.step()

    def divergence(self, loss: float, step: int) -> TrialFailedError:
        """Return the error that says that a step's loss is not a finite number."""
        return TrialFailedError(
            "diverged",
            f"the training loss became {loss} at step {step + 1}; try a lower learning rate than "
            f"{self.trial.training.learning_rate}",
        )

    def _loss(self, micro_batch: MicroBatch) -> torch.Tensor:
        model, training = self.model, self.trial.training
        model.train_from(micro_batch.depth, frozen_dropout=training.frozen_dropout)
        train = self.feeds[Split.TRAIN]
        if training.frozen_dropout:
            train = replace(train, stored={})  # which holds no dropout
        with autocast(training.precision, train.device):
            return self.objective.loss(
                model, train, micro_batch.indices, drop_depth=micro_batch.depth
            )

    def learning_rate(self, step: int) -> float:
        """Return the rate of a step (from 0): linear warm-up, then the schedule down to 0."""
        training = self.trial.training
        total = training.epochs * self._steps_per_epoch
        warmup = training.warmup_fraction * total
        if step < warmup:
            return training.learning_rate * (step + 1) / math.ceil(warmup)
        progress = (step - warmup) / max(1.0, total - warmup)
        if training.schedule is Schedule.LINEAR:
            return training.learning_rate * (1 - progress)
        if training.schedule is Schedule.COSINE:
            return training.learning_rate * (1 + math.cos(math.pi * progress)) / 2
        return training.learning_rate

    def _measure(self, split: Split, depths: list[int]) -> list[Evaluation]:
        (found,) = evaluate(
            [self.model],
            self.feeds[split],
            self.objective,
            split=split,
            depths=depths,
            precision=self.trial.training.precision,
        )
        return found


def measure_finished(
    trial: Trial, models: Sequence[AdapterModel], feeds: Feeds, *, known: Sequence[Evaluation] = ()
) -> list[list[Evaluation]]:
    """Measure finished models of one trial or of several that differ in their pruning only.

    That is on validation at all their depths, and on test at those that they may serve: an adapter
    that was trained for one depth is tested at that depth only; a robust one at all.

    Args:
        known: what was measured of them on validation at some depths.
    """
    measured: list[list[Evaluation]] = [list(known) for _ in models]
    for split, depths in (
        (Split.VALIDATION, measured_depths(trial)),
        (Split.TEST, selection_depths(trial)),
    ):
        done = {each.score.depth for each in known} if split is Split.VALIDATION else set()
        if split in feeds and (depths := [d for d in depths if d not in done]):
            found = evaluate(
                models,
                feeds[split],
                objective_of(trial),
                split=split,
                depths=depths,
                precision=trial.training.precision,
            )
            for one, more in zip(measured, found, strict=True):
                one += more
    order = list(Split).index
    return [sorted(one, key=lambda e: (order(e.score.split), e.score.depth)) for one in measured]


def _optimiser(trial: Trial, model: AdapterModel) -> torch.optim.Optimizer:
    """Build the optimiser; biases, norms and fusion values are exempt from weight decay."""
    decayed: list[torch.nn.Parameter] = []
    exempt: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            fusion_value = name.startswith("adapter.") and "value" in name
            (exempt if parameter.ndim < 2 or fusion_value else decayed).append(parameter)
    training = trial.training
    groups = [
        {"params": parameters, "weight_decay": decay}
        for parameters, decay in ((decayed, training.weight_decay), (exempt, 0.0))
        if parameters
    ]
    if training.optimiser is Optimiser.SGD:
        # Not fused: that fails where some layers have been dropped in every batch until now.
        return torch.optim.SGD(groups, lr=training.learning_rate, momentum=0.9)
    kind = torch.optim.AdamW if training.optimiser is Optimiser.ADAMW else torch.optim.Adam
    return kind(groups, lr=training.learning_rate, fused=True)
