"""The models that are timed: random weights, one batch, a training step or an inference pass.

A step is forward, loss, backward, clipping and fused AdamW, as `workers.training.trainer` does
them; collating, logging and measuring are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional
from transformers import AutoConfig, AutoModel

from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    HeadConfig,
    HeadKind,
    Placement,
    bottleneck_from_reduction,
)
from adapter_lib.joint.multitask import MultiTask
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.activations import ActivationsAt
from adapter_lib.transformer.architectures import check_supported
from adapter_lib.transformer.backbone import Backbone, Batch
from workers.batches.precision import autocast
from workers.contract.measurement import (
    ROBUST,
    Action,
    Cell,
    Conditions,
    FusionForm,
    MeasuredBase,
)
from workers.contract.trial import Method
from workers.running.measuring.published_fusion import PublishedFusion

_LEARNING_RATE = 1e-5
_CLIP = 1.0
_LABELS = 2

Labelled = tuple[Batch, torch.Tensor]


def random_backbone(base: MeasuredBase, device: torch.device) -> Backbone:
    """Build a frozen base with random weights from its configuration alone.

    Raises:
        UnsupportedArchitectureError: no file in `adapter_lib.transformer.architectures` describes
            it.
    """
    check_supported(base.config["model_type"])
    model = AutoModel.from_config(AutoConfig.for_model(**base.config), dtype=torch.float32)
    made = Backbone.from_model(model.to(device), name="random", weights_sha256="random")
    return made.to(device)


Run = Callable[[int, Sequence[int]], None]
"""Does micro-batches, by number, at a drop depth."""


@dataclass(frozen=True)
class TimedCell:
    """What can be timed of a cell.

    Attributes:
        depths: at which each repetition runs once.
        micro_batches: of the whole batch.
    """

    run: Run
    depths: Sequence[int]
    micro_batches: int

    def warm_up(self) -> None:
        """Do one micro-batch, after which kernels and memory are ready."""
        self.run(self.depths[0], [0])

    def once(self) -> None:
        """Do the whole batch, at every depth."""
        for depth in self.depths:
            self.run(depth, range(self.micro_batches))


class TimedCells:
    """Builds the cells of one group; those that train nothing of the base share it."""

    def __init__(self, conditions: Conditions, device: torch.device) -> None:
        torch.manual_seed(conditions.seed)
        self._conditions, self._device = conditions, device
        self._frozen = random_backbone(conditions.base, device)
        self._batches: dict[tuple[int, int], list[Labelled]] = {}

    def prepare(self, cell: Cell) -> TimedCell:
        """Build a cell; all of one batch size and length get the same rows."""
        torch.manual_seed(self._conditions.seed)
        batches = self._rows(cell.batch_size, cell.length)
        every = range(self._frozen.layers_count)
        depths = every if cell.drop_depth == ROBUST else [int(cell.drop_depth)]
        make = self._training if cell.action is Action.TRAIN else self._inference
        return TimedCell(make(cell, batches), depths, len(batches))

    def _rows(self, size: int, length: int) -> list[Labelled]:
        """Return a batch of full rows in its micro-batches."""
        if (size, length) not in self._batches:
            draw = torch.Generator().manual_seed(self._conditions.seed)
            vocabulary = self._frozen.token_embedding.shape[0]
            first = min(1000, vocabulary // 2)  # behind padding and other special tokens
            ids = torch.randint(first, vocabulary, (size, length), generator=draw)
            labels = torch.randint(_LABELS, (size,), generator=draw)
            rows = self._conditions.micro_batch_size or size
            self._batches[size, length] = [
                (Batch(part, torch.ones_like(part)).to(self._device), own.to(self._device))
                for part, own in zip(torch.split(ids, rows), torch.split(labels, rows), strict=True)
            ]
        return self._batches[size, length]

    def _model(self, cell: Cell) -> AdapterModel:
        """Return a model of the cell's method, with a head for two classes."""
        backbone = self._frozen
        if cell.method is Method.FULL_FINE_TUNING and cell.action is Action.TRAIN:
            backbone = random_backbone(self._conditions.base, self._device)
            backbone.unfreeze()
        head = Head.over(backbone, HeadConfig(HeadKind.CLASSIFICATION, _LABELS))
        adapter: Adapter | Fusion | None = None
        if cell.method is Method.ADAPTER:
            adapter = Adapter.over(backbone, self._adapter_config(cell.placement))
        elif cell.method is Method.FUSION:
            plain = self._adapter_config(Placement.PFEIFFER)
            sources = {f"source{i}": Adapter.over(backbone, plain) for i in range(cell.adapters)}
            kind = Fusion if cell.form is FusionForm.FOLDED else PublishedFusion
            adapter = kind.over(backbone, FusionConfig(), sources)
        return AdapterModel(backbone, head, adapter).to(self._device)

    def _adapter_config(self, placement: Placement) -> AdapterConfig:
        size = bottleneck_from_reduction(
            hidden_size=self._frozen.hidden_size, reduction_factor=self._conditions.reduction_factor
        )
        return AdapterConfig(size, placement=placement)

    def _inference(self, cell: Cell, batches: Sequence[Labelled]) -> Run:
        models = [self._model(cell) for _ in range(cell.tasks)]
        if len(models) > 1 and not cell.one_by_one:
            own = {f"task{i}": model for i, model in enumerate(models)}
            served: list[torch.nn.Module] = [MultiTask(own).eval()]
        else:
            served = [model.eval() for model in models]

        def infer(depth: int, numbers: Sequence[int]) -> None:
            with torch.inference_mode(), autocast(self._conditions.precision, self._device):
                for number in numbers:
                    for model in served:
                        model(batches[number][0], drop_depth=depth)

        return infer

    def _training(self, cell: Cell, batches: Sequence[Labelled]) -> Run:
        training = Training(self._model(cell), batches, self._conditions, self._device)
        if cell.stored_prefix:
            training.store_prefix(int(cell.drop_depth))
        return training.step


