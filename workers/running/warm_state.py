"""What a worker keeps between trials: the frozen base model, and tokenised tasks."""

from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path

import torch
import transformers

from adapter_lib.model import AdapterModel
from adapter_lib.transformer.backbone import Backbone
from workers.bases.base_models import base_model_folder
from workers.batches.examples import TaskExamples
from workers.batches.feeding import Feeds, plain_feeds
from workers.batches.tokens import tokenizer_for
from workers.contract.decision_points import DecisionPoints
from workers.contract.fast_path import FastPath
from workers.contract.limits import Limits
from workers.contract.paths import user_cache
from workers.contract.results import PrefixUse
from workers.contract.spending import Phase, Spent, Stopwatch
from workers.contract.task_card import Split
from workers.contract.trial import BaseModelRef, Method, Trial
from workers.errors import BaseModelSourceError
from workers.joint.pack_width import PackWidth
from workers.objectives import objective_of
from workers.prefix.cache import PrefixCache
from workers.prefix.store import ArrayStore
from workers.running.accelerator import claim
from workers.running.memory import keep_freed_memory
from workers.tasks.load import load_task
from workers.training.depths import wanted_cut_points
from workers.training.pruning import AttentionMemo

KEPT_TASKS = 16
_STORED_SHARE = 0.25
"""Of the memory that a worker may use of a GPU, what frozen activations may take."""


class WarmState:
    """The caches of one worker process. No trial's result depends on what is in it.

    Attributes:
        memory_bytes: what this worker may use of its GPU; None without one.
        limits: how long each trial may take.
        keep_predictions: whether trials write what they say of each row.
        decisions: when trials may be asked to stop; None where nobody asks.
        attention: what was measured of fusions that are pruned one by one.
        started: what the start of this process took; None once a trial has counted it.
    """

    def __init__(
        self,
        device: torch.device,
        fast_path: FastPath | None = None,
        limits: Limits | None = None,
        *,
        gpu_share: float = 1.0,
        keep_predictions: bool = True,
        decisions: DecisionPoints | None = None,
    ) -> None:
        """Begin with empty caches.

        Args:
            gpu_share: of the GPU that `device` is, what this worker may use of its memory.

        Raises:
            WorkerError: there is no such device.
        """
        transformers.logging.set_verbosity_error()  # its report of unused pooler weights
        transformers.logging.disable_progress_bar()
        if device.type == "cpu":
            keep_freed_memory()
        self.device, self.memory_bytes = claim(device, gpu_share)
        self.fast_path = fast_path or FastPath()
        self.limits = limits or Limits()
        self.keep_predictions = keep_predictions
        self.decisions = decisions
        self._prefixes: PrefixCache | None = None
        if self.fast_path.enabled and self.fast_path.cache_gib > 0:
            room = int((self.memory_bytes or 0) * _STORED_SHARE)
            self._prefixes = PrefixCache(_store(self.fast_path), device_bytes=room)
        self.attention = AttentionMemo()
        self.started: Spent | None = None
        self._widths: dict[Hashable, PackWidth] = {}
        self._backbones: OrderedDict[str, Backbone] = OrderedDict()
        self._tasks: OrderedDict[tuple[object, ...], TaskExamples] = OrderedDict()

    def stopwatch(self) -> Stopwatch:
        """Return a trial's stopwatch; the first trial's begins with the start of the process."""
        made = Stopwatch()
        if self.started is not None:
            made.add(Phase.START, self.started)
            self.started = None
        return made

    def width(self, of: Hashable) -> PackWidth:
        """Return how many trials of one `pack_key` are trained in one pass, and what it learnt."""
        if of not in self._widths:
            wanted = self.fast_path.pack_width if self.fast_path.enabled else 1
            self._widths[of] = PackWidth(wanted, self.device, memory_bytes=self.memory_bytes)
        return self._widths[of]

    def backbone(self, ref: BaseModelRef) -> Backbone:
        """Return the frozen base model, loading it on first use; the last one used stays.

        Raises:
            BaseModelSourceError: it is not the model that was planned.
        """
        if ref.identity not in self._backbones:
            self._backbones.clear()
            backbone = Backbone.from_folder(base_model_folder(ref), name=ref.source)
            found = (backbone.layers_count, backbone.hidden_size)
            if found != (ref.layers, ref.hidden_size):
                raise BaseModelSourceError(
                    f"{ref.source}: expected {ref.layers} layers of size {ref.hidden_size} as the "
                    f"sweep declares, found {found[0]} of size {found[1]}; correct the sweep"
                )
            backbone.own_kernels = self.fast_path.enabled
            self._backbones[ref.identity] = backbone.to(self.device)
        return self._backbones[ref.identity]

    def feeds(self, trial: Trial, model: AdapterModel) -> tuple[Feeds, PrefixUse | None]:
        """Return the trial's splits on their way into its model, and what is taken from storage.

        Without fast path, the model computes every token in every layer from now on.
        """
        splits = self.task(trial).splits
        model.all_tokens_in_top_layer = not self.fast_path.enabled
        wanted = wanted_cut_points(trial, model)
        if self._prefixes is None or not any(wanted.values()):
            return plain_feeds(splits, self.device), None
        return self._prefixes.feeds(trial, model, splits, wanted)

    def task(self, trial: Trial) -> TaskExamples:
        """Return the trial's task, tokenised for its base model and maximal length."""
        key = (
            trial.base.identity,
            trial.task.fingerprint,
            trial.training.max_length,
            trial.method is Method.PRETRAINING,
        )
        if key not in self._tasks:
            self._tasks[key] = _prepare(trial)
            while len(self._tasks) > KEPT_TASKS:
                self._tasks.popitem(last=False)
        self._tasks.move_to_end(key)
        return self._tasks[key]


def _store(fast_path: FastPath) -> ArrayStore:
    folder = fast_path.cache_folder
    path = user_cache() / "prefix" if folder is None else Path(folder).expanduser()
    return ArrayStore(path, budget=int(fast_path.cache_gib * 2**30))


def _prepare(trial: Trial) -> TaskExamples:
    data = load_task(trial.task)
    tokenizer = tokenizer_for(base_model_folder(trial.base))
    objective, length = objective_of(trial), trial.training.max_length
    splits = {
        split: objective.encode(tokenizer, rows, max_length=length)
        for split, rows in data.splits.items()
    }
    baseline = objective.majority(data.splits[Split.TRAIN], data.splits[Split.VALIDATION])
    readings = {split: objective.reading(examples) for split, examples in splits.items()}
    return TaskExamples(splits, baseline, readings, data.oddities)
