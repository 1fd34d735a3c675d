"""Measure a model on a split: all metrics of a task, at one drop depth or at many in one pass."""

from collections.abc import Sequence
from typing import Any

import torch

from adapter_lib.model import AdapterModel
from workers.batching import evaluation_batches
from workers.feeding import Feed
from workers.objectives import Objective
from workers.results import Score
from workers.tasks.card import Split

EVALUATION_BATCH = 64


def evaluate(
    model: AdapterModel,
    feed: Feed,
    objective: Objective,
    *,
    split: Split,
    depths: Sequence[int],
    autocast: torch.dtype | None = None,
) -> list[Score]:
    """Score `model` on one split at each drop depth, in evaluation mode and without gradients.

    Layers without adapters are run once for all depths.
    """
    examples, device = feed.examples, feed.device
    model.eval()
    outputs: dict[int, list[Any]] = {depth: [None] * len(examples) for depth in depths}
    with (
        torch.inference_mode(),
        torch.autocast(device.type, dtype=autocast, enabled=autocast is not None),
    ):
        for indices in evaluation_batches(examples.tokens, batch_size=EVALUATION_BATCH):
            predicted = objective.predict(model, feed, indices, depths=depths)
            for depth, rows in predicted.items():
                for index, row in zip(indices, rows, strict=True):
                    outputs[depth][index] = row
    return [
        Score(
            split=split,
            depth=depth,
            rows=len(examples),
            metrics=objective.score(outputs[depth], examples),
        )
        for depth in depths
    ]
