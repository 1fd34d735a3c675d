"""Many tasks over one base in one pass: a batch through all of them, or a task for each example.

Each layer computes all bottlenecks of a batch with two batched products, without a loop over
adapters (`adapter_lib.joint.stacking`). For inference: weights are copied when a `MultiTask` is
built, and later changes to a model's adapter have no effect.

Legend for shapes: b batch, s tokens, d hidden, t tasks, L layers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adapter_lib.errors import ConfigurationError
from adapter_lib.joint.branches import Branches, take_groups
from adapter_lib.joint.stacking import Owners, StackedAdapters
from adapter_lib.model import AdapterModel, apply_head
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone, Batch


@dataclass(frozen=True)
class MixedOutput:
    """What a batch in which each example names its task gives.

    Attributes:
        hidden: last hidden states of all examples, (b, s, d).
        rows: task → its examples' positions in the batch, ascending.
        logits: task → its head's logits for those examples.
    """

    hidden: Tensor
    rows: dict[str, Tensor]
    logits: dict[str, Tensor]


class MultiTask(nn.Module):
    """The adapters and heads of several models that share one backbone.

    Depths, placements, bottleneck sizes, sharing and heads may all differ; a model without adapter
    is a task too.
    """

    def __init__(self, models: Mapping[str, AdapterModel]) -> None:
        """Copy the adapters, on the backbone's device; heads are used as they are.

        Raises:
            ConfigurationError: there is no model, they are over several backbones, or one has a
                fusion.
        """
        super().__init__()
        self.backbone: Backbone = _common_backbone(models)
        self.tasks = tuple(models)
        # A list, since a name could clash with a ModuleDict's own attributes or hold a dot.
        self._heads = nn.ModuleList(model.head for model in models.values())
        self._rows = {task: row for row, task in enumerate(self.tasks)}
        self._stacked = StackedAdapters(
            [_adapter(task, model) for task, model in models.items()],
            layers=self.backbone.layers_count,
        )

    def forward(
        self, batch: Batch, *, drop_depth: int | Mapping[str, int] = 0
    ) -> dict[str, Tensor]:
        """Return each task's logits for every example, as its own model gives them.

        Layers below a task's lowest adapter are run once for all that share them
        (Rücklé et al. 2021, §4.1).

        Args:
            drop_depth: skip the adapters in this many lowest layers, for all tasks or by task;
                tasks that are not named drop none.

        Raises:
            ConfigurationError: a depth is out of range, or there is no such task.
        """
        if isinstance(drop_depth, int):
            drop_depth = dict.fromkeys(self.tasks, drop_depth)
        for task, depth in drop_depth.items():
            self._row(task)
            self._check_depth(depth)
        starts = [
            max(drop_depth.get(task, 0), self._stacked.lowest_layers[row])
            for task, row in self._rows.items()
        ]
        layers = self.backbone.layers_count
        hidden = self._branch(batch, starts)
        return {
            task: self._logits(task, hidden[None if starts[row] == layers else row], batch)
            for task, row in self._rows.items()
        }

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
        for depth in depths:
            self._check_depth(depth)
        owners = tuple(None if task is None else self._row(task) for task in tasks)
        hidden = self.backbone(batch, Branches(self._stacked, owners, depths=depths))
        device = hidden.device
        rows = {
            task: torch.tensor([i for i, own in enumerate(tasks) if own == task], device=device)
            for task in self.tasks
            if task in tasks
        }
        logits = {task: self._logits(task, hidden[i], batch.rows(i)) for task, i in rows.items()}
        return MixedOutput(hidden, rows, logits)

    def _branch(self, batch: Batch, starts: Sequence[int]) -> dict[int | None, Tensor]:
        """Return the last hidden states, (b, s, d), of every task and of the trunk, None.

        Below its start a task is part of the trunk, and stays so if that is L. Where its adapter
        follows the feed-forward block only, it leaves behind that block, otherwise in front of the
        layer. The trunk ends where nothing is left in it.
        """
        layers = self.backbone.layers_count
        h, owners, reached = self.backbone.embed(batch), _TRUNK, 0
        for start in sorted(set(starts) - {layers}):  # L: never leaves
            h = self._run(h, batch, Branches(self._stacked, owners), reached, start)
            now = [row for row, own in enumerate(starts) if own == start]
            early = [row for row in now if row in self._stacked.after_attention(start).changed_by]
            late = [row for row in now if row not in early]
            waiting = any(own > start for own in starts)
            left, source = _leave(owners, early, keep_trunk=waiting or bool(late))
            h = take_groups(h, source, len(owners))
            split = _leave(left, late, keep_trunk=waiting)
            h = self._run(h, batch, Branches(self._stacked, left, split=split), start, start + 1)
            owners, reached = split[0], start + 1
        h = self._run(h, batch, Branches(self._stacked, owners), reached, layers)
        return dict(zip(owners, torch.split(h, len(batch.input_ids)), strict=True))

    def _run(self, h: Tensor, batch: Batch, branches: Branches, start: int, stop: int) -> Tensor:
        groups = len(branches.owners)
        repeated = Batch(batch.input_ids.repeat(groups, 1), batch.attention_mask.repeat(groups, 1))
        return self.backbone.run(h, repeated, start=start, stop=stop, adapter=branches)

    def _logits(self, task: str, h: Tensor, batch: Batch) -> Tensor:
        head = self._heads[self._rows[task]]
        assert isinstance(head, Head)
        return apply_head(head, h, batch, self.backbone)

    def _row(self, task: str) -> int:
        if task not in self._rows:
            raise ConfigurationError(
                f"expected one of the tasks {list(self.tasks)}, found {task!r}"
            )
        return self._rows[task]

    def _check_depth(self, depth: int) -> None:
        if not 0 <= depth <= self.backbone.layers_count:
            raise ConfigurationError(
                f"drop_depth must be 0…{self.backbone.layers_count} for "
                f"{self.backbone.identity.name}, found {depth}"
            )


_TRUNK: Owners = (None,)


def _leave(owners: Owners, rows: Sequence[int], *, keep_trunk: bool) -> tuple[Owners, list[int]]:
    """Return the groups after tasks left the trunk, and which one each of them comes from."""
    stay = [(own, i) for i, own in enumerate(owners) if own is not None or keep_trunk]
    pairs = stay + [(row, owners.index(None)) for row in rows]
    return tuple(own for own, _ in pairs), [i for _, i in pairs]


def _common_backbone(models: Mapping[str, AdapterModel]) -> Backbone:
    backbones = {id(model.backbone): model.backbone for model in models.values()}
    if len(backbones) != 1:
        raise ConfigurationError(
            f"expected models over one backbone, found {len(models)} models over "
            f"{len(backbones)}; load all of them over the same"
        )
    return next(iter(backbones.values()))


def _adapter(task: str, model: AdapterModel) -> Adapter | None:
    if isinstance(model.adapter, Adapter) or model.adapter is None:
        return model.adapter
    raise ConfigurationError(
        f"expected an adapter or none for each task, found a fusion for {task!r}; run it on its own"
    )