class Training:
    """A model with its optimiser, which does one step after another on the same batch."""

    def __init__(
        self,
        model: AdapterModel,
        batches: Sequence[Labelled],
        conditions: Conditions,
        device: torch.device,
    ) -> None:
        self._model, self._batches = model, batches
        self._conditions, self._device = conditions, device
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._optimiser = torch.optim.AdamW(self._parameters, lr=_LEARNING_RATE, fused=True)
        self._starts: dict[int, ActivationsAt] = {}
        self._frozen_dropout = conditions.frozen_dropout

    def store_prefix(self, depth: int) -> None:
        """Compute once what steps at a depth start from; dropout is off in that part then."""
        entry = self._model.entry(depth)
        assert entry is not None
        self._model.eval()
        with torch.no_grad(), autocast(self._conditions.precision, self._device):
            for number, (batch, _) in enumerate(self._batches):
                stored = self._model.frozen(batch, [entry])[entry]
                self._starts[number] = ActivationsAt(entry, stored)
        self._frozen_dropout = False

    def step(self, depth: int, numbers: Sequence[int]) -> None:
        """Do one step over some micro-batches with `depth` layers dropped."""
        model = self._model
        model.train_from(depth, frozen_dropout=self._frozen_dropout)
        self._optimiser.zero_grad(set_to_none=True)
        for number in numbers:
            batch, labels = self._batches[number]
            with autocast(self._conditions.precision, self._device):
                logits = model(batch, drop_depth=depth, start=self._starts.get(number))
                loss = functional.cross_entropy(logits.float(), labels) / len(numbers)
                if number == numbers[-1] and isinstance(model.adapter, Fusion):
                    loss = loss + model.adapter.regularisation_loss()
            torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._parameters, _CLIP)
        self._optimiser.step()
