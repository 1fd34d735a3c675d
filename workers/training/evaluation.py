"""Measure models on a split: all metrics of a task, at one drop depth or at many in one pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from adapter_lib.model import AdapterModel
from workers.batches.batching import Indices, evaluation_batches
from workers.batches.feeding import Feed
from workers.batches.precision import autocast
from workers.contract.predictions import Predictions
from workers.contract.results import Score
from workers.contract.task_card import Split
from workers.contract.trial import Precision
from workers.objectives import Objective


@dataclass(frozen=True)
class Evaluation:
    """One split at one drop depth: its score, and what the score was computed from."""

    score: Score
    predictions: Predictions = field(compare=False)

    def as_state(self) -> dict[str, Any]:
        """Return it as plain values and tensors, for a checkpoint."""
        arrays = self.predictions.arrays()
        return {
            "score": self.score.model_dump(mode="json"),
            "predictions": {name: torch.from_numpy(a.copy()) for name, a in arrays.items()},
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> "Evaluation":
        """Return what `as_state` was called on.

        Raises:
            KeyError: the state is of something else.
            ValueError: likewise.
        """
        arrays = {name: tensor.numpy() for name, tensor in state["predictions"].items()}
        return cls(Score.model_validate(state["score"]), Predictions.of_arrays(arrays))


class _Collected:
    """Predictions of one model at one depth as batches bring them, in any order."""

    def __init__(self, rows: int) -> None:
        self._answers: list[Any] = [None] * rows
        self._logits: NDArray[np.float16] | None = None

    def add(self, indices: Indices, found: Predictions) -> None:
        for index, row in zip(indices, found.answers, strict=True):
            self._answers[index] = row
        if found.logits is not None:
            if self._logits is None:
                size = len(self._answers), found.logits.shape[1]
                self._logits = np.empty(size, np.float16)
            self._logits[indices] = found.logits

    def all(self) -> Predictions:
        return Predictions(self._answers, self._logits)


def evaluate(
    models: Sequence[AdapterModel],
    feed: Feed,
    objective: Objective,
    *,
    split: Split,
    depths: Sequence[int],
    precision: Precision = Precision.FLOAT32,
) -> list[list[Evaluation]]:
    """Measure each model on one split at each drop depth, in evaluation mode, without gradients.

    Layers without adapters are run once for all depths, and for all models, if there are several
    over one base; what one scores does not depend on the others.
    """
    examples, device = feed.examples, feed.device
    outputs: list[dict[int, _Collected]] = []
    for model in models:
        model.eval()
        outputs.append({depth: _Collected(len(examples)) for depth in depths})
    with torch.inference_mode(), autocast(precision, device):
        for indices in evaluation_batches(examples.tokens, device):
            if len(models) == 1:
                found = [objective.predict(models[0], feed, indices, depths=depths)]
            else:
                found = objective.predict_all(models, feed, indices, depths=depths)
            for predicted, output in zip(found, outputs, strict=True):
                for depth, rows in predicted.items():
                    output[depth].add(indices, rows)

    def evaluation(depth: int, predictions: Predictions) -> Evaluation:
        metrics = objective.score(predictions.answers, examples)
        score = Score(split=split, depth=depth, rows=len(examples), metrics=metrics)
        return Evaluation(score, predictions)

    return [[evaluation(depth, output[depth].all()) for depth in depths] for output in outputs]
