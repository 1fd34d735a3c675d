"""Measure models on a split: all metrics of a task, at one drop depth or at many in one pass."""

from collections.abc import Sequence
from typing import Any

import torch

from adapter_lib.model import AdapterModel
from workers.batches.batching import evaluation_batches
from workers.batches.feeding import Feed
from workers.batches.precision import autocast
from workers.contract.results import Score
from workers.contract.task_card import Split
from workers.contract.trial import Precision
from workers.objectives import Objective


def evaluate(
    models: Sequence[AdapterModel],
    feed: Feed,
    objective: Objective,
    *,
    split: Split,
    depths: Sequence[int],
    precision: Precision = Precision.FLOAT32,
) -> list[list[Score]]:
    """Score each model on one split at each drop depth, in evaluation mode and without gradients.

    Layers without adapters are run once for all depths, and for all models, if there are several
    over one base; what one scores does not depend on the others.
    """
    examples, device = feed.examples, feed.device
    outputs: list[dict[int, list[Any]]] = []
    for model in models:
        model.eval()
        outputs.append({depth: [None] * len(examples) for depth in depths})
    with torch.inference_mode(), autocast(precision, device):
        for indices in evaluation_batches(examples.tokens, device):
            if len(models) == 1:
                found = [objective.predict(models[0], feed, indices, depths=depths)]
            else:
                found = objective.predict_all(models, feed, indices, depths=depths)
            for predicted, output in zip(found, outputs, strict=True):
                for depth, rows in predicted.items():
                    for index, row in zip(indices, rows, strict=True):
                        output[depth][index] = row
    return [
        [
            Score(
                split=split,
                depth=depth,
                rows=len(examples),
                metrics=objective.score(output[depth], examples),
            )
            for depth in depths
        ]
        for output in outputs
    ]
