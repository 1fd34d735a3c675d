"""Measure a model on a split: all metrics of a task, at one drop depth or at many in one pass."""

from collections.abc import Sequence

import numpy as np
import torch

from adapter_lib.model import AdapterModel
from workers.batching import collate, evaluation_batches
from workers.metrics import score
from workers.results import Score
from workers.tasks.card import Split, TaskCard, TaskKind
from workers.warm import Examples

EVALUATION_BATCH = 64


def evaluate(
    model: AdapterModel,
    examples: Examples,
    card: TaskCard,
    *,
    split: Split,
    depths: Sequence[int],
    autocast: torch.dtype | None = None,
) -> list[Score]:
    """Score `model` on one split at each drop depth, in evaluation mode and without gradients.

    Layers without adapters are run once for all depths.
    """
    device = next(model.parameters()).device
    model.eval()
    outputs: dict[int, np.ndarray] = {}
    with (
        torch.inference_mode(),
        torch.autocast(device.type, dtype=autocast, enabled=autocast is not None),
    ):
        for indices in evaluation_batches(examples.tokens, batch_size=EVALUATION_BATCH):
            batch = collate(examples.tokens, indices, device)
            for depth, logits in model.at_depths(batch, depths).items():
                rows = predictions(card, logits.float())
                outputs.setdefault(depth, np.zeros(len(examples.labels), rows.dtype))
                outputs[depth][indices] = rows
    return [
        Score(
            split=split,
            depth=depth,
            rows=len(examples.labels),
            metrics=score(card.metrics, outputs[depth], examples.labels),
        )
        for depth in depths
    ]


def predictions(card: TaskCard, logits: torch.Tensor) -> np.ndarray:
    """Turn logits (b, labels) into class numbers (b,), or values in the task's own range."""
    if card.kind is TaskKind.CLASSIFICATION:
        return logits.argmax(dim=-1).cpu().numpy()
    low, high = card.label_range or (0.0, 1.0)
    return (logits[:, 0].double() * (high - low) + low).cpu().numpy()


def targets(card: TaskCard, labels: np.ndarray) -> torch.Tensor:
    """Turn labels (b,) into what the loss compares with: class numbers, or values scaled to 0…1
    where the card gives a range.
    """
    if card.kind is TaskKind.CLASSIFICATION:
        return torch.as_tensor(labels, dtype=torch.long)
    low, high = card.label_range or (0.0, 1.0)
    return torch.as_tensor((labels - low) / (high - low), dtype=torch.float32)
