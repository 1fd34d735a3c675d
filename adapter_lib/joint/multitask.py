"""Many tasks over one base for inference: a batch through all of them, or a task for each example.

Weights of adapters are copied when a `MultiTask` is built, and later changes to a model's adapter
have no effect. How the models share a pass is in `adapter_lib.joint.joint_pass`.

Legend for shapes: b batch, s tokens, d hidden, L layers.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from adapter_lib.config.configuration import AdapterConfig, Initialisation
from adapter_lib.errors import ConfigurationError
from adapter_lib.joint.joint_pass import common_backbone, hidden_together, run_together
from adapter_lib.joint.part import Part
from adapter_lib.joint.stacked_parameters import StackedParameters, StackShape
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.transformer.backbone import Backbone, Batch

Place = tuple[StackedParameters | None, int]
"""The stack and the row in it where an adapter's weights are; None without adapter."""


@dataclass(frozen=True)
class MixedOutput:
    """What a batch in which each example names its task gives.

    Attributes:
        hidden: last hidden states of all examples, (b, s, d); those of padding mean nothing.
        rows: task → its examples' positions in the batch, ascending.
        logits: task → its head's logits for those examples.
    """

    hidden: Tensor
    rows: dict[str, Tensor]
    logits: dict[str, Tensor]


class MultiTask(nn.Module):
    """The adapters and heads of several models that share one backbone.

    Depths, placements, bottleneck sizes, sharing and heads may all differ; a model without adapter
    is a task too. Adapters that differ in nothing but their sizes and layers share their products;
    groups of other configurations are computed one after the other.
    """

    def __init__(self, models: Mapping[str, AdapterModel]) -> None:
        """Copy the adapters; backbone and heads are used as they are.

        Raises:
            ConfigurationError: there is no model, they are over several backbones, or one has a
                fusion.
        """
        super().__init__()
        self.backbone: Backbone = common_backbone(list(models.values()))
        self.tasks = tuple(models)
        self._models = {task: _with_own_adapter(task, model) for task, model in models.items()}
        # Lists, since a name could clash with a ModuleDict's own attributes or hold a dot.
        self._heads = nn.ModuleList(model.head for model in self._models.values())
        self._adapters = nn.ModuleList(
            model.adapter for model in self._models.values() if model.adapter is not None
        )
        self._places = _stacked(self._models)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        moved: Self = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._places = _stacked(self._models)
        return moved

    def forward(
        self, batch: Batch, *, drop_depth: int | Mapping[str, int] = 0
    ) -> dict[str, Tensor]:
        """Return each task's logits for every example, as its own model gives them.

        Layers below a task's lowest adapter are run once for all that share them
        (Rücklé et al. 2021, §4.1). Where a head reads every token, logits of padding mean nothing.

        Args:
            drop_depth: skip the adapters in this many lowest layers, for all tasks or by task;
                tasks that are not named drop none.

        Raises:
            ConfigurationError: a depth is out of range, or there is no such task.
        """
        if isinstance(drop_depth, int):
            drop_depth = dict.fromkeys(self.tasks, drop_depth)
        for task, depth in drop_depth.items():
            self._check(task, depth)
        mixed = len({model.reads_one_token for model in self._models.values()}) > 1
        parts = [self._part(task, batch, drop_depth.get(task, 0), mixed) for task in self.tasks]
        return dict(zip(self.tasks, run_together(parts), strict=True))

    def mixed(
        self,
        batch: Batch,
        tasks: Sequence[str | None],
        *,
        drop_depth: int | Sequence[int] = 0,
    ) -> MixedOutput:
        """Run a batch in which each example has its own task.

        Args:
            tasks: b of them; None runs the base model and no head.
            drop_depth: of all examples, or one for each.

        Raises:
            ConfigurationError: there are not b tasks or depths, a depth is out of range, or there
                is no such task.
        """
        examples = len(batch.input_ids)
        depths = [drop_depth] * examples if isinstance(drop_depth, int) else list(drop_depth)
        if len(tasks) != examples or len(depths) != examples:
            raise ConfigurationError(
                f"expected a task and a depth for each of {examples} examples, found {len(tasks)} "
                f"tasks and {len(depths)} depths"
            )
        for task, depth in zip(tasks, depths, strict=True):
            self._check(task, depth)
        # A model with all layers dropped is the base alone, whichever it is.
        alone = self.tasks[0], self.backbone.layers_count
        own = [
            alone if task is None else (task, depth)
            for task, depth in zip(tasks, depths, strict=True)
        ]
        device = batch.input_ids.device
        groups = {pair: _positions(own, pair, device) for pair in dict.fromkeys(own)}
        states = hidden_together(
            [self._part(task, batch.rows(i), depth, True) for (task, depth), i in groups.items()]
        )
        hidden = torch.cat(states)[torch.cat(list(groups.values())).argsort()]
        rows = {task: _positions(tasks, task, device) for task in self.tasks if task in tasks}
        logits = {
            task: self._models[task].logits(hidden[i], batch.rows(i)) for task, i in rows.items()
        }
        return MixedOutput(hidden, rows, logits)

    def _part(self, task: str, batch: Batch, depth: int, all_tokens: bool) -> Part:
        stack, row = self._places[task]
        return Part(
            self._models[task], batch, None, depth, stack=stack, row=row, all_tokens=all_tokens
        )

    def _check(self, task: str | None, depth: int) -> None:
        task = self.tasks[0] if task is None else task
        if task not in self._models:
            raise ConfigurationError(
                f"expected one of the tasks {list(self.tasks)}, found {task!r}"
            )
        self._models[task].entries([depth])  # refuses a depth that is out of range


def _with_own_adapter(task: str, model: AdapterModel) -> AdapterModel:
    """Return a model over the same base and head with a copy of the adapter."""
    if not (model.adapter is None or isinstance(model.adapter, Adapter)):
        raise ConfigurationError(
            f"expected an adapter or none for each task, found a fusion for {task!r}; run it on "
            "its own"
        )
    own = deepcopy(model, {id(part): part for part in (model.backbone, model.head)})
    if own.adapter is not None:
        own.adapter.requires_grad_(False)
    return own


def _stacked(models: Mapping[str, AdapterModel]) -> dict[str, Place]:
    """Put adapters side by side where one product can serve them, and return their places."""
    places: dict[str, Place] = dict.fromkeys(models, (None, 0))
    alike: dict[AdapterConfig, dict[str, Adapter]] = {}
    for task, model in models.items():
        if isinstance(model.adapter, Adapter):
            like = replace(
                model.adapter.config,
                bottleneck_size=1,
                layer_sizes=(),
                drop_depth=0,
                leave_out=(),
                dropout=0.0,
                initialisation=Initialisation.BERT,
                initial_std=None,
            )
            alike.setdefault(like, {})[task] = model.adapter
    for like, adapters in alike.items():
        shape = replace(
            like,
            bottleneck_size=max(a.config.size(i) for a in adapters.values() for i in a.kept_layers),
            drop_depth=min(adapter.lowest_layer for adapter in adapters.values()),
        )
        first = models[next(iter(adapters))]
        stack = StackedParameters(first, len(adapters), frozen_shape=StackShape(shape, None))
        for row, task in enumerate(adapters):
            stack.put(row, models[task])
            places[task] = stack, row
    return places


def _positions(where: Sequence[object], wanted: object, device: torch.device) -> Tensor:
    return torch.tensor([i for i, found in enumerate(where) if found == wanted], device=device)
